"""Rollouts as a stream: a bounded window of tasks in flight, each rollout inserted as it completes.

The check simulates a cluster with a clock: each task has a length in seconds, and the clock jumps to the next arrival.
So the check sees where a loop waits, without waiting itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise

MAX_TASKS = 60  # three times as many as any case needs


@dataclass(frozen=True)
class FakeRollout:
    """The result of a task in the simulated cluster."""

    sequence: int
    steps: int


@dataclass(frozen=True)
class Script:
    """The behaviour of the simulated cluster in a case."""

    steps: tuple[int, ...]  # of rollouts 0, 1, 2, ..., repeated
    seconds: tuple[int, ...]  # that these rollouts take, repeated
    lost: tuple[int, ...] = ()  # sequence numbers of rollouts that are lost at their first try


class LostError(Exception):
    """Raised by the result of a task whose worker died."""


class _TooMuch(Exception):
    """The loop does not end."""


class FakeFuture:
    """A submitted task; has Dask's ``status``, ``done()``, ``result()`` and ``cancel()``."""

    def __init__(self, cluster: FakeCluster, number: Any, ready: float, lost: bool) -> None:
        self._cluster, self._lost = cluster, lost
        self.number, self.ready = number, ready
        self.cancelled = False

    @property
    def status(self) -> str:
        """The status in Dask's words: pending, finished, error or cancelled."""
        if self.cancelled:
            return "cancelled"
        if self._cluster.clock < self.ready:
            return "pending"
        return "error" if self._lost else "finished"

    def done(self) -> bool:
        """Whether the task has ended, with or without a result."""
        return self.status != "pending"

    def result(self, timeout: Any = None) -> FakeRollout:
        """Wait for the rollout and return it."""
        if self.cancelled:
            raise LostError("this task was cancelled")
        self._cluster.wait_for(self)
        if self._lost:
            raise LostError("the worker of this task died")
        return self._cluster.rollout(self.number)

    def cancel(self, **_: Any) -> None:
        """Cancel the task."""
        self._cluster.cancel([self])


@dataclass
class FakeCluster:
    """Stands in for Dask's client; records what the loop does."""

    script: Script
    clock: float = 0.0
    futures: list[FakeFuture] = field(default_factory=list)
    by_arguments: dict[Any, FakeFuture] = field(default_factory=dict)
    submitted: int = 0
    pure: int = 0
    in_flight: list[int] = field(default_factory=list)  # number of tasks, each time the driver waited
    inserted: list[int] = field(default_factory=list)

    def submit(self, function: Any, *arguments: Any, pure: bool = True, **_: Any) -> FakeFuture:
        """Start a task. With ``pure``, a task with the same arguments as an earlier one is not run again."""
        if self.submitted >= MAX_TASKS:
            raise _TooMuch
        number = arguments[-1] if arguments else None
        key = (function, arguments)
        self.submitted += 1
        self.pure += bool(pure)
        if pure and key in self.by_arguments:
            return self.by_arguments[key]
        again = any(future.number == number for future in self.futures)
        seconds = self.script.seconds[_index(number) % len(self.script.seconds)]
        future = FakeFuture(self, number, self.clock + seconds, number in self.script.lost and not again)
        self.futures.append(future)
        if pure:
            self.by_arguments[key] = future
        return future

    def cancel(self, futures: Any, **_: Any) -> None:
        """Cancel tasks."""
        for future in futures if isinstance(futures, Iterable) else [futures]:
            future.cancelled = True

    def running(self) -> list[FakeFuture]:
        """The tasks in flight."""
        return [future for future in self.futures if future.status == "pending"]

    def wait_for(self, future: FakeFuture) -> None:
        """Move the clock to the end of a task."""
        if self.clock < future.ready:
            self.note()
            self.clock = future.ready

    def note(self) -> None:
        """Record how many tasks are in flight."""
        if len(self.in_flight) >= MAX_TASKS:
            raise _TooMuch
        self.in_flight.append(len(self.running()))

    def rollout(self, number: Any) -> FakeRollout:
        """The rollout with this sequence number."""
        return FakeRollout(number, self.script.steps[_index(number) % len(self.script.steps)])


