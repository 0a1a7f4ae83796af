"""The figure of a cluster that collects rollouts while a learner trains, drawn again and again while it goes on.

As in `dqnkit.plots.training_panel`, what stands still (axes, numbers, words) is drawn only when it changes, and what
moves is drawn on a copy of it. Axes grow, in steps, and seldom shrink.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dqnkit.plots.blitting import BlittedFigure
from dqnkit.plots.scales import round_up
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 6.8, 4.3  # inches
MARGINS = {"left": 0.12, "right": 0.985, "top": 0.93, "bottom": 0.11, "hspace": 0.55, "wspace": 0.28}  # of the figure
BINS = 20  # of the histogram, at most
SHARES = (25, 50, 100.001)  # % of the rollouts in one bin: where the axis ends,
FEW = 20  # and always at the last of them while there are fewer rollouts
HEADROOM = 1.5  # times the transitions a second for which the axis must grow: in the beginning they rise quickly
SPAN = 30.0  # seconds on the axis of time at first; then twice as many, and so on: each time, all is drawn anew
ROOM = 1.12  # times the newest moment: behind it stand the workers' names
# One look for each worker, by the order in which they were first seen. Colours of Paul Tol ("Colour schemes", 2021,
# muted), safe in every kind of colour-blindness and none of them in `PALETTE`; neighbours differ in lightness too.
WORKERS: list[dict[str, Any]] = [
    {"color": "#332288", "linestyle": "-"},
    {"color": "#DDCC77", "linestyle": (0, (5, 1.5))},
    {"color": "#44AA99", "linestyle": (0, (2.5, 1))},
    {"color": "#882255", "linestyle": (0, (6, 1.2, 1.2, 1.2))},
    {"color": "#88CCEE", "linestyle": "-"},
    {"color": "#117733", "linestyle": (0, (5, 1.5))},
    {"color": "#CC6677", "linestyle": (0, (2.5, 1))},
]
OTHERS: dict[str, Any] = {"color": "#AAAAAA", "linestyle": (0, (1, 1.3))}  # all workers beyond those
CAPTION = (
    "What to look for: the top of the coloured bands is what all workers make together, and a dotted line is a worker "
    "that was lost. Learner near 100 %: it sets the pace, and more workers would only wait; far below: it waits for "
    "rollouts, and more workers would help. Policy lag: how old the weights were that acted."
)


@dataclass(frozen=True)
class ClusterCurves:
    """What there is to draw so far. The x axis counts seconds of training."""

    seconds: Sequence[float] = ()  # [T]
    transitions: Mapping[str, Sequence[float]] = field(default_factory=dict)  # [T] a second, by worker
    busy: Sequence[float] = ()  # [T] share of the time that the learner did not wait for rollouts, 0 to 1
    samples_per_insert: Sequence[float] = ()  # [T]
    lags: Sequence[int] = ()  # [L] versions, of the newest rollouts
    lost: Sequence[float] = ()  # when a worker was lost


class ClusterPanel:
    """Transitions a second by worker, policy lag, learner utilisation and samples per insert.

    Args:
        max_samples_per_insert: the configured bound; drawn dotted where it is known.
    """

    def __init__(self, max_samples_per_insert: float | None = None) -> None:
        self.max_samples_per_insert = max_samples_per_insert
        self._figure: _PanelFigure | None = None

    def draw(self, curves: ClusterCurves, final: bool = False) -> Picture:
        """The picture of what there is so far. The final one is packed smaller."""
        seconds, busy, ratio = (
            np.asarray(values, np.float64) for values in (curves.seconds, curves.busy, curves.samples_per_insert)
        )
        bands = _bands(curves)
        lags = np.asarray(curves.lags, np.int64)
        wide = bin_width(int(lags.max(initial=0)))
        shares, _ = np.histogram(lags, wide * np.arange(BINS + 1) - 0.5)
        shares = 100 * shares / max(1, len(lags))
        top = max(1.0, float(sum(bands.values(), np.zeros(1)).max(initial=0)))
        look = _Look(
            names=tuple(bands),
            seconds=_span(ROOM * float(seconds.max(initial=0))),
            transitions=round_up(HEADROOM * top) if self._figure is None else self._figure.top_for(top),
            samples_per_insert=round_up(max(1.0, *np.nan_to_num(ratio), 1.05 * (self.max_samples_per_insert or 0))),
            lag=wide * BINS,
            share=SHARES[-1] if len(lags) < FEW else next(share for share in SHARES if share >= shares.max()),
            bound=self.max_samples_per_insert,
        )
        if self._figure is None or (look.names, look.bound) != (self._figure.look.names, self._figure.look.bound):
            self._figure = _PanelFigure(look)
        self._figure.grow(look)
        png = self._figure.draw(seconds, bands, (busy, ratio), (shares, wide), curves.lost, final)
        return Picture(png, _alt(curves), CAPTION, round(WIDTH * 100))


def worker_style(number: int) -> dict[str, Any]:
    """Colour and line of a worker, by the order in which the workers were first seen."""
    return WORKERS[number] if number < len(WORKERS) else OTHERS


def bin_width(largest: int) -> int:
    """Policy lags from 0 to the largest in at most 20 bins: their width in versions, 1, 2, 3, 5, 10, ..."""
    return round(round_up(math.ceil((largest + 1) / BINS)))


def _span(seconds: float) -> float:
    return SPAN * 2.0 ** max(0, math.ceil(math.log2(max(seconds, 1e-9) / SPAN)))


def _bands(curves: ClusterCurves) -> dict[str, Array]:
    """Name -> transitions a second ``[T]``, with all that have no colour of their own in one."""
    bands: dict[str, Array] = {}
    for number, (name, values) in enumerate(curves.transitions.items()):
        name = name if number < len(WORKERS) else "others"
        bands[name] = bands.get(name, 0.0) + np.asarray(values, np.float64)
    return bands


@dataclass(frozen=True)
class _Look:
    """All that the axes show: names, and where each axis ends."""

    names: tuple[str, ...]
    seconds: float
    transitions: float
    samples_per_insert: float
    lag: int
    share: float
    bound: float | None

    def grown(self, other: _Look) -> _Look:
        """With axes that end where the longer of both does."""
        ends = ("seconds", "transitions", "samples_per_insert", "lag")
        longest: Any = {end: max(getattr(self, end), getattr(other, end)) for end in ends}
        return replace(other, **longest)


class _PanelFigure(BlittedFigure):
    """The four axes and what is drawn on them."""

    def __init__(self, look: _Look) -> None:
        with styled_figure(WIDTH, HEIGHT) as figure:
            figure.set_layout_engine("none")  # it would measure every word, each time
            axes = figure.subplots(2, 2, height_ratios=(3, 2), width_ratios=(3, 2), gridspec_kw=MARGINS)
            (self._rates, self._lags), (self._busy, self._ratio) = axes
            self._bands = [_Band(self._rates, name, worker_style(i)) for i, name in enumerate(look.names)]
            self._lost = self._rates.plot([], [], animated=True, marker="x", markevery=(1, 3), **_LOST)[0]
            self._lost.set_transform(self._rates.get_xaxis_transform())
            self._rates.set_title("Transitions a second, by worker")
            self._rates.yaxis.set_major_formatter(_in_thousands)
            self._bars = self._lags.stairs(
                np.zeros(BINS),
                np.arange(BINS + 1.0),
                fill=True,
                animated=True,
                color=PALETTE["target network"]["color"],
            )
            self._lags.set_title("Policy lag")
            self._lags.set(xlabel="versions of the weights", ylabel="% of rollouts")
            self._lines = [
                self._busy.plot([], [], animated=True, **PALETTE["online network"])[0],
                self._ratio.plot([], [], animated=True, **PALETTE["replay"])[0],
            ]
            self._busy.set_title("Learner utilisation")
            self._busy.set(xlabel="seconds of training", ylabel="% of time", ylim=(0, 104))
            self._ratio.set_title("Samples per insert")
            self._ratio.set(xlabel="seconds of training")
            if look.bound is not None:
                self._ratio.axhline(look.bound, label="bound", **PALETTE["reference"])
            for one in (self._rates, self._busy, self._ratio, self._lags):
                one.locator_params(axis="x", nbins=5)
                one.locator_params(axis="y", nbins=5)
        super().__init__(figure)
        self.look = replace(look, seconds=0)
        self.grow(look)

    def top_for(self, transitions: float) -> float:
        """Where the axis of transitions a second ends: where it does now, if that is high enough."""
        return self.look.transitions if transitions <= self.look.transitions else round_up(HEADROOM * transitions)

    def grow(self, look: _Look) -> None:
        """Let the axes grow if they must, and then draw the background anew."""
        look = self.look.grown(look)
        if look == self.look:
            return
        self.look = look
        for axes in (self._rates, self._busy, self._ratio):
            axes.set_xlim(0, look.seconds)
        self._rates.set_ylim(0, 1.04 * look.transitions)
        self._ratio.set_ylim(0, 1.04 * look.samples_per_insert)
        self._lags.set(xlim=(-0.5, look.lag - 0.5), ylim=(0, 1.04 * look.share))
        self.draw_background()

    def draw(
        self,
        seconds: Array,
        bands: Mapping[str, Array],
        lines: tuple[Array, Array],
        histogram: tuple[Array, int],
        lost: Sequence[float],
        final: bool,
    ) -> bytes:
        """The picture with these values; the final one is packed smaller."""
        self.restore()
        below = np.zeros(len(seconds))
        for band, values in zip(self._bands, bands.values(), strict=True):
            band.draw(seconds, below, below + values, self.look.transitions)
            below = below + values
        times = np.repeat(np.asarray(lost, np.float64), 3)
        self._lost.set_data(times, np.tile([0.0, 0.96, np.nan], len(lost)))
        self._rates.draw_artist(self._lost)
        for line, values in zip(self._lines, (100 * lines[0], lines[1]), strict=True):
            line.set_data(seconds, values)
            line.axes.draw_artist(line)
        shares, wide = histogram
        self._bars.set_data(shares, wide * np.arange(BINS + 1.0) - 0.5)
        self._lags.draw_artist(self._bars)
        return self.png(final)


_LOST: dict[str, Any] = {"color": "#222222", "linestyle": (0, (1, 1.3)), "linewidth": 1.2, "markersize": 6}


class _Band:
    """One worker's share of the throughput: a filled band, its upper edge, its name behind the newest moment."""

    def __init__(self, axes: Axes, name: str, style: Mapping[str, Any]) -> None:
        self._axes = axes
        self._fill = axes.fill([], [], color=style["color"], alpha=0.55, linewidth=0, animated=True)[0]
        self._edge = axes.plot([], [], linewidth=1.4, animated=True, **style)[0]
        short = name if len(name) <= 12 else f"…{name[-11:]}"
        self._name = axes.text(0, 0, f" {short}", va="center", size=8, animated=True)

    def draw(self, seconds: Array, below: Array, above: Array, top: float) -> None:
        """Draw it between two curves ``[T]``; a band too thin for its name gets none."""
        self._fill.set_xy(np.stack([np.r_[seconds, seconds[::-1]], np.r_[above, below[::-1]]], axis=1))
        self._edge.set_data(seconds, above)
        parts = [self._fill, self._edge]
        if len(seconds) and above[-1] - below[-1] > 0.06 * top:
            self._name.set_position((seconds[-1], (above[-1] + below[-1]) / 2))
            parts.append(self._name)
        for part in parts:
            self._axes.draw_artist(part)


def _in_thousands(value: float, _: Any = None) -> str:
    """Thousands as k, so that all numbers have room left of the axis."""
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
