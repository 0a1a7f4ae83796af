"""The Q-network that replaces the table."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise

Model = Any


def fixed_cases() -> list[Case]:
    """The sizes of the grid world and of CartPole; they differ, so that swapped sizes are noticed."""
    return [
        Case("a grid world: an observation of 2 numbers, 4 actions", (2, 4, "two networks")),
        Case("CartPole: an observation of 4 numbers, 2 actions", (4, 2, "one network")),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: other sizes, again two that differ."""
    fresh = []
    for how in ("one network", "two networks"):
        num_actions = int(rng.integers(2, 7))
        size = num_actions + int(rng.integers(1, 5))
        fresh.append(Case(f"an observation of {size} numbers, {num_actions} actions", (size, num_actions, how)))
    return fresh


def observe(build: Any, case: Case) -> Any:
    """What can be told of the network that is built.

    The shapes of its parameters, its Q-values when they are set to fixed values, and whether it gives the same while it
    trains. Where two networks are built, also whether their parameters begin at random, and are their own.
    """
    observation_size, num_actions, how = case.arguments
    network = build(observation_size, num_actions)
    if not hasattr(network, "get_weights"):
        return network
    parameters = network.get_weights()
    shapes = [tuple(int(size) for size in values.shape) for values in parameters]
    if not parameters or shapes[0][0] != observation_size:
        return {"shapes of the parameters": str(shapes) if shapes else "none: the network is not built"}
    seen: dict[str, Any] = {"shapes of the parameters": str(shapes)}
    second = build(observation_size, num_actions) if how == "two networks" else None
    if second is not None:
        seen["weights at the beginning"] = _beginning(parameters, second.get_weights())
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(size=shape) / np.sqrt(shape[0]) for shape in shapes])
    observations = np.linspace(-1, 1, 3 * observation_size, dtype=np.float32).reshape(3, observation_size)
    values = np.asarray(network(observations))
    while_it_trains = np.asarray(network(observations, training=True))
    seen["Q-values with fixed parameters"] = values
    seen["Q-values while it trains"] = "the same" if np.allclose(values, while_it_trains, equal_nan=True) else "others"
    if second is not None:
        shared = any(map(np.array_equal, network.get_weights(), second.get_weights()))
        seen["a second network has"] = "parameters of the first" if shared else "parameters of its own"
    return seen


def _beginning(parameters: list[Any], others: list[Any]) -> str:
    """The first weights of a network, compared with each other and with those of a second network, in words."""
    kernels = [values for values in parameters if values.ndim > 1]
    if any(np.ptp(kernel) == 0 for kernel in kernels):
        return "all equal"
    same = len(parameters) == len(others) and all(map(np.array_equal, parameters, others))
    return "the same in each network" if same else "at random"


EXERCISE = Exercise(
    name="q_network",
    signature="(observation_size, num_actions) -> keras.Model",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "`keras.Sequential([...])` takes a list of layers, each fed by the one before. The first entry says what comes "
        "in: `keras.Input((observation_size,))`, without the batch axis.",
        "A hidden layer is `keras.layers.Dense(64, activation='relu')`. You need two of these.",
        "The last layer has as many units as there are actions, and no activation: a Q-value is an expected return and "
        "may have any size and sign.",
    ],
    observe=observe,
)
