"""How long a run takes in a cloud: the machines boot, then the slower side, actors or learner, sets the time."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """Simple numbers first: 100 steps a second for each worker, one update every two steps."""

    def case(label: str, *numbers: float) -> Case:
        return Case(label, numbers)

    return [
        case(
            "one worker, no time to boot, 10,000 steps: 100 s of acting, 20 s of learning",
            10_000,
            1,
            100,
            0.5,
            0.004,
            0,
        ),
        case("the same, and the machine boots for 180 s", 10_000, 1, 100, 0.5, 0.004, 180),
        case("4 workers: 25 s of acting, 20 s of learning", 10_000, 4, 100, 0.5, 0.004, 180),
        case("50 workers: 2 s of acting, 20 s of learning", 10_000, 50, 100, 0.5, 0.004, 180),
        case("5 workers: both sides take 20 s", 10_000, 5, 100, 0.5, 0.004, 180),
        case("a learner with much to do, one worker", 1_000, 1, 1_000, 2.0, 0.01, 60),
        case("a million steps on 8 workers", 1_000_000, 8, 500, 0.25, 0.001, 120),
        case("a learner that takes longer than booting and acting together", 50_000, 20, 250, 1.75, 0.004, 60),
        case("steps that cannot be shared out evenly", 1_000, 7, 12.8, 0.3, 0.0021, 42.5),
        case("a learner with a huge network, 2,000 workers, no time to boot", 37, 2_000, 12.5, 0.75, 0.9, 0),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: a few steps or millions, odd numbers, either side the slower one, every third without a boot time."""
    fresh = []
    for number in range(12):
        steps, n_workers = int(np.exp(rng.uniform(3.0, 14.0))), int(rng.integers(1, 40))
        steps_per_second, updates_per_step = rng.uniform(20.0, 900.0), rng.uniform(0.1, 3.0)
        seconds_per_update = np.exp(rng.uniform(-11.0, -5.0))  # 17 microseconds to 7 milliseconds
        boot_seconds = rng.uniform(20.0, 400.0) if number % 3 else 0.0
        rates = (float(f"{x:.3g}") for x in (steps_per_second, updates_per_step, seconds_per_update, boot_seconds))
        fresh.append(Case(f"a fresh run of {steps:,} steps", (steps, n_workers, *rates)))
    return fresh


EXERCISE = Exercise(
    name="training_seconds",
    signature="training_seconds(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds)"
    " -> seconds",
    minutes=6,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "There are three times: for booting, for all acting, and for all learning. Which of them run at the same time?",
        "All workers together make `n_workers * steps_per_second` steps a second. There is one learner; it makes "
        "`steps * updates_per_step` updates.",
        "`boot_seconds + max(actors, learner)`: acting and learning run at the same time, so the slower one decides.",
    ),
)
