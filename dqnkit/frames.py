"""Frames stored once: how an actor records them, and how a replay buffer keeps them.

Stacked observations ``[S, H, W]`` overlap: each has all but one frame of the one before. `FrameRecord` (in an actor)
keeps every frame once and writes an observation as the indices of its frames; `FrameStore` (in a replay buffer) keeps
both, and puts the stacks together when they are drawn. `StackedFrames` is what the policy sees in between, of copies
that step together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.array_store import ArrayStore, Indices, write_around
from dqnkit.checked_numbers import whole_number
from dqnkit.errors import InvalidDataError
from dqnkit.packing import Record
from dqnkit.types import Array, IntArray, Transition


class WholeObservations:
    """Observations recorded as they are: the same methods as `FrameRecord`, for an actor without stacked frames."""

    def reset(self, observation: Array) -> Array:
        """Begin anew from reset environments ``[N, ...]``."""
        return observation

    def add(self, observation: Array, was_reset: Array) -> Array:
        """What is recorded of the observations ``[N, ...]``."""
        return observation

    def begin(self, carried: Record) -> Record:
        """Begin a rollout with the steps carried over from the last one."""
        return carried

    def newest(self, recorded: Array) -> Array:
        """The observations ``[..., N, ...]`` behind what was recorded."""
        return recorded

    def array(self) -> None:
        """No frames."""


class FrameRecord:
    """Every frame of a rollout once; an observation of stacked frames is the indices of its frames ``[N, S]``.

    As `gymnasium.wrappers.FrameStackObservation` does, it fills the stack with the first frame at a reset.
    """

    def __init__(self, stack: int) -> None:
        self._stack = stack
        self._frames: list[Array] = []  # [N, H, W] for each step, or [F, H, W] for what was carried over
        self._count = 0
        self._latest: IntArray = np.empty((0, stack), np.int32)  # [N, S] indices of the latest frames of each copy

    def reset(self, observation: Array) -> IntArray:
        """Begin anew from reset environments ``[N, S, H, W] -> [N, S]``."""
        self._frames, self._count = [], 0
        return self.add(observation, np.ones(len(observation), dtype=bool))

    def add(self, observation: Array, was_reset: Array) -> IntArray:
        """Keep the newest frame of each copy; return the indices of its stack ``[N, S]``."""
        newest = self._count + np.arange(len(observation), dtype=np.int32)  # [N]
        self._frames.append(observation[:, -1].copy())
        self._count += len(observation)
        if was_reset.all():
            self._latest = np.repeat(newest[:, None], self._stack, axis=1)
        else:
            shifted = np.concatenate([self._latest[:, 1:], newest[:, None]], axis=1)
            self._latest = np.where(was_reset[:, None], newest[:, None], shifted)
        return self._latest

    def begin(self, carried: Record) -> Record:
        """Drop all frames but those that the carried steps show, and count from 0 again."""
        kept, position = np.unique(carried.observation, return_inverse=True)
        frames = self.array()[kept]
        self._frames, self._count = [frames], len(frames)
        indices = position.reshape(carried.observation.shape).astype(np.int32)
        self._latest = indices[-1]
        return carried._replace(observation=indices)

    def newest(self, recorded: IntArray) -> Array:
        """The newest frame of each recorded stack ``[..., N, S] -> [..., N, H, W]``."""
        return self.array()[recorded[..., -1]]

    def array(self) -> Array:
        """All frames ``[F, H, W]``."""
        return np.concatenate(self._frames)


class StackedFrames(gym.vector.VectorWrapper):
    """The latest ``stack`` observations of copies that step together ``[N, S, ...]``; the first fills it at a reset.

    It is `gymnasium.wrappers.FrameStackObservation` for a native vector version that resets by the step after an end.
    """

    def __init__(self, envs: gym.vector.VectorEnv[Any, Any, Any], stack: int) -> None:
        super().__init__(envs)
        self._stack = stack
        self.single_observation_space = gym.vector.utils.batch_space(envs.single_observation_space, stack)
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, envs.num_envs)

    def reset(self, **kwargs: Any) -> tuple[Array, dict[str, Any]]:
        """Reset all copies ``-> [N, S, ...]``."""
        observation, info = self.env.reset(**kwargs)
        self._latest = np.repeat(observation[:, None], self._stack, axis=1)  # [N, S, ...]
        self._was_done = np.zeros(self.num_envs, bool)
        return self._latest, info

    def step(self, actions: Any) -> Any:
        """Step all copies."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        self._latest = np.concatenate([self._latest[:, 1:], observation[:, None]], axis=1)  # an array of its own
        self._latest[self._was_done] = observation[self._was_done][:, None]
        self._was_done = terminated | truncated
        return self._latest, reward, terminated, truncated, info


class FrameStore:
    """A ring of frames, and a ring of transitions that hold the numbers of their frames.

    A transition has two stacks of S frames, of which only one frame is new: this takes about 1 / (2 S) of the memory.
    Frames and transitions of a rollout arrive together; a transition is dropped before its frames are.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = whole_number("capacity", capacity, low=1)
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
            # a rollout has more frames than transitions: those of its first stack, and those after its last step
            per_transition = len(frames) / max(1, len(transitions.action))
            capacity = int(self.capacity * min(4.0, max(1.0, per_transition))) + len(frames)
            self._frames = np.empty((capacity, *frames.shape[1:]), frames.dtype)
        if len(frames) > len(self._frames) or len(transitions.action) > self.capacity:
            raise InvalidDataError(
                f"a rollout of {len(transitions.action)} transitions does not fit replay_capacity {self.capacity}: "
                "raise it, or lower rollout_steps"
            )
        write_around(self._frames, self._frame_count, frames)
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
            write_around(self._frames, first_frame, frames)
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


Store = ArrayStore | FrameStore  # where a replay buffer keeps its transitions
