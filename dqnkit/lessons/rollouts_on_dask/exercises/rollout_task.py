"""A rollout as a Dask task: a function of its arguments that leaves nothing on the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise, Mistake
from dqnkit.types import PolicyWeights, Rollout, Transition


def rollout_task(make_actor: Callable[[int], Any], weights: PolicyWeights, epsilon: float, sequence: int) -> Rollout:
    """Make one rollout; the same arguments give the same rollout on every worker.

    Args:
        make_actor: makes an actor from the seed that it is given.
        weights: what the actor acts with.
        epsilon: its exploration.
        sequence: the task's sequence number, also the actor's seed.
    """
    actor = make_actor(sequence)
    try:
        return actor.rollout(weights, epsilon, sequence)
    finally:
        actor.close()


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


def cases() -> list[Case]:
    """Smallest first."""
    return [
        Case("one task", ([TaskArguments(3, 0.25, 7)], False)),
        Case(
            "three tasks on the same worker, the weights newer each time",
            ([TaskArguments(3, 0.5, 7), TaskArguments(4, 0.25, 8), TaskArguments(6, 0.125, 9)], False),
        ),
        Case("an environment raises: two tasks", ([TaskArguments(3, 0.25, 7), TaskArguments(3, 0.25, 8)], True)),
    ]


class _KeptOnWorker:
    """A value kept between tasks, as a global variable on a worker would be."""

    def __init__(self) -> None:
        self.maker: Any = None
        self.kept: Any = None

    def get(self, make_actor: Any, make: Callable[[], Any]) -> Any:
        if self.maker != make_actor:  # another case: a new worker, with nothing kept
            self.maker, self.kept = make_actor, make()
        return self.kept


_ACTOR, _WEIGHTS = _KeptOnWorker(), _KeptOnWorker()


def _global_actor(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    return _ACTOR.get(make_actor, lambda: make_actor(sequence)).rollout(weights, epsilon, sequence)


def _global_weights(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    return rollout_task(make_actor, _WEIGHTS.get(make_actor, lambda: weights), epsilon, sequence)


def _same_seed(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    return rollout_task(lambda _: make_actor(0), weights, epsilon, sequence)


def _random_seed(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    seed = int(np.random.default_rng().integers(1_000, 2**31))
    return rollout_task(lambda _: make_actor(seed), weights, epsilon, sequence)


def _left_open(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    return make_actor(sequence).rollout(weights, epsilon, sequence)


def _left_open_after_an_error(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    actor = make_actor(sequence)
    rollout = actor.rollout(weights, epsilon, sequence)
    actor.close()
    return rollout


def _no_number(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    actor = make_actor(sequence)
    try:
        return actor.rollout(weights, epsilon)
    finally:
        actor.close()


def _transitions_only(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    return rollout_task(make_actor, weights, epsilon, sequence).transitions


def _greedy(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    return rollout_task(make_actor, weights, 0.0, sequence)


def _hides_errors(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    try:
        return rollout_task(make_actor, weights, epsilon, sequence)
    except Exception:
        return None


def _returns_nothing(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> None:
    rollout_task(make_actor, weights, epsilon, sequence)


EXERCISE = Exercise(
    name="rollout_task",
    signature="rollout_task(make_actor, weights, epsilon, sequence) -> Rollout",
    minutes=6,
    difficulty=1,
    solution=rollout_task,
    mistakes=[
        Mistake(
            "an actor kept between tasks",
            _global_actor,
            "One actor is kept from task to task, so a rollout begins where the one before it ended, on that worker. "
            "Another worker, or the same one after a restart, makes another rollout from the same arguments. Make the "
            "actor inside the task.",
        ),
        Mistake(
            "the first weights kept",
            _global_weights,
            "Every rollout is made under the first weights that came: newer ones are ignored, and the policy that acts "
            "never learns. Act under the `weights` that this task was given.",
        ),
        Mistake(
            "the same seed in every task",
            _same_seed,
            "All actors are made from the same number, so every task plays the same episodes: ten workers give one "
            "worker's experience ten times. Make the actor from `sequence`, which is another one in each task.",
        ),
        Mistake(
            "a seed by chance",
            _random_seed,
            "The actor is not made from the task's sequence number, so a lost task that runs again makes another "
            "rollout, and no run can be repeated. Make it from `sequence`.",
        ),
        Mistake(
            "environments left open",
            _left_open,
            "The actor is never closed. Its environments stay on the worker after the task is over, and every task "
            "adds more, until the worker is out of memory. Call `actor.close()`.",
        ),
        Mistake(
            "left open after an error",
            _left_open_after_an_error,
            "Where the environment raises, `actor.close()` is never reached: its environments stay on the worker. What "
            "must happen in any case stands in a `finally`.",
        ),
        Mistake(
            "no sequence number in the rollout",
            _no_number,
            "The rollout does not carry its number. Rollouts arrive in any order, and some arrive twice: without its "
            "number the driver cannot tell. Give `sequence` to `actor.rollout` too.",
        ),
        Mistake(
            "transitions alone",
            _transitions_only,
            "Only the transitions come back. The version of the weights and the sequence number are in the rollout; "
            "without them nobody can say how old it is, or whether it has come before. Return the whole rollout.",
        ),
        Mistake(
            "epsilon ignored",
            _greedy,
            "The actor does not act with the epsilon of the task, so it does not explore as it should. Give `epsilon` "
            "to `actor.rollout`.",
        ),
        Mistake(
            "hides errors",
            _hides_errors,
            "An error becomes None. The driver then holds a rollout that is none, and nobody learns why. Let it raise: "
            "Dask carries the error to the driver, with its traceback.",
        ),
        Mistake(
            "returns nothing",
            _returns_nothing,
            "The rollout is made and then dropped: the function ends without `return`. What a task does not return "
            "stays on the worker and is lost.",
        ),
    ],
    cases=cases,
    hints=(
        "Three steps: make an actor, have it make the rollout, close it. What each of them needs is among the "
        "arguments.",
        "`actor = make_actor(sequence)`, then `actor.rollout(weights, epsilon, sequence)` gives the rollout.",
        "The actor must be closed even if the rollout raises: `try:` the rollout, `finally:` close. A `return` inside "
        "of `try` still runs what stands in `finally`.",
    ),
    observe=observe,
)
