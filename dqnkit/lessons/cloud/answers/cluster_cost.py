"""The answers to `cluster_cost`: a worked solution, and known mistakes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dqnkit.classroom.exercise import Answers, Mistake


def cluster_cost(
    worker_seconds: Sequence[float], worker_usd: float, scheduler_seconds: float, scheduler_usd: float
) -> float:
    """The cost of a cluster in US dollars.

    Args:
        worker_seconds: how long each worker ran.
        worker_usd: price of a worker, in dollars an hour.
        scheduler_seconds: how long the scheduler ran.
        scheduler_usd: price of the scheduler, in dollars an hour.
    """
    workers = sum(max(seconds, 60) for seconds in worker_seconds) * worker_usd / 3600
    return workers + max(scheduler_seconds, 60) * scheduler_usd / 3600


def _minute(seconds: float) -> float:
    return max(seconds, 60)


ANSWERS = Answers(
    solution=cluster_cost,
    mistakes=(
        Mistake(
            "scheduler forgotten",
            lambda workers, price, scheduler, its_price: sum(map(_minute, workers)) * price / 3600,
            "The scheduler's machine is forgotten. It computes next to nothing, but it is billed like the others: "
            "beside spot workers it is the most expensive machine of all.",
        ),
        Mistake(
            "workers forgotten",
            lambda workers, price, scheduler, its_price: _minute(scheduler) * its_price / 3600,
            "Only the scheduler's machine is billed. The workers' machines are most of what a cluster costs: add them.",
        ),
        Mistake(
            "seconds taken for hours",
            lambda *machines: cluster_cost(*machines) * 3600,
            "Seconds are multiplied by a price for an hour: the bill is 3,600 times too high. Divide by 3600.",
        ),
        Mistake(
            "only the scheduler is divided by 3600",
            lambda workers, price, scheduler, its_price: (
                sum(map(_minute, workers)) * price + _minute(scheduler) * its_price / 3600
            ),
            "Only the scheduler's part is divided by 3600; the workers' seconds are multiplied by a price for an hour. "
            "In `a + b / 3600` the division is for `b` alone: write `(a + b) / 3600`.",
        ),
        Mistake(
            "only the workers are divided by 3600",
            lambda workers, price, scheduler, its_price: (
                sum(map(_minute, workers)) * price / 3600 + _minute(scheduler) * its_price
            ),
            "The workers' part is divided by 3600, the scheduler's is not: its seconds are multiplied by a price for "
            "an hour. Divide both.",
        ),
        Mistake(
            "minutes taken for hours",
            lambda *machines: cluster_cost(*machines) * 60,
            "Seconds divided by 60 are minutes, but the prices are for an hour: the bill is 60 times too high. Divide "
            "by 3600.",
        ),
        Mistake(
            "no minimum",
            lambda workers, price, scheduler, its_price: (sum(workers) * price + scheduler * its_price) / 3600,
            "The minimum is missing: a machine that ran for ten seconds is billed for sixty. If you start and end many "
            "machines, you pay that for each one. Use `max(seconds, 60)`.",
        ),
        Mistake(
            "less than a minute is free",
            lambda workers, price, scheduler, its_price: (
                (sum(s for s in workers if s >= 60) * price + (scheduler if scheduler >= 60 else 0) * its_price) / 3600
            ),
            "A machine that ran for less than a minute is not billed at all. It is billed for the whole minute: "
            "`max(seconds, 60)`.",
        ),
        Mistake(
            "an hour at least",
            lambda workers, price, scheduler, its_price: cluster_cost(
                [max(seconds, 3600) for seconds in workers], price, max(scheduler, 3600), its_price
            ),
            "Each machine is billed for an hour at least. The minimum is a minute, and the times are in seconds: "
            "`max(seconds, 60)`.",
        ),
        Mistake(
            "minimum of the sum",
            lambda workers, price, scheduler, its_price: (
                ((_minute(sum(workers)) if workers else 0) * price + _minute(scheduler) * its_price) / 3600
            ),
            "The minimum is applied to the sum of all workers' seconds. It holds for each machine: ten that ran for "
            "ten seconds are billed for ten minutes, not for a hundred seconds. Take the maximum inside the sum.",
        ),
        Mistake(
            "no minimum for the scheduler",
            lambda workers, price, scheduler, its_price: (
                (sum(map(_minute, workers)) * price + scheduler * its_price) / 3600
            ),
            "The minimum is applied to the workers, but not to the scheduler. It is a machine like the others.",
        ),
        Mistake(
            "minimum added",
            lambda workers, price, scheduler, its_price: cluster_cost(
                [seconds + 60 for seconds in workers], price, scheduler + 60, its_price
            ),
            "A minute is added to each machine's time. The minute is the least that is billed, not an extra: "
            "`max(seconds, 60)`.",
        ),
        Mistake(
            "a minute at most",
            lambda workers, price, scheduler, its_price: (
                (sum(min(seconds, 60) for seconds in workers) * price + min(scheduler, 60) * its_price) / 3600
            ),
            "`min` stands where `max` is needed: no machine is ever billed for more than a minute. At least a minute "
            "is `max(seconds, 60)`.",
        ),
        Mistake(
            "the workers' price for the scheduler",
            lambda workers, price, scheduler, its_price: cluster_cost(workers, price, scheduler, price),
            "The scheduler is billed at the workers' price. It has a price of its own: it may be a machine of another "
            "type, and it is never a spot machine.",
        ),
        Mistake(
            "prices swapped",
            lambda workers, price, scheduler, its_price: cluster_cost(workers, its_price, scheduler, price),
            "The two prices are swapped: the workers are billed at the scheduler's, and the other way round.",
        ),
        Mistake(
            "all for as long as the scheduler",
            lambda workers, price, scheduler, its_price: cluster_cost(
                [scheduler] * len(workers), price, scheduler, its_price
            ),
            "Each worker is billed for as long as the scheduler ran. Workers come and go: one that was ended "
            "after 20 seconds costs nothing more from then on. Use its own seconds.",
        ),
        Mistake(
            "one worker only",
            lambda workers, price, scheduler, its_price: cluster_cost(
                sorted(workers)[-1:], price, scheduler, its_price
            ),
            "Only one worker is billed, the one that ran longest. The workers run at the same time, but each of them "
            "is billed: sum over all of them.",
        ),
        Mistake(
            "the first worker only",
            lambda workers, price, scheduler, its_price: cluster_cost(workers[:1], price, scheduler, its_price),
            "Only the first worker is billed. Does `return` stand inside the loop? Then it ends in its first round.",
        ),
        Mistake(
            "the workers' mean",
            lambda workers, price, scheduler, its_price: cluster_cost(
                [sum(map(_minute, workers)) / len(workers)] if workers else [], price, scheduler, its_price
            ),
            "The mean of the workers' times is billed, as if there were one worker. Each of them is billed: take the "
            "sum.",
        ),
        Mistake(
            "the scheduler once for each worker",
            lambda workers, price, scheduler, its_price: (
                sum(_minute(seconds) * price + _minute(scheduler) * its_price for seconds in workers) / 3600
            ),
            "The scheduler is billed once for each worker. A cluster has one scheduler: add it once, outside the sum "
            "over the workers.",
        ),
        Mistake(
            "whole hours",
            lambda workers, price, scheduler, its_price: (
                sum(math.ceil(seconds / 3600) for seconds in workers) * price + math.ceil(scheduler / 3600) * its_price
            ),
            "The times are rounded up to whole hours, as EC2 did until 2017. Today it counts seconds, with a minimum "
            "of 60 for each machine.",
        ),
        Mistake(
            "whole minutes",
            lambda workers, price, scheduler, its_price: cluster_cost(
                [60 * math.ceil(seconds / 60) for seconds in workers], price, 60 * math.ceil(scheduler / 60), its_price
            ),
            "The times are rounded up to whole minutes. After the first minute, each second is billed by itself: "
            "`max(seconds, 60)`.",
        ),
        Mistake(
            "rounded to cents",
            lambda *machines: round(cluster_cost(*machines), 2),
            "The result is rounded to cents. A minute of a small machine costs less than a cent, so it would cost "
            "nothing. Return the number as it is, and round where it is printed.",
        ),
    ),
)
