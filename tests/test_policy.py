"""The NumPy policy equals Keras, for every network that dqnkit.networks can build."""

from __future__ import annotations

import pickle
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from gymnasium.spaces import Box, MultiBinary, Space

from dqnkit import policy
from dqnkit.actor_priorities import TD_ERRORS_AT_ONCE, td_errors
from dqnkit.config import DQNConfig
from dqnkit.errors import InvalidDataError, UnknownLayerError
from dqnkit.network_layers import Expectation, PatchConv2D, policy_layers
from dqnkit.networks import build_q_network, flat_parameters
from dqnkit.policy import Dense, Flatten, q_values
from dqnkit.types import Array, PolicyWeights, Transition

NUM_ACTIONS = 3
TWO_CONVOLUTIONS = {"conv_filters": (4, 6), "conv_sizes": (4, 3), "conv_strides": (2, 1)}
# name: observation shape, dtype, settings; with "high", the bounds are 0 and that, else the widest of the type
NETWORKS: dict[str, tuple[tuple[int, ...], str, dict[str, Any]]] = {
    "vector": ((4,), "float32", {}),
    "vector, one layer": ((4,), "float32", {"hidden_sizes": (7,)}),
    "vector, three layers": ((4,), "float32", {"hidden_sizes": (7, 5, 6)}),
    "vector, normalized": ((4,), "float32", {"normalize_observations": True}),
    "vector, float64, normalized": ((4,), "float64", {"normalize_observations": True}),
    "matrix, normalized": ((3, 4), "float32", {"normalize_observations": True}),
    "vector, float64": ((4,), "float64", {}),
    "vector, bytes": ((4,), "uint8", {}),
    "vector, small bytes": ((4,), "uint8", {"high": 4}),
    "vector, integers": ((4,), "int64", {}),
    "vector, floats like bytes": ((4,), "float32", {"high": 255}),
    "vector, MultiBinary": ((4,), "int8", {}),
    "stacked vectors, normalized": ((3, 4), "float32", {"frame_stack": 3, "normalize_observations": True}),
    "stacked vectors": ((3, 4), "float32", {"frame_stack": 3}),
    "stacked vectors of bytes": ((3, 8), "uint8", {"frame_stack": 3}),
    "picture without channels": ((6, 5), "uint8", {}),
    "picture": ((8, 7, 2), "uint8", {}),
    "picture of booleans": ((10, 10, 4), "bool", {}),
    "picture of floats": ((8, 7, 2), "float32", {}),
    "picture of floats to 255": ((8, 7, 2), "float32", {"high": 255}),
    "picture of floats to 1": ((8, 7, 2), "float32", {"high": 1}),
    "picture of 16 bits": ((8, 7, 2), "uint16", {}),
    "picture of few colours": ((8, 7, 2), "uint8", {"high": 10}),
    "picture, channels first": ((3, 8, 7), "uint8", {}),
    "picture, two convolutions": ((11, 9, 2), "uint8", TWO_CONVOLUTIONS),
    "stacked pictures": ((3, 9, 8), "uint8", {"frame_stack": 3}),
    "stacked pictures, two convolutions": ((2, 11, 9), "uint8", {"frame_stack": 2, **TWO_CONVOLUTIONS}),
}


def space_of(shape: tuple[int, ...], dtype: str, high: float | None = None) -> Space[Any]:
    if dtype == "int8":
        return MultiBinary(shape)
    if high is not None or dtype == "bool":
        return Box(0, 1 if high is None else high, shape, np.dtype(dtype).type)
    if dtype.startswith("float"):
        return Box(-np.inf, np.inf, shape, np.dtype(dtype).type)
    return Box(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, np.dtype(dtype).type)


def make_network(name: str, **settings: Any) -> keras.Model:
    shape, dtype, own = NETWORKS[name]
    space, own = space_of(shape, dtype, own.get("high")), {key: own[key] for key in own if key != "high"}
    network = build_q_network(space, NUM_ACTIONS, DQNConfig(**{"hidden_sizes": (8, 6), **own, **settings}))
    rng = np.random.default_rng(1)  # biases begin at 0, where a wrong one would not be noticed
    network.set_weights([rng.normal(size=weights.shape, scale=0.3) for weights in network.get_weights()])
    return network


def make_observations(name: str, rng: np.random.Generator, count: int = 5) -> Array:
    shape, dtype, own = NETWORKS[name]
    if "high" in own:
        return (rng.random((count, *shape)) * own["high"]).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        return rng.normal(size=(count, *shape)).astype(dtype)
    return rng.integers(0, {"bool": 2, "int8": 2}.get(dtype, 200), (count, *shape)).astype(dtype)


def as_policy(network: keras.Model) -> PolicyWeights:
    return PolicyWeights(0, policy_layers(network), flat_parameters(network))


