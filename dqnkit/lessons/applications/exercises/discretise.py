"""A continuous action cut into bins: which force an action number stands for."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """Forces to both sides first, then bounds that are not symmetric."""
    return [
        Case("the first of 5 forces from -3 to 3", (0, -3.0, 3.0, 5)),
        Case("the last of 5 forces from -3 to 3", (4, -3.0, 3.0, 5)),
        Case("the second of 5 forces from -3 to 3", (1, -3.0, 3.0, 5)),
        Case("the middle one of 3 forces from -1 to 1", (1, -1.0, 1.0, 3)),
        Case("the first of 2: full force to one side", (0, -0.5, 0.5, 2)),
        Case("the last of 2: full force to the other", (1, -0.5, 0.5, 2)),
        Case("a pedal, from 0 to 10, the third of 6", (2, 0.0, 10.0, 6)),
        Case("a heater, from 15 to 25 degrees, the second of 4", (1, 15.0, 25.0, 4)),
        Case("bounds that are not symmetric, the fourth of 7", (3, -2.0, 6.0, 7)),
        Case("both bounds below 0, the last of 3", (2, -9.0, -4.0, 3)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: bounds of every sign, few bins and many, each end and what lies between."""
    fresh = []
    for number in range(12):
        low = round(float(rng.uniform(-5.0, 5.0)), 2)
        high = round(low + float(rng.uniform(0.5, 8.0)), 2)
        bins = int(rng.integers(2, 12))
        action = (0, bins - 1)[number] if number < 2 else int(rng.integers(bins))
        fresh.append(Case(f"action {action} of {bins} between {low:g} and {high:g}", (action, low, high, bins)))
    return fresh


EXERCISE = Exercise(
    name="discretise",
    signature="discretise(action, low, high, bins) -> force",
    minutes=3,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "Action 0 is `low`, and the last action, `bins - 1`, is `high`. How many gaps lie between the first and the "
        "last?",
        "There are `bins - 1` gaps, all of the same size: `(high - low) / (bins - 1)`.",
        "`low + action * (high - low) / (bins - 1)`.",
    ),
)