class FakeArrivals:
    """Stands in for Dask's ``as_completed``: an iterator of futures as they complete, to which more may be added."""

    def __init__(self, cluster: FakeCluster, futures: Iterable[FakeFuture] = ()) -> None:
        self._cluster = cluster
        self._waiting = list(futures)

    def add(self, future: FakeFuture) -> None:
        """Add a future."""
        self._waiting.append(future)

    def update(self, futures: Iterable[FakeFuture]) -> None:
        """Add several futures."""
        self._waiting += futures

    def count(self) -> int:
        """The number of futures that it still waits for."""
        return len(self._waiting)

    def is_empty(self) -> bool:
        """Whether it waits for no future."""
        return not self._waiting

    def __iter__(self) -> FakeArrivals:
        return self

    def __next__(self) -> FakeFuture:
        self._waiting = [future for future in self._waiting if not future.cancelled]
        if not self._waiting:
            raise StopIteration
        future = min(self._waiting, key=lambda waiting: waiting.ready)
        self._waiting.remove(future)
        self._cluster.note()
        self._cluster.clock = max(self._cluster.clock, future.ready)
        return future


def _index(number: Any) -> int:
    return int(number) if isinstance(number, (int, np.integer)) else 0


def _rollout_task(*arguments: Any) -> None:
    """The task that is submitted; the simulated cluster never calls it."""


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """Run the loop on the simulated cluster; what the cluster and the replay buffer received."""
    script, total, window = case.arguments
    cluster = FakeCluster(script)

    def insert(rollout: Any) -> None:
        cluster.inserted.append(rollout.sequence)

    def as_completed(futures: Iterable[FakeFuture] = ()) -> FakeArrivals:
        return FakeArrivals(cluster, futures)

    settings = {"total": total, "window": window}
    returned, ended = None, "it returned"
    try:
        returned = thing(cluster, as_completed, _rollout_task, ("the weights", 0.1), insert, **settings)
    except _TooMuch:
        ended = "it was stopped: it went on and on"
    except LostError as error:
        ended = f"by an error: {error}"
    if returned is None and not cluster.submitted:
        return None
    return {
        "how it ended": ended,
        "inserted, by sequence number, as they arrived": _listed(cluster.inserted),
        "submitted as pure": cluster.pure,
        "in flight, each time it waited": _listed(cluster.in_flight),
        "still in flight when it returned": len(cluster.running()),
        "what it returned": returned,
    }


def _listed(numbers: Iterable[Any]) -> str:
    return ", ".join(map(str, numbers)) or "none"


def fixed_cases() -> list[Case]:
    """Smallest first."""
    return [
        Case("one at a time: 3 rollouts of 2 steps, total 6, window 1", (Script((2,), (1,)), 6, 1)),
        Case("window 3, the first takes 9 s, the others 2 s, total 8", (Script((2,), (9, 2, 2, 2)), 8, 3)),
        Case(
            "window 3, rollouts of 1 to 4 steps that take 1 to 7 s, total 20",
            (Script((2, 1, 4, 3), (4, 7, 1, 3, 2)), 20, 3),
        ),
        Case("the worker of rollout 1 dies, window 2, total 8", (Script((2,), (3, 1, 2), (1,)), 8, 2)),
        Case(
            "three rollouts are lost, window 4, total 24",
            (Script((2, 3), (5, 2, 4, 3, 6, 1, 7), (0, 3, 5)), 24, 4),
        ),
    ]


EXERCISE = Exercise(
    name="streaming_loop",
    signature="streaming_loop(client, as_completed, task, arguments, insert, *, total, window) -> lost",
    minutes=12,
    difficulty=3,
    fixed_cases=fixed_cases,
    hints=(
        "You need three things: `arrivals = as_completed([])`, a dict from each future in flight to its sequence "
        "number, and a small function `submit(number)` that submits one task, notes it in the dict and adds it to "
        "`arrivals`.",
        "Before the loop: `submit` the numbers 0 to window - 1. Then `for future in arrivals:`, and at its beginning "
        "`number = numbers.pop(future)`.",
        'In the loop two ways: if `future.status == "finished"`, insert its result, add its steps, and submit the next '
        "new number. If not, count a loss and submit the same number again.",
        "As soon as the steps reach `total`: `break`. After the loop `client.cancel(list(numbers))`, and return the "
        "count of losses.",
    ),
    observe=observe,
)
