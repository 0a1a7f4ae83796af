"""Rollouts as a stream: a bounded window of tasks in flight, each rollout inserted as it completes.

The check simulates a cluster with a clock: each task has a length in seconds, and the clock jumps to the next arrival.
So the check sees where a loop waits, without waiting itself. The tasks are run, too, with the arguments that the loop
submitted; the task notices what it is given, and whether a worker or the driver called it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from unittest.mock import patch

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise

MAX_TASKS = 200  # several times as many as any case needs
EPSILON = 0.25


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
    failures: tuple[tuple[int, int], ...] = ()  # (sequence number, how many of its first tries raise an error)


class SimulatorError(Exception):
    """The error that a task raises where the script says so."""


class CancelledError(Exception):
    """Raised by the result of a task that was cancelled."""


class _TooMuch(BaseException):  # not an Exception, so that `except Exception` does not catch it
    """The loop does not end."""


class FakeFuture:
    """A submitted task; has Dask's ``key``, ``status``, ``done()``, ``result()``, ``exception()`` and ``cancel()``."""

    def __init__(self, cluster: FakeCluster, key: str, ready: float, value: Any, error: Exception | None) -> None:
        self._cluster, self._value, self._error = cluster, value, error
        self.key, self.ready = key, ready
        self.is_cancelled = False

    @property
    def status(self) -> str:
        """The status in Dask's words: pending, finished, error or cancelled."""
        if self.is_cancelled:
            return "cancelled"
        if self._cluster.clock < self.ready:
            return "pending"
        return "error" if self._error else "finished"

    def done(self) -> bool:
        """Whether the task has ended, with or without a result."""
        return self.status != "pending"

    def cancelled(self) -> bool:
        """Whether the task was cancelled."""
        return self.is_cancelled

    def result(self, timeout: Any = None) -> Any:
        """Wait for the task; return its value, or raise its error."""
        error = self.exception(timeout)
        if error is not None:
            raise error
        return self._value

    def exception(self, timeout: Any = None) -> Exception | None:
        """Wait for the task; return its error, or None if it has a value."""
        if self.is_cancelled:
            raise CancelledError(self.key)
        self._cluster.wait_for(self)
        return self._error

    def cancel(self, **_: Any) -> None:
        """Cancel the task."""
        self._cluster.cancel([self])

    def release(self) -> None:
        """Forget the task."""

    def __repr__(self) -> str:
        return f"<Future: {self.status}, key: {self.key}>"


@dataclass(repr=False, eq=False)
class FakeCluster:
    """Stands in for Dask's client; runs the tasks, and records what the loop does."""

    script: Script
    clock: float = 0.0
    futures: list[FakeFuture] = field(default_factory=list)
    by_key: dict[str, FakeFuture] = field(default_factory=dict)
    tries: Counter[int] = field(default_factory=Counter)  # by sequence number
    pure: int = 0
    called_here: int = 0  # by the driver
    wrong_tasks: list[str] = field(default_factory=list)  # errors of tasks that the script knows nothing of
    in_flight: list[int] = field(default_factory=list)  # number of tasks, each time the driver waited
    inserted: list[Any] = field(default_factory=list)
    in_worker: bool = False
    keys: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.weights = FakeFuture(self, "weights", 0.0, "the weights", None)  # published, as in the lesson
        self.arguments = ("make_actor", self.weights, EPSILON)

    def run_task(self, make_actor: Any, weights: Any, epsilon: Any, sequence: Any) -> FakeRollout:
        """What the task does that the loop is given."""
        number = int(sequence)
        if not self.in_worker:
            self.called_here += 1
        if isinstance(weights, FakeFuture) and self.in_worker:
            raise TypeError("the task got a Future in place of the weights: Dask did not see it among the arguments")
        given = ["make_actor" if value == "make_actor" else type(value).__name__ for value in (make_actor, epsilon)]
        if given != ["make_actor", "float"] or epsilon != EPSILON:
            raise TypeError(f"the task got other arguments: make_actor is {given[0]}, epsilon is {given[1]}")
        if self.in_worker:
            self.tries[number] += 1
            if self.tries[number] <= dict(self.script.failures).get(number, 0):
                raise SimulatorError(f"the simulator of rollout {number} broke")
        return FakeRollout(number, self.script.steps[number % len(self.script.steps)])

    def submit(self, function: Any, *arguments: Any, pure: bool = True, key: Any = None, **others: Any) -> FakeFuture:
        """Start a task. With ``pure``, a task with the same arguments as an earlier one is not run again."""
        if not callable(function):
            raise TypeError("First input to submit must be a callable function")  # as Dask does
        if len(self.futures) >= MAX_TASKS:
            raise _TooMuch
        named = {name: value for name, value in others.items() if name not in ("workers", "priority", "retries")}
        self.pure += bool(pure) and key is None
        if key is None:
            name = getattr(function, "__name__", "function")
            key = f"{name}-{arguments}-{named}" if pure else f"{name}-{next(self.keys)}"
        if key in self.by_key:
            return self.by_key[key]
        future = self._run(key, function, arguments, named)
        self.futures.append(future)
        self.by_key[key] = future
        return future

    def _run(self, key: str, function: Any, arguments: Any, named: Any) -> FakeFuture:
        """Run a function as a worker does: futures among its arguments are replaced by their results."""
        value, error = None, None
        self.in_worker = True
        try:
            value = function(*_with_results(arguments), **_with_results(named))
        except Exception as raised:
            error = raised
            if not isinstance(raised, SimulatorError):
                self.wrong_tasks.append(f"{type(raised).__name__}: {raised}")
        finally:
            self.in_worker = False
        number = next((int(a) for a in (*named.values(), *arguments[::-1]) if isinstance(a, (int, np.integer))), 0)
        seconds = self.script.seconds[number % len(self.script.seconds)]
        return FakeFuture(self, key, self.clock + seconds, value, error)

    def cancel(self, futures: Any, **_: Any) -> None:
        """Cancel tasks."""
        for future in futures if isinstance(futures, Iterable) else [futures]:
            future.is_cancelled = True

    def gather(self, futures: Iterable[FakeFuture], **_: Any) -> list[Any]:
        """The results of several tasks."""
        return [future.result() for future in futures]

    def running(self) -> list[FakeFuture]:
        """The tasks in flight."""
        return [future for future in self.futures if future.status == "pending"]

    def wait_for(self, future: FakeFuture) -> None:
        """Move the clock to the end of a task; record how many tasks are in flight until then."""
        if self.clock < future.ready:
            self.in_flight.append(len(self.running()))
            self.clock = future.ready


