"""The package that an environment needs is found from its namespace or its Gymnasium registration."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from dqnkit.config import DQNConfig
from dqnkit.environments import make_env
from dqnkit.games import EXTRAS, make_game, needed_package, register_game


@pytest.mark.parametrize(
    ("env_id", "package"),
    [
        ("ALE/Breakout-v5", "ale_py"),
        ("MinAtar/Freeway-v1", "minatar"),
        ("LunarLander-v3", "Box2D"),
        ("BipedalWalker-v3", "Box2D"),
        ("CarRacing-v3", "Box2D"),
        ("HalfCheetah-v5", "mujoco"),
        ("MiniGrid-DoorKey-5x5-v0", "minigrid"),
        ("BabyAI-GoToObj-v0", "minigrid"),
        ("highway-fast-v0", "highway_env"),
        ("merge-generic-v1", "highway_env"),
        ("CartPole-v1", None),
        ("dqnkit/Catch-v0", None),
        ("nobody/knows-v0", None),
    ],
)
def test_needed_package(env_id: str, package: str | None) -> None:
    assert needed_package(env_id) == package


@pytest.mark.parametrize("package", ["highway_env", "minigrid"])
@pytest.mark.skipif(find_spec("highway_env") is None or find_spec("minigrid") is None, reason="they are not installed")
def test_every_environment_of_a_package_is_known_by_its_id(package: str) -> None:
    register_game({"highway_env": "highway-v0", "minigrid": "MiniGrid-Empty-5x5-v0"}[package])
    of_package = [name for name, spec in gym.registry.items() if str(spec.entry_point).startswith(package)]
    assert len(of_package) > 20
    assert [name for name in of_package if needed_package(name) != package] == []
    assert EXTRAS[package] == "applications"


@pytest.mark.skipif(find_spec("mujoco") is None, reason="mujoco is not installed")
def test_mujoco_leaves_no_log_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_env(DQNConfig("HalfCheetah-v5", action_bins=2)).close()  # its model makes MuJoCo warn
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("mujoco") is None, reason="mujoco is not installed")
@pytest.mark.parametrize("env_id", ["HalfCheetah-v5", "Hopper-v5", "Ant-v5"])
def test_a_robot_that_runs_is_followed(env_id: str) -> None:
    env = make_game(gym.spec(env_id), render_mode="rgb_array")
    looked_through = env.unwrapped.mujoco_renderer.camera_id  # type: ignore[attr-defined]
    assert env.unwrapped.model.camera(looked_through).name == "track"  # type: ignore[attr-defined]
    env.close()


@pytest.mark.skipif(find_spec("highway_env") is None, reason="highway-env is not installed")
@pytest.mark.parametrize("env_id", ["highway-fast-v0", "merge-v0", "roundabout-v0"])
def test_highways_pictures_are_not_black_and_show_what_has_moved(env_id: str) -> None:
    env = make_env(env_id, render=True)
    env.reset(seed=0)
    first = np.asarray(env.render())
    assert first.min() < first.max()
    env.step(1)
    assert not np.array_equal(np.asarray(env.render()), first)
    env.close()
