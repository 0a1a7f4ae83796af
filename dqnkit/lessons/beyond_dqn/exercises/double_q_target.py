"""The TD targets of double Q-learning."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.course import reference
from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array

NOT_COMPILED = "TensorFlow could not compile it"


def fixed_cases() -> list[Case]:
    """The smallest case has as many rows as actions, so that a wrong axis gives a wrong number, not an error."""
    return [
        _case(
            "two transitions, the networks disagree on the best action",
            [0.0, 1.0],
            [0.5, 0.5],
            [[2.0, 6.0], [8.0, 4.0]],
            [[5.0, 1.0], [9.0, 3.0]],
        ),
        _case(
            "two transitions, the second terminated (discount 0)",
            [0.0, 1.0],
            [0.8, 0.0],
            [[0.5, 0.25], [2.0, 4.0]],
            [[0.0, 1.0], [1.0, 5.0]],
        ),
        _case(
            "three transitions of 3 steps (discount 0.729), some values below 0",
            [-1.0, 0.5, 2.0],
            [0.729, 0.729, 0.0],
            [[-2.0, -1.0, -3.0], [-4.0, -6.0, -5.0], [7.0, 8.0, 9.0]],
            [[-1.0, -2.0, -0.5], [-3.0, -2.0, -7.0], [3.0, 1.0, 2.0]],
        ),
        _case(
            "two transitions, three actions, all values below 0",
            [-1.0, -0.5],
            [0.9, 0.9],
            [[-2.5, -1.0, -3.0], [-4.0, -6.0, -5.0]],
            [[-1.0, -2.0, -1.5], [-3.0, -2.5, -7.0]],
        ),
        _case(
            "the same in a compiled update, with the gradient of the loss",
            [1.0, -0.5],
            [0.9, 0.0],
            [[-2.5, 1.0, 3.0], [4.0, -6.0, 5.0]],
            [[1.0, -2.0, 0.5], [3.0, 2.0, -7.0]],
            compiled=True,
        ),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: batches of odd sizes with values of every sign, some of them terminated; one of them compiled."""
    fresh = []
    for number, middle in enumerate((-5.0, 0.0, 5.0, rng.uniform(-9, 9))):
        batch_size = int(rng.integers(3, 7))
        num_actions = batch_size if number == 1 else int(rng.integers(2, 6))
        target, online = rng.normal(middle, 1.5, (2, batch_size, num_actions))
        discount = rng.uniform(0.3, 0.95, batch_size) * (rng.permutation(batch_size) > 0)  # one has terminated
        label = f"a fresh batch of {batch_size} transitions, {num_actions} actions"
        label += ", in a compiled update, with the gradient of the loss" if number == 3 else ""
        fresh.append(_case(label, rng.normal(0, 2, batch_size), discount, target, online, compiled=number == 3))
    return fresh


def _case(label: str, r: Any, discount: Any, target: Any, online: Any, compiled: bool = False) -> Case:
    arrays = (np.array(values, np.float32) for values in (r, discount, target, online))
    return Case(label, (*arrays, *([True] if compiled else [])))


def observe(function: Any, case: Case) -> Any:
    """Call the function with tensors, as a training step does, or in a compiled update; what it returns."""
    import tensorflow as tf

    arrays = case.arguments[:4]
    if len(case.arguments) == 4:
        return function(*(tf.constant(values) for values in arrays))
    return _compiled_update(function, arrays)


def _compiled_update(function: Any, arrays: tuple[Array, ...]) -> Any:
    """Targets, and the gradient of the loss by the values of the online network, from one compiled call."""
    import tensorflow as tf

    q = tf.Variable(arrays[3])  # values of the online network, here of both states

    @tf.function
    def update(r: Any, discount: Any, q_next_target: Any) -> Any:
        with tf.GradientTape() as tape:
            y = function(r, discount, q_next_target, tf.convert_to_tensor(q))
            loss = tf.reduce_sum((tf.stop_gradient(y) - q[:, 0]) ** 2)
        return y, tape.gradient(loss, q)

    try:
        targets, gradient = update(*(tf.constant(values) for values in arrays[:3]))
    except Exception:  # of many kinds, in the words of TensorFlow: the same function has run without being compiled
        return NOT_COMPILED
    return {"targets": targets, "gradient of the loss": gradient}


EXERCISE = Exercise(
    name="double_q_target",
    signature="double_q_target(r, discount, q_next_target, q_next_online) -> [B]",
    minutes=6,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "There are two questions, one for each network. Which action is best in the next state? Ask the online "
        "network. What is that action worth? Ask the target network.",
        "`best = tf.argmax(q_next_online, axis=1)` gives one action for each row, [B].",
        f"In {reference('q_network')} you gathered the value of one action in each row, for `Q(s, a)`: "
        "`tf.gather(values, actions, axis=1, batch_dims=1)`. The rest is the target as before: `r + discount * value`.",
    ],
    observe=observe,
)
