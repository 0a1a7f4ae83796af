"""Submits tasks and receives events, without ever making the driver wait for the cluster.

Everything that takes time (waiting for a task, fetching its result, asking for the list of workers) is a coroutine on
the Dask client's event loop, which runs in its own thread. The coroutines put events into one queue, in the order in
which they happen, and the driver takes them out with `Dispatch.events`. So a frozen worker, or a scheduler that does
not answer, does not block the driver.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import nullcontext, suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from dask.base import annotate
from distributed import Client, Future

from dqnkit.cluster import worker
from dqnkit.cluster.departures import ReportDepartures
from dqnkit.cluster.worker import Arrival, RolloutTask
from dqnkit.config import DQNConfig
from dqnkit.errors import ClusterError
from dqnkit.types import PolicyWeights

ANSWER_SECONDS = 5.0  # for the scheduler, or for a worker at the end of a run, to answer
RESTART_SECONDS = 60.0  # for a nanny to end its worker; then Dask gives up both


class TaskEnded(NamedTuple):
    """A task has returned a value, or has failed for good."""

    key: str
    outcome: Arrival | Exception


class WorkerLeft(NamedTuple):
    """A worker left the cluster. Dask runs its tasks again on other workers, under the same keys."""

    address: str
    keys: frozenset[str]


class WorkersSeen(NamedTuple):
    """The scheduler's list of workers."""

    workers: dict[str, dict[str, Any]]  # by address: name, nthreads, status, last_seen and more


Event = TaskEnded | WorkerLeft | WorkersSeen


class Dispatch:
    """Connects one training run to the cluster.

    Attributes:
        run: name of the run. It starts with the client's id, so that workers can tell whose actors they keep.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.run = f"{client.id}/{uuid.uuid4().hex[:12]}"
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._requested = 0.0  # time.monotonic of the last request for the list of workers
        client.subscribe_topic(self.topic, self._departed)
        client.register_plugin(ReportDepartures(self.topic, client.id))

    @property
    def topic(self) -> str:
        """The scheduler's topic, of this run alone, under which departures of workers are published."""
        return f"dqnkit-departures/{self.run}"

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the scheduler."""
        return bool(self.client.status == "running")

    @property
    def address(self) -> str:
        """Address of the scheduler."""
        return str(self.client.scheduler.address) if self.client.scheduler else "an unknown address"

    def events(self, seconds: float) -> Iterator[Event]:
        """All events that are there. If there are none, wait up to ``seconds`` for the first."""
        with suppress(Empty):
            yield self._events.get(timeout=seconds) if seconds else self._events.get_nowait()
            while True:
                yield self._events.get_nowait()

    def receive(self, event: Event) -> None:
        """Put an event into the queue; from any thread."""
        self._events.put(event)

    def publish(self, weights: PolicyWeights) -> Future:
        """Have a worker hold the weights for all tasks that take the returned future as an argument.

        The weights are the result of a task, not scattered data. If the worker that holds them dies, Dask runs the task
        again, but scattered data would be lost.
        """
        return self.client.submit(worker.hold, weights, pure=False, key=f"dqnkit_weights-{uuid.uuid4().hex}")

    def submit(
        self, config: DQNConfig, tasks: Sequence[RolloutTask], weights: Future, preferred: Sequence[str] = ()
    ) -> list[tuple[str, Future]]:
        """Submit tasks, all in one message, and return the key and the future of each.

        Args:
            config: of the run.
            tasks: to submit.
            weights: that all of them act with.
            preferred: the address of a worker for each task. Dask uses another one if that has left.
        """
        # Dask groups the durations of tasks by the part before the -
        keys = [f"dqnkit_rollout-{uuid.uuid4().hex}" for _ in tasks]
        where = {key: [address] for key, address in zip(keys, preferred, strict=False)}
        with annotate(workers=where.get, allow_other_workers=True) if where else nullcontext():
            futures = self.client.map(
                worker.run_task, [config] * len(tasks), tasks, weights=weights, pure=False, key=keys
            )
        self._start(self._wait_for_all(keys, futures))
        return [*zip(keys, futures, strict=True)]

    def cancel(self, futures: Iterable[Future]) -> None:
        """Have the scheduler drop tasks. A task that already runs is finished, but its result is thrown away."""
        self.client.cancel(list(futures))

    def request_workers(self, every: float = 1.0) -> None:
        """Request the list of workers, at most once in ``every`` seconds. It arrives as a `WorkersSeen`."""
        if time.monotonic() - self._requested > every:
            self._requested = time.monotonic()
            self._start(self._fetch_workers())

    def restart(self, addresses: Collection[str]) -> None:
        """Have the nannies of these workers kill and restart them. Workers without a nanny leave the cluster."""
        self._start(self._restart(list(addresses)))

    def close_orphans(self) -> None:
        """Have the workers close the actors of runs whose driver was killed and could not do so itself."""

        def clients(dask_scheduler: Any = None) -> list[str]:
            return list(dask_scheduler.clients)

        async def close() -> None:
            living = await self.client.run_on_scheduler(clients)
            await self.client.run(worker.close_orphans, living, on_error="ignore")

        self._within(close(), ANSWER_SECONDS)

    def close(self, futures: Iterable[Future]) -> None:
        """Cancel the tasks in flight and have the workers close the run's actors. Waits a few seconds at most."""
        if not self.is_connected:
            return
        self.client.unsubscribe_topic(self.topic)
        self.cancel(futures)

        async def forget() -> None:
            await self.client.unregister_scheduler_plugin(self.topic)
            await self.client.run(worker.forget_at_end, self.run, on_error="ignore")

        self._within(forget(), ANSWER_SECONDS)

    async def _wait_for_all(self, keys: Sequence[str], futures: Sequence[Future]) -> None:
        await asyncio.gather(*map(self._wait_for, keys, futures))

    async def _wait_for(self, key: str, future: Future) -> None:
        try:
            self.receive(TaskEnded(key, await future))
        except Exception as error:
            self.receive(TaskEnded(key, error))

    async def _fetch_workers(self) -> None:
        scheduler: Any = self.client.scheduler
        with suppress(OSError):  # then no event comes, and in the end the driver gives up
            answer = await asyncio.wait_for(scheduler.identity(n_workers=-1), ANSWER_SECONDS)
            self.receive(WorkersSeen(answer["workers"]))

    async def _restart(self, addresses: list[str]) -> None:
        scheduler: Any = self.client.scheduler
        with suppress(OSError):
            restart = scheduler.restart_workers(
                workers=addresses,
                timeout=RESTART_SECONDS,
                wait_for_workers=False,
                on_error="return",
                stimulus_id="dqnkit",
            )
            await asyncio.wait_for(restart, RESTART_SECONDS + ANSWER_SECONDS)

    def _departed(self, event: tuple[float, dict[str, Any]]) -> None:
        """Handle an event of the run's topic. Runs on the client's event loop."""
        _, message = event
        self.receive(WorkerLeft(message["worker"], frozenset(message["keys"])))

    def _start(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the client's event loop."""
        if self.client.status == "closed":
            coroutine.close()
            raise ClusterError("the Dask client was closed while training ran: close it after the loop")
        loop: Any = self.client.loop
        return asyncio.run_coroutine_threadsafe(coroutine, loop.asyncio_loop)

    def _within(self, coroutine: Coroutine[Any, Any, Any], seconds: float) -> None:
        """Run a coroutine and wait for it, but not longer than about ``seconds``; errors are ignored."""
        with suppress(Exception):
            self._start(asyncio.wait_for(coroutine, seconds)).result(2 * seconds)