@pytest.mark.parametrize("xla", [True, False], ids=["patches", "convolution"])
@pytest.mark.parametrize("dueling", [False, True], ids=["plain", "dueling"])
@pytest.mark.parametrize("name", NETWORKS)
def test_equals_keras(name: str, dueling: bool, xla: bool, rng: np.random.Generator) -> None:
    network = make_network(name, dueling=dueling, xla=xla)
    observations = make_observations(name, rng)
    ours = q_values(as_policy(network), observations)
    assert ours.shape == (5, NUM_ACTIONS)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, network(observations).numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_the_expectation_over_atoms_equals_keras(scale: float, rng: np.random.Generator) -> None:
    network = build_q_network(space_of((4,), "float32"), NUM_ACTIONS * 11, DQNConfig())
    network.add(Expectation(NUM_ACTIONS, -2.0, 3.0, 11))
    observations = (scale * rng.normal(size=(5, 4))).astype(np.float32)
    ours = q_values(as_policy(network), observations)
    assert ours.shape == (5, NUM_ACTIONS)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, network(observations), rtol=1e-4, atol=1e-4)


def test_the_expectation_by_hand() -> None:
    weights = PolicyWeights(0, (policy.Expectation(2, 0.0, 10.0, 3),), np.empty(0, np.float32))
    logits = np.log([[1.0, 1.0, 2.0, 3.0, 1.0, 0.0001]]).astype(np.float32)  # atoms 0, 5, 10
    np.testing.assert_allclose(q_values(weights, logits), [[(5 + 2 * 10) / 4, 5 / 4]], rtol=1e-3)


@pytest.mark.parametrize(
    ("shape", "dtype", "settings"),
    [((4,), "float32", {}), ((8, 7, 2), "uint8", {}), ((3, 9, 8), "uint8", {"frame_stack": 3})],
)
def test_one_observation_gives_what_it_gives_in_a_batch(
    shape: tuple[int, ...], dtype: str, settings: dict[str, Any], rng: np.random.Generator
) -> None:
    weights = as_policy(build_q_network(space_of(shape, dtype), NUM_ACTIONS, DQNConfig(**settings)))
    observations = rng.integers(0, 200, (6, *shape)).astype(dtype)
    alone = np.concatenate([q_values(weights, observation[None]) for observation in observations])
    np.testing.assert_allclose(alone, q_values(weights, observations), rtol=1e-4, atol=1e-4)


def test_the_observation_is_left_as_it_was(rng: np.random.Generator) -> None:
    observations = make_observations("picture", rng)
    before = observations.copy()
    q_values(as_policy(make_network("picture")), observations)
    np.testing.assert_array_equal(observations, before)


