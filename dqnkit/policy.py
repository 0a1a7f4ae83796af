"""The Q-network's forward pass in NumPy: what an actor runs instead of TensorFlow.

A network is a tuple of layers, each a small record that says what to do; the parameters stand in one flat array in
the order in which Keras lists them. `dqnkit.network_layers.policy_layers` makes the tuple from a Keras model. A test
holds that both give the same Q-values for every network that `dqnkit.networks` can build.

For one observation this takes some microseconds where a compiled TensorFlow call takes some hundred.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dqnkit.errors import DivergedError, InvalidDataError
from dqnkit.types import Array, FloatArray, PolicyWeights

# Normalized observations are cut here. What is seen for the first time may be a thousand deviations away while the
# deviation is that of a few observations, and one such number would move all weights that it meets.
LARGEST_DEVIATION = 10.0


class Rescale(NamedTuple):
    """``x * scale`` in float32: turns bytes into numbers between 0 and 1, and booleans into 0 and 1."""

    scale: float

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """No parameters."""
        return []


class Normalize(NamedTuple):
    """``(x - mean) / deviation`` in float32, cut at `LARGEST_DEVIATION`; the mean and the deviation are parameters."""

    shape: tuple[int, ...]  # of an observation

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Mean and deviation."""
        return [tuple(self.shape)] * 2


class ChannelsLast(NamedTuple):
    """``[B, C, H, W] -> [B, H, W, C]``, also for stacked frames, which become the channels of one picture."""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """No parameters."""
        return []


class AddChannel(NamedTuple):
    """``[B, H, W] -> [B, H, W, 1]``: a grey picture gets its one channel."""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """No parameters."""
        return []


class Flatten(NamedTuple):
    """``[B, ...] -> [B, D]``."""

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """No parameters."""
        return []


class Dense(NamedTuple):
    """``activation(x W + b)`` with W ``[inputs, outputs]``."""

    inputs: int
    outputs: int
    relu: bool

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Kernel and bias."""
        return [(self.inputs, self.outputs), (self.outputs,)]


class Conv(NamedTuple):
    """Convolution without padding, channels last, with kernel ``[size, size, channels, filters]``."""

    size: int
    stride: int
    channels: int
    filters: int
    relu: bool

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Kernel and bias."""
        return [(self.size, self.size, self.channels, self.filters), (self.filters,)]


class Dueling(NamedTuple):
    """Value and advantage streams, each with one hidden layer: ``q = v + a - mean(a)`` (Wang et al., 2016, eq. 9)."""

    inputs: int
    hidden: int
    num_actions: int

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Kernels and biases of the value stream, then of the advantage stream."""
        value = [(self.inputs, self.hidden), (self.hidden,), (self.hidden, 1), (1,)]
        advantage = [(self.inputs, self.hidden), (self.hidden,), (self.hidden, self.num_actions), (self.num_actions,)]
        return [*value, *advantage]


class Expectation(NamedTuple):
    """Logits of N atoms for each action -> the mean of each action's distribution (Bellemare et al., 2017)."""

    num_actions: int
    low: float  # value of the first atom
    high: float  # value of the last atom
    num_atoms: int

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """No parameters."""
        return []


class Dimensions(NamedTuple):
    """``[B, D * N] -> [B, D, N]``: the values of N bins of each of D dimensions (see `dqnkit.action_values`)."""

    dimensions: int
    bins: int

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """No parameters."""
        return []


class JointValues(NamedTuple):
    """``[B, D * N] -> [B, N ** D]``: of each joint action, the mean of the values of its bins (Seyde et al., 2022)."""

    dimensions: int
    bins: int

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """No parameters."""
        return []


Input = Rescale | Normalize | ChannelsLast | AddChannel | Flatten
Layer = Input | Dense | Conv | Dueling | Expectation | Dimensions | JointValues


def q_values(weights: PolicyWeights, observation: Array) -> FloatArray:
    """Action values of a batch of observations.

    Args:
        weights: the network and its parameters.
        observation: ``[B, ...]`` in the environment's own dtype.

    Returns:
        ``[B, A]`` float32, or ``[B, D, N]`` (see `dqnkit.action_values`).

    Raises:
        InvalidDataError: a Q-value is NaN or infinite, because an observation is (in float32).
        DivergedError: a Q-value is NaN or infinite, because of the parameters: argmax would take the first action.
    """
    x = observation
    arrays = iter(weights.arrays)
    with np.errstate(over="ignore", invalid="ignore"):  # a sentence follows, not a warning
        for layer in weights.layers:
            x = _apply(layer, arrays, x)
        if not math.isfinite(np.vdot(x, x)):  # one fast number; it may be infinite where no Q-value is
            _check_finite(x, weights, observation)
    return x


