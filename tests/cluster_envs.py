"""An environment that fails on request: a test chooses how, and on which worker. Needs no TensorFlow.

Workers are other processes. They import this module because of the environment's id, cluster_envs:Troubled-v0. A test
chooses the trouble with ``client.run(get_into, ..., workers=[address])``. A worker that restarts has no trouble.
"""

from __future__ import annotations

import os
import time
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.types import Array

LENGTH = 10  # steps of an episode
TROUBLED = "cluster_envs:Troubled-v0"

_trouble: dict[str, Any] = {}
_eaten: list[bytes] = []  # memory that is never freed
_originals: dict[str, Any] = {}  # what `break_tasks` replaced


def get_into(**trouble: Any) -> None:
    """Set the trouble in this process: ``raises``, ``dies`` (bools); ``seconds``, ``eats`` (bytes), for each step."""
    _trouble.clear()
    _trouble.update(trouble)


def break_tasks(broken: bool) -> None:
    """Make tasks in this process raise an exception, as with another version of the package; or repair them."""
    from dqnkit.cluster import worker

    _originals.setdefault("Arrival", worker.Arrival)
    worker.Arrival = None if broken else _originals["Arrival"]  # type: ignore


class Troubled(gym.Env[Any, Any]):
    """Every observation is unique: it is (random number of the instance [3], steps since it was made)."""

    observation_space = gym.spaces.Box(0, 1e9, (4,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self) -> None:
        if message := _trouble.get("cannot_be_made"):
            raise RuntimeError(message)
        self.number = np.frombuffer(os.urandom(6), np.uint16).astype(np.float32)
        self.age = self.time = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        self.time = 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if _trouble.get("raises"):
            raise RuntimeError("the simulator fell over")
        if _trouble.get("dies") or "DQNKIT_TEST_DIES" in os.environ:  # which also holds after a restart
            os._exit(1)
        time.sleep(_trouble.get("seconds", 0.0))
        if count := _trouble.get("eats"):
            _eaten.append(os.urandom(1) * count)
        self.time += 1
        return self._observation(), float(action), self.time == LENGTH, False, {}

    def _observation(self) -> Array:
        self.age += 1
        return np.array([*self.number, self.age], np.float32)


gym.register("Troubled-v0", Troubled)
