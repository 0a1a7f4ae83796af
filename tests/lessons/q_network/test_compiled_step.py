"""A reader's training step, compiled: equal to single steps, and an error that names the line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from dqnkit.lessons.q_network.answers.train_step import train_step
from dqnkit.lessons.q_network.compiled_step import COULD_NOT, CannotCompileError, compile_updates, try_compiled
from dqnkit.types import Transition


def small_network() -> Any:
    layers = [keras.Input((2,)), keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(seed=0))]
    return keras.Sequential(layers)


def batches(rng: np.random.Generator, k: int = 4, size: int = 3) -> Transition:
    return Transition(
        observation=rng.normal(size=(k, size, 2)).astype(np.float32),
        action=rng.integers(3, size=(k, size)).astype(np.int32),
        reward=rng.normal(size=(k, size)).astype(np.float32),
        discount=rng.choice([0.0, 0.8], size=(k, size)).astype(np.float32),
        next_observation=rng.normal(size=(k, size, 2)).astype(np.float32),
    )


def test_many_steps_in_one_call_are_the_steps_one_by_one(rng: np.random.Generator) -> None:
    transitions = batches(rng)
    one, many = small_network(), small_network()
    optimizer = keras.optimizers.SGD(0.1)
    expected = [
        float(train_step(one, one, optimizer, Transition._make(tf.constant(values[k]) for values in transitions)))
        for k in range(4)
    ]
    losses = compile_updates(train_step, many, many, keras.optimizers.SGD(0.1))(transitions)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    np.testing.assert_allclose(many.get_weights()[0], one.get_weights()[0], rtol=1e-5)


def test_other_shapes_are_compiled_anew_and_go_on_from_there(rng: np.random.Generator) -> None:
    network = small_network()
    update = compile_updates(train_step, network, network, keras.optimizers.Adam(0.01), xla=False)
    assert update(batches(rng, 4, 3)).shape == (4,)
    before = network.get_weights()[0]
    assert update(batches(rng, 2, 5)).shape == (2,)
    assert np.abs(network.get_weights()[0] - before).max() > 0


def reads_a_value(online: Any, target: Any, optimizer: Any, batch: Transition) -> Any:
    loss = tf.reduce_mean(online(batch.observation))
    return loss.numpy()


def makes_a_float(online: Any, target: Any, optimizer: Any, batch: Transition) -> Any:
    loss = tf.reduce_mean(online(batch.observation))
    return float(loss)


def branches(online: Any, target: Any, optimizer: Any, batch: Transition) -> Any:
    loss = tf.reduce_mean(online(batch.observation))
    if loss > 1:
        loss = loss / 2
    return loss


def uses_numpy(online: Any, target: Any, optimizer: Any, batch: Transition) -> Any:
    return np.mean(online(batch.observation))


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (reads_a_value, "return loss.numpy()"),
        (makes_a_float, "return float(loss)"),
        (branches, "if loss > 1:"),
        (uses_numpy, "return np.mean(online(batch.observation))"),
    ],
)
def test_a_step_that_cannot_be_compiled_is_named_with_its_line(
    step: Callable[..., Any], line: str, rng: np.random.Generator
) -> None:
    network = small_network()
    with pytest.raises(CannotCompileError) as error:
        compile_updates(step, network, network, keras.optimizers.SGD(0.1))(batches(rng))
    assert step.__name__ in str(error.value)
    assert f"`{line}`" in str(error.value)
    assert "compiles" in str(error.value)


def test_what_a_compiled_function_returns_is_as_without_compiling() -> None:
    found = try_compiled(lambda x: {"sum": tf.reduce_sum(x), "words": "none", "nothing": None}, tf.constant([1.0, 2.0]))
    assert float(found.pop("sum")) == 3.0
    assert found == {"words": "none", "nothing": None}


def test_what_cannot_be_compiled_is_said_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    def largest(x: Any) -> Any:
        return x.numpy().max()

    assert try_compiled(largest, tf.constant([1.0, 2.0])) == COULD_NOT
    assert "largest cannot be compiled. Line" in (printed := capsys.readouterr().out)
    assert "`return x.numpy().max()`" in printed
