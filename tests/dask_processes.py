"""Runs ``dask scheduler`` and ``dask worker`` as separate processes on the loopback, as users do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

START_SECONDS = 60  # for a process to start on a busy machine

# Python runs a module named sitecustomize when it starts. This one hides some installed packages, so that no second
# environment is needed. It does not hide packages in zip files, because dqnkit is sent to workers as one.
HIDE = """
import os, sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if path is None and name in os.environ["HIDDEN"].split():
            path = [entry for entry in sys.path if entry.endswith(".zip")]
        return PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
"""


def environment(folder: Path, hidden: Sequence[str] = (), certificates: Path | None = None) -> dict[str, str]:
    """Environment variables for a process that cannot import the hidden packages, or that uses certificates."""
    variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if hidden:
        (folder / "hide").mkdir(exist_ok=True)
        (folder / "hide/sitecustomize.py").write_text(HIDE)
        paths = [str(folder / "hide"), os.environ.get("PYTHONPATH", "")]
        variables |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "HIDDEN": " ".join(hidden)}
    if certificates:
        variables["DASK_CONFIG"] = str(certificates)
    return variables


@contextmanager
def scheduler(folder: Path, certificates: Path | None = None) -> Iterator[tuple[str, psutil.Process]]:
    """Start a scheduler; yields its address and its process."""
    file = folder / "scheduler.json"
    command = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)]
    variables = environment(folder, certificates=certificates)
    with _dask([*command, "--dashboard-address", "127.0.0.1:0"], folder / "scheduler.log", variables) as process:
        yield json.loads(_wait_for(file, process))["address"], process


@contextmanager
def worker(
    address: str, folder: Path, name: str, hidden: Sequence[str] = (), certificates: Path | None = None
) -> Iterator[psutil.Process]:
    """Start a worker with a nanny; yields the nanny's process."""
    local = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--local-directory", str(folder / name)]
    command = ["worker", address, "--name", name, "--nthreads", "1", "--death-timeout", str(START_SECONDS), *local]
    with _dask(command, folder / f"{name}.log", environment(folder, hidden, certificates)) as process:
        yield process


@contextmanager
def _dask(command: list[str], log: Path, variables: dict[str, str]) -> Iterator[psutil.Process]:
    """Run a command until the end of the ``with`` block, then check that none of its processes is left."""
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command],
            stdout=file,
            stderr=file,
            cwd=log.parent,
            env=variables,
            start_new_session=True,
        )
    family = [psutil.Process(process.pid)]
    try:
        yield family[0]
        family += family[0].children(recursive=True)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert_gone(family)


def assert_gone(processes: Sequence[psutil.Process], seconds: float = 30) -> None:
    """Check that each process has ended or ends soon. A zombie process counts as ended."""
    deadline = time.monotonic() + seconds
    while alive := [process for process in processes if is_alive(process)]:
        assert time.monotonic() < deadline, f"left behind: {alive}"
        time.sleep(0.05)


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def listening(processes: Sequence[psutil.Process]) -> list[tuple[str, int]]:
    """(IP address, port) of every socket on which one of the processes, or a child of one, accepts connections."""
    family = {child for process in processes for child in (process, *process.children(recursive=True))}
    return [
        (connection.laddr.ip, connection.laddr.port)
        for process in family
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]


def _wait_for(file: Path, process: psutil.Process) -> str:
    """Wait until a process has written a JSON file, and return the text."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        text = file.read_text() if file.exists() else ""
        if text.rstrip().endswith("}"):
            return text
        assert is_alive(process), file.with_suffix(".log").read_text()
        assert time.monotonic() < deadline, f"no {file} after {START_SECONDS} s"
        time.sleep(0.05)
