"""The figure of a cluster that collects rollouts while a learner trains, for pages on which nothing moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dqnkit.plots.scales import round_up
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 6.8, 4.3  # inches
BINS, LEAST_BINS = 20, 6  # of the histogram, at most and at least
# A style for each worker, in the order in which they were first seen. The colours are Paul Tol's ("Colour schemes",
# 2021, muted): safe for colour-blind readers and not in `PALETTE`; neighbours differ in lightness too.
WORKERS: list[dict[str, Any]] = [
    {"color": "#332288", "linestyle": "-"},
    {"color": "#DDCC77", "linestyle": (0, (5, 1.5))},
    {"color": "#44AA99", "linestyle": (0, (2.5, 1))},
    {"color": "#882255", "linestyle": (0, (6, 1.2, 1.2, 1.2))},
    {"color": "#88CCEE", "linestyle": "-"},
    {"color": "#117733", "linestyle": (0, (5, 1.5))},
    {"color": "#CC6677", "linestyle": (0, (2.5, 1))},
]
OTHERS: dict[str, Any] = {"color": "#AAAAAA", "linestyle": (0, (1, 1.3))}  # all further workers
CAPTION = (
    "What to look for: the top of the coloured bands is what all workers make together, and a dotted line is a worker "
    "that was lost. Learner near 100 %: it sets the pace, and more workers would only wait; far below: it waits for "
    "rollouts, and more workers would help. Policy lag: how old the weights were that acted."
)


@dataclass(frozen=True)
class ClusterCurves:
    """The data to draw. The x axis counts seconds of training."""

    seconds: Sequence[float] = ()  # [T]
    transitions: Mapping[str, Sequence[float]] = field(
        default_factory=dict
    )  # name of a worker -> [T] transitions a second
    busy: Sequence[float] = ()  # [T] share of the time in which the learner did not wait for rollouts, 0 to 1
    samples_per_insert: Sequence[float] = ()  # [T]
    lags: Sequence[int] = ()  # [L] of the newest rollouts, in versions
    lost: Sequence[float] = ()  # seconds at which a worker was lost


def cluster_picture(curves: ClusterCurves, max_samples_per_insert: float | None = None) -> Picture:
    """Draw four plots: transitions a second by worker, policy lag, learner utilisation, samples per insert.

    Args:
        curves: the data.
        max_samples_per_insert: the configured bound, if known; a dotted line.
    """
    with styled_figure(WIDTH, HEIGHT) as figure:
        axes = figure.subplots(2, 2, height_ratios=(3, 2), width_ratios=(3, 2))
        (rates, lags), (busy, ratio) = axes
        _draw_rates(rates, curves)
        _draw_lags(lags, np.asarray(curves.lags, np.int64))
        busy.plot(curves.seconds, 100 * np.asarray(curves.busy, np.float64), **PALETTE["online network"])
        busy.set_title("Learner utilisation")
        busy.set(ylabel="% of time", ylim=(0, 104))
        ratio.plot(curves.seconds, curves.samples_per_insert, **PALETTE["replay"])
        if max_samples_per_insert is not None:
            ratio.axhline(max_samples_per_insert, **PALETTE["reference"])
        ratio.set_title("Samples per insert")
        ratio.set_ylim(bottom=0)
        for one in (rates, busy, ratio):
            one.set_xlabel("seconds of training")
            one.set_xlim(0, max([1.0, *curves.seconds[-1:]]))
        for one in (rates, lags, busy, ratio):
            one.locator_params(axis="both", nbins=5)
        return Picture.of(figure, _alt(curves), CAPTION)


def worker_style(number: int) -> dict[str, Any]:
    """Return colour and line style of a worker, by the order in which the workers were first seen."""
    return WORKERS[number] if number < len(WORKERS) else OTHERS


def bin_width(largest: int) -> int:
    """Return the width in versions (1, 2, 3, 5, 7, 10, ...) with which at most 20 bins hold all policy lags."""
    return round(round_up(math.ceil((largest + 1) / BINS)))


def _bands(curves: ClusterCurves) -> dict[str, Array]:
    """Return name -> transitions a second ``[T]``; workers without a colour of their own are added up as "others"."""
    bands: dict[str, Array] = {}
    for number, (name, values) in enumerate(curves.transitions.items()):
        name = name if number < len(WORKERS) else "others"
        bands[name] = bands.get(name, 0.0) + np.asarray(values, np.float64)
    return bands


_LOST: dict[str, Any] = {"color": "#222222", "linestyle": (0, (1, 1.3)), "linewidth": 1.2}


def _draw_rates(axes: Axes, curves: ClusterCurves) -> None:
    """A filled band for each worker, one above the other; at a loss a dotted line with a cross."""
    below = np.zeros(len(curves.seconds))
    for number, (name, values) in enumerate(_bands(curves).items()):
        style, above = worker_style(number), below + values
        axes.fill_between(curves.seconds, below, above, color=style["color"], alpha=0.55, linewidth=0)
        axes.plot(curves.seconds, above, linewidth=1.4, label=_short(name), **style)
        below = above
    for moment in curves.lost:
        axes.axvline(moment, **_LOST)
        axes.plot([moment], [0.05], "x", color=_LOST["color"], transform=axes.get_xaxis_transform())
    axes.set_title("Transitions a second, by worker")
    axes.yaxis.set_major_formatter(_in_thousands)
    axes.set_ylim(0, 1.3 * max(1.0, below.max(initial=0)))  # room for the legend
    if curves.transitions:
        axes.legend(loc="upper left", fontsize=8, ncols=4, borderpad=0.2, columnspacing=1)


def _draw_lags(axes: Axes, lags: Array) -> None:
    """A histogram of the policy lags ``[L]``."""
    wide = bin_width(int(lags.max(initial=0)))
    shares, edges = np.histogram(lags, wide * np.arange(BINS + 1) - 0.5)
    axes.stairs(100 * shares / max(1, len(lags)), edges, fill=True, color=PALETTE["target network"]["color"])
    axes.set_title("Policy lag")
    most = min(BINS, max(LEAST_BINS, int(lags.max(initial=0)) // wide + 2))
    axes.set(xlabel="versions of the weights", ylabel="% of rollouts", xlim=(edges[0], edges[most]))


def _short(name: str) -> str:
    """Return what tells a worker from the others: "3529dcfb" of "dask-2f6a-worker-3529dcfb", "worker 1" as it is."""
    own = name.rpartition("worker-")[2]
    return own if len(own) <= 12 else f"…{own[-11:]}"


def _in_thousands(value: float, _: Any = None) -> str:
    """Return a number with thousands as "k", to be short enough for the axis."""
    return f"{value / 1000:,.3g}k" if value >= 1000 else f"{value:.3g}"


def _alt(curves: ClusterCurves) -> str:
    newest = ", ".join(f"{name} {values[-1]:,.0f}" for name, values in curves.transitions.items() if len(values))
    lags = np.asarray(curves.lags)
    said = [
        f"Four plots over {curves.seconds[-1] if len(curves.seconds) else 0:.0f} seconds of training.",
        f"Transitions a second by worker, now: {newest or 'none yet'}.",
        f"Policy lag of the last {len(lags)} rollouts: "
        + (f"median {np.median(lags):.0f}, largest {lags.max()} versions." if len(lags) else "none yet."),
    ]
    if len(curves.busy):
        said.append(f"Learner utilisation now {100 * curves.busy[-1]:.0f} %.")
        said.append(f"Samples per insert now {curves.samples_per_insert[-1]:.3g}.")
    if len(curves.lost):
        said.append(f"Workers lost so far: {len(curves.lost)}.")
    return " ".join(said)
