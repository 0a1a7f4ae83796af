"""An actor: steps copies of an environment under a policy and packs what happened into a rollout.

There are two kinds of rollouts:

- of steps (the default): ``rollout_steps`` steps of each copy, from where the last rollout ended;
- of episodes (``config.deterministic``): one whole episode of each copy, from a reset seeded by (seed, actor, sequence
  number). So it is the same whichever process makes it, and whatever that process did before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.actor_priorities import td_errors
from dqnkit.config import DQNConfig
from dqnkit.environment_errors import telling
from dqnkit.environment_limits import check_episodes_end
from dqnkit.environments import make_vector_env
from dqnkit.errors import DQNKitError, InvalidDataError
from dqnkit.exploration import SelectAction, checked_selection, epsilon_greedy
from dqnkit.frames import FrameRecord, WholeObservations
from dqnkit.observations import check_within_bounds
from dqnkit.packing import Record, pack_transitions, sums_to_ends, with_clipped_rewards
from dqnkit.policy import q_values
from dqnkit.types import Array, FloatArray, IntArray, PolicyWeights, Rollout


@dataclass
class _UnderWay:
    """Where the copies of the environment stand between two rollouts."""

    observation: Array  # [N, ...] what the policy sees next
    was_done: Array  # [N] whether the episode has ended, so that the next step only resets
    returns: Array  # [N] of the episodes under way, so far
    lengths: Array  # [N]
    lives: Array | None  # [N], where a lost life ends the episode for the learner
    carried: Record  # the last n - 1 steps, which need the next ones to become n-step transitions


class Actor:
    """Steps ``config.num_envs`` copies of the environment and returns rollouts.

    Args:
        config: the run's settings.
        index: which logical actor this is; it has its own random streams.
        select_action: ``(q_values [N, A], epsilon [N], rng) -> actions [N]``; epsilon-greedy unless given. Where there
            are values of dimensions only, it selects a bin of each, see `checked_selection`.
        first_sequence: number of the first rollout. An actor made in the middle of a run sees other episodes than
            the one that began it.

    Raises:
        ConfigError: ``config.deterministic``, and episodes may never end.
        RolloutError, InvalidDataError: as `rollout`.
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
        self._select_action = checked_selection(select_action) if select_action else epsilon_greedy
        self._envs = make_vector_env(config, config.num_envs)
        self._rng = config.generator("exploration", index, first_sequence)
        self._recorder = FrameRecord(config.frame_stack) if config.frame_stack > 1 else WholeObservations()
        self._stepping = telling(config.env_id, "in step")
        self._now = self._reset(config.seed_sequence("environment", index, first_sequence))
        if config.deterministic:
            check_episodes_end(self._envs, config.env_id, config.max_episode_steps)

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
            InvalidDataError: an observation or a reward is NaN or infinite (says which environment, which step), an
                observation does not fit its space, or ``select_action`` returned something else than actions.
            DivergedError: a Q-value is NaN or infinite.
            RolloutError: the environment raised an error of its own.
        """
        began = time.perf_counter()
        epsilons = np.broadcast_to(np.asarray(epsilon, dtype=np.float32), (self.config.num_envs,))
        if self.config.deterministic:
            self._rng = self.config.generator("exploration", self.index, sequence)
            self._now = self._reset(self.config.seed_sequence("rollout", self.index, sequence))
        carried = self._recorder.begin(self._now.carried)
        record = self._run(weights, epsilons, carried, steps or self.config.rollout_steps)
        first_new = len(carried.action)
        self._check(record, first_new)
        transitions = pack_transitions(
            with_clipped_rewards(record, self.config.reward_clip),
            self.config.gamma,
            self.config.n_step,
            all_starts=self.config.deterministic,
        )
        self._now.carried = record.last(min(self.config.n_step - 1, len(record.action)))
        frames = self._recorder.array()
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
        with telling(self.config.env_id, "in close"):
            self._envs.close()

    def _reset(self, seeds: np.random.SeedSequence) -> _UnderWay:
        """Reset all copies; nothing is left of what they did."""
        num_envs = self.config.num_envs
        first, *rest = (int(word) for word in seeds.generate_state(num_envs))
        native = not isinstance(self._envs, gym.vector.SyncVectorEnv)  # a native vector version takes one seed
        with telling(self.config.env_id, "in reset"):
            observation, info = self._envs.reset(seed=first if native else [first, *rest])  # type: ignore[arg-type]
        space = self._envs.single_observation_space
        if native and (observation.dtype, observation.shape[1:]) != (space.dtype, space.shape):
            raise InvalidDataError(
                f"the vector version of {self.config.env_id} gave observations of {observation.dtype} and the shape "
                f"{observation.shape[1:]}, and it declares {space}: make both agree"
            )
        first_row = self._recorder.reset(observation)[None].copy()  # [1, N, ...]
        none = np.empty((0, num_envs))
        carried = Record(first_row, none.astype(np.int32), none.astype(np.float32), *[none.astype(bool)] * 3)
        zeros = np.zeros(num_envs)
        lives = info["lives"].copy() if self.config.life_loss_ends else None
        return _UnderWay(observation, zeros.astype(bool), zeros, zeros, lives, carried)

    def _run(self, weights: PolicyWeights, epsilons: FloatArray, carried: Record, steps: int) -> Record:
        """Step until the rollout is long enough; the record of it, after the steps that were carried over."""
        taken = first_new = len(carried.action)
        rows = carried.with_room(steps)
        observation, was_done = self._now.observation, self._now.was_done
        ended = was_done.copy()
        by_episodes = self.config.deterministic
        while not ended.all() if by_episodes else taken < first_new + steps:
            if taken == len(rows.action):
                rows = rows.with_room(taken)
            try:
                q = q_values(weights, observation)  # [N, A]
            except DQNKitError:
                self._check(rows.first(taken), first_new)  # a better sentence, where the data are the reason
                raise
            action = self._select_action(q, epsilons, self._rng)  # [N]
            with self._stepping:
                observation, reward, terminated, truncated, info = self._envs.step(action)
            with np.errstate(over="ignore"):  # what becomes infinite in float32 is seen by _check
                rows.reward[taken] = reward
            rows.action[taken] = action
            rows.terminated[taken] = terminated if self._now.lives is None else terminated | self._lost_lives(info)
            rows.truncated[taken] = truncated
            # a copy that was done has only been reset; in a rollout of episodes it is stepped on until all have ended
            np.logical_not(ended if by_episodes else was_done, out=rows.is_step[taken])
            rows.observation[taken + 1] = self._recorder.add(observation, was_done)
            was_done = terminated | truncated
            ended |= was_done
            taken += 1
        self._now.observation, self._now.was_done = observation, was_done
        return rows.first(taken)

    def _lost_lives(self, info: dict[str, Any]) -> Array:
        """Which copies lost a life in this step ``[N]``."""
        before, self._now.lives = self._now.lives, info["lives"].copy()
        return self._now.lives < before

    def _count_episodes(self, record: Record, first_new: int) -> tuple[FloatArray, IntArray]:
        """Returns and lengths of the episodes that ended, in the order of time.

        They are those of whole games, whatever lives were lost: an episode ended where the next step is none.
        """
        is_step = record.is_step[first_new:]  # [T, N]
        done = is_step & ~np.concatenate([is_step[1:], ~self._now.was_done[None]])
        returns, self._now.returns = sums_to_ends(record.reward[first_new:] * is_step, done, self._now.returns)
        lengths, self._now.lengths = sums_to_ends(is_step, done, self._now.lengths)
        return returns.astype(np.float32), lengths.astype(np.int32)

    def _check(self, record: Record, first_new: int) -> None:
        """Raise where a number is not finite, naming the copy and the step, or outside of the declared bounds."""
        self._check_finite("reward", record.reward[first_new:], first_step=1)
        observation = self._recorder.newest(record.observation[first_new:])
        if np.issubdtype(observation.dtype, np.floating):
            self._check_finite("observation", observation, first_step=0)  # that of step 0 is from a reset
        check_within_bounds(observation, self._envs.single_observation_space, self.config.env_id)

    def _check_finite(self, name: str, values: Array, first_step: int) -> None:
        with np.errstate(over="ignore"):
            finite = np.isfinite(values.astype(np.float32, copy=False))  # [T, N, ...], as the network sees them
        if not finite.all():
            step, copy, *_ = np.argwhere(~finite)[0]
            raise InvalidDataError(
                f"{self.config.env_id}: copy {copy} of actor {self.index} gave {values[~finite][0]} in the {name} of "
                f"step {first_step + step} of its rollout; every number must be finite in float32. "
                "Mend or wrap the environment"
            )
