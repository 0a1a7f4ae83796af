"""Epsilon-greedy: a random action with probability epsilon, otherwise the greedy one."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise, Mistake
from dqnkit.types import Array

CALLS = 5_000  # calls of the reader's function; shares of actions are then known to about 0.01


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


def _ignores_rng(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return epsilon_greedy(q_values, epsilon, np.random.default_rng())


def _seeds_anew(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return epsilon_greedy(q_values, epsilon, np.random.default_rng(0))


def _is_always_greedy(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return int(q_values.argmax())


def _is_always_random(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return int(rng.integers(len(q_values)))


def _takes_the_smallest(q_values: Array, epsilon: float, rng: np.random.Generator) -> int:
    return epsilon_greedy(-q_values, epsilon, rng)


def _returns_the_value(q_values: Array, epsilon: float, rng: np.random.Generator) -> float:
    return float(q_values[epsilon_greedy(q_values, epsilon, rng)])


def cases() -> list[Case]:
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
    solution=epsilon_greedy,
    mistakes=[
        Mistake(
            "comparison reversed",
            _compares_the_wrong_way,
            "The comparison is the wrong way round: it explores where it should be greedy. `rng.random()` is below "
            "`epsilon` with probability epsilon, and only then the action is random. With epsilon 0 an agent must "
            "never explore.",
        ),
        Mistake(
            "exploration leaves out the greedy action",
            _leaves_out_the_greedy_action,
            "When it explores it never takes the greedy action. Exploring means any action, each as likely as the "
            "other, the greedy one too; else with epsilon 1 the agent would avoid what it thinks best, and not act at "
            "random.",
        ),
        Mistake(
            "last action never explored",
            _never_explores_the_last,
            "The last action is never explored. `rng.integers(n)` draws from 0 to n - 1: the end is already left out, "
            "so it takes the number of actions, not one less. An action that is never tried is never learned.",
        ),
        Mistake(
            "first action never explored",
            _never_explores_the_first,
            "Action 0 is never explored: actions are numbered from 0. An action that is never tried is never learned.",
        ),
        Mistake(
            "explores two actions only",
            _explores_two_actions,
            "It explores only actions 0 and 1. CartPole has two actions, but the room has four: take their number from "
            "`len(q_values)`.",
        ),
        Mistake(
            "rng ignored",
            _ignores_rng,
            "The random numbers do not come from `rng`: the same seed gives other actions each time. A run that cannot "
            "be repeated cannot be examined. Draw everything from the `rng` that is given.",
        ),
        Mistake(
            "a new generator in every call",
            _seeds_anew,
            "A new generator with a fixed seed is made in every call, so every call draws the same number and explores "
            "the same action, or never. Use the `rng` that is given, and only that.",
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
            "It acts at random whatever epsilon is, also at 0. With probability 1 - epsilon it should use what it "
            "knows: the action of the largest value.",
        ),
        Mistake(
            "smallest value",
            _takes_the_smallest,
            "The greedy action it takes is the one of the smallest value (`argmin`). Greedy is the largest: `argmax`.",
        ),
        Mistake(
            "returns the value",
            _returns_the_value,
            "It returns the value of an action, not its number. The environment's `step` takes a number: `argmax`, not "
            "`max`.",
        ),
    ],
    cases=cases,
    hints=[
        "Two cases, and a coin that decides between them: with probability epsilon a random action, else the greedy "
        "one.",
        "`rng.random()` is a number between 0 and 1. It is below `epsilon` with probability epsilon.",
        "A random action is `rng.integers(len(q_values))`; the greedy one is `q_values.argmax()`.",
    ],
    observe=observe,
)
