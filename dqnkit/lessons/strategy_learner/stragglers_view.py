"""Stragglers under the hand: replicas that wait for the slowest one, with sliders for their number and their times.

The browser draws them and makes the same simulation (`stragglers_view.js`), so it needs no kernel.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dqnkit.lessons.strategy_learner.replica_timeline import Span, timeline
from dqnkit.plots import Picture
from dqnkit.types import Array
from dqnkit.widgets.drawing import PageDrawing

MEAN_COMPUTE_MS = 10.0  # mean time of a replica for its share
NUM_UPDATES = 2_000  # simulated
SEED = 1
DRAWN_MS = 120.0  # of the simulation, from its beginning
SYNCHRONOUS_CAPTION = (
    "What to look for: in each update, which replica is never hatched? All others wait for it. With more replicas, "
    "or a larger random part in their times, there is more waiting."
)
ASYNCHRONOUS_CAPTION = (
    "What to look for: nothing is hatched, and every exchange stands alone. How many exchanges do the others make "
    "between two of one replica? Its gradient is that many updates old."
)


class Settings(NamedTuple):
    """The values of the sliders."""

    replicas: int = 4
    spread: float = 2.0  # ms: mean of the random part of a replica's time
    sync: float = 1.0  # ms to exchange gradients
    slow: float = 1.0  # how many times slower the last replica is
    waits: bool = True  # synchronous


@cache
def exponentials(count: int) -> Array:
    """Random numbers ``[count]`` with an exponential distribution and the mean 1: mostly small, sometimes large.

    They are those of the browser: the generator is `seeded` in `drawing.js`, with the seed `SEED`.
    """
    state = (SEED + np.arange(1, count + 1, dtype=np.uint64) * 0x6D2B79F5).astype(np.uint32)
    mixed = (state ^ (state >> 15)) * (state | 1)
    mixed ^= mixed + (mixed ^ (mixed >> 7)) * (mixed | 61)
    uniform = (mixed ^ (mixed >> 14)) / 2.0**32
    return np.asarray(-np.log(1 - uniform))


def compute_times(settings: Settings) -> Array:
    """The time of each replica in each update, in ms ``[NUM_UPDATES, replicas]``: a fixed part plus a random part."""
    shape = NUM_UPDATES, settings.replicas
    times = MEAN_COMPUTE_MS - settings.spread + settings.spread * exponentials(shape[0] * shape[1]).reshape(shape)
    times[:, -1] *= settings.slow
    return np.asarray(times)


def synchronous(times: Array, sync: float) -> tuple[list[Span], float, float]:
    """Simulate replicas that all wait for the slowest one.

    Args:
        times: of the replicas, in ms ``[U, replicas]``.
        sync: ms to exchange gradients.

    Returns:
        the spans to draw, the mean time between two updates in ms, and the share of the time that replicas compute.
    """
    spans, now = [], 0.0
    for row in times:
        if now > DRAWN_MS:
            break
        ready = now + float(row.max())
        for replica, time in enumerate(row):
            spans += [
                Span(replica, now, now + float(time), "compute"),
                Span(replica, now + float(time), ready, "wait"),
                Span(replica, ready, ready + sync, "exchange"),
            ]
        now = ready + sync
    update = float(times.max(axis=1).mean()) + sync
    return spans, update, float(times.mean()) / update


def asynchronous(times: Array, sync: float) -> tuple[list[Span], float, float]:
    """Simulate replicas that do not wait: each applies its gradient at once. Arguments and results as `synchronous`."""
    ends = np.cumsum(times + sync, axis=0)  # [U, replicas]
    spans = []
    for replica, column in enumerate(ends.T):
        for update in range(int(np.searchsorted(column, DRAWN_MS)) + 1):
            end = float(column[update])
            begin = end - sync - float(times[update, replica])
            spans += [Span(replica, begin, end - sync, "compute"), Span(replica, end - sync, end, "exchange")]
    each = times.mean(axis=0)
    return spans, float(1 / (1 / (each + sync)).sum()), float((each / (each + sync)).mean())


def stragglers(**settings: Any) -> PageDrawing:
    """Replicas on a timeline with sliders, as the value of a cell. ``settings`` are fields of `Settings`, at first."""
    first = Settings(**settings)
    data = {
        "settings": first._asdict(),
        "mean": MEAN_COMPUTE_MS,
        "updates": NUM_UPDATES,
        "seed": SEED,
        "drawn": DRAWN_MS,
        "captions": [SYNCHRONOUS_CAPTION, ASYNCHRONOUS_CAPTION],
    }
    return PageDrawing(Path(__file__).with_suffix(".js"), data, _picture(first))


def _picture(settings: Settings) -> Picture:
    """The timeline of the first updates, with the averages in words."""
    run = synchronous if settings.waits else asynchronous
    spans, update, busy = run(compute_times(settings), settings.sync)
    names = [f"replica {number}" for number in range(settings.replicas)]
    whole = "ms per update (whole batch)" if settings.waits else "ms per update (one share)"
    caption = SYNCHRONOUS_CAPTION if settings.waits else ASYNCHRONOUS_CAPTION
    averages = f"{update:.1f} {whole} on average; the replicas compute {100 * busy:.0f} % of the time."
    return timeline(spans, names, DRAWN_MS, caption=f"{averages} {caption}")
