"""An actor: steps copies of an environment under a policy and packs what it saw into a rollout.

Two ways of cutting experience into rollouts:

- by steps (the default): every rollout goes on where the last one ended, ``rollout_steps`` steps of each copy;
- by episodes (``config.deterministic``): every rollout is one whole episode of each copy, from a reset seeded by
  (seed, actor, sequence number), so that it does not matter which process makes it, nor what that did before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import gymnasium as gym
import numpy as np

from dqnkit.config import DQNConfig
from dqnkit.environments import make_vector_env
from dqnkit.errors import ConfigError, InvalidDataError
from dqnkit.exploration import epsilon_greedy
from dqnkit.policy import q_values, td_errors
from dqnkit.types import Array, FloatArray, IntArray, PolicyWeights, Rollout, Transition

SelectAction = Callable[[FloatArray, FloatArray, np.random.Generator], IntArray]


class Record(NamedTuple):
    """What happened in ``L`` steps of ``N`` copies, in the order of time.

    ``is_step`` is False where the environment was only reset: that step is no transition.
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


class Actor:
    """Steps ``config.num_envs`` copies of the environment and returns rollouts.

    Args:
        config: the run's settings.
        index: which logical actor this is; it has its own random streams.
        select_action: ``(q_values [N, A], epsilon [N], rng) -> actions [N]``; epsilon-greedy unless given.
        first_sequence: number of the first rollout; an actor that takes over in the middle of a run sees other
            episodes than the one that began it.
    """

    def __init__(
        self,
        config: DQNConfig,
        index: int = 0,
        select_action: SelectAction | None = None,
        first_sequence: int = 0,
    ) -> None:
        self.config = config
        self.index = index
        self._select_action = select_action or epsilon_greedy
        self._envs = make_vector_env(
            config.env_id,
            config.num_envs,
            max_episode_steps=config.max_episode_steps,
            frame_stack=config.frame_stack,
        )
        self._rng = config.generator("exploration", index, first_sequence)
        self._carried: Record  # the last n - 1 steps, whose successors are not known yet
        self._frames: FrameRecord | None = FrameRecord(config.frame_stack) if config.frame_stack > 1 else None
        self._start(config.seed_sequence("environment", index, first_sequence))
        if config.deterministic:
            self._require_time_limit()

    def rollout(
        self, weights: PolicyWeights, epsilon: float | FloatArray, sequence: int = 0, *, steps: int | None = None
    ) -> Rollout:
        """Act under one version of the weights and pack the transitions.

        Args:
            weights: the policy.
            epsilon: exploration rate, one number or one for each copy ``[num_envs]``.
            sequence: number of the rollout; with ``config.deterministic`` it decides all that is random.
            steps: of each copy, where not ``config.rollout_steps``; with ``config.deterministic`` episodes decide.

        Raises:
            InvalidDataError: an observation or a reward is NaN or infinite (says which environment, which step).
        """
        began = time.perf_counter()
        epsilons = np.broadcast_to(np.asarray(epsilon, dtype=np.float32), (self.config.num_envs,))
        if self.config.deterministic:
            self._rng = self.config.generator("exploration", self.index, sequence)
            self._start(self.config.seed_sequence("rollout", self.index, sequence))
        carried = self._carried
        if self._frames is not None:
            carried = self._frames.begin(carried)
        record = self._run(weights, epsilons, carried, steps or self.config.rollout_steps)
        first_new = len(carried.action)
        frames = None if self._frames is None else self._frames.array()
        self._check(record, frames, first_new)
        transitions = pack_transitions(
            record, self.config.gamma, self.config.n_step, all_starts=self.config.deterministic
        )
        self._carried = record.last(min(self.config.n_step - 1, len(record.action)))
        returns, lengths = self._count_episodes(record, first_new)
        return Rollout(
            transitions=transitions,
            steps=int(record.is_step[first_new:].sum()),
            weights_version=weights.version,
            episode_returns=returns,
            episode_lengths=lengths,
            actor=self.index,
            sequence=sequence,
            frames=frames,
            td_errors=td_errors(weights, transitions, frames) if self.config.actor_priorities else None,
            seconds=time.perf_counter() - began,
        )

    def close(self) -> None:
        """Free the environments."""
        self._envs.close()

    def _start(self, seeds: np.random.SeedSequence) -> None:
        """Reset all copies, forget what they did."""
        first, *rest = (int(word) for word in seeds.generate_state(self.config.num_envs))
        native = not isinstance(self._envs, gym.vector.SyncVectorEnv)  # a native vector version takes one seed
        observation, _ = self._envs.reset(seed=first if native else [first, *rest])  # type: ignore[arg-type]
        self._observation = observation
        num_envs = self.config.num_envs
        self._was_done = np.zeros(num_envs, dtype=bool)
        self._returns = np.zeros(num_envs)
        self._lengths = np.zeros(num_envs)
        first_row = observation if self._frames is None else self._frames.reset(observation)
        empty = np.empty((0, num_envs))
        self._carried = Record(
            first_row[None].copy(), empty.astype(np.int32), empty.astype(np.float32), *[empty.astype(bool)] * 3
        )

    def _run(self, weights: PolicyWeights, epsilons: FloatArray, carried: Record, steps: int) -> Record:
        """Step until the rollout is long enough, and append what happened to what was carried over."""
        taken = first_new = len(carried.action)
        rows = carried.with_room(steps)
        observation, was_done, ended = self._observation, self._was_done, self._was_done.copy()
        by_episodes = self.config.deterministic
        while not ended.all() if by_episodes else taken < first_new + steps:
            if taken == len(rows.action):
                rows = rows.with_room(taken)
            action = self._select_action(q_values(weights, observation), epsilons, self._rng)  # [N]
            observation, rows.reward[taken], terminated, truncated, _ = self._envs.step(action)
            rows.action[taken] = action
            rows.terminated[taken] = terminated
            rows.truncated[taken] = truncated
            # an environment that was done has only been reset; in a rollout of whole episodes it waits for the others
            np.logical_not(ended if by_episodes else was_done, out=rows.is_step[taken])
            seen = observation if self._frames is None else self._frames.add(observation, was_done)
            rows.observation[taken + 1] = seen
            was_done = terminated | truncated
            ended |= was_done
            taken += 1
        self._observation, self._was_done = observation, was_done
        return rows.first(taken)

    def _count_episodes(self, record: Record, first_new: int) -> tuple[FloatArray, IntArray]:
        """Returns and lengths of the episodes that ended, in the order of time."""
        is_step = record.is_step[first_new:]  # [T, N]
        done = is_step & (record.terminated | record.truncated)[first_new:]
        returns, self._returns = sums_to_ends(record.reward[first_new:] * is_step, done, self._returns)
        lengths, self._lengths = sums_to_ends(is_step, done, self._lengths)
        return returns.astype(np.float32), lengths.astype(np.int32)

    def _check(self, record: Record, frames: Array | None, first_new: int) -> None:
        """Raise where a number is not finite, naming the copy and the step."""
        self._check_finite("reward", record.reward[first_new:], first_step=1)
        kind = record.observation.dtype if frames is None else frames.dtype
        if np.issubdtype(kind, np.floating):
            observation = record.observation[first_new:]
            observation = observation if frames is None else frames[observation[:, :, -1]]  # the newest of each stack
            self._check_finite("observation", observation, first_step=0)  # that of step 0 is from a reset

    def _check_finite(self, name: str, values: Array, first_step: int) -> None:
        finite = np.isfinite(values)  # [T, N, ...]
        if not finite.all():
            step, copy, *_ = np.argwhere(~finite)[0]
            raise InvalidDataError(
                f"{self.config.env_id}: copy {copy} of actor {self.index} gave {values[~finite][0]} in the {name} of "
                f"step {first_step + step} of its rollout; every number must be finite. Mend or wrap the environment"
            )

    def _require_time_limit(self) -> None:
        if self.config.max_episode_steps:
            return
        limit = self._envs.spec.max_episode_steps if self._envs.spec else None
        if isinstance(self._envs, gym.vector.SyncVectorEnv):
            spec = self._envs.envs[0].spec
            limit = spec.max_episode_steps if spec else None
        if limit is None and self.config.env_id not in ALWAYS_END:
            raise ConfigError(
                f"deterministic rollouts are whole episodes, and {self.config.env_id} has no time limit: "
                "set max_episode_steps, for instance to 1000"
            )


# Without a time limit, but every episode is short
ALWAYS_END = ("dqnkit/TwoStateBias-v0", "dqnkit/BlindCliffwalk-v0", "dqnkit/Catch-v0")


class FrameRecord:
    """Every frame of a rollout once; an observation of stacked frames is the indices of its frames ``[N, S]``.

    It counts on `gymnasium.wrappers.FrameStackObservation`, which fills the stack with the first frame at a reset.
    """

    def __init__(self, stack: int) -> None:
        self._stack = stack
        self._frames: list[Array] = []  # [N, H, W] for each step, or [F, H, W] for what was carried over
        self._count = 0

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

    def array(self) -> Array:
        """All frames ``[F, H, W]``."""
        return np.concatenate(self._frames)


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
