"""Environments that other packages bring (Atari, MinAtar, Box2D): which package, and what each kind needs around it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import gymnasium as gym

from dqnkit.atari import make_atari, make_atari_vector
from dqnkit.errors import DQNKitError, EnvironmentNotSupportedError, MissingExtraError, missing_module

PACKAGES = ("ale_py", "Box2D", "minatar", "cv2", "pygame")  # of the extra `games`, as they are imported
ATARI, MINATAR = "ALE/", "MinAtar/"  # namespaces of environment ids


def needed_package(env_id: str) -> str | None:
    """The package that an environment needs besides Gymnasium, by the name under which it is imported."""
    if env_id.startswith(ATARI):
        return "ale_py"
    if env_id.startswith(MINATAR):
        return "minatar"
    spec = gym.registry.get(env_id)
    return "Box2D" if spec is not None and ".box2d" in str(spec.entry_point) else None


def register_game(env_id: str) -> None:
    """Make an environment of another package known to Gymnasium; nothing for all others.

    Raises:
        MissingExtraError: its package is not installed.
    """
    package = needed_package(env_id)
    if package is not None and find_spec(package) is None:
        raise MissingExtraError(f"{package}, which {env_id} needs,", "games")
    try:
        if env_id.startswith(ATARI):
            import ale_py  # registers the games

            gym.register_envs(ale_py)
        if env_id.startswith(MINATAR) and not any(name.startswith(MINATAR) for name in gym.registry):
            import minatar.gym

            minatar.gym.register_envs()
    except ModuleNotFoundError as error:
        raise missing_package(env_id, error) from error


def missing_package(env_id: str, error: gym.error.DependencyNotInstalled | ImportError) -> DQNKitError:
    """What to say where an environment cannot be made for want of a package: ours if `games` has it, else its name."""
    name = missing_module(error)
    if name in PACKAGES:
        return MissingExtraError(f"{name}, which {env_id} needs,", "games")
    if isinstance(error, ModuleNotFoundError):
        return EnvironmentNotSupportedError(
            f"{env_id} needs the module {error.name}, which is not installed: install the package that brings it"
        )
    return EnvironmentNotSupportedError(f"{env_id} cannot be made: {error}")  # Gymnasium's own says what to install


def make_game(spec: gym.envs.registration.EnvSpec, **kwargs: Any) -> gym.Env[Any, Any]:
    """`gymnasium.make`, and for Atari (see `dqnkit.atari`) and MinAtar what they need around them."""
    if spec.id.startswith(ATARI):
        return make_atari(spec, **kwargs)
    env = gym.make(spec, **kwargs)
    return _ForgetLastAction(env) if spec.id.startswith(MINATAR) else env


def make_native_vector(
    spec: gym.envs.registration.EnvSpec, num_envs: int, **kwargs: Any
) -> gym.vector.VectorEnv[Any, Any, Any]:
    """`gymnasium.make_vec` with an environment's own vector version; Atari's as in `dqnkit.atari`."""
    if spec.id.startswith(ATARI):
        return make_atari_vector(spec, num_envs, **kwargs)
    return gym.make_vec(spec, num_envs=num_envs, vectorization_mode="vector_entry_point", **kwargs)


class _ForgetLastAction(gym.Wrapper[Any, Any, Any, Any]):
    """MinAtar sometimes repeats the last action, even that of the last episode, whatever the seed."""

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        self.unwrapped.game.last_action = 0  # type: ignore[attr-defined]
        return super().reset(**kwargs)
