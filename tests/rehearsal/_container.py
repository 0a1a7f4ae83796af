"""A container for a session: one core, a hard limit on memory, and a measure of what the session used.

It is a memory control group of version 1. As in a real container, its processes see the group as the root of all
groups, so that a program which asks for the limit finds it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup/memory")
ENTER = f'echo $$ >"$1/cgroup.procs" && mount --bind "$1" {MOUNT} && shift && exec "$@"'

# The kind of a process is given by the first of these words that is in its command line.
KINDS = {
    "ipykernel_launcher": "kernel",
    "multiprocessing.spawn": "workers",
    "jupyter": "server",
}
OTHER = "other"


def obstacle() -> str:
    """Why no container can be made here; empty where one can."""
    if sys.platform != "linux":
        return "it needs Linux"
    if os.geteuid() != 0:
        return "it needs root, to make a control group"
    if not (MOUNT / "memory.limit_in_bytes").exists():
        return f"it needs memory control groups of version 1 at {MOUNT}"
    for program in ("unshare", "taskset", "mount"):
        if shutil.which(program) is None:
            return f"it needs the program {program}"
    try:
        Container(2**30).remove()
    except OSError as error:
        return f"a control group cannot be made: {error}"
    return ""


class Container:
    """A control group with a limit in bytes. Call `remove` at the end: it kills the processes that are left."""

    def __init__(self, limit: int) -> None:
        self.folder = MOUNT / f"dqnkit-rehearsal-{os.getpid()}"
        self.folder.mkdir()
        (self.folder / "memory.limit_in_bytes").write_text(str(limit))
        with_swap = self.folder / "memory.memsw.limit_in_bytes"  # or the rest would be swapped to the disk
        if with_swap.exists():
            with_swap.write_text(str(limit))

    def start(
        self, command: Sequence[str], core: int, cwd: Path, variables: dict[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program in the container, on one core."""
        enter = [
            "taskset",
            "--cpu-list",
            str(core),
            "unshare",
            "--mount",
            "bash",
            "-c",
            ENTER,
            "enter",
            str(self.folder),
        ]
        with log.open("w") as file:
            return subprocess.Popen([*enter, *command], cwd=cwd, env=variables, stdout=file, stderr=file)

    def processes(self) -> set[int]:
        """The ids of the processes in the container."""
        return {int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()}

    def forget_peak(self) -> None:
        """Let `peak` begin again."""
        (self.folder / "memory.max_usage_in_bytes").write_text("0")

    def peak(self) -> int:
        """The most memory charged to the group at one time, in bytes. Pages of files count, which can be dropped."""
        return int((self.folder / "memory.max_usage_in_bytes").read_text())

    def killed(self) -> int:
        """How many processes the kernel has killed because memory ran out."""
        count = re.search(r"^oom_kill (\d+)$", (self.folder / "memory.oom_control").read_text(), re.MULTILINE)
        return int(count[1]) if count else 0

    def wait_for_end(self, others: set[int], seconds: float) -> set[int]:
        """Wait until only the ``others`` are left; return the processes that did not end in time."""
        deadline = time.monotonic() + seconds
        while (left := self.processes() - others) and time.monotonic() < deadline:
            time.sleep(0.1)
        return left

    def remove(self) -> None:
        """Kill the processes that are left, and remove the group."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.wait_for_end(set(), 10)
        self.folder.rmdir()


class PeakMemory(threading.Thread):
    """Watches the proportional set size of all processes of a container, until `stop`."""

    def __init__(self, container: Container) -> None:
        super().__init__(daemon=True)
        self.container = container
        self.largest: dict[str, int] = {}  # kind of process -> bytes, at the time of the largest sum
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.wait(0.2):
            now: dict[str, int] = {}
            for pid in self.container.processes():
                kind, size = _kind_and_size(pid)
                now[kind] = now.get(kind, 0) + size
            if sum(now.values()) > sum(self.largest.values()):
                self.largest = now

    def stop(self) -> dict[str, int]:
        """Stop; return the reading with the largest sum."""
        self._stop_asked.set()
        self.join()
        return self.largest


def _kind_and_size(pid: int) -> tuple[str, int]:
    """Kind and size of a process; size 0 if it has just ended."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return OTHER, 0
    kind = next((kind for word, kind in KINDS.items() if word in command), OTHER)
    size = re.search(r"^Pss: +(\d+) kB$", rollup, re.MULTILINE)
    return kind, int(size[1]) * 1024 if size else 0
