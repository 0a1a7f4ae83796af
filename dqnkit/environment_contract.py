"""What every environment must keep to, tried on one of the reader's own before an agent is trained on it.

    for name, problem in contract("my_task:MyTask-v0").items():
        print(name, problem or "kept")

Skip this at the first reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.config import DQNConfig
from dqnkit.environment_errors import telling
from dqnkit.environments import make_env
from dqnkit.errors import DQNKitError
from dqnkit.types import Array

STEPS = 200  # of each trial
LONGEST = 100_000  # steps; an episode that is longer has no end


def contract(settings: DQNConfig | str) -> dict[str, str]:
    """Try each point of the contract: name -> what is wrong, in a sentence; empty where it is kept."""
    config = DQNConfig(env_id=settings) if isinstance(settings, str) else settings
    return {name: _problem(point, config) for name, point in POINTS.items()}


def _problem(point: Callable[[DQNConfig], str], config: DQNConfig) -> str:
    try:
        return point(config)
    except DQNKitError as error:  # the kit says itself what is wrong
        return f"{error}"


def _spaces(config: DQNConfig) -> str:
    """Every observation lies in the space, with its shape and type; rewards are finite."""
    env = make_env(config)
    space = env.observation_space
    for observation, reward in _played(env, seed=0):
        if observation.shape != space.shape or observation.dtype != space.dtype:
            return (
                f"an observation has the shape {observation.shape} and the type {observation.dtype}; the space says "
                f"{space.shape} and {space.dtype}"
            )
        if observation not in space:
            return f"an observation lies outside of the space: {np.array2string(observation, threshold=8)}"
        if not np.isfinite(reward):
            return f"a reward is {reward}"
    return ""


def _seed(config: DQNConfig) -> str:
    """The same seed gives the same episode, whatever was played before; another seed gives another one."""
    env = make_env(config)
    first = [*_played(env, seed=5)]
    list(_played(env, seed=6, steps=7))
    again = [*_played(env, seed=5)]
    for step, (one, other) in enumerate(zip(first, again, strict=False)):
        if not np.array_equal(one[0], other[0]) or one[1] != other[1]:
            return (
                f"two episodes with the same seed and the same actions differ at step {step}: draw with self.np_random "
                "only, call super().reset(seed=seed), and set everything anew in reset"
            )
    return ""


def _kept(config: DQNConfig) -> str:
    """An observation that was returned does not change later."""
    env = make_env(config)
    with telling(config.env_id, "in reset or in step"):  # inside of all wrappers, which may copy
        observation, _ = env.unwrapped.reset(seed=0)
        if not isinstance(observation, np.ndarray):
            return ""
        before = observation.copy()
        env.unwrapped.step(env.unwrapped.action_space.sample())
    if not np.array_equal(before, observation):
        return "an observation changed after it was returned: return a copy, not the array that you go on to change"
    return ""


def _end(config: DQNConfig) -> str:
    """Every episode ends, or is cut."""
    env = make_env(config)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(LONGEST):
        *_, terminated, truncated, _ = env.step(int(rng.integers(_actions(env))))
        if terminated or truncated:
            return ""
    return f"an episode has not ended after {LONGEST:,} steps: register it with max_episode_steps"


def _played(env: gym.Env[Any, Any], seed: int, steps: int = STEPS) -> list[tuple[Array, float]]:
    """Observations and rewards of random actions, over several episodes."""
    rng = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    seen = [(np.array(observation), 0.0)]
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(int(rng.integers(_actions(env))))
        seen.append((np.array(observation), float(reward)))
        if terminated or truncated:
            observation, _ = env.reset()
            seen.append((np.array(observation), 0.0))
    return seen


def _actions(env: gym.Env[Any, Any]) -> int:
    return int(env.action_space.n)  # type: ignore[attr-defined]


POINTS: dict[str, Callable[[DQNConfig], str]] = {
    "observations lie in their space, rewards are numbers": _spaces,
    "the same seed gives the same episode": _seed,
    "what was returned does not change": _kept,
    "every episode ends": _end,
}
