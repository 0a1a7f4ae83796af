"""A view of the online and the target network during training, with sliders for the target's period and tau."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from dqnkit.config import NEVER
from dqnkit.lessons.target_network.two_networks_picture import two_networks_picture
from dqnkit.plots.style import Picture
from dqnkit.policy import q_values
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array, PolicyWeights
from dqnkit.widgets.browser import has_browser
from dqnkit.widgets.watch import Slider, Sliders, watch

UPDATES_PER_LOOK = 10
LOOKS_PER_SECOND = 25.0  # in a browser: slow enough to see the copies and to move the sliders


class Look(NamedTuple):
    """The values of both networks after an update."""

    update: int
    online: Array  # [S] max_a Q(s, a)
    target: Array  # [S]
    error: float  # the largest |Q - Q*| of the online network
    period: int
    tau: float


async def two_networks(
    learner: Any,
    replay: ReplayBuffer,
    room: GridWorld,
    sync: Callable[..., None],
    *,
    updates: int,
    period: int = 400,
    tau: float = 1.0,
) -> Look | None:
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
        the last look, or None if there was none.
    """
    knobs = Sliders(period=Slider(1, 1000, period), tau=Slider(0.01, 1.0, tau))
    optimum = room.optimal_q(learner.config.gamma)

    def draw(looks: list[Look]) -> Picture:
        last = looks[-1]
        return two_networks_picture(
            np.array([look.update for look in looks]),
            np.array([look.online for look in looks]),
            np.array([look.target for look in looks]),
            optimum.max(axis=1),
            square=int(room.start.argmax()),
            terminal=room.terminal,
            title=f"{last.update:,} updates; period {last.period}, tau {last.tau:.2g}",
        )

    every = 1 / LOOKS_PER_SECOND if await has_browser() else 0.0
    return await watch(
        slowed(train_and_look(learner, replay, room, optimum, sync, knobs, updates, seed=0), every),
        draw,
        total=updates,
        title="Two networks",
        step=lambda look: look.update,
        summary=lambda look: f"After {look.update:,} updates the largest error against Q* is {look.error:.3g}.",
        sliders=knobs,
    )


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
