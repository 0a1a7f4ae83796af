"""Q-networks in Keras, and the update of the target network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqnkit.backend import keras, tf
from dqnkit.config import DQNConfig
from dqnkit.network_layers import DuelingHead, is_picture, picture_layers
from dqnkit.types import FloatArray

Tensor = Any


def build_q_network(
    observation_shape: tuple[int, ...], observation_dtype: Any, num_actions: int, config: DQNConfig
) -> keras.Model:
    """The Q-network ``[B, ...] -> [B, A]``: one value for each action, no activation on the output.

    Vectors go through dense layers. Pictures (``[H, W, C]``, uint8 ``[H, W]`` or stacked frames ``[S, H, W]``) go
    through convolutions first. uint8 is divided by 255 in the network, so that replay and transport keep one byte a
    pixel.

    Args:
        observation_shape: without the batch axis.
        observation_dtype: as the environment has it.
        num_actions: A.
        config: sizes, ``dueling``, ``xla``, and the seed of the initial weights.

    Raises:
        EnvironmentNotSupportedError: the picture is too small for the convolutions.
    """
    num_layers = len(config.conv_filters) + len(config.hidden_sizes) + 4  # at most, with the streams of a dueling head
    seeds = iter(config.seed_sequence("network").generate_state(num_layers))

    def initializer() -> Any:  # Keras' default, with a seed: the same seed gives the same network
        return keras.initializers.GlorotUniform(seed=int(next(seeds)))

    dtype = np.dtype(observation_dtype)
    layers: list[Any] = [keras.Input(observation_shape, dtype=dtype.name)]
    if dtype != np.float32:
        layers.append(keras.layers.Rescaling(1 / 255 if dtype == np.uint8 else 1.0))
    if is_picture(observation_shape, dtype):
        layers += picture_layers(observation_shape, config, initializer)
    layers.append(keras.layers.Flatten())
    hidden = config.hidden_sizes[:-1] if config.dueling else config.hidden_sizes
    layers += [keras.layers.Dense(size, activation="relu", kernel_initializer=initializer()) for size in hidden]
    if config.dueling:
        layers.append(DuelingHead(config.hidden_sizes[-1], num_actions, [initializer() for _ in range(4)]))
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
