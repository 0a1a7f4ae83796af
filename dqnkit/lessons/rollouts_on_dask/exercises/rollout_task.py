"""A rollout as a Dask task: a function of its arguments that leaves nothing on the worker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import PolicyWeights, Rollout, Transition


class TaskArguments(NamedTuple):
    """The arguments of one task in a case."""

    version: int  # of the weights
    epsilon: Any  # a number, or one for each copy of the environment
    sequence: int
    error: type[Exception] | None = None  # that the environment raises


class ActorLog:
    """A record of the actors that the reader's function makes, and of their rollouts."""

    def __init__(self) -> None:
        self.error: type[Exception] | None = None  # that the environments raise now
        self.made: list[Any] = []  # the seed of each actor
        self.rollouts: list[tuple[Any, Any, Any]] = []  # weights version, epsilon, sequence
        self.closed = 0

    def make_actor(self, sequence: Any = None) -> _Actor:
        """Make an actor and record its seed."""
        self.made.append(sequence)
        return _Actor(self)


class _Actor:
    """An actor whose environment counts its steps."""

    def __init__(self, log: ActorLog) -> None:
        self._log, self._open = log, True
        self._steps = 0.0  # kept between rollouts, as the state of an environment is

    def rollout(self, weights: Any, epsilon: Any, sequence: Any = 0) -> Rollout:
        if not self._open:
            raise RuntimeError("this actor was closed: its environments are gone")
        self._log.rollouts.append((weights.version, epsilon, sequence))
        if self._log.error:
            raise self._log.error("the environment broke")
        self._steps += 1
        number = np.array([self._steps], np.float32)
        transition = Transition(number, np.zeros(1, np.int32), number, number, number + 1)
        nothing = np.empty(0, np.float32)
        return Rollout(transition, 1, weights.version, nothing, nothing.astype(np.int32), sequence=sequence)

    def close(self) -> None:
        self._log.closed += self._open
        self._open = False


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """Run the tasks one after the other, as on one worker; what each returned, and what was left open."""
    (tasks,) = case.arguments
    log = ActorLog()
    returned: list[Any] = []
    for version, epsilon, sequence, error in tasks:
        weights = PolicyWeights(version, (), np.full(1, version, np.float32))
        log.error = error
        try:
            returned.append(thing(log.make_actor, weights, epsilon, sequence))
        except Exception as raised:
            if error is None or not isinstance(raised, error):
                raise
            returned.append(f"raised: {type(raised).__name__}")
    if returned[0] is None and not log.made:
        return None
    return {
        "actors made": len(log.made),
        "actors made from": _describe_seeds(log.made, [task.sequence for task in tasks]),
        "weights versions that acted": _numbers(row[0] for row in log.rollouts),
        "epsilons that acted": _numbers(row[1] for row in log.rollouts),
        "sequence numbers of the rollouts": _numbers(row[2] for row in log.rollouts),
        "actors left open": len(log.made) - log.closed,
        "returned": [_describe_result(value) for value in returned],
    }


def _describe_seeds(made: list[Any], sequences: list[int]) -> str:
    """How the actors were seeded, in words: random seeds themselves would differ in every run of the check."""
    if not made or set(map(str, made)) == set(map(str, sequences[: len(made)])):
        return "the sequence number of their task"
    if None in made:
        return "nothing"
    if len(made) > 1 and len(set(map(str, made))) == 1:
        return "the same in every task"
    return "something else than the sequence number of their task"


def _describe_result(value: Any) -> Any:
    if isinstance(value, Rollout):
        number = float(value.transitions.observation[0])
        return f"rollout {value.sequence} under version {value.weights_version}, from step {number:.0f} of its actor"
    if isinstance(value, Transition):
        return "transitions alone"
    return value


def _numbers(values: Iterable[Any]) -> str:
    """Numbers, or arrays of them, as text; "none" where something else was given."""
    return "; ".join(", ".join(f"{float(number):g}" for number in np.ravel(_numeric(value))) for value in values)


def _numeric(value: Any) -> Any:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return np.nan


def fixed_cases() -> list[Case]:
    """Smallest first."""
    return [
        Case("one task", ([TaskArguments(3, 0.25, 7)],)),
        Case(
            "three tasks on the same worker, the weights newer each time",
            ([TaskArguments(3, 0.5, 7), TaskArguments(4, 0.25, 8), TaskArguments(6, 0.125, 9)],),
        ),
        Case(
            "an environment raises: two tasks",
            ([TaskArguments(3, 0.25, 7, ValueError), TaskArguments(3, 0.25, 8, ValueError)],),
        ),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: any versions, epsilons (one, or one for each copy) and numbers; some environments raise."""

    def tasks(count: int, errors: Sequence[type[Exception] | None]) -> Any:
        numbers = 1 + rng.permutation(1_000)[:count]  # in any order, as rollouts are made
        versions = np.sort(1 + rng.permutation(50)[:count])
        copies = int(rng.integers(1, 4))
        every = rng.uniform(0.01, 1.0, size=(count, copies)).round(3)
        epsilons = [float(row[0]) if copies == 1 else row for row in every]
        rows = zip(versions, epsilons, numbers, errors, strict=True)
        return ([TaskArguments(int(v), e, int(n), error) for v, e, n, error in rows],)

    count = int(rng.integers(3, 6))
    kinds = [ValueError, RuntimeError, OSError, KeyError]
    broken = [kinds[kind] for kind in rng.integers(4, size=2)]
    return [
        Case(f"{count} fresh tasks on the same worker", tasks(count, [None] * count)),
        Case("four fresh tasks, the environments of two of them raise", tasks(4, [None, *broken, None])),
    ]


EXERCISE = Exercise(
    name="rollout_task",
    signature="rollout_task(make_actor, weights, epsilon, sequence) -> Rollout",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "Three steps: make an actor, have it make the rollout, close it. What each of them needs is among the "
        "arguments.",
        "`actor = make_actor(sequence)`, then `actor.rollout(weights, epsilon, sequence)` gives the rollout.",
        "The actor must be closed even if the rollout raises: put the rollout under `try:` and `actor.close()` under "
        "`finally:`. What stands in `finally` is run after a `return` inside `try`, too.",
    ),
    observe=observe,
)
