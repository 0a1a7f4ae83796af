"""The TD targets of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.lessons.q_network.compiled_step import try_compiled

COMPILED = "compiled, as in a long run"


def _case(label: str, r: Any, discount: Any, q_next: Any) -> Case:
    return Case(label, tuple(np.array(values, np.float32) for values in (r, discount, q_next)))


def fixed_cases() -> list[Case]:
    """One transition that goes on, one that terminated; then batches, one with as many rows as actions."""
    return [
        _case("one transition, the episode goes on", [1.0], [0.8], [[2.0, 5.0, 3.0]]),
        _case("one transition, the episode terminated (discount 0)", [1.0], [0.0], [[2.0, 5.0, 3.0]]),
        _case("two transitions, the second terminated", [0.0, 1.0], [0.8, 0.0], [[0.5, 0.25], [2.0, 4.0]]),
        _case(
            "a reward below 0, all values below 0", [-1.0, 0.5], [0.9, 0.9], [[-2.0, -1.0, -3.0], [-4.0, -6.0, -5.0]]
        ),
        _case(
            "four transitions, two terminated",
            [0.0, 1.0, -1.0, 0.5],
            [0.8, 0.0, 0.8, 0.0],
            [[1.0, 2.0, 3.0], [9.0, 8.0, 7.0], [0.0, -1.0, 0.5], [6.0, 4.0, 5.0]],
        ),
        _case(COMPILED, [1.5, -0.5, 2.0], [0.9, 0.0, 0.9], [[0.5, -1.0], [2.0, 3.0], [-2.5, -0.5]]),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: batches of odd sizes, values of every sign; in each one transition terminated; one is compiled."""
    fresh = []
    for number, level in enumerate((-5.0, 0.0, 5.0, 0.0)):
        size, actions = int(rng.integers(3, 7)), int(rng.integers(2, 6))
        discount = rng.uniform(0.3, 0.99, size)
        discount[rng.integers(size)] = 0.0
        label = COMPILED if number == 3 else f"a fresh batch of {size} transitions and {actions} actions"
        fresh.append(_case(label, rng.normal(0, 2, size), discount, rng.normal(level, 2.0, (size, actions))))
    return fresh


def observe(function: Any, case: Case) -> Any:
    """Call the function with tensors, as a training step does; what it returns.

    Its gradient is not looked at: `train_step` stops the gradient of the targets; a function that stops it itself is
    as right as one that does not.
    """
    from dqnkit.backend import tf

    tensors = [tf.constant(values) for values in case.arguments]
    return try_compiled(function, *tensors) if case.label == COMPILED else function(*tensors)


EXERCISE = Exercise(
    name="td_target",
    signature="(r, discount, q_next) -> [B]",
    minutes=5,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "`q_next` has the shape [B, A]: one row for each transition, one column for each action. From each row you "
        "need one number, the largest.",
        "`tf.reduce_max(q_next, axis=...)` takes the maximum along an axis and removes that axis. Which axis holds the "
        "actions?",
        "With axis=1 the result has the shape [B], like `r` and `discount`, so `*` and `+` work row by row. The end of "
        "an episode needs no `if`: its discount is 0.",
    ],
    observe=observe,
)
