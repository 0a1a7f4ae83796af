"""A chart of the time of training runs: the learner's turns, and the actors' turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dqnkit.errors import InvalidDataError
from dqnkit.plots.style import PALETTE, Picture, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW_HEIGHT = 7.2, 0.44  # inches, of a row
LEARNER, ACTORS = "the learner's turns", "the actors' turns"
NARROWEST_LABELLED = 0.09  # share of the time; the number does not fit into a narrower bar


def waiting_chart(runs: Mapping[str, tuple[float, float]], *, title: str = "", what: str = "") -> Picture:
    """A bar for each run, 100 % of its time: the learner's turns on the left, the actors' turns on the right.

    Args:
        runs: name -> (seconds of the learner's turns, seconds of the actors' turns), from the top down.
        title: what is compared.
        what: what to look for, in a sentence; it becomes the caption.

    Raises:
        InvalidDataError: there is no run, or a run has negative or no time.
    """
    if not runs:
        raise InvalidDataError("turns needs at least one run")
    shares = {}
    for name, seconds in runs.items():
        learner, actors = (float(value) for value in seconds)
        if not (np.isfinite([learner, actors]).all() and min(learner, actors) >= 0 and learner + actors > 0):
            raise InvalidDataError(f"the run {name!r} needs two times, none below 0 and not both 0, not {seconds}")
        shares[name] = learner / (learner + actors)
    with styled_figure(WIDTH, 1.35 + ROW_HEIGHT * len(runs)) as figure:
        axes = figure.subplots()
        for row, share in enumerate(shares.values()):
            _draw_bar(axes, row, 0.0, share, "online network", "", LEARNER if row == 0 else None)
            _draw_bar(axes, row, share, 1.0 - share, "environment", "///", ACTORS if row == 0 else None)
        axes.set(title=title, xlabel="share of the time (%)", xlim=(0, 100))
        axes.set(yticks=range(len(shares)), yticklabels=list(shares), ylim=(len(shares) - 0.45, -0.55))
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside lower right", ncols=2, frameon=False)
    rows = "; ".join(f"{name}: learner {s:.0%}, the actors' turns {1 - s:.0%}" for name, s in shares.items())
    return Picture.of(figure, f"{title or 'Turns'}. {rows}.", f"What to look for: {what}" if what else "")


def _draw_bar(axes: Axes, row: int, left: float, share: float, kind: str, hatch: str, label: str | None) -> None:
    color = PALETTE[kind]["color"]
    axes.barh(
        row,
        100 * share,
        left=100 * left,
        height=0.62,
        facecolor=f"{color}55",
        edgecolor=color,
        hatch=hatch,
        linewidth=1.4,
        label=label,
    )
    if share >= NARROWEST_LABELLED:
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
        axes.text(100 * (left + share / 2), row, f"{share:.0%}", ha="center", va="center", bbox=box)
