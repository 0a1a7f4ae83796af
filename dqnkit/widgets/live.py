"""The live panel of training: learning curves, with Pause, Stop and sliders that act during training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from dqnkit.config import DQNConfig
from dqnkit.exploration import learning_rate_at
from dqnkit.plots import Picture
from dqnkit.plots.in_words import what_to_look_for
from dqnkit.plots.training_panel import Curves, NamedBand, TrainingPanel
from dqnkit.types import LiveSettings, TrainStatus
from dqnkit.widgets.cluster_view import ClusterView
from dqnkit.widgets.panel import Knob, View
from dqnkit.widgets.playing import Playing
from dqnkit.widgets.watch import Thinned, follow

if TYPE_CHECKING:
    from dqnkit.cluster.watched_cluster import WatchedCluster

CURVE_POINTS = 500  # of a curve, at most
BAND_POINTS = 120  # of the recorded band, at most
EPISODES_AT_ONCE = 25  # single returns sent to the browser at once, at most
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


class _Training(View):
    """The view of `live`: what the panel shows of the statuses so far."""

    fold = "Loss (not a score), speed, replay"
    titles = (("return, mean of 100", "environment"), ("max Q", "online network"), ("epsilon", "exploration"))

    def __init__(
        self,
        settings: LiveSettings | None,
        figure: TrainingPanel,
        below: ClusterView | None = None,
        cost: Cost | None = None,
    ) -> None:
        self.below: ClusterView | None = below
        self.chart = _chart(figure)
        self._cost = cost
        self._settings = settings
        self._figure = figure
        self._status: TrainStatus | None = None
        self._config: Any = None  # of the run
        self._playing: Playing | None = None
        self._curve: Thinned[tuple[float, float, float, float]] = Thinned(CURVE_POINTS)
        self._episodes: Thinned[tuple[float, float]] = Thinned(CURVE_POINTS)
        self._new_episodes: list[tuple[float, float]] = []  # not yet sent to the browser
        self._told_look: dict[str, Any] = {}  # how the environment is drawn, as the browser knows it
        self._changes_before = len(settings.changes) if settings is not None else 0
        self._knobs: dict[str, Knob] = {}
        if settings is not None:
            self._knobs = {
                "epsilon": Knob("epsilon", 0.0, 1.0, 1.0),
                "learning_rate": Knob("learning rate", 1e-5, 1e-1, 1e-3, log=True),
                "target_period": Knob("target period", 1, 1000, 200, log=True),
            }

    @property
    def knobs(self) -> list[Knob]:
        return list(self._knobs.values())

    def prepare(self) -> None:
        self._figure.draw(Curves())  # loads matplotlib, so that Stop is quick

    def record(self, status: TrainStatus) -> None:
        if self._status is None:
            self._config = getattr(status.get_state(), "config", None)
            self._playing = Playing(self._config, status.get_weights)
        self._status = status
        self._curve.add((status.step, status.episode_return, status.mean_max_q, status.epsilon))
        for value in status.episode_returns:
            self._episodes.add((status.step, float(value)))
            self._new_episodes.append((status.step, float(value)))
        if len(self._new_episodes) > 4 * EPISODES_AT_ONCE:
            del self._new_episodes[::2]
        if self.below is not None:
            self.below.record(status)

    def draw(self, final: bool = False) -> Picture | None:
        if self._status is None:  # empty axes
            return self._figure.draw(Curves())
        steps, returns, max_q, _ = zip(*self._curve.values(), strict=True)
        curves = Curves(steps, returns, max_q, self._episodes.values(), self._marks(), self._was_changed())
        return self._figure.draw(curves, max(self._status.total_steps, 1))

    def progress(self) -> float | None:
        return 0.0 if self._status is None else min(1.0, self._status.step / max(1, self._status.total_steps))

    def phase(self) -> str:
        status = self._status
        if status is None:
            return "starting"
        if status.compiles_next:
            return "compiling"
        return "running" if status.updates else "filling replay"

    def note(self) -> str:
        return "" if self._cost is None else f"Cost: {self._cost.text()}"

    def done(self) -> str:
        status = self._status
        return "" if status is None else _reached(status)

    def numbers(self) -> list[tuple[str, str]]:
        status, bound = self._status, self._figure.q_bound
        unit = "" if bound is None else f"of at most {bound:.4g}"
        if status is None:
            return [("–", ""), ("–", unit), ("–", "")]
        values = (status.episode_return, status.mean_max_q, status.epsilon)
        return list(zip((_short(value) for value in values), ("", unit, ""), strict=True))

    def hint(self) -> str:
        status = self._status
        if status is None:
            return "The first step is about to be taken. The first run of a session also loads TensorFlow."
        if status.compiles_next:
            return "TensorFlow compiles the learner's step, once. That takes some seconds; then the curves move on."
        if not status.updates:
            needed = getattr(self._config, "learning_starts", None)
            goal = f" of the {needed:,} from which on it learns" if needed else ""
            return f"Nothing is learned yet: actions fill the replay buffer, {status.replay_size:,} transitions{goal}."
        _, returns, max_q, _ = np.array(self._curve.values(), dtype=np.float64).T
        return what_to_look_for(returns, max_q, self._figure.q_bound)

    def summary(self) -> str:
        return self._in_words(signed=True)

    def last_words(self) -> str:
        note = self.note()
        return f"{note}. {self._in_words(signed=False)}" if "SIMULATED" in note else super().last_words()

    def _in_words(self, signed: bool) -> str:
        """Return the state in one line, with a sign where the cluster is simulated."""
        status = self._status
        if status is None:
            return "No step taken yet."
        words = (
            f"{_reached(status)}, {status.episodes:,} episodes: mean return "
            f"{_shown(status.episode_return)}, mean max Q {_shown(status.mean_max_q)}, "
            f"epsilon {_shown(status.epsilon)}."
        )
        return words if self.below is None else f"{words} {self.below.summary(signed)}"

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

    def more(self) -> dict[str, Any]:
        status = self._status
        if status is None:
            return {}
        alt = f"Return over environment steps, now {_shown(status.episode_return)}"
        usual = abs(status.episode_return) if math.isfinite(status.episode_return) else 1.0
        marks = [[step, words] for step, words in self._marks()]
        return {"total": status.total_steps, "marks": marks, "changed": self._was_changed(), "alt": alt, "usual": usual}

    def news(self) -> dict[str, Any]:
        if self._status is None or self._playing is None:
            return {}
        episodes, self._new_episodes = self._new_episodes, []
        every = math.ceil(len(episodes) / EPISODES_AT_ONCE) or 1
        points = {"points": [_point(self._curve.newest)], "episodes": [_point(end) for end in episodes[::every]]}
        frames = self._playing.play(self.watched)
        return {**self._new_look(), **points, "frames": frames}

    def everything(self) -> dict[str, Any]:
        self._new_episodes = []
        self._told_look = {}
        points = [_point(point) for point in self._curve.values()]
        return {**self._new_look(), "points": points, "episodes": [_point(end) for end in self._episodes.values()]}

    def close(self) -> None:
        if self._playing is not None:
            self._playing.close()

    def _new_look(self) -> dict[str, Any]:
        """Return how the environment is drawn, if the browser does not know it."""
        look = {} if self._playing is None else self._playing.look
        if look == self._told_look:
            return {}
        self._told_look = look
        return {"look": look}

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
            knob.note = "as configured" if value is None else "set by you"
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
            near = self._status.total_steps / 100 if self._status is not None else 0
            if marks and marks[-1][1] == name and step - marks[-1][0] < near:
                marks.pop()
            shown = "as configured" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
            words = f"{name.replace('_', ' ')} {shown}"
            marks.append((step, name, words))
        return [(step, words) for step, _, words in marks[-MARKS:]]


def _reached(status: TrainStatus) -> str:
    """Return the progress in words. The last rollout of a run is inserted whole, so it may pass the end."""
    passed, step, total = status.step > status.total_steps, f"Step {status.step:,}", f"{status.total_steps:,}"
    return f"{step} ({total} were asked for)" if passed else f"{step} of {total}"


def _chart(figure: TrainingPanel) -> dict[str, Any]:
    """Return the references of the browser's chart: band, prediction and bound of max Q."""
    band = None
    if figure.band is not None:
        every = max(1, math.ceil(len(figure.band.steps) / BAND_POINTS))
        names = ("steps", "low", "middle", "high")
        lines = {name: _point(np.asarray(getattr(figure.band, name))[::every].tolist()) for name in names}
        band = {**lines, "label": figure.band.label}
    predicted = None if figure.predicted is None else [_point(point) for point in figure.predicted.tolist()]
    return {"band": band, "predicted": predicted, "bound": figure.q_bound}


def _point(values: Iterable[float]) -> list[float | None]:
    """Return numbers as JSON can have them, with at most five digits; None for NaN and infinity."""
    return [
        float(f"{value:.5g}") if abs(value) < 1e5 else float(f"{value:.8g}") if math.isfinite(value) else None
        for value in values
    ]


def _short(value: float) -> str:
    """Return a number for large type: four characters or so."""
    if math.isnan(value):
        return "–"
    return f"{value:,.0f}" if 100 <= abs(value) < 1e5 else f"{value:.3g}"


def _shown(value: float) -> str:
    return "none yet" if math.isnan(value) else f"{value:.3g}"
