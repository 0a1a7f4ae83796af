"""The answers to `epsilon_greedy`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Array


def epsilon_greedy(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    """An action for a state whose Q-values are ``q_values [A]``."""
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return int(q_values.argmax())


def _compares_the_wrong_way(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return epsilon_greedy(q_values, 1 - epsilon, rng)


def _leaves_out_the_greedy_action(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    best = int(q_values.argmax())
    if rng.random() < epsilon:
        return int(rng.choice([action for action in range(len(q_values)) if action != best]))
    return best


def _never_explores_the_last(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values) - 1))
    return int(q_values.argmax())


def _never_explores_the_first(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    if rng.random() < epsilon:
        return int(rng.integers(1, len(q_values)))
    return int(q_values.argmax())


def _explores_two_actions(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    if rng.random() < epsilon:
        return int(rng.integers(2))
    return int(q_values.argmax())


_ANOTHER_GENERATOR = np.random.default_rng()


def _ignores_rng(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return epsilon_greedy(q_values, epsilon, _ANOTHER_GENERATOR)


def _seeds_anew(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return epsilon_greedy(q_values, epsilon, np.random.default_rng(0))


def _is_always_greedy(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return int(q_values.argmax())


def _is_always_random(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return int(rng.integers(len(q_values)))


def _returns_zero(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return 0


def _takes_the_smallest(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return epsilon_greedy(-q_values, epsilon, rng)


def _returns_the_value(q_values: Array, epsilon: float, rng: np.random.Generator) -> float:
    return float(q_values[epsilon_greedy(q_values, epsilon, rng)])


def _explores_values(q_values: Array, epsilon: float, rng: np.random.Generator) -> Any:
    if rng.random() < epsilon:
        return rng.choice(q_values)
    return int(q_values.argmax())


def _explores_one_too_many(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values) + 1))
    return int(q_values.argmax())


def _shuffles(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    if rng.random() < epsilon:
        rng.shuffle(q_values)
    return int(q_values.argmax())


def _searches_from_zero(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return int(np.maximum(q_values, 0).argmax())


def _takes_the_largest_size(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return epsilon_greedy(abs(q_values), epsilon, rng)


ANSWERS = Answers(
    solution=epsilon_greedy,
    mistakes=[
        Mistake(
            "comparison reversed",
            _compares_the_wrong_way,
            "The comparison is the wrong way round: it explores where it should be greedy. `rng.random()` is below "
            "`epsilon` with probability epsilon, and only then is the action random. With epsilon 0 an agent never "
            "explores.",
        ),
        Mistake(
            "exploration leaves out the greedy action",
            _leaves_out_the_greedy_action,
            "When it explores, it never takes the greedy action. Exploring means any action, all equally likely, the "
            "greedy one among them; otherwise, with epsilon 1, the agent would always avoid what it thinks best.",
        ),
        Mistake(
            "last action never explored",
            _never_explores_the_last,
            "The last action is never explored. `rng.integers(n)` draws from 0 to n - 1, so `n` is the number of "
            "actions, not one less. What is never tried is never learned.",
        ),
        Mistake(
            "first action never explored",
            _never_explores_the_first,
            "Action 0 is never explored: actions are numbered from 0. What is never tried is never learned.",
        ),
        Mistake(
            "explores two actions only",
            _explores_two_actions,
            "It explores only actions 0 and 1. CartPole has two actions, but the room has four: their number is "
            "`len(q_values)`.",
        ),
        Mistake(
            "rng ignored",
            _ignores_rng,
            "The random numbers do not come from `rng` but from elsewhere, such as Python's `random` or `np.random`: "
            "the same seed gives other actions each time, and a run that cannot be repeated cannot be examined. Draw "
            "everything from `rng`.",
        ),
        Mistake(
            "a new generator in every call",
            _seeds_anew,
            "Every call makes a new generator with a fixed seed, so every call draws the same numbers: it always "
            "explores the same action, or never explores. Draw everything from `rng`.",
        ),
        Mistake(
            "always greedy",
            _is_always_greedy,
            "It never explores, whatever epsilon is. An agent that only does what it thinks best never finds out that "
            "something else is better.",
        ),
        Mistake(
            "always random",
            _is_always_random,
            "It acts at random whatever epsilon is, even when it is 0. With probability 1 - epsilon it should use what "
            "it knows: the action with the largest value.",
        ),
        Mistake(
            "always action 0",
            _returns_zero,
            "It returns 0, whatever the values and epsilon are. `int(rng.random())` is 0 too: it cuts off everything "
            "behind the point.",
        ),
        Mistake(
            "smallest value",
            _takes_the_smallest,
            "Its greedy action is the one with the smallest value (`argmin`). The greedy action has the largest value: "
            "`argmax`.",
        ),
        Mistake(
            "search from zero",
            _searches_from_zero,
            "Where all values are negative it does not find the largest: the search seems to begin at 0. Values may be "
            "negative, wherever a reward is a cost. `q_values.argmax()` needs no starting value.",
        ),
        Mistake(
            "sign ignored",
            _takes_the_largest_size,
            "The greedy action it takes is the one whose value is furthest from 0, whatever its sign. A value of -5 is "
            "worse than one of 1: leave out `abs`.",
        ),
        Mistake(
            "returns the value",
            _returns_the_value,
            "It returns the value of an action, not its number. The environment's `step` takes the number: `argmax`, "
            "not `max`.",
        ),
        Mistake(
            "explores values",
            _explores_values,
            "When it explores, it returns one of the values, not the number of an action: `rng.choice(q_values)` "
            "draws a value. `rng.integers(len(q_values))` draws a number.",
        ),
        Mistake(
            "explores one action too many",
            _explores_one_too_many,
            "When it explores, it sometimes returns an action that does not exist. `rng.integers(n)` draws from 0 to "
            "n - 1, so `n` is the number of actions: `len(q_values)`.",
        ),
        Mistake(
            "changes the values",
            _shuffles,
            "It changes `q_values`: `shuffle` and `sort` reorder the array that they are given. Here it is a row of "
            "the agent's table, and what was learned is now in the wrong place. `rng.integers(len(q_values))` changes "
            "nothing.",
        ),
    ],
)
