"""The Q-network that replaces the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """The sizes of the grid world and of CartPole; they differ, so that swapped sizes are noticed."""
    return [
        Case("a grid world: an observation of 2 numbers, 4 actions", (2, 4)),
        Case("CartPole: an observation of 4 numbers, 2 actions", (4, 2)),
    ]


def observe(build: Any, case: Case) -> Any:
    """The shapes of the network's parameters, and its Q-values when the parameters are set to fixed values."""
    observation_size = case.arguments[0]
    network = build(*case.arguments)
    if not hasattr(network, "get_weights"):
        return network
    parameters = network.get_weights()
    shapes = [tuple(values.shape) for values in parameters]
    seen: dict[str, Any] = {"shapes of the parameters": str(shapes).replace("[]", "none: the network is not built")}
    if parameters and shapes[0][0] == observation_size:
        rng = np.random.default_rng(0)
        network.set_weights([rng.normal(size=shape) / np.sqrt(shape[0]) for shape in shapes])
        observation = np.linspace(-1, 1, 3 * observation_size, dtype=np.float32).reshape(3, observation_size)
        seen["Q-values with fixed parameters"] = np.asarray(network(observation))
    return seen


EXERCISE = Exercise(
    name="q_network",
    signature="q_network(observation_size, num_actions) -> keras.Model",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    hints=[
        "`keras.Sequential([...])` takes a list of layers, one fed by the other. The first entry says what comes in: "
        "`keras.Input((observation_size,))`, without the batch axis.",
        "A hidden layer is `keras.layers.Dense(64, activation='relu')`. Two of these.",
        "The last layer has as many units as there are actions, and no activation: a Q-value is a return and may have "
        "any size and sign.",
    ],
    observe=observe,
)
