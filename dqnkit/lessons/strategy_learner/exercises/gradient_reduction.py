"""One gradient for all replicas, from the gradients of their shares of a batch."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """One replica; two replicas without and with clipping, and with opposite gradients; three replicas; no limit."""

    def case(label: str, shares: list[list[object]], batch_size: int, max_norm: float) -> Case:
        return Case(label, ([[np.array(a, np.float32) for a in share] for share in shares], batch_size, max_norm))

    kernel, bias = [[3.0, -6.0], [9.0, 0.0]], [1.5, -3.0]
    three = [[kernel, bias], [[[1.0, 1.0], [-2.0, 4.0]], [0.0, 6.0]], [[[0.5, -1.0], [5.0, 2.0]], [-4.5, 3.0]]]
    return [
        case("one replica, two transitions, nothing to clip", [[[2.0, 4.0]]], 2, 10.0),
        case("two replicas, four transitions, nothing to clip", [[[2.0, 4.0]], [[6.0, -2.0]]], 4, 10.0),
        case("two replicas, and their mean gradient is longer than max_norm", [[[6.0, 0.0]], [[0.0, 8.0]]], 4, 1.0),
        case(
            "two replicas pull against each other: each gradient is long, what is left of them short",
            [[[40.0, 1.0]], [[-40.0, 1.0]]],
            2,
            5.0,
        ),
        case("three replicas, a kernel and a bias, nothing to clip", three, 6, 10.0),
        case("three replicas, a kernel and a bias, longer than max_norm", three, 6, 1.5),
        case("max_norm 0: never clipped", [[[6.0, 0.0]], [[0.0, 8.0]]], 4, 0.0),
    ]


EXERCISE = Exercise(
    name="gradient_reduction",
    signature="gradient_reduction(shares, batch_size, max_norm) -> list of arrays",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    hints=[
        "Three steps, in this order: sum over the replicas, divide by the batch size, clip. The first two give the "
        "gradient of the loss's mean over the whole batch, as if one computer had done it all.",
        "`zip(*shares)` goes through the variables: each time it gives one array from every replica, all of one shape. "
        "Python's `sum` adds them.",
        "The length counts every number of every array: `np.sqrt(sum((g**2).sum() for g in gradients))`. If it is "
        "larger than `max_norm`, and `max_norm` is not 0, multiply each array by `max_norm / norm`.",
    ],
)
