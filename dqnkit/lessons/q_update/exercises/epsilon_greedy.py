"""Epsilon-greedy: a random action with probability epsilon, otherwise the greedy one."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array

VALID = "the number of an action"
# Where shares are counted, the solution and all known mistakes give multiples of 0.05. Of so many calls, the share is
# nearer to another multiple by chance once in 100,000 checks. Elsewhere only the set of actions is looked at.
COUNTED = {(5, 1.0), (4, 0.6)}  # (actions, epsilon)
MANY_CALLS, CALLS = 8_000, 1_000


def fixed_cases() -> list[Case]:
    """Values that are no valid action numbers; the largest value is neither the first nor the last."""
    return [
        Case("epsilon 0, three actions", (np.array([0.5, 2.5, -1.5]), 0.0)),
        Case("epsilon 1, five actions", (np.array([0.5, 2.5, -1.5, 0.25, 1.25]), 1.0)),
        Case("epsilon 0.6, four actions", (np.array([0.5, -0.5, 3.5, 1.5]), 0.6)),
        Case("epsilon 0, all values negative", (np.array([-0.75, -0.25, -1.5]), 0.0)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: few actions and many, values of either sign and all negative."""
    some, many, more = rng.integers([2, 6, 3], 10)
    negative = np.sort(-abs(_values(rng, some)))  # so that the largest is not the first
    fresh = [
        (negative, 0.0),
        (_values(rng, many), 1.0),
        (_values(rng, more), rng.uniform(0.2, 0.5)),
    ]
    return [Case(f"epsilon {e:.2g}, {len(values)} fresh values", (values, float(e))) for values, e in fresh]


def _values(rng: np.random.Generator, count: int) -> Array:
    """Values ``[count]`` of either sign, far enough apart, none of them a whole number."""
    return rng.permutation(count) + rng.uniform(0.1, 0.9, count) - rng.integers(count + 1)


def observe(function: Callable[..., Any], case: Case) -> dict[str, Any] | None:
    """Call the function many times: the kind of its results, which actions it takes, and whether `rng` decides."""
    q_values, epsilon = case.arguments
    if function(q_values.copy(), epsilon, np.random.default_rng(0)) is None:
        return None
    counted, rng = (len(q_values), epsilon) in COUNTED, np.random.default_rng(1)
    given = np.tile(q_values, (MANY_CALLS if counted else CALLS, 1))  # [calls, A]: its own values for each call
    results = [function(values, epsilon, rng) for values in given]
    changes = "no" if (given == q_values).all() else "yes"
    seen: dict[str, Any] = {"what it returns": _in_words(results, q_values), "whether it changes q_values": changes}
    if seen["what it returns"] != VALID:
        return seen
    actions, counts = np.unique(np.array(results, int), return_counts=True)
    if epsilon > 0 and len(actions) == 1:  # which action may depend on a seed of the reader's own
        greedy = actions[0] == q_values.argmax() and function(-q_values, epsilon, rng) == q_values.argmin()
        which = " (the greedy one)" if greedy and epsilon == 1 else ""
        seen[f"actions in {len(results):,} calls"] = f"always the same one{which}"
    elif counted:
        for number in range(len(q_values)):
            best = " (the greedy one)" if number == q_values.argmax() else ""
            share = counts[actions == number].sum() / len(results)
            seen[f"share of action {number}{best}, to the nearest 0.05"] = round(20 * share) / 20
    else:
        seen["the actions that it takes"] = ", ".join(map(str, actions))
    if 0 < epsilon <= 0.5:
        seen["the action that it takes most often"] = actions[counts.argmax()]
    if epsilon == 1:
        first, again, other = (_sequence(function, q_values, seed) for seed in (7, 7, 8))
        seen["the same seed gives the same actions"] = "yes" if first == again else "no"
        seen["another seed gives other actions"] = "yes" if first != other else "no"
    return seen


def _in_words(results: Sequence[Any], q_values: Array) -> str:
    """Return what kinds of results there are."""
    kinds = {_kind(result, q_values) for result in results}
    return " or ".join(sorted(kinds, key=lambda kind: (kind != VALID, kind))[:2])


def _kind(result: Any, q_values: Array) -> str:
    count = len(q_values)
    if _is_action(result, count):
        return VALID
    if isinstance(result, (float, np.floating)) and result in q_values:
        return f"one of the values, which is not the number of an action (0 to {count - 1})"
    shown = f"{result:g}" if isinstance(result, (float, np.floating)) else repr(result)
    return f"{shown}, which is not the number of an action (0 to {count - 1})"


def _is_action(value: Any, count: int) -> bool:
    try:
        return not isinstance(value, bool) and 0 <= operator.index(value) < count
    except TypeError:
        return False


def _sequence(function: Callable[..., Any], q_values: Array, seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int(function(q_values.copy(), 1.0, rng)) for _ in range(40)]


EXERCISE = Exercise(
    name="epsilon_greedy",
    signature="epsilon_greedy(q_values, epsilon, rng) -> int",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "There are two cases, and a random number decides between them: with probability epsilon a random action, "
        "otherwise the greedy one.",
        "`rng.random()` is a number between 0 and 1. It is below `epsilon` with probability epsilon.",
        "A random action is `rng.integers(len(q_values))`; the greedy one is `q_values.argmax()`.",
    ],
    observe=observe,
)
