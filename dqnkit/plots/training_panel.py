"""The figure that stays of a training run: returns and max Q over environment steps.

While it trains, the browser draws the same (see `dqnkit.widgets.board`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.band import Band
from dqnkit.plots.in_words import course_of
from dqnkit.plots.scales import largest, round_up, set_logarithmic, yscale
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
    changed: bool = False  # the settings are not the recorded ones: the band is faded


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
        self.title, self.band, self.q_bound = title, band, q_bound
        self.predicted = None if predicted is None else _points(predicted)  # [N, 2]

    def draw(self, curves: Curves, total_steps: int = 1) -> Picture:
        """Return the picture of a run of ``total_steps``; NaN and infinity leave gaps."""
        returns, max_q = _finite(curves.returns), _finite(curves.max_q)
        scale = yscale(max_q, abs(self.q_bound) if self.q_bound is not None else largest(returns))
        with styled_figure(WIDTH, HEIGHT) as figure:
            figure.set_layout_engine("none")
            above, below = figure.subplots(2, 1, height_ratios=(3, 2), gridspec_kw=MARGINS)
            self._draw_returns(above, curves, returns)
            self._draw_max_q(below, curves, max_q, scale)
            for axes in (above, below):
                axes.set_xlim(0, total_steps)
                axes.locator_params(axis="x", nbins=6)
                axes.xaxis.set_major_formatter("{x:,.0f}")
            for number, (step, what) in enumerate(curves.changes):
                _mark(above, below, step, what, number, total_steps)
            _write_legends(above, below)
        promise = PROMISE if self.q_bound is None else PROMISE_WITH_BOUND
        caption = CAPTION.format(promise=promise, course=course_of(returns, ended=True))
        return Picture.of(figure, self._alt(returns, max_q, total_steps), caption)

    def _draw_returns(self, axes: Axes, curves: Curves, returns: Array) -> None:
        green = PALETTE["environment"]["color"]
        ends, episodes = np.array(curves.episodes, dtype=np.float64).reshape(-1, 2).T
        shown = [returns, _finite(episodes)]
        axes.set(ylabel="return\n(sum of rewards)")
        axes.set_title("Return")
        if self.band is not None:
            band, faint = self.band, 0.4 if curves.changed else 1.0
            label = f"{band.label} (with other settings)" if curves.changed else band.label
            axes.fill_between(
                band.steps, band.low, band.high, color=green, alpha=0.16 * faint, linewidth=0, label=label
            )
            axes.plot(band.steps, band.middle, color=green, alpha=0.55 * faint, linewidth=1)
            shown += [_finite(band.low), _finite(band.high)]
        if self.predicted is not None:
            shares, values = self.predicted.T
            axes.plot(shares, values, transform=axes.get_yaxis_transform(), label="your prediction", **PREDICTION)
            shown.append(values)
        axes.plot([], [], ".", color=green, alpha=0.5, label="single episodes")
        axes.plot(ends, _finite(episodes), ".", color=green, alpha=0.4, markersize=4.5, markeredgewidth=0)
        axes.plot(curves.steps, returns, label="mean of the last 100", **PALETTE["environment"])
        axes.set_ylim(*_limits(shown))

    def _draw_max_q(self, axes: Axes, curves: Curves, max_q: Array, scale: str) -> None:
        axes.set(ylabel="value\n(discounted return)", xlabel="environment steps")
        if scale != "linear":
            set_logarithmic(axes, negative=scale == "symlog")
        axes.set_title("Mean max Q" if scale == "linear" else "Mean max Q explodes (logarithmic axis)")
        if scale == "symlog":
            axes.yaxis.get_major_locator().set_params(numticks=5)  # type: ignore[call-arg]
        bound = [] if self.q_bound is None else [np.array([self.q_bound])]
        if self.q_bound is not None:
            label = f"the most that can be earned: {self.q_bound:.4g}"
            axes.axhline(self.q_bound, label=label, **PALETTE["reference"])
        axes.plot(curves.steps, max_q, **PALETTE["online network"])
        axes.set_ylim(*(_limits([max_q, *bound]) if scale == "linear" else _decades(max_q, bound)))

    def _alt(self, returns: Array, max_q: Array, total_steps: int) -> str:
        what = f"Training of {self.title}" if self.title else "Training"
        bound = "" if self.q_bound is None else f" Its bound is {self.q_bound:.4g}."
        return (
            f"{what}: two curves over {total_steps:,} environment steps. The mean return of the last 100 episodes "
            f"{_in_words(returns)}. The mean max Q {_in_words(max_q)}.{bound}"
        )


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
