"""Making environments, one or many at once."""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit import opengl
from dqnkit.action_bins import ActionBins
from dqnkit.argument_errors import argument_error, check_configuration
from dqnkit.config import DQNConfig
from dqnkit.environment_errors import CheckedEnv, told
from dqnkit.environment_limits import (
    check_autoreset,
    check_lives,
    check_spaces,
    check_stackable,
    unknown_environment,
)
from dqnkit.errors import EnvironmentNotSupportedError, RolloutError
from dqnkit.frames import StackedFrames
from dqnkit.games import ATARI, make_game, make_native_vector, missing_package, register_game, takes_vector_arguments
from dqnkit.named_wrappers import imported, wrapped
from dqnkit.observations import CheckedObservations, check_normalizable
from dqnkit.small_environments import register_small_environments

register_small_environments()


@told("while it was made")
def make_env(settings: DQNConfig | str, *, render: bool = False) -> gym.Env[Any, Any]:
    """One environment, checked, as training, evaluation and videos use it.

    It is made with the arguments ``env_args`` and gets the wrappers ``wrappers``, the first one innermost. What the kit
    adds comes around those. Discrete observations become one-hot vectors. Atari games get the usual preprocessing (see
    `dqnkit.atari`). With ``frame_stack`` above 1 the observation is ``[S, ...]``, the latest S. With ``action_bins``,
    continuous actions become discrete ones (see `dqnkit.action_bins`).

    Args:
        settings: of the run, which say what its environment is; a Gymnasium id stands for the default settings.
        render: whether ``env.render()`` gives a picture.

    Raises:
        EnvironmentNotSupportedError: unknown (with the nearest names), not for DQN, or without a package that it needs;
            an argument that it does not take; no such wrapper.
        MissingExtraError: the extra `games` brings the package that it needs.
        ConfigError: ``action_bins`` does not fit the actions.
        RolloutError: it raised an error of its own while it was made. What it raises and returns later ends in one
            sentence too, see `CheckedEnv`.
    """
    config = _settings_of(settings)
    env_id, frame_stack = config.env_id, config.frame_stack
    spec = find_environment(env_id)
    kwargs = {**_atari_settings(config, spec), **({"render_mode": "rgb_array"} if render else {})}
    if render:  # pygame must open no window and no sound card, and print no greeting
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
        os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        env = make_game(
            spec,
            max_episode_steps=config.max_episode_steps or None,
            disable_env_checker=True,
            **config.env_args.plain(),
            **kwargs,
        )
    except (gym.error.DependencyNotInstalled, ImportError) as error:
        raise missing_package(env_id, error) from error
    except TypeError as error:
        if explained := argument_error(error, spec, config.env_args):
            raise explained from error
        if not render:
            raise
        raise EnvironmentNotSupportedError(f"{env_id} draws no pictures: it takes no render_mode") from error
    except Exception as error:
        if opengl.is_failure_of_opengl(error):  # MuJoCo loads what MUJOCO_GL names before the first picture, too
            raise opengl.cannot_be_drawn(env_id) from error
        raise
    if render and opengl.is_drawn_by_mujoco(env):
        opengl.choose_way_to_draw(env_id)
    check_configuration(env, env_id, config.env_args)
    env = wrapped(env, config.wrappers, env_id)
    if config.action_bins:
        env = ActionBins(env, config.action_bins, env_id)
    check_spaces(env.observation_space, env.action_space, env_id)
    if config.normalize_observations:
        check_normalizable(env.observation_space, frame_stack, env_id)
    env = CheckedObservations(env, env_id)
    if isinstance(env.observation_space, (gym.spaces.Discrete, gym.spaces.MultiDiscrete)):
        env = gym.wrappers.FlattenObservation(env)
        env = gym.wrappers.DtypeObservation(env, np.float32)
    if frame_stack > 1:
        check_stackable(env.observation_space, env_id)
        # Gymnasium's stack keeps references: without a copy, an environment that changes the array which it returned
        # last would change the older frames, too.
        env = gym.wrappers.TransformObservation(env, np.copy, env.observation_space)
        env = gym.wrappers.FrameStackObservation(env, frame_stack)
    return CheckedEnv(env, env_id)


