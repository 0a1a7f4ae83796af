"""Which environments DQN, or this kit, cannot handle: each is refused in one clear sentence."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import gymnasium as gym

from dqnkit.errors import ConfigError, EnvironmentNotSupportedError
from dqnkit.named_wrappers import wrapper_to_try

ALWAYS_ENDS = "always_ends"  # key in an environment's metadata: every episode is short, also without a time limit


def check_spaces(observation_space: gym.Space[Any], action_space: gym.Space[Any], env_id: str) -> None:
    """Raise `EnvironmentNotSupportedError` where DQN cannot choose the actions or the kit not read the observations."""
    if not isinstance(action_space, gym.spaces.Discrete):
        advice = "Choose an environment with discrete actions"
        if isinstance(action_space, gym.spaces.Box):
            advice = "Set action_bins, for instance to 5 (--action-bins 5): so many values of each number of an action"
        raise EnvironmentNotSupportedError(
            f"{env_id} has actions {action_space}: DQN needs a finite number of them (Discrete). {advice}"
        )
    if action_space.start != 0:
        raise EnvironmentNotSupportedError(
            f"the actions of {env_id} start at {action_space.start}: wrap it so that they start at 0"
        )
    if isinstance(observation_space, (gym.spaces.Discrete, gym.spaces.MultiDiscrete, gym.spaces.MultiBinary)):
        return
    if not isinstance(observation_space, gym.spaces.Box) or len(observation_space.shape) not in (1, 2, 3):
        raise EnvironmentNotSupportedError(
            f"{env_id} has observations {observation_space}: the kit handles arrays (Box) of one to three axes, "
            f"Discrete, MultiDiscrete and MultiBinary. {wrapper_to_try(observation_space, env_id)}"
        )


def check_stackable(observation_space: gym.Space[Any], env_id: str) -> None:
    """Raise `EnvironmentNotSupportedError` where observations are pictures with channels: frames cannot be stacked."""
    if len(observation_space.shape or ()) == 3:
        raise EnvironmentNotSupportedError(
            f"{env_id} has pictures {observation_space.shape} with channels of their own, which cannot be "
            "stacked: set frame_stack to 1"
        )


def check_lives(has_lives: bool, settings: Mapping[str, Any], env_id: str) -> None:
    """Raise `EnvironmentNotSupportedError` for a setting about lives, of which the environment has none."""
    for name, value in settings.items():
        if value and not has_lives:
            raise EnvironmentNotSupportedError(
                f"{name} is for Atari games, whose emulator tells the lives, and {env_id} is none: set {name} to False"
            )


def check_autoreset(envs: gym.vector.VectorEnv[Any, Any, Any], env_id: str) -> None:
    """Raise `EnvironmentNotSupportedError` unless the step after the end of an episode resets the environment."""
    mode = envs.metadata.get("autoreset_mode", gym.vector.AutoresetMode.NEXT_STEP)
    if mode != gym.vector.AutoresetMode.NEXT_STEP:
        raise EnvironmentNotSupportedError(
            f"the vector version of {env_id} resets by {mode}: only AutoresetMode.NEXT_STEP is handled, "
            "where the step after the end of an episode is a reset and no transition"
        )


def check_episodes_end(envs: gym.vector.VectorEnv[Any, Any, Any], env_id: str, max_episode_steps: int = 0) -> None:
    """Raise `ConfigError` unless episodes have a time limit, or the environment's metadata say that each one ends."""
    spec = envs.envs[0].spec if isinstance(envs, gym.vector.SyncVectorEnv) else envs.spec
    limit = max_episode_steps or (spec.max_episode_steps if spec else None)
    if not limit and not envs.metadata.get(ALWAYS_ENDS):
        raise ConfigError(
            f"deterministic rollouts are whole episodes, and {env_id} has no time limit: "
            "set max_episode_steps, for instance to 1000"
        )


def unknown_environment(env_id: str) -> EnvironmentNotSupportedError:
    """The error for an id that Gymnasium does not know, with the nearest ones that it knows."""
    by_lower = {name.lower(): name for name in gym.registry}
    near = [by_lower[name] for name in get_close_matches(env_id.lower(), list(by_lower), n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else "gymnasium.pprint_registry() lists all"
    return EnvironmentNotSupportedError(f"there is no environment {env_id!r}: {hint}")
