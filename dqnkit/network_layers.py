"""Layers for pictures and for variants of DQN, and what the NumPy policy must compute for a network of Keras layers.

A first reading can skip this file: a network of dense layers needs none of these layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dqnkit import policy
from dqnkit.action_values import MOST_JOINT_VALUES, dimensions_of
from dqnkit.backend import keras, tf
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError, EnvironmentNotSupportedError, UnknownLayerError
from dqnkit.observations import Observations
from dqnkit.types import FloatArray

Tensor = Any


def picture_layers(seen: Observations, config: DQNConfig, initializer: Callable[[], Any]) -> list[Any]:
    """The convolutions of a Q-network for pictures; before them, what brings the axes into the order ``[H, W, C]``.

    Args:
        seen: pictures.
        config: ``xla``, and filters, sizes and strides of the convolutions.
        initializer: makes the initializer of each kernel.

    Raises:
        EnvironmentNotSupportedError: the picture is too small for the convolutions.
    """
    _check_picture(seen, config)
    layers: list[Any] = []
    if seen.channels_first:
        layers.append(keras.layers.Permute((2, 3, 1)))  # [C, H, W] -> [H, W, C]
    elif len(seen.shape) == 2:
        layers.append(keras.layers.Reshape((*seen.shape, 1)))  # [H, W] -> [H, W, 1]
    convolution = PatchConv2D if config.xla else keras.layers.Conv2D
    for filters, size, stride in zip(config.conv_filters, config.conv_sizes, config.conv_strides, strict=True):
        layers.append(convolution(filters, size, stride, activation="relu", kernel_initializer=initializer()))
    return layers


class Normalization(keras.layers.Layer):
    """The first layer of a network with normalized observations: ``(x - mean) / deviation``, cut at 10 deviations.

    Mean and deviation are variables that no gradient changes; `set` gives them their values. As variables of the
    network they go wherever its weights go: to actors, and into checkpoints.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Begin with the mean 0 and the deviation 1, which leave observations as they are."""
        shape = tuple(input_shape[1:])
        self.mean = self.add_weight(name="mean", shape=shape, initializer="zeros", trainable=False)
        self.deviation = self.add_weight(name="deviation", shape=shape, initializer="ones", trainable=False)

    def call(self, inputs: Tensor) -> Tensor:
        """``[B, ...] -> [B, ...]``."""
        normalized = (tf.cast(inputs, tf.float32) - self.mean) / self.deviation
        return tf.clip_by_value(normalized, -policy.LARGEST_DEVIATION, policy.LARGEST_DEVIATION)

    def set(self, mean: FloatArray, deviation: FloatArray) -> None:
        """Give both new values, each in the shape of an observation."""
        self.mean.assign(mean)
        self.deviation.assign(deviation)


class PatchConv2D(keras.layers.Conv2D):
    """The same convolution, written as patches and one matrix product.

    XLA on a CPU compiles the gradient of a convolution badly (about five times slower than without XLA), that of a
    matrix product well; see `tests/benchmarks`.
    """

    def call(self, inputs: Tensor) -> Tensor:
        """``[B, H, W, C] -> [B, H', W', filters]``."""
        size, stride = self.kernel_size[0], self.strides[0]
        height = (inputs.shape[1] - size) // stride + 1
        width = (inputs.shape[2] - size) // stride + 1
        rows = [slice(first, first + stride * (height - 1) + 1, stride) for first in range(size)]
        columns = [slice(first, first + stride * (width - 1) + 1, stride) for first in range(size)]
        shifted = [inputs[:, row, column] for row in rows for column in columns]  # each [B, H', W', C]
        patches = tf.concat(shifted, axis=-1)  # [B, H', W', size * size * C]
        kernel = tf.reshape(self.kernel, [-1, self.filters])
        outputs = tf.reshape(patches, [-1, kernel.shape[0]]) @ kernel + self.bias
        return self.activation(tf.reshape(outputs, [-1, height, width, self.filters]))


class DuelingHead(keras.layers.Layer):
    """Value and advantage streams, ``q = v + a - mean(a)`` (Wang et al., 2016, eq. 9), each with one hidden layer."""

    def __init__(self, hidden: int, num_actions: int, initializers: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        names = ("value_hidden", "value", "advantage_hidden", "advantage")
        sizes = (hidden, 1, hidden, num_actions)
        self.hidden, self.num_actions = hidden, num_actions
        self.streams = [
            keras.layers.Dense(
                size, activation="relu" if "hidden" in name else None, kernel_initializer=initializer, name=name
            )
            for name, size, initializer in zip(names, sizes, initializers, strict=True)
        ]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the variables of the streams in a fixed order."""
        hidden_shape = (*input_shape[:-1], self.hidden)
        for stream, shape in zip(self.streams, (input_shape, hidden_shape) * 2, strict=True):
            stream.build(shape)

    def call(self, inputs: Tensor) -> Tensor:
        """``[B, D] -> [B, A]``."""
        value_hidden, value, advantage_hidden, advantage = self.streams
        a = advantage(advantage_hidden(inputs))  # [B, A]
        return value(value_hidden(inputs)) + a - tf.reduce_mean(a, axis=1, keepdims=True)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """``[B, A]``."""
        return (input_shape[0], self.num_actions)


