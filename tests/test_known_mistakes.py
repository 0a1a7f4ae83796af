"""Mistakes known from other DQN code, one test each."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from toys import linear_policy, small_config

import dqnkit
from dqnkit.actor import Actor
from dqnkit.learner import Learner
from dqnkit.packing import Record, pack_transitions
from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer
from dqnkit.training import train
from dqnkit.types import Transition
from dqnkit.value_learning import double_q_learning, q_learning

SOURCES = sorted(Path(dqnkit.__file__).parent.rglob("*.py"))


def test_the_first_target_sync_comes_late_so_that_the_target_starts_unequal() -> None:
    learner = Learner(small_config(target_period=10_000))
    for online, target in zip(learner.online.weights, learner.target.weights, strict=True):
        np.testing.assert_array_equal(online, target)
        assert online is not target


@pytest.mark.parametrize("next_value", [0.0, 7.0, -1e6, 1e30])
def test_a_terminal_target_other_than_the_reward(next_value: float) -> None:
    q_tm1, q_t = tf.constant([[1.0, 2.0]]), tf.fill([1, 2], next_value)
    terminal = [3.0], [0.0]
    assert q_learning(q_tm1, [1], *terminal, q_t).numpy() == [3.0 - 2.0]
    assert double_q_learning(q_tm1, [1], *terminal, q_t, q_t).numpy() == [3.0 - 2.0]


@pytest.mark.parametrize("n_step", [1, 3])
def test_truncation_treated_as_termination(n_step: int) -> None:
    """At the time limit the episode is truncated: its last observation is used, not the one after the reset."""
    config = small_config("dqnkit/GridWorld-v0", max_episode_steps=4, rollout_steps=20, n_step=n_step, gamma=0.5)
    transitions = Actor(config).rollout(linear_policy((2,), 4), 1.0).transitions
    assert len(transitions.discount) > 40
    assert (transitions.discount > 0).all()  # the goal is 8 steps away
    assert set(transitions.discount) == {0.5**n for n in range(1, n_step + 1)}
    moved = np.abs(transitions.next_observation - transitions.observation).sum(axis=1)
    assert (moved <= 0.5 * n_step + 1e-6).all()  # never a transition from the last square to the first


def test_epsilon_restarted_each_episode() -> None:
    config = small_config(max_episode_steps=5, samples_per_insert=0.0)
    statuses = list(train(config))
    assert statuses[-1].episodes > 50
    epsilons = [status.epsilon for status in statuses]
    assert epsilons == sorted(epsilons, reverse=True)
    assert epsilons[-1] == pytest.approx(0.05)


@pytest.mark.parametrize("deterministic", [False, True])
def test_every_episode_reset_with_the_same_seed(deterministic: bool) -> None:
    config = small_config(rollout_steps=200, deterministic=deterministic)
    actor = Actor(config)
    rollouts = [actor.rollout(linear_policy((4,), 2), 1.0, sequence) for sequence in range(5)]
    observations = np.concatenate([rollout.transitions.observation for rollout in rollouts])
    starts = observations[(np.abs(observations) <= 0.05).all(axis=1)]  # the starts of CartPole's episodes
    assert len(starts) >= 20
    assert len(np.unique(starts, axis=0)) == len(starts)


@pytest.mark.parametrize("batch_size", [2, 3])
def test_gather_without_batch_dims_gives_a_square_of_td_errors(batch_size: int) -> None:
    """``tf.gather(q, a, axis=1)`` takes every action of the batch from every row: ``[B, B]``."""
    q = tf.reshape(tf.range(batch_size * 3, dtype=tf.float32), [batch_size, 3])
    actions = tf.range(batch_size)
    assert tf.gather(q, actions, axis=1).shape == (batch_size, batch_size)
    zeros = tf.zeros(batch_size)
    for td_error in (q_learning(q, actions, zeros, zeros, q), double_q_learning(q, actions, zeros, zeros, q, q)):
        np.testing.assert_array_equal(td_error, [-4.0 * i for i in range(batch_size)])  # -q[i, i]


def test_model_predict_in_the_loop() -> None:
    """`model.predict` builds a data pipeline at each call: slow, and it leaks memory. The package never calls it."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Attribute) and node.attr in ("predict", "predict_on_batch")), path


@pytest.mark.parametrize("kind", [ReplayBuffer, PrioritizedReplayBuffer])
def test_global_random_state_in_replay(kind: type[ReplayBuffer]) -> None:
    def draw(seed_of_the_world: int) -> Transition:
        np.random.seed(seed_of_the_world)  # noqa: NPY002
        random.seed(seed_of_the_world)
        before = np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
        buffer = kind(100)
        rollout = Actor(small_config()).rollout(linear_policy((4,), 2), 0.5)
        buffer.add_rollout(rollout)
        sample = buffer.sample(2, 16, np.random.default_rng(3))
        assert (np.random.get_state()[1].tolist(), random.getstate()) == before  # noqa: NPY002
        return sample.transitions

    for first, second in zip(draw(1), draw(2), strict=True):
        np.testing.assert_array_equal(first, second)


def test_terminal_and_truncated_in_one_step_is_terminal() -> None:
    record = Record(
        observation=np.zeros((2, 1, 1), np.float32),
        action=np.zeros((1, 1), np.int32),
        reward=np.ones((1, 1), np.float32),
        terminated=np.ones((1, 1), bool),
        truncated=np.ones((1, 1), bool),
        is_step=np.ones((1, 1), bool),
    )
    assert pack_transitions(record, 0.9, 1).discount == 0.0
