"""The TD targets of double Q-learning."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.course import reference
from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """The smallest case has as many rows as actions, so that a wrong axis gives a wrong number, not an error."""

    def case(label: str, r: list[float], discount: list[float], target: list[Any], online: list[Any]) -> Case:
        return Case(label, tuple(np.array(values, np.float32) for values in (r, discount, target, online)))

    return [
        case(
            "two transitions, the networks disagree on the best action",
            [0.0, 1.0],
            [0.5, 0.5],
            [[2.0, 6.0], [8.0, 4.0]],
            [[5.0, 1.0], [9.0, 3.0]],
        ),
        case(
            "two transitions, the second terminated (discount 0)",
            [0.0, 1.0],
            [0.8, 0.0],
            [[0.5, 0.25], [2.0, 4.0]],
            [[0.0, 1.0], [1.0, 5.0]],
        ),
        case(
            "three transitions of 3 steps (discount 0.729), values below 0",
            [-1.0, 0.5, 2.0],
            [0.729, 0.729, 0.0],
            [[-2.0, -1.0, -3.0], [-4.0, -6.0, -5.0], [7.0, 8.0, 9.0]],
            [[-1.0, -2.0, -0.5], [-3.0, -2.0, -7.0], [3.0, 1.0, 2.0]],
        ),
    ]


def observe(function: Any, case: Case) -> Any:
    """Call the function with tensors, as a training step does; what it returns."""
    import tensorflow as tf

    return function(*(tf.constant(values) for values in case.arguments))


EXERCISE = Exercise(
    name="double_q_target",
    signature="double_q_target(r, discount, q_next_target, q_next_online) -> [B]",
    minutes=6,
    difficulty=2,
    fixed_cases=fixed_cases,
    hints=[
        "Two questions, two networks. Which action is best in the next state? Ask the online network. How good is that "
        "action? Ask the target network.",
        "`best = tf.argmax(q_next_online, axis=1)` gives one action for each row, [B].",
        f"The value of one action in each row is what {reference('q_network')} gathered for `Q(s, a)`: "
        "`tf.gather(values, actions, axis=1, batch_dims=1)`. The rest is the target as before: `r + discount * value`.",
    ],
    observe=observe,
)
