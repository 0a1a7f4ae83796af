"""The live panel of training: learning curves, with Pause, Stop and sliders that act during training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

from dqnkit.config import DQNConfig
from dqnkit.exploration import learning_rate_at
from dqnkit.plots import Picture
from dqnkit.plots.training_panel import Curves, NamedBand, TrainingPanel
from dqnkit.types import LiveSettings, TrainStatus
from dqnkit.widgets.cluster_view import ClusterView
from dqnkit.widgets.panel import Knob
from dqnkit.widgets.watch import Thinned, follow

if TYPE_CHECKING:
    from dqnkit.cluster.watched_cluster import WatchedCluster

CURVE_POINTS = 500  # of a curve, at most
MARKS = 12  # at most so many changes are marked on the curve, the last ones


class Cost(Protocol):
    """The cost of the machines while training runs, as `dqnkit.cloud.meter.Meter`."""

    def text(self) -> str:
        """Return the cost so far in a few words."""


async def live(
    training: Iterable[TrainStatus],
    *,
    settings: LiveSettings | None = None,
    band: NamedBand | None = None,
    predicted: npt.ArrayLike | None = None,
    title: str = "",
    q_bound: float | None = None,
    cluster: WatchedCluster | None = None,
    cost: Cost | None = None,
) -> TrainStatus | None:
    """Train in a live panel with Pause and Stop; await it in a cell.

    ::

        settings = LiveSettings()
        status = await live(train(config, live=settings), settings=settings, title="CartPole")

    Stop, or interrupting the kernel, ends training and keeps what was learned; the next cell works. At the end a static
    picture replaces the panel and stays in the notebook. Without a browser training runs all the same.

    Args:
        training: from `dqnkit.training.train`.
        settings: those given to `train` as ``live=``, which get sliders; without them there are no sliders.
        band: recorded seeds behind the return, drawn only while the settings are the recorded ones.
        predicted: the return that the reader predicted, drawn dashed: one number; values ``[N]`` at equal distances
            over the run; or points ``[N, 2]`` of share of the run and return, from `dqnkit.classroom.prediction`.
        title: what is trained.
        q_bound: the largest value that any policy can have, or the mean of max Q* if it is known.
        cluster: the source of the rollouts. Its part of the panel, below the curves, is a picture of workers, replay
            buffer and learner, in which a click on a worker kills it, with a link to Dask's dashboard.
        cost: the meter of a cluster in a cloud; its text is shown at the top. It does not end training:
            `dqnkit.cloud.meter.within_budget` does.

    Returns:
        The last status; None if there was none.
    """
    figure = TrainingPanel(title, band=band, predicted=predicted, q_bound=q_bound)
    below = None if cluster is None else ClusterView(cluster)
    return await follow(training, _Training(settings, figure, below, cost), title)


class _Training:
    """The view of `live`: what the panel shows of the statuses so far."""

    fold = "Loss (not a score), speed, replay"

    def __init__(
        self,
        settings: LiveSettings | None,
        figure: TrainingPanel,
        below: ClusterView | None = None,
        cost: Cost | None = None,
    ) -> None:
        self.below = below
        self._cost = cost
        self._settings = settings
        self._figure = figure
        self._band = figure.band
        self._status: TrainStatus | None = None
        self._config: Any = None  # of the run
        self._curve: Thinned[tuple[float, float, float]] = Thinned(CURVE_POINTS)
        self._episodes: Thinned[tuple[float, float]] = Thinned(CURVE_POINTS)
        self._changes_before = len(settings.changes) if settings is not None else 0
        self._knobs: dict[str, Knob] = {}
        if settings is not None:
            self._knobs = {
                "epsilon": Knob("epsilon", 0.0, 1.0, 1.0),
                "learning_rate": Knob("learning rate", 1e-5, 1e-1, 1e-3, log=True),
                "target_period": Knob("target period", 1, 1000, 200),
            }

    @property
    def knobs(self) -> list[Knob]:
        return list(self._knobs.values())

    def record(self, status: TrainStatus) -> None:
        if self._status is None:
            self._config = getattr(status.get_state(), "config", None)
        self._status = status
        self._curve.add((status.step, status.episode_return, status.mean_max_q))
        for value in status.episode_returns:
            self._episodes.add((status.step, float(value)))
        if self.below is not None:
            self.below.record(status)

    def draw(self, final: bool = False) -> Picture | None:
        if self._status is None:  # empty axes, so that the panel is complete from the start
            return self._figure.draw(Curves(), final)
        steps, returns, max_q = zip(*self._curve.values(), strict=True)
        self._figure.total_steps = max(self._status.total_steps, 1)
        self._figure.band = None if self._was_changed() else self._band
        return self._figure.draw(Curves(steps, returns, max_q, self._episodes.values(), self._marks()), final)

    def progress(self) -> float | None:
        return 0.0 if self._status is None else min(1.0, self._status.step / max(1, self._status.total_steps))

    def note(self) -> str:
        return "" if self._cost is None else f"Cost: {self._cost.text()}"

    def summary(self) -> str:
        status = self._status
        if status is None:
            return "No step taken yet."
        words = (
            f"Step {status.step:,} of {status.total_steps:,}, {status.episodes:,} episodes: mean return "
            f"{_shown(status.episode_return)}, mean max Q {_shown(status.mean_max_q)}, "
            f"epsilon {_shown(status.epsilon)}."
        )
        return words if self.below is None else f"{words} {self.below.summary()}"

    def details(self) -> str:
        status = self._status
        if status is None:
            return ""
        capacity = getattr(self._config, "replay_capacity", None)
        replay = f"{status.replay_size:,} transitions" + (f" of at most {capacity:,}" if capacity else "")
        speed = f"{status.step / max(status.seconds, 1e-9):,.0f} steps a second"
        lines = {
            "Loss": f"{_shown(status.loss)} (not a score: its target moves with the network)",
            "Speed": f"{speed}, {status.updates:,} updates so far",
            "Replay": f"{replay}; each was drawn {_shown(status.samples_per_insert)} times on average",
        }
        return "<br>".join(f"<b>{name}:</b> {escape(text)}" for name, text in lines.items())

    def act(self) -> None:
        if self.below is not None:
            self.below.act()
        if self._settings is None or self._status is None:
            return
        moved = [(name, knob) for name, knob in self._knobs.items() if knob.moved]
        for name, knob in moved:
            self._settings.change(self._status.step, name, knob.take())
        if moved:
            self.follow()

    def follow(self) -> None:
        if self._settings is None or self._status is None:
            return
        for name, knob in self._knobs.items():
            value = getattr(self._settings, name)
            knob.note("as configured" if value is None else "set by you")
            knob.follow(self._configured(name, self._status) if value is None else value)

    def _configured(self, name: str, status: TrainStatus) -> float:
        """Return the configured value of a setting at this step; NaN if it is not known."""
        if name == "epsilon":
            return round(status.epsilon, 2) if math.isfinite(status.epsilon) else math.nan
        if name == "learning_rate" and isinstance(self._config, DQNConfig):
            return learning_rate_at(self._config, status.step)
        return float(getattr(self._config, name, math.nan))

    def _was_changed(self) -> bool:
        """Return whether the reader has changed a setting, so that the recorded seeds are no comparison."""
        settings = self._settings
        if settings is None:
            return False
        now = (settings.epsilon, settings.learning_rate, settings.target_period)
        return len(settings.changes) > self._changes_before or now != (None, None, None)

    def _marks(self) -> list[tuple[float, str]]:
        """Return (step, text) of each change; of quick changes to one slider, only the last."""
        marks: list[tuple[float, str, str]] = []
        for step, name, value in self._settings.changes[self._changes_before :] if self._settings else []:
            near = self._figure.total_steps / 100
            if marks and marks[-1][1] == name and step - marks[-1][0] < near:
                marks.pop()
            words = f"{name.replace('_', ' ')} {'as configured' if value is None else format(value, '.2g')}"
            marks.append((step, name, words))
        return [(step, words) for step, _, words in marks[-MARKS:]]


def _shown(value: float) -> str:
    return "none yet" if math.isnan(value) else f"{value:.3g}"
