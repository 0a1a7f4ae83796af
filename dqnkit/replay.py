"""Replay buffers: what happened, kept in packed arrays, drawn again in random order (Lin, 1992; Mnih et al., 2015).

`ReplayBuffer` draws every transition with the same chance, `PrioritizedReplayBuffer` those with a large TD error more
often. Where the transitions lie is the business of a store: `ArrayStore` keeps both observations of each,
`FrameStore` every frame of overlapping stacks once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dqnkit.config import DQNConfig
from dqnkit.errors import InvalidDataError
from dqnkit.sum_tree import SumTree
from dqnkit.types import Array, FloatArray, Rollout, Transition

Indices = npt.NDArray[np.int64]


class Sample(NamedTuple):
    """K batches of B transitions, where they lie, and the weight of each in the loss."""

    transitions: Transition  # fields [K, B, ...]
    indices: Indices  # [K, B]
    importance: FloatArray  # [K, B], 1 at most


class ArrayStore:
    """A ring of transitions, each with both of its observations. The i-th ever stored lies in slot i % capacity."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
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
            _write(ring, self.inserted, values)
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


class FrameStore:
    """A ring of frames and a ring of transitions that point to them: each frame of overlapping stacks lies once.

    An observation ``[S, H, W]`` shares S - 1 frames with the next, so that this takes about a 2 S-th of the memory.
    Frames and transitions of one rollout arrive together; a transition is dropped before its frames are.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.inserted = 0
        self.oldest = 0
        self._places = ArrayStore(capacity)  # transitions whose observations are numbers of frames
        self._frames: Array | None = None  # [capacity of frames, H, W]
        self._frame_count = 0
        self._rollouts: list[tuple[int, int]] = []  # of each rollout kept: its first frame, its first transition

    def append(self, transitions: Transition, frames: Array | None = None) -> None:
        """Copy frames ``[F, H, W]`` and transitions in; the latter's observations are indices into ``frames``."""
        if frames is None:
            raise InvalidDataError("these transitions come without frames: use an ArrayStore")
        if self._frames is None:
            # a rollout has some frames more than transitions: those before its first, those after its last
            per_transition = len(frames) / max(1, len(transitions.action))
            capacity = int(self.capacity * min(4.0, max(1.0, per_transition))) + len(frames)
            self._frames = np.empty((capacity, *frames.shape[1:]), frames.dtype)
        if len(frames) > len(self._frames) or len(transitions.action) > self.capacity:
            raise InvalidDataError(
                f"a rollout of {len(transitions.action)} transitions does not fit replay_capacity {self.capacity}: "
                "raise it, or lower rollout_steps"
            )
        _write(self._frames, self._frame_count, frames)
        numbered = transitions._replace(
            observation=transitions.observation.astype(np.int64) + self._frame_count,
            next_observation=transitions.next_observation.astype(np.int64) + self._frame_count,
        )
        self._rollouts.append((self._frame_count, self.inserted))
        self._places.append(numbered)
        self._frame_count += len(frames)
        self.inserted = self._places.inserted
        self._drop_old()

    def get(self, indices: Indices) -> Transition:
        """The transitions in these slots with their stacks put together; ``indices`` may have any shape."""
        places = self._places.get(indices)
        assert self._frames is not None
        return places._replace(
            observation=self._frames.take(places.observation % len(self._frames), axis=0),
            next_observation=self._frames.take(places.next_observation % len(self._frames), axis=0),
        )

    def read(self, start: int) -> dict[str, Array]:
        """All that came from number ``start`` on and is still kept, for a checkpoint."""
        if self._frames is None:
            return {}
        start = max(start, self.oldest)
        first_frame = next((frame for frame, first in reversed(self._rollouts) if first <= start), 0)
        piece = self._places.read(start)
        slots = np.arange(first_frame, self._frame_count) % len(self._frames)
        numbers = {
            "first_frame": np.array(first_frame),
            "frame_capacity": np.array(len(self._frames)),
            "rollouts": np.array([rollout for rollout in self._rollouts if rollout[0] >= first_frame]),
        }
        return {**piece, "frames": self._frames.take(slots, axis=0), **numbers}

    def restore(self, pieces: Iterator[dict[str, Array]], inserted: int, oldest: int) -> None:
        """Put back what `read` gave, every frame and transition into the slot where it was."""
        for piece in pieces:
            frames, first_frame = piece["frames"], int(piece["first_frame"])
            if self._frames is None:
                self._frames = np.empty((int(piece["frame_capacity"]), *frames.shape[1:]), frames.dtype)
            _write(self._frames, first_frame, frames)
            self._frame_count = first_frame + len(frames)
            self._rollouts += [(int(frame), int(first)) for frame, first in piece["rollouts"]]
            self._places.restore(iter([piece]), int(piece["stop"]), oldest)
        self.inserted = self._places.inserted = inserted
        self.oldest = oldest

    def _drop_old(self) -> None:
        assert self._frames is not None
        self.oldest = max(self.oldest, self._places.oldest)
        oldest_frame = self._frame_count - len(self._frames)
        while self._rollouts[0][0] < oldest_frame:
            self._rollouts.pop(0)
            self.oldest = max(self.oldest, self._rollouts[0][1])
        while len(self._rollouts) > 1 and self._rollouts[1][1] <= self.oldest:
            self._rollouts.pop(0)


