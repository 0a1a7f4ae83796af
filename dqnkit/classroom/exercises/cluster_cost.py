"""09: what a cluster costs: each machine its own time at its own price, and a minute at the least."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dqnkit.classroom.exercise import Case, Exercise, Mistake


def cluster_cost(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    """US dollars for machines that ran so many seconds, at prices for an hour."""
    workers = sum(max(seconds, 60) for seconds in worker_seconds) / 3600 * worker_usd
    return workers + max(scheduler_seconds, 60) / 3600 * scheduler_usd


def cases() -> list[Case]:
    """Simple numbers first."""

    def case(
        label: str, worker_seconds: list[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
    ) -> Case:
        return Case(label, (worker_seconds, worker_usd, scheduler_seconds, scheduler_usd))

    return [
        case("a worker and a scheduler, an hour each", [3600], 0.5, 3600, 0.25),
        case("a scheduler alone, for an hour", [], 0.5, 3600, 0.25),
        case("two workers and a scheduler, an hour each", [3600, 3600], 0.5, 3600, 0.25),
        case("a worker that ran 10 s, and a scheduler that ran 10 s", [10], 3.6, 10, 1.8),
        case("ten workers that ran 10 s each; the scheduler ran for an hour", [10] * 10, 0.5, 3600, 0.25),
        case(
            "a worker of an hour, one that was taken back after 20 s, and its replacement",
            [3600, 20, 3500],
            1,
            3600,
            0.5,
        ),
        case("half an hour", [1800, 1800], 2, 1900, 3),
        case("a scheduler alone that ran 10 s", [], 2, 10, 3.6),
    ]


def _minimum(seconds: float) -> float:
    return max(seconds, 60)


def _scheduler_forgotten(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    return sum(map(_minimum, worker_seconds)) / 3600 * worker_usd


def _hours(worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float) -> float:
    return sum(map(_minimum, worker_seconds)) * worker_usd + _minimum(scheduler_seconds) * scheduler_usd


def _minutes(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    return _hours(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd) / 60


def _no_minimum(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    return (sum(worker_seconds) * worker_usd + scheduler_seconds * scheduler_usd) / 3600


def _minimum_of_the_sum(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    workers = _minimum(sum(worker_seconds)) if worker_seconds else 0
    return (workers * worker_usd + _minimum(scheduler_seconds) * scheduler_usd) / 3600


def _minimum_of_workers_only(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    return (sum(map(_minimum, worker_seconds)) * worker_usd + scheduler_seconds * scheduler_usd) / 3600


def _minimum_added(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    workers = sum(seconds + 60 for seconds in worker_seconds)
    return (workers * worker_usd + (scheduler_seconds + 60) * scheduler_usd) / 3600


def _at_most_a_minute(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    workers = sum(min(seconds, 60) for seconds in worker_seconds)
    return (workers * worker_usd + min(scheduler_seconds, 60) * scheduler_usd) / 3600


def _one_price(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    return cluster_cost(worker_seconds, worker_usd, scheduler_seconds, worker_usd)


def _prices_swapped(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    return cluster_cost(worker_seconds, scheduler_usd, scheduler_seconds, worker_usd)


def _all_for_as_long(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    return cluster_cost([scheduler_seconds] * len(worker_seconds), worker_usd, scheduler_seconds, scheduler_usd)


def _longest_only(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    return cluster_cost(sorted(worker_seconds)[-1:], worker_usd, scheduler_seconds, scheduler_usd)


def _whole_hours(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    workers = sum(math.ceil(seconds / 3600) for seconds in worker_seconds)
    return workers * worker_usd + math.ceil(scheduler_seconds / 3600) * scheduler_usd


EXERCISE = Exercise(
    name="cluster_cost",
    notebook="09_cloud",
    signature="cluster_cost(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd) -> US dollars",
    minutes=6,
    difficulty=1,
    solution=cluster_cost,
    mistakes=(
        Mistake(
            "scheduler forgotten",
            _scheduler_forgotten,
            "The scheduler's machine is forgotten. It computes next to nothing and is paid for like the others: in a "
            "small cluster it can be the dearest of all.",
        ),
        Mistake(
            "seconds taken for hours",
            _hours,
            "You multiply seconds by a price for an hour: the bill comes out 3,600 times too high. Divide by 3600.",
        ),
        Mistake(
            "minutes taken for hours",
            _minutes,
            "Seconds over 60 are minutes, and the prices are for an hour: the bill comes out 60 times too high. Divide "
            "by 3600.",
        ),
        Mistake(
            "no minimum",
            _no_minimum,
            "The minimum is ignored: a machine that ran for ten seconds is billed for sixty. Who starts and ends many "
            "machines pays that for each one.",
        ),
        Mistake(
            "minimum of the sum",
            _minimum_of_the_sum,
            "The minimum is taken of all workers' seconds together. It holds for each machine: ten that ran for ten "
            "seconds are billed for ten minutes, not for a hundred seconds. Take the maximum inside the sum.",
        ),
        Mistake(
            "no minimum for the scheduler",
            _minimum_of_workers_only,
            "The workers have their minimum, the scheduler has none. It is a machine like the others.",
        ),
        Mistake(
            "minimum added",
            _minimum_added,
            "You add a minute to each machine's time. The minute is the least that is billed, not an extra: "
            "`max(seconds, 60)`.",
        ),
        Mistake(
            "a minute at most",
            _at_most_a_minute,
            "`min` for `max`: no machine is ever billed for more than a minute. A pleasant cloud. At least a minute is "
            "`max(seconds, 60)`.",
        ),
        Mistake(
            "the workers' price for the scheduler",
            _one_price,
            "The scheduler is billed at the workers' price. It has a machine of another kind, with a price of its own; "
            "spot prices do not hold for it either.",
        ),
        Mistake(
            "prices swapped",
            _prices_swapped,
            "The two prices are swapped: the workers are billed at the scheduler's, and the other way round.",
        ),
        Mistake(
            "all for as long as the scheduler",
            _all_for_as_long,
            "Each worker is billed for as long as the scheduler ran. Workers come and go: one that was taken back after "
            "20 seconds is paid for no longer. Use its own seconds.",
        ),
        Mistake(
            "one worker only",
            _longest_only,
            "Only one worker is billed, the one that ran longest. They run at the same time, and yet each is paid for: "
            "sum over all of them.",
        ),
        Mistake(
            "whole hours",
            _whole_hours,
            "You round up to whole hours, as clouds did until 2017. Today they count seconds, with a minimum of sixty "
            "for each machine.",
        ),
    ),
    cases=cases,
    hints=(
        "Each machine is paid for by itself: its seconds, but at least 60, times its price for a second.",
        "A price for a second is the price for an hour over 3600. Sum over the workers, then add the scheduler.",
        "`sum(max(seconds, 60) for seconds in worker_seconds) / 3600 * worker_usd`, and the same for the one scheduler.",
    ),
)
