"""Q-networks in Keras, and the update of the target network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.backend import keras, keras_defaults, tf
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.network_layers import DuelingHead, Normalization, decoupled_head, picture_layers
from dqnkit.observations import describe
from dqnkit.types import FloatArray

Tensor = Any
MOST_OUTPUTS = 100_000  # values of joint actions, each with weights of its own


@keras_defaults()
def build_q_network(observation_space: gym.Space[Any], num_actions: int, config: DQNConfig) -> keras.Model:
    """The Q-network ``[B, ...] -> [B, A]``: one value for each action, no activation on the output.

    Vectors go through dense layers, pictures through convolutions first; `dqnkit.observations.describe` decides which
    they are. Observations are scaled, or normalized, in the network, so that replay and transport keep them as they
    are, one byte a pixel.

    Args:
        observation_space: its shape, its type and its bounds, by which observations are scaled.
        num_actions: A.
        config: sizes, ``dueling``, ``decoupled``, ``xla``, ``normalize_observations``, and the seed of the initial
            weights. A decoupled network may give ``[B, D, N]``, see `dqnkit.action_values`.

    Raises:
        ConfigError: there are too many actions, or the wrong number for ``decoupled``.
        EnvironmentNotSupportedError: the picture is too small for the convolutions.
    """
    if not config.decoupled and config.action_bins and num_actions > MOST_OUTPUTS:
        raise ConfigError(
            f"with action_bins {config.action_bins}, {config.env_id} has {num_actions:,} actions, too many for an "
            "output each: set decoupled (--decoupled), or fewer action_bins"
        )
    num_layers = len(config.conv_filters) + len(config.hidden_sizes) + 4  # at most, with the streams of a dueling head
    seeds = iter(config.seed_sequence("network").generate_state(num_layers))

    def initializer() -> Any:  # Keras' default, with a seed: the same seed gives the same network
        return keras.initializers.GlorotUniform(seed=int(next(seeds)))

    seen = describe(observation_space, config.frame_stack, config.normalize_observations)
    layers: list[Any] = [keras.Input(seen.shape, dtype=seen.dtype)]
    if seen.normalized:
        layers.append(Normalization())
    elif seen.dtype != "float32" or seen.largest != 1:
        layers.append(keras.layers.Rescaling(1 / seen.largest))
    if seen.is_picture:
        layers += picture_layers(seen, config, initializer)
    layers.append(keras.layers.Flatten())
    hidden = config.hidden_sizes[:-1] if config.dueling else config.hidden_sizes
    layers += [keras.layers.Dense(size, activation="relu", kernel_initializer=initializer()) for size in hidden]
    if config.dueling:
        layers.append(DuelingHead(config.hidden_sizes[-1], num_actions, [initializer() for _ in range(4)]))
    elif config.decoupled:
        layers += decoupled_head(num_actions, config.action_bins, initializer())
    else:
        layers.append(keras.layers.Dense(num_actions, kernel_initializer=initializer()))
    return keras.Sequential(layers)


def update_target(
    online: Sequence[Any], target: Sequence[Any], update: Tensor, period: Tensor | int, tau: float = 1.0
) -> None:
    """Move the target network to the online network every ``period`` updates, all the way or by ``tau`` of it.

    ``target <- tau * online + (1 - tau) * target``: tau 1 is the hard update (Mnih et al., 2015), a small tau with
    period 1 the soft one (Lillicrap et al., 2016). At other updates the target network stays as it is.

    Args:
        online, target: the variables of the two networks, in the same order.
        update: how many updates there have been, this one included.
        period: updates from one copy to the next.
        tau: share of the online network in the copy.
    """
    due = tf.equal(tf.cast(update, tf.int64) % tf.cast(period, tf.int64), 0)
    for online_variable, target_variable in zip(online, target, strict=True):
        mixed = online_variable if tau == 1.0 else tau * online_variable + (1 - tau) * target_variable
        target_variable.assign(tf.where(due, mixed, target_variable))


def flat_parameters(network: keras.Model) -> FloatArray:
    """All parameters of the network in one array ``[P]``, in Keras' order."""
    return np.concatenate([variable.numpy().ravel() for variable in network.weights])
