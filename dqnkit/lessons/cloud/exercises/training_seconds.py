"""How long a run takes in a cloud: the machines boot, then the slower side, actors or learner, sets the time."""

from __future__ import annotations

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
    ]


EXERCISE = Exercise(
    name="training_seconds",
    signature="training_seconds(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds)"
    " -> seconds",
    minutes=6,
    difficulty=2,
    fixed_cases=fixed_cases,
    hints=(
        "Three times: until the machines are up, of all acting, of all learning. Which of them go on at the same time?",
        "All workers together make `n_workers * steps_per_second` steps a second. There is one learner; it makes "
        "`steps * updates_per_step` updates.",
        "`boot_seconds + max(actors, learner)`: the slower side sets the pace, as in 08.",
    ),
)
