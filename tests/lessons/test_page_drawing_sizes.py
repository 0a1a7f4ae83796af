"""What each drawing of the course that needs no kernel leaves in a saved notebook: not more than 70 kB.

A notebook keeps the picture for pages without scripts, the script, and the data.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dqnkit.lessons.q_network.views import draw_room
from dqnkit.lessons.q_update.grid_stepper import grid_stepper
from dqnkit.lessons.replay.quarter_walk import QUARTERS, walk_by_quarters
from dqnkit.lessons.replay.replay_view import ReplayView, RingView, TruncationView
from dqnkit.lessons.rollouts_on_dask.amdahl_view import amdahl_view
from dqnkit.lessons.start_here.push_cartpole import push_cartpole
from dqnkit.lessons.strategy_learner.stragglers_view import stragglers
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array

MOST = 70_000  # bytes


def replay() -> ReplayView:
    walk = walk_by_quarters(GridWorld(size=8, observation="xy"), 0.8, 0, 2_000)
    states, ends = walk.states, {name: 2_000 * (i + 1) for i, name in enumerate(QUARTERS)}
    return ReplayView(
        8, states, walk.transitions.action, walk.next_states, walk.episodes, ends, capacity=500, now=2_500
    )


def truncation() -> TruncationView:
    updates, seeds = np.arange(0, 4_001, 100), np.array([[0.9], [1.0], [1.1]])
    levels = {"goes on (discount 0.99)": 100.0, "as if terminated (discount 0)": 33.6}
    learned = {name: level * (1 - np.exp(-seeds * updates / 1_500)) for name, level in levels.items()}
    along = {name: level * np.linspace(1.02, 0.98, 50) for name, level in levels.items()}
    return TruncationView(updates, learned, along, levels, gamma=0.99, limit=50)


def room() -> Any:
    env, rng = GridWorld(observation="xy"), np.random.default_rng(0)
    first, second, last = (rng.normal(0, (2 / size) ** 0.5, (size, out)) for size, out in ((2, 64), (64, 64), (64, 4)))

    def network(xy: Array) -> Array:
        return np.maximum(0, np.maximum(0, xy @ first) @ second) @ last

    return draw_room(network, env, env.optimal_q(0.9), "A landscape", "What to look for.")


@pytest.mark.parametrize(
    "drawing",
    [
        amdahl_view,
        lambda: grid_stepper(lambda q, s, a, r, s_next, terminated, alpha, gamma: 0.0),
        push_cartpole,
        replay,
        room,
        lambda: RingView(8),
        lambda: stragglers(replicas=16, spread=4.0),
        truncation,
    ],
    ids=["amdahl", "grid", "push", "replay", "room", "ring", "stragglers", "truncation"],
)
def test_a_drawing_keeps_little_in_a_saved_notebook(drawing: Callable[[], Any]) -> None:
    kept = json.dumps(drawing()._repr_mimebundle_())
    assert len(kept) <= MOST
