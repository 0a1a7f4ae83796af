"""Histograms of returns, one row for each policy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.scales import is_whole, set_whole_ticks
from dqnkit.plots.style import PALETTE, Picture, styled_figure

WIDTH, ROW_HEIGHT = 7.2, 1.35  # inches


def histogram(
    values: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    *,
    xlabel: str = "return (sum of rewards)",
    title: str = "",
    bins: int = 40,
    marks: Mapping[str, float] | None = None,
    what: str = "",
    counted: str = "episodes",
) -> Picture:
    """Draw how often each value occurs; several sets of values in rows with a common axis.

    Args:
        values: a value for each episode ``[E]``; or several sets by name, as ``{"random": a, "by angle": b}``.
        xlabel: what the values are, with their unit.
        title: what is shown.
        bins: number of bins, at most; each holds equally many whole numbers if all values are whole.
        marks: name -> value of a dotted vertical line in every row, as a prediction or a goal.
        what: a sentence on what to look for, for the caption.
        counted: what is counted, the name of the vertical axis.

    Raises:
        InvalidDataError: a set without a finite value.
    """
    sets = values if isinstance(values, Mapping) else {"": values}
    arrays = {name: np.asarray(array, dtype=np.float64).ravel() for name, array in sets.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).any():
            raise InvalidDataError(f"there is nothing to draw: the set {name!r} holds no finite value")
    finite = {name: array[np.isfinite(array)] for name, array in arrays.items()}
    marks = marks or {}
    edges = _edges(np.concatenate([*finite.values()]), list(marks.values()), bins)
    with styled_figure(WIDTH, 1.0 + ROW_HEIGHT * max(len(finite), 1.6)) as figure:
        panels = figure.subplots(len(finite), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, array) in zip(panels, finite.items(), strict=True):
            axes.hist(array, bins=edges, color=PALETTE["environment"]["color"], edgecolor="white", linewidth=0.5)
            axes.axvline(array.mean(), color="#222222", linewidth=1.6, label=f"mean {array.mean():.1f}")
            for mark, value in marks.items():
                axes.axvline(value, linewidth=1.6, label=f"{mark}: {value:g}", **PALETTE["reference"])
            axes.set(title=name, ylabel=counted)
            set_whole_ticks(axes.yaxis, at_most=4)
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=3, borderpad=0.2, frameon=False)
        panels[-1].set_xlabel(xlabel)
        if all(is_whole(array) for array in finite.values()):
            set_whole_ticks(panels[-1].xaxis)
        if title:
            figure.suptitle(title, x=0.01, ha="left", weight="bold")
    caption = f"What to look for: {what}" if what else ""
    return Picture.of(figure, _alt(title, xlabel, finite, counted), caption)


def _edges(values: npt.NDArray[np.float64], marks: list[float], bins: int) -> npt.NDArray[np.float64]:
    """Return the edges of the bins, from 0 or the least value to the largest value or mark.

    Bins of 1.6 would hold one whole number or two, by turns: a comb that is not in the values.
    """
    low, high = min(0.0, values.min(), *marks), max(values.max(), *marks, values.min() + 1e-9)
    if is_whole(values):
        width = max(1.0, np.ceil((high - low + 1) / bins))
        return np.floor(low) - 0.5 + width * np.arange(np.ceil((high - np.floor(low) + 1) / width) + 1)
    return np.linspace(low, high, bins + 1)


def _alt(title: str, xlabel: str, arrays: Mapping[str, npt.NDArray[np.float64]], counted: str) -> str:
    """Return each set in words: the number of values, the least, the mean and the largest."""
    parts = [f"{title or 'Histogram'}: {xlabel}."]
    for name, array in arrays.items():
        what = f"{name}: " if name else ""
        parts.append(
            f"{what}{len(array)} {counted}, least {array.min():g}, mean {array.mean():.1f}, largest {array.max():g}."
        )
    return " ".join(parts)
