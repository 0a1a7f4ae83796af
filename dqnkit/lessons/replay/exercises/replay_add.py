"""A ring buffer that keeps the newest transitions."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


def fixed_cases() -> list[Case]:
    """A ring with a free slot, one that overwrites once, one that overwrites twice, and one with frames."""
    return [
        Case("a ring of 3 slots gets 2 transitions", (3, 2, "float32")),
        Case("a ring of 3 slots gets 4 transitions: one more than it holds", (3, 4, "float32")),
        Case("a ring of 3 slots gets 8 transitions", (3, 8, "float32")),
        Case("a ring of 2 slots gets 3 frames of whole numbers (uint8)", (2, 3, "uint8")),
    ]


def observe(ring: Any, case: Case) -> Any:
    """Add numbered transitions whose observations share one array, as some environments do; what the slots hold then.

    The reader may use the slots in any order: the transitions are compared in the order of their numbers.
    """
    capacity, count, dtype = case.arguments
    buffer = ring(capacity)
    observation, next_observation = np.zeros(2, dtype), np.zeros(2, dtype)
    for number in range(1, count + 1):
        observation[:] = number, 0
        next_observation[:] = number + 1, 0
        buffer.add(observation, number % 4, 10.0 * number, 0.5 if number % 2 else 0.0, next_observation)
    observation[:] = next_observation[:] = 99  # the environment goes on
    kept = [tuple(transition) for transition in buffer.slots]
    kept.sort(key=lambda transition: float(max(transition[2:4])))  # the reward, even if reward and discount are swapped
    names = ("observation", "action", "reward", "discount", "next_observation")
    columns = {f"{name} of each": [row[i] for row in kept] for i, name in enumerate(names)}
    types = sorted({str(np.asarray(row[i]).dtype) for row in kept for i in (0, 4)})
    return {"len(buffer)": len(buffer), **columns, "type of the observations": " and ".join(types)}


EXERCISE = Exercise(
    name="replay_add",
    signature="RingBuffer(capacity).add(observation, action, reward, discount, next_observation)",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    hints=[
        "Two situations: the ring still has room, or it is full. `len(self.slots)` and `self.capacity` tell them "
        "apart.",
        "With room, `self.slots.append(...)`. If it is full, which slot holds the oldest? The first transition went "
        "into slot 0, the next into slot 1, ...; after the last slot it begins at 0 again. That is what `%`, the "
        "remainder, is for: `self.added % self.capacity`.",
        "What you store is `Transition(np.array(observation), action, reward, discount, "
        "np.array(next_observation))`: `np.array` copies. At the end, `self.added += 1`, in both situations.",
    ],
    observe=observe,
)
