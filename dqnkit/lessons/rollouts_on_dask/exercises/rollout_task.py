"""A rollout as a Dask task: a function of its arguments that leaves nothing on the worker."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import PolicyWeights, Rollout, Transition


class TaskArguments(NamedTuple):
    """The arguments of one task in a case."""

    version: int  # of the weights
    epsilon: float
    sequence: int


class ActorLog:
    """A record of the actors that the reader's function makes, and of their rollouts."""

    def __init__(self, fails: bool) -> None:
        self.fails = fails  # whether their environments raise
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
        if self._log.fails:
            raise ValueError("the environment broke")
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
    tasks, fails = case.arguments
    log = ActorLog(fails)
    returned: list[Any] = []
    for version, epsilon, sequence in tasks:
        weights = PolicyWeights(version, (), np.full(1, version, np.float32))
        try:
            returned.append(thing(log.make_actor, weights, epsilon, sequence))
        except ValueError as error:
            returned.append(f"raised: {error}")
    if returned[0] is None and not log.made:
        return None
    return {
        "actors made": len(log.made),
        "actors made from": _describe_seeds(log.made, [task.sequence for task in tasks]),
        "rollouts: version of the weights, epsilon, sequence": np.array(
            [[_number(value) for value in row] for row in log.rollouts]
        ).reshape(-1, 3),
        "actors left open": len(log.made) - log.closed,
        "returned": [_describe_result(value) for value in returned],
    }


def _describe_seeds(made: list[Any], sequences: list[int]) -> str:
    """How the actors were seeded, in words: random seeds themselves would differ in every run of the check."""
    if made == sequences[: len(made)]:
        return "the sequence number of their task"
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


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def fixed_cases() -> list[Case]:
    """Smallest first."""
    return [
        Case("one task", ([TaskArguments(3, 0.25, 7)], False)),
        Case(
            "three tasks on the same worker, the weights newer each time",
            ([TaskArguments(3, 0.5, 7), TaskArguments(4, 0.25, 8), TaskArguments(6, 0.125, 9)], False),
        ),
        Case("an environment raises: two tasks", ([TaskArguments(3, 0.25, 7), TaskArguments(3, 0.25, 8)], True)),
    ]


EXERCISE = Exercise(
    name="rollout_task",
    signature="rollout_task(make_actor, weights, epsilon, sequence) -> Rollout",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    hints=(
        "Three steps: make an actor, have it make the rollout, close it. What each of them needs is among the "
        "arguments.",
        "`actor = make_actor(sequence)`, then `actor.rollout(weights, epsilon, sequence)` gives the rollout.",
        "The actor must be closed even if the rollout raises: `try:` the rollout, `finally:` close. A `return` inside "
        "of `try` still runs what stands in `finally`.",
    ),
    observe=observe,
)