class Expectation(keras.layers.Layer):
    """The last layer of a categorical DQN: Q-values are the means of distributions (Bellemare et al., 2017).

    Args:
        num_actions: A.
        low, high: values of the first and the last of the N atoms.
        num_atoms: N, at equal distances.
    """

    def __init__(self, num_actions: int, low: float, high: float, num_atoms: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_actions, self.low, self.high, self.num_atoms = num_actions, low, high, num_atoms

    def call(self, inputs: Tensor) -> Tensor:
        """Logits of all atoms ``[B, A * N]`` -> Q-values ``[B, A]``."""
        probabilities = tf.nn.softmax(tf.reshape(inputs, [-1, self.num_actions, self.num_atoms]))  # [B, A, N]
        return tf.reduce_sum(probabilities * tf.linspace(self.low, self.high, self.num_atoms), axis=2)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """``[B, A]``."""
        return (input_shape[0], self.num_actions)


class JointValues(keras.layers.Layer):
    """The last layer of a decoupled network: the value of an action is the mean of the values of its bins.

    It is a dense layer with the fixed kernel ``[D * N, N ** D]`` of 1 / D where the bin takes part in the action and of
    0 elsewhere, written as sums, so that there is no kernel to multiply with, to send to actors or to keep.

    Args:
        dimensions: D.
        bins: N of each dimension.
    """

    def __init__(self, dimensions: int, bins: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dimensions, self.bins = dimensions, bins

    def call(self, inputs: Tensor) -> Tensor:
        """Values of all bins ``[B, D * N]`` -> Q-values ``[B, N ** D]`` in the order of `dqnkit.action_bins`."""
        return _sums(tf.split(inputs, self.dimensions, axis=1)) / self.dimensions

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """``[B, N ** D]``."""
        return (input_shape[0], self.bins**self.dimensions)


def _sums(values: list[Tensor]) -> Tensor:
    """Of D tensors ``[B, N]`` every sum of one number of each, ``[B, N ** D]``, where the last tensor changes first.

    In halves, because long rows are added faster than many short ones.
    """
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    first, second = _sums(values[:half]), _sums(values[half:])
    return tf.reshape(first[:, :, None] + second[:, None, :], [-1, first.shape[1] * second.shape[1]])


def decoupled_head(num_actions: int, bins: int, initializer: Any) -> list[Any]:
    """The last layers of a decoupled network (Seyde et al., 2022): a value of each bin, and of each action their mean.

    The outputs are Q-values ``[B, A]``; with more than `MOST_JOINT_VALUES` actions ``[B, D, N]``, see
    `dqnkit.action_values`.

    Raises:
        ConfigError: there are not ``bins ** D`` actions.
    """
    dimensions = dimensions_of(num_actions, bins)
    if not dimensions:
        raise ConfigError(
            f"a decoupled network is for action_bins ** dimensions actions, and {num_actions:,} is no power of {bins}: "
            "set decoupled to False"
        )
    is_small = num_actions <= MOST_JOINT_VALUES
    last = JointValues(dimensions, bins) if is_small else keras.layers.Reshape((dimensions, bins))
    return [keras.layers.Dense(dimensions * bins, kernel_initializer=initializer), last]


def policy_layers(network: keras.Model) -> tuple[policy.Layer, ...]:
    """What `dqnkit.policy.q_values` must compute for this network.

    Raises:
        UnknownLayerError: a layer, a way of using it or a precision that the NumPy policy does not know.
    """
    layers: list[policy.Layer] = []
    for layer in network.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            if layer.compute_dtype != "float32":
                raise UnknownLayerError(
                    f"the layer {layer.name} computes in {layer.compute_dtype}, and the NumPy policy in float32: make "
                    "it with dtype='float32', or call keras.config.set_dtype_policy('float32') before"
                )
            layers.append(_policy_layer(layer))
    shapes = [tuple(variable.shape) for variable in network.weights]
    if shapes != policy.parameter_shapes(tuple(layers)):
        raise UnknownLayerError(
            f"the parameters of the network have the shapes {shapes}, which its layers {layers} do not explain: "
            "the NumPy policy takes one layer after the other, each with a bias"
        )
    return tuple(layers)


def _policy_layer(layer: Any) -> policy.Layer:
    match layer:
        case DuelingHead():
            return policy.Dueling(int(layer.streams[0].kernel.shape[0]), layer.hidden, layer.num_actions)
        case Normalization():
            return policy.Normalize(tuple(layer.mean.shape))
        case Expectation():
            return policy.Expectation(layer.num_actions, layer.low, layer.high, layer.num_atoms)
        case keras.layers.Dense():
            inputs, outputs = layer.kernel.shape
            return policy.Dense(int(inputs), int(outputs), _is_relu(layer))
        case keras.layers.Conv2D() if _is_plain_convolution(layer):
            channels = int(layer.kernel.shape[2])
            return policy.Conv(layer.kernel_size[0], layer.strides[0], channels, layer.filters, _is_relu(layer))
        case keras.layers.Flatten():
            return policy.Flatten()
        case keras.layers.Reshape() if tuple(layer.target_shape)[2:] == (1,):
            return policy.AddChannel()
        case keras.layers.Reshape() if len(layer.target_shape) == 2:
            return policy.Dimensions(*layer.target_shape)
        case JointValues():
            return policy.JointValues(layer.dimensions, layer.bins)
        case keras.layers.Permute() if tuple(layer.dims) == (2, 3, 1):
            return policy.ChannelsLast()
        case keras.layers.Rescaling() if layer.offset == 0:
            return policy.Rescale(float(layer.scale))
    raise UnknownLayerError(
        f"the NumPy policy does not know the layer {type(layer).__name__} ({layer.name}); it knows Dense and Conv2D "
        "(relu or no activation; square, no padding, dilation or groups), Flatten, Rescaling, Normalization, "
        "DuelingHead, Expectation and JointValues"
    )


def _is_plain_convolution(layer: Any) -> bool:
    square = len(set(layer.kernel_size)) == 1 and len(set(layer.strides)) == 1
    ordinary = layer.padding == "valid" and layer.groups == 1 and set(layer.dilation_rate) == {1}
    return square and ordinary and layer.data_format == "channels_last"


def _is_relu(layer: Any) -> bool:
    if layer.activation not in (keras.activations.relu, keras.activations.linear):
        raise UnknownLayerError(
            f"the NumPy policy does not know the activation {layer.activation.__name__} of {layer.name}: use relu"
        )
    return layer.activation is keras.activations.relu


def _check_picture(seen: Observations, config: DQNConfig) -> None:
    for side in seen.picture_shape[:2]:
        for size, stride in zip(config.conv_sizes, config.conv_strides, strict=True):
            if side < size:
                raise EnvironmentNotSupportedError(
                    f"observations of {seen.shape} are too small for convolutions of sizes {config.conv_sizes} "
                    f"and strides {config.conv_strides}: choose smaller ones"
                )
            side = (side - size) // stride + 1
