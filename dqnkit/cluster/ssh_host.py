"""One Dask process on another computer: started by ssh, watched from here, ended together with the connection."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections import deque
from contextlib import suppress
from typing import Any

import asyncssh
from distributed.comm.addressing import get_address_host_port
from distributed.core import Status
from distributed.deploy.spec import ProcessInterface

from dqnkit.errors import ClusterError

PULSE_SECONDS = 20.0  # between two signs of life that we send to the remote process
SILENCE_SECONDS = 300.0  # without a sign of life, then the remote process ends: a lost network does not close its input
END_SECONDS = 10.0  # for a process to end in order, then it is killed
# The program that runs on the host. It reads its orders, which contain private keys, from standard input: other users
# could read them in the arguments or environment variables of a process.
PROGRAM = f"""
import json, os, select, signal, sys, threading, time
orders = json.loads(os.fdopen(os.dup(0), "rb", 0).readline())
import dask
dask.config.update(dask.config.config, orders["config"])
from distributed.cli.dask_spec import main
here = os.environ["SSH_CONNECTION"].split()[2]
for process in orders["spec"].values():
    process["opts"].setdefault("host", here)
def end_with_the_connection():
    while select.select([0], [], [], {SILENCE_SECONDS})[0] and os.read(0, 100):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep({END_SECONDS})
    os._exit(1)
threading.Thread(target=end_with_the_connection, daemon=True).start()
main([*orders["arguments"], "--spec", json.dumps(orders["spec"])])
"""


class Host(ProcessInterface):
    """Dask on one computer: a process of that computer's Python, which starts further processes for workers.

    Args:
        arguments: of ``dask spec``, before the specification.
        spec: what to start there, in the format of ``dask spec``.
        address: of the computer.
        config: Dask's configuration for that process.
        connect_options: of `asyncssh.connect`.
        remote_python: path of its Python. None: the path of this process's Python if the computer has such a file, else
            ``python3``.
        connect_timeout: seconds.
        start_timeout: seconds, for all processes of ``spec`` together.
    """

    ready_sign = ""  # the log has a line with this text for each process that is up

    def __init__(
        self,
        *arguments: str,
        address: str,
        spec: dict[str, Any],
        config: dict[str, Any],
        connect_options: dict[str, Any],
        remote_python: str | None,
        connect_timeout: float,
        start_timeout: float,
        **_: Any,
    ) -> None:
        super().__init__()
        self.host = self.address = address
        self.orders = {"arguments": arguments, "spec": spec, "config": config}
        self.connect_options = connect_options
        self.remote_python = remote_python
        self.connect_timeout = connect_timeout
        self.start_timeout = start_timeout
        self.connection: asyncssh.SSHClientConnection | None = None
        self.process: asyncssh.SSHClientProcess[str] | None = None
        self.log: deque[str] = deque(maxlen=50)
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect, start the processes and wait until they are up.

        Raises:
            ClusterError: this failed; the message says why, and what to do.
        """
        try:
            self.connection = await asyncio.wait_for(
                asyncssh.connect(self.host, **self.connect_options), self.connect_timeout
            )
            process = await asyncio.wait_for(self.connection.create_process(self._command()), self.connect_timeout)
            process.stdin.write(json.dumps(self.orders) + "\n")
        except (OSError, asyncssh.Error, ValueError) as error:  # ValueError: an unreadable key
            raise ClusterError(f"no connection to {self.host} by ssh: {_why(error, self.connect_timeout)}") from error
        self.process = process
        self.tasks.append(asyncio.create_task(self._pulse(process)))
        try:
            await asyncio.wait_for(self._wait_until_ready(process), self.start_timeout)
        except TimeoutError as error:
            raise ClusterError(
                f"{self.host}: {self._what_is_late()} within {self.start_timeout:.0f} s. {self._end_of_log()}"
            ) from error
        self.tasks.append(asyncio.create_task(self._read(process)))
        await super().start()

    def _command(self) -> str:
        run = "-c " + shlex.quote(PROGRAM)
        if self.remote_python:
            return f"exec {shlex.quote(self.remote_python)} {run} >&2"
        ours = shlex.quote(sys.executable)
        return f"exec sh -c {shlex.quote(f'[ -x {ours} ] && exec {ours} {run}; exec python3 {run}')} >&2"

    async def _wait_until_ready(self, process: asyncssh.SSHClientProcess[str]) -> None:
        """Read the log until it has a ready sign for each process of the specification."""
        missing = len(self.orders["spec"])
        while missing:
            line = await process.stderr.readline()
            if not line:
                raise ClusterError(f"{self.host}: Dask does not start there. {self._end_of_log()}")
            self.log.append(line.rstrip())
            if self.ready_sign in line:
                self.on_ready(line)
                missing -= 1

    def on_ready(self, line: str) -> None:
        """Called with each line of the log that has a ready sign."""

    def _what_is_late(self) -> str:
        return "it did not start"

    def _end_of_log(self) -> str:
        """The end of the log, after advice if the log shows what is wrong."""
        text = "\n".join(self.log)
        advice = ""
        if "No module named" in text:
            advice = (
                "Its Python lacks a package: install distributed, NumPy and Gymnasium there, in the versions that are "
                "here, or name another Python (remote_python=). "
            )
        elif "not found" in text or "No such file" in text:
            advice = "There is no such Python: name it (remote_python=). "
        return f"{advice}The end of its log: {' / '.join(list(self.log)[-3:]) or '(nothing)'}"

    async def _pulse(self, process: asyncssh.SSHClientProcess[str]) -> None:
        with suppress(OSError):  # the connection is lost, which the remote process notices too
            while not process.is_closing():
                process.stdin.write("\n")
                await asyncio.sleep(PULSE_SECONDS)

    async def _read(self, process: asyncssh.SSHClientProcess[str]) -> None:
        """Keep the end of the log. Reading also prevents the process from blocking on a full pipe."""
        async for line in process.stderr:
            self.log.append(line.rstrip())

    async def close(self) -> None:
        """End the remote processes and the connection."""
        if self.status == Status.closed:
            return
        for task in self.tasks:
            task.cancel()
        if self.process:
            self.process.stdin.write_eof()
            try:
                await asyncio.wait_for(self.process.wait_closed(), END_SECONDS)
            except TimeoutError:
                self.process.kill()
        if self.connection:
            self.connection.close()
        await super().close()