class FakeArrivals:
    """Stands in for Dask's ``as_completed``: an iterator of futures as they complete, to which more may be added."""

    def __init__(self, cluster: FakeCluster, futures: Iterable[FakeFuture] = (), with_results: bool = False) -> None:
        self._cluster, self._with_results = cluster, with_results
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

    def has_ready(self) -> bool:
        """Whether the next future has arrived already."""
        return any(future.done() for future in self._waiting)

    def batches(self) -> Iterator[list[Any]]:
        """All futures that have arrived, at least one, again and again."""
        for first in self:
            batch = [first]
            while self.has_ready():
                batch.append(next(self))
            yield batch

    def __iter__(self) -> FakeArrivals:
        return self

    def __next__(self) -> Any:
        self._waiting = [future for future in self._waiting if not future.is_cancelled]
        if not self._waiting:
            raise StopIteration
        future = min(self._waiting, key=lambda waiting: waiting.ready)
        self._waiting.remove(future)
        self._cluster.wait_for(future)
        return (future, future.result()) if self._with_results else future


def _with_results(value: Any) -> Any:
    """A value in which futures are replaced by their results, as deep as Dask looks."""
    if isinstance(value, FakeFuture):
        return value.result()
    if isinstance(value, dict):
        return {name: _with_results(item) for name, item in value.items()}
    return type(value)(map(_with_results, value)) if type(value) in (list, tuple) else value


@contextmanager
def _imported(as_completed: Any) -> Iterator[None]:
    """Within the block, an ``import`` of Dask's own ``as_completed`` gives this one."""
    with ExitStack() as stack:
        for name in ("distributed", "dask.distributed"):
            if name in sys.modules:
                stack.enter_context(patch.object(sys.modules[name], "as_completed", as_completed))
        yield


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """Run the loop on the simulated cluster; what the cluster and the replay buffer received."""
    script, total, window, retries = case.arguments
    cluster = FakeCluster(script)

    def insert(rollout: Any) -> None:
        cluster.inserted.append(rollout.sequence if isinstance(rollout, FakeRollout) else type(rollout).__name__)

    def task(make_actor: Any, weights: Any, epsilon: Any, sequence: Any) -> FakeRollout:
        return cluster.run_task(make_actor, weights, epsilon, sequence)

    task.__qualname__ = "task"  # in the words of an error

    def as_completed(futures: Iterable[FakeFuture] = (), with_results: bool = False, **_: Any) -> FakeArrivals:
        return FakeArrivals(cluster, futures, with_results)

    settings = {"total": total, "window": window, "retries": retries}
    gives_up = any(times > retries for _, times in script.failures)
    returned, ended = None, "it returned"
    try:
        with _imported(as_completed):
            returned = thing(cluster, as_completed, task, cluster.arguments, insert, **settings)
    except _TooMuch:
        ended = "it was stopped: it went on and on"
    except (SimulatorError, RuntimeError) as error:  # a reader may also raise an error of their own from it
        ended = "with an error" if gives_up else f"with an error: {error}"
    except Exception as error:
        if str(error) not in [text.partition(": ")[2] for text in cluster.wrong_tasks]:
            raise
        ended = "with the error of a task"
    if returned is None and not (cluster.futures or cluster.called_here):
        return None
    called = {
        "calls of the task in the driver": cluster.called_here,
        "what went wrong in the tasks (but for the simulator)": _listed(dict.fromkeys(cluster.wrong_tasks)),
    }
    if cluster.wrong_tasks:  # all else follows from it
        return called
    return {
        **called,
        "how it ended": ended,
        "inserted, by sequence number, as they arrived": _listed(cluster.inserted),
        "submitted as pure": cluster.pure,
        "in flight, each time it waited": _listed(cluster.in_flight),
        "still in flight when it ended": len(cluster.running()),
        "what it returned": returned,
    }


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values)) or "none"