class ReplayBuffer:
    """Transitions in a ring, drawn with equal chances and with replacement.

    Args:
        capacity: transitions kept; the oldest make room for new ones.
        store: where they lie; an `ArrayStore` unless given.
    """

    def __init__(self, capacity: int, store: ArrayStore | FrameStore | None = None) -> None:
        self.store: ArrayStore | FrameStore = ArrayStore(capacity) if store is None else store

    def __len__(self) -> int:
        return self.store.inserted - self.store.oldest

    @property
    def inserted(self) -> int:
        """Transitions put in so far, dropped ones included."""
        return self.store.inserted

    def add(self, transitions: Transition, frames: Array | None = None) -> None:
        """Put in a batch of transitions ``[B, ...]``; see `dqnkit.types.Rollout` for ``frames``."""
        capacity = self.store.capacity
        if frames is not None or len(transitions.action) <= capacity:
            self.store.append(transitions, frames)
            return
        for start in range(0, len(transitions.action), capacity):  # more than the ring holds: round by round
            self.store.append(Transition._make(values[start : start + capacity] for values in transitions))

    def add_rollout(self, rollout: Rollout) -> None:
        """Put in what an actor brought."""
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


class PrioritizedReplayBuffer(ReplayBuffer):
    """Transitions drawn in proportion to ``(|TD error| + small) ** exponent`` (Schaul et al., 2016, section 3.3).

    New transitions get the largest priority seen so far, so that each is drawn soon; or, where the rollout brings TD
    errors, that of its TD error from the start (Horgan et al., 2018). Over K batches drawn at once the
    priorities are those from before the first: up to K - 1 updates old.

    Args:
        capacity: transitions kept.
        exponent: 0 draws uniformly, 1 in proportion to the TD error (alpha in the paper).
        store: where they lie; an `ArrayStore` unless given.
    """

    SMALL = 1e-3  # a transition whose TD error is 0 is still drawn now and then

    def __init__(self, capacity: int, exponent: float = 0.6, store: ArrayStore | FrameStore | None = None) -> None:
        super().__init__(capacity, store)
        self.exponent = exponent
        self.importance_exponent = 0.4  # beta in the paper: how much of the bias the weights take back
        self.largest = 1.0
        self.tree = SumTree(capacity)

    def add_rollout(self, rollout: Rollout) -> None:
        """Put in what an actor brought, with the priorities of its TD errors where it computed them."""
        super().add_rollout(rollout)
        if rollout.td_errors is not None:
            kept = min(len(rollout.td_errors), len(self))
            newest = np.arange(self.inserted - kept, self.inserted) % self.store.capacity
            self.update_priorities(newest, rollout.td_errors[len(rollout.td_errors) - kept :])

    def add(self, transitions: Transition, frames: Array | None = None) -> None:
        """Put in a batch of transitions ``[B, ...]`` with the largest priority so far."""
        was_oldest, first = self.store.oldest, self.store.inserted
        super().add(transitions, frames)
        first = max(first, self.store.oldest)
        new = np.arange(first, self.store.inserted) % self.store.capacity
        dropped = np.arange(max(was_oldest, self.store.inserted - self.store.capacity), self.store.oldest)
        self.tree.set(dropped % self.store.capacity, np.zeros(len(dropped)))
        self.tree.set(new, np.full(len(new), self.largest))

    def sample(self, num_batches: int, batch_size: int, rng: np.random.Generator) -> Sample:
        """Draw K batches of B transitions, one from each of K * B equal stretches of the summed priorities.

        The importance weights ``(1 / (N p)) ** beta``, divided by the largest of the K batches, make up for the
        uneven sampling.

        Raises:
            InvalidDataError: the buffer is empty.
        """
        if not len(self):
            raise InvalidDataError("the replay buffer is empty: add transitions before drawing from it")
        count, total = num_batches * batch_size, self.tree.total
        positions = (np.arange(count) + rng.random(count)) / count  # [K * B], one in each stretch
        # neighbouring stretches are neighbours in time: deal them out to the batches at random
        indices = rng.permutation(self.tree.draw(positions)).reshape(num_batches, batch_size)
        chance = self.tree[indices] / total  # [K, B]
        importance = (len(self) * chance) ** -self.importance_exponent
        importance /= importance.max()
        return Sample(self.store.get(indices), indices, importance.astype(np.float32))

    def update_priorities(self, indices: Indices, td_errors: FloatArray) -> None:
        """Give transitions in these slots (those drawn, ``[K, B]``) the priorities of their new TD errors."""
        priorities = (np.abs(td_errors.ravel()) + self.SMALL) ** self.exponent
        self.largest = max(self.largest, float(priorities.max(initial=0.0)))
        self.tree.set(indices.ravel(), priorities)


def make_replay(config: DQNConfig) -> ReplayBuffer:
    """The buffer that the configuration asks for."""
    capacity = config.replay_capacity
    store = FrameStore(capacity) if config.frame_stack > 1 else ArrayStore(capacity)
    if config.replay == "prioritized":
        return PrioritizedReplayBuffer(capacity, config.priority_exponent, store)
    return ReplayBuffer(capacity, store)


def _write(ring: Array, position: int, values: Array) -> None:
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
