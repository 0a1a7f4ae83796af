"""Rewards held within bounds, so that one learning rate fits many games (Mnih et al., 2015)."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """Within the bounds, beyond them to both sides, and bounds other than 1."""
    return [
        Case("rewards within the bounds", (np.array([0.25, -0.5, 0.0]), 1.0)),
        Case("rewards above", (np.array([7.0, 400.0, 1.0]), 1.0)),
        Case("rewards below", (np.array([-7.0, -1.0, -30.0]), 1.0)),
        Case("a bit of everything", (np.array([2.0, -0.3, 0.0, -9.0, 0.8]), 1.0)),
        Case("bounds of 5", (np.array([4.0, 6.0, -20.0, 0.4, -2.5]), 5.0)),
        Case("bounds of 0.1", (np.array([1.0, 0.05, -0.04, -3.0]), 0.1)),
        Case("no reward at all", (np.zeros(3), 1.0)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: rewards of every sign and size, any bounds."""
    fresh = []
    for _ in range(8):
        largest = round(float(rng.uniform(0.2, 6.0)), 2)
        rewards = (rng.normal(size=int(rng.integers(1, 7))) * rng.choice([0.3, 1.0, 8.0]) * largest).round(3)
        fresh.append(Case(f"{len(rewards)} rewards, bounds of {largest:g}", (rewards, largest)))
    return fresh


EXERCISE = Exercise(
    name="reward_clip",
    signature="reward_clip(rewards, largest) -> [T]",
    minutes=2,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "What is between `-largest` and `largest` stays as it is. What is beyond becomes the bound that is nearer.",
        "`np.minimum` and `np.maximum`, one after the other, or one call of `np.clip`.",
        "`np.clip(rewards, -largest, largest)`.",
    ),
)
