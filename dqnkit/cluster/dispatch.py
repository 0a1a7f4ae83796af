"""Tasks to the scheduler, news from it: nothing here makes the driver wait for the cluster.

Whatever takes time (waiting for a task, fetching its result, asking who is there) is a coroutine on the event loop that
the client runs in a thread of its own. Each puts what it learns into one queue, in the order in which it happened, and
`Dispatch.news` hands it to the driver. So a worker that is stopped, or a scheduler that does not answer, holds up
nobody but itself.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Collection, Coroutine, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from distributed import Client, Future

from dqnkit.cluster import worker
from dqnkit.cluster.worker import Arrival, RolloutTask
from dqnkit.config import DQNConfig
from dqnkit.errors import ClusterError
from dqnkit.types import PolicyWeights

ANSWER = 5.0  # seconds that the scheduler, or a worker at the end of a run, may take to answer
RESTART = 60.0  # seconds that a nanny may take to end its worker; later, both are dropped for good


class Landed(NamedTuple):
    """A task came back: with what it returned, or the reason why it never will."""

    key: str
    outcome: Arrival | Exception


class Left(NamedTuple):
    """A worker left the cluster; Dask runs the tasks that it had again, under the same keys, on others."""

    address: str
    keys: frozenset[str]


class Seen(NamedTuple):
    """The workers that there are."""

    workers: dict[str, dict[str, Any]]  # by address: name, nthreads, status, last_seen and more


News = Landed | Left | Seen


class Dispatch:
    """The way from one run to the cluster and back.

    Attributes:
        run: its name, which begins with that of the client, so that a worker can tell whose actors it keeps.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.run = f"{client.id}/{uuid.uuid4().hex[:12]}"
        self._news: SimpleQueue[News] = SimpleQueue()
        self._asked = 0.0  # time.monotonic, when it was last asked who is there
        client.subscribe_topic("all", self._on_event)

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the scheduler."""
        return bool(self.client.status == "running")

    @property
    def address(self) -> str:
        """Of the scheduler."""
        return str(self.client.scheduler.address) if self.client.scheduler else "an unknown address"

    def news(self, seconds: float) -> Iterator[News]:
        """All there is; where there is nothing yet, what comes first within some seconds."""
        with suppress(Empty):
            yield self._news.get(timeout=seconds) if seconds else self._news.get_nowait()
            while True:
                yield self._news.get_nowait()

    def publish(self, weights: PolicyWeights) -> Future:
        """Have a worker hold the weights for all tasks that take the future as an argument.

        The result of a task, not `scatter`: when its holder dies the task is run again, scattered data is lost.
        """
        return self.client.submit(worker.hold, weights, pure=False, key=f"dqnkit_weights-{uuid.uuid4().hex}")

    def submit(
        self, config: DQNConfig, task: RolloutTask, weights: Future, rather_on: Collection[str] = ()
    ) -> tuple[str, Future]:
        """Submit a task; its key and future. It runs on one of the workers named, if they have not all left."""
        key = f"dqnkit_rollout-{uuid.uuid4().hex}"  # what stands before the - is how Dask keeps times of tasks apart
        where: dict[str, Any] = {"workers": list(rather_on), "allow_other_workers": True} if rather_on else {}
        future = self.client.submit(worker.run_task, config, task, weights, pure=False, key=key, **where)
        self._start(self._bring(key, future))
        return key, future

    def cancel(self, futures: Iterable[Future]) -> None:
        """Have the scheduler drop tasks. One that runs already runs to its end, for nobody."""
        self.client.cancel(list(futures))

    def ask_who_is_there(self, every: float = 1.0) -> None:
        """The answer is a `Seen`. Asked again within ``every`` seconds, it does nothing."""
        if time.monotonic() - self._asked > every:
            self._asked = time.monotonic()
            self._start(self._ask())

    def restart(self, addresses: Collection[str]) -> None:
        """Have the nannies of these workers kill and restart them; those that have no nanny leave the cluster."""
        self._start(self._restart(list(addresses)))

    def close_orphans(self) -> None:
        """Have the workers close the actors of runs whose driver is gone: it was killed and could not."""

        def clients(dask_scheduler: Any = None) -> list[str]:
            return list(dask_scheduler.clients)

        async def close() -> None:
            living = await self.client.run_on_scheduler(clients)
            await self.client.run(worker.close_orphans, living, on_error="ignore")

        self._within(close(), ANSWER)

    def close(self, futures: Iterable[Future]) -> None:
        """Cancel what is in flight and have the workers close the actors of the run, as far as they answer."""
        if not self.is_connected:
            return
        self.client.unsubscribe_topic("all")
        self.cancel(futures)

        async def forget() -> None:
            await self.client.run(worker.forget_at_end, self.run, on_error="ignore")

        self._within(forget(), ANSWER)

    async def _bring(self, key: str, future: Future) -> None:
        try:
            self._news.put(Landed(key, await future))
        except Exception as error:
            self._news.put(Landed(key, error))

    async def _ask(self) -> None:
        scheduler: Any = self.client.scheduler
        with suppress(OSError):  # then there is no news, and the driver's patience ends
            answer = await asyncio.wait_for(scheduler.identity(n_workers=-1), ANSWER)
            self._news.put(Seen(answer["workers"]))

    async def _restart(self, addresses: list[str]) -> None:
        scheduler: Any = self.client.scheduler
        with suppress(OSError):
            restart = scheduler.restart_workers(
                workers=addresses, timeout=RESTART, wait_for_workers=False, on_error="return", stimulus_id="dqnkit"
            )
            await asyncio.wait_for(restart, RESTART + ANSWER)

    def _on_event(self, event: tuple[float, Any]) -> None:
        message = event[1]
        if isinstance(message, dict) and message.get("action") == "remove-worker":
            keys = {*message.get("processing-tasks", ()), *message.get("lost-computed-tasks", ())}
            self._news.put(Left(message["worker"], frozenset(keys)))

    def _start(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the client's event loop."""
        if self.client.status == "closed":
            coroutine.close()
            raise ClusterError("the Dask client was closed while training ran: close it after the loop")
        loop: Any = self.client.loop
        return asyncio.run_coroutine_threadsafe(coroutine, loop.asyncio_loop)

    def _within(self, coroutine: Coroutine[Any, Any, Any], seconds: float) -> None:
        """Wait until it is done, or for some seconds: whoever does not answer by then is left alone."""
        with suppress(Exception):
            self._start(asyncio.wait_for(coroutine, seconds)).result(2 * seconds)
