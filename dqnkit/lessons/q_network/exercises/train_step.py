"""One training step: TD errors, loss, gradients, optimizer step."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.lessons.q_network.compiled_step import compile_updates
from dqnkit.types import Transition

Model = Any


LEARNING_RATE = 0.1  # of the gradient descent in the cases


def fixed_cases() -> list[Case]:
    """Observations of two numbers, three actions, and networks without a hidden layer."""

    def case(label: str, networks: str, rows: list[tuple[list[float], int, float, float, list[float]]]) -> Case:
        observation, action, reward, discount, next_observation = (
            np.array(column) for column in zip(*rows, strict=True)
        )
        batch = Transition(observation, action, reward, discount, next_observation)
        types = (np.float32, np.int32, np.float32, np.float32, np.float32)
        return Case(label, (networks, Transition._make(x.astype(t) for x, t in zip(batch, types, strict=True))))

    goes_on = ([1.0, 0.0], 0, 1.0, 0.8, [0.0, 1.0])
    terminated = ([0.0, 1.0], 2, 3.0, 0.0, [1.0, 1.0])
    third = ([-1.0, 0.5], 1, 0.0, 0.8, [0.5, 0.5])
    return [
        case("one transition, the episode goes on", "two networks", [goes_on]),
        case("one transition, the episode terminated", "two networks", [terminated]),
        case("three transitions with different actions", "two networks", [goes_on, terminated, third]),
        case("the same network as online and as target", "one network", [goes_on, third]),
        case("compiled, as in a long run", "two networks, compiled", [goes_on, terminated]),
    ]


def observe(step: Any, case: Case) -> Any:
    """The loss that the step returns, and the parameters of both networks after it."""
    from dqnkit.backend import keras, tf

    networks, batch = case.arguments
    online = _network(np.array([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]]))
    target = online if networks == "one network" else _network(np.array([[1.0, 2.0, -1.0], [3.0, 1.0, 0.5]]))
    optimizer = keras.optimizers.SGD(LEARNING_RATE)
    optimizer.build(online.trainable_variables)
    if networks.endswith("compiled"):
        losses = compile_updates(step, online, target, optimizer, xla=False)
        loss = losses(Transition._make(values[None] for values in batch))[0]
    else:
        loss = step(online, target, optimizer, Transition._make(map(tf.constant, batch)))
    if loss is None:
        return None
    names = {"online": online} if target is online else {"online": online, "target": target}
    weights = {f"{name} weights after the step": network.get_weights()[0] for name, network in names.items()}
    return {"loss": loss, **weights}


def _network(kernel: Any) -> Model:
    """A linear Q-network without bias: observations ``[B, 2]`` times ``kernel [2, 3]``."""
    from dqnkit.backend import keras

    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, use_bias=False)])
    network.set_weights([kernel])
    return network


EXERCISE = Exercise(
    name="train_step",
    signature="train_step(online, target, optimizer, batch) -> loss",
    minutes=12,
    difficulty=3,
    fixed_cases=fixed_cases,
    hints=[
        "Four parts, in this order: the targets y, from `target` and the batch; inside the tape the values Q(s, a) of "
        "the actions taken, from `online`, and the loss; outside it the gradients and the optimizer's step.",
        "The targets: `tf.stop_gradient(td_target(batch.reward, batch.discount, target(batch.next_observation)))`, of "
        "shape [B].",
        "The values of the actions taken: `tf.gather(online(batch.observation), batch.action, axis=1, batch_dims=1)`, "
        "[B]. Without batch_dims it would be [B, B].",
        "The loss: `tf.reduce_mean(0.5 * (y - q_taken) ** 2)`. Then `tape.gradient(loss, online.trainable_variables)` "
        "and `optimizer.apply(gradients, online.trainable_variables)`. Return the loss.",
    ],
    observe=observe,
)
