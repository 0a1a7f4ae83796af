"""An adapter from a reader's replay buffer to the training loop of dqnkit."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.errors import InvalidDataError
from dqnkit.replay import ReplayBuffer, Sample
from dqnkit.types import Array, Transition


class ReaderReplay(ReplayBuffer):
    """The reader's buffer for ``train(config, replay=...)``: the loop adds batches, and draws K batches at once.

    Args:
        buffer: has `len`, ``add(observation, action, reward, discount, next_observation)`` and
            ``sample(batch_size, rng) -> Transition``. It is not saved in checkpoints.
    """

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer
        self._inserted = 0

    def __len__(self) -> int:
        return len(self.buffer)

    @property
    def inserted(self) -> int:
        """Transitions added so far, including those that were overwritten."""
        return self._inserted

    def add(self, transitions: Transition, frames: Array | None = None) -> None:
        """Add a batch of transitions ``[B, ...]``, one after the other."""
        if frames is not None:
            raise InvalidDataError("this buffer takes whole observations: set frame_stack to 1")
        for transition in zip(*transitions, strict=True):
            self.buffer.add(*transition)
        self._inserted += len(transitions.action)

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
