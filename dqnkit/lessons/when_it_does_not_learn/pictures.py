"""The pictures of the lesson: what was found, curves beside those of runs that learned, and which test finds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dqnkit.classroom import rich_text
from dqnkit.classroom.rich_text import RichText
from dqnkit.lessons.when_it_does_not_learn.clinic import LEARNED_BY_HEART, Log, Report, is_passed
from dqnkit.plots.scales import set_logarithmic
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RIGHT = "#E0E0E0"  # runs that learned
BOUND = 20.0  # 1 / (1 - gamma) on CartPole
LONG = 9  # letters; a longer name of a row takes two lines
# key in the log, title, what of PALETTE, logarithmic
PANELS = (
    ("return", "return", "environment", False),
    ("max Q", "max Q", "online network", True),
    ("loss", "loss", "loss", True),
    ("gradient norm", "gradient norm", "loss", True),
    ("distance", "online to target", "target network", True),
    ("epsilon", "epsilon", "exploration", False),
    ("replay", "in replay", "replay", False),
)


def findings_table(report: Report, overfit: float) -> RichText:
    """The values of each probe that are furthest from the exact ones, and the loss of one batch."""
    rows = [("one batch by heart", f"loss {overfit:.2g}", "0", _mark(overfit < LEARNED_BY_HEART))]
    for name, (learned, exact) in report.items():
        rows.append((name, f"{learned:.2f}", f"{exact:.2f}", _mark(is_passed(learned, exact))))
    text = "\n".join(f"{name:20} {learned:>12} {exact:>6}  {mark}" for name, learned, exact, mark in rows)
    return RichText(rich_text.table(rows, head=("test", "worst value", "exact", "")), text)


def _mark(passed: bool) -> str:
    return "✓ right" if passed else "✗ wrong"


def run_chart(log: Log, beside: Sequence[Log] = (), title: str = "") -> Picture:
    """Draw the seven curves of one run over the range of runs that learned."""
    with styled_figure(8.8, 3.7) as figure:
        panels = figure.subplots(2, 4, sharex=True)
        figure.suptitle(title, x=0.01, ha="left", size=11, weight="bold")
        for axes, panel in zip(panels.flat, PANELS, strict=False):
            _draw_panel(axes, panel, log, beside)
            axes.set_title(panel[1])
        _legend(panels[1, 3], bool(beside))
        for axes in panels[1, :3]:
            axes.set_xlabel("steps (thousands)")
    ends = "; ".join(f"{title} {_end(log, key):.3g}" for key, title, _, _ in PANELS)
    caption = "What to look for: the first curve that leaves the grey range." if beside else ""
    return Picture.of(figure, f"{title}. At the end: {ends}.", caption)


def run_columns(runs: Mapping[str, Log], beside: Sequence[Log], what: str = "") -> Picture:
    """Draw several runs beside each other: a column for each, a row for each curve."""
    with styled_figure(8.8, 5.9) as figure:  # with its caption it fits a screen 800 pixels high
        panels = figure.subplots(len(PANELS), len(runs), sharex=True, sharey="row", squeeze=False)
        for column, (name, log) in enumerate(runs.items()):
            panels[0, column].set_title(name)
            panels[-1, column].set_xlabel("steps (thousands)")
            for row, panel in enumerate(PANELS):
                _draw_panel(panels[row, column], panel, log, beside)
                panels[row, column].tick_params(axis="y", which="minor", labelsize=6.5)
        for row, panel in enumerate(PANELS):
            panels[row, 0].set_ylabel(panel[1].replace(" ", "\n", 1) if len(panel[1]) > LONG else panel[1])
        figure.align_ylabels(panels)
    ends = ". ".join(
        f"{name}, at the end: " + ", ".join(f"{title} {_end(log, key):.3g}" for key, title, _, _ in PANELS)
        for name, log in runs.items()
    )
    grey = "Grey: from the least to the largest of three runs that learn. Dotted: 1 / (1 − γ) = 20."
    return Picture.of(figure, f"Seven curves of {len(runs)} runs. {ends}.", f"{what} {grey}".strip())


def _draw_panel(axes: Axes, panel: tuple[str, str, str, bool], log: Log, beside: Sequence[Log]) -> None:
    key, _, kind, is_log = panel
    x, values = _column(log, "step") / 1_000, _column(log, key)
    if beside:
        others = np.stack([_column(other, key) for other in beside])
        low, high = np.nanmin(others, axis=0), np.nanmax(others, axis=0)
        axes.fill_between(x, _shown(low, is_log), _shown(high, is_log), color=RIGHT, lw=0)
    axes.plot(x, _shown(values, is_log), **(PALETTE[kind] | {"linewidth": 1.3}))
    if key == "max Q":
        axes.axhline(BOUND, linewidth=1.2, **PALETTE["reference"])
    if is_log:
        set_logarithmic(axes)
    else:
        # the axis of a row is shared: it holds what is already on it, too
        axes.set_ylim(0, max(axes.get_ylim()[1], 1.05 * np.nanmax(values, initial=0.0)))
    thousands = x[-1]
    axes.set_xticks([0, thousands / 2, thousands], ["0", f"{thousands / 2:g}", f"{thousands:g}"])
    axes.set_xlim(0, thousands)
    axes.tick_params(labelsize=7.5)


def _shown(values: Array, is_log: bool) -> Array:
    """On a logarithmic axis a 0 leaves a gap: right after a copy the two networks are equal."""
    return np.where(values > 0, values, np.nan) if is_log else values


def _legend(axes: Any, has_others: bool) -> None:
    """Use an empty panel for the legend."""
    from matplotlib.legend_handler import HandlerTuple

    axes.axis("off")
    colours = dict.fromkeys(PALETTE[kind]["color"] for _, _, kind, _ in PANELS[:3])
    this_run = tuple(axes.plot([], [], color=colour, linewidth=1.3)[0] for colour in colours)
    handles: dict[str, Any] = {
        "this run, in colour": this_run,
        "1 / (1 − γ) = 20": axes.plot([], [], linewidth=1.2, **PALETTE["reference"])[0],
    }
    if has_others:
        handles["three runs that learn"] = axes.fill_between([], [], color=RIGHT)
    each = {tuple: HandlerTuple(ndivide=None, pad=0.1)}
    axes.legend(handles.values(), handles, handler_map=each, loc="center left", frameon=False, fontsize=8.5)


def _column(log: Log, key: str) -> Array:
    return np.array([row[key] for row in log], dtype=np.float64)


def _end(log: Log, key: str) -> float:
    return float(log[-1][key])


def mask(found: Mapping[str, Mapping[str, bool]]) -> Picture:
    """Draw which test finds which fault: fault -> test -> whether it finds it."""
    tests = list(next(iter(found.values())))
    hits = np.array([list(row.values()) for row in found.values()], dtype=bool)  # [faults, tests]
    with styled_figure(8.8, 1.1 + 0.3 * len(hits)) as figure:
        axes = figure.subplots()
        y, x = np.nonzero(hits)
        axes.scatter(x, y, s=90, marker="s", color=PALETTE["target network"]["color"])
        y, x = np.nonzero(~hits)
        axes.scatter(x, y, s=7, color="#9A9A9A")
        axes.set_xticks(range(len(tests)), [name.replace(" ", "\n") for name in tests])
        axes.set_yticks(range(len(hits)), list(found))
        axes.xaxis.tick_top()
        axes.set(xlim=(-0.6, len(tests) - 0.4), ylim=(len(hits) - 0.4, -0.6))
        axes.grid(visible=False)
        axes.tick_params(length=0)
    lines = (f"{fault}: {', '.join(test for test in tests if row[test]) or 'nothing'}" for fault, row in found.items())
    caption = (
        "A square: the test finds the fault. What to look for: is there a fault that only one test finds? And how many "
        "does CartPole's return leave out?"
    )
    return Picture.of(figure, "Which test finds which fault. " + "; ".join(lines) + ".", caption)
