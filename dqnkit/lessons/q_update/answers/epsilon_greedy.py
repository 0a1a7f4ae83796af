"""The answers to `epsilon_greedy`: a worked solution, and known mistakes."""

from __future__ import annotations

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


ANSWERS = Answers(
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
)
