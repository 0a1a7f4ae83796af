"""The latest frames as one observation, so that motion can be seen in it (Mnih et al., 2015)."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array


def _frames(count: int, first: float = 1.0) -> Array:
    """Frames ``[count, 2, 3]`` that can be told apart."""
    base = np.array([[0.0, 0.1, 0.2], [0.3, 0.4, 0.5]])
    return np.stack([base + first + number for number in range(count)])


def fixed_cases() -> list[Case]:
    """Long after the reset first, then just after it."""
    return [
        Case("the latest 2 of 5 frames", (_frames(5), 2)),
        Case("the latest 3 of 7 frames", (_frames(7, first=-3.0), 3)),
        Case("exactly as many as are asked for", (_frames(4), 4)),
        Case("just after the reset: one frame, 3 asked for", (_frames(1), 3)),
        Case("a step later: two frames, 4 asked for", (_frames(2), 4)),
        Case("the latest alone", (_frames(6), 1)),
        Case("frames that are vectors", (np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]), 3)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: pictures and vectors, long episodes and such as have just begun."""
    fresh = []
    for number in range(10):
        stack = int(rng.integers(1, 6))
        count = int(rng.integers(stack, stack + 6))
        if number % 4 == 1:  # too few, and more than one
            stack = int(rng.integers(3, 7))
            count = int(rng.integers(2, stack))
        elif number % 4 == 3:
            count = int(rng.integers(1, stack + 1))
        shape = (int(rng.integers(2, 4)),) if number % 3 == 0 else (2, int(rng.integers(2, 4)))
        frames = rng.normal(size=(count, *shape)).round(2)
        fresh.append(Case(f"{count} frames so far, {stack} asked for", (frames, stack)))
    return fresh


EXERCISE = Exercise(
    name="frame_stack",
    signature="frame_stack(frames, stack) -> [stack, ...]",
    minutes=4,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "The last `stack` frames, oldest first, are `frames[-stack:]`. When is that too few?",
        "While there are too few, put the first frame in front as often as one is missing: `stack - len(frames)` "
        "times.",
        "`missing = max(0, stack - len(frames))`, then "
        "`np.concatenate([np.repeat(frames[:1], missing, axis=0), frames[-stack:]])`.",
    ),
)