class SchedulerHost(Host):
    """The computer with the scheduler."""

    ready_sign = "Scheduler at:"

    def on_ready(self, line: str) -> None:
        self.address = line.partition(self.ready_sign)[2].strip()

    async def start(self) -> None:
        await super().start()
        try:
            where = get_address_host_port(str(self.address))
            _, writer = await asyncio.wait_for(asyncio.open_connection(*where), self.connect_timeout)
        except OSError as error:
            raise ClusterError(
                f"the scheduler runs at {self.address} and cannot be reached from here: "
                f"{_why(error, self.connect_timeout)} (scheduler_port= chooses the port)"
            ) from error
        writer.close()


class WorkersHost(Host):
    """A computer with workers."""

    ready_sign = "Registered to:"

    def _what_is_late(self) -> str:
        return (
            f"its {len(self.orders['spec'])} workers did not come to the scheduler, which it may not be able to reach "
            f"({' '.join(self.orders['arguments'])}: does a firewall let the hosts connect to each other?)"
        )


def _why(error: Exception, timeout: float) -> str:
    """The cause of an exception while connecting, and what to do."""
    match error:
        case TimeoutError():
            return f"no answer within {timeout:.0f} s. Is it on, and does a firewall let us through?"
        case asyncssh.HostKeyNotVerifiable():
            return (
                "its key is not known here, or not the one that is. Connect once with ssh, look at the key and accept "
                'it, or give connect_options={"known_hosts": FILE}'
            )
        case asyncssh.PermissionDenied():
            return (
                "it does not let us in. It must have a public key of ours (ssh-copy-id puts it there): of ~/.ssh, of "
                'an agent, or connect_options={"username": ..., "client_keys": [FILE]}'
            )
        case ConnectionRefusedError():
            return 'nothing listens there. Is its ssh server on? Another port is connect_options={"port": ...}'
        case _:
            return str(error) or type(error).__name__
