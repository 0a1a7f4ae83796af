"""Starts one learner process on a Dask worker and watches it. Runs there, in the worker's event loop; no TensorFlow.

The driver calls the functions below through ``client.run(..., workers=[address])``. None of
them raises when the process is gone: they return `Ended` instead of its answer.

The process is killed when the driver says so. It ends by itself when nothing came from the driver for as long as the
lease, and when the worker dies (see `dqnkit.cluster.learner_process`). If it is stopped and cannot end by itself, it
is killed from here after LATER leases.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from dqnkit.cluster.messages import KEEP_ALIVE, LENGTH

LOG_TAIL = 4_000  # bytes of the log that come back on failure
PATIENCE = 10.0  # seconds that a process may take to be gone
LATER = 1.5  # leases


class Ended(NamedTuple):
    """A process that is gone: how it ended, and, from `stop`, the end of its log."""

    how: str
    log: str


class _Supervisor:
    """A learner process and what belongs to it."""

    def __init__(self, process: asyncio.subprocess.Process, log: IO[bytes], lease: float) -> None:
        self.process = process
        self.log = log
        self.lease = lease
        self.timer = asyncio.get_running_loop().call_later(LATER * lease, self.kill)

    def kill(self) -> None:
        """SIGKILL: a process that waits for a peer in TensorFlow ignores SIGTERM."""
        if self.process.returncode is None:
            self.process.kill()

    def send(self, data: bytes) -> None:
        """Put bytes on their way to the process. That they came says that the driver lives."""
        self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(LATER * self.lease, self.kill)
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    async def ask(self, message: bytes) -> bytes | Ended:
        """Send a message and wait for the answer to it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.send(len(message).to_bytes(LENGTH, "little") + message)
            await self.process.stdin.drain()
            length = int.from_bytes(await self.process.stdout.readexactly(LENGTH), "little")
            return await self.process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):  # it has closed its ends of the pipes
            await _within_patience(self.process)
            return Ended(_how(self.process.returncode), "")

    async def stop(self) -> Ended:
        """Kill the process, if it has not ended before, and wait until it is gone."""
        how = _how(self.process.returncode)
        self.timer.cancel()
        self.kill()
        await _within_patience(self.process)
        return Ended(how, self.tail())

    def tail(self) -> str:
        """The end of the log, read without moving the position at which the process writes."""
        start = max(0, os.fstat(self.log.fileno()).st_size - LOG_TAIL)
        return os.pread(self.log.fileno(), LOG_TAIL, start).decode(errors="replace")


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the worker's log says more than that `ask` or `keep` was called, as happens all the time."""
    return record.args not in (("ask",), ("keep",))


_supervisors: dict[str, _Supervisor] = {}  # of this worker, by the driver's name for the process


async def free_port() -> int:
    """A TCP port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


async def start(name: str, tf_config: dict[str, Any], message: bytes, lease: float) -> bytes | Ended:
    """Start a fresh learner process, give it its first message, and wait for the answer to it.

    Args:
        name: under which the other functions find it.
        tf_config: who the processes of the group are, and which of them this is.
        message: the configuration.
        lease: seconds without a word from the driver after which the process ends.
    """
    logging.getLogger("distributed.worker").addFilter(_is_news)
    environment = {**os.environ, "TF_CONFIG": json.dumps(tf_config), "PYTHONPATH": os.pathsep.join(_own_paths())}
    command = [sys.executable, "-m", "dqnkit.cluster.learner_process", "--lease", str(lease)]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the supervisor
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        env=environment,
        limit=2**20,  # bytes that are read ahead
        start_new_session=True,  # Ctrl-C in a terminal is for the driver, who decides
    )
    _supervisors[name] = _Supervisor(process, log, lease)
    return await _supervisors[name].ask(message)


async def ask(name: str, message: bytes) -> bytes | Ended:
    """Send a message to the process and wait for the answer to it."""
    supervisor = _supervisors.get(name)
    return await supervisor.ask(message) if supervisor else Ended("is not there", "")


async def keep(name: str) -> Ended | None:
    """The driver lives: do not end."""
    supervisor = _supervisors.get(name)
    if supervisor is None:
        return Ended("is not there", "")
    if supervisor.process.returncode is not None:
        return Ended(_how(supervisor.process.returncode), "")
    supervisor.send(KEEP_ALIVE)
    return None


async def stop(name: str) -> Ended:
    """Kill the process, if it has not ended before: how it was, and the end of its log."""
    supervisor = _supervisors.pop(name, None)
    if supervisor is None:
        return Ended("is not there", "")
    with supervisor.log:
        return await supervisor.stop()


async def _within_patience(process: asyncio.subprocess.Process) -> None:
    """Wait until a process is gone, but not for ever."""
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), PATIENCE)


def _how(status: int | None) -> str:
    if status is None:
        return "was running"
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _own_paths() -> list[str]:
    """Where this worker imports from besides Python's own folders: packages that were sent to it, a checkout."""
    prefixes = {Path(sys.prefix), Path(sys.base_prefix)}
    return [path for path in sys.path if path and prefixes.isdisjoint([Path(path), *Path(path).parents])]
