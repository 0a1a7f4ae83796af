"""The exercises of the lesson on training on a cluster: other right solutions pass; `train` keeps the same bound."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.course import find_exercise
from dqnkit.errors import CheckpointError
from dqnkit.lessons.train_on_a_cluster.answers import save_state, whose_turn
from dqnkit.lessons.train_on_a_cluster.small_run import SAVED_FIELDS, SmallRun, can_be_written
from dqnkit.presets import preset
from dqnkit.training import train

SAVE, TURN = find_exercise("save_state"), find_exercise("whose_turn")


def test_a_deep_copy_of_each_part_passes() -> None:
    def save(run: Any) -> Any:
        saved = {name: deepcopy(getattr(run, name)) for name in SAVED_FIELDS if name != "rng"}
        return {**saved, "rng": deepcopy(run.rng).bit_generator.state}

    assert check_exercise(SAVE, save).passed


def test_what_is_no_dict_is_told_apart() -> None:
    result = check_exercise(SAVE, lambda run: [run.online.copy()])
    assert result.status == "wrong"


def test_a_save_that_trains_is_found() -> None:
    def save(run: Any) -> Any:
        run.train(1)
        return save_state.save_state(run)

    assert check_exercise(SAVE, save).status == "wrong"


def test_each_part_of_a_run_matters() -> None:
    """The exercise claims that no field can be left out of the save without harm."""
    for name in SAVED_FIELDS:
        result = check_exercise(SAVE, save_state.without(name))
        assert result.status == "wrong", f"{name} can be forgotten"


def test_a_small_run_learns() -> None:
    run = SmallRun(seed=0)
    run.train(1_000)
    np.testing.assert_array_equal(run.online[:5].argmax(axis=1), 1)  # to the right in every place
    np.testing.assert_allclose(run.online[4, 1], 1.0, atol=0.05)


def test_a_small_run_refuses_what_it_does_not_have() -> None:
    with pytest.raises(CheckpointError, match="no 'weights'"):
        SmallRun(0).load({"weights": np.zeros(3)})
    with pytest.raises(CheckpointError, match="Generator"):
        SmallRun(0).load({"rng": np.random.default_rng(0)})
    assert can_be_written([1, "a", {"b": (2.0, np.zeros(2))}])
    assert not can_be_written([object()])


def test_the_loop_keeps_the_same_bound() -> None:
    """The counts before every status of `train` agree with `whose_turn`."""
    pytest.importorskip("tensorflow")
    config = preset("CartPole-v1", total_steps=1_500, learning_starts=300, samples_per_insert=4.0, xla=False)
    draws = config.updates_per_call * config.batch_size
    sampled = inserted = updates = 0
    for status in train(config):
        turn = whose_turn.whose_turn(sampled, inserted, draws, config.learning_starts, config.samples_per_insert)
        assert turn == ("learner" if status.updates > updates else "actors")
        counters = status.state.counters
        sampled, inserted, updates = counters.sampled, counters.inserted, status.updates
    assert updates > 0
    last = whose_turn.whose_turn(sampled, inserted, draws, config.learning_starts, config.samples_per_insert)
    assert last == "actors"  # the run ends when all allowed updates are made
