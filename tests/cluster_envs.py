"""An environment that gets into whatever trouble a test asks for, on the worker that it asks. No TensorFlow here.

Workers are other processes: they import this module by the environment's id, cluster_envs:Troubled-v0, and a test sets
the trouble there with ``client.run(get_into, ..., workers=[address])``. A worker that starts anew is in no trouble.
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
_eaten: list[bytes] = []
_whole: dict[str, Any] = {}  # what was broken


def get_into(**trouble: Any) -> None:
    """From now on, in this process: ``raises``, ``dies`` (yes or no), ``seconds`` or ``eats`` (bytes) a step."""
    _trouble.clear()
    _trouble.update(trouble)


def break_tasks(broken: bool) -> None:
    """In this process tasks end with an exception of their own, as where another version of the package is; or not."""
    from dqnkit.cluster import worker

    _whole.setdefault("Arrival", worker.Arrival)
    worker.Arrival = None if broken else _whole["Arrival"]  # type: ignore


class Troubled(gym.Env[Any, Any]):
    """No two steps ever give the same observation: (number of the instance [3], steps of its life)."""

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
        if _trouble.get("dies") or "DQNKIT_TEST_DIES" in os.environ:  # also in a worker that starts anew
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
