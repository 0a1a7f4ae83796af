"""One gradient for all replicas, from the gradients of their shares of a batch."""

from __future__ import annotations

from typing import Any

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


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: variables of odd shapes; gradients that are short, long, all negative, or nearly cancel out."""
    fresh = []
    for kind in ("short", "long", "against each other", "any", "never clipped", "long", "against each other", "any"):
        n, rows, columns = (int(number) for number in rng.integers(2, 6, size=3))
        shapes = [(rows, columns), (columns,), (columns, 1)][: int(rng.integers(2, 4))]
        batch_size = n * int(rng.integers(2, 9))
        shares = [[rng.normal(rng.choice([-3.0, 0.0, 3.0]), 1.0, shape) for shape in shapes] for _ in range(n)]
        if kind == "against each other":  # the others add little to these two
            shares[1] = [0.1 * other - one for one, other in zip(shares[0], shares[1], strict=True)]
            shares[2:] = [[0.1 * array for array in share] for share in shares[2:]]
        size = {"short": 0.1, "long": 10.0}.get(kind, 1.0) * batch_size / n
        max_norm = 0.0 if kind == "never clipped" else float(rng.uniform(2.5, 5.0))
        arrays = [[(size * array).astype(np.float32) for array in share] for share in shares]
        fresh.append(Case(f"fresh gradients of {n} replicas: {kind}", (arrays, batch_size, max_norm)))
    return fresh


def observe(function: Any, case: Case) -> Any:
    """What it returns; a tuple of arrays is as good as a list."""
    gradients = function(*case.arguments)
    return list(gradients) if isinstance(gradients, tuple) else gradients


EXERCISE = Exercise(
    name="gradient_reduction",
    signature="gradient_reduction(shares, batch_size, max_norm) -> list of arrays",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "Three steps, in this order: sum over the replicas, divide by the batch size, clip. The first two give the "
        "gradient of the mean loss over the whole batch, as if one replica had computed it all.",
        "`zip(*shares)` goes through the variables: each time it gives one array from every replica, all of the same "
        "shape. Python's `sum` adds them.",
        "The length counts every number of every array: `np.sqrt(sum((g**2).sum() for g in gradients))`. If it is "
        "larger than `max_norm`, and `max_norm` is not 0, multiply each array by `max_norm / norm`.",
    ],
    observe=observe,
)
