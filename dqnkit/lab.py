"""JupyterLab opened at the course: ``dqnkit lab``."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dqnkit.classroom import start_page
from dqnkit.course_folder import copy_course, find_notebooks, is_checkout, jupyter_config
from dqnkit.errors import DQNKitError, MissingExtraError
from dqnkit.files import read_object

DEFAULT_FOLDER = "dqnkit-course"
SOCKET = "x" * 50  # as long as the names of a kernel's sockets in Jupyter: kernel-<36 characters>-ipc-1


def open_lab(port: int = 8888, browser: bool | None = None, folder: str | Path | None = None) -> int:
    """Open JupyterLab at the course's start page, and wait until it ends.

    In a checkout it opens the notebooks where they are. Installed from a wheel, or with a ``folder``, it first copies
    them there or updates the copy, so that the reader's work is kept outside the package.

    Args:
        port: the port of JupyterLab; if it is taken, the next free one.
        browser: whether to open a browser; by default, if there are a screen and a browser.
        folder: where the reader keeps the course; for an installed wheel ``dqnkit-course`` in the current folder.

    Returns:
        the exit code of JupyterLab; 0 after Ctrl-C, 128 and the number of the signal that ended this process.

    Raises:
        MissingExtraError: JupyterLab is not installed.
        DQNKitError: the notebooks are not found, or the folder cannot be written.
    """
    if find_spec("jupyterlab") is None:
        raise MissingExtraError("JupyterLab", "notebooks")
    course = bring_course(folder)
    away = _why_no_browser()
    command = _lab_command(port, not away if browser is None else browser, course)
    return _run_until_interrupted(command, port, away, course)


def bring_course(folder: str | Path | None = None) -> Path:
    """Bring the reader's folder of the course and its start page up to date, and return the folder; see `open_lab`.

    Raises:
        DQNKitError: the notebooks are not found, or the folder cannot be written.
    """
    course = find_notebooks()
    if folder is not None or not is_checkout():
        source, course = course, Path(folder or DEFAULT_FOLDER).resolve()
        new, updated, beside = copy_course(source, course)
        print(f"The course is in {course} ({len(new)} new files, {len(updated)} updated; your own work is as it was).")
        for path in beside:
            print(f"  You have changed this file; the kit's newer version is beside it: {path.relative_to(course)}")
    if start_page.is_readers_own(course):
        print(f"  {start_page.NAME} there is your own and stays as it is: the course's start page is not written")
        return course
    try:
        start_page.write_start_page(course)
    except OSError as error:
        raise DQNKitError(f"{course} cannot be written ({error}): name another folder, dqnkit lab FOLDER") from error
    return course


def _why_no_browser() -> str:
    """Why no browser can be opened for the reader on this computer; empty where one can."""
    if os.environ.get(
        "BROWSER"
    ):  # the reader's choice; VS Code sets it to a command that opens the browser on the reader's computer
        return ""
    if os.environ.get("SSH_CONNECTION"):
        return "You are on another computer"
    has_screen = sys.platform != "linux" or not {"DISPLAY", "WAYLAND_DISPLAY"}.isdisjoint(os.environ)
    try:
        webbrowser.get()
    except webbrowser.Error:
        has_screen = False
    return "" if has_screen else "There is no browser on this computer"  # without a screen there are only text browsers


def _lab_command(port: int, browser: bool, course: Path) -> list[str]:
    from jupyter_core.paths import jupyter_runtime_dir  # comes with JupyterLab

    # not `jupyter lab`: it takes a script from the PATH, perhaps that of another Python
    command = [sys.executable, "-m", "jupyterlab", f"--port={port}", f"--ServerApp.root_dir={course}"]
    command += [f"--LabApp.default_url=/lab/tree/{start_page.NAME}"]
    command += ["--log-level=ERROR", "--LabApp.log_level=ERROR"]
    command += ["-y"]  # Ctrl-C ends it and asks nothing
    if _takes_sockets(Path(jupyter_runtime_dir())):
        command += ["--KernelManager.transport=ipc"]  # over TCP, other users of this computer could listen
    if shutil.which("snap"):  # Ubuntu's browsers may not read the hidden folder with the file that would send them here
        command += ["--ServerApp.use_redirect_file=False"]
    if not browser:
        command += ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]  # usual in a container; the server listens only on this computer
    return command


def _takes_sockets(folder: Path) -> bool:
    """Whether sockets can be made in a folder. Windows, some file systems and long paths do not allow it."""
    if not hasattr(socket, "AF_UNIX") or os.name != "posix":
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(folder / SOCKET))
        (folder / SOCKET).unlink()
    except OSError:
        return False
    return True


def _run_until_interrupted(command: list[str], port: int, away: str, course: Path) -> int:
    """Run JupyterLab, print its address, and wait until it ends, usually by Ctrl-C, which it receives too.

    A signal that ends this process, as of a closed terminal, is passed on: JupyterLab and its kernels end as well.
    """
    config_path = [str(jupyter_config()), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(
        24
    )  # a token that JupyterLab makes itself, it also prints
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(config_path), "JUPYTER_TOKEN": token}
    print("Starting JupyterLab, which takes some seconds ...", flush=True)
    with _ending_signals_raised():
        process = subprocess.Popen(command, env=environment)
        try:
            if server := _wait_until_it_answers(process, course):
                print(_where_it_is(server, port, away), flush=True)
            return process.wait()
        except KeyboardInterrupt:
            _wait_for_end(process)
            return 0
        except SystemExit as ended:
            process.terminate()
            _wait_for_end(process)
            return int(str(ended.code))


@contextmanager
def _ending_signals_raised() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP raise SystemExit instead of ending this process at once."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signals = [signal.SIGTERM, *filter(None, [getattr(signal, "SIGHUP", None)])]  # Windows has only the first
    earlier = {each: signal.getsignal(each) for each in signals}
    for each in signals:
        if earlier[each] != signal.SIG_IGN:  # nohup ignores SIGHUP
            signal.signal(each, end)
    try:
        yield
    finally:
        for each in signals:
            signal.signal(each, earlier[each])


def _wait_until_it_answers(process: subprocess.Popen[bytes], course: Path) -> dict[str, Any]:
    """What the server writes about itself in its file: url, port, token; empty where it ended before that.

    The file's name contains the server's process id. On Windows that is not the id of the process that we started, and
    an old file may have the same id. So the file is recognized by the folder in it and by its age.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    began, folder = time.time() - 1.0, Path(jupyter_runtime_dir())  # file systems round times
    while process.poll() is None:
        for file in folder.glob("jpserver-*.json"):
            with suppress(OSError, ValueError):  # just removed, or half written
                server = read_object(file)
                if server.get("root_dir") == str(course) and file.stat().st_mtime >= began:
                    return server
        time.sleep(0.1)
    return {}


