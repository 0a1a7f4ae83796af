"""A widget for Q-values as a landscape: it changes while a network trains, and can be replayed and turned later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
import numpy.typing as npt

from dqnkit.lessons.q_network.landscape_picture import Chart, Curve, Scale, grown, landscape
from dqnkit.plots import Picture
from dqnkit.types import Array, FloatArray
from dqnkit.widgets.controls import WRAP, PlayButton, label_width
from dqnkit.widgets.interactive_picture import InteractivePicture
from dqnkit.widgets.picture_box import PictureBox
from dqnkit.widgets.watch import Sliders, watch

TICK_SECONDS = 0.15  # between two pictures while it plays
PLAYED_PICTURES = 60  # about how many pictures show a whole run
BEST_ACTION = "the best action"


class Snapshot(NamedTuple):
    """The Q-values at one moment of training."""

    update: int  # number of updates so far
    q: FloatArray  # [Y, X, A] Q-values over the two dimensions
    measured: float  # the value of the curve beside the landscape


class LandscapeView(InteractivePicture):
    """The Q-values of a network over two state dimensions, at every moment of a run.

    `watch` runs the training in a live panel and keeps all snapshots. As the value of a later cell, the view has
    controls for the moment, the action and the angle. ::

        view = LandscapeView(x, y, z, ("left", "right"), "mean of max Q", total=10_000)
        await view.watch(training(), "CartPole")  # a generator of Snapshot
        view

    Args:
        x, y, z: the axes; z is the axis of the Q-values, which grows where they need it.
        actions: names of the actions.
        measure: name and unit of the measured value: the label of the curve's axis.
        total: updates of the whole run.
        highest: the largest value on the curve's axis, unless a larger one is measured.
        name: name of the measured curve.
        known: points with known Q-values, rows of x, y and a value for each action ``[P, 2 + A]``.
        curves: other curves in the same chart.
        level: name and value of a horizontal line in the chart.
        caption: what to look for.
    """

    def __init__(
        self,
        x: Scale,
        y: Scale,
        z: Scale,
        actions: Sequence[str],
        measure: str,
        *,
        total: int,
        highest: float,
        name: str = "network",
        known: npt.ArrayLike | None = None,
        curves: Sequence[Curve] = (),
        level: tuple[str, float] | None = None,
        caption: str = "",
    ) -> None:
        super().__init__(self._tick, TICK_SECONDS)
        self._axes = (x, y, z)
        self._total = total
        self._chart = Chart(Scale("updates", 0, total), Scale(measure, 0, highest), curves, level)
        self._actions, self._name, self._caption = list(actions), name, caption
        self._known = None if known is None else np.asarray(known, dtype=np.float64)
        self.snapshots: list[Snapshot] = []
        width = label_width(70, 330)
        self.moment = ipywidgets.IntSlider(value=0, min=0, max=0, description="moment", readout=False, **width)
        self.action = ipywidgets.Dropdown(options=[BEST_ACTION, *actions], description="values of", **width)
        self.turn = ipywidgets.IntSlider(value=35, min=-180, max=180, step=5, description="turn (°)", **width)
        self.play_button = PlayButton(self.clock)
        self.play_button.observe(self._rewind, "value")
        for control in (self.moment, self.action, self.turn):
            control.observe(lambda change: self._show(), "value")
        self._box = PictureBox()
        rows = [[self.play_button, self.moment], [self.action, self.turn]]
        self.widget = ipywidgets.VBox(
            [*(ipywidgets.HBox(row, layout=WRAP) for row in rows), self._box], layout={"max_width": "800px"}
        )

    async def watch(self, training: Iterable[Snapshot], title: str, sliders: Sliders | None = None) -> None:
        """Run a training that yields snapshots in a live panel; await it in a cell.

        Args:
            training: of ``total`` updates.
            title: of the panel.
            sliders: what the training reads and the reader can change.
        """
        await watch(
            training,
            self.draw,
            total=self._total,
            title=title,
            step=lambda snapshot: snapshot.update,
            summary=lambda now: f"{now.update:,} updates, {self._chart.y.name}: {now.measured:.3f}",
            sliders=sliders,
        )

    def draw(self, snapshots: Sequence[Snapshot]) -> Picture:
        """Draw the newest snapshot, and keep all of them for the controls."""
        self.snapshots = list(snapshots)
        return self._draw(len(self.snapshots) - 1)

    def picture(self) -> Picture:
        """The landscape at the chosen moment."""
        if not self.snapshots:
            empty = Snapshot(0, np.full((2, 2, len(self._actions)), np.nan, np.float32), float("nan"))
            return self._draw_snapshots([empty])
        return self._draw(self._number())

    def _number(self) -> int:
        """The index of the chosen snapshot."""
        return min(self.moment.value, len(self.snapshots) - 1)

    def _draw(self, number: int) -> Picture:
        return self._draw_snapshots(self.snapshots[: number + 1])

    def _draw_snapshots(self, shown: Sequence[Snapshot]) -> Picture:
        now, (x, y, z) = shown[-1], self._axes
        run = self.snapshots or shown  # the chart fits all of it, so that its axis stays while the run is replayed
        best = self.action.value == BEST_ACTION
        column = 0 if best else self._actions.index(self.action.value)
        known = self._known
        if known is not None:
            value = known[:, 2:].max(axis=1) if best else known[:, 2 + column]
            known = np.column_stack([known[:, :2], value])
        curve = Curve(self._name, "online network", [s.update for s in shown], [s.measured for s in shown])
        what = "max Q" if best else f"Q(s, {self.action.value})"
        return landscape(
            now.q.max(axis=2) if best else now.q[:, :, column],
            x,
            y,
            z._replace(name=z.name.replace("max Q", what)),
            known=known,
            turn=self.turn.value,
            title=f"{what} after {now.update:,} updates",
            chart=self._chart._replace(
                y=grown(self._chart.y, [snapshot.measured for snapshot in run]), curves=[*self._chart.curves, curve]
            ),
            caption=self._caption,
        )

    def _show(self) -> None:
        if not self.snapshots:
            self._box.show(None, "Nothing to show yet: train first.")
            return
        now = self.snapshots[self._number()]
        self._box.show(self.picture(), f"After {now.update:,} updates: {self._chart.y.name} {now.measured:.3g}.")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        last = max(0, len(self.snapshots) - 1)
        if self.moment.max != last:  # first shown after a run: begin at its end
            self.moment.max = last
            self.moment.value = last
        self._show()
        return super()._repr_mimebundle_(include, exclude)

    def _tick(self) -> bool:
        self.moment.value = min(self.moment.max, self.moment.value + max(1, self.moment.max // PLAYED_PICTURES))
        if self.moment.value == self.moment.max:
            self.play_button.value = False
        return bool(self.play_button.value)

    def _rewind(self, change: Any) -> None:
        """Play from the beginning if the last moment is shown."""
        if change["new"] and self.moment.value == self.moment.max:
            self.moment.value = 0


def grid_points(x: Scale, y: Scale, points: int = 21) -> Array:
    """The points (x, y) of a landscape ``[points, points, 2]``, rows from ``y.low`` to ``y.high``."""
    xs, ys = np.linspace(x.low, x.high, points), np.linspace(y.low, y.high, points)
    return np.stack(np.meshgrid(xs, ys), axis=-1).astype(np.float32)
