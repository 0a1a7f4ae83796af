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
            "The scheduler's machine is forgotten. It computes next to nothing and is paid for like the others: beside "
            "spot workers it is the dearest of all.",
        ),
        Mistake(
            "seconds taken for hours",
            lambda *machines: cluster_cost(*machines) * 3600,
            "You multiply seconds by a price for an hour: the bill comes out 3,600 times too high. Divide by 3600.",
        ),
        Mistake(
            "minutes taken for hours",
            lambda *machines: cluster_cost(*machines) * 60,
            "Seconds over 60 are minutes, and the prices are for an hour: the bill comes out 60 times too high. Divide "
            "by 3600.",
        ),
        Mistake(
            "no minimum",
            lambda workers, price, scheduler, its_price: (sum(workers) * price + scheduler * its_price) / 3600,
            "The minimum is ignored: a machine that ran for ten seconds is billed for sixty. Who starts and ends many "
            "machines pays that for each one.",
        ),
        Mistake(
            "minimum of the sum",
            lambda workers, price, scheduler, its_price: (
                ((_minute(sum(workers)) if workers else 0) * price + _minute(scheduler) * its_price) / 3600
            ),
            "The minimum is taken of all workers' seconds together. It holds for each machine: ten that ran for ten "
            "seconds are billed for ten minutes, not for a hundred seconds. Take the maximum inside the sum.",
        ),
        Mistake(
            "no minimum for the scheduler",
            lambda workers, price, scheduler, its_price: (
                (sum(map(_minute, workers)) * price + scheduler * its_price) / 3600
            ),
            "The workers have their minimum, the scheduler has none. It is a machine like the others.",
        ),
        Mistake(
            "minimum added",
            lambda workers, price, scheduler, its_price: cluster_cost(
                [seconds + 60 for seconds in workers], price, scheduler + 60, its_price
            ),
            "You add a minute to each machine's time. The minute is the least that is billed, not an extra: "
            "`max(seconds, 60)`.",
        ),
        Mistake(
            "a minute at most",
            lambda workers, price, scheduler, its_price: (
                (sum(min(seconds, 60) for seconds in workers) * price + min(scheduler, 60) * its_price) / 3600
            ),
            "`min` for `max`: no machine is ever billed for more than a minute. A pleasant cloud. At least a minute is "
            "`max(seconds, 60)`.",
        ),
        Mistake(
            "the workers' price for the scheduler",
            lambda workers, price, scheduler, its_price: cluster_cost(workers, price, scheduler, price),
            "The scheduler is billed at the workers' price. It has a price of its own: it may be a machine of another "
            "kind, and is never a spot machine.",
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
            "Each worker is billed for as long as the scheduler ran. Workers come and go: one that was taken back "
            "after 20 seconds is paid for no longer. Use its own seconds.",
        ),
        Mistake(
            "one worker only",
            lambda workers, price, scheduler, its_price: cluster_cost(
                sorted(workers)[-1:], price, scheduler, its_price
            ),
            "Only one worker is billed, the one that ran longest. They run at the same time, and yet each is paid for: "
            "sum over all of them.",
        ),
        Mistake(
            "whole hours",
            lambda workers, price, scheduler, its_price: (
                sum(math.ceil(seconds / 3600) for seconds in workers) * price + math.ceil(scheduler / 3600) * its_price
            ),
            "You round up to whole hours, as EC2 did until 2017. Today it counts seconds, with a minimum of sixty for "
            "each machine.",
        ),
    ),
)
