"""How good a policy is: the returns of whole greedy episodes."""

from __future__ import annotations

import numpy as np

from dqnkit.checked_numbers import whole_number
from dqnkit.config import DQNConfig
from dqnkit.environments import has_native_vector, make_env, make_vector_env
from dqnkit.policy import q_values
from dqnkit.types import Array, FloatArray, PolicyWeights

MAX_STEPS = 100_000  # an episode that would never end (a policy that runs into a wall, no time limit) is cut here


def evaluate(weights: PolicyWeights, config: DQNConfig, episodes: int = 100, seed: int | None = None) -> FloatArray:
    """Returns of greedy episodes, exactly one on each of ``episodes`` copies of the environment.

    One for each copy, because the first N episodes to finish are the short ones: their mean is too low where long
    episodes are good, and too high where short ones are good.

    Args:
        weights: the policy.
        config: for the environment.
        episodes: how many, all at once.
        seed: of the episodes; ``config.seed`` unless given. No seed repeats an episode of training.

    Returns:
        undiscounted returns ``[episodes]``, float32.

    Raises:
        ConfigError: ``episodes`` or ``seed`` is no whole number in range.
    """
    whole_number("episodes", episodes, low=1)
    if seed is not None:
        whole_number("seed", seed, low=0)
    seeds = config.seed_sequence("evaluation", *([] if seed is None else [seed + 1])).generate_state(episodes)
    if has_native_vector(config.env_id, config.frame_stack):
        return _evaluate_native(weights, config, seeds)
    return _evaluate_each(weights, config, seeds)


def _evaluate_native(weights: PolicyWeights, config: DQNConfig, seeds: Array) -> FloatArray:
    envs = make_vector_env(config.env_id, len(seeds), max_episode_steps=config.max_episode_steps)
    observation, _ = envs.reset(seed=int(seeds[0]))
    returns, running = np.zeros(len(seeds)), np.ones(len(seeds), dtype=bool)
    for _ in range(MAX_STEPS):
        observation, reward, terminated, truncated, _ = envs.step(q_values(weights, observation).argmax(axis=1))
        returns += reward * running
        running &= ~(terminated | truncated)
        if not running.any():
            break
    envs.close()
    return returns.astype(np.float32)


def _evaluate_each(weights: PolicyWeights, config: DQNConfig, seeds: Array) -> FloatArray:
    """Step only the copies whose episode has not ended: a few long episodes cost less than if all were long."""
    settings = {"max_episode_steps": config.max_episode_steps, "frame_stack": config.frame_stack}
    envs = [make_env(config.env_id, **settings) for _ in seeds]  # type: ignore[arg-type]
    observations = [env.reset(seed=int(seed))[0] for env, seed in zip(envs, seeds, strict=True)]
    returns, running = np.zeros(len(seeds)), list(range(len(seeds)))
    for _ in range(MAX_STEPS):
        actions = q_values(weights, np.stack([observations[i] for i in running])).argmax(axis=1)
        still_running = []
        for i, action in zip(running, actions, strict=True):
            observations[i], reward, terminated, truncated, _ = envs[i].step(action)
            returns[i] += float(reward)
            if not (terminated or truncated):
                still_running.append(i)
        running = still_running
        if not running:
            break
    for env in envs:
        env.close()
    return returns.astype(np.float32)
