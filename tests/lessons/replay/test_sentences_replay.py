"""What the notebook on replay says beside its outputs, held against the runs that it shows."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from dqnkit.course_folder import find_notebooks
from dqnkit.lessons.replay.grid_network import GridNetwork
from dqnkit.lessons.replay.quarter_walk import QUARTERS, quarter_states, walk_by_quarters
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.types import Transition

SOURCE = (find_notebooks() / "source" / "replay.py").read_text("utf-8")
ROOM, GAMMA = GridWorld(size=8, observation="xy"), 0.8


def errors(network: GridNetwork, capacity: int, seed: int) -> tuple[float, float, float]:
    """Error near the goal when the patrol leaves it and at the end; error of all squares at the end."""
    network.initialise(seed)
    rng, memory = np.random.default_rng(seed), ReplayBuffer(capacity)
    steps = walk_by_quarters(ROOM, GAMMA, seed).transitions
    near_goal = quarter_states(ROOM, QUARTERS["lower right"])
    left = 0.0
    for step in range(16, 8_001, 16):
        memory.add(Transition(*(field[step - 16 : step] for field in steps)))
        if step >= 32:
            network.update_all(memory.sample(16, 32, rng).transitions)
        if step == 2_000:
            left = network.error(near_goal)
    return left, network.error(near_goal), network.error()


@pytest.mark.slow
def test_small_memories_forget_the_goal_and_a_large_one_knows_the_whole_room() -> None:
    network = GridNetwork(ROOM, GAMMA)
    runs = {capacity: np.array([errors(network, capacity, seed) for seed in range(3)]) for capacity in (32, 500, 8_000)}
    for capacity in (32, 500):
        left, end, _ = np.median(runs[capacity], axis=0)
        assert end > 1.2 * left
    last = {capacity: np.median(run[:, 2]) for capacity, run in runs.items()}
    assert last[8_000] < 0.5 * min(last[32], last[500])


def test_no_exact_value_is_larger_than_1() -> None:
    assert ROOM.optimal_q(GAMMA).max() == 1


def test_the_panel_shows_the_capacity_of_the_buffer_that_is_used() -> None:
    assert "replay_capacity=2_000" in SOURCE
    assert "ReplayBuffer(config.replay_capacity)" in SOURCE


def test_the_value_with_a_wrong_flag_is_the_one_of_the_formula() -> None:
    assert pytest.approx(33.6, abs=0.05) == 1 / (1 - 0.99 * (1 - 1 / 50))
    assert re.search(r"\\approx 33\.6", SOURCE)


def test_memory_of_a_million_transitions() -> None:
    both = 1_000_000 * 2 * 4 * 84 * 84
    assert [round(size / 1e9) for size in (4 * both, both, both / 8)] == [226, 56, 7]


@pytest.mark.slow
def test_after_3000_updates_the_upper_line_is_on_its_way_to_100_and_the_lower_one_rests_a_third_as_high() -> None:
    gym = pytest.importorskip("gymnasium")
    jupytext = pytest.importorskip("jupytext")
    from dqnkit.backend import tf
    from dqnkit.config import DQNConfig
    from dqnkit.learner import Learner
    from dqnkit.policy import q_values

    names: dict[str, Any] = {"gym": gym, "np": np, "tf": tf, "DQNConfig": DQNConfig, "Learner": Learner}
    names |= {"KitReplayBuffer": ReplayBuffer, "Transition": Transition, "q_values": q_values, "UPDATES": 3_000}
    for cell in jupytext.reads(SOURCE, fmt="py:percent").cells:
        if cell.cell_type == "code" and ("LIMIT, GAMMA_CARTPOLE =" in cell.source or "def learn_value" in cell.source):
            exec(cell.source, names)
    goes_on, cut_off = (names["learn_value"](0, cut_at_limit=cut)[0] for cut in (False, True))
    assert goes_on[0] == cut_off[0] != 0  # measured, before the first update
    assert 90 < goes_on[-1] < 99.5
    assert goes_on[-1] > goes_on[-6] + 0.5
    assert cut_off[-1] == pytest.approx(33.6, abs=2)
    assert np.ptp(cut_off[-10:]) < 3
