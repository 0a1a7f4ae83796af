"""From an actor's record of steps to n-step transitions, and to the returns of the episodes that ended."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqnkit.types import Array, FloatArray, IntArray, Transition


class Record(NamedTuple):
    """What happened in ``L`` steps of ``N`` copies, in the order of time.

    ``is_step`` is False where the environment was only reset: that step is no transition. ``terminated`` is what the
    learner is to believe: with ``life_loss_ends`` it is True where a life was lost, and the next step is a step.
    """

    observation: Array  # [L + 1, N, ...]; row t + 1 is what step t led to
    action: IntArray  # [L, N]
    reward: FloatArray  # [L, N]
    terminated: Array  # [L, N]
    truncated: Array  # [L, N]
    is_step: Array  # [L, N]

    def with_room(self, steps: int) -> Record:
        """A copy with room for more steps at the end."""
        return Record._make(
            np.concatenate([values, np.empty((steps, *values.shape[1:]), values.dtype)]) for values in self
        )

    def first(self, steps: int) -> Record:
        """The beginning of the record, not copied."""
        return Record._make([self.observation[: steps + 1], *(values[:steps] for values in self[1:])])

    def last(self, steps: int) -> Record:
        """The end of the record, copied; ``steps`` may be 0."""
        start = len(self.action) - steps
        return Record._make(values[start:].copy() for values in self)


def pack_transitions(record: Record, gamma: float, n_step: int, *, all_starts: bool = False) -> Transition:
    """n-step transitions from a record of steps, for every step whose ``n_step`` successors are in the record.

    The reward is ``sum_k gamma**k r_{t+k}`` up to n steps or the end of the episode, whichever comes first. After
    m < n steps to the end the factor on the bootstrap is gamma**m where it was truncated, 0 where it terminated.

    Args:
        record: ``L`` steps of ``N`` copies.
        gamma: discount factor.
        n_step: rewards in a transition.
        all_starts: pack the last ``n_step - 1`` steps as well: right where the record ends with the episodes.
    """
    length = len(record.action)
    starts = length if all_starts else max(0, length - n_step + 1)
    reward = np.zeros_like(record.reward[:starts])  # [M, N]
    steps = np.zeros(reward.shape, dtype=np.int64)  # [M, N] rewards summed so far
    goes_on = np.ones(reward.shape, dtype=bool)  # [M, N] the episode has not ended yet
    terminated = np.zeros(reward.shape, dtype=bool)  # [M, N]
    for k in range(min(n_step, length)):
        rows = slice(k, min(k + starts, length))
        m = rows.stop - rows.start  # fewer at the end of a record of whole episodes
        reward[:m] += np.float32(gamma**k) * (goes_on[:m] * record.reward[rows])
        steps[:m] += goes_on[:m]
        terminated[:m] |= goes_on[:m] & record.terminated[rows]
        goes_on[:m] &= ~(record.terminated[rows] | record.truncated[rows])
    discount = np.where(terminated, 0.0, gamma**steps).astype(np.float32)  # [M, N]

    num_envs = reward.shape[1]
    keep = np.flatnonzero(record.is_step[:starts])  # [B] positions in [M * N]
    arrival = keep + steps.reshape(-1)[keep] * num_envs  # [B] positions in [(L + 1) * N]
    observations = record.observation.reshape(-1, *record.observation.shape[2:])
    return Transition(
        observation=observations[keep],
        action=record.action[:starts].reshape(-1)[keep].astype(np.int32, copy=False),
        reward=reward.reshape(-1)[keep],
        discount=discount.reshape(-1)[keep],
        next_observation=observations[arrival],
    )


def with_clipped_rewards(record: Record, reward_clip: float) -> Record:
    """The record with every reward between ``-reward_clip`` and ``reward_clip``; as it is where that is 0.

    Games pay from 1 to 10,000 points: clipped, one learning rate fits all of them (Mnih et al., 2015). Only what is
    learned is clipped, here and not in the environment, so that the returns of episodes stay the true ones. An n-step
    sum adds clipped rewards, each one step's.
    """
    if reward_clip == 0:
        return record
    return record._replace(reward=record.reward.clip(-reward_clip, reward_clip))


def sums_to_ends(values: Array, done: Array, carried: Array) -> tuple[Array, Array]:
    """Sums of ``values`` from the start of each episode to its end, in the order of time.

    Args:
        values: ``[T, N]``, what is summed over T steps of N copies.
        done: ``[T, N]``, True where an episode ends.
        carried: ``[N]``, what the episodes that were under way had before.

    Returns:
        one sum for each end ``[E]``, and what the episodes under way have now ``[N]``.
    """
    if not done.any():
        return np.empty(0), carried + values.sum(axis=0, dtype=np.float64)
    totals = carried + values.cumsum(axis=0, dtype=np.float64)  # [T, N]
    copy, step = np.nonzero(done.T)  # [E] the ends of each copy one after the other
    at_end = totals[step, copy]  # [E]
    before = np.where(np.diff(copy, prepend=-1) == 0, np.roll(at_end, 1), 0.0)  # [E] where the episode began
    under_way = totals[-1].copy()
    last = np.flatnonzero(np.diff(copy, append=-1))  # the last end of each copy that has one
    under_way[copy[last]] -= at_end[last]
    return (at_end - before)[np.argsort(step, kind="stable")], under_way
