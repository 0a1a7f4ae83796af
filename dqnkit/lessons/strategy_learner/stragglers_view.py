"""A widget for stragglers: replicas that wait for the slowest one, with sliders for their number and their times."""

from __future__ import annotations

from typing import Any, NamedTuple

import ipywidgets
import numpy as np

from dqnkit.lessons.strategy_learner.replica_timeline import Span, timeline
from dqnkit.plots import Picture
from dqnkit.types import Array
from dqnkit.widgets.controls import WRAP, label_width
from dqnkit.widgets.interactive_picture import InteractivePicture
from dqnkit.widgets.picture_box import PictureBox

MEAN_COMPUTE_MS = 10.0  # mean time of a replica for its share
NUM_UPDATES = 2_000  # simulated
DRAWN_MS = 120.0  # of the simulation, from its beginning
SYNCHRONOUS_CAPTION = (
    "What to look for: in each update, which replica has no grey? All others wait for it. With more replicas, or a "
    "larger random part in their times, there is more grey."
)
ASYNCHRONOUS_CAPTION = (
    "What to look for: there is no grey, and every exchange stands alone. How many exchanges do the others make "
    "between two of one replica? Its gradient is that many updates old."
)


class Settings(NamedTuple):
    """The values of the sliders."""

    replicas: int = 4
    spread: float = 2.0  # ms: mean of the random part of a replica's time
    sync: float = 1.0  # ms to exchange gradients
    slow: float = 1.0  # how many times slower the last replica is
    waits: bool = True  # synchronous


def compute_times(settings: Settings, rng: np.random.Generator) -> Array:
    """The time of each replica in each update, in ms ``[NUM_UPDATES, replicas]``.

    It is a fixed part plus a random part with an exponential distribution: mostly short, sometimes long.
    """
    times = MEAN_COMPUTE_MS - settings.spread + rng.exponential(settings.spread, (NUM_UPDATES, settings.replicas))
    times[:, -1] *= settings.slow
    return times


def synchronous(times: Array, sync: float) -> tuple[list[Span], float, float]:
    """Simulate replicas that all wait for the slowest one.

    Args:
        times: of the replicas, in ms ``[U, replicas]``.
        sync: ms to exchange gradients.

    Returns:
        the spans to draw, the mean time between two updates in ms, and the share of the time that replicas compute.
    """
    spans, now = [], 0.0
    for row in times:
        if now > DRAWN_MS:
            break
        ready = now + float(row.max())
        for replica, time in enumerate(row):
            spans += [
                Span(replica, now, now + float(time), "compute"),
                Span(replica, now + float(time), ready, "wait"),
                Span(replica, ready, ready + sync, "exchange"),
            ]
        now = ready + sync
    update = float(times.max(axis=1).mean()) + sync
    return spans, update, float(times.mean()) / update


def asynchronous(times: Array, sync: float) -> tuple[list[Span], float, float]:
    """Simulate replicas that do not wait: each applies its gradient at once. Arguments and results as `synchronous`."""
    ends = np.cumsum(times + sync, axis=0)  # [U, replicas]
    spans = []
    for replica, column in enumerate(ends.T):
        for update in range(int(np.searchsorted(column, DRAWN_MS)) + 1):
            end = float(column[update])
            begin = end - sync - float(times[update, replica])
            spans += [Span(replica, begin, end - sync, "compute"), Span(replica, end - sync, end, "exchange")]
    each = times.mean(axis=0)
    return spans, float(1 / (1 / (each + sync)).sum()), float((each / (each + sync)).mean())


class Stragglers(InteractivePicture):
    """Sliders, a timeline of the first updates, and averages over many updates in words.

    Args:
        settings: initial values of the sliders.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(lambda: False, 1.0)
        first = settings or Settings()
        self.replicas = _slider(ipywidgets.IntSlider, "replicas", first.replicas, 1, 16, 1)
        self.spread = _slider(ipywidgets.FloatSlider, "random part (ms)", first.spread, 0.0, 8.0, 0.5)
        self.sync = _slider(ipywidgets.FloatSlider, "exchange (ms)", first.sync, 0.0, 10.0, 0.5)
        self.slow = _slider(ipywidgets.FloatSlider, "last one slower", first.slow, 1.0, 4.0, 0.25)
        self.waits = ipywidgets.Checkbox(
            value=first.waits, description="all wait for each other (synchronous)", indent=False
        )
        self.box = PictureBox()
        for control in (self.replicas, self.spread, self.sync, self.slow, self.waits):
            control.observe(lambda change: self._show(), "value")
        controls = [ipywidgets.HBox(pair, layout=WRAP) for pair in self._pairs()]
        self.widget = ipywidgets.VBox([*controls, self.waits, self.box], layout={"max_width": "760px"})
        self._show()

    def settings(self) -> Settings:
        """The values of the sliders now."""
        return Settings(self.replicas.value, self.spread.value, self.sync.value, self.slow.value, self.waits.value)

    def picture(self) -> Picture:
        """The timeline of the first updates with these settings."""
        return self._simulate()[0]

    @property
    def summary(self) -> str:
        """The averages in words."""
        return self.box.summary

    def _pairs(self) -> list[list[Any]]:
        return [[self.replicas, self.spread], [self.sync, self.slow]]

    def _simulate(self) -> tuple[Picture, str]:
        settings = self.settings()
        times = compute_times(settings, np.random.default_rng(0))
        run = synchronous if settings.waits else asynchronous
        spans, update, busy = run(times, settings.sync)
        names = [f"replica {number}" for number in range(settings.replicas)]
        picture = timeline(
            spans, names, DRAWN_MS, caption=SYNCHRONOUS_CAPTION if settings.waits else ASYNCHRONOUS_CAPTION
        )
        if settings.waits:
            said = f"One update of the whole batch takes {update:.1f} ms on average (a share: {MEAN_COMPUTE_MS:g} ms). "
        else:
            late = settings.replicas - 1
            said = (
                f"An update by one share every {update:.1f} ms on average. While a replica computes, the others make "
                f"about {late}: its gradient is that many updates old. "
            )
        return picture, said + f"The replicas compute {100 * busy:.0f} % of the time."

    def _show(self) -> None:
        self.box.show(*self._simulate())


def stragglers(**settings: Any) -> Stragglers:
    """Replicas on a timeline, as the value of a cell. ``settings`` are fields of `Settings`."""
    return Stragglers(Settings(**settings))


def _slider(kind: Any, name: str, value: float, low: float, high: float, step: float) -> Any:
    return kind(value=value, min=low, max=high, step=step, description=name, **label_width(110, 350))
