"""Making environments, one or many at once, and refusing with a clear sentence those that DQN cannot learn."""

from __future__ import annotations

import importlib
import os
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.errors import EnvironmentNotSupportedError, MissingExtraError
from dqnkit.small_environments import register_small_environments

register_small_environments()

# Packages that hold environments outside plain Gymnasium: id prefix or name -> package, extra
_PACKAGES = {
    "ALE/": ("ale_py", "games"),
    "MinAtar/": ("minatar", "games"),
    "LunarLander": ("Box2D", "games"),
    "BipedalWalker": ("Box2D", "games"),
    "CarRacing": ("Box2D", "games"),
}


def make_env(
    env_id: str, *, max_episode_steps: int = 0, frame_stack: int = 1, render: bool = False
) -> gym.Env[Any, Any]:
    """One environment, checked, as training, evaluation and videos use it.

    Discrete observations become one-hot vectors. Atari games get the usual preprocessing (grey, 84 x 84, each action
    held for 4 frames; Mnih et al., 2015). With ``frame_stack`` above 1 the observation is ``[S, ...]``, the latest S.

    Args:
        env_id: a Gymnasium id.
        max_episode_steps: a time limit that replaces the environment's own; 0 keeps that.
        frame_stack: latest frames in an observation.
        render: whether ``env.render()`` gives a picture.

    Raises:
        EnvironmentNotSupportedError: unknown (with the nearest names), or not for DQN.
        MissingExtraError: its package is not installed.
    """
    spec = find_environment(env_id)
    kwargs: dict[str, Any] = {}
    if render:
        kwargs["render_mode"] = "rgb_array"
        os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame draws into memory: no display, no warning about it,
        os.environ.setdefault("SDL_AUDIODRIVER", "dummy")  # and looks for no sound card
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    if env_id.startswith("ALE/"):
        kwargs["frameskip"] = 1  # AtariPreprocessing skips frames itself
    try:
        env = gym.make(spec, max_episode_steps=max_episode_steps or None, disable_env_checker=True, **kwargs)
        if env_id.startswith("ALE/"):
            env = gym.wrappers.AtariPreprocessing(env)
        if env_id.startswith("MinAtar/"):
            env = _ForgetLastAction(env)
    except (gym.error.DependencyNotInstalled, ModuleNotFoundError) as error:
        raise MissingExtraError(f"what {env_id} needs ({error})", "games") from error
    except TypeError as error:
        if not render:
            raise
        raise EnvironmentNotSupportedError(f"{env_id} draws no pictures: it takes no render_mode") from error
    check_spaces(env.observation_space, env.action_space, env_id)
    if isinstance(env.observation_space, (gym.spaces.Discrete, gym.spaces.MultiDiscrete)):
        env = gym.wrappers.FlattenObservation(env)
        env = gym.wrappers.DtypeObservation(env, np.float32)
    if frame_stack > 1:
        if len(env.observation_space.shape or ()) == 3:
            raise EnvironmentNotSupportedError(
                f"{env_id} has pictures {env.observation_space.shape} with channels of their own, which cannot be "
                "stacked: set frame_stack to 1"
            )
        env = gym.wrappers.FrameStackObservation(env, frame_stack)
    return env


def make_vector_env(
    env_id: str, num_envs: int, *, max_episode_steps: int = 0, frame_stack: int = 1
) -> gym.vector.VectorEnv[Any, Any, Any]:
    """Many copies of an environment that step together: its native vector version where it has one.

    Environments that end are reset by the step after (`AutoresetMode.NEXT_STEP`).

    Raises:
        EnvironmentNotSupportedError, MissingExtraError: as `make_env`; another autoreset mode is refused too.
    """
    spec = find_environment(env_id)
    if has_native_vector(env_id, frame_stack):
        kwargs: dict[str, Any] = {"max_episode_steps": max_episode_steps} if max_episode_steps else {}
        envs: gym.vector.VectorEnv[Any, Any, Any] = gym.make_vec(
            spec, num_envs=num_envs, vectorization_mode="vector_entry_point", **kwargs
        )
        check_spaces(envs.single_observation_space, envs.single_action_space, env_id)
    else:

        def make() -> gym.Env[Any, Any]:
            return make_env(env_id, max_episode_steps=max_episode_steps, frame_stack=frame_stack)

        envs = gym.vector.SyncVectorEnv([make] * num_envs, copy=False)
    check_autoreset(envs, env_id)
    return envs


