"""Environments made for tests, each with one property that a test needs, and small helpers; all without TensorFlow."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.config import DQNConfig
from dqnkit.policy import Dense, Flatten, Rescale
from dqnkit.types import Array, PolicyWeights

# Options of `dqnkit train` with which a run learns within a second, if that.
SMALL_RUN = (
    "--learning-starts=100",
    "--samples-per-insert=2",
    "--updates-per-call=16",
    "--hidden-sizes=16",
    "--num-envs=4",
    "--no-xla",
    "--no-video",
)
LENGTHS = (3, 1, 5, 2)  # of the episodes of Scripted-v0, which repeat
ENDS_BY_TRUNCATION = (False, True, True, False)


class Scripted(gym.Env[Any, Any]):
    """Known episodes: the observation is (episode, time, last action), and the reward encodes all three.

    The seed of the first reset chooses the first episode.
    """

    observation_space = gym.spaces.Box(-1, 1000, (3,), np.float32)
    action_space = gym.spaces.Discrete(3)
    episode = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        self.episode = seed % len(LENGTHS) if seed is not None else self.episode + 1
        self.time, self.action = 0, -1
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self.time, self.action = self.time + 1, int(action)
        ends = self.time == LENGTHS[self.episode % len(LENGTHS)]
        truncated = ENDS_BY_TRUNCATION[self.episode % len(LENGTHS)]
        reward = self.episode + self.time / 8 + self.action / 64
        return self._observation(), reward, ends and not truncated, ends and truncated, {}

    def _observation(self) -> Array:
        return np.array([self.episode, self.time, self.action], np.float32)


class Broken(gym.Env[Any, Any]):
    """Action 1 gives NaN in the reward or in the observation. Episodes are 20 steps long."""

    observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, where: str = "reward") -> None:
        self.where = where

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        self.time = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self.time += 1
        bad = np.nan if action == 1 else 0.0
        observation = np.array([0.0, bad if self.where == "observation" else 0.0], np.float32)
        return observation, bad if self.where == "reward" else 0.0, self.time == 20, False, {}


class RandomLength(gym.Env[Any, Any]):
    """Episodes of 1 or 21 steps, at random, with reward 1 for each step. Of several, the short ones end first."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)
    seeds_seen: list[int] = []  # noqa: RUF012 - of every reset; a test of seeds reads it

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.seeds_seen.append(seed)
        self.left = 1 + 20 * int(self.np_random.integers(2))
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        return np.zeros(1, np.float32), 1.0, self.left == 0, False, {}


