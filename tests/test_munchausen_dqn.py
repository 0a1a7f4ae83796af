"""A new algorithm through one function: Munchausen DQN (Vieillard, Pietquin and Geist, 2020, eq. 3)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from seeds import seeds

from dqnkit.evaluation import evaluate
from dqnkit.learner import Learner
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.types import Transition
from dqnkit.value_learning import squared

TEMPERATURE, ALPHA, LOWEST_LOG = 0.03, 0.9, -1.0  # tau, alpha and l_0 of the paper


def munchausen_loss(online: Any, target: Any, batch: Transition) -> tuple[Any, Any, Any]:
    """The reward includes the log-probability of the action; the bootstrap value is soft, with an entropy bonus."""
    q_tm1 = online(batch.observation)  # [B, A]
    q_target_tm1, q_target_t = target(batch.observation), target(batch.next_observation)  # [B, A]
    log_policy_tm1 = TEMPERATURE * tf.nn.log_softmax(q_target_tm1 / TEMPERATURE)  # [B, A]
    log_policy_t = TEMPERATURE * tf.nn.log_softmax(q_target_t / TEMPERATURE)  # [B, A]
    bonus = tf.gather(log_policy_tm1, batch.action, axis=1, batch_dims=1)  # [B]
    soft_value = tf.reduce_sum(tf.nn.softmax(q_target_t / TEMPERATURE) * (q_target_t - log_policy_t), axis=1)  # [B]
    td_target = batch.reward + ALPHA * tf.clip_by_value(bonus, LOWEST_LOG, 0.0) + batch.discount * soft_value
    td_error = tf.stop_gradient(td_target) - tf.gather(q_tm1, batch.action, axis=1, batch_dims=1)  # [B]
    return squared(td_error), td_error, q_tm1


def test_its_loss_by_hand() -> None:
    """Two actions of equal value have probability 1/2 each: the log-probability and the entropy are log 2."""
    online, target = (lambda x: 3.0 * x), (lambda x: tf.stack([x[:, 0], x[:, 0]], axis=1))
    one, two = np.array([[1.0, 2.0]], np.float32), np.array([[2.0, 0.0]], np.float32)
    batch = Transition(*(tf.constant(x) for x in (one, [1], [6.0], [0.5], two)))
    losses, td_errors, q_tm1 = munchausen_loss(online, target, batch)
    expected = 6.0 - 0.9 * 0.03 * np.log(2) + 0.5 * (2.0 + 0.03 * np.log(2)) - 6.0
    np.testing.assert_allclose(td_errors, [expected], rtol=1e-5)
    np.testing.assert_allclose(losses, [expected**2 / 2], rtol=1e-5)
    np.testing.assert_array_equal(q_tm1, [[3.0, 6.0]])


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(3))
def test_it_solves_cartpole(seed: int) -> None:
    config = preset("CartPole-v1", seed=seed)
    *_, last = train(config, learner=Learner(config, loss=munchausen_loss))
    assert evaluate(last.weights, config).mean() >= 475
