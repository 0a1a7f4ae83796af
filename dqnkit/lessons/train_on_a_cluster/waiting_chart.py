"""Whose turn it was: the time of training runs, shared between the learner and the wait for the actors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dqnkit.errors import InvalidDataError
from dqnkit.plots.style import PALETTE, Picture, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW = 7.2, 0.44  # inches, of a row
LEARNER, ACTORS = "the learner's turns", "waiting for the actors"
NARROW = 0.09  # share of the time below which the number does not fit into its bar


def waiting_chart(runs: Mapping[str, tuple[float, float]], *, title: str = "", what: str = "") -> Picture:
    """One bar for each run, from 0 to 100 % of its time: left the learner's turns, right the wait for the actors.

    Args:
        runs: by name the seconds of the learner's turns and those of the actors', from the top down.
        title: what is compared.
        what: what to look for, in a sentence; it becomes the caption.

    Raises:
        InvalidDataError: no run, a run without time, or seconds below 0.
    """
    if not runs:
        raise InvalidDataError("turns needs at least one run")
    shares = {}
    for name, seconds in runs.items():
        learner, actors = (float(value) for value in seconds)
        if not (np.isfinite([learner, actors]).all() and min(learner, actors) >= 0 and learner + actors > 0):
            raise InvalidDataError(f"the run {name!r} needs two times, none below 0 and not both 0, not {seconds}")
        shares[name] = learner / (learner + actors)
    with styled_figure(WIDTH, 1.35 + ROW * len(runs)) as figure:
        axes = figure.subplots()
        for row, share in enumerate(shares.values()):
            _draw_bar(axes, row, 0.0, share, "online network", "", LEARNER if row == 0 else None)
            _draw_bar(axes, row, share, 1.0 - share, "environment", "///", ACTORS if row == 0 else None)
        axes.set(title=title, xlabel="share of the time (%)", xlim=(0, 100))
        axes.set(yticks=range(len(shares)), yticklabels=list(shares), ylim=(len(shares) - 0.45, -0.55))
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside lower right", ncols=2, frameon=False)
    rows = "; ".join(f"{name}: learner {s:.0%}, waiting for the actors {1 - s:.0%}" for name, s in shares.items())
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
    if share >= NARROW:
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
        axes.text(100 * (left + share / 2), row, f"{share:.0%}", ha="center", va="center", bbox=box)
