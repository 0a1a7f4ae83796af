"""The two networks to look at while one learns and the other follows: how often, and how far, under sliders."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from dqnkit.config import NEVER
from dqnkit.lessons.target_network.two_networks_picture import two_networks as draw_networks
from dqnkit.plots.style import Picture
from dqnkit.policy import q_values
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array, PolicyWeights
from dqnkit.widgets.browser import has_browser
from dqnkit.widgets.watch import Slider, Sliders, watch

EVERY = 10  # updates between two looks at the networks
LOOKS_A_SECOND = 25.0  # where somebody looks on: time to see the copies, and to move the sliders


class Look(NamedTuple):
    """What the two networks said after an update."""

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
    seed: int = 0,
) -> Look | None:
    """Train from fixed transitions and show both networks beside each other; await it in a cell.

    Where somebody looks on, it is slower than it could be, so that the copies are seen and the sliders have time to
    act; without a browser nothing waits.

    Args:
        learner: a `dqnkit.learner.Learner` that is at its beginning.
        replay: what it learns from; nothing is added.
        room: whose squares are shown and whose exact values are known; its observations are coordinates.
        sync: how the target follows, a function like `dqnkit.networks.update_target`.
        updates: how many.
        period, tau: where the sliders start.
        seed: which batches are drawn.

    Returns:
        The last look; None where none came.
    """
    knobs = Sliders(period=Slider(1, 1000, period), tau=Slider(0.01, 1.0, tau))
    optimum = room.optimal_q(learner.config.gamma)

    def draw(looks: list[Look]) -> Picture:
        last = looks[-1]
        return draw_networks(
            np.array([look.update for look in looks]),
            np.array([look.online for look in looks]),
            np.array([look.target for look in looks]),
            optimum.max(axis=1),
            square=int(room.start.argmax()),
            terminal=room.terminal,
            title=f"{last.update:,} updates; period {last.period}, tau {last.tau:.2g}",
        )

    every = 1 / LOOKS_A_SECOND if await has_browser() else 0.0
    return await watch(
        paced(looks(learner, replay, room, optimum, sync, knobs, updates, seed), every),
        draw,
        total=updates,
        title="Two networks",
        step=lambda look: look.update,
        summary=lambda look: f"After {look.update:,} updates the largest error against Q* is {look.error:.3g}.",
        sliders=knobs,
    )


def looks(
    learner: Any,
    replay: ReplayBuffer,
    room: GridWorld,
    optimum: Array,
    sync: Callable[..., None],
    knobs: Sliders,
    updates: int,
    seed: int,
) -> Iterator[Look]:
    """Train, one update after the other, with a look at the networks every now and then."""
    rng = np.random.default_rng(seed)
    online, target = learner.online.trainable_variables, learner.target.trainable_variables
    sync(online, target, 0, 1, 1.0)  # they begin equal
    for update in range(1, updates + 1):
        period, tau = int(knobs["period"]), float(knobs["tau"])
        learner.update(replay.sample(1, learner.config.batch_size, rng).transitions, target_period=NEVER)
        sync(online, target, update, period, tau)
        if update % EVERY == 0 or update == updates:
            yield _look(learner, room, optimum, update, period, tau)


def paced(values: Iterator[Look], every: float) -> Iterator[Look]:
    """The same, no faster than one in ``every`` seconds."""
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
