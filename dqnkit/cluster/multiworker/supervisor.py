"""Starts one learner process on a Dask worker and watches it. Runs in the worker's event loop, without TensorFlow.

The driver calls `start`, `request`, `keep_alive` and `stop` through ``client.run(..., workers=[address])``. If the
process is gone, they raise nothing: they return `Ended` instead of an answer.

The process is killed when the driver calls `stop`. It also ends by itself: when it has received nothing from the driver
for one lease, and when the worker dies (see `dqnkit.cluster.multiworker.learner_process`). If it is frozen (SIGSTOP)
and cannot end by itself, the supervisor kills it after `LEASES_BEFORE_KILL` leases.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from distributed.utils import open_port

from dqnkit.cluster.multiworker.messages import KEEP_ALIVE, LENGTH_BYTES

LOG_TAIL = 4_000  # bytes from the end of the log that are returned after a failure
EXIT_SECONDS = 10.0  # wait at most this long for a process to end
LEASES_BEFORE_KILL = 1.5  # without a message from the driver


class Ended(NamedTuple):
    """A process that is gone: how it ended, and, from `stop`, the end of its log."""

    how: str
    log: str


class _Supervisor:
    """A learner process, its log and the timer that kills it.

    Args:
        process: with pipes for input and output.
        log: the file that receives its standard error.
        lease: seconds.
    """

    def __init__(self, process: asyncio.subprocess.Process, log: IO[bytes], lease: float) -> None:
        self.process = process
        self.log = log
        self.lease = lease
        self.timer = asyncio.get_running_loop().call_later(LEASES_BEFORE_KILL * lease, self.kill)

    def kill(self) -> None:
        """Send SIGKILL: a process that waits for a peer inside TensorFlow ignores SIGTERM."""
        if self.process.returncode is None:
            self.process.kill()

    def send(self, data: bytes) -> None:
        """Write bytes to the process's input and restart the timer: the driver is alive."""
        self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_later(LEASES_BEFORE_KILL * self.lease, self.kill)
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    async def request(self, message: bytes) -> bytes | Ended:
        """Send a message and wait for its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.send(len(message).to_bytes(LENGTH_BYTES, "little") + message)
            await self.process.stdin.drain()
            length = int.from_bytes(await self.process.stdout.readexactly(LENGTH_BYTES), "little")
            return await self.process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):  # the process has closed its ends of the pipes
            await _wait_for_exit(self.process)
            return Ended(_how(self.process.returncode), "")

    async def stop(self) -> Ended:
        """Kill the process, if it still runs, and wait until it is gone."""
        how = _how(self.process.returncode)
        self.timer.cancel()
        self.kill()
        await _wait_for_exit(self.process)
        return Ended(how, self.tail())

    def tail(self) -> str:
        """The end of the log. `os.pread` does not move the file position at which the process writes."""
        start = max(0, os.fstat(self.log.fileno()).st_size - LOG_TAIL)
        return os.pread(self.log.fileno(), LOG_TAIL, start).decode(errors="replace")


_supervisors: dict[str, _Supervisor] = {}  # on this worker, by the driver's name for the process


async def free_port() -> int:
    """A TCP port of this machine that is free at this moment."""
    return open_port()


async def start(name: str, tf_config: dict[str, Any], message: bytes, lease: float) -> bytes | Ended:
    """Start a new learner process, send its first message, and wait for the answer.

    Args:
        name: identifies the process in calls of the other functions.
        tf_config: the addresses of all processes of the group, and the rank of this one.
        message: the configuration.
        lease: seconds without a message from the driver after which the process ends.
    """
    logging.getLogger("distributed.worker").addFilter(_is_worth_logging)
    environment = {
        **os.environ,
        "TF_CONFIG": json.dumps(tf_config),
        "PYTHONPATH": os.pathsep.join(_own_paths()),
        "no_grpc_proxy": ",".join(_hosts(tf_config)),  # gRPC would ask the proxy of http_proxy even for 127.0.0.1
    }
    command = [sys.executable, "-m", "dqnkit.cluster.multiworker.learner_process", "--lease", str(lease)]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=log,
        env=environment,
        limit=2**20,  # bytes of output to buffer
        start_new_session=True,  # Ctrl-C in a terminal must reach only the driver
    )
    _supervisors[name] = _Supervisor(process, log, lease)
    return await _supervisors[name].request(message)


async def request(name: str, message: bytes) -> bytes | Ended:
    """Send a message to the process and wait for its answer."""
    supervisor = _supervisors.get(name)
    return await supervisor.request(message) if supervisor else Ended("is not there", "")


async def keep_alive(name: str) -> Ended | None:
    """Tell the process that the driver is alive, so that it does not end."""
    supervisor = _supervisors.get(name)
    if supervisor is None:
        return Ended("is not there", "")
    if supervisor.process.returncode is not None:
        return Ended(_how(supervisor.process.returncode), "")
    supervisor.send(KEEP_ALIVE)
    return None


async def stop(name: str) -> Ended:
    """Kill the process, if it still runs. Returns how it ended and the end of its log."""
    supervisor = _supervisors.pop(name, None)
    if supervisor is None:
        return Ended("is not there", "")
    with supervisor.log:
        return await supervisor.stop()


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Whether to keep a line of the worker's log: Dask logs each call of `request` and `keep_alive`."""
    return record.args not in (("request",), ("keep_alive",))


async def _wait_for_exit(process: asyncio.subprocess.Process) -> None:
    """Wait until a process is gone, for at most `EXIT_SECONDS`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), EXIT_SECONDS)


def _how(status: int | None) -> str:
    """An exit status in words; None means that the process still runs."""
    if status is None:
        return "was running"
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _hosts(tf_config: dict[str, Any]) -> list[str]:
    """Names or addresses of the machines of a group."""
    return sorted({address.rpartition(":")[0].strip("[]") for address in tf_config["cluster"]["worker"]})


def _own_paths() -> list[str]:
    """The import paths of this worker outside Python's own folders: packages that were sent to it, a checkout."""
    prefixes = {Path(sys.prefix), Path(sys.base_prefix)}
    return [path for path in sys.path if path and prefixes.isdisjoint([Path(path), *Path(path).parents])]