def fixed_cases() -> list[Case]:
    """Smallest first. Each: the script, total, window, retries."""
    return [
        Case("one at a time: 3 rollouts of 2 steps, total 6, window 1", (Script((2,), (1,)), 6, 1, 2)),
        Case("window 3, the first takes 9 s, the others 2 s, total 8", (Script((2,), (9, 2, 2, 2)), 8, 3, 2)),
        Case(
            "window 3, rollouts of 1 to 4 steps that take 1 to 7 s, total 20",
            (Script((2, 1, 4, 3), (4, 7, 1, 3, 2)), 20, 3, 2),
        ),
        Case("rollout 1 fails once, window 2, total 8, retries 2", (Script((2,), (3, 1, 2), ((1, 1),)), 8, 2, 2)),
        Case("rollout 1 fails twice, window 2, total 8, retries 2", (Script((2,), (3, 1, 2), ((1, 2),)), 8, 2, 2)),
        Case(
            "three rollouts fail once each, window 4, total 24, retries 2",
            (Script((2, 3), (5, 2, 4, 3, 6, 1, 7), ((0, 1), (3, 1), (5, 1))), 24, 4, 2),
        ),
        Case(
            "rollout 1 fails at every try, window 3, total 30, retries 2: the loop has to give up",
            (Script((2,), (2, 1, 3), ((1, 1_000),)), 30, 3, 2),
        ),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: windows, lengths and steps of every size; some rollouts fail once, one to its limit, one for ever."""

    def script(window: int, retries: int, failing: dict[int, int]) -> tuple[Any, ...]:
        steps = tuple(int(n) for n in rng.integers(1, 7, size=rng.integers(2, 6)))
        seconds = [*rng.integers(2, 10, size=window), *rng.integers(1, 10, size=rng.integers(1, 6))]
        for number in failing:
            seconds[number] = 1  # so that it has ended its tries before the others make up the total
        total = sum(steps[number % len(steps)] for number in range(3 * window + 4)) + int(rng.integers(3))
        return Script(steps, tuple(map(int, seconds)), tuple(failing.items())), total, window, retries

    fresh = []
    for window in rng.permutation([3, 4, 5])[:2]:
        fresh.append(Case(f"a fresh cluster, window {window}", script(int(window), 2, {})))
    window, retries = int(rng.integers(4, 7)), int(rng.integers(1, 3))
    numbers = [int(number) for number in rng.permutation(window)]
    several = dict.fromkeys(numbers[: retries + 1], 1)
    label = f"a fresh cluster, window {window}, retries {retries}: "
    fresh.append(Case(label + f"rollouts {_listed(sorted(several))} fail once each", script(window, retries, several)))
    often = {numbers[0]: retries}
    fresh.append(Case(label + f"rollout {numbers[0]} fails {retries} times", script(window, retries, often)))
    always = {numbers[1]: 1_000}
    fresh.append(Case(label + f"rollout {numbers[1]} fails at every try", script(window, retries, always)))
    return fresh


EXERCISE = Exercise(
    name="streaming_loop",
    signature="streaming_loop(client, as_completed, task, arguments, insert, *, total, window, retries) -> failed",
    minutes=15,
    difficulty=3,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "You need four things: `arrivals = as_completed([])`, a dict from each future in flight to its sequence "
        "number, a count of the failed tries of each number (`collections.Counter()`), and a small function "
        "`submit(number)` that submits one task, notes it in the dict and adds it to `arrivals`.",
        "Before the loop: `submit` the numbers 0 to window - 1. Then `for future in arrivals:`, and at its beginning "
        "`number = numbers.pop(future)`.",
        'In the loop there are two ways. If `future.status == "finished"`, insert its result, add its steps, and '
        "submit the next new number. If not, and its number has failed fewer than `retries` times, count a failure "
        "and submit the same number again; else call `future.result()`, which raises the error.",
        "As soon as the steps reach `total`: `break`. Cancel what is in flight, `client.cancel(list(numbers))`, in a "
        "`finally` around the loop: so it is done after an error too. Return the sum of the counts.",
    ),
    observe=observe,
)
