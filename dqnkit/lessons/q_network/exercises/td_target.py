"""The TD targets of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """One transition that goes on, one that terminated; then batches, one with as many rows as actions."""

    def case(label: str, r: list[float], discount: list[float], q_next: list[list[float]]) -> Case:
        return Case(label, tuple(np.array(values, np.float32) for values in (r, discount, q_next)))

    return [
        case("one transition, the episode goes on", [1.0], [0.8], [[2.0, 5.0, 3.0]]),
        case("one transition, the episode terminated (discount 0)", [1.0], [0.0], [[2.0, 5.0, 3.0]]),
        case("two transitions, the second terminated", [0.0, 1.0], [0.8, 0.0], [[0.5, 0.25], [2.0, 4.0]]),
        case("a reward below 0, all values below 0", [-1.0, 0.5], [0.9, 0.9], [[-2.0, -1.0, -3.0], [-4.0, -6.0, -5.0]]),
        case(
            "four transitions, two terminated",
            [0.0, 1.0, -1.0, 0.5],
            [0.8, 0.0, 0.8, 0.0],
            [[1.0, 2.0, 3.0], [9.0, 8.0, 7.0], [0.0, -1.0, 0.5], [6.0, 4.0, 5.0]],
        ),
    ]


def observe(function: Any, case: Case) -> Any:
    """Call the function with tensors, as a training step does; what it returns."""
    from dqnkit.backend import tf

    return function(*(tf.constant(values) for values in case.arguments))


EXERCISE = Exercise(
    name="td_target",
    signature="td_target(r, discount, q_next) -> [B]",
    minutes=5,
    difficulty=1,
    fixed_cases=fixed_cases,
    hints=[
        "`q_next` has the shape [B, A]: one row for each transition, one column for each action. From each row you "
        "need one number: the largest.",
        "`tf.reduce_max(q_next, axis=...)` takes the maximum along an axis and removes that axis. Which axis holds the "
        "actions?",
        "With axis=1 it has the shape [B], like `r` and `discount`, so that `*` and `+` work row by row. You need no "
        "`if` for the end of an episode: its discount is 0.",
    ],
    observe=observe,
)
