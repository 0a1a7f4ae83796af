"""Prioritized replay: transitions with a large TD error are drawn more often (Schaul et al., 2016)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dqnkit.array_store import Indices
from dqnkit.errors import InvalidDataError
from dqnkit.frames import Store
from dqnkit.replay import ReplayBuffer, Sample
from dqnkit.sum_tree import SumTree
from dqnkit.types import Array, FloatArray, Rollout, Transition


class PrioritizedReplayBuffer(ReplayBuffer):
    """Transitions drawn in proportion to ``(|TD error| + small) ** exponent`` (Schaul et al., 2016, section 3.3).

    New transitions get the largest priority so far, so that each is drawn soon. Where the rollout brings TD errors,
    they get the priorities of these (Horgan et al., 2018). K batches are drawn with the priorities from before the
    first of them: these are up to K - 1 updates old.

    Args:
        capacity: transitions kept.
        exponent: 0 draws uniformly, 1 in proportion to the TD error (alpha in the paper).
        store: where they are kept; an `ArrayStore` unless given.
        importance_exponent: how much of the bias of uneven sampling the weights remove (beta in the paper), at first;
            it rises to 1 at the end of training (section 3.4).
    """

    SMALL = 1e-3  # a transition whose TD error is 0 is still drawn now and then

    def __init__(
        self, capacity: int, exponent: float = 0.6, store: Store | None = None, importance_exponent: float = 0.4
    ) -> None:
        super().__init__(capacity, store)
        self.exponent = exponent
        self.first_importance_exponent = importance_exponent
        self.importance_exponent = importance_exponent  # now
        self.largest = 1.0
        self.tree = SumTree(capacity)

    def add_rollout(self, rollout: Rollout) -> None:
        """Put in the transitions of a rollout, with the priorities of its TD errors where the actor computed them."""
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

        The importance weights ``(1 / (N p)) ** beta``, divided by the largest of the K batches, correct for the uneven
        sampling.

        Raises:
            InvalidDataError: the buffer is empty.
        """
        if not len(self):
            raise InvalidDataError("the replay buffer is empty: add transitions before drawing from it")
        count, total = num_batches * batch_size, self.tree.total
        positions = (np.arange(count) + rng.random(count)) / count  # [K * B], one in each stretch
        # neighbouring stretches hold neighbours in time: shuffle, so that each batch has some of all times
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

    def set_progress(self, progress: float) -> None:
        """Raise the importance exponent, in proportion to the progress of training: to 1 at its end."""
        first = self.first_importance_exponent
        self.importance_exponent = first + progress * (1 - first)

    def state(self) -> dict[str, Array]:
        """All that a checkpoint needs besides the transitions."""
        return {**super().state(), "priorities": self.tree.values(), "largest": np.array(self.largest)}

    def load_state(self, state: dict[str, Array], pieces: Iterable[dict[str, Array]] = ()) -> None:
        """Take over, into an empty buffer, what `state` and `read` gave; see `ReplayBuffer.load_state`."""
        super().load_state(state, pieces)
        self.tree.load(state["priorities"])
        self.largest = float(state["largest"])
