"""What a cluster costs: each machine is billed by the second, for at least a minute, at its own price."""

from __future__ import annotations

import numpy as np

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
        case("a worker that was ended after 20 s, one of an hour, and another", [20, hour, 3500], 1, hour, 0.5),
        case("two workers of half an hour, a scheduler of a little more", [1800, 1800], 2, 1900, 3),
        case("a scheduler alone that ran 10 s", [], 2, 10, 3.6),
        case("less than a cent", [30.5], 0.0378, 75.5, 0.0917),
        case("times and prices that are no whole numbers", [3725.5, 61.25, 12.5, 59.9], 0.0378, 4001.75, 0.0917),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: any number of workers, every second machine for less than a minute, odd prices."""

    def seconds(short: bool) -> float:
        return round(float(rng.uniform(1.0, 59.0) if short else rng.uniform(61.0, 20_000.0)), 1)

    fresh = []
    for number, workers in enumerate((*range(5), *rng.integers(2, 12, size=4))):
        worker_usd, scheduler_usd = (round(float(price), 4) for price in rng.uniform(0.02, 3.0, size=2))
        times = [seconds(short=rng.random() < 0.5) for _ in range(workers)]
        arguments = (times, worker_usd, seconds(short=number % 2 == 1), scheduler_usd)
        fresh.append(Case(f"a fresh bill: {workers} workers and a scheduler", arguments))
    return fresh


EXERCISE = Exercise(
    name="cluster_cost",
    signature="cluster_cost(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd) -> US dollars",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "Each machine is billed by itself: its seconds, but at least 60, times its price for a second.",
        "The price for a second is the price for an hour over 3600. Sum over the workers, then add the scheduler.",
        "The workers cost `sum(max(seconds, 60) for seconds in worker_seconds) * worker_usd / 3600`. The scheduler is "
        "one more machine, with its own price.",
    ),
)
