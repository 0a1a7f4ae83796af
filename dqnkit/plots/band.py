"""Learning curves of several seeds as bands, with one run drawn over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.scales import set_logarithmic
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

WIDTH, HEIGHT = 7.2, 3.8  # inches

# Bands that overlap: colours that are easy to tell apart, each with its own line style.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#009E73", "linestyle": "-"},
    {"color": "#D55E00", "linestyle": (0, (5, 1.5))},
    {"color": "#0072B2", "linestyle": (0, (6, 1.2, 1.2, 1.2))},
)


class Band(Protocol):
    """The curves of several seeds, as `dqnkit.classroom.recordings.Recording`."""

    @property
    def steps(self) -> Array:
        """Environment steps ``[T]``."""

    @property
    def low(self) -> Array:
        """The lowest value of all seeds at each step ``[T]``."""

    @property
    def middle(self) -> Array:
        """The median of all seeds at each step ``[T]``."""

    @property
    def high(self) -> Array:
        """The highest value of all seeds at each step ``[T]``."""


def learning_band(
    bands: Mapping[str, Band],
    *,
    run: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    predicted: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    references: Mapping[str, float] | None = None,
    ylabel: str = "return\n(mean of the last 100 episodes)",
    title: str = "",
    log: bool = False,
    what: str = "",
) -> Picture:
    """Draw bands of recorded seeds over environment steps, with at most one run and one prediction.

    Args:
        bands: name -> band; at most three.
        run: steps ``[N]`` and values ``[N]`` of one run, a black line.
        predicted: steps and values that the reader predicted, a thin dashed line.
        references: name -> value of a horizontal dotted line.
        ylabel: what is measured, with its unit.
        title: what was trained.
        log: whether the vertical axis is logarithmic, for values that explode.
        what: a sentence on what to look for, for the caption.

    Raises:
        InvalidDataError: no band, or more than three.
    """
    if not 1 <= len(bands) <= len(STYLES):
        raise InvalidDataError(f"one picture holds 1 to {len(STYLES)} bands, not {len(bands)}")
    with styled_figure(WIDTH, HEIGHT) as figure:
        from matplotlib.ticker import MaxNLocator

        axes = figure.subplots()
        for (name, band), style in zip(bands.items(), STYLES, strict=False):
            axes.fill_between(band.steps, band.low, band.high, color=style["color"], alpha=0.18, linewidth=0)
            axes.plot(band.steps, band.middle, label=name, **style)
        if run is not None:
            axes.plot(np.asarray(run[0]), np.asarray(run[1]), label="this run", color="#111111", linewidth=2.2)
        if predicted is not None:
            axes.plot(
                np.asarray(predicted[0]), np.asarray(predicted[1]), label="your prediction", **PALETTE["exploration"]
            )
        for name, value in (references or {}).items():
            axes.axhline(value, linewidth=1.4, label=f"{name}: {value:g}", **PALETTE["reference"])
        axes.set(title=title, xlabel="environment steps", ylabel=ylabel)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        if log:
            set_logarithmic(axes)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, handlelength=3.2)
    caption = f"What to look for: {what} " if what else ""
    caption += "Bands: from the lowest to the highest of the recorded seeds; lines: their median."
    return Picture.of(figure, _alt(title, ylabel, bands, run), caption)


def _alt(title: str, ylabel: str, bands: Mapping[str, Band], run: tuple[npt.ArrayLike, npt.ArrayLike] | None) -> str:
    """Return the picture in words: where each band, and the run, ends."""
    parts = [f"{title or 'Learning curves'}: {' '.join(ylabel.split())} over environment steps."]
    for name, band in bands.items():
        parts.append(f"{name}: at the end {band.low[-1]:.3g} to {band.high[-1]:.3g}, median {band.middle[-1]:.3g}.")
    if run is not None:
        parts.append(f"This run ends at {np.asarray(run[1])[-1]:.3g}.")
    return " ".join(parts)
