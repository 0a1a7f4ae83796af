"""The live figure of training: returns and max Q, drawn often at little cost.

Axes, numbers and words take most of the time, so they are drawn only when they change (see `dqnkit.plots.blitting`).
That is seldom: the x axis spans the whole run from the beginning, and the y axes grow in steps (1, 2, 3, 5, ...).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.band import Band
from dqnkit.plots.blitting import BlittedFigure
from dqnkit.plots.in_words import course_of
from dqnkit.plots.scales import largest, round_up, yscale
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 6.8, 5.3  # inches
MARGINS = {"left": 0.13, "right": 0.945, "top": 0.925, "bottom": 0.09, "hspace": 0.34}  # of the figure
PREDICTION: dict[str, Any] = {"color": "#222222", "linestyle": (0, (5, 3)), "linewidth": 1.6}
LEGEND: Any = {"borderaxespad": 0, "borderpad": 0.2, "columnspacing": 1.2, "fontsize": 8}
CAPTION = (
    "Above, each point is an episode and the line the mean of the last 100, which lags behind{course}. Single dips are "
    "usual in DQN, a fall that stays is not. Below, max Q is what the network promises; {promise}"
)
PROMISE = "where it grows on after the returns have stopped, it promises more than is earned."
PROMISE_WITH_BOUND = "above the dotted line it promises more than any policy can earn (overestimation)."


class NamedBand(Band, Protocol):
    """A band with a name for the legend."""

    @property
    def label(self) -> str:
        """The name, as "5 recorded seeds"."""


@dataclass(frozen=True)
class Curves:
    """The data to draw. The x axis counts environment steps."""

    steps: Sequence[float] = ()  # [T]
    returns: Sequence[float] = ()  # [T] mean return of the last 100 episodes
    max_q: Sequence[float] = ()  # [T] mean max Q
    episodes: Sequence[tuple[float, float]] = ()  # [E] (step at which an episode ended, its return)
    changes: Sequence[tuple[float, str]] = ()  # (step at which the reader changed a setting, its name and new value)


class TrainingPanel:
    """Two plots: the return with its band and the dashed prediction; below it, the mean max Q and its bound.

    Args:
        title: what is trained, for the alternative text.
        band: recorded seeds to compare with.
        predicted: the return that the reader predicted: one number; values ``[N]`` at equal distances over the run; or
            points ``[N, 2]`` of share of the run (0 to 1) and value.
        q_bound: the largest value that any policy can have, or the mean of max Q* if it is known.

    Raises:
        InvalidDataError: a prediction of another shape.
    """

    def __init__(
        self,
        title: str = "",
        *,
        band: NamedBand | None = None,
        predicted: npt.ArrayLike | None = None,
        q_bound: float | None = None,
    ) -> None:
        self.title, self.q_bound = title, q_bound
        self.band = band  # set to None when the settings are no longer the recorded ones
        self.total_steps = 1
        self.predicted = None if predicted is None else _points(predicted)  # [N, 2]
        self._figure: _PanelFigure | None = None

    def draw(self, curves: Curves, final: bool = False) -> Picture:
        """Return the picture of the data so far; NaN and infinity leave gaps. A final one is compressed more."""
        steps = np.asarray(curves.steps, dtype=np.float64)
        returns, max_q = _finite(curves.returns), _finite(curves.max_q)
        ends, episodes = np.array(curves.episodes, dtype=np.float64).reshape(-1, 2).T
        look = self._look(returns, max_q, _finite(episodes), tuple(curves.changes))
        if self._figure is None or not self._figure.fits(look):
            self._figure = _PanelFigure(look, self)
        self._figure.set_limits(look)
        png = self._figure.draw([(ends, _finite(episodes)), (steps, returns), (steps, max_q)], final)
        promise = PROMISE if self.q_bound is None else PROMISE_WITH_BOUND
        caption = CAPTION.format(promise=promise, course=course_of(returns))
        return Picture(png, self._alt(returns, max_q), caption, round(WIDTH * 100))

    def _look(self, returns: Array, max_q: Array, episodes: Array, changes: tuple[tuple[float, str], ...]) -> _Look:
        """Return what the background must show."""
        shown = [returns, episodes]
        if self.band is not None:
            shown += [_finite(self.band.low), _finite(self.band.high)]
        if self.predicted is not None:
            shown.append(self.predicted[:, 1])
        bound = [] if self.q_bound is None else [np.array([self.q_bound])]
        expected = abs(self.q_bound) if self.q_bound is not None else largest(returns)
        scale = yscale(max_q, expected)
        max_q_limits = _limits([max_q, *bound]) if scale == "linear" else _decades(max_q, bound)
        return _Look(self.total_steps, _limits(shown), max_q_limits, scale, changes, self.band is not None)

    def _alt(self, returns: Array, max_q: Array) -> str:
        what = f"Training of {self.title}" if self.title else "Training"
        bound = "" if self.q_bound is None else f" Its bound is {self.q_bound:.4g}."
        return (
            f"{what}: two curves over {self.total_steps:,} environment steps. The mean return of the last 100 episodes "
            f"{_in_words(returns)}. The mean max Q {_in_words(max_q)}.{bound}"
        )


@dataclass(frozen=True)
class _Look:
    """What the background shows: the limits and the scale of the axes, and what is drawn once."""

    total_steps: int
    returns: tuple[float, float]
    max_q: tuple[float, float]
    scale: str
    changes: tuple[tuple[float, str], ...]
    band: bool


class _PanelFigure(BlittedFigure):
    """The two axes and the lines that are drawn on them."""

    def __init__(self, look: _Look, panel: TrainingPanel) -> None:
        with styled_figure(WIDTH, HEIGHT) as figure:
            figure.set_layout_engine("none")  # a layout engine would measure all text each time
            self._above, self._below = figure.subplots(2, 1, height_ratios=(3, 2), gridspec_kw=MARGINS)
            self._lines = [*_draw_returns(self._above, panel), _draw_max_q(self._below, look, panel)]
            for axes in (self._above, self._below):
                axes.locator_params(axis="x", nbins=6)
                axes.xaxis.set_major_formatter("{x:,.0f}")
            for number, (step, what) in enumerate(look.changes):
                _mark(self._above, self._below, step, what, number, look.total_steps)
            _write_legends(self._above, self._below)
        super().__init__(figure)
        self.look = replace(look, returns=(0, 0))
        self.set_limits(look)

    def fits(self, look: _Look) -> bool:
        """Whether this look differs from that of the figure in the limits of the axes only."""
        ends: Any = {"total_steps": self.look.total_steps, "returns": self.look.returns, "max_q": self.look.max_q}
        return replace(look, **ends) == self.look

    def set_limits(self, look: _Look) -> None:
        """Set the limits of the axes, and draw the background anew if they have changed."""
        if look == self.look:
            return
        self.look = look
        self._above.set(xlim=(0, look.total_steps), ylim=look.returns)
        self._below.set(xlim=(0, look.total_steps), ylim=look.max_q)
        self.draw_background()

    def draw(self, values: Sequence[tuple[Array, Array]], final: bool) -> bytes:
        """Return the picture with these values, x and y for each line; a final one is compressed more."""
        self.restore()
        for line, (x, y) in zip(self._lines, values, strict=True):
            line.set_data(x, y)
            line.axes.draw_artist(line)
        return self.png(final)


def _draw_returns(axes: Axes, panel: TrainingPanel) -> Iterator[Any]:
    """Draw the background of the upper axes; yield the dots and the line that will change."""
    green = PALETTE["environment"]["color"]
    axes.set(ylabel="return\n(sum of rewards)")
    axes.set_title("Return")
    if panel.band is not None:
        steps, band = panel.band.steps, panel.band
        axes.fill_between(steps, band.low, band.high, color=green, alpha=0.16, linewidth=0, label=band.label)
        axes.plot(steps, band.middle, color=green, alpha=0.55, linewidth=1)
    if panel.predicted is not None:
        shares, values = panel.predicted.T
        axes.plot(shares, values, transform=axes.get_yaxis_transform(), label="your prediction", **PREDICTION)
    axes.plot([], [], ".", color=green, alpha=0.5, label="single episodes")
    yield axes.plot([], [], ".", color=green, alpha=0.4, markersize=4.5, markeredgewidth=0, animated=True)[0]
    axes.plot([], [], label="mean of the last 100", **PALETTE["environment"])
    yield axes.plot([], [], animated=True, **PALETTE["environment"])[0]


def _draw_max_q(axes: Axes, look: _Look, panel: TrainingPanel) -> Any:
    axes.set(ylabel="value\n(discounted return)", xlabel="environment steps", yscale=look.scale)
    axes.set_title("Mean max Q" if look.scale == "linear" else "Mean max Q explodes (logarithmic axis)")
    if look.scale == "symlog":
        axes.yaxis.get_major_locator().set_params(numticks=5)  # type: ignore[call-arg]
    if panel.q_bound is not None:
        axes.axhline(panel.q_bound, label=f"the most that can be earned: {panel.q_bound:.4g}", **PALETTE["reference"])
    return axes.plot([], [], animated=True, **PALETTE["online network"])[0]


def _mark(above: Axes, below: Axes, step: float, what: str, number: int, total_steps: int) -> None:
    """Mark a change of a setting in both axes; the texts take turns in four rows, so that they do not overlap."""
    for axes in (above, below):
        axes.axvline(step, color="#555555", linewidth=1)
    late = step > 0.7 * total_steps
    above.annotate(
        what,
        (step, 0.97 - 0.075 * (number % 4)),
        xycoords=above.get_xaxis_transform(),
        xytext=(-3 if late else 3, 0),
        textcoords="offset points",
        ha="right" if late else "left",
        va="top",
        size=8,
        bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1},
    )


def _write_legends(above: Axes, below: Axes) -> None:
    """Put the legends above the axes, right of the titles, where they hide no data."""
    for axes in (above, below):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="lower right", bbox_to_anchor=(1.02, 1.0), ncols=2, frameon=False, **LEGEND)


def _points(predicted: npt.ArrayLike) -> Array:
    """Return a prediction as points ``[N, 2]`` of share of the run and value."""
    try:
        values = np.asarray(predicted, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidDataError(f"predicted takes a number, or numbers over the run, not {predicted!r}") from error
    if values.ndim == 0:
        values = np.array([values, values])
    if values.ndim == 1 and len(values) > 1:
        values = np.stack([np.linspace(0, 1, len(values)), values], axis=1)
    if values.ndim != 2 or values.shape[1] != 2:
        raise InvalidDataError(
            f"predicted takes a number, values [N] or points [N, 2] of share and value, not an array {values.shape}"
        )
    return _finite(values)


def _finite(values: npt.ArrayLike) -> Array:
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _limits(shown: Sequence[Array]) -> tuple[float, float]:
    """Return limits from 0, or a round number below all values, to a round number above all; they change seldom."""
    values = np.concatenate([np.ravel(array) for array in shown])
    values = values[np.isfinite(values)]
    high, low = max(0.0, values.max(initial=0.0)), min(0.0, values.min(initial=0.0))
    if high == low:
        high = 1.0
    top, bottom = round_up(high), -round_up(-low)
    margin = 0.03 * (top - bottom)
    return bottom - margin, top + margin


def _decades(values: Array, bound: Sequence[Array]) -> tuple[float, float]:
    """Return powers of ten around all values; from minus to plus the largest if some are not positive."""
    shown = np.concatenate([values[np.isfinite(values)], *bound])
    top = 10.0 ** min(300, math.ceil(math.log10(largest(shown)) + 0.1))
    if np.nanmin(values) <= 0:
        return (-top if shown.min() < -1 else -1.0), top
    return 10.0 ** max(-3, math.floor(math.log10(shown[shown > 0].min()))), top


def _in_words(values: Array) -> str:
    shown = values[np.isfinite(values)]
    if len(shown) == 0:
        return "has no value yet"
    return f"went from {shown[0]:.3g} to {shown[-1]:.3g}, between {shown.min():.3g} and {shown.max():.3g}"
