"""The processes of one multi-worker learner, from their start to their end: all live, or none does.

The driver's side of `dqnkit.cluster.supervisor`. All of it runs in the event loop of the Dask client, where a call to
each worker can wait beside the others: TensorFlow's collectives return when every process has called them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from distributed import Client
from distributed.comm.addressing import get_address_host

from dqnkit.cluster import supervisor
from dqnkit.cluster.messages import pack, unpack
from dqnkit.cluster.supervisor import Ended
from dqnkit.errors import LearnerLostError
from dqnkit.types import Array

PATIENCE = 20.0  # seconds for what a worker does at once; more than a supervisor waits for a killed process
KEEP_ALIVES = 4  # sent in the time of one lease

Answer = tuple[dict[str, Any], dict[str, Array]]
_T = TypeVar("_T")


class Gang:
    """Learner processes, one on each of some workers. One that ends or does not answer in time is the end of all.

    Args:
        client: of the workers' cluster.
        workers: addresses; the first runs the process of rank 0.
        lease: seconds that the processes live on when they hear nothing from here.

    Attributes:
        lost: why there are no processes (any more); empty while they run.
    """

    def __init__(self, client: Client, workers: list[str], lease: float) -> None:
        self.client = client
        self.workers = workers
        self.lease = lease
        self.lost = ""
        self._advice = ""  # once they have arrived
        run = uuid.uuid4().hex
        self._names = [f"learner-{run}-{rank}" for rank in range(len(workers))]
        self._lock = asyncio.Lock()  # one question at a time, also after a Ctrl-C during the last

    def start(self, config: dict[str, Any], limit: float) -> list[Answer]:
        """Start all processes; their first answers.

        Raises:
            LearnerLostError: they did not all arrive within ``limit`` seconds.
        """
        return self._run(self._start, config, limit)

    def ask(self, messages: dict[int, bytes], limit: float) -> list[Answer]:
        """Send messages to processes, by rank, all at the same time; their answers in the same order.

        Raises:
            LearnerLostError: one ended, or did not answer within ``limit`` seconds.
        """
        return self._run(self._ask, messages, limit)

    def close(self) -> None:
        """Kill the processes. May be called more than once, and also when the client is closed."""
        if not self.lost:
            self.lost = "they were closed"
            with suppress(LearnerLostError):  # the client is closed: they hear nothing from here, and end by themselves
                self._run(self._stop)

    def _run(self, work: Callable[..., Coroutine[Any, Any, _T]], *arguments: Any) -> _T:
        """Run in the client's loop what must not be left half done: Ctrl-C ends the wait for it, not the work."""

        async def shielded() -> _T:
            return await asyncio.shield(asyncio.create_task(work(*arguments)))

        if self.client.status == "closed":
            raise LearnerLostError("the Dask client through which the learner processes are reached is closed")
        return self.client.sync(shielded)

    async def _start(self, config: dict[str, Any], limit: float) -> list[Answer]:
        async with self._lock:
            self._beat = asyncio.create_task(self._keep_alive())
            ports = await self._together(supervisor.free_port, dict.fromkeys(range(len(self.workers)), ()), PATIENCE)
            hosts = [get_address_host(address) for address in self.workers]
            bracketed = [f"[{host}]" if ":" in host else host for host in hosts]  # IPv6
            group = {"worker": [f"{host}:{port}" for host, port in zip(bracketed, ports, strict=True)]}
            arguments = {}
            for rank, name in enumerate(self._names):
                tf_config = {"cluster": group, "task": {"type": "worker", "index": rank}}
                arguments[rank] = (name, tf_config, pack({"config": config}), self.lease)
            answers = await self._together(supervisor.start, arguments, limit, "arrive")
            self._advice = (
                " Go on from the last checkpoint: learner.restart(), then checkpoint.restore(..., learner=learner)"
            )
            return [unpack(answer) for answer in answers]

    async def _ask(self, messages: dict[int, bytes], limit: float) -> list[Answer]:
        async with self._lock:
            if self.lost:
                raise LearnerLostError(f"there are no learner processes: {self.lost}")
            arguments = {rank: (self._names[rank], message) for rank, message in messages.items()}
            answers = [unpack(answer) for answer in await self._together(supervisor.ask, arguments, limit)]
            updates = {rank: header["updates"] for rank, (header, _) in zip(messages, answers, strict=True)}
            if len(set(updates.values())) > 1:
                await self._lose({rank: f"is at update {update}" for rank, update in updates.items()})
            return answers

    async def _together(
        self,
        function: Callable[..., Any],
        arguments: dict[int, tuple[Any, ...]],
        limit: float,
        what: str = "answer",
    ) -> list[Any]:
        """Call a function on the workers of these ranks at the same time."""
        calls = {rank: asyncio.create_task(self._on(rank, function, *given)) for rank, given in arguments.items()}
        _, late = await asyncio.wait(calls.values(), timeout=limit, return_when=asyncio.FIRST_EXCEPTION)
        troubles = {
            rank: str(call.exception()) for rank, call in calls.items() if call not in late and call.exception()
        }
        if troubles or late:
            for call in late:
                call.cancel()
            silent = {rank: f"did not {what} within {limit:g} s" for rank, call in calls.items() if call in late}
            await self._lose(troubles or silent)
        return [call.result() for call in calls.values()]

    async def _on(self, rank: int, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function of the supervisor returns on the worker of a rank.

        Raises:
            LearnerLostError: the process has ended, or the worker is gone; the text says how.
        """
        address = self.workers[rank]
        if self.client.status != "running":
            raise LearnerLostError(f"cannot be reached: the Dask client is {self.client.status}")
        try:
            found = (await self.client.run(function, *arguments, workers=[address]))[address]
        except Exception as error:  # of whatever kind: of the connection, of Dask, of the worker's operating system
            raise LearnerLostError(f"cannot be reached on its worker ({type(error).__name__}: {error})") from error
        if isinstance(found, Ended) and function is not supervisor.stop:
            raise LearnerLostError(found.how)
        return found

    async def _lose(self, troubles: dict[int, str]) -> NoReturn:
        """Stop all processes and say why.

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
        stories = [f"learner process {rank} on {self.workers[rank]} {how}" for rank, how in sorted(troubles.items())]
        self.lost = "; ".join(stories)
        raise LearnerLostError(f"{self.lost}. All were stopped.{self._advice}{logs}")

    async def _stop(self) -> dict[int, Ended]:
        """Kill all processes; how those were that could be reached, by rank."""
        calls = [self._on(rank, supervisor.stop, name) for rank, name in enumerate(self._names)]
        found = await asyncio.gather(*(asyncio.wait_for(call, PATIENCE) for call in calls), return_exceptions=True)
        return {rank: end for rank, end in enumerate(found) if isinstance(end, Ended)}

    async def _keep_alive(self) -> None:
        """Say to the processes that the driver lives, and notice when one ends between two questions."""
        while not self.lost:
            await asyncio.sleep(self.lease / KEEP_ALIVES)
            calls = [self._on(rank, supervisor.keep, name) for rank, name in enumerate(self._names)]
            found = await asyncio.gather(
                *(asyncio.wait_for(call, self.lease) for call in calls), return_exceptions=True
            )
            troubles = {rank: str(error) for rank, error in enumerate(found) if isinstance(error, LearnerLostError)}
            if troubles and not self.lost and not self._lock.locked():  # who waits for an answer notices by itself
                async with self._lock:
                    with suppress(LearnerLostError):  # the next question raises it
                        await self._lose(troubles)
