"""What this computer has: Python, cores, memory, disk, the port of JupyterLab."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from pathlib import Path

import dqnkit
from dqnkit.doctor.findings import Finding
from dqnkit.doctor.limits import available_cores, memory
from dqnkit.doctor.requirements import is_colab
from dqnkit.notebooks import PACKAGE

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
JUPYTER_PORT = 8888
GIB = 2**30


def examine() -> list[Finding]:
    """All of it; takes no time."""
    findings = [
        python(),
        Finding("platform", platform.platform()),
        Finding("dqnkit", f"{dqnkit.__version__} in {PACKAGE}"),
        cores(),
        free_memory(),
        disk(Path.cwd()),
    ]
    if not is_colab():  # its page is no JupyterLab, and asks for no port
        findings.append(port(JUPYTER_PORT))
    return findings


def python() -> Finding:
    """Whether the kit supports this Python."""
    value = f"{platform.python_version()} ({sys.executable})"
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return Finding("Python", value)
    oldest, newest = (".".join(map(str, version)) for version in (OLDEST_PYTHON, NEWEST_PYTHON))
    return Finding("Python", value, "problem", f"make a virtual environment with Python {oldest} to {newest}")


def cores() -> Finding:
    """How many cores work for us."""
    ours, all_cores = available_cores(), os.cpu_count() or 1
    return Finding("cores", f"{ours:g}" + (f" of the computer's {all_cores}" if ours < all_cores else ""))


def free_memory() -> Finding:
    """Whether a training run has room in memory."""
    limit, available = memory()
    if limit == 0:
        return Finding("memory", "not known (pip install psutil)")
    value = f"{available / GIB:.1f} GiB free of {limit / GIB:.1f} GiB"
    if available < GIB:
        return Finding("memory", value, "advice", "close other programs or notebooks: training takes about 1 GiB")
    return Finding("memory", value)


def disk(folder: Path) -> Finding:
    """Whether runs can be kept in a folder."""
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
        if os.name == "posix":  # as JupyterLab does; elsewhere it would take a port that is in use
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", number))
        except OSError:
            return False
        return True
