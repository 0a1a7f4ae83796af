"""The processes of one multi-worker learner, from start to end. All of them run, or none does.

This is the driver's side of `dqnkit.cluster.multiworker.supervisor`. The coroutines run in the Dask client's event
loop, so that calls to all workers are made at the same time: a collective operation of TensorFlow returns only when
every process has called it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import numpy as np
from distributed import Client
from distributed.comm.addressing import get_address_host

from dqnkit.cluster.multiworker import supervisor
from dqnkit.cluster.multiworker.messages import pack, unpack
from dqnkit.cluster.multiworker.supervisor import Ended
from dqnkit.environment_by_value import by_value
from dqnkit.errors import LearnerLostError
from dqnkit.types import Array

SUPERVISOR_SECONDS = 20.0  # for calls that a supervisor answers at once; more than its own wait for a killed process
KEEP_ALIVES = 4  # sent in each lease

Answer = tuple[dict[str, Any], dict[str, Array]]
_T = TypeVar("_T")
log = logging.getLogger(__name__)


class ProcessGroup:
    """Learner processes, one on each of some workers. If one ends or does not answer in time, all are stopped.

    Args:
        client: of the workers' cluster.
        workers: addresses; the first runs the process of rank 0.
        lease: seconds that the processes live on without a message from here.

    Attributes:
        lost: why there are no processes (any more); empty while they run.
    """

    def __init__(self, client: Client, workers: list[str], lease: float) -> None:
        self.client = client
        self.workers = workers
        self.lease = lease
        self.lost = ""
        self._advice = ""  # for error messages, after the start
        run = uuid.uuid4().hex
        self._names = [f"learner-{run}-{rank}" for rank in range(len(workers))]
        self._lock = asyncio.Lock()  # one request at a time, even if Ctrl-C has ended the wait for the one before
        self._keep_alive_task: asyncio.Task[None] | None = None  # a reference, or asyncio may drop the task

    def start(self, config: dict[str, Any], timeout: float) -> list[Answer]:
        """Start all processes and return their first answers.

        Raises:
            LearnerLostError: they did not all arrive within ``timeout`` seconds.
        """
        return self._run(self._start, config, timeout)

    def request(self, messages: dict[int, bytes], timeout: float) -> list[Answer]:
        """Send messages to processes, by rank, all at the same time. The answers come in the same order.

        Raises:
            LearnerLostError: one ended, or did not answer within ``timeout`` seconds.
        """
        return self._run(self._request, messages, timeout)

    def close(self) -> None:
        """Kill the processes. It may be called more than once, and after the client was closed."""
        if not self.lost:
            self.lost = "they were closed"
            with suppress(LearnerLostError):  # the client is closed: no keep-alive arrives, and the processes end
                self._run(self._stop)

    def _run(self, work: Callable[..., Coroutine[Any, Any, _T]], *arguments: Any) -> _T:
        """Run a coroutine in the client's loop. Ctrl-C ends the wait for it, but the coroutine itself is finished."""

        async def shielded() -> _T:
            return await asyncio.shield(asyncio.create_task(work(*arguments)))

        if self.client.status == "closed":
            raise LearnerLostError("the Dask client through which the learner processes are reached is closed")
        return self.client.sync(shielded)

    async def _start(self, config: dict[str, Any], timeout: float) -> list[Answer]:
        async with self._lock:
            self._keep_alive_task = asyncio.create_task(self._keep_alive())
            no_arguments: dict[int, tuple[Any, ...]] = dict.fromkeys(range(len(self.workers)), ())
            ports = await self._call_all(supervisor.free_port, no_arguments, SUPERVISOR_SECONDS)
            hosts = [get_address_host(address) for address in self.workers]
            bracketed = [f"[{host}]" if ":" in host else host for host in hosts]  # IPv6
            cluster = {"worker": [f"{host}:{port}" for host, port in zip(bracketed, ports, strict=True)]}
            environment = np.frombuffer(by_value(config["env_id"], config["wrappers"]), np.uint8)
            first = pack({"config": config}, {"environment": environment})
            arguments = {}
            for rank, name in enumerate(self._names):
                tf_config = {"cluster": cluster, "task": {"type": "worker", "index": rank}}
                arguments[rank] = (name, tf_config, first, self.lease)
            log.warning(
                "learner processes listen on every network interface of %s, without encryption or a password, until "
                "the learner is closed",
                ", ".join(f"{host} (port {port})" for host, port in zip(hosts, ports, strict=True)),
            )
            answers = await self._call_all(supervisor.start, arguments, timeout, "arrive")
            self._advice = (
                " Go on from the last checkpoint: learner.restart(), then checkpoint.restore(..., learner=learner)"
            )
            return [unpack(answer) for answer in answers]

    async def _request(self, messages: dict[int, bytes], timeout: float) -> list[Answer]:
        async with self._lock:
            if self.lost:
                raise LearnerLostError(f"there are no learner processes: {self.lost}")
            arguments = {rank: (self._names[rank], message) for rank, message in messages.items()}
            answers = [unpack(answer) for answer in await self._call_all(supervisor.request, arguments, timeout)]
            updates = {rank: header["updates"] for rank, (header, _) in zip(messages, answers, strict=True)}
            if len(set(updates.values())) > 1:
                await self._lose({rank: f"is at update {update}" for rank, update in updates.items()})
            return answers

    async def _call_all(
        self,
        function: Callable[..., Any],
        arguments: dict[int, tuple[Any, ...]],
        timeout: float,
        verb: str = "answer",
    ) -> list[Any]:
        """Call a function of the supervisor on the workers of these ranks at the same time.

        Args:
            function: of `dqnkit.cluster.multiworker.supervisor`.
            arguments: for each rank.
            timeout: seconds.
            verb: what a process that is late did not do, for the error message.
        """
        calls = {rank: asyncio.create_task(self._call(rank, function, *given)) for rank, given in arguments.items()}
        _, late = await asyncio.wait(calls.values(), timeout=timeout, return_when=asyncio.FIRST_EXCEPTION)
        troubles = {
            rank: str(call.exception()) for rank, call in calls.items() if call not in late and call.exception()
        }
        if troubles or late:
            for call in late:
                call.cancel()
            silent = {rank: f"did not {verb} within {timeout:g} s" for rank, call in calls.items() if call in late}
            await self._lose(troubles or silent)
        return [call.result() for call in calls.values()]

    async def _call(self, rank: int, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the supervisor on the worker of one rank.

        Raises:
            LearnerLostError: the process has ended, or the worker is gone; the text says how.
        """
        address = self.workers[rank]
        if self.client.status != "running":
            raise LearnerLostError(f"cannot be reached: the Dask client is {self.client.status}")
        try:
            found = (await self.client.run(function, *arguments, workers=[address]))[address]
        except Exception as error:  # of any kind: from the connection, from Dask, from the worker's operating system
            raise LearnerLostError(f"cannot be reached on its worker ({type(error).__name__}: {error})") from error
        if isinstance(found, Ended) and function is not supervisor.stop:
            raise LearnerLostError(found.how)
        return found

    async def _lose(self, troubles: dict[int, str]) -> NoReturn:
        """Stop all processes and raise an error that says why.

        Args:
            troubles: what happened, by rank.
        """
        self.lost = "they are being stopped"
        ends = await self._stop()
        logs = ""
        for rank, end in ends.items():
            if end.how != "was running":
                troubles[rank] = end.how
            if rank in troubles:
                logs += f"\nThe end of the log of process {rank}:\n{end.log.strip()}"
        reports = [f"learner process {rank} on {self.workers[rank]} {how}" for rank, how in sorted(troubles.items())]
        self.lost = "; ".join(reports)
        raise LearnerLostError(f"{self.lost}. All were stopped.{self._advice}{logs}")

    async def _stop(self) -> dict[int, Ended]:
        """Kill all processes. Returns how each ended, by rank, for the workers that answered."""
        calls = [self._call(rank, supervisor.stop, name) for rank, name in enumerate(self._names)]
        found = await asyncio.gather(
            *(asyncio.wait_for(call, SUPERVISOR_SECONDS) for call in calls), return_exceptions=True
        )
        return {rank: end for rank, end in enumerate(found) if isinstance(end, Ended)}

    async def _keep_alive(self) -> None:
        """Tell the processes regularly that the driver lives, and notice when one ends between two requests."""
        while not self.lost:
            await asyncio.sleep(self.lease / KEEP_ALIVES)
            calls = [self._call(rank, supervisor.keep_alive, name) for rank, name in enumerate(self._names)]
            found = await asyncio.gather(
                *(asyncio.wait_for(call, self.lease) for call in calls), return_exceptions=True
            )
            troubles = {rank: str(error) for rank, error in enumerate(found) if isinstance(error, LearnerLostError)}
            if troubles and not self.lost and not self._lock.locked():  # a request under way notices by itself
                async with self._lock:
                    with suppress(LearnerLostError):  # the next request raises it
                        await self._lose(troubles)
