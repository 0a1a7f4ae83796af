"""The answers to `q_network`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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
    hidden: tuple[int, ...] = (64, 64),
    activation: str | None = "relu",
    output: str | None = None,
    one: bool = False,
    between: str = "",
    **dense: Any,
) -> Callable[[int, int], Model]:
    """A function that builds the network with something changed.

    Args:
        hidden: units of the hidden layers.
        activation, output: activations of the hidden layers and of the output.
        one: with a single output.
        between: the name of a layer that follows each hidden layer.
        dense: more arguments of all layers.
    """

    def build(observation_size: int, num_actions: int) -> Model:
        from dqnkit.backend import keras

        network = keras.Sequential([keras.Input((observation_size,))])
        for size in hidden:
            network.add(keras.layers.Dense(size, activation=activation, **dense))
            if between:
                network.add(getattr(keras.layers, between)(*((0.2,) if between == "Dropout" else ())))
        network.add(keras.layers.Dense(1 if one else num_actions, activation=output, **dense))
        return network

    return build


def with_sizes(observation_size: int, num_actions: int) -> Callable[[int, int], Model]:
    """A function that builds a network of these sizes, whatever it is asked for."""

    def build(asked_size: int, asked_actions: int) -> Model:
        return q_network(observation_size, num_actions)

    return build


@cache
def _hidden_layer(observation_size: int) -> Any:
    from dqnkit.backend import keras

    return keras.layers.Dense(64, activation="relu")


def shared_layer(observation_size: int, num_actions: int) -> Model:
    from dqnkit.backend import keras

    inputs = keras.Input((observation_size,))
    hidden = keras.layers.Dense(64, activation="relu")(_hidden_layer(observation_size)(inputs))
    return keras.Model(inputs, keras.layers.Dense(num_actions)(hidden))


@cache
def cached(observation_size: int, num_actions: int) -> Model:
    return q_network(observation_size, num_actions)


def with_a_seed(observation_size: int, num_actions: int) -> Model:
    from dqnkit.backend import keras

    return _variant(kernel_initializer=keras.initializers.GlorotUniform(seed=0))(observation_size, num_actions)


def without_input(observation_size: int, num_actions: int) -> Model:
    from dqnkit.backend import keras

    return keras.Sequential(
        [
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(num_actions),
        ]
    )


def half_linear(observation_size: int, num_actions: int) -> Model:
    from dqnkit.backend import keras

    return keras.Sequential(
        [
            keras.Input((observation_size,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64),
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
            "Q-values are expected returns, of any size and sign. The last layer has no activation.",
        ),
        Mistake(
            "relu on the output",
            _variant(output="relu"),
            "The output goes through a relu, so that no value can be below 0; and an output that falls below 0 has no "
            "gradient any more and never learns again. The last layer has no activation.",
        ),
        Mistake(
            "tanh on the output",
            _variant(output="tanh"),
            "The output goes through a tanh, so that every value lies between -1 and 1. A return may be far larger: in "
            "CartPole it goes to 500. The last layer has no activation.",
        ),
        Mistake(
            "sigmoid on the output",
            _variant(output="sigmoid"),
            "The output goes through a sigmoid, so that every value lies between 0 and 1, like a probability. A return "
            "may have any size and sign. The last layer has no activation.",
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
            "sigmoid in the hidden layers",
            _variant(activation="sigmoid"),
            "The hidden layers use a sigmoid, whose gradient is small almost everywhere: two of them in a row learn "
            "very slowly. Use activation='relu'.",
        ),
        *(
            Mistake(
                f"{activation} in the hidden layers",
                _variant(activation=activation),
                f"The hidden layers use {activation}. That can learn too, but the course, its figures and its actors "
                "all use relu: activation='relu'.",
            )
            for activation in ("elu", "leaky_relu")
        ),
        Mistake(
            "no activation in the second hidden layer",
            half_linear,
            "The second hidden layer has no activation, so it collapses with the output into a single layer. Give both "
            "hidden layers activation='relu'.",
        ),
        Mistake(
            "one hidden layer",
            _variant(hidden=(64,)),
            "There is one hidden layer; the course's network has two of 64 units, the second fed by the first.",
        ),
        Mistake(
            "three hidden layers",
            _variant(hidden=(64, 64, 64)),
            "There are three hidden layers; the course's network has two of 64 units. More layers are slower to train, "
            "and what you see could not be compared with the figures.",
        ),
        *(
            Mistake(
                f"hidden layers of {one} and {other} units",
                _variant(hidden=(one, other)),
                f"The hidden layers have {one} and {other} units. Use 64 in each, so that what you see can be compared "
                "with the figures.",
            )
            for one, other in ((32, 32), (64, 32), (32, 64), (128, 64), (128, 128), (24, 24), (256, 256))
        ),
        Mistake(
            "no bias",
            _variant(use_bias=False),
            "The layers have no bias (use_bias=False). Then all values are 0 where the observation is 0, whatever is "
            "learned. Leave the bias in.",
        ),
        Mistake(
            "dropout",
            _variant(between="Dropout"),
            "There are Dropout layers: while the network trains, units are switched off at random. So the same "
            "observation gets other values each time, and the targets that are made of them are noisier still. DQN "
            "uses none.",
        ),
        Mistake(
            "batch normalisation",
            _variant(between="BatchNormalization"),
            "There are BatchNormalization layers: while the network trains, the values of one observation depend on "
            "the other rows of its batch. DQN uses none; Dense layers alone will do.",
        ),
        Mistake(
            "layer normalisation",
            _variant(between="LayerNormalization"),
            "There are LayerNormalization layers. Some newer agents use them, but DQN and the figures of this course "
            "do not: Dense layers alone will do.",
        ),
        Mistake(
            "all weights 0",
            _variant(kernel_initializer="zeros"),
            "All weights begin equal. Then all units of a layer compute the same and get the same gradient; from "
            "zeros, the hidden layers never learn at all. Keep Keras's own initialiser, which draws them at random.",
        ),
        Mistake(
            "a fixed seed",
            with_a_seed,
            "Each network begins with the same weights, because a seed is set inside the function. Then five runs "
            "would be one run five times. Leave the seed to whoever calls the function.",
        ),
        Mistake(
            "the same network each time",
            cached,
            "Each call returns the same network, so what one run has learned is there when the next begins, and an "
            "online and a target network could not differ. Build a new one, with new layers, in each call.",
        ),
        Mistake(
            "a layer of all networks",
            shared_layer,
            "Two networks share a layer that was made outside the function: what one learns changes the other, and a "
            "target network would never stand still. Make all layers inside the function.",
        ),
        *(
            Mistake(
                f"always {size} numbers and {actions} actions",
                with_sizes(size, actions),
                f"The sizes are written down as {size} and {actions}. Use the arguments, observation_size and "
                "num_actions: the function will build networks for other environments too.",
            )
            for size, actions in ((2, 4), (4, 2))
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
