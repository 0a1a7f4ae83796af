"""Replay: transitions are kept and drawn again in random order (Lin, 1992; Mnih et al., 2015).

`Replay` is what the training loop needs of a buffer, `ReplayBuffer` draws every transition with the same chance.
`dqnkit.prioritized_replay` draws those with a large TD error more often. The buffer keeps its transitions in a store:
`dqnkit.array_store`, or `dqnkit.frames` where frames are stacked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np

from dqnkit.array_store import ArrayStore, Indices
from dqnkit.errors import CheckpointError
from dqnkit.frames import Store
from dqnkit.types import Array, FloatArray, Rollout, Transition


class Sample(NamedTuple):
    """K batches of B transitions, their slots in the buffer, and the weight of each in the loss."""

    transitions: Transition  # fields [K, B, ...]
    indices: Indices  # [K, B]
    importance: FloatArray  # [K, B], 1 at most


class Replay(Protocol):
    """What `dqnkit.training.train` needs of a replay buffer; any object with these methods will do.

    To be saved in checkpoints it also needs ``state`` and ``load_state``, see `dqnkit.checkpoint.SavedReplay`.
    """

    def __len__(self) -> int:
        """Transitions that can be drawn."""
        ...

    def add_rollout(self, rollout: Rollout) -> None:
        """Put in the transitions of a rollout; there may be none."""
        ...

    def sample(self, num_batches: int, batch_size: int, rng: np.random.Generator) -> Sample:
        """Draw K batches of B transitions, with ``rng`` as the only source of randomness."""
        ...

    def update_priorities(self, indices: Indices, td_errors: FloatArray) -> None:
        """Told the TD errors ``[K, B]`` of the transitions that were drawn last, by their ``indices`` in the sample."""
        ...

    def set_progress(self, progress: float) -> None:
        """Told before each sample how far training is, from 0 to 1; for what changes while it trains."""
        ...


class ReplayBuffer:
    """Transitions in a ring, drawn with equal chances and with replacement.

    Args:
        capacity: transitions kept; the oldest make room for new ones.
        store: where they are kept; an `ArrayStore` unless given.
    """

    def __init__(self, capacity: int, store: Store | None = None) -> None:
        self.store: Store = ArrayStore(capacity) if store is None else store

    def __len__(self) -> int:
        return self.store.inserted - self.store.oldest

    @property
    def inserted(self) -> int:
        """Transitions put in so far, dropped ones included."""
        return self.store.inserted

    @property
    def oldest(self) -> int:
        """Number of the oldest transition still kept."""
        return self.store.oldest

    def add(self, transitions: Transition, frames: Array | None = None) -> None:
        """Put in a batch of transitions ``[B, ...]``; see `dqnkit.types.Rollout` for ``frames``."""
        capacity = self.store.capacity
        if frames is not None or len(transitions.action) <= capacity:
            self.store.append(transitions, frames)
            return
        for start in range(0, len(transitions.action), capacity):  # more than the ring holds: one ring after the other
            self.store.append(Transition._make(values[start : start + capacity] for values in transitions))

    def add_rollout(self, rollout: Rollout) -> None:
        """Put in the transitions of a rollout."""
        if len(rollout.transitions.action):
            self.add(rollout.transitions, rollout.frames)

    def sample(self, num_batches: int, batch_size: int, rng: np.random.Generator) -> Sample:
        """Draw K batches of B transitions.

        Raises:
            InvalidDataError: the buffer is empty.
        """
        numbers = rng.integers(self.store.oldest, max(self.inserted, 1), size=(num_batches, batch_size))  # [K, B]
        indices = numbers % self.store.capacity
        return Sample(self.store.get(indices), indices, np.ones(indices.shape, np.float32))

    def update_priorities(self, indices: Indices, td_errors: FloatArray) -> None:
        """Uniform replay has no priorities: nothing to do."""

    def set_progress(self, progress: float) -> None:
        """Uniform replay is the same all the time: nothing to do."""

    def read(self, start: int) -> dict[str, Array]:
        """The transitions from number ``start`` on that are still kept, for a checkpoint."""
        return self.store.read(start)

    def state(self) -> dict[str, Array]:
        """All else that a checkpoint needs."""
        counts = {"inserted": self.inserted, "oldest": self.oldest, "capacity": self.store.capacity}
        return {name: np.array(count) for name, count in counts.items()}

    def load_state(self, state: dict[str, Array], pieces: Iterable[dict[str, Array]] = ()) -> None:
        """Take over, into an empty buffer, what `state` and `read` gave.

        Raises:
            CheckpointError: this buffer has another capacity.
        """
        capacity = int(state.get("capacity", self.store.capacity))
        if capacity != self.store.capacity:
            raise CheckpointError(
                f"the checkpoint is of a replay buffer of capacity {capacity}, this one has {self.store.capacity}"
            )
        self.store.restore(iter(pieces), int(state["inserted"]), int(state["oldest"]))
