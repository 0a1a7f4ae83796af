"""Environments that other packages bring: which package and which extra, and what each kind needs around it.

They are Atari's and MinAtar's games, Box2D, MuJoCo, MiniGrid and highway-env.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import gymnasium as gym

from dqnkit.argument_errors import takes_all
from dqnkit.atari import VECTOR_ARGUMENTS, make_atari, make_atari_vector
from dqnkit.errors import DQNKitError, EnvironmentNotSupportedError, MissingExtraError, missing_module

# The extra of dqnkit that brings a package: by the name under which the package is imported.
EXTRAS = {
    **dict.fromkeys(("ale_py", "Box2D", "minatar", "cv2", "pygame"), "games"),
    **dict.fromkeys(("mujoco", "highway_env", "minigrid"), "applications"),
}
ATARI, MINATAR = "ALE/", "MinAtar/"  # namespaces of environment ids
MINIGRID = ("MiniGrid-", "BabyAI-")  # how ids begin
# highway-env has no namespace: these are the names of its environments before the version
HIGHWAY = (
    *("exit", "highway", "highway-fast", "intersection", "intersection-multi-agent", "lane-keeping"),
    *("merge", "merge-generic", "parking", "parking-ActionRepeat", "parking-parked"),
    *("racetrack", "racetrack-large", "racetrack-oval", "roundabout", "roundabout-generic", "two-way", "u-turn"),
)
IN_GYMNASIUM = {".box2d": "Box2D", ".mujoco": "mujoco"}  # part of the place of an environment's class: its package


def needed_package(env_id: str) -> str | None:
    """The package that an environment needs besides Gymnasium, by the name under which it is imported."""
    if env_id.startswith(ATARI):
        return "ale_py"
    if env_id.startswith(MINATAR):
        return "minatar"
    if env_id.startswith(MINIGRID):
        return "minigrid"
    if env_id.rpartition("-v")[0] in HIGHWAY:
        return "highway_env"
    spec = gym.registry.get(env_id)
    place = "" if spec is None else str(spec.entry_point)
    return next((package for part, package in IN_GYMNASIUM.items() if part in place), None)


def register_game(env_id: str) -> None:
    """Make an environment of another package known to Gymnasium; nothing for all others.

    Raises:
        MissingExtraError: its package is not installed.
    """
    package = needed_package(env_id)
    if package is None:
        return
    if find_spec(package) is None:
        raise MissingExtraError(f"{package}, which {env_id} needs,", EXTRAS[package])
    try:
        if package == "ale_py":
            import ale_py  # registers the games

            gym.register_envs(ale_py)
        if package == "minatar" and not any(name.startswith(MINATAR) for name in gym.registry):
            import minatar.gym

            minatar.gym.register_envs()
        if package in ("highway_env", "minigrid"):
            importlib.import_module(package)  # registers its environments
        if package == "mujoco":
            import mujoco

            mujoco.set_mju_user_warning(_log)  # else it writes a file MUJOCO_LOG.TXT into the working folder
    except ModuleNotFoundError as error:
        raise missing_package(env_id, error) from error


def _log(message: str) -> None:
    """Keep a warning of MuJoCo's for those who look for it: most are about Gymnasium's models, not about the run."""
    logging.getLogger("dqnkit.mujoco").info(message)


def missing_package(env_id: str, error: gym.error.DependencyNotInstalled | ImportError) -> DQNKitError:
    """What to say where an environment cannot be made for want of a package: ours if an extra has it, else its name."""
    name = missing_module(error)
    if name in EXTRAS:
        return MissingExtraError(f"{name}, which {env_id} needs,", EXTRAS[name])
    if isinstance(error, ModuleNotFoundError):
        return EnvironmentNotSupportedError(
            f"{env_id} needs the module {error.name}, which is not installed: install the package that brings it"
        )
    return EnvironmentNotSupportedError(f"{env_id} cannot be made: {error}")  # Gymnasium's own says what to install


def make_game(spec: gym.envs.registration.EnvSpec, **kwargs: Any) -> gym.Env[Any, Any]:
    """`gymnasium.make`, and what Atari (see `dqnkit.atari`), MinAtar, highway-env and MuJoCo need around it."""
    if spec.id.startswith(ATARI):
        return make_atari(spec, **kwargs)
    env = gym.make(spec, **kwargs)
    if spec.id.startswith(MINATAR):
        return _ForgetLastAction(env)
    drawn_by = needed_package(spec.id) if env.render_mode else None
    if drawn_by == "highway_env":
        return _DrawWithoutDisplay(env)
    if drawn_by == "mujoco":
        _follow(env)
    return env


def _follow(env: gym.Env[Any, Any]) -> None:
    """Look through the camera that follows a robot, if its model has one and no other was chosen.

    Gymnasium's default stands still, and after a second a robot that runs is gone.
    """
    import mujoco

    model, renderer = (getattr(env.unwrapped, name, None) for name in ("model", "mujoco_renderer"))
    camera = -1 if model is None else mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, "track")
    if renderer is not None and renderer.camera_id == -1 and camera >= 0:
        renderer.camera_id = camera


def make_native_vector(
    spec: gym.envs.registration.EnvSpec, num_envs: int, **kwargs: Any
) -> gym.vector.VectorEnv[Any, Any, Any]:
    """`gymnasium.make_vec` with an environment's own vector version; Atari's as in `dqnkit.atari`."""
    if spec.id.startswith(ATARI):
        return make_atari_vector(spec, num_envs, **kwargs)
    return gym.make_vec(spec, num_envs=num_envs, vectorization_mode="vector_entry_point", **kwargs)


def takes_vector_arguments(spec: gym.envs.registration.EnvSpec, names: Iterable[str]) -> bool:
    """Whether an environment's own vector version surely takes arguments of these names."""
    if spec.id.startswith(ATARI):
        return VECTOR_ARGUMENTS.issuperset(names)
    return takes_all(spec.vector_entry_point, names)


class _ForgetLastAction(gym.Wrapper[Any, Any, Any, Any]):
    """MinAtar sometimes repeats the last action, even that of the last episode, whatever the seed."""

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        self.unwrapped.game.last_action = 0  # type: ignore[attr-defined]
        return super().reset(**kwargs)


class _DrawWithoutDisplay(gym.Wrapper[Any, Any, Any, Any]):
    """highway-env draws on a surface of its own, but leaves it black where pygame's display is the dummy one."""

    def render(self) -> Any:
        picture = super().render()
        viewer = self.unwrapped.viewer  # type: ignore[attr-defined]  # made by the first picture
        if viewer.enabled:
            return picture
        viewer.enabled = True
        return super().render()
