"""A chart of the speedup with workers: measured, and the best possible by a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dqnkit.errors import InvalidDataError
from dqnkit.plots.scaling import MARKED
from dqnkit.plots.style import PALETTE, Picture, styled_figure


def best_speedup(actors_share: float, workers: int) -> float:
    """The best speedup over one process when n workers act while the learner learns: ``1 / max(1 - a, a / n)``.

    The slower side, learner or actors, sets the pace.

    Args:
        actors_share: a, the fraction of the time in one process that is spent acting.
        workers: n.
    """
    return 1 / max(1 - actors_share, actors_share / workers)


def speedup_chart(
    measured: Mapping[str, Sequence[float]],
    actors_share: Mapping[str, float],
    workers: Sequence[int],
    *,
    title: str = "",
    what: str = "",
) -> Picture:
    """A line with marks for each measured speedup, and a thin line of the same colour for `best_speedup`.

    Args:
        measured: name -> speedup over one process, for each of ``workers``; at most three names.
        actors_share: for the same names, see `best_speedup`.
        workers: numbers of workers.
        title: what is compared.
        what: what to look for, in a sentence; it becomes the caption.

    Raises:
        InvalidDataError: no line or more than three lines; a line has not the length of ``workers``.
    """
    if not 1 <= len(measured) <= len(MARKED):
        raise InvalidDataError(f"one picture holds 1 to {len(MARKED)} lines, not {len(measured)}")
    for name, line in measured.items():
        if len(line) != len(workers):
            raise InvalidDataError(f"the line {name!r} has {len(line)} values for {len(workers)} numbers of workers")
    fine = np.linspace(workers[0], workers[-1], 60)
    with styled_figure(7.2, 3.5) as figure:
        axes = figure.subplots()
        for style, (name, line) in zip(MARKED, measured.items(), strict=False):
            axes.plot(list(workers), list(line), label=f"{name}: measured", markersize=7, **style)
            best = [best_speedup(actors_share[name], n) for n in fine]
            axes.plot(fine, best, label=f"{name}: by the formula", color=style["color"], linewidth=0.9)
        axes.axhline(1.0, linewidth=1.4, label="in process", **PALETTE["reference"])
        axes.set(title=title, xlabel="workers", ylabel="times as fast as in process", xticks=list(workers))
        axes.set_ylim(bottom=0)
        axes.margins(x=0.05)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, handlelength=3.2)
    lines = "; ".join(
        f"{name}: "
        + ", ".join(
            f"with {n} {times:.1f} times, by the formula {best_speedup(actors_share[name], n):.1f}"
            for n, times in zip(workers, line, strict=True)
        )
        for name, line in measured.items()
    )
    return Picture.of(figure, f"{title or 'Pace'}. {lines}.", f"What to look for: {what}" if what else "")
