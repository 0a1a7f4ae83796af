"""Q-networks, and the update of the target network. test_policy.py compares the NumPy policy with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from gymnasium.spaces import Box

from dqnkit.config import DQNConfig
from dqnkit.environments import make_env
from dqnkit.errors import EnvironmentNotSupportedError, MissingExtraError
from dqnkit.network_layers import policy_layers
from dqnkit.networks import build_q_network, flat_parameters, update_target
from dqnkit.policy import parameter_shapes, q_values
from dqnkit.presets import PRESETS, preset
from dqnkit.types import PolicyWeights


def parameters(shape: tuple[int, ...] = (4,), **settings: Any) -> np.ndarray:
    return flat_parameters(build_q_network(vectors(*shape), 2, DQNConfig(**settings)))


def vectors(*shape: int) -> Box:
    """A space of floats without bounds."""
    return Box(-np.inf, np.inf, shape)


def pictures(*shape: int, high: float = 255, dtype: Any = np.uint8) -> Box:
    """A space of pictures with numbers from 0 on."""
    return Box(0, high, shape, dtype)


def variables(*values: Any) -> list[Any]:
    return [tf.Variable(value, dtype=tf.float32) for value in values]


@pytest.mark.parametrize("dueling", [False, True])
def test_the_same_seed_gives_the_same_network(dueling: bool) -> None:
    first, again, other = (parameters(seed=seed, dueling=dueling) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_equal_layers_do_not_begin_equal() -> None:
    network = build_q_network(vectors(4), 2, DQNConfig(hidden_sizes=(4, 4)))
    first, second = (layer.kernel.numpy() for layer in network.layers[1:3])
    assert not np.array_equal(first, second)


def test_default_is_two_layers_of_64_units_and_values_without_bound() -> None:
    network = build_q_network(vectors(4), 2, DQNConfig())
    assert [tuple(weights.shape) for weights in network.weights] == [(4, 64), (64,), (64, 64), (64,), (64, 2), (2,)]
    network.layers[-1].bias.assign([-5.0, 5.0])
    np.testing.assert_allclose(network(np.zeros((1, 4), np.float32)), [[-5.0, 5.0]])


def test_dueling_streams_share_all_but_the_last_hidden_layer_and_advantages_have_mean_0() -> None:
    network = build_q_network(vectors(4), 3, DQNConfig(hidden_sizes=(8, 6), dueling=True))
    shapes = [tuple(weights.shape) for weights in network.weights]
    assert shapes == [(4, 8), (8,), (8, 6), (6,), (6, 1), (1,), (8, 6), (6,), (6, 3), (3,)]
    value_bias, advantage_bias = network.weights[5], network.weights[9]
    value_bias.assign([2.0])
    advantage_bias.assign([1.0, 2.0, 6.0])
    np.testing.assert_allclose(network(np.zeros((1, 4), np.float32)), [[0.0, 1.0, 5.0]])


def test_bytes_are_divided_by_255_on_the_device() -> None:
    settings = {"conv_filters": (2,), "conv_sizes": (2,), "conv_strides": (1,)}
    of_bytes, of_floats = (
        build_q_network(space, 2, DQNConfig(**settings))
        for space in (pictures(4, 4, 1), pictures(4, 4, 1, high=1, dtype=np.float32))
    )
    white = np.full((1, 4, 4, 1), 255, np.uint8)
    np.testing.assert_allclose(of_bytes(white), of_floats(np.ones((1, 4, 4, 1), np.float32)), rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "settings"),
    [((2, 9, 1), {}), ((9, 2, 1), {}), ((4, 9, 2), {"frame_stack": 4})],
)
def test_pictures_too_small_for_the_convolutions_are_refused(shape: tuple[int, ...], settings: Any) -> None:
    with pytest.raises(EnvironmentNotSupportedError, match="too small for convolutions of sizes"):
        build_q_network(pictures(*shape), 2, DQNConfig(**settings))


@pytest.mark.parametrize("env_id", [*PRESETS, "ALE/Pong-v5"])
def test_the_network_of_every_preset_can_be_built_and_acted_with(env_id: str) -> None:
    config = preset(env_id)
    try:
        env = make_env(config)
    except MissingExtraError as error:
        pytest.skip(str(error))
    network = build_q_network(env.observation_space, int(env.action_space.n), config)  # type: ignore[attr-defined]
    weights = PolicyWeights(0, policy_layers(network), flat_parameters(network))
    observation = np.asarray(env.reset(seed=0)[0])[None]
    np.testing.assert_allclose(q_values(weights, observation), network(observation), atol=1e-4)


def test_no_policy_parameters_without_layers() -> None:
    assert parameter_shapes(()) == []


MODES = {"eager": lambda function: function, "graph": tf.function}


@pytest.mark.parametrize("mode", MODES)
class TestUpdateTarget:
    def test_hard(self, mode: str) -> None:
        online, target = variables([1.0, 2.0], [[3.0]]), variables([-1.0, 0.0], [[7.0]])
        MODES[mode](lambda: update_target(online, target, 1, 1))()
        np.testing.assert_array_equal(target[0], [1.0, 2.0])
        np.testing.assert_array_equal(target[1], [[3.0]])
        np.testing.assert_array_equal(online[0], [1.0, 2.0])

    def test_soft(self, mode: str) -> None:
        online, target = variables([1.0, 2.0]), variables([-1.0, 0.0])
        step = MODES[mode](lambda update: update_target(online, target, update, 1, tau=0.25))
        step(tf.constant(1))
        np.testing.assert_allclose(target[0], [-0.5, 0.5])
        step(tf.constant(2))
        np.testing.assert_allclose(target[0], [-0.125, 0.875])

    @pytest.mark.parametrize("tau", [1.0, 0.5])
    def test_only_every_period(self, mode: str, tau: float) -> None:
        online, target = variables([0.0]), variables([-8.0])
        step = MODES[mode](lambda update, period: update_target(online, target, update, period, tau))
        expected = -8.0
        for update in range(1, 10):
            online[0].assign([float(update)])
            step(tf.constant(update, tf.int64), tf.constant(3))
            if update in (3, 6, 9):
                expected = tau * update + (1 - tau) * expected
            np.testing.assert_allclose(target[0], [expected])
