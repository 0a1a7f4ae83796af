"""The learning curves of a run: returns, max Q, loss and epsilon over environment steps."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.in_words import course_of
from dqnkit.plots.scales import largest, set_logarithmic, yscale
from dqnkit.plots.style import PALETTE, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 8.0, 9.0  # inches

CAPTION = (
    "The return is what counts; the mean lags 100 episodes behind{course}. Dips are usual in DQN, a fall that stays is "
    "not. Max Q is what the network promises: {promise} The loss is no score: its target moves with "
    "the network, so it may rise while the policy gets better. While epsilon is high, random actions keep the returns "
    "below what the greedy policy earns."
)
PROMISE = "where it grows on after the returns have stopped, more than is earned."
PROMISE_WITH_BOUND = "above the dotted line, more than any policy can earn (overestimation)."


def learning_curve(
    metrics: Mapping[str, Sequence[float] | Array],
    *,
    title: str,
    threshold: float | None = None,
    max_q_bound: float | None = None,
    episodes: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
) -> Figure:
    """Draw returns, max Q, loss and epsilon of a run over environment steps.

    A missing or empty column leaves its panel empty. NaN and infinity leave gaps. Values that explode get a logarithmic
    axis.

    Args:
        metrics: columns of equal length: step, episode_return (mean of the last 100 episodes), mean_max_q, loss,
            epsilon. Other columns are ignored.
        title: what was trained.
        threshold: mean return at which the environment counts as solved.
        max_q_bound: the largest value that any policy can have: 1 / (1 - gamma) for rewards of at most 1 a step.
        episodes: the step at which each episode ended ``[E]`` and its return ``[E]``: dots behind the mean.

    Raises:
        InvalidDataError: columns of different lengths or with values that are not numbers.
        MissingExtraError: matplotlib is not installed.
    """
    steps, returns, max_q, loss, epsilon = _columns(
        metrics, ("step", "episode_return", "mean_max_q", "loss", "epsilon")
    )
    ends, single_returns = _columns(dict(zip(("ends", "returns"), episodes or (), strict=False)), ("ends", "returns"))
    unit, unit_name = _unit(max(steps.max(initial=0), ends.max(initial=0)))
    with styled_figure(WIDTH, HEIGHT) as figure:
        figure.suptitle(title, x=0.01, ha="left", size=14, weight="bold")
        panels = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 1, 1))

        panels[0].set(title="Mean return of the last 100 episodes", ylabel="return\n(sum of rewards)")
        if len(ends):
            _draw_dots(panels[0], ends / unit, single_returns, "environment", "single episodes")
        _draw_line(panels[0], steps / unit, returns, "environment")
        _draw_reference(panels[0], threshold, "solved:")

        panels[1].set(title="Mean max Q", ylabel="value\n(discounted return)")
        _draw_line(panels[1], steps / unit, max_q, "online network")
        _draw_reference(panels[1], max_q_bound, "no policy has more: 1 / (1 − gamma) =")
        _choose_scale(panels[1], max_q, expected=largest(returns) if max_q_bound is None else abs(max_q_bound))

        panels[2].set(title="Loss (not a score)", ylabel="mean over\ntransitions")
        _draw_line(panels[2], steps / unit, loss, "loss")
        _choose_scale(panels[2], loss, expected=10 * _median(loss))

        panels[3].set(
            title="Exploration rate epsilon", ylabel="share of\nrandom actions", ylim=(-0.04, 1.04), yticks=(0, 0.5, 1)
        )
        _draw_line(panels[3], steps / unit, epsilon, "exploration")
        panels[3].set_xlabel(f"environment steps{unit_name}")
        panels[3].set_xlim(left=0)
        if len(steps) == 0:
            panels[3].set_xticks([])

        for axes in panels:
            _write_legend(axes)
        figure.align_ylabels(panels)
        promise = PROMISE if max_q_bound is None else PROMISE_WITH_BOUND
        _write_caption(figure, CAPTION.format(promise=promise, course=course_of(returns, ended=True)))
    return figure


def _columns(metrics: Mapping[str, Any], names: Sequence[str]) -> list[Array]:
    """Return the named columns as floats of one length: NaN for infinity and in missing or empty columns."""
    columns: dict[str, Array] = {}
    for name in names:
        try:
            values = np.asarray(metrics.get(name, ()), dtype=np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise InvalidDataError(f"the column {name!r} takes numbers: {error}") from error
        columns[name] = np.where(np.isfinite(values), values, np.nan)
    length = len(columns[names[0]])
    for name, values in columns.items():
        if len(values) not in (0, length):
            raise InvalidDataError(f"the column {name!r} has {len(values)} values, but {names[0]!r} has {length}")
    return [values if len(values) else np.full(length, np.nan) for values in columns.values()]


def _draw_line(axes: Axes, x: Array, y: Array, what: str) -> None:
    shown = np.isfinite(y).sum()
    axes.plot(x, y, marker="o" if shown == 1 else None, **PALETTE[what])
    if shown == 0:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "nothing to show yet", transform=axes.transAxes, ha="center", va="center", color="#6E6E6E")


def _draw_dots(axes: Axes, x: Array, y: Array, what: str, label: str) -> None:
    axes.scatter(x, y, s=9, color=PALETTE[what]["color"], alpha=0.45, linewidths=0, label=label)


def _draw_reference(axes: Axes, y: float | None, label: str) -> None:
    if y is not None:
        axes.axhline(y, linewidth=1.4, label=f"{label} {y:g}", **PALETTE["reference"])


def _write_legend(axes: Axes) -> None:
    """Put the legend above the axes, right of the title, where it hides no data."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1.01), ncols=2, borderaxespad=0, borderpad=0.2, frameon=False)


def _median(values: Array) -> float:
    """Return the median of the finite values; 0 if there is none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else 0.0


def _choose_scale(axes: Axes, values: Array, expected: float) -> None:
    """Make the axis logarithmic if the values explode: if they are far larger than expected."""
    scale = yscale(values, expected)
    if scale != "linear":
        set_logarithmic(axes, negative=scale == "symlog")
        axes.set_title(f"{axes.get_title(loc='left')} explodes (logarithmic axis)")


def _unit(steps: float) -> tuple[int, str]:
    """Return the unit in which the axis counts steps, and its name; it keeps the numbers short."""
    if steps >= 2_000_000:
        return 1_000_000, " (millions)"
    if steps >= 10_000:
        return 1_000, " (thousands)"
    return 1, ""


def _write_caption(figure: Figure, caption: str) -> None:
    """Write the caption under the panels and make room for it."""
    lines = textwrap.wrap(caption, width=112)
    line_height = 0.185 / HEIGHT  # of the figure
    height = (len(lines) + 1) * line_height + 0.015
    layout = figure.get_layout_engine()
    assert layout is not None
    layout.set(rect=(0, height, 1, 1 - height), h_pad=0.07)  # type: ignore[call-arg]
    figure.text(0.01, height - 0.012, "What to look for", va="top", weight="bold")
    figure.text(0.01, height - 0.012 - line_height, "\n".join(lines), va="top", linespacing=1.35)
