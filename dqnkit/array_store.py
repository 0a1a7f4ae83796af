"""The ring of packed arrays in which a replay buffer keeps its transitions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dqnkit.checked_numbers import whole_number
from dqnkit.errors import InvalidDataError
from dqnkit.types import Array, Transition

Indices = npt.NDArray[np.int64]


class ArrayStore:
    """A ring of transitions, each with both observations. The i-th that was ever stored lies in slot i % capacity."""

    def __init__(self, capacity: int) -> None:
        self.capacity = whole_number("capacity", capacity, low=1)
        self.inserted = 0
        self._ring: Transition | None = None  # arrays [capacity, ...], made when the first transitions show the shapes

    @property
    def oldest(self) -> int:
        """Number of the oldest transition still kept (they are numbered in the order of arrival)."""
        return max(0, self.inserted - self.capacity)

    def append(self, transitions: Transition, frames: Array | None = None) -> None:
        """Copy the transitions ``[B, ...]`` in, over the oldest where the ring is full.

        Raises:
            InvalidDataError: shapes or types differ from what the ring holds.
        """
        if frames is not None:
            raise InvalidDataError("these transitions come with frames: use a FrameStore")
        if self._ring is None:
            self._ring = Transition._make(np.empty((self.capacity, *x.shape[1:]), x.dtype) for x in transitions)
        _check_like(transitions, self._ring)
        for ring, values in zip(self._ring, transitions, strict=True):
            write_around(ring, self.inserted, values)
        self.inserted += len(transitions.action)

    def get(self, indices: Indices) -> Transition:
        """The transitions in these slots, copied; ``indices`` may have any shape."""
        if self._ring is None:
            raise InvalidDataError("the replay buffer is empty: add transitions before drawing from it")
        return Transition._make(values.take(indices, axis=0) for values in self._ring)

    def read(self, start: int) -> dict[str, Array]:
        """All that came from number ``start`` on and is still kept, for a checkpoint."""
        if self._ring is None:
            return {}
        slots = np.arange(max(start, self.oldest), self.inserted) % self.capacity
        return self.get(slots)._asdict()

    def restore(self, pieces: Iterator[dict[str, Array]], inserted: int, oldest: int) -> None:
        """Put back what `read` gave, every transition into the slot where it was."""
        for piece in pieces:
            transitions = Transition(**{name: piece[name] for name in Transition._fields})
            self.inserted = int(piece["stop"]) - len(transitions.action)
            self.append(transitions)
        self.inserted = inserted


def write_around(ring: Array, position: int, values: Array) -> None:
    """Copy values into a ring from a position on, around its end."""
    start = position % len(ring)
    first = min(len(values), len(ring) - start)
    ring[start : start + first] = values[:first]
    ring[: len(values) - first] = values[first:]


def _check_like(transitions: Transition, ring: Transition) -> None:
    for name, values, kept in zip(Transition._fields, transitions, ring, strict=True):
        if values.shape[1:] != kept.shape[1:] or values.dtype != kept.dtype:
            raise InvalidDataError(
                f"{name} has the shape {values.shape[1:]} and type {values.dtype}, but the replay buffer holds "
                f"{kept.shape[1:]} and {kept.dtype}: every transition must be like the first"
            )
