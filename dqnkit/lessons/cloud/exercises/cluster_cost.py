"""What a cluster costs: each machine is paid by the second, for at least a minute, at its own price."""

from __future__ import annotations

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """Simple numbers first."""

    def case(label: str, worker_seconds: list[float], worker_usd: float, seconds: float, usd: float) -> Case:
        return Case(label, (worker_seconds, worker_usd, seconds, usd))

    hour = 3600
    return [
        case("a worker and a scheduler, an hour each", [hour], 0.5, hour, 0.25),
        case("a scheduler alone, for an hour", [], 0.5, hour, 0.25),
        case("two workers and a scheduler, an hour each", [hour] * 2, 0.5, hour, 0.25),
        case("a worker that ran 10 s, and a scheduler that ran 10 s", [10], 3.6, 10, 1.8),
        case("ten workers that ran 10 s each; the scheduler ran for an hour", [10] * 10, 0.5, hour, 0.25),
        case("a worker of an hour, one taken back after 20 s, and its replacement", [hour, 20, 3500], 1, hour, 0.5),
        case("two workers of half an hour, a scheduler of a little more", [1800, 1800], 2, 1900, 3),
        case("a scheduler alone that ran 10 s", [], 2, 10, 3.6),
    ]


EXERCISE = Exercise(
    name="cluster_cost",
    signature="cluster_cost(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd) -> US dollars",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    hints=(
        "Each machine is paid for by itself: its seconds, but at least 60, times its price for a second.",
        "A price for a second is the price for an hour over 3600. Sum over the workers, then add the scheduler.",
        "`sum(max(seconds, 60) for seconds in worker_seconds) * worker_usd / 3600`, and likewise the one scheduler.",
    ),
)
