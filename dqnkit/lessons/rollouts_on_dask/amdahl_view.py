"""Amdahl's law under the hand: workers make rollouts, one driver takes them, with a barrier or as a stream.

The browser draws it and makes the same calculation (`amdahl_view.js`), so it needs no kernel.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from pathlib import Path

from dqnkit.plots import Picture
from dqnkit.plots.scaling import Work, who_waits
from dqnkit.widgets.drawing import PageDrawing

ROLLOUT_SECONDS = 0.1  # of a worker, for one rollout
NUM_ROLLOUTS = 48  # in the whole job
DRAWN_SECONDS = 1.2  # of the job, from its beginning
CAPTION = (
    "What to look for: with a barrier, the workers wait (hatched) while the driver works. With a stream the driver "
    "works beside them, and is the limit only when its own row is never hatched."
)


def with_barrier(workers: int, driver: float) -> list[Work]:
    """The job in rounds: each worker makes one rollout, then the driver handles all of them while the workers wait.

    Args:
        workers: number of workers.
        driver: seconds of the driver for one rollout.

    Returns:
        who works when: row 0 is the driver, the others are the workers.
    """
    work, now, left = [], 0.0, NUM_ROLLOUTS
    while left:
        round_size = min(workers, left)
        work += [Work(row, now, now + ROLLOUT_SECONDS) for row in range(1, round_size + 1)]
        now += ROLLOUT_SECONDS
        work.append(Work(0, now, now + driver * round_size))
        now += driver * round_size
        left -= round_size
    return work


def with_stream(workers: int, driver: float) -> list[Work]:
    """The job as a stream: the driver takes rollouts as they arrive, and the workers go on. As `with_barrier`."""
    work: list[Work] = []
    begins = [(0.0, row) for row in range(1, workers + 1)]  # (time, worker) of the first rollouts
    driver_free, submitted = 0.0, 0
    arrivals: list[tuple[float, int]] = []
    for begin, row in begins[:NUM_ROLLOUTS]:
        heapq.heappush(arrivals, (begin + ROLLOUT_SECONDS, row))
        work.append(Work(row, begin, begin + ROLLOUT_SECONDS))
        submitted += 1
    while arrivals:
        arrived, row = heapq.heappop(arrivals)
        taken = max(arrived, driver_free)
        if submitted < NUM_ROLLOUTS:  # two tasks for each worker are in flight, so it starts the next one at once
            begin = max(arrived, taken - ROLLOUT_SECONDS)
            heapq.heappush(arrivals, (begin + ROLLOUT_SECONDS, row))
            work.append(Work(row, begin, begin + ROLLOUT_SECONDS))
            submitted += 1
        driver_free = taken + driver
        work.append(Work(0, taken, driver_free))
    return work


def serial_share(driver: float) -> float:
    """The driver's fraction of the time with one worker; ``driver`` in seconds for a rollout."""
    return driver / (driver + ROLLOUT_SECONDS)


def speedup_of(work: Sequence[Work], driver: float) -> float:
    """How many times as fast the job is as with one worker and a barrier."""
    return NUM_ROLLOUTS * (ROLLOUT_SECONDS + driver) / max(piece.end for piece in work)


def amdahl_view(workers: int = 4, driver_ms: int = 25) -> PageDrawing:
    """Amdahl's law under the hand, as the value of a cell.

    Args:
        workers: 1 to 16, at first.
        driver_ms: the driver's milliseconds for a rollout, at first.
    """
    data = {
        "rollout": ROLLOUT_SECONDS,
        "rollouts": NUM_ROLLOUTS,
        "drawn": DRAWN_SECONDS,
        "workers": workers,
        "driver": driver_ms,
        "caption": CAPTION,
    }
    return PageDrawing(Path(__file__).with_suffix(".js"), data, _picture(workers, driver_ms / 1_000))


def _picture(workers: int, driver: float) -> Picture:
    """Who works when with a barrier, and Amdahl's curve."""
    work = with_barrier(workers, driver)
    shown = [piece._replace(end=min(piece.end, DRAWN_SECONDS)) for piece in work if piece.begin < DRAWN_SECONDS]
    share, times = serial_share(driver), speedup_of(work, driver)
    return who_waits(shown, workers, share, times, end=DRAWN_SECONDS, caption=CAPTION)
