"""Right and wrong rollout tasks, as readers write them."""
# ruff: noqa: RET503
# mypy: disable-error-code="no-untyped-def,return"

from __future__ import annotations

from contextlib import closing, suppress

import numpy as np
import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise

EXERCISE = find_exercise("rollout_task")


def with_closing(make_actor, weights, epsilon, sequence):
    with closing(make_actor(sequence)) as actor:
        return actor.rollout(weights, epsilon, sequence)


def with_names(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence=sequence)
    try:
        rollout = actor.rollout(weights=weights, epsilon=epsilon, sequence=sequence)
    finally:
        actor.close()
    return rollout


def with_an_import(make_actor, weights, epsilon, sequence):
    import contextlib

    with contextlib.ExitStack() as stack:
        actor = make_actor(sequence)
        stack.callback(actor.close)
        return actor.rollout(weights, epsilon, sequence)


def with_except_and_raise(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    try:
        rollout = actor.rollout(weights, epsilon, sequence)
    except Exception:
        actor.close()
        raise
    actor.close()
    return rollout


def with_except_and_else(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    try:
        rollout = actor.rollout(weights, epsilon, sequence)
    except BaseException as error:
        actor.close()
        raise error
    else:
        actor.close()
        return rollout


def that_closes_twice(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    try:
        rollout = actor.rollout(weights, epsilon, sequence)
        actor.close()
        return rollout
    finally:
        actor.close()


def with_none_first(make_actor, weights, epsilon, sequence):
    actor = None
    try:
        actor = make_actor(sequence)
        return actor.rollout(weights, epsilon, sequence)
    finally:
        if actor is not None:
            actor.close()


def with_a_numpy_number(make_actor, weights, epsilon, sequence):
    actor = make_actor(np.int64(sequence))
    try:
        return actor.rollout(weights, np.asarray(epsilon), int(sequence))
    finally:
        actor.close()


def with_a_helper(make_actor, weights, epsilon, sequence):
    def act():
        return actor.rollout(weights, epsilon, sequence)

    actor = make_actor(sequence)
    try:
        return act()
    finally:
        actor.close()


def with_a_context_manager_of_its_own(make_actor, weights, epsilon, sequence):
    class Open:
        def __enter__(self):
            self.actor = make_actor(sequence)
            return self.actor

        def __exit__(self, *error):
            self.actor.close()

    with Open() as actor:
        return actor.rollout(weights, epsilon, sequence)


RIGHT = {
    answer.__name__: answer
    for answer in (
        *(with_closing, with_names, with_an_import, with_except_and_raise, with_except_and_else, that_closes_twice),
        *(with_none_first, with_a_numpy_number, with_a_helper, with_a_context_manager_of_its_own),
    )
}


def task(
    seed=lambda sequence: sequence,
    act=lambda actor, weights, epsilon, sequence: actor.rollout(weights, epsilon, sequence),
    back=lambda rollout: rollout,
):
    """The task with one place replaced."""

    def of_a_reader(make_actor, weights, epsilon, sequence):
        actor = make_actor(seed(sequence))
        try:
            return back(act(actor, weights, epsilon, sequence))
        finally:
            actor.close()

    return of_a_reader


def never_closed(make_actor, weights, epsilon, sequence):
    return make_actor(sequence).rollout(weights, epsilon, sequence)


def closed_after_return(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    return actor.rollout(weights, epsilon, sequence)
    actor.close()


def closed_without_finally(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    rollout = actor.rollout(weights, epsilon, sequence)
    actor.close()
    return rollout


def closed_after_one_kind_of_error(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    try:
        rollout = actor.rollout(weights, epsilon, sequence)
    except ArithmeticError:
        actor.close()
        raise
    actor.close()
    return rollout


def closed_only_after_an_error(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    try:
        return actor.rollout(weights, epsilon, sequence)
    except Exception:
        actor.close()
        raise


def not_called(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    try:
        return actor.rollout(weights, epsilon, sequence)
    finally:
        actor.close  # noqa: B018


def error_swallowed(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    with suppress(Exception):
        return actor.rollout(weights, epsilon, sequence)
    actor.close()


def error_printed(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    try:
        return actor.rollout(weights, epsilon, sequence)
    except Exception as error:
        print(error)
    finally:
        actor.close()


def return_in_finally(make_actor, weights, epsilon, sequence):
    actor, rollout = make_actor(sequence), None
    try:
        rollout = actor.rollout(weights, epsilon, sequence)
    finally:
        actor.close()
        return rollout  # noqa: B012


def returns_nothing(make_actor, weights, epsilon, sequence):
    actor = make_actor(sequence)
    try:
        actor.rollout(weights, epsilon, sequence)
    finally:
        actor.close()


def two_actors(make_actor, weights, epsilon, sequence):
    make_actor(sequence).close()
    with closing(make_actor(sequence)) as actor:
        return actor.rollout(weights, epsilon, sequence)


WRONG = {
    "always seed 0": task(seed=lambda sequence: 0),
    "no seed": task(seed=lambda sequence: None),
    "seed + 1": task(seed=lambda sequence: sequence + 1),
    "a seed by chance": task(seed=lambda sequence: int(np.random.default_rng().integers(10_000, 2**31))),
    "epsilon 0": task(act=lambda actor, weights, epsilon, sequence: actor.rollout(weights, 0.0, sequence)),
    "1 - epsilon": task(
        act=lambda actor, weights, epsilon, sequence: actor.rollout(weights, 1 - np.asarray(epsilon), sequence)
    ),
    "epsilon and sequence swapped": task(
        act=lambda actor, weights, epsilon, sequence: actor.rollout(weights, sequence, epsilon)
    ),
    "weights and epsilon swapped": task(
        act=lambda actor, weights, epsilon, sequence: actor.rollout(epsilon, weights, sequence)
    ),
    "without the number": task(act=lambda actor, weights, epsilon, sequence: actor.rollout(weights, epsilon)),
    "number + 1": task(act=lambda actor, weights, epsilon, sequence: actor.rollout(weights, epsilon, sequence + 1)),
    "the arrays of the weights": task(
        act=lambda actor, weights, epsilon, sequence: actor.rollout(weights.values, epsilon, sequence)
    ),
    "two rollouts": task(
        act=lambda actor, weights, epsilon, sequence: [actor.rollout(weights, epsilon, sequence) for _ in range(2)][-1]
    ),
    "transitions only": task(back=lambda rollout: rollout.transitions),
    "a pair": task(back=lambda rollout: (rollout, rollout.sequence)),
    "the steps": task(back=lambda rollout: rollout.steps),
    "a list": task(back=lambda rollout: [rollout]),
    **{
        answer.__name__: answer
        for answer in (
            *(never_closed, closed_after_return, closed_without_finally, closed_after_one_kind_of_error),
            *(closed_only_after_an_error, not_called, error_swallowed, error_printed, return_in_finally),
            *(returns_nothing, two_actors),
        )
    },
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_passes(name: str) -> None:
    for seed in range(3):
        result = verdict(EXERCISE, RIGHT[name], seed)
        assert result.passed, result.text


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_fails(name: str, named: list[str]) -> None:
    result = verdict(EXERCISE, WRONG[name])
    assert result.status == "wrong", result.text
    named.append(f"{name}: {result.mistake or '-'}")