def parameter_shapes(layers: tuple[Layer, ...]) -> list[tuple[int, ...]]:
    """Shapes of all parameters, in Keras' order."""
    return [shape for layer in layers for shape in layer.shapes]


def _check_finite(q: FloatArray, weights: PolicyWeights, observation: Array) -> None:
    if np.isfinite(q).all():
        return
    bad = observation[~np.isfinite(observation.astype(np.float32))]
    if bad.size:
        raise InvalidDataError(
            f"an observation holds {bad[0]}, and every number must be finite in float32. Mend or wrap the environment"
        )
    if not np.isfinite(weights.values).all():
        raise DivergedError("the network's parameters are not finite, so it has no policy: train it anew")
    raise DivergedError(
        f"a Q-value is {q[~np.isfinite(q)][0]}: the observations (up to {np.abs(observation).max():g}) or the "
        "network's parameters are too large. Scale the observations, or lower learning_rate"
    )


def _apply(layer: Layer, arrays: Iterator[FloatArray], x: Array) -> Array:
    match layer:
        case Dense():
            return _dense(x, next(arrays), next(arrays), layer.relu)
        case Rescale():
            return x.astype(np.float32) * np.float32(layer.scale)
        case Normalize():
            x = (x.astype(np.float32) - next(arrays)) / next(arrays)
            return np.clip(x, -LARGEST_DEVIATION, LARGEST_DEVIATION)
        case ChannelsLast():
            return np.moveaxis(x, 1, -1)
        case AddChannel():
            return x[..., None]
        case Flatten():
            return x.reshape(len(x), -1)
        case Conv():
            return _conv(x, next(arrays), next(arrays), layer)
        case Dueling():
            value = _dense(_dense(x, next(arrays), next(arrays), True), next(arrays), next(arrays), False)  # [B, 1]
            advantage = _dense(_dense(x, next(arrays), next(arrays), True), next(arrays), next(arrays), False)  # [B, A]
            return value + advantage - advantage.mean(axis=1, keepdims=True)
        case Expectation():
            logits = x.reshape(len(x), layer.num_actions, layer.num_atoms)  # [B, A, N]
            weight = np.exp(logits - logits.max(axis=2, keepdims=True))
            atoms = np.linspace(layer.low, layer.high, layer.num_atoms, dtype=np.float32)
            return weight @ atoms / weight.sum(axis=2)
        case Dimensions():
            return x.reshape(len(x), layer.dimensions, layer.bins)
        case JointValues():
            return _sums(np.split(x, layer.dimensions, axis=1)) / np.float32(layer.dimensions)
    raise InvalidDataError(f"the NumPy policy has no layer {layer!r}")


def _dense(x: Array, kernel: FloatArray, bias: FloatArray, relu: bool) -> FloatArray:
    y = x @ kernel
    y += bias
    if relu:
        np.maximum(y, 0, out=y)
    return y


def _sums(values: list[FloatArray]) -> FloatArray:
    """Of D arrays ``[B, N]`` every sum of one number of each, ``[B, N ** D]``, where the last array changes first."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    first, second = _sums(values[:half]), _sums(values[half:])
    return (first[:, :, None] + second[:, None, :]).reshape(len(first), -1)


def _conv(x: Array, kernel: FloatArray, bias: FloatArray, layer: Conv) -> FloatArray:
    """Every patch as one row of a matrix, so that the convolution is one matrix product."""
    patches = sliding_window_view(x, (layer.size, layer.size), axis=(1, 2))  # [B, H', W', C, size, size]
    patches = patches[:, :: layer.stride, :: layer.stride].transpose(0, 1, 2, 4, 5, 3)  # [B, H', W', size, size, C]
    shape = patches.shape[:3]
    y = _dense(patches.reshape(prod(shape), -1), kernel.reshape(-1, layer.filters), bias, layer.relu)
    return y.reshape(*shape, layer.filters)
