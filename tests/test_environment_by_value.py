"""Environments that only the driver has registered, as in a notebook, reach the workers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import gymnasium as gym
import pytest

from dqnkit.environment_by_value import by_value, register
from dqnkit.errors import EnvironmentNotSupportedError

# As the cells of a notebook: the class is defined in __main__, which has no file.
NOTEBOOK = """
import gymnasium as gym, numpy as np

class Mine(gym.Env):
    observation_space, action_space = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        self.time = 0
        return np.zeros(3, np.float32), {}
    def step(self, action):
        self.time += 1
        return np.zeros(3, np.float32), REWARD, self.time == 10, False, {}

REWARD = 1.0
gym.register("Mine-v0", ENTRY)
"""
SEND = "from dqnkit.environment_by_value import by_value\nprint(by_value('Mine-v0').hex())"
TRAIN = """
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.deploy import make_cluster
from dqnkit.training import train

def go(rollouts):
    sizes = {"total_steps": 600, "learning_starts": 64, "replay_capacity": 1_000, "hidden_sizes": (8,)}
    *_, status = train(DQNConfig(env_id="Mine-v0", num_envs=2, xla=False, **sizes), rollouts=rollouts)
    print("return", status.episode_return)

with make_cluster(n_workers=1) as cluster, cluster.get_client() as client:
    go(ClusterRollouts(client))
    REWARD = 5.0
    gym.register("Mine-v0", Mine)  # as if the cell was changed and run again
    go(ClusterRollouts(client))
"""


def python(code: str, folder: Path) -> str:
    """Run code that has no file, in a process of its own, and return what it prints."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """Put Gymnasium's table back after the test."""
    before = dict(gym.registry)
    yield
    gym.registry.clear()
    gym.registry.update(before)


@pytest.mark.parametrize("entry", ["Mine", "'__main__:Mine'", "lambda **settings: Mine()"])
def test_a_class_of_a_notebook_arrives_in_another_process(entry: str, tmp_path: Path) -> None:
    sent = bytes.fromhex(python(NOTEBOOK.replace("ENTRY", entry) + SEND, tmp_path))
    assert "Mine-v0" not in gym.registry
    for _ in range(2):  # each task brings it
        register(sent)
    env = gym.make("Mine-v0", disable_env_checker=True)
    env.reset()
    assert env.step(0)[1] == 1.0
    changed = NOTEBOOK.replace("ENTRY", entry).replace("REWARD = 1.0", "REWARD = 2.0")
    register(bytes.fromhex(python(changed + SEND, tmp_path)))
    env = gym.make("Mine-v0", disable_env_checker=True)
    env.reset()
    assert env.step(0)[1] == 2.0


@pytest.mark.parametrize("env_id", ["CartPole-v1", "cluster_envs:Troubled-v0"])
def test_what_workers_know_by_themselves_is_not_sent(env_id: str) -> None:
    assert by_value(env_id) == b""
    register(b"")


class Locked(gym.Env[int, int]):
    """An environment that cannot be sent."""


def test_what_cannot_be_sent_says_what_to_do(tried: Callable[[int, str, str], None]) -> None:
    gym.register("Locked-v0", Locked, kwargs={"lock": threading.Lock()})
    with pytest.raises(EnvironmentNotSupportedError, match=r"cannot be sent to the workers.*my_module:Locked-v0") as e:
        by_value("Locked-v0")
    tried(23, "an environment of the notebook that cannot be pickled", str(e.value))


def test_a_module_that_the_worker_lacks_is_named(tmp_path: Path, tried: Callable[[int, str, str], None]) -> None:
    (tmp_path / "only_here.py").write_text(NOTEBOOK.replace("ENTRY", "Mine"))
    sent = bytes.fromhex(python("import only_here\n" + SEND, tmp_path))
    with pytest.raises(
        EnvironmentNotSupportedError, match=r"No module named 'only_here'.*client\.upload_file"
    ) as caught:
        register(sent)
    tried(23, "an environment of a module that only the driver has", str(caught.value))


@pytest.mark.slow
def test_training_on_workers_with_an_environment_of_the_notebook(
    tmp_path: Path, tried: Callable[[int, str, str], None]
) -> None:
    printed = python(NOTEBOOK.replace("ENTRY", "Mine") + TRAIN, tmp_path)
    assert printed.splitlines() == ["return 10.0", "return 50.0"]
    tried(
        23, "an id registered in the notebook only, then changed there", "the workers train on it, and on the new one"
    )


def test_a_wrapper_of_the_program_itself_is_refused_before_workers_look_for_it() -> None:
    assert by_value("CartPole-v1", ("gymnasium.wrappers:FlattenObservation",)) == b""
    with pytest.raises(
        EnvironmentNotSupportedError, match=r"wrapper Mine is known in this program only.*my_module:Mine"
    ):
        by_value("CartPole-v1", ("__main__:Mine",))
