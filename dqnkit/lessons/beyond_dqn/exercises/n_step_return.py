"""The reward and the discount of an n-step transition."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array


def fixed_cases() -> list[Case]:
    """One step; then windows inside an episode, up to its end, and beyond its end."""
    return [
        _case("one step, the episode goes on", [1.0], [], 0.5),
        _case("one step, the episode terminated", [2.0], [0], 0.5),
        _case("three steps, the episode goes on", [1.0, 2.0, 4.0], [], 0.5),
        _case("three steps, the last one terminated", [1.0, 0.0, 4.0], [2], 0.9),
        _case("three steps, the second terminated: the third belongs to the next episode", [1.0, 2.0, 40.0], [1], 0.5),
        _case("a window of two steps, because the episode was truncated there", [-1.0, 3.0], [], 0.9),
        _case("five steps, the second terminated", [0.5, 1.5, 8.0, -3.0, 20.0], [1], 0.8),
        _case("six steps, the second and the fifth terminated", [1.0, 1.0, 5.0, 2.0, 3.0, 4.0], [1, 4], 0.9),
        _case("four steps, all rewards below 0", [-1.5, -0.25, -2.0, -1.0], [], 0.95),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: windows of every length with no end, one end and several ends, anywhere; rewards of either sign."""
    fresh = []
    for num_ends in (0, 0, 1, 1, 1, 2):
        length = int(rng.integers(4, 9))
        rewards = rng.normal(rng.choice([-3.0, 0.0, 3.0]), 1.5, length).round(2)
        ends = rng.choice(np.arange(1, length - 1), size=num_ends, replace=False)  # neither the first step nor the last
        label = f"a window of {length} steps with {num_ends or 'no'} end{'s' * (num_ends > 1)}"
        fresh.append(_case(label, rewards, ends, float(rng.uniform(0.5, 0.95))))
    return fresh


def _case(label: str, rewards: Sequence[float] | Array, ends: Sequence[int] | Array, gamma: float) -> Case:
    """A window; ``ends`` are the numbers of the steps that terminated."""
    return Case(label, (np.array(rewards), np.isin(np.arange(len(rewards)), ends), gamma))


EXERCISE = Exercise(
    name="n_step_return",
    signature="n_step_return(rewards, terminated, gamma) -> (reward, discount)",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "Go through the steps one by one with two numbers: the sum so far, and the factor of the next reward. What is "
        "the factor of the first reward, and how does it change from step to step?",
        "Start with `total, factor = 0.0, 1.0`. For each step: `total += factor * reward`, then `factor *= gamma`.",
        "If a step terminated, return at once: `total`, with the reward of that step in it, and the discount 0. After "
        "the last step `factor` has become gamma ** n: that is the discount.",
    ],
)
