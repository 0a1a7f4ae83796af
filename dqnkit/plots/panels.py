"""Curves of several settings side by side, each in a panel of its own: for bands that would cover each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.scales import plain_number, set_logarithmic
from dqnkit.plots.style import PALETTE, Picture, styled_figure

WIDTH, HEIGHT = 8.2, 2.9  # inches
LINES = " Thin lines: seeds; thick line: their median."


def seed_panels(
    curves: Mapping[str, npt.ArrayLike],
    *,
    x: npt.ArrayLike | None = None,
    xlabel: str = "updates",
    ylabel: str = "",
    title: str = "",
    references: Mapping[str, float] | None = None,
    log: bool = False,
    what: str = "",
) -> Picture:
    """Draw a panel for each setting, with a thin line for each seed and a thick one for their median.

    All panels have the same axes.

    Args:
        curves: name -> values ``[seeds, N]``; two to four.
        x: the x of the values ``[N]``; by default 0, 1, 2, ...
        xlabel, ylabel: the names of the axes with their units.
        title: what is compared.
        references: name -> value of a horizontal dotted line, as a bound or an optimum.
        log: whether the vertical axis is logarithmic.
        what: a sentence on what to look for, for the caption.

    Raises:
        InvalidDataError: fewer than two curves or more than four, or lengths that do not fit.
    """
    rows = {name: np.atleast_2d(np.asarray(values, dtype=np.float64)) for name, values in curves.items()}
    if not 2 <= len(rows) <= 4:
        raise InvalidDataError(f"one picture holds 2 to 4 panels, not {len(rows)}")
    length = next(iter(rows.values())).shape[-1]
    positions = np.arange(length) if x is None else np.asarray(x, dtype=np.float64)
    for name, values in rows.items():
        if values.ndim != 2 or values.shape[1] != len(positions):
            raise InvalidDataError(
                f"the curves {name!r} have the shape {values.shape}, but x has {len(positions)} values"
            )
    style = PALETTE["online network"]
    with styled_figure(WIDTH, HEIGHT) as figure:
        panels = figure.subplots(1, len(rows), sharex=True, sharey=True)
        for axes, (name, values) in zip(panels, rows.items(), strict=True):
            axes.plot(positions, values.T, color=style["color"], alpha=0.4, linewidth=0.9)
            axes.plot(positions, np.median(values, axis=0), color=style["color"], linewidth=2.4)
            for label, value in (references or {}).items():
                axes.axhline(value, linewidth=1.4, label=f"{label}: {value:.3g}", **PALETTE["reference"])
            axes.set(title=name, xlabel=xlabel)
            axes.xaxis.set_major_formatter(plain_number)
        panels[0].set_ylabel(ylabel)
        if log:
            set_logarithmic(panels[0])
        if references:
            panels[-1].legend(loc="upper right", frameon=True, framealpha=0.85, edgecolor="none", handlelength=2.2)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
    ends = " ".join(
        f"{name}: from {first:.3g} to {last:.3g}."
        for name, (first, *_, last) in ((name, np.median(values, axis=0)) for name, values in rows.items())
    )
    alt = f"{title or 'Curves'}: {' '.join(ylabel.split())} over {xlabel}. {ends}"
    return Picture.of(figure, alt, f"What to look for: {what}{LINES}" if what else LINES.strip())
