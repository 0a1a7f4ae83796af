"""What the observations of an environment are, by what its space declares, and whether the data keep to it.

`describe` is the one place where it is decided how a Q-network reads observations: as pictures or as vectors, with the
channels last or first, and divided by what. Keras' network is built from that, and the NumPy policy from Keras'
network, so both do the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from dqnkit.environment_errors import place_of
from dqnkit.errors import EnvironmentNotSupportedError, InvalidDataError
from dqnkit.types import Array

LARGEST_PIXEL = 65_535  # of a picture of 16 bits; larger bounds only say which type the numbers have
BYTE_LIKE = (100, 255)  # upper bounds of vectors that are divided by it, if all numbers have the bounds 0 and this


class Observations(NamedTuple):
    """How a Q-network reads the observations of an environment."""

    shape: tuple[int, ...]  # without the batch axis, as the environment gives them
    dtype: str
    is_picture: bool
    channels_first: bool  # [C, H, W], or stacked frames [S, H, W]: the network transposes them to [H, W, C]
    frame_stack: int
    largest: float  # the network divides observations by it; 1: they stay as they are
    normalized: bool = False  # instead: the network normalizes them by their running mean and deviation

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """``(H, W, C)`` of a picture as the convolutions see it."""
        if self.channels_first:
            channels, height, width = self.shape
        else:
            height, width, channels = (*self.shape, 1)[:3]
        return height, width, channels

    def __str__(self) -> str:
        """One line for the beginning of a run: ``observation: uint8 picture 84x84x4, scaled by 1/255``."""
        if self.is_picture:
            what = f"picture {_times(self.picture_shape)}"
            if self.channels_first and self.frame_stack == 1:
                what += f" (transposed, the environment gives {_times(self.shape)})"
        else:
            what = f"vector of {_times(self.shape)}"
        scaling = "not scaled" if self.largest == 1 else f"scaled by 1/{self.largest:g}"
        if self.normalized:
            scaling = "normalized by their running mean and deviation"
        return f"observation: {self.dtype} {what}, {scaling}"


def describe(space: gym.Space[Any], frame_stack: int = 1, normalized: bool = False) -> Observations:
    """How a Q-network reads the observations of this space.

    Pictures have three axes, or two in uint8; of three axes the first is the channels where it is at most half as long
    as each of the others. With stacked frames, ``[S, H, W]`` is a picture and ``[S, D]`` is not.

    Scaling follows the bounds, not the type. Pictures whose numbers all have the same bounds are divided by the larger
    bound, so uint8 pictures by 255. Vectors are divided only where they are like bytes, with all bounds from 0 to
    between 100 and 255: small numbers would become too small to learn from, and the bounds of other vectors are often
    rough. Numbers without bounds stay as they are.

    Args:
        space: of the observations that the network gets, stacked if they are.
        frame_stack: latest frames in an observation.
        normalized: whether the network normalizes them; then they are not scaled.
    """
    shape = tuple(space.shape or ())
    if frame_stack > 1:
        is_picture = channels_first = len(shape) == 3
    else:
        is_picture = len(shape) == 3 or (len(shape) == 2 and space.dtype == np.uint8)
        channels_first = len(shape) == 3 and 2 * shape[0] <= min(shape[1:])
    bounds = common_bounds(space)
    largest = 1.0
    if bounds is not None:
        low, high = bounds
        size = max(abs(low), abs(high))
        if (is_picture and 1 < size <= LARGEST_PIXEL) or (low == 0 and BYTE_LIKE[0] <= high <= BYTE_LIKE[1]):
            largest = size
    return Observations(shape, np.dtype(space.dtype).name, is_picture, channels_first, frame_stack, largest, normalized)


def common_bounds(space: gym.Space[Any]) -> tuple[float, float] | None:
    """The bounds ``(low, high)`` that all numbers of a space have; None where they differ or are infinite."""
    if not isinstance(space, gym.spaces.Box) or space.low.size == 0:
        return None
    low, high = float(space.low.flat[0]), float(space.high.flat[0])
    same = bool((space.low == space.low.flat[0]).all() and (space.high == space.high.flat[0]).all())
    return (low, high) if same and np.isfinite([low, high]).all() else None


def check_within_bounds(values: Array, space: gym.Space[Any], env_id: str) -> None:
    """Raise `InvalidDataError` where pictures or whole numbers ``[..., *shape]`` leave the bounds of their space.

    The network was made for these bounds: pictures from 0 to 255 of an environment that declares 0 to 1 would not be
    scaled. Vectors of floats are let through, because their bounds are often rough.
    """
    bounds = common_bounds(space)
    is_float = np.issubdtype(np.dtype(space.dtype), np.floating)
    if bounds is None or values.size == 0 or (is_float and len(space.shape or ()) < 3):
        return
    low, high = bounds
    slack = (high - low) / 100 if is_float else 0  # for rounding
    least, most = float(values.min()), float(values.max())
    if least < low - slack or most > high + slack:
        wrong = least if least < low - slack else most
        raise InvalidDataError(
            f"{env_id} gave an observation with {wrong:g} in it, and its observation_space declares {low:g} to "
            f"{high:g}: networks scale by these bounds, so make both agree"
        )


def check_normalizable(space: gym.Space[Any], frame_stack: int, env_id: str) -> None:
    """Raise `EnvironmentNotSupportedError` unless observations are vectors of decimal numbers.

    Pictures have bounds by which they are scaled. Of a one-hot vector, or of counts, the deviation says little: a value
    that is rare would become large.
    """
    if not isinstance(space, gym.spaces.Box) or not np.issubdtype(space.dtype, np.floating):
        what = f"observations {space}"
    elif describe(space).is_picture or (frame_stack > 1 and len(space.shape) == 2):  # stacked, those are pictures
        what = f"pictures {space.shape}"
    else:
        return
    raise EnvironmentNotSupportedError(
        f"{env_id} has {what}: normalize_observations is for vectors of decimal numbers (Box of float32 or float64); "
        "others are scaled by the bounds of their space. Set normalize_observations to False"
    )


class CheckedObservations(gym.Wrapper[Any, Any, Any, Any]):
    """Brings every observation into the type that the space declares, and refuses those that do not fit it.

    Without it, NumPy would cut off what does not fit: a 300 in int8 becomes 44, and a brightness of 0.7 in uint8 0.
    """

    def __init__(self, env: gym.Env[Any, Any], env_id: str) -> None:
        super().__init__(env)
        self._env_id = env_id
        space = env.observation_space
        self._is_discrete = isinstance(space, (gym.spaces.Discrete, gym.spaces.MultiDiscrete))
        self._space, self._dtype, self._shape = space, np.dtype(space.dtype), space.shape

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """As the environment's own.

        Raises:
            InvalidDataError: the observation does not fit its space.
        """
        result: Any = self.env.reset(**kwargs)
        return (
            (self._checked(result[0], "reset"), *result[1:]) if _is_tuple(result, 2) else result
        )  # for `CheckedEnv` to tell

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's own.

        Raises:
            InvalidDataError: the observation does not fit its space.
        """
        result: Any = self.env.step(action)
        return (
            (self._checked(result[0], "step"), *result[1:]) if _is_tuple(result, 5) else result
        )  # for `CheckedEnv` to tell

    def _checked(self, observation: Any, call: str) -> Any:
        if self._is_discrete:
            if not self._space.contains(observation):
                raise InvalidDataError(f"{self._env_id} gave the observation {observation!r}, {self._declared(call)}")
            return observation
        if type(observation) is np.ndarray and observation.dtype == self._dtype and observation.shape == self._shape:
            return observation
        try:
            values = np.asarray(observation)
        except ValueError:  # rows of different lengths
            values = np.asarray(None)
        if values.shape != self._shape or not np.can_cast(values.dtype, np.float64, "same_kind"):
            what = f"an array of {values.dtype} of the shape {values.shape}"
            if values.dtype == object:
                what = f"a {type(observation).__name__}"
            raise InvalidDataError(f"{self._env_id} gave {what} as observation, {self._declared(call)}")
        with np.errstate(all="ignore"):  # what does not fit is seen below or, where it becomes infinite, by the actor
            fitting = values.astype(self._dtype)
        if not np.issubdtype(self._dtype, np.floating) and not np.array_equal(fitting, values):
            wrong = values[fitting != values][0]
            raise InvalidDataError(
                f"{self._env_id} gave {wrong:g} in an observation of {values.dtype}, {self._declared(call)}"
            )
        return fitting

    def _declared(self, call: str) -> str:
        return (
            f"and its observation_space declares {self._space}: what does not fit would be cut off or changed. "
            f"Make both agree{place_of(self, call)}"
        )


def _is_tuple(result: Any, length: int) -> bool:
    return isinstance(result, tuple) and len(result) == length


def _times(numbers: tuple[int, ...]) -> str:
    return "x".join(map(str, numbers))
