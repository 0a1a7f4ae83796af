"""The course's notebooks: where they are, a copy of them for the reader, and JupyterLab opened at them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from dqnkit.errors import DQNKitError, MissingExtraError

PACKAGE = Path(__file__).resolve().parent
DEFAULT_FOLDER = "dqnkit-course"
# left behind by JupyterLab, Python and training in a folder of notebooks, or made for those who write the course
NOT_THE_COURSE = {"dqnkit-progress.json", ".ipynb_checkpoints", ".virtual_documents", "__pycache__", "runs", "source"}


def find_notebooks() -> Path:
    """The folder of the course's notebooks: inside an installed package, beside the package in a checkout.

    Raises:
        DQNKitError: it is in neither place; with what to do.
    """
    installed, checkout = PACKAGE / "course", PACKAGE.parent / "notebooks"
    if installed.is_dir():
        return installed
    if checkout.is_dir() and is_checkout():
        return checkout
    raise DQNKitError(
        f"the notebooks of the course are neither in {installed} nor in {checkout}. Install the kit again "
        "(pip install --force-reinstall --no-deps dqnkit) or run it in a whole checkout of its repository"
    )


def is_checkout() -> bool:
    """Whether the package lies in a checkout of the repository, where the notebooks are the reader's own."""
    return (PACKAGE.parent / "pyproject.toml").is_file()


def copy_course(source: Path, folder: Path) -> list[Path]:
    """Copy the course into a folder, where the reader works on it. Nothing that exists there is touched.

    Args:
        source: the notebooks.
        folder: where they go; made if it does not exist.

    Returns:
        the files that were new.

    Raises:
        DQNKitError: it cannot be written there: ``folder`` is a file, it is not allowed, the disk is full.
    """
    copied = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in _course_files(source):
            target = folder / file.relative_to(source)
            if os.path.lexists(target):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            # under another name first, so that a copy that was cut short is not taken for the reader's own file
            scratch = target.with_name(f".{target.name}.part")
            shutil.copyfile(file, scratch)
            os.replace(scratch, target)
            copied.append(target)
    except OSError as error:
        raise DQNKitError(f"the course cannot be copied to {folder} ({error}): name another folder") from error
    return copied


def open_lab(port: int = 8888, browser: bool = True, folder: str | Path | None = None) -> int:
    """Open JupyterLab at the course, and wait until it ends.

    In a checkout it opens the notebooks where they are. Installed from a wheel, or with a ``folder``, it first copies
    them there, so that the reader's work is apart from the package.

    Args:
        port: where JupyterLab answers; the next free one if it is taken.
        browser: whether to open one.
        folder: where the reader keeps the course; ``dqnkit-course`` in the current folder for an installed wheel.

    Returns:
        the exit code of JupyterLab; 0 after Ctrl-C.

    Raises:
        MissingExtraError: JupyterLab is not installed.
        DQNKitError: the notebooks are not found, or cannot be copied.
    """
    if find_spec("jupyterlab") is None:
        raise MissingExtraError("JupyterLab", "notebooks")
    course = find_notebooks()
    if folder is not None or not is_checkout():
        source, course = course, Path(folder or DEFAULT_FOLDER).resolve()
        copied = copy_course(source, course)
        print(f"The course is in {course} ({len(copied)} new files; nothing that was there is changed).")
    return _run_until_interrupted(_lab_command(port, browser, course))


def _course_files(source: Path) -> Iterator[Path]:
    for file in sorted(source.rglob("*")):
        if file.is_file() and NOT_THE_COURSE.isdisjoint(file.relative_to(source).parts):
            yield file


def _lab_command(port: int, browser: bool, course: Path) -> list[str]:
    # the module and not `jupyter lab`, which looks for a script on the PATH and may find another Python's
    command = [sys.executable, "-m", "jupyterlab", f"--port={port}", f"--ServerApp.root_dir={course}"]
    command += ["-y"]  # Ctrl-C ends it without a question
    if not browser:
        command += ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command += ["--allow-root"]  # in a container everybody is; the server listens on this computer only
    return command


def _run_until_interrupted(command: list[str]) -> int:
    """Run a program that Ctrl-C, which reaches it too, is the usual way to end."""
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:
        _wait_for_end(process)
        return 0


def _wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was asked to end; ask it again, then make it."""
    for insist in (process.terminate, process.kill):
        try:
            process.wait(timeout=5)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            insist()
    process.wait()
