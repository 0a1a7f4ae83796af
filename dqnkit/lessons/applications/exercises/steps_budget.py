"""How many environment steps a time buys, in one process, where acting and learning take turns."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """Simple numbers first; the times lie between two whole steps, so that rounding decides nothing."""
    return [
        Case("steps of 10 ms, no updates, 10 s", (10.005, 0.01, 0.002, 0.0, 0)),
        Case("the same, one update of 2 ms for each step", (10.005, 0.01, 0.002, 1.0, 0)),
        Case("the first 200 steps without updates", (10.005, 0.01, 0.002, 1.0, 200)),
        Case("slow updates: 3 of 30 ms for each step", (60.05, 0.01, 0.03, 3.0, 100)),
        Case("an update every fourth step", (20.002, 0.004, 0.008, 0.25, 500)),
        Case("a slow simulator: 28 ms a step", (90.01, 0.028, 0.001, 0.5, 300)),
        Case("over before learning starts", (3.003, 0.02, 0.01, 2.0, 1_000)),
        Case("not even one step", (0.01, 0.02, 0.01, 1.0, 10)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: fast and slow steps and updates; every fourth is over before learning starts."""
    fresh = []
    for number in range(12):
        step, update = (float(f"{np.exp(rng.uniform(-7.0, -3.0)):.2g}") for _ in range(2))
        per_step = float(rng.choice([0.125, 0.25, 0.5, 1.0, 2.0, 4.0]))
        steps, learning_starts = int(rng.integers(20, 4_000)), int(rng.integers(0, 1_500))
        if number % 4 == 0:
            learning_starts = steps + int(rng.integers(1, 500))
        learning = max(0, steps - learning_starts)
        last = step + (per_step * update if learning else 0.0)
        seconds = steps * step + learning * per_step * update + rng.uniform(0.3, 0.6) * min(step, last)
        fresh.append(Case(f"{seconds:.3g} s", (round(float(seconds), 6), step, update, per_step, learning_starts)))
    return fresh


EXERCISE = Exercise(
    name="steps_budget",
    signature="steps_budget(seconds, step_seconds, update_seconds, updates_per_step, learning_starts) -> steps",
    minutes=5,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "A step costs `step_seconds`. Once learning has started, it costs its share of updates as well.",
        "First: how long do the first `learning_starts` steps take? If that is more than `seconds`, only whole steps "
        "of `step_seconds` count.",
        "`early = learning_starts * step_seconds`. Beyond it: `learning_starts + int((seconds - early) / "
        "(step_seconds + updates_per_step * update_seconds))`.",
    ),
)
