"""An adapter from a reader's replay buffer to the training loop of dqnkit."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.errors import InvalidDataError
from dqnkit.replay import Sample
from dqnkit.types import Array, FloatArray, Rollout, Transition


class ReaderReplay:
    """The reader's buffer for ``train(config, replay=...)``: the loop adds batches, and draws K batches at once.

    Args:
        buffer: has `len`, ``add(observation, action, reward, discount, next_observation)`` and
            ``sample(batch_size, rng) -> Transition``. It is not saved in checkpoints.
    """

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer
        self.inserted = 0  # transitions put in so far, dropped ones included

    def __len__(self) -> int:
        return len(self.buffer)

    def add_rollout(self, rollout: Rollout) -> None:
        """Add the transitions of a rollout, one after the other."""
        self.add(rollout.transitions, rollout.frames)

    def add(self, transitions: Transition, frames: Array | None = None) -> None:
        """Add a batch of transitions ``[B, ...]``, one after the other."""
        if frames is not None:
            raise InvalidDataError("this buffer takes whole observations: set frame_stack to 1")
        for transition in zip(*transitions, strict=True):
            self.buffer.add(*transition)
        self.inserted += len(transitions.action)

    def sample(self, num_batches: int, batch_size: int, rng: np.random.Generator) -> Sample:
        """Draw K batches of B transitions, each with one call of the reader's ``sample``."""
        batches = [self.buffer.sample(batch_size, rng) for _ in range(num_batches)]
        fields = (np.stack(field) for field in zip(*batches, strict=True))
        observation, action, reward, discount, next_observation = fields
        packed = Transition(
            observation,
            action.astype(np.int32, copy=False),
            reward.astype(np.float32, copy=False),
            discount.astype(np.float32, copy=False),
            next_observation,
        )
        shape = (num_batches, batch_size)
        return Sample(packed, np.zeros(shape, np.int64), np.ones(shape, np.float32))

    def update_priorities(self, indices: Array, td_errors: FloatArray) -> None:
        """The reader's buffer has no priorities: nothing to do."""

    def set_progress(self, progress: float) -> None:
        """The reader's buffer is the same all the time: nothing to do."""