class TinyVideo(gym.Env[Any, Any]):
    """uint8 pictures ``[4, 5]`` of noise, episodes of random length."""

    observation_space = gym.spaces.Box(0, 255, (4, 5), np.uint8)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self.left = int(self.np_random.integers(1, 7))
        return self._picture(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        return self._picture(), float(self.np_random.random()), self.left == 0, False, {}

    def _picture(self) -> Array:
        return self.np_random.integers(0, 256, (4, 5), dtype=np.uint8)


class OneArrayVideo(TinyVideo):
    """The same pictures, each written into the one array that is returned every time, as emulators do."""

    def __init__(self) -> None:
        self._screen = np.empty((4, 5), np.uint8)

    def _picture(self) -> Array:
        self._screen[:] = super()._picture()
        return self._screen


class SmallNumbers(gym.Env[Any, Any]):
    """A room of 5 x 5 squares, seen as (column, row) in any type; reward 1 in the far corner, 20 steps at most."""

    action_space = gym.spaces.Discrete(4)

    def __init__(self, dtype: Any = np.uint8) -> None:
        self.observation_space = gym.spaces.Box(0, 4, (2,), dtype)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self.place, self.time = self.np_random.integers(0, 4, 2), 0
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        moves = ((1, 0), (-1, 0), (0, 1), (0, -1))
        self.place, self.time = np.clip(self.place + moves[action], 0, 4), self.time + 1
        there = bool((self.place == 4).all())
        return self._observation(), float(there), there, self.time == 20, {}

    def _observation(self) -> Array:
        return self.place.astype(self.observation_space.dtype)


class Says(gym.Env[Any, Any]):
    """Declares a space, and gives what it is told to, whatever that is: ``first`` after a reset, then ``then``."""

    action_space = gym.spaces.Discrete(2)

    def __init__(self, space: Any = None, first: Any = None, then: Any = None, reward: float = 0.0) -> None:
        self.observation_space, self.first, self.then, self.reward = space, first, then, reward

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.time = 0
        return self.first, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.time += 1
        return self.then, self.reward, self.time == 20, False, {}


class Forces(gym.Env[Any, Any]):
    """Continuous actions: the observation is the last one and the time; the nearer to ``BEST``, the higher the reward.

    It scribbles over the array that it is given, as an environment may. Episodes are 10 steps long.
    """

    metadata = {"render_modes": [], "always_ends": True}  # noqa: RUF012 - as Gymnasium declares it
    BEST = (-0.5, 4.0, 1.0)
    observation_space = gym.spaces.Box(-10, 10, (4,), np.float32)
    action_space = gym.spaces.Box(np.float32([-1, 0, -2]), np.float32([1, 4, 2]))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        super().reset(seed=seed)
        self.time = 0
        return self.np_random.random(4, dtype=np.float32), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        assert action in self.action_space, action
        self.time += 1
        seen = np.append(action, np.float32(self.time / 10))
        reward = -float(np.abs(action - self.BEST).sum())
        action[:] = 99.0
        return seen, reward, False, self.time == 10, {}


class Bare(gym.Env[Any, Any]):
    """An environment with spaces and nothing else."""

    def __init__(self, observation_space: Any = None, action_space: Any = None) -> None:
        self.observation_space = observation_space or gym.spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = action_space or gym.spaces.Discrete(2)


class SameStepVector(gym.vector.VectorEnv[Any, Any, Any]):
    """A native vector environment that resets in the same step in which an episode ends."""

    def __init__(self, num_envs: int = 1, **kwargs: Any) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": gym.vector.AutoresetMode.SAME_STEP}
        self.single_observation_space, self.single_action_space = Scripted.observation_space, Scripted.action_space


def other_units(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """A wrapper: CartPole's four numbers in units that make some of them large and others small."""
    units = np.array([1000, 0.01, 0.01, 100], np.float32)
    space = gym.spaces.Box(-np.inf, np.inf, (4,), np.float32)
    return gym.wrappers.TransformObservation(env, lambda observation: observation * units, space)


def register() -> None:
    """Register the environments above with Gymnasium as test/NAME-v0."""
    for kind in (Scripted, Broken, RandomLength, TinyVideo, OneArrayVideo, SmallNumbers, Says, Bare, Forces):
        if f"test/{kind.__name__}-v0" not in gym.registry:
            gym.register(f"test/{kind.__name__}-v0", kind)
    if "test/SameStep-v0" not in gym.registry:
        gym.register("test/SameStep-v0", Scripted, vector_entry_point=SameStepVector)
        gym.register("test/BrokenObservation-v0", Broken, kwargs={"where": "observation"})
        gym.register("test/StackedVideo-v0", lambda: gym.wrappers.FrameStackObservation(TinyVideo(), 3))


def small_config(env_id: str = "CartPole-v1", **overrides: Any) -> DQNConfig:
    """Settings for a run of a few hundred steps, which takes a moment."""
    defaults: dict[str, Any] = {
        "total_steps": 400,
        "num_envs": 4,
        "rollout_steps": 8,
        "hidden_sizes": (16,),
        "batch_size": 16,
        "updates_per_call": 4,
        "learning_starts": 64,
        "replay_capacity": 1000,
        "samples_per_insert": 4.0,
        "epsilon_steps": 200,
        "xla": False,
    }
    return DQNConfig(env_id=env_id, **{**defaults, **overrides})


def linear_policy(shape: tuple[int, ...], num_actions: int, seed: int = 0, version: int = 0) -> PolicyWeights:
    """A policy of one dense layer with random weights, for observations of this shape."""
    inputs = int(np.prod(shape))
    values = np.random.default_rng(seed).normal(size=(inputs + 1) * num_actions).astype(np.float32)
    return PolicyWeights(version, (Rescale(1.0), Flatten(), Dense(inputs, num_actions, False)), values)


class SpiedConfig(DQNConfig):
    """Writes down which settings are read."""

    seen: set[str] = set()  # noqa: RUF012 - shared by all, cleared by each test

    def __getattribute__(self, name: str) -> Any:
        if name in DQNConfig.__dataclass_fields__:
            SpiedConfig.seen.add(name)
        return super().__getattribute__(name)
