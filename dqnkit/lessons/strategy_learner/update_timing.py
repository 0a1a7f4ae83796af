"""How long an update of a learner takes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from dqnkit.learner import Learner
from dqnkit.types import Transition


def seconds_per_update(jobs: Sequence[tuple[Learner, Transition]], rounds: int) -> list[float]:
    """The shortest time of an update for each job, in seconds.

    Other work on the computer only adds time, so the minimum is the best estimate. The jobs take turns, so that such
    work affects all of them.

    Args:
        jobs: a learner and its batches ``[K, B, ...]``.
        rounds: timed calls of each job, after one call that compiles.
    """
    for learner, batches in jobs:
        learner.update(batches)
    times = np.zeros((rounds, len(jobs)))
    for row in times:
        for number, (learner, batches) in enumerate(jobs):
            began = time.perf_counter()
            learner.update(batches)
            row[number] = (time.perf_counter() - began) / len(batches.reward)
    return [float(seconds) for seconds in times.min(axis=0)]
