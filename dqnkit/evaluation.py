"""How good a policy is: the returns of whole greedy episodes."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.action_values import greedy_actions
from dqnkit.atari import STEPS_OF_GAME
from dqnkit.checked_numbers import number, whole_number
from dqnkit.config import DQNConfig
from dqnkit.environment_errors import telling
from dqnkit.environments import find_environment, has_native_vector, make_env, make_vector_env
from dqnkit.errors import DQNKitError, RolloutError
from dqnkit.exploration import epsilon_greedy
from dqnkit.games import ATARI
from dqnkit.policy import q_values
from dqnkit.types import Array, FloatArray, IntArray, PolicyWeights

MOST_COPIES = 100  # of an environment that has no native vector version
GAMES_AT_ONCE = 8  # copies of an Atari game; to load one takes a tenth of a second
MAX_STEPS = 100_000  # an episode that would never end is cut here, whatever the environment's own limit
MAX_STEPS_WITHOUT_LIMIT = 5_000  # and here where there is none: a policy that runs into a wall would run for ever


class EpisodesCutWarning(UserWarning):
    """Episodes of an evaluation were cut: their returns may be too low or too high."""


@dataclass
class Evaluation:
    """An evaluation under way, or at its end; the same object is yielded again and again.

    Attributes:
        returns: undiscounted returns ``[episodes]``, float32, so far.
        max_steps: an episode is cut after so many.
        epsilon: exploration rate; 0: the episodes are greedy.
        ended: episodes that have ended, cut ones included.
        cut: episodes that were cut.
        steps: of all episodes together.
    """

    returns: FloatArray
    max_steps: int
    epsilon: float = 0.0
    ended: int = 0
    cut: int = 0
    steps: int = 0

    def warning(self) -> str:
        """A sentence about episodes that were cut; empty where there were none."""
        if not self.cut:
            return ""
        return (
            f"{self.cut} of {len(self.returns)} episodes were cut after {self.max_steps:,} steps, with the return that "
            "they had by then: the mean of whole episodes may be another"
        )


def evaluate(
    weights: PolicyWeights,
    config: DQNConfig,
    episodes: int = 100,
    seed: int | None = None,
    *,
    epsilon: float = 0.0,
    max_steps: int | None = None,
) -> FloatArray:
    """Returns of whole episodes, greedy ones unless there is an ``epsilon``.

    Which episodes are played is decided before the first begins. The first N to finish on several copies of an
    environment would be the short ones: their mean is too low where long episodes are good, and too high where short
    ones are good.

    Args:
        weights: the policy.
        config: for the environment.
        episodes: how many.
        seed: of the episodes; ``config.seed`` unless given. No seed repeats an episode of training.
        epsilon: exploration rate.
        max_steps: an episode is cut after so many; unless given, the environment's own time limit decides, or, where
            there is none, `MAX_STEPS_WITHOUT_LIMIT`.

    Returns:
        undiscounted returns ``[episodes]``, float32. A warning says how many episodes were cut.

    Raises:
        ConfigError: a number is out of range.
        RolloutError, InvalidDataError: the environment raised an error or returned what it must not.
    """
    *_, evaluation = play_episodes(weights, config, episodes, seed, epsilon=epsilon, max_steps=max_steps)
    if evaluation.cut:
        warnings.warn(evaluation.warning(), EpisodesCutWarning, stacklevel=2)
    return evaluation.returns


def play_episodes(
    weights: PolicyWeights,
    config: DQNConfig,
    episodes: int = 100,
    seed: int | None = None,
    *,
    epsilon: float = 0.0,
    max_steps: int | None = None,
) -> Generator[Evaluation, None, None]:
    """`evaluate` as a generator, which yields how far it is after every step of all copies. It warns of nothing.

    Raises:
        ConfigError: a number is out of range.
        RolloutError, InvalidDataError: as `evaluate`.
    """
    whole_number("episodes", episodes, low=1)
    number("epsilon", epsilon, low=0, high=1)
    for name, value, low in (("seed", seed, 0), ("max_steps", max_steps, 1)):
        if value is not None:
            whole_number(name, value, low=low)
    seeds = config.seed_sequence("evaluation", *([] if seed is None else [seed + 1]))
    evaluation = Evaluation(np.zeros(episodes, np.float32), max_steps or _steps_of_longest(config), epsilon)
    play = _play_native if has_native_vector(config) else _play_each
    if has_native_vector(config) and config.env_id.startswith(ATARI):
        play = _play_games
    choose = _Choice(weights, epsilon, np.random.default_rng(seeds.spawn(1)[0]))
    yield from play(choose, config, seeds.generate_state(episodes), evaluation)


def _steps_of_longest(config: DQNConfig) -> int:
    """Where an episode is cut that does not end by itself."""
    limit = config.max_episode_steps or find_environment(config.env_id).max_episode_steps
    if limit is None:
        return STEPS_OF_GAME if config.env_id.startswith(ATARI) else MAX_STEPS_WITHOUT_LIMIT
    return min(limit, MAX_STEPS)


@dataclass(frozen=True)
class _Choice:
    """Chooses the actions of several copies."""

    weights: PolicyWeights
    epsilon: float
    rng: np.random.Generator

    def __call__(self, observation: Array) -> IntArray:
        q = q_values(self.weights, observation)  # [N, A]
        if self.epsilon == 0:
            return greedy_actions(q)
        return epsilon_greedy(q, np.full(len(q), self.epsilon, np.float32), self.rng)


def _play_native(
    choose: _Choice, config: DQNConfig, seeds: Array, evaluation: Evaluation
) -> Generator[Evaluation, None, None]:
    """One episode on each copy of a native vector version, which steps all of them at once and takes one seed."""
    envs = make_vector_env(config, len(seeds))
    stepping = telling(config.env_id, "in step")
    returns, running = np.zeros(len(seeds)), np.ones(len(seeds), dtype=bool)
    try:
        with telling(config.env_id, "in reset"):
            observation, _ = envs.reset(seed=int(seeds[0]))
        for _ in range(evaluation.max_steps):
            action = choose(observation)
            with stepping:
                observation, reward, terminated, truncated, _ = envs.step(action)
            returns += reward * running
            evaluation.returns = returns.astype(np.float32)
            evaluation.steps += int(running.sum())
            running &= ~(terminated | truncated)
            evaluation.ended = len(seeds) - int(running.sum())
            if not running.any():
                break
            yield evaluation
        evaluation.cut = int(running.sum())
        evaluation.ended = len(seeds)
        yield evaluation
    finally:
        envs.close()


def _play_games(
    choose: _Choice, config: DQNConfig, seeds: Array, evaluation: Evaluation
) -> Generator[Evaluation, None, None]:
    """Whole Atari games on a few copies that step together; each begins the next game when its own has ended.

    The emulator takes a thousand times the time of a CartPole, so that one copy for each game would cost too much: all
    are stepped until the last has ended.
    """
    limit = config.max_episode_steps or STEPS_OF_GAME
    config = replace(config, max_episode_steps=min(limit, evaluation.max_steps))
    envs = make_vector_env(config, min(len(seeds), GAMES_AT_ONCE))
    stepping = telling(config.env_id, "in step")
    game = np.arange(envs.num_envs)  # [N] which one each copy plays; -1: none is left
    steps, was_done = np.zeros(envs.num_envs, int), np.zeros(envs.num_envs, bool)
    waiting = deque(range(envs.num_envs, len(seeds)))
    try:
        with telling(config.env_id, "in reset"):
            observation, _ = envs.reset(seed=seeds[: envs.num_envs])  # type: ignore[arg-type]
        while (game >= 0).any():
            acting = (game >= 0) & ~was_done  # the others are reset, or play what nobody counts
            action = np.zeros(envs.num_envs, np.int32)
            if acting.any():
                action[acting] = choose(observation[acting])
            with stepping:
                observation, reward, terminated, truncated, _ = envs.step(action)
            evaluation.returns[game[acting]] += reward[acting]
            evaluation.steps += int(acting.sum())
            steps = np.where(acting, steps + 1, 0)
            was_done = terminated | truncated
            for copy in np.flatnonzero(was_done & acting):
                evaluation.ended += 1
                evaluation.cut += bool(truncated[copy] and steps[copy] >= evaluation.max_steps < limit)
                game[copy] = waiting.popleft() if waiting else -1
            yield evaluation
    finally:
        envs.close()


@dataclass
class _Copy:
    """A copy of the environment and the episode that it plays."""

    env: gym.Env[Any, Any]
    episode: int = -1
    observation: Any = None
    steps: int = 0
    total: float = 0.0  # the return so far

    def begin(self, episode: int, seed: int) -> None:
        """Begin an episode."""
        self.observation, _ = self.env.reset(seed=seed)
        self.episode, self.steps, self.total = episode, 0, 0.0


def _play_each(
    choose: _Choice, config: DQNConfig, seeds: Array, evaluation: Evaluation
) -> Generator[Evaluation, None, None]:
    """Each copy begins the next episode when its own has ended, so that a few copies, or one, can play all."""
    copies = _make_copies(config, len(seeds))
    waiting = deque(enumerate(map(int, seeds)))
    try:
        for copy in copies:
            copy.begin(*waiting.popleft())
        playing = copies
        while playing:
            actions = choose(np.stack([copy.observation for copy in playing]))
            for copy, action in zip(playing, actions, strict=True):
                copy.observation, reward, terminated, truncated, _ = copy.env.step(action)
                copy.steps += 1
                copy.total += float(reward)
                evaluation.returns[copy.episode] = copy.total
                done = terminated or truncated
                if done or copy.steps >= evaluation.max_steps:
                    evaluation.ended += 1
                    evaluation.cut += not done
                    copy.episode = -1
                    if waiting:
                        copy.begin(*waiting.popleft())
            evaluation.steps += len(playing)
            playing = [copy for copy in playing if copy.episode >= 0]
            yield evaluation
    finally:
        for copy in copies:
            with suppress(DQNKitError):  # all is played: what fails here costs nothing
                copy.env.close()


def _make_copies(config: DQNConfig, episodes: int) -> list[_Copy]:
    """As many copies of the environment as there are episodes, and as can exist: of a robot there is only one."""
    copies: list[_Copy] = []
    for _ in range(min(episodes, MOST_COPIES)):
        try:
            env = make_env(config)
        except RolloutError:
            if not copies:
                raise
            break
        copies.append(_Copy(env))
    return copies
