"""Environments with one fault each, as readers write them. They work until a test calls `arm`; then they fail.

An id is faulty_envs:FAULT-v0. Workers and the command line import this module because of it.
"""

from __future__ import annotations

import sys
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

_left = [10**9]  # calls of `step` that still work, of all instances together


def arm(steps: int = 0) -> None:
    """Have the fault come after so many more steps."""
    _left[0] = steps


class Sound(gym.Env[Any, Any]):
    """Episodes of ten steps; the reward is the action."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 30}
    observation_space = gym.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gym.spaces.Discrete(2)
    picture: Any = np.zeros((20, 30, 3), np.uint8)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.time = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(3, np.float32), {}

    def step(self, action: Any) -> Any:
        _left[0] -= 1
        self.time += 1
        result = np.zeros(3, np.float32), float(action), self.time == 10, False, {}
        return self.fault(*result) if _left[0] < 0 else result

    def fault(self, *result: Any) -> Any:
        """What a faulty step returns."""
        return result

    def render(self) -> Any:
        return self.picture


class StepRaises(Sound):
    def fault(self, *result: Any) -> Any:
        return self._divide(len(result) - 5)

    def _divide(self, by: int) -> float:
        return 1 / by


class StepExits(Sound):
    def fault(self, *result: Any) -> Any:
        sys.exit(0)


class StepInterrupted(Sound):
    def fault(self, *result: Any) -> Any:
        raise KeyboardInterrupt


class WrongShape(Sound):
    def fault(self, *result: Any) -> Any:
        return np.zeros(4, np.float32), *result[1:]


class FourValues(Sound):
    def fault(self, *result: Any) -> Any:
        return *result[:3], {}


class RewardIsList(Sound):
    def fault(self, *result: Any) -> Any:
        return result[0], [1.0], *result[2:]


class RewardIsNone(Sound):
    def fault(self, *result: Any) -> Any:
        return result[0], None, *result[2:]


class TerminatedIsNone(Sound):
    def fault(self, *result: Any) -> Any:
        return *result[:2], None, *result[3:]


class ResetRaises(Sound):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        if _left[0] <= 0:
            raise KeyError("level 7")
        return super().reset(seed=seed)


class ResetOneValue(Sound):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        result = super().reset(seed=seed)
        return result[0] if _left[0] <= 0 else result


class ResetWithoutSeed(Sound):
    def reset(self) -> Any:  # type: ignore[override]
        return super().reset()


class CloseRaises(Sound):
    def close(self) -> None:
        if _left[0] <= 0:
            raise RuntimeError("the simulator is gone")


class MakingRaises(Sound):
    def __init__(self, render_mode: str | None = None) -> None:
        raise OSError("no licence is free")


class MakingExits(Sound):
    def __init__(self, render_mode: str | None = None) -> None:
        sys.exit(0)


class Once(Sound):
    """Only one of it can exist at a time."""

    there = 0

    def __init__(self, render_mode: str | None = None) -> None:
        super().__init__(render_mode)
        if Once.there:
            raise RuntimeError("the port is in use")
        Once.there = 1

    def close(self) -> None:
        Once.there = 0


class NoRenderMode(Sound):
    def __init__(self) -> None:
        super().__init__()


class NoRender(Sound):
    render = gym.Env.render


class NonePicture(Sound):
    picture = None


class EmptyPicture(Sound):
    picture = np.zeros((0, 0, 3), np.uint8)


class TextPicture(Sound):
    picture = "+-+\n| |"


class NoGL(Sound):
    def render(self) -> Any:
        raise RuntimeError("an OpenGL platform library has not been loaded\nsee the manual")


class RenderExits(Sound):
    def render(self) -> Any:
        sys.exit(3)


class OneChannel(Sound):
    picture = np.zeros((20, 30, 1), np.uint8)


class Grey(Sound):
    picture = np.zeros((20, 30), np.float32)


class FourChannels(Sound):
    picture = np.zeros((20, 30, 4), np.uint8)


class WordyRate(Sound):
    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": "thirty"}


class Endless(Sound):
    """Episodes never end, and there is no time limit."""

    def step(self, action: Any) -> Any:
        return np.zeros(3, np.float32), 1.0, False, False, {}


for _kind in [Sound, *Sound.__subclasses__()]:
    gym.register(f"{_kind.__name__}-v0", _kind)
