"""The answers to `q_network`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dqnkit.classroom.exercise import Answers, Mistake

Model = Any


def q_network(observation_size: int, num_actions: int) -> Model:
    """A built Keras model: observations ``[B, observation_size]`` -> Q-values ``[B, num_actions]``."""
    from dqnkit.backend import keras

    return keras.Sequential(
        [
            keras.Input((observation_size,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(num_actions),
        ]
    )


def _variant(
    hidden: tuple[int, ...] = (64, 64), activation: str | None = "relu", output: str | None = None, one: bool = False
) -> Callable[[int, int], Model]:
    """A function that builds the network with something changed; ``one``: with a single output."""

    def build(observation_size: int, num_actions: int) -> Model:
        from dqnkit.backend import keras

        layers = [keras.layers.Dense(size, activation=activation) for size in hidden]
        outputs = keras.layers.Dense(1 if one else num_actions, activation=output)
        return keras.Sequential([keras.Input((observation_size,)), *layers, outputs])

    return build


def without_input(observation_size: int, num_actions: int) -> Model:
    from dqnkit.backend import keras

    return keras.Sequential(
        [
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(num_actions),
        ]
    )


def action_as_input(observation_size: int, num_actions: int) -> Model:
    return _variant(one=True)(observation_size + num_actions, 1)


def swapped(observation_size: int, num_actions: int) -> Model:
    return q_network(num_actions, observation_size)


ANSWERS = Answers(
    solution=q_network,
    mistakes=[
        Mistake(
            "softmax on the output",
            _variant(output="softmax"),
            "The output goes through a softmax, which makes probabilities of it: each between 0 and 1, their sum 1. "
            "Q-values are returns, of any size and sign. The last layer has no activation.",
        ),
        Mistake(
            "relu on the output",
            _variant(output="relu"),
            "The output goes through a relu, so that no value can be below 0; and an output that falls below 0 has no "
            "gradient any more and never learns again. The last layer has no activation.",
        ),
        Mistake(
            "one output",
            _variant(one=True),
            "The network has one output. It must give one value for each action, num_actions in all, so that a single "
            "pass through it is enough to find the best action.",
        ),
        Mistake(
            "the action as an input",
            action_as_input,
            "The action is part of the input and the network gives one value. That works, but the best action then "
            "takes a pass for each action. DQN's network sees the observation only and gives num_actions values.",
        ),
        Mistake(
            "no hidden activation",
            _variant(activation=None),
            "The hidden layers have no activation. Layers without one collapse into a single matrix: the values could "
            "only be a plane over the observations. Give both hidden layers activation='relu'.",
        ),
        Mistake(
            "tanh in the hidden layers",
            _variant(activation="tanh"),
            "The hidden layers use tanh. That can learn too, but the course, its figures and its actors all use relu: "
            "activation='relu'.",
        ),
        Mistake(
            "one hidden layer",
            _variant(hidden=(64,)),
            "There is one hidden layer; the course's network has two of 64 units, the second fed by the first.",
        ),
        Mistake(
            "other hidden sizes",
            _variant(hidden=(32, 32)),
            "The hidden layers have 32 units. Use 64 in each, so that what you see can be compared with the figures.",
        ),
        Mistake(
            "no Input",
            without_input,
            "The network does not know how long an observation is, so it has no parameters yet: nothing to count, to "
            "copy or to give to the optimizer. Begin with keras.Input((observation_size,)).",
        ),
        Mistake(
            "the two sizes swapped",
            swapped,
            "The two sizes are swapped: the network takes num_actions numbers and gives observation_size values. The "
            "observation goes in, one value for each action comes out.",
        ),
    ],
)
