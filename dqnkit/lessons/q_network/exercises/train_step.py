"""One training step: TD errors, loss, gradients, optimizer step."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.lessons.q_network.compiled_step import try_compiled
from dqnkit.types import Transition

Model = Any

LEARNING_RATE = 0.1  # of the optimizers in the cases
TYPES = (np.float32, np.int32, np.float32, np.float32, np.float32)  # of a transition's fields


def _case(label: str, how: str, networks: tuple[Any, Any], columns: Any) -> Case:
    """A case: how the step is run, the kernels of the online and the target network, and the batch."""
    batch = Transition._make(np.array(column).astype(kind) for column, kind in zip(columns, TYPES, strict=True))
    return Case(label, (how, networks, batch))


def fixed_cases() -> list[Case]:
    """Observations of two numbers, three actions, and networks without a hidden layer."""
    networks = (
        np.array([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]]),
        np.array([[1.0, 2.0, -1.0], [3.0, 1.0, 0.5]]),
    )
    goes_on = ([1.0, 0.0], 0, 1.0, 0.8, [0.0, 1.0])
    terminated = ([0.0, 1.0], 2, 3.0, 0.0, [1.0, 1.0])
    third = ([-1.0, 0.5], 1, 0.0, 0.8, [0.5, 0.5])

    def case(label: str, how: str, *rows: Any) -> Case:
        return _case(label, how, networks, zip(*rows, strict=True))

    return [
        case("one transition, the episode goes on", "two networks", goes_on),
        case("one transition, the episode terminated", "two networks", terminated),
        case("three transitions with different actions", "two networks", goes_on, terminated, third),
        case("the same network as online and as target", "one network", goes_on, third),
        case("compiled, as in a long run, with Adam", "two networks, compiled, Adam", goes_on, terminated),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: batches and networks of odd sizes, values of every sign, one transition terminated; one with Adam."""
    fresh = []
    for how in ("two networks", "one network", "two networks, compiled, Adam"):
        size, numbers, actions = int(rng.integers(3, 6)), int(rng.integers(2, 4)), int(rng.integers(3, 5))
        discount = rng.uniform(0.3, 0.99, size)
        discount[rng.integers(size)] = 0.0
        columns = (
            rng.normal(size=(size, numbers)),
            rng.permutation(np.arange(size) % actions),
            rng.normal(0, 2, size),
            discount,
            rng.normal(size=(size, numbers)),
        )
        label = "compiled, and with Adam" if how.endswith("Adam") else f"a fresh batch of {size} transitions"
        networks = (rng.normal(size=(numbers, actions)), rng.normal(0, 2, (numbers, actions)))
        fresh.append(_case(label, how, networks, columns))
    return fresh


def observe(step: Any, case: Case) -> Any:
    """The loss that the step returns, and the parameters of both networks after it."""
    from dqnkit.backend import keras, tf

    how, (online_kernel, target_kernel), batch = case.arguments
    online = _network(online_kernel)
    target = online if how == "one network" else _network(target_kernel)
    optimizer = (keras.optimizers.Adam if how.endswith("Adam") else keras.optimizers.SGD)(LEARNING_RATE)
    optimizer.build(online.trainable_variables)

    def run(*batch: Any) -> Any:
        return step(online, target, optimizer, Transition(*batch))

    tensors = [tf.constant(values) for values in batch]
    loss = try_compiled(run, *tensors) if "compiled" in how else run(*tensors)
    if loss is None:
        return None
    names = {"online": online} if target is online else {"online": online, "target": target}
    weights = {f"{name} weights after the step": network.get_weights()[0] for name, network in names.items()}
    return {"loss": loss, **weights}


def _network(kernel: Any) -> Model:
    """A linear Q-network without bias: observations ``[B, n]`` times ``kernel [n, A]``."""
    from dqnkit.backend import keras

    numbers, actions = kernel.shape
    network = keras.Sequential([keras.Input((numbers,)), keras.layers.Dense(actions, use_bias=False)])
    network.set_weights([kernel])
    return network


EXERCISE = Exercise(
    name="train_step",
    signature="(online, target, optimizer, batch) -> loss",
    minutes=10,
    difficulty=3,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "Four parts, in this order: the targets y, from `target` and the batch; inside the tape the values of the "
        "actions taken, from `online`, and the loss; outside it the gradients and the optimizer's step.",
        "The targets, `[B]`: `tf.stop_gradient(td_target(batch.reward, batch.discount, "
        "target(batch.next_observation)))`.",
        "The values of the actions taken, `[B]`: `taken = q_taken(online(batch.observation), batch.action)`.",
        "The loss: `tf.reduce_mean(0.5 * (y - taken) ** 2)`. Then `tape.gradient(loss, online.trainable_variables)` "
        "and `optimizer.apply(gradients, online.trainable_variables)`. Return the loss.",
    ],
    observe=observe,
)
