"""Named curves: an error, a value or a loss over updates, a line for each setting with a band of its seeds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.scales import is_whole, plain_number, set_logarithmic, set_whole_ticks
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Lines of the same quantity under different settings, each with its own line style: three blues from dark to light,
# then other colours. None is grey or dotted, as references are.
SHADES: tuple[dict[str, Any], ...] = (
    {"color": "#0B2F52", "linestyle": "-"},
    {"color": "#0072B2", "linestyle": (0, (3.2, 1.2))},
    {"color": "#4C9ACB", "linestyle": (0, (4, 1.2, 1.2, 1.2))},
    {"color": "#E69F00", "linestyle": (0, (8, 2))},
    {"color": "#CC79A7", "linestyle": (0, (6, 1.2, 1.2, 1.2, 1.2, 1.2))},
    {"color": "#009E73", "linestyle": "-"},
)
MOMENT_COLORS = (PALETTE["target network"]["color"], PALETTE["environment"]["color"])
WIDTH, HEIGHT = 7.2, 3.7  # inches
MAX_RATIO = 100.0  # of the largest value to the least median of a curve; above it the axis is logarithmic


def error_curves(
    curves: Mapping[str, npt.ArrayLike],
    *,
    x: npt.ArrayLike | None = None,
    xlabel: str = "updates",
    ylabel: str = "error against Q*\n(largest |Q − Q*|)",
    title: str = "",
    kinds: Mapping[str, str] | None = None,
    references: Mapping[str, float] | None = None,
    moments: Mapping[str, float] | None = None,
    log: bool | None = None,
    what: str = "",
) -> Picture:
    """Draw named curves over updates (or anything else) in one picture.

    ::

        error_curves({"alpha 0.1": errors, "alpha 1": others}, x=updates, what="which line goes on falling?")
        error_curves({"with target": a, "without": b}, kinds={"with target": "target network"})

    Args:
        curves: name -> values ``[N]``; or ``[seeds, N]``, drawn as their median with a band from the least to the
            largest. NaN and infinity leave gaps. At most six curves.
        x: the x of the values, ``[N]`` for all curves; by default 0, 1, 2, ...
        xlabel, ylabel: the names of the axes with their units.
        title: what is compared.
        kinds: name of a curve -> key of `PALETTE`, for a curve whose colour means something in the kit. The others are
            shades of blue, each with its own line style.
        references: name -> value of a horizontal dotted line, as a bound or an optimum.
        moments: name -> x of a vertical dotted line, when something happened.
        log: whether the vertical axis is logarithmic; by default if the values explode.
        what: a sentence on what to look for, for the caption.

    Raises:
        InvalidDataError: no curve or more than six, or a curve of another shape or length than ``x``.
    """
    if not 1 <= len(curves) <= len(SHADES):
        raise InvalidDataError(f"one picture holds 1 to {len(SHADES)} curves, not {len(curves)}")
    rows = {name: _rows(values, name) for name, values in curves.items()}
    positions = {name: _positions(x, values.shape[1], name) for name, values in rows.items()}
    with styled_figure(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        shades = iter(SHADES)
        for name, values in rows.items():
            style = PALETTE[kinds[name]] if kinds and name in kinds else next(shades)
            _draw_curve(axes, positions[name], values, style, name)
        for name, value in (references or {}).items():
            axes.axhline(value, linewidth=1.4, label=f"{name}: {value:.3g}", **PALETTE["reference"])
        for (name, moment), color in zip((moments or {}).items(), cycle(MOMENT_COLORS), strict=False):
            axes.axvline(moment, linewidth=1.6, label=name, color=color, linestyle=PALETTE["reference"]["linestyle"])
        _choose_scale(axes, list(rows.values()), log)
        axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
        if all(is_whole(x) for x in positions.values()):
            set_whole_ticks(axes.xaxis, at_most=6)  # the numbers may be long
        axes.xaxis.set_major_formatter(plain_number)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, handlelength=3.2)
    bands = " Lines: the median over the seeds; bands: all of them." if any(len(r) > 1 for r in rows.values()) else ""
    caption = f"What to look for: {what}{bands}" if what else bands.strip()
    marked = "".join(f" {name}: at {moment:.3g}." for name, moment in (moments or {}).items())
    return Picture.of(figure, _alt(title, xlabel, ylabel, rows) + marked, caption)


def _rows(values: npt.ArrayLike, name: str) -> Array:
    """Return the values of a curve as ``[seeds, N]``, NaN where they are not finite."""
    rows = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if rows.ndim != 2 or rows.size == 0:
        raise InvalidDataError(f"the curve {name!r} has the shape {np.shape(values)}: expected [N] or [seeds, N]")
    return np.where(np.isfinite(rows), rows, np.nan)


def _positions(x: npt.ArrayLike | None, length: int, name: str) -> Array:
    """Return where the values of a curve lie on the x axis ``[N]``."""
    positions = np.arange(length) if x is None else np.asarray(x, dtype=np.float64)
    if positions.shape != (length,):
        raise InvalidDataError(f"the curve {name!r} has {length} values, but x has the shape {positions.shape}")
    return positions


def _draw_curve(axes: Axes, x: Array, rows: Array, style: Mapping[str, Any], name: str) -> None:
    counted = np.ma.masked_invalid(rows)  # np.nanmedian would warn where all seeds are NaN
    middle = np.ma.median(counted, axis=0).filled(np.nan)
    axes.plot(x, middle, marker="o" if np.isfinite(middle).sum() == 1 else None, label=name, **style)
    if len(rows) > 1:
        low, high = counted.min(axis=0).filled(np.nan), counted.max(axis=0).filled(np.nan)
        axes.fill_between(x, low, high, color=style["color"], alpha=0.18, linewidth=0)


def _choose_scale(axes: Axes, rows: list[Array], log: bool | None) -> None:
    values = np.abs(np.concatenate([r.ravel() for r in rows]))
    values = values[np.isfinite(values) & (values > 0)]
    typical = [float(np.nanmedian(np.abs(r))) for r in rows if np.isfinite(r).any()]
    explodes = bool(len(values)) and values.max() > MAX_RATIO * max(min(typical), 1e-3) and values.max() > 10
    if log or (log is None and explodes):
        negative = any((r < 0).any() for r in rows)
        set_logarithmic(axes, negative=negative)
    elif len(values) and not any((r < 0).any() for r in rows):
        axes.set_ylim(0, max(axes.get_ylim()[1], 1.04 * values.max()))  # a line at the top is not cut in half


def _alt(title: str, xlabel: str, ylabel: str, rows: Mapping[str, Array]) -> str:
    """Return the curves in words: where each begins and ends."""
    parts = [f"{title or 'Curves'}: {' '.join(ylabel.split())} over {xlabel}."]
    for name, values in rows.items():
        medians = np.ma.median(np.ma.masked_invalid(values), axis=0).compressed()
        if len(medians):
            parts.append(f"{name}: from {medians[0]:.3g} to {medians[-1]:.3g}.")
        else:
            parts.append(f"{name}: no finite values.")
    return " ".join(parts)
