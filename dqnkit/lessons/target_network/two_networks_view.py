"""The online and the target network during training, with sliders for the target's period and tau, and afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import traitlets

from dqnkit.config import NEVER
from dqnkit.lessons.target_network.two_networks_picture import CAPTION, curve_axis, two_networks_picture
from dqnkit.plots.style import Picture
from dqnkit.policy import q_values
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array, PolicyWeights
from dqnkit.widgets.browser import has_browser
from dqnkit.widgets.drawing import Drawing
from dqnkit.widgets.watch import Slider, Sliders, watch

UPDATES_PER_LOOK = 10
MOMENTS = 600  # at most so many, evenly spread over the run, go to the browser
LOOKS_PER_SECOND = 25.0  # in a browser: slow enough to see the copies and to move the sliders


class Look(NamedTuple):
    """The values of both networks after an update."""

    update: int
    online: Array  # [S] max_a Q(s, a)
    target: Array  # [S]
    error: float  # the largest |Q - Q*| of the online network
    period: int
    tau: float


class TwoNetworks(Drawing, module=Path(__file__).with_name("two_networks.js")):
    """A run of both networks that was recorded, as the value of a cell: the browser winds it back and plays it.

    Args:
        looks: at the networks, in their order; may be none.
        room: the grid world.
        optimum: max_a Q*(s, a) ``[S]``.
    """

    about = traitlets.Dict().tag(sync=True)  # what two_networks.js has to know besides the values
    values = traitlets.Bytes().tag(sync=True)  # float32 [moments, 2, S]: online and target

    def __init__(self, looks: Sequence[Look], room: GridWorld, optimum: Array) -> None:
        super().__init__()
        self.looks, self._room, self._optimum = list(looks), room, optimum
        shown = [looks[at] for at in sorted({round(at) for at in np.linspace(0, len(looks) - 1, MOMENTS)}) if looks]
        values = np.array([(look.online, look.target) for look in shown], np.float32).reshape(-1, 2, len(optimum))
        start = int(room.start.argmax())
        about = {
            "updates": [look.update for look in shown],
            "errors": [look.error if np.isfinite(look.error) else None for look in shown],
            "periods": [look.period for look in shown],
            "taus": [look.tau for look in shown],
            "optimum": optimum.tolist(),
            "terminal": room.terminal.tolist(),
            "square": start,
            "axis": curve_axis(values[:, :, start], float(optimum[start]))._asdict(),
            "caption": CAPTION,
        }
        with self.hold_sync():
            self.about, self.values = about, values.tobytes()

    @property
    def last(self) -> Look | None:
        """The newest look; None if there was none."""
        return self.looks[-1] if self.looks else None

    def picture(self) -> Picture:
        """The end of the run."""
        nothing = np.full(len(self._optimum), np.nan)
        looks = self.looks or [Look(0, nothing, nothing, error=np.nan, period=1, tau=1.0)]
        return draw_looks(looks, self._room, self._optimum)


def draw_looks(looks: Sequence[Look], room: GridWorld, optimum: Array) -> Picture:
    """The newest of these looks as maps, and all of them as a curve."""
    last = looks[-1]
    return two_networks_picture(
        np.array([look.update for look in looks]),
        np.array([look.online for look in looks]),
        np.array([look.target for look in looks]),
        optimum,
        square=int(room.start.argmax()),
        terminal=room.terminal,
        title=f"{last.update:,} updates; period {last.period}, tau {last.tau:.2g}",
    )


async def two_networks(
    learner: Any,
    replay: ReplayBuffer,
    room: GridWorld,
    sync: Callable[..., None],
    *,
    updates: int,
    period: int = 400,
    tau: float = 1.0,
) -> TwoNetworks:
    """Train on fixed transitions and show both networks side by side; await it in a cell.

    In a browser it runs slowly, so that a reader can see the copies and move the sliders.

    Args:
        learner: a new `dqnkit.learner.Learner`.
        replay: the transitions; nothing is added.
        room: the grid world to show; its observations are coordinates.
        sync: moves the target network; a function like `dqnkit.networks.update_target`.
        updates: number of updates.
        period, tau: initial values of the sliders.

    Returns:
        the recorded run, to be wound back in another cell.
    """
    knobs = Sliders(period=Slider(1, 1000, period), tau=Slider(0.01, 1.0, tau))
    optimum = room.optimal_q(learner.config.gamma)

    every = 1 / LOOKS_PER_SECOND if await has_browser() else 0.0
    looks: list[Look] = []

    def kept() -> Iterator[Look]:
        for look in slowed(train_and_look(learner, replay, room, optimum, sync, knobs, updates, seed=0), every):
            looks.append(look)
            yield look

    await watch(
        kept(),
        lambda so_far: draw_looks(so_far, room, optimum.max(axis=1)),
        total=updates,
        title="Two networks",
        step=lambda look: look.update,
        summary=lambda look: f"After {look.update:,} updates the largest error against Q* is {look.error:.3g}.",
        sliders=knobs,
    )
    return TwoNetworks(looks, room, optimum.max(axis=1))


def train_and_look(
    learner: Any,
    replay: ReplayBuffer,
    room: GridWorld,
    optimum: Array,
    sync: Callable[..., None],
    knobs: Sliders,
    updates: int,
    seed: int,
) -> Iterator[Look]:
    """Train update by update; yields the values of both networks every `UPDATES_PER_LOOK` updates.

    Args:
        learner, replay, room, sync, updates: as for `two_networks`.
        optimum: the exact Q* ``[S, A]``.
        knobs: sliders ``period`` and ``tau``.
        seed: of the batches.
    """
    rng = np.random.default_rng(seed)
    online, target = learner.online.trainable_variables, learner.target.trainable_variables
    sync(online, target, 0, 1, 1.0)  # they begin equal
    for update in range(1, updates + 1):
        period, tau = int(knobs["period"]), float(knobs["tau"])
        learner.update(replay.sample(1, learner.config.batch_size, rng).transitions, target_period=NEVER)
        sync(online, target, update, period, tau)
        if update % UPDATES_PER_LOOK == 0 or update == updates:
            yield _look(learner, room, optimum, update, period, tau)


def slowed(values: Iterator[Look], every: float) -> Iterator[Look]:
    """The same values, at most one every ``every`` seconds."""
    for value in values:
        due = time.perf_counter() + every
        yield value
        time.sleep(max(0.0, due - time.perf_counter()))


def _look(learner: Any, room: GridWorld, optimum: Array, update: int, period: int, tau: float) -> Look:
    squares = room.all_observations()  # [S, 2]
    weights = learner.get_weights()
    values = np.concatenate([variable.numpy().ravel() for variable in learner.target.trainable_variables])
    online = q_values(weights, squares)  # [S, A]
    target = q_values(PolicyWeights(0, weights.layers, values), squares)
    error = float(np.abs(online - optimum)[~room.terminal].max())
    return Look(update, online.max(axis=1), target.max(axis=1), error, period, tau)