def _where_it_is(server: dict[str, Any], wanted_port: int, away: str) -> str:
    """What to tell the reader: the address to open, and how to reach it from a browser on another computer."""
    address = f"{server['url']}lab/tree/{start_page.NAME}"
    if server["token"]:  # the reader's own configuration may use a password instead, or nothing
        address += f"?token={server['token']}"
    lines = ["", f"The course is open at\n\n    {address}\n"]
    if server["port"] != wanted_port:
        lines.insert(1, f"Port {wanted_port} is taken; this is port {server['port']}.")
    if away and os.environ.get("SSH_CONNECTION"):
        here = os.environ["SSH_CONNECTION"].split()[2]
        host = urlsplit(server["url"]).hostname
        tunnel = f"ssh -N -L {server['port']}:{host}:{server['port']} {getpass.getuser()}@{here}"
        lines.append(f"{away} than your browser: first make a tunnel, in a terminal at home, and leave it open:")
        lines.append(f"\n    {tunnel}\n")
    elif away:
        lines.append(f"{away}: open that address in one that reaches it.")
    lines.append("Ctrl-C ends it.")
    return "\n".join(lines)


def _wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was asked to end; ask again after 10 s, and kill it after 20 s."""
    for insist in (process.terminate, process.kill):
        try:
            process.wait(timeout=10)
        except (subprocess.TimeoutExpired, KeyboardInterrupt, SystemExit):
            insist()
    process.wait()
