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
from dqnkit.policy import q_values
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
    """

    def __init__(self, config: DQNConfig, index: int = 0, select_action: SelectAction | None = None) -> None:
        self.config = config
        self.index = index
        self._select_action = select_action or epsilon_greedy
        self._envs = make_vector_env(
            config.env_id,
            config.num_envs,
            max_episode_steps=config.max_episode_steps,
            frame_stack=config.frame_stack,
        )
        self._rng = config.generator("exploration", index)
        self._carried: Record  # the last n - 1 steps, whose successors are not known yet
        self._frames: FrameRecord | None = FrameRecord(config.frame_stack) if config.frame_stack > 1 else None
        self._start(config.seed_sequence("environment", index))
        if config.deterministic:
            self._require_time_limit()

    def rollout(self, weights: PolicyWeights, epsilon: float | FloatArray, sequence: int = 0) -> Rollout:
        """Act under one version of the weights and pack the transitions.

        Args:
            weights: the policy.
            epsilon: exploration rate, one number or one for each copy ``[num_envs]``.
            sequence: number of the rollout; with ``config.deterministic`` it decides all that is random.

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
        record = self._run(weights, epsilons, carried)
        first_new = len(carried.action)
        self._check(record, first_new)
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
            frames=None if self._frames is None else self._frames.array(),
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
        self._lengths = np.zeros(num_envs, dtype=np.int32)
        first_row = observation if self._frames is None else self._frames.reset(observation)
        empty = np.empty((0, num_envs))
        self._carried = Record(
            first_row[None].copy(), empty.astype(np.int32), empty.astype(np.float32), *[empty.astype(bool)] * 3
        )

    def _run(self, weights: PolicyWeights, epsilons: FloatArray, carried: Record) -> Record:
        """Step until the rollout is long enough, and append what happened to what was carried over."""
        rows: list[list[Array]] = [list(values) for values in carried]
        observations, actions, rewards, terminations, truncations, steps = rows
        observation, was_done, ended = self._observation, self._was_done, self._was_done.copy()
        taken = 0
        while not ended.all() if self.config.deterministic else taken < self.config.rollout_steps:
            action = self._select_action(q_values(weights, observation), epsilons, self._rng)  # [N]
            observation, reward, terminated, truncated, _ = self._envs.step(action)
            observations.append(observation.copy() if self._frames is None else self._frames.add(observation, was_done))
            actions.append(action)
            rewards.append(reward.astype(np.float32))
            terminations.append(terminated.copy())
            truncations.append(truncated.copy())
            # an environment that was done has only been reset; in a rollout of whole episodes it waits for the others
            steps.append(~(ended if self.config.deterministic else was_done))
            was_done = terminated | truncated
            ended |= was_done
            taken += 1
        self._observation, self._was_done = observation, was_done
        return Record._make(np.stack(values) for values in rows)

    def _count_episodes(self, record: Record, first_new: int) -> tuple[FloatArray, IntArray]:
        """Returns and lengths of the episodes that ended, in the order of time."""
        if self.config.deterministic:
            returns = (record.reward * record.is_step).sum(axis=0, dtype=np.float64)
            return returns.astype(np.float32), record.is_step.sum(axis=0, dtype=np.int32)
        done = (record.terminated | record.truncated)[first_new:]  # [T, N]
        if not done.any():
            self._returns += record.reward[first_new:].sum(axis=0)
            self._lengths += record.is_step[first_new:].sum(axis=0, dtype=np.int32)
            return np.empty(0, np.float32), np.empty(0, np.int32)
        all_returns: list[FloatArray] = []
        all_lengths: list[IntArray] = []
        for reward, is_step, ends in zip(record.reward[first_new:], record.is_step[first_new:], done, strict=True):
            self._returns += reward
            self._lengths += is_step
            if ends.any():
                all_returns.append(self._returns[ends].astype(np.float32))
                all_lengths.append(self._lengths[ends])
                self._returns[ends] = 0
                self._lengths[ends] = 0
        return np.concatenate(all_returns), np.concatenate(all_lengths)

    def _check(self, record: Record, first_new: int) -> None:
        """Raise where a number is not finite, naming the copy and the step."""
        checks = [("reward", record.reward[first_new:])]
        if np.issubdtype(record.observation.dtype, np.floating):
            checks.append(("observation", record.observation[first_new:]))
        for name, values in checks:
            if not np.isfinite(values).all():
                finite = np.isfinite(values).reshape(*values.shape[:2], -1).all(axis=2)  # [T, N]
                step, copy = np.argwhere(~finite)[0]
                raise InvalidDataError(
                    f"{self.config.env_id}: copy {copy} of actor {self.index} gave the {name} {values[step, copy]} "
                    f"in step {step} of its rollout; every number must be finite. Mend the environment, or wrap it"
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
    for k in range(n_step):
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
