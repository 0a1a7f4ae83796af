"""A new algorithm with another network: categorical DQN, or C51 (Bellemare, Dabney and Munos, 2017, algorithm 1)."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from gymnasium.spaces import Box
from seeds import seeds

from dqnkit.evaluation import evaluate
from dqnkit.learner import Learner
from dqnkit.network_layers import Expectation
from dqnkit.networks import build_q_network
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.types import Transition

LOW, HIGH, N = 0.0, 100.0, 51  # atoms; the returns of CartPole are between 0 and 1 / (1 - gamma)


def categorical_network(space: Any, num_actions: int, config: Any) -> Any:
    network = build_q_network(space, num_actions * N, config)  # [B, ...] -> logits [B, A * N]
    network.add(Expectation(num_actions, LOW, HIGH, N))  # -> Q-values [B, A]
    return network


def categorical_loss(online: Any, target: Any, batch: Transition) -> tuple[Any, Any, Any]:
    """The cross-entropy between the target distribution, projected onto the atoms, and that of the action taken."""

    def logits(network: Any, observation: Any, action: Any) -> Any:
        for layer in network.layers[:-1]:  # all layers below the expectation
            observation = layer(observation)
        return tf.gather(tf.reshape(observation, [len(action), -1, N]), action, axis=1, batch_dims=1)  # [B, N]

    q_tm1, q_t = online(batch.observation), target(batch.next_observation)  # [B, A]
    probabilities = tf.nn.softmax(logits(target, batch.next_observation, tf.argmax(q_t, axis=1)))  # [B, N]
    atoms = tf.linspace(LOW, HIGH, N)
    moved = tf.clip_by_value(batch.reward[:, None] + batch.discount[:, None] * atoms, LOW, HIGH)  # [B, N]
    share = tf.maximum(0.0, 1.0 - tf.abs(moved[:, :, None] - atoms) / (atoms[1] - atoms[0]))  # [B, N moved, N atoms]
    projected = tf.stop_gradient(tf.einsum("bi,bij->bj", probabilities, share))  # [B, N]
    losses = tf.nn.softmax_cross_entropy_with_logits(projected, logits(online, batch.observation, batch.action))  # [B]
    return losses, losses, q_tm1


def test_its_loss_by_hand() -> None:
    """The next value is 60 (action 1), 2 + 0.5 * 60 = 32 is atom 16, and the loss is the cross-entropy to that atom."""
    online, target = (categorical_network(Box(-np.inf, np.inf, (4,)), 2, preset("CartPole-v1")) for _ in range(2))
    for network, atom in ((online, 16), (target, N + 30)):  # logit 40 for one atom, 0 for all others
        network.layers[-2].bias.assign(40.0 * (np.arange(2 * N) == atom))
    x, rewards = tf.zeros([2, 4]), tf.constant([2.0, 3.0])  # 2 or 3: on atom 16, or half way to atom 17
    losses, _, q = categorical_loss(online, target, Transition(x, tf.zeros(2, tf.int32), rewards, tf.fill(2, 0.5), x))
    np.testing.assert_allclose(losses, [0.0, 20.0], atol=1e-3)
    np.testing.assert_allclose(q, [[32.0, 50.0]] * 2, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(3))
def test_it_solves_cartpole(seed: int) -> None:
    config = preset("CartPole-v1", seed=seed, learning_rate=1e-3)
    *_, last = train(config, learner=Learner(config, loss=categorical_loss, network=categorical_network))
    assert evaluate(last.weights, config).mean() >= 475