@told("while it was made")
def make_vector_env(settings: DQNConfig | str, num_envs: int) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Many copies of an environment that step together: its native vector version where it has one.

    A copy whose episode has ended is reset by the next step (`AutoresetMode.NEXT_STEP`).

    Raises:
        EnvironmentNotSupportedError, MissingExtraError, ConfigError, RolloutError: as `make_env`; another autoreset
            mode is refused too.
    """
    config = _settings_of(settings)
    env_id = config.env_id
    spec = find_environment(env_id)
    if has_native_vector(config):
        limit = config.max_episode_steps
        kwargs: dict[str, Any] = {**_atari_settings(config, spec), **({"max_episode_steps": limit} if limit else {})}
        try:
            envs = make_native_vector(spec, num_envs, **config.env_args.plain(), **kwargs)
        except (gym.error.DependencyNotInstalled, ImportError) as error:
            raise missing_package(env_id, error) from error
        check_spaces(envs.single_observation_space, envs.single_action_space, env_id)
        if config.frame_stack > 1:
            check_stackable(envs.single_observation_space, env_id)
            envs = StackedFrames(envs, config.frame_stack)
    else:
        made: list[gym.Env[Any, Any]] = []

        def make() -> gym.Env[Any, Any]:
            made.append(make_env(config))
            return made[-1]

        try:
            envs = gym.vector.SyncVectorEnv([make] * num_envs, copy=False)
        except RolloutError as error:
            for env in made:
                env.close()
            if not made:
                raise
            raise RolloutError(f"{error}\n{len(made)} of {num_envs} copies could be made: lower num_envs") from error
    check_autoreset(envs, env_id)
    return envs


def network_spaces(settings: DQNConfig | str) -> tuple[gym.Space[Any], int]:
    """What a Q-network needs to know of an environment: the space of its observations, and the number of actions.

    Raises:
        EnvironmentNotSupportedError, MissingExtraError, ConfigError: as `make_env`.
    """
    env = make_env(settings)
    space, num_actions = env.observation_space, int(env.action_space.n)  # type: ignore[attr-defined]
    env.close()
    return space, num_actions


def has_native_vector(config: DQNConfig) -> bool:
    """Whether the environment has a vector version of its own that `make_vector_env` uses."""
    env_id = config.env_id
    spec = find_environment(env_id)
    if spec.vector_entry_point is None or config.wrappers or config.action_bins:
        return False
    try:
        return takes_vector_arguments(spec, config.env_args)
    except ImportError as error:
        raise missing_package(env_id, error) from error


def _atari_settings(config: DQNConfig, spec: gym.envs.registration.EnvSpec) -> dict[str, Any]:
    """The arguments of `dqnkit.atari` that are settings of the run; empty for all other environments.

    Raises:
        EnvironmentNotSupportedError: a setting about lives, and the environment has none.
    """
    is_atari = spec.id.startswith(ATARI)
    check_lives(is_atari, {"life_loss_ends": config.life_loss_ends, "fire_reset": config.fire_reset}, config.env_id)
    return {"fire_reset": config.fire_reset} if is_atari else {}


def _settings_of(settings: DQNConfig | str) -> DQNConfig:
    return DQNConfig(env_id=settings) if isinstance(settings, str) else settings


def find_environment(env_id: str) -> gym.envs.registration.EnvSpec:
    """Gymnasium's entry for an environment, after importing the package or the ``module:`` that registers it.

    Raises:
        EnvironmentNotSupportedError: it is unknown; the message has the nearest names.
        MissingExtraError: its package is not installed.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        imported(module, env_id)
    register_game(env_id)
    try:
        return gym.spec(name)
    except gym.error.Error as error:
        raise unknown_environment(name) from error
