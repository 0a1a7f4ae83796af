"""Environments of the cluster benchmarks; workers import them by name: ``_cluster_envs:Latency-v0``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from dqnkit.environments import find_environment


@contextmanager
def slowed(slowdown: float, clock: Callable[[], float]) -> Iterator[None]:
    """Afterwards wait, as if the core were slower; ``clock`` counts computing, however busy this computer is."""
    began = clock()
    yield
    time.sleep((slowdown - 1) * (clock() - began))


class SlowCartPole(CartPoleEnv):
    """CartPole behind a simulator that answers after 2 ms."""

    def step(self, action: Any) -> Any:
        """Wait 2 ms, as for another process or a network, then step."""
        time.sleep(0.002)
        return super().step(action)


class Latency(gym.Env[Any, Any]):
    """An environment that only waits: 5 ms a step, 200 steps an episode."""

    observation_space = gym.spaces.Box(-1, 1, (4,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, seconds: float = 0.005) -> None:
        self._seconds = seconds

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Reset without waiting."""
        super().reset(seed=seed)
        return np.zeros(4, np.float32), {}

    def step(self, action: Any) -> Any:
        """Wait, then return the same values every time."""
        time.sleep(self._seconds)
        return np.zeros(4, np.float32), 1.0, False, False, {}


class Frames(gym.Env[Any, Any]):
    """Grey pictures of 84 x 84 that cost almost no time to make, to measure their transport into replay."""

    observation_space = gym.spaces.Box(0, 255, (84, 84), np.uint8)
    action_space = gym.spaces.Discrete(4)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """The first of 64 noisy pictures."""
        super().reset(seed=seed)
        self._pictures = self.np_random.integers(0, 256, (64, 84, 84), dtype=np.uint8)
        self._step = 0
        return self._pictures[0], {}

    def step(self, action: Any) -> Any:
        """The next picture."""
        self._step += 1
        return self._pictures[self._step % 64], 1.0, False, False, {}


class SlowCar(gym.Wrapper[Any, Any, Any, Any]):
    """highway-env's car on a core that is ``slowdown`` times slower: it waits after each step and each reset."""

    def __init__(self, slowdown: float, **kwargs: Any) -> None:
        find_environment("highway-fast-v0")  # registers it
        super().__init__(gym.make("highway-fast-v0", **kwargs))
        self._slowdown = slowdown

    def reset(self, **kwargs: Any) -> Any:
        """Reset, then wait."""
        with slowed(self._slowdown, time.thread_time):
            return self.env.reset(**kwargs)

    def step(self, action: Any) -> Any:
        """Step, then wait."""
        with slowed(self._slowdown, time.thread_time):
            return self.env.step(action)


for name, entry_point in (("SlowCartPole", SlowCartPole), ("Latency", Latency), ("Frames", Frames)):
    steps = 500 if entry_point is SlowCartPole else 200
    gym.register(f"{name}-v0", entry_point, max_episode_steps=steps, disable_env_checker=True)
gym.register("LongLatency-v0", Latency, kwargs={"seconds": 0.5}, max_episode_steps=200, disable_env_checker=True)
gym.register("SlowCar-v0", SlowCar, disable_env_checker=True)  # its time limit is highway-env's own
