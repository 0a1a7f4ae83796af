"""Q-values as a landscape: it changes while a network trains; later the hand turns it and winds the training back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import traitlets

from dqnkit.lessons.q_network.landscape_picture import Chart, Curve, Scale, action_colours, grown, landscape
from dqnkit.plots import Picture
from dqnkit.types import Array, FloatArray
from dqnkit.widgets.drawing import Drawing
from dqnkit.widgets.watch import Sliders, watch

MODULE = Path(__file__).with_name("landscape.js")
MOMENTS = 100  # at most so many, evenly spread over the run, go to the browser


class Snapshot(NamedTuple):
    """The Q-values at one moment of training."""

    update: int  # number of updates so far
    q: FloatArray  # [Y, X, A] Q-values over the two dimensions
    measured: float  # the value of the curve beside the landscape


class LandscapeView(Drawing, module=MODULE):
    """The Q-values of a network over two state dimensions, at every moment of a run.

    `watch` runs the training in a live panel and keeps all snapshots. As the value of a later cell, the browser draws
    them: turning, reading values and playing need no kernel. ::

        view = LandscapeView(x, y, z, ("left", "right"), "mean of max Q", total=10_000)
        await view.watch(training(), "CartPole")  # a generator of Snapshot
        view

    Args:
        x, y, z: the axes; z is the axis of the Q-values, which grows where they need it. Its name begins with "max Q".
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

    about = traitlets.Dict().tag(sync=True)  # axes, names, curves: see `described`
    values = traitlets.Bytes().tag(sync=True)  # float32 [moments, Y, X, A]

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
        super().__init__()
        self._axes = (x, y, z)
        self._total = total
        self._chart = Chart(Scale("updates", 0, total), Scale(measure, 0, highest), curves, level)
        self._actions, self._name, self._caption = list(actions), name, caption
        self._known = np.empty((0, 2 + len(actions))) if known is None else np.asarray(known, dtype=np.float64)
        self.snapshots: list[Snapshot] = []

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
        """Draw the newest snapshot, and keep all of them for the browser."""
        self.snapshots = list(snapshots)
        return self.picture()

    def picture(self) -> Picture:
        """The landscape at the end of the run so far."""
        if not self.snapshots:
            empty = np.full((2, 2, len(self._actions)), np.nan)
            return landscape(empty, *self._axes, self._actions, title="Nothing to show yet: train first")
        x, y, z = self._axes
        now = self.snapshots[-1]
        return landscape(
            now.q,
            x,
            y,
            self._values_axis(self.snapshots),
            self._actions,
            known=self._known,
            title=f"{z.name.split(' (')[0]} after {now.update:,} updates",
            chart=self._run_chart(),
            caption=self._caption,
        )

    def _values_axis(self, shown: Sequence[Snapshot]) -> Scale:
        """The axis of the values: it fits all moments, so that it stays while the run is played."""
        return grown(self._axes[2], np.stack([snapshot.q for snapshot in shown]), self._known[:, 2:])

    def _run_chart(self) -> Chart:
        """The chart of the whole run."""
        xs, ys = [s.update for s in self.snapshots], [s.measured for s in self.snapshots]
        curves = [*self._chart.curves, Curve(self._name, "online network", xs, ys)]
        level = [] if self._chart.level is None else [self._chart.level[1]]
        y = grown(self._chart.y, level, *(curve.y for curve in curves))
        return self._chart._replace(y=y, curves=curves)

    def _hand_over(self) -> None:
        """Give the browser the moments of the run."""
        if not self.snapshots:
            return
        last = len(self.snapshots) - 1
        chosen = sorted({round(at) for at in np.linspace(0, last, MOMENTS)})
        moments = [self.snapshots[at] for at in chosen]
        q = np.stack([moment.q for moment in moments]).astype(np.float32)
        x, y, _ = self._axes
        about = described(q, x, y, self._values_axis(moments), self._actions, self._known, self._caption)
        chart = self._run_chart()
        about |= {
            "updates": [moment.update for moment in moments],
            "measured": _finite([moment.measured for moment in moments]),
            "chart": {"x": chart.x._asdict(), "y": chart.y._asdict()},
            "curves": [c._asdict() | {"x": _finite(c.x), "y": _finite(c.y)} for c in chart.curves],
            "level": chart.level,
        }
        with self.hold_sync():
            self.about, self.values = about, q.tobytes()

    def _repr_mimebundle_(self, **more: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
        self._hand_over()
        return super()._repr_mimebundle_(**more)


def described(
    q: FloatArray, x: Scale, y: Scale, z: Scale, actions: Sequence[str], known: Array, caption: str
) -> dict[str, Any]:
    """What ``landscape.js`` has to know of values ``[moments, Y, X, A]``, as JSON can have it; no chart."""
    return {
        "shape": list(q.shape),
        "axes": {name: scale._asdict() for name, scale in zip("xyz", (x, y, z), strict=True)},
        "names": [z.name, *(z.name.replace("max Q", f"Q(s, {action})") for action in actions)],
        "actions": list(actions),
        "colours": action_colours(len(actions)),
        "known": known.tolist(),
        "caption": caption,
    }


def _finite(values: npt.ArrayLike) -> list[float | None]:
    """The values as JSON can have them: None where they are not finite."""
    return [value if math.isfinite(value) else None for value in np.asarray(values, dtype=np.float64).tolist()]


def grid_points(x: Scale, y: Scale, points: int = 21) -> Array:
    """The points (x, y) of a landscape ``[points, points, 2]``, rows from ``y.low`` to ``y.high``."""
    xs, ys = np.linspace(x.low, x.high, points), np.linspace(y.low, y.high, points)
    return np.stack(np.meshgrid(xs, ys), axis=-1).astype(np.float32)
