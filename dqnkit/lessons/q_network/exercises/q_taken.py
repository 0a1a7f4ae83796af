"""The value of the action taken, from each row of a batch of Q-values."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.lessons.q_network.compiled_step import COULD_NOT, try_compiled

COMPILED = "compiled, as in a long run"
NO_GRADIENT = "none: nothing would be learned"


def _case(label: str, q: Any, actions: Any) -> Case:
    return Case(label, (np.array(q, np.float32), np.array(actions, np.int32)))


def fixed_cases() -> list[Case]:
    """One row; then batches, one with as many rows as actions, one with values below 0 only.

    Actions are less than the number of rows, so that who picks rows by them finds some.
    """
    return [
        _case("one transition", [[2.0, 5.0, 3.0]], [0]),
        _case("two transitions, different actions", [[1.0, 4.0, 2.5], [3.0, 0.5, 6.0]], [1, 0]),
        _case("all values below 0", [[-2.0, -1.0, -3.0], [-4.0, -6.0, -5.0]], [0, 1]),
        _case("as many transitions as actions", [[1.0, 2.0, 3.0], [9.0, 8.0, 7.5], [0.5, -1.0, 0.25]], [2, 2, 1]),
        _case(COMPILED, [[0.5, -1.0], [2.0, 3.0], [-2.5, -0.5], [1.5, 0.75]], [1, 0, 0, 1]),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: batches of odd sizes, values of every sign, each action less than the number of rows; one is "
    "compiled."""
    fresh = []
    for number, level in enumerate((-5.0, 0.0, 5.0, 0.0)):
        size, num_actions = int(rng.integers(4, 8)), int(rng.choice([2, 3, 5]))
        actions = rng.permutation(np.arange(size) % num_actions)
        label = COMPILED if number == 3 else f"a fresh batch of {size} transitions and {num_actions} actions"
        fresh.append(_case(label, rng.normal(level, 2.0, (size, num_actions)), actions))
    return fresh


def observe(function: Any, case: Case) -> Any:
    """What the function returns for tensors, and the gradient of its sum by the Q-values, as a training step needs "
    "it."""
    from dqnkit.backend import tf

    def values_and_gradient(q: Any, actions: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(q)
            values = function(q, actions)
        gradient = tape.gradient(values, q) if tf.is_tensor(values) or isinstance(values, (list, tuple)) else None
        return values, NO_GRADIENT if gradient is None else tf.convert_to_tensor(gradient)

    tensors = [tf.constant(values) for values in case.arguments]
    found = try_compiled(values_and_gradient, *tensors) if case.label == COMPILED else values_and_gradient(*tensors)
    if found == COULD_NOT:
        return {"values": COULD_NOT}
    values, gradient = found
    return None if values is None else {"values": values, "gradient by q": gradient}


EXERCISE = Exercise(
    name="q_taken",
    signature="(q, actions) -> [B]",
    minutes=4,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "For a single row, `q[0]`, the answer would be `q[0, actions[0]]`. You need the same for all rows at once, "
        "with TensorFlow's operations, so that a gradient can flow through.",
        "One way: `tf.one_hot(actions, q.shape[1])` is 1 at the action taken and 0 elsewhere, `[B, A]`. Multiply by "
        "it, then add up each row.",
        "The usual way: `tf.gather(q, actions, axis=1, batch_dims=1)`. With `axis=1`, actions are columns; with "
        "`batch_dims=1`, row i of `q` belongs to entry i of `actions`.",
    ],
    observe=observe,
)