@pytest.mark.parametrize("name", ["vector", "picture, two convolutions", "stacked pictures"])
@pytest.mark.parametrize("dueling", [False, True])
def test_arrays_are_views_in_the_order_of_keras(name: str, dueling: bool) -> None:
    network = make_network(name, dueling=dueling)
    weights = as_policy(network)
    arrays = weights.arrays
    for ours, theirs in zip(arrays, network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert np.shares_memory(ours, weights.values)
    assert sum(array.size for array in arrays) == weights.values.size


def test_weights_travel_as_one_array() -> None:
    weights = as_policy(make_network("vector"))
    before = len(pickle.dumps(weights))
    assert weights.arrays  # views, kept after the first access
    assert len(pickle.dumps(weights)) == before
    again = pickle.loads(pickle.dumps(weights))
    np.testing.assert_array_equal(again.arrays[0], weights.arrays[0])


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (2, 1), (3, 1), (3, 2), (4, 2), (5, 3)])
@pytest.mark.parametrize("compiled", [False, True])
def test_patches_equal_the_convolution_in_value_and_gradient(
    size: int, stride: int, compiled: bool, rng: np.random.Generator
) -> None:
    inputs = tf.constant(rng.normal(size=(2, 9, 8, 3)), tf.float32)
    patches, convolution = (kind(4, size, stride, activation="relu") for kind in (PatchConv2D, keras.layers.Conv2D))
    convolution.build(inputs.shape)
    patches.build(inputs.shape)
    convolution.set_weights([rng.normal(size=weights.shape) for weights in convolution.get_weights()])
    patches.set_weights(convolution.get_weights())

    def value_and_gradients(layer: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = layer(inputs)
            total = tf.reduce_sum(tf.sin(value))
        return [value, *tape.gradient(total, [inputs, *(variable.value for variable in layer.weights)])]

    compute = tf.function(value_and_gradients, jit_compile=True) if compiled else value_and_gradients
    for ours, theirs in zip(compute(patches), value_and_gradients(convolution), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


def unknown_layers() -> dict[str, tuple[list[Any], str]]:
    layers = keras.layers
    picture = keras.Input((8, 8, 2))
    return {
        "layer": ([keras.Input((4,)), layers.LayerNormalization()], "LayerNormalization"),
        "dropout": ([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.5)], "Dropout"),
        "activation": ([keras.Input((4,)), layers.Dense(3, activation="tanh", name="mine")], "activation tanh of mine"),
        "no bias": ([keras.Input((4,)), layers.Dense(3, use_bias=False)], "each with a bias"),
        "padding": ([picture, layers.Conv2D(2, 3, padding="same")], "Conv2D"),
        "not square": ([picture, layers.Conv2D(2, (3, 2))], "Conv2D"),
        "uneven strides": ([picture, layers.Conv2D(2, 3, strides=(1, 2))], "Conv2D"),
        "dilation": ([picture, layers.Conv2D(2, 3, dilation_rate=2)], "Conv2D"),
        "groups": ([picture, layers.Conv2D(2, 3, groups=2)], "Conv2D"),
        "channels first": ([keras.Input((2, 8, 8)), layers.Conv2D(2, 3, data_format="channels_first")], "Conv2D"),
        "pooling": ([picture, layers.MaxPooling2D()], "MaxPooling2D"),
        "other permutation": ([picture, layers.Permute((2, 1, 3))], "Permute"),
        "offset": ([picture, layers.Rescaling(1.0, offset=-1.0)], "Rescaling"),
    }


@pytest.mark.parametrize("case", unknown_layers())
def test_unknown_layers_are_refused_by_name(case: str) -> None:
    layers, message = unknown_layers()[case]
    with pytest.raises(UnknownLayerError, match=message):
        policy_layers(keras.Sequential(layers))


def test_unknown_layers_are_refused_by_the_policy_too() -> None:
    class Nonsense(NamedTuple):
        shapes: tuple[tuple[int, ...], ...] = ()

    with pytest.raises(InvalidDataError, match="the NumPy policy has no layer Nonsense"):
        q_values(PolicyWeights(0, (Nonsense(),), np.empty(0, np.float32)), np.zeros((1, 2)))


def test_q_values_by_hand() -> None:
    layers = (Flatten(), Dense(2, 2, True), Dense(2, 1, False))
    values = np.array([1, -1, 2, 0.5, 0.5, -3, 10, 100, 7], np.float32)
    # relu([1 + 4 + 0.5, -1 + 1 - 3]) = [5.5, 0]; 5.5 * 10 + 0 * 100 + 7
    np.testing.assert_allclose(q_values(PolicyWeights(0, layers, values), np.array([[1.0, 2.0]], np.float32)), [[62.0]])


def hand_made() -> tuple[PolicyWeights, Transition]:
    """Q(s, 0) = s, Q(s, 1) = 2 s + 1; two transitions repeated many times, the second one terminated."""
    weights = PolicyWeights(0, (Dense(1, 2, False),), np.array([1, 2, 0, 1], np.float32))
    transitions = Transition(
        observation=np.array([[1.0], [2.0]], np.float32),
        action=np.array([0, 1], np.int32),
        reward=np.array([0.5, -1.0], np.float32),
        discount=np.array([0.9, 0.0], np.float32),
        next_observation=np.array([[3.0], [100.0]], np.float32),
    )
    return weights, transitions


def test_td_errors_by_hand() -> None:
    weights, transitions = hand_made()
    # 0.5 + 0.9 * max(3, 7) - 1, and -1 - (2 * 2 + 1)
    np.testing.assert_allclose(td_errors(weights, transitions), [5.8, -6.0], rtol=1e-6)
    many = Transition._make(np.concatenate([values] * TD_ERRORS_AT_ONCE) for values in transitions)
    np.testing.assert_allclose(td_errors(weights, many), [5.8, -6.0] * TD_ERRORS_AT_ONCE, rtol=1e-6)
    none = Transition._make(values[:0] for values in transitions)
    assert td_errors(weights, none).shape == (0,)


def test_td_errors_of_stacked_frames_are_those_of_whole_stacks(rng: np.random.Generator) -> None:
    model = build_q_network(space_of((2, 4, 5), "uint8"), 3, DQNConfig(frame_stack=2, hidden_sizes=(8,)))
    weights = PolicyWeights(0, policy_layers(model), flat_parameters(model))
    frames = rng.integers(0, 256, (9, 4, 5), dtype=np.uint8)
    places = Transition(
        observation=rng.integers(0, 9, (6, 2)).astype(np.int32),
        action=rng.integers(0, 3, 6).astype(np.int32),
        reward=rng.normal(size=6).astype(np.float32),
        discount=np.full(6, 0.9, np.float32),
        next_observation=rng.integers(0, 9, (6, 2)).astype(np.int32),
    )
    whole = places._replace(observation=frames[places.observation], next_observation=frames[places.next_observation])
    np.testing.assert_array_equal(td_errors(weights, places, frames), td_errors(weights, whole))
