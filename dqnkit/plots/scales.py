"""The scale of an axis: round ends, round ticks, and whether values need a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

EXPLOSION = 10.0  # values this many times larger than expected get a logarithmic axis
PLAIN = 1e-4, 1e6  # a logarithmic axis between these has plain numbers; others have powers of ten


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


def plain_number(value: float, _: object = None) -> str:
    """Return the number of a tick as the course writes it: 20,000 and 0.25, and −1 with a minus sign."""
    return f"{value:,.10g}".replace("-", "−")


def set_logarithmic(axes: Axes, *, negative: bool = False) -> None:
    """Make the vertical axis logarithmic, with plain numbers at its ticks: 0.02 and not 2 × 10⁻².

    Args:
        axes: the axes.
        negative: whether some of the values are negative; then the axis is linear around 0.
    """
    from matplotlib.ticker import LogFormatterMathtext

    class Formatter(LogFormatterMathtext):
        """Small ticks have a number where the axis spans about a power of ten; if it is more, only those of 2."""

        def __call__(self, x: float, pos: int | None = None) -> str:
            powers = super().__call__(x, pos)
            low, high = axes.get_ylim()
            if x != 0 and f"{abs(x):e}"[0] not in "12" and high > 10 * low > 0:
                return ""
            plain = high <= PLAIN[1] and (negative or low >= PLAIN[0])
            return plain_number(x) if plain and powers else powers

    axes.set_yscale("symlog" if negative else "log")
    threshold = axes.yaxis.get_transform().linthresh if negative else None  # type: ignore[attr-defined]
    axes.yaxis.set_major_formatter(Formatter(linthresh=threshold))
    axes.yaxis.set_minor_formatter(Formatter(linthresh=threshold))


def is_whole(values: npt.ArrayLike) -> bool:
    """Return whether all finite values are whole numbers, as counts are."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    return bool(np.all(finite == np.round(finite)))


def set_whole_ticks(axis: Axis, at_most: int | Literal["auto"] = "auto") -> None:
    """Give an axis ticks at whole numbers only: there is no half an episode.

    Args:
        axis: ``axes.xaxis`` or ``axes.yaxis``.
        at_most: the number of distances between ticks; by default what fits.
    """
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(at_most, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))


def unbroken(shown: npt.ArrayLike) -> list[slice]:
    """Return the parts of a line between its gaps, given whether each of its points is shown."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(shown, dtype=bool), [False]])))
    return [slice(begin, end) for begin, end in edges.reshape(-1, 2).tolist()]
