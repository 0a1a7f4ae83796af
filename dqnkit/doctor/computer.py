"""What this computer has: Python, cores, memory, disk, the port of JupyterLab."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from pathlib import Path

import dqnkit
from dqnkit.course_folder import PACKAGE
from dqnkit.doctor.findings import Finding
from dqnkit.doctor.resources import Resources, resources
from dqnkit.hosted import is_colab

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
JUPYTER_PORT = 8888
GIB = 2**30


def examine() -> list[Finding]:
    """All of it; takes about a second."""
    ours = resources()
    findings = [
        python(),
        Finding("platform", platform.platform()),
        Finding("dqnkit", f"{dqnkit.__version__} in {PACKAGE}"),
        cores(ours),
        free_memory(ours),
        disk(Path.cwd()),
    ]
    if not is_colab():  # it shows its own page instead of JupyterLab's, so no port is needed
        findings.append(port(JUPYTER_PORT))
    return findings


def python() -> Finding:
    """Whether the kit supports this Python."""
    value = f"{platform.python_version()} ({sys.executable})"
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return Finding("Python", value)
    oldest, newest = (".".join(map(str, version)) for version in (OLDEST_PYTHON, NEWEST_PYTHON))
    return Finding("Python", value, "problem", f"make a virtual environment with Python {oldest} to {newest}")


def cores(ours: Resources | None) -> Finding:
    """How many cores this process may use."""
    in_computer = os.cpu_count() or 1
    if ours is None:
        return Finding("cores", f"{in_computer} in the computer (with Dask: how many of them a container allows)")
    return Finding("cores", f"{ours.cores}" + (f" of the computer's {in_computer}" if ours.cores < in_computer else ""))


def free_memory(ours: Resources | None) -> Finding:
    """Whether a training run has room in memory."""
    if ours is None:
        return Finding("memory", "not known: Dask, which would tell, is not installed or did not answer")
    value = f"{ours.free / GIB:.1f} GiB free of {ours.memory / GIB:.1f} GiB"
    if ours.free < GIB:
        return Finding("memory", value, "advice", "close other programs or notebooks: training takes about 1 GiB")
    return Finding("memory", value)


def disk(folder: Path) -> Finding:
    """Whether the folder has room for runs and may be written."""
    free = shutil.disk_usage(folder).free
    value = f"{free / GIB:.1f} GiB free in {folder}"
    if not os.access(folder, os.W_OK):
        return Finding("disk", f"{folder} is not ours to write", "advice", "go to a folder of your own, for the runs")
    if free < GIB:
        return Finding("disk", value, "advice", "make room, or work elsewhere: a run takes up to 1 GiB")
    return Finding("disk", value)


def port(number: int) -> Finding:
    """Whether JupyterLab gets the port that it asks for first."""
    if _is_free(number):
        return Finding(f"port {number}", "free, for JupyterLab")
    return Finding(f"port {number}", "taken, by another JupyterLab perhaps: `dqnkit lab` uses the next free one")


def _is_free(number: int) -> bool:
    with socket.socket() as server:
        if os.name == "posix":  # as JupyterLab does; on Windows this option would take a port that is in use
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", number))
        except OSError:
            return False
        return True
