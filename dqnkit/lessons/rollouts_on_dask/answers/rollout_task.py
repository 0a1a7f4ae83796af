"""The answers to `rollout_task`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import PolicyWeights, Rollout


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


def _no_seed(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    return rollout_task(lambda _: make_actor(None), weights, epsilon, sequence)


def _two_actors(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    make_actor(sequence).close()
    return rollout_task(make_actor, weights, epsilon, sequence)


def _closed_after_an_error_only(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    actor = make_actor(sequence)
    try:
        return actor.rollout(weights, epsilon, sequence)
    except Exception:
        actor.close()
        raise


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


def _off_by_one(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    return rollout_task(make_actor, weights, epsilon, sequence + 1)


def _twice(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    actor = make_actor(sequence)
    try:
        actor.rollout(weights, epsilon, sequence)
        return actor.rollout(weights, epsilon, sequence)
    finally:
        actor.close()


def _closes_too_early(make_actor: Any, weights: Any, epsilon: float, sequence: int) -> Any:
    actor = make_actor(sequence)
    actor.close()
    return actor.rollout(weights, epsilon, sequence)


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


ANSWERS = Answers(
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
            "The actor is made from another number than the task's. A seed by chance makes another rollout each time "
            "that the task runs, so that no run can be repeated. Make it from `sequence`, as it is.",
        ),
        Mistake(
            "no seed",
            _no_seed,
            "The actor is made without a number, so its episodes are drawn by chance: the same task would make another "
            "rollout each time. Call `make_actor(sequence)`.",
        ),
        Mistake(
            "two actors",
            _two_actors,
            "Each task makes more than one actor. Building environments takes time; one actor is enough.",
        ),
        Mistake(
            "closed after an error only",
            _closed_after_an_error_only,
            "The actor is closed where the rollout raises, and stays open where it succeeds. What must happen in both "
            "cases stands in a `finally`.",
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
            "another number",
            _off_by_one,
            "The rollout is made and numbered as another one than the task was asked for. The driver waits for the "
            "number `sequence`: give it on as it is.",
        ),
        Mistake(
            "two rollouts",
            _twice,
            "The actor makes two rollouts, and the first is lost: half of the work is for nothing. Call "
            "`actor.rollout` once.",
        ),
        Mistake(
            "closed too early",
            _closes_too_early,
            "The actor is closed before it acts, and its environments are gone by then. Close it after the rollout, "
            "in a `finally`.",
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
)
