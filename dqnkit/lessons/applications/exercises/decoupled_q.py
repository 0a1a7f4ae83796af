"""The value of a combined action from the values of its parts (Seyde et al., 2022)."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """One robot with two joints first; then batches in which every row differs."""
    two = np.array([[[1.0, 5.0, 2.0], [10.0, 40.0, 30.0]]])  # [1, 2, 3]: two joints, three forces
    batch = np.array(
        [
            [[1.0, -2.0, 0.5], [4.0, 3.0, -1.0]],
            [[0.0, 7.0, 2.0], [-3.0, 8.0, 6.0]],
            [[2.5, 1.5, -4.0], [9.0, -6.0, 5.0]],
        ]
    )  # [3, 2, 3]
    square = np.array([[[3.0, -1.0], [2.0, 8.0]], [[-5.0, 4.0], [6.0, 1.0]]])  # [2, 2, 2]: all sizes equal
    deep = np.array([[[0.3, 1.9], [-2.2, 0.4], [5.1, -0.7], [1.3, 3.5]]])  # [1, 4, 2]
    return [
        Case("one state, two joints: action [0, 2]", (two, np.array([[0, 2]]))),
        Case("the best of both: action [1, 1]", (two, np.array([[1, 1]]))),
        Case("a batch of three", (batch, np.array([[0, 0], [2, 1], [1, 2]]))),
        Case("a batch of three, other actions", (batch, np.array([[1, 2], [0, 1], [2, 0]]))),
        Case("as many rows as joints as forces", (square, np.array([[1, 0], [0, 1]]))),
        Case("four joints with two forces", (deep, np.array([[1, 0, 1, 0]]))),
        Case("a single joint: an ordinary Q-network", (batch[:, :1], np.array([[2], [1], [0]]))),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: any number of rows, joints and forces, values of every sign."""
    fresh = []
    for _ in range(8):
        rows, joints, bins = int(rng.integers(1, 6)), int(rng.integers(1, 7)), int(rng.integers(2, 6))
        q = rng.normal(scale=3.0, size=(rows, joints, bins)).round(2)
        actions = rng.integers(bins, size=(rows, joints))
        fresh.append(Case(f"{rows} rows, {joints} joints, {bins} forces each", (q, actions)))
    return fresh


EXERCISE = Exercise(
    name="decoupled_q",
    signature="decoupled_q(q, actions) -> [B]",
    minutes=5,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "For each row there is one number for each joint: the value of the force that this joint takes. Of these "
        "numbers take the mean.",
        "`np.take_along_axis(q, actions[:, :, None], axis=2)` has the shape `[B, D, 1]`: the values of the forces that "
        "were taken.",
        "`np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0].mean(axis=1)`. Two loops and a sum over the "
        "number of joints are as right.",
    ),
)
