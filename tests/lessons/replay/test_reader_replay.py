"""A reader's buffer in the training loop of dqnkit, and the network that learns from a walk by quarters."""

from __future__ import annotations

import numpy as np
import pytest
from toys import small_config

from dqnkit.errors import InvalidDataError
from dqnkit.lessons.replay.answers.replay_sample import ReplayBuffer as WorkedSolution
from dqnkit.lessons.replay.grid_network import BATCHES_PER_CALL, GridNetwork
from dqnkit.lessons.replay.quarter_walk import walk_by_quarters
from dqnkit.lessons.replay.reader_replay import ReaderReplay
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.types import Transition

pytest.importorskip("tensorflow")
ROOM = GridWorld(size=8, observation="xy")
STEPS = walk_by_quarters(ROOM, 0.8, seed=0, steps_each=20).transitions


def test_the_loop_gets_from_a_readers_buffer_what_it_gets_from_the_kits() -> None:
    kits, readers = ReplayBuffer(100), ReaderReplay(WorkedSolution(100))
    for buffer in (kits, readers):
        buffer.add(STEPS)
    assert (len(readers), readers.inserted) == (80, 80)
    ours, theirs = (buffer.sample(3, 5, np.random.default_rng(1)) for buffer in (kits, readers))
    for kept, given in zip(ours.transitions, theirs.transitions, strict=True):
        assert kept.dtype == given.dtype
        assert kept.shape == given.shape == (3, 5, *kept.shape[2:])
    # dqnkit draws all batches at once, the reader's buffer one by one: the same numbers
    assert np.array_equal(ours.transitions.observation, theirs.transitions.observation)
    assert theirs.importance.shape == theirs.indices.shape == (3, 5)


def test_frames_are_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidDataError, match="frame_stack"):
        ReaderReplay(WorkedSolution(10)).add(STEPS, frames=np.zeros((3, 2, 2)))


def test_training_runs_with_a_readers_buffer() -> None:
    from dqnkit.training import train

    buffer = ReaderReplay(WorkedSolution(50))
    *_, status = train(small_config(), replay=buffer)
    assert status.updates > 0
    assert status.replay_size == len(buffer) <= 50


def test_the_network_begins_anew_and_learns_in_groups() -> None:
    network = GridNetwork(ROOM, 0.8)
    network.initialise(1)
    first = network.q_table()
    assert network.error() == pytest.approx(np.abs(first - network.exact)[~ROOM.terminal].mean(), rel=1e-5)
    batch = Transition(*(field[:32] for field in STEPS))
    for _ in range(BATCHES_PER_CALL - 1):
        network.update(batch)
    assert np.array_equal(network.q_table(), first)
    network.update(batch)
    assert not np.array_equal(network.q_table(), first)
    network.initialise(1)
    assert np.array_equal(network.q_table(), first)
    network.initialise(2)
    assert not np.array_equal(network.q_table(), first)
