"""Epsilon-greedy: a random action with probability epsilon, otherwise the greedy one."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array

CALLS = 5_000  # calls of the reader's function; shares of actions are then known to about 0.01


def fixed_cases() -> list[Case]:
    """Values that are no valid action numbers; the largest value is neither the first nor the last."""
    return [
        Case("epsilon 0, three actions", (np.array([0.5, 2.5, -1.5]), 0.0)),
        Case("epsilon 1, three actions", (np.array([0.5, 2.5, -1.5]), 1.0)),
        Case("epsilon 0.8, four actions", (np.array([0.5, -0.5, 3.5, 1.5]), 0.8)),
    ]


# The expected shares of actions, for the solution and the mistakes. A counted share is rounded to the nearest of them,
# so that the order and the methods by which the reader draws from `rng` make no difference.
SHARES = np.array([0, 0.05, 0.2, 0.25, 4 / 15, 1 / 3, 0.4, 7 / 15, 0.5, 0.6, 0.85, 1])


def observe(function: Any, case: Case) -> dict[str, Any] | None:
    """Call the function many times: the kind of its result, the share of each action, and whether `rng` decides."""
    q_values, epsilon = case.arguments
    returned = function(q_values, epsilon, np.random.default_rng(0))
    if returned is None:
        return None
    if not _is_action(returned, len(q_values)):
        shown = f"{returned:g}" if isinstance(returned, (float, np.floating)) else repr(returned)
        return {"what it returns": f"{shown}, which is not the number of an action (0 to {len(q_values) - 1})"}
    seen: dict[str, Any] = {"what it returns": "the number of an action"}
    rng = np.random.default_rng(1)
    actions = [function(q_values, epsilon, rng) for _ in range(CALLS)]
    if epsilon > 0 and len(set(actions)) == 1:  # which action may depend on a seed of the reader's own
        seen[f"actions in {CALLS} calls"] = "always the same one"
    else:
        for number in range(len(q_values)):
            share = sum(action == number for action in actions) / CALLS
            best = " (the greedy one)" if number == q_values.argmax() else ""
            seen[f"share of action {number}{best}, about"] = _settled(share)
    if epsilon == 1:
        first, again, other = (_sequence(function, q_values, seed) for seed in (7, 7, 8))
        seen["actions depend on the values"] = "no" if first == _sequence(function, -q_values, 7) else "yes"
        seen["the same seed gives the same actions"] = "yes" if first == again else "no"
        seen["another seed gives other actions"] = "yes" if first != other else "no"
    return seen


def _is_action(value: Any, num_actions: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and 0 <= int(value) < num_actions


def _settled(share: float) -> float:
    """The nearest expected share; if none is near, the counted share, rounded."""
    nearest = float(SHARES[np.abs(SHARES - share).argmin()])
    return round(nearest if abs(nearest - share) < 0.025 else share, 2)


def _sequence(function: Any, q_values: Array, seed: int) -> list[int]:
    rng = np.random.default_rng(seed)
    return [int(function(q_values, 1.0, rng)) for _ in range(40)]


EXERCISE = Exercise(
    name="epsilon_greedy",
    signature="epsilon_greedy(q_values, epsilon, rng) -> int",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    hints=[
        "Two cases, and a coin that decides between them: with probability epsilon a random action, else the greedy "
        "one.",
        "`rng.random()` is a number between 0 and 1. It is below `epsilon` with probability epsilon.",
        "A random action is `rng.integers(len(q_values))`; the greedy one is `q_values.argmax()`.",
    ],
    observe=observe,
)