def has_native_vector(env_id: str, frame_stack: int = 1) -> bool:
    """Whether the environment has a vector version of its own that `make_vector_env` uses."""
    # that of the Atari games stacks and skips frames by itself, unlike the preprocessing of make_env
    spec = find_environment(env_id)
    return spec.vector_entry_point is not None and frame_stack == 1 and not env_id.startswith("ALE/")


def check_spaces(observation_space: gym.Space[Any], action_space: gym.Space[Any], env_id: str) -> None:
    """Raise `EnvironmentNotSupportedError` where DQN cannot act on the actions or the kit not read the observations."""
    if not isinstance(action_space, gym.spaces.Discrete):
        raise EnvironmentNotSupportedError(
            f"{env_id} has actions {action_space}: DQN needs a finite number of them (Discrete). "
            "Choose an environment with discrete actions"
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
            "Discrete, MultiDiscrete and MultiBinary. Wrap it with gymnasium.wrappers.FlattenObservation"
        )


def check_autoreset(envs: gym.vector.VectorEnv[Any, Any, Any], env_id: str) -> None:
    """Raise `EnvironmentNotSupportedError` unless ended environments are reset by the step after."""
    mode = envs.metadata.get("autoreset_mode", gym.vector.AutoresetMode.NEXT_STEP)
    if mode != gym.vector.AutoresetMode.NEXT_STEP:
        raise EnvironmentNotSupportedError(
            f"the vector version of {env_id} resets by {mode}: only AutoresetMode.NEXT_STEP is handled, "
            "where the step after the end of an episode is a reset and no transition"
        )


class _ForgetLastAction(gym.Wrapper[Any, Any, Any, Any]):
    """Without it MinAtar's sticky actions carry the last action of an episode into the next, whatever the seed."""

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        self.unwrapped.game.last_action = 0  # type: ignore[attr-defined]
        return super().reset(**kwargs)


def find_environment(env_id: str) -> gym.envs.registration.EnvSpec:
    """What Gymnasium knows of an environment, after importing the package or the ``module:`` that registers it.

    Raises:
        EnvironmentNotSupportedError: it is unknown; the message has the nearest names.
        MissingExtraError: its package is not installed.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise EnvironmentNotSupportedError(f"{env_id}: the module {module} cannot be imported ({error})") from error
    for prefix, (package, extra) in _PACKAGES.items():
        if env_id.startswith(prefix) and find_spec(package) is None:
            raise MissingExtraError(f"{package}, which {env_id} needs,", extra)
    if env_id.startswith("ALE/"):
        import ale_py  # registers the games

        gym.register_envs(ale_py)
    if env_id.startswith("MinAtar/") and "MinAtar/Breakout-v1" not in gym.registry:
        import minatar.gym

        minatar.gym.register_envs()
    try:
        return gym.spec(name)
    except gym.error.Error as error:
        near = _nearest(name)
        hint = f"did you mean {' or '.join(near)}?" if near else "gymnasium.pprint_registry() lists all"
        raise EnvironmentNotSupportedError(f"there is no environment {env_id!r}: {hint}") from error


def _nearest(env_id: str) -> list[str]:
    by_lower = {name.lower(): name for name in gym.registry}
    near = get_close_matches(env_id.lower(), list(by_lower), n=3, cutoff=0.5)
    return [by_lower[name] for name in near]
