"""The car of this lesson: highway-env's, with few cars, and with a reward that somebody in a hurry wrote.

Importing this module registers ``HurryingCar-v0``; highway-env itself is imported when one is made.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from dqnkit.environments import find_environment
from dqnkit.presets import preset

CAR = "highway-fast-v0"
LIMIT = 30.0  # metres a second: the largest speed of the car
EPISODE = 30  # steps, of a second each: highway-env's own limit, which it does not tell Gymnasium


def hurry(speed: float, crashed: bool, crash_cost: float) -> float:
    """The reward of a second: what the car was slower than it may be, as a share, and the cost of a crash."""
    return speed / LIMIT - 1 - crash_cost * crashed


class HurryingCar(gym.Wrapper[Any, Any, Any, Any]):
    """highway-env's car, paid by `hurry`.

    Args:
        crash_cost: what is taken off the reward at a crash, which ends the episode.
        kwargs: of `gymnasium.make`.
    """

    def __init__(self, crash_cost: float = 1.0, **kwargs: Any) -> None:
        find_environment(CAR)  # registers it
        super().__init__(gym.make(CAR, **preset(CAR).env_args.plain(), **kwargs).unwrapped)
        self.crash_cost = crash_cost

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As highway-env's, with another reward."""
        observation, _, terminated, truncated, info = self.env.step(action)
        reward = hurry(info["speed"], info["crashed"], self.crash_cost)
        return observation, float(reward), terminated, truncated, info


gym.register("HurryingCar-v0", entry_point=HurryingCar, max_episode_steps=EPISODE)
gym.register("CarefulCar-v0", entry_point=HurryingCar, kwargs={"crash_cost": 15.0}, max_episode_steps=EPISODE)
