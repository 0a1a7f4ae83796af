"""A ring buffer that keeps the newest transitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array

FIELDS = ("observation", "action", "reward", "discount", "next_observation")


def fixed_cases() -> list[Case]:
    """A ring with a free slot, one that overwrites once, one that overwrites twice, and one with frames."""
    return [
        _case("a ring of 3 slots gets 2 transitions", 3, 2),
        _case("a ring of 3 slots gets 4 transitions: one more than it holds", 3, 4),
        _case("a ring of 3 slots gets 8 transitions", 3, 8),
        _case("a ring of 2 slots gets 3 frames of whole numbers (uint8)", 2, 3, "uint8"),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: rings of odd sizes, with room and long full; observations of other kinds; rewards of either sign."""
    fresh = []
    for dtype, times_round in (("float32", 0.5), ("uint8", 1.3), ("int64", 2.6), ("float32", rng.uniform(1.2, 4))):
        capacity = int(rng.integers(3, 8))
        count = max(2, int(capacity * times_round))
        shape = tuple(int(size) for size in rng.integers(1, 4, size=rng.integers(1, 4)))
        rewards = rng.normal(rng.choice([-20.0, 0.0, 20.0]), 10.0, count)
        discounts = np.where(rng.random(count) < 0.3, 0.0, rng.uniform(0.1, 0.99, count))
        label = f"a ring of {capacity} slots gets {count} transitions ({dtype})"
        fresh.append(_case(label, capacity, count, dtype, shape, rewards, discounts))
    return fresh


def _case(
    label: str,
    capacity: int,
    count: int,
    dtype: str = "float32",
    shape: tuple[int, ...] = (2,),
    rewards: Array | None = None,
    discounts: Array | None = None,
) -> Case:
    """Transitions with the numbers 1 to ``count``: their observations say the number, and so do the actions."""
    numbers = np.arange(1, count + 1)
    observations = np.zeros((count, *shape), dtype)
    observations.reshape(count, -1)[:, 0] = numbers
    rewards = 10.0 * numbers if rewards is None else rewards
    discounts = np.where(numbers % 2, 0.5, 0.0) if discounts is None else discounts
    return Case(label, (capacity, observations, numbers, rewards, discounts))


def observe(ring: Any, case: Case) -> Any:
    """Add transitions whose observations share one array, as in some environments; what the ring holds then.

    The reader may use the slots in any order: the transitions are compared in the order of their actions.
    """
    capacity, observations, actions, rewards, discounts = case.arguments
    buffer = ring(capacity)
    shared, shared_next = observations[0].copy(), observations[0].copy()
    for observation, action, reward, discount in zip(observations, actions, rewards, discounts, strict=True):
        shared[...] = observation
        shared_next[...] = observation + observation.dtype.type(1)
        buffer.add(shared, int(action), float(reward), float(discount), shared_next)
    shared[...] = shared_next[...] = 99  # the environment goes on
    kept = sorted(transitions_in(buffer), key=lambda row: float(np.ravel(row[1])[0]))
    columns = {f"{name} of each": [row[i] for row in kept] for i, name in enumerate(FIELDS)}
    types = sorted({str(np.asarray(row[i]).dtype) for row in kept for i in (0, 4)})
    return {"len(buffer)": len(buffer), **columns, "type of the observations": " and ".join(types)}


def transitions_in(buffer: Any) -> list[Any]:
    """The transitions that a buffer holds, whether it keeps rows (free slots may be None), or an array for each field.

    The arrays are in ``slots``, or in attributes with the names of the fields, such as ``observations``.
    """
    slots = getattr(buffer, "slots", None)
    columns = _columns(buffer) if slots is None or (not len(slots) and len(buffer)) else _as_columns(slots)
    if columns is None:
        return [_in_order(row) for row in slots if row is not None]  # type: ignore[union-attr]
    return list(zip(*(column[: len(buffer)] for column in columns), strict=True))


def _in_order(row: Any) -> Any:
    """Return the five values of a transition that may be a dict."""
    return tuple(row[name] for name in FIELDS) if isinstance(row, Mapping) else tuple(row)


def _as_columns(slots: Any) -> Sequence[Any] | None:
    """Return the columns where ``slots`` holds one array for each field; None where it holds transitions."""
    if isinstance(slots, Mapping) and set(FIELDS) <= set(slots):
        return [slots[name] for name in FIELDS]
    return slots if hasattr(slots, "_fields") else None


def _columns(buffer: Any) -> Sequence[Any]:
    """Return the attributes that hold a field of all transitions, as ``next_observations`` or ``next_obs``."""
    found = {}
    for name, value in vars(buffer).items():
        if hasattr(value, "__len__"):
            field = name.strip("_").removesuffix("s")  # `observations`, `_rewards`, `next_obs`
            found[field.removesuffix("ob") + "observation" if field.endswith("ob") else field] = value
    missing = [field for field in FIELDS if field not in found]
    if missing:
        raise AttributeError(f"the check looks for the transitions in `self.slots`, and finds no {missing[0]} there")
    return [found[field] for field in FIELDS]


EXERCISE = Exercise(
    name="replay_add",
    signature="RingBuffer(capacity).add(observation, action, reward, discount, next_observation)",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "There are two situations: the ring has a free slot, or it is full. `len(self.slots)` and `self.capacity` "
        "tell them apart.",
        "While there is room, use `self.slots.append(...)`. When the ring is full, which slot holds the oldest "
        "transition? The first one went into slot 0, the next into slot 1, and so on; after the last slot, slot 0 "
        "follows again. The remainder of a division counts like that: `self.added % self.capacity`.",
        "Store `Transition(np.array(observation), action, reward, discount, np.array(next_observation))`: `np.array` "
        "makes a copy. At the end comes `self.added += 1`, in both situations.",
    ],
    observe=observe,
)
