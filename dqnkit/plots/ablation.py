"""An ablation as rows of dots, and the error of a learned table beside its values against the exact ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, ROW_HEIGHT = 7.2, 0.34  # inches
# Earlier runs, the oldest last: thinner and lighter than the newest, each with its own line style.
EARLIER = (("#6B6B6B", (0, (4, 1.5))), ("#8C8C8C", (0, (1.2, 1))), ("#A8A8A8", (0, (6, 1.2, 1.2, 1.2))))


def ablation(
    groups: Mapping[str, npt.ArrayLike],
    *,
    baseline: str,
    xlabel: str = "return (mean over all steps of a run)",
    title: str = "",
    run: tuple[str, float] | None = None,
    what: str = "",
) -> Picture:
    """Draw a row for each setting: a dot for each seed, a bar for their mean, and a band over the baseline's seeds.

    Args:
        groups: name -> one number for each seed ``[S]``; drawn from the top down.
        baseline: the name to compare with; the grey band reaches from its lowest to its highest seed.
        xlabel: what the numbers are, with their unit.
        title: what is compared.
        run: a name in ``groups`` and the number of the reader's own run, which is marked in that row.
        what: a sentence on what to look for, for the caption.

    Raises:
        InvalidDataError: a group without numbers, or an unknown name.
    """
    values = {name: np.asarray(numbers, dtype=np.float64).ravel() for name, numbers in groups.items()}
    for name, numbers in values.items():
        if not len(numbers) or not np.isfinite(numbers).all():
            raise InvalidDataError(f"the group {name!r} needs at least one number, all of them finite")
    for name in (baseline, *([run[0]] if run else [])):
        if name not in values:
            raise InvalidDataError(f"there is no group {name!r}; there are: {', '.join(values)}")
    with styled_figure(WIDTH, 1.1 + ROW_HEIGHT * len(values)) as figure:
        axes = figure.subplots()
        low, high = values[baseline].min(), values[baseline].max()
        axes.axvspan(low, high, color="#EDEDED", zorder=0, label=f"seeds of “{baseline}”")
        for row, numbers in enumerate(values.values()):
            axes.plot(numbers, np.full(len(numbers), row), "o", color=PALETTE["online network"]["color"], alpha=0.55)
            axes.plot([numbers.mean()] * 2, [row - 0.32, row + 0.32], color="#222222", linewidth=2.4)
        if run is not None:
            row = list(values).index(run[0])
            axes.plot(run[1], row, "D", color=PALETTE["target network"]["color"], markersize=8, label="your run")
        axes.set(title=title, xlabel=xlabel, yticks=range(len(values)), yticklabels=list(values))
        axes.set_ylim(len(values) - 0.4, -0.6)
        axes.margins(x=0.03)  # no dot is cut
        axes.grid(axis="y", visible=False)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1.0), ncols=2, frameon=False, borderaxespad=0.2)
    caption = f"{'What to look for: ' if what else ''}{what} Dots: seeds; upright bars: their mean."
    rows = "; ".join(f"{name}: mean {v.mean():.3g}, {v.min():.3g} to {v.max():.3g}" for name, v in values.items())
    mine = f" Your run, {run[0]}: {run[1]:.3g}." if run else ""
    return Picture.of(figure, f"{title or 'Ablation'}, {xlabel}. {rows}.{mine}", caption.strip())


def learning_beside_truth(
    runs: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    learned: npt.ArrayLike,
    true: npt.ArrayLike,
    *,
    total: float,
    title: str = "",
    caption: str = "",
) -> Picture:
    """Draw the error of runs over their steps on the left, and each learned value against its exact value on the right.

    Args:
        runs: name -> steps ``[N]`` and errors ``[N]``, the newest last; at most four.
        learned, true: the values of the newest run and the exact ones, ``[V]`` each.
        total: the end of the axis of steps.
        title: what is learned.
        caption: what to look for.

    Raises:
        InvalidDataError: no run, too many, or values of different lengths.
    """
    if not 1 <= len(runs) <= 1 + len(EARLIER):
        raise InvalidDataError(f"one picture holds 1 to {1 + len(EARLIER)} runs, not {len(runs)}")
    learned, true = (np.asarray(values, dtype=np.float64).ravel() for values in (learned, true))
    if learned.shape != true.shape:
        raise InvalidDataError(f"{len(learned)} learned values do not fit {len(true)} exact ones")
    with styled_figure(8.2, 3.3) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
        _draw_runs(left, runs)
        left.set(
            xlabel="steps (each with one update)", ylabel="error against Q*\n(root of the mean square)", title=title
        )
        left.set_xlim(0, total)
        left.set_ylim(bottom=0)
        left.legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none", handlelength=2.6)
        _draw_values(right, learned, true)
    ends = (f"{name}: {np.asarray(errors)[-1]:.3f}" for name, (_, errors) in runs.items())
    over = float(np.mean(learned > true + 0.02))
    alt = f"{title}. Error against Q* at the end: {'; '.join(ends)}. {over:.0%} of the values lie above the exact ones."
    return Picture.of(figure, alt, caption)


def _draw_runs(axes: Axes, runs: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]]) -> None:
    *earlier, (name, (steps, errors)) = runs.items()
    for (old, (x, y)), (color, dashes) in zip(reversed(earlier), EARLIER, strict=False):
        axes.plot(np.asarray(x), np.asarray(y), color=color, linestyle=dashes, linewidth=1.4, label=old)
    axes.plot(np.asarray(steps), np.asarray(errors), linewidth=2.4, label=name, **PALETTE["online network"])


def _draw_values(axes: Axes, learned: Array, true: Array) -> None:
    ends = np.array([min(learned.min(), true.min()), max(learned.max(), true.max())])
    ends += np.array([-0.06, 0.06]) * max(ends[1] - ends[0], 0.1)
    axes.fill_between(ends, ends, ends[1], color=PALETTE["target network"]["color"], alpha=0.09, linewidth=0)
    axes.plot(ends, ends, linewidth=1.4, **PALETTE["reference"])
    axes.plot(true, learned, "o", markersize=5, alpha=0.6, color=PALETTE["online network"]["color"])
    axes.text(0.03, 0.97, "too high", transform=axes.transAxes, va="top", color=PALETTE["target network"]["color"])
    axes.text(0.97, 0.03, "too low", transform=axes.transAxes, ha="right", color="#4D4D4D")
    axes.set(xlim=ends, ylim=ends, xlabel="exact Q* (return)", ylabel="learned Q (return)", title="Each value")
