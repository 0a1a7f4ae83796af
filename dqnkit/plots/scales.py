"""The scale of an axis: round ends, round ticks, and whether values need a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

EXPLOSION = 10.0  # values this many times larger than expected get a logarithmic axis


def round_up(value: float, steps: Sequence[int] = (1, 2, 3, 5, 7, 10)) -> float:
    """Return the least of ``steps`` times a power of ten that is not below ``value``; 0 for a value of 0 or less.

    Args:
        value: the largest value on the axis.
        steps: growing, from 1 to 10.
    """
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (*steps, 20) if step * power >= value * (1 - 1e-9))


def ticks(low: float, high: float) -> list[float]:
    """Return at most seven round values from ``low`` to ``high``, at equal distances."""
    step = round_up((high - low) / 6, (1, 2, 5, 10))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(number * step) for number in range(first, last + 1)]


def largest(values: npt.ArrayLike) -> float:
    """Return the largest absolute value that is finite; 0 if there is none."""
    return float(np.nanmax(np.abs(values), initial=0.0, where=np.isfinite(values)))


def yscale(values: npt.ArrayLike, expected: float) -> str:
    """Return matplotlib's name of the scale that fits: "linear", or logarithmic if values are far above ``expected``.

    Args:
        values: those to be drawn; NaN and infinity are ignored.
        expected: about the largest value that is usual.
    """
    if largest(values) <= EXPLOSION * max(1.0, expected):
        return "linear"
    return "log" if np.nanmin(values) > 0 else "symlog"


def unbroken(shown: npt.ArrayLike) -> list[slice]:
    """Return the parts of a line between its gaps, given whether each of its points is shown."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(shown, dtype=bool), [False]])))
    return [slice(begin, end) for begin, end in edges.reshape(-1, 2).tolist()]
