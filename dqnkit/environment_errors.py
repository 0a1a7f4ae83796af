"""What goes wrong in an environment's own code, told in one sentence with the last lines of that code.

Everything of the kit that makes, resets, steps, draws or closes an environment does it inside `telling`, so that
training can keep what was learned and the reader sees where to look. Ctrl-C passes through. So does what the kit itself
has to say.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np

from dqnkit.errors import (
    DQNKitError,
    EnvironmentNotSupportedError,
    InvalidDataError,
    MissingExtraError,
    RolloutError,
    missing_module,
)
from dqnkit.opengl import cannot_be_drawn, is_drawn_by_mujoco, is_failure_of_opengl

Function = TypeVar("Function", bound=Callable[..., Any])
LINES = 3  # of the environment's code, the innermost
RESET = "it must take seed and options, and return (observation, info)"
STEP = "it must return (observation, reward, terminated, truncated, info)"
CONTRACTS = {"in reset": RESET, "in step": STEP}  # what Gymnasium asks of an environment
# Code that calls environments: its lines say nothing about a mistake in one of them.
CALLERS = tuple(
    str(Path(gym.__file__).parent / name) for name in ("core.py", "wrappers", "vector", "envs/registration.py")
)
OURS = str(Path(__file__).parent)


class telling:  # a small letter, as it reads as a word: `with telling(env_id, "in step"):`
    """A context in which an environment's errors, and its `sys.exit()`, become a `RolloutError`.

    It may be entered again and again, and costs a tenth of a microsecond: environments are stepped a lot.
    """

    __slots__ = ("_env_id", "_when")

    def __init__(self, env_id: str, when: str) -> None:
        self._env_id, self._when = env_id, when

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if isinstance(error, Exception | SystemExit) and not isinstance(error, DQNKitError | MemoryError):
            raise environment_failed(error, self._env_id, self._when) from error


def told(when: str) -> Callable[[Function], Function]:
    """`telling` for a function whose first argument is the environment's id, or the settings that name it."""

    def decorate(function: Function) -> Function:
        @wraps(function)
        def inside(settings: Any, *args: Any, **kwargs: Any) -> Any:
            with telling(getattr(settings, "env_id", settings), when):
                return function(settings, *args, **kwargs)

        return inside  # type: ignore[return-value]

    return decorate


def environment_failed(error: BaseException, env_id: str, when: str) -> RolloutError:
    """The error of the kit for one that an environment raised."""
    what = f"{error}" or "without a message"
    if isinstance(error, SystemExit):
        what = f"sys.exit({'' if error.code is None else repr(error.code)}) ends the whole program"
    frames = _frames_of_environment(error)
    lines = [f"  {frame.filename}:{frame.lineno}, in {frame.name}: {frame.line}" for frame in frames[-LINES:]]
    advice = f"; {CONTRACTS[when]}" if not frames and when in CONTRACTS else ""
    return RolloutError("\n".join([f"{env_id} raised {type(error).__name__}: {what} ({when}){advice}", *lines]))


def _frames_of_environment(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of a traceback that lie below the code that calls environments; none where that code itself failed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    calling = [index for index, frame in enumerate(frames) if frame.filename.startswith(CALLERS)]
    ours = next((index for index, frame in enumerate(frames) if not frame.filename.startswith(OURS)), len(frames))
    # an environment may use Gymnasium's wrappers itself: only callers above its own first line are left out
    first = next((index for index in range(ours, len(frames)) if index not in calling), len(frames))
    return frames[first:]


class CheckedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """An environment whose mistakes end in one sentence each: what it raises, and what it returns in a wrong form.

    Raises:
        RolloutError: the environment raised an error.
        InvalidDataError: an observation of another shape than declared; a reward that is no number; an end that is
            neither true nor false; something else than Gymnasium's five values, or two of a reset.
    """

    def __init__(self, env: gym.Env[Any, Any], env_id: str) -> None:
        super().__init__(env)
        self._env_id = env_id
        self._shape = env.observation_space.shape
        self._resetting, self._stepping = telling(env_id, "in reset"), telling(env_id, "in step")
        self._closed = False

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """As the environment's."""
        with self._resetting:
            result: Any = self.env.reset(**kwargs)
        if not isinstance(result, tuple) or len(result) != 2:
            raise self._wrong("reset", _in_words(result), RESET)
        self._check_observation("reset", result[0])
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's."""
        with self._stepping:
            result: Any = self.env.step(action)
        if not isinstance(result, tuple) or len(result) != 5:
            raise self._wrong("step", _in_words(result), STEP)
        observation, reward, terminated, truncated, _ = result
        if type(observation) is not np.ndarray or observation.shape != self._shape:
            self._check_observation("step", observation)
        if type(reward) is not float and not _is_number(reward):
            raise self._wrong("step", f"the reward {reward!r}", "a reward must be one number")
        for name, end in (("terminated", terminated), ("truncated", truncated)):
            if type(end) is not bool and not _is_truth(end):
                raise self._wrong("step", f"{name}={end!r}", "it must be True or False")
        return result

    def render(self) -> Any:
        """As the environment's.

        Raises:
            MissingExtraError: what it draws with is not installed.
            EnvironmentNotSupportedError: it has no ``render`` of its own, or lacks another package, or OpenGL.
        """
        with telling(self._env_id, "in render"):
            try:
                return self.env.render()
            except gym.error.DependencyNotInstalled as error:
                if missing_module(error) == "pygame":
                    raise MissingExtraError(f"what draws {self._env_id}", "course") from error
                raise EnvironmentNotSupportedError(f"{self._env_id} cannot be drawn: {error}") from error
            except NotImplementedError as error:
                raise EnvironmentNotSupportedError(f"{self._env_id} draws no pictures: it has no render()") from error
            except Exception as error:
                if is_drawn_by_mujoco(self.env) and is_failure_of_opengl(error):
                    raise cannot_be_drawn(self._env_id) from error
                raise

    def close(self) -> None:
        """As the environment's, once: what failed then is not tried again."""
        if not self._closed:
            self._closed = True
            with telling(self._env_id, "in close"):
                self.env.close()

    def _check_observation(self, call: str, observation: Any) -> None:
        try:
            shape = np.shape(observation)
        except ValueError:  # lists of different lengths
            given = "an observation that is no array"
        else:
            if shape == self._shape:
                return
            given = f"an observation of the shape {shape}"
        raise self._wrong(call, given, f"its space has the shape {self._shape}")

    def _wrong(self, call: str, given: str, expected: str) -> InvalidDataError:
        where = place_of(self, call)
        return InvalidDataError(
            f"{self._env_id}: {call}() returned {given}; {expected}. Mend or wrap the environment{where}"
        )


def place_of(env: gym.Env[Any, Any], call: str) -> str:
    """A line of its own that says where an environment's ``step`` or ``reset`` is; empty if it is not in Python."""
    code = getattr(getattr(env.unwrapped, call), "__code__", None)
    return f"\n  {code.co_filename}:{code.co_firstlineno}, {call}" if code else ""


def _in_words(result: Any) -> str:
    return f"{len(result)} values" if isinstance(result, tuple) else f"one value of the type {type(result).__name__}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number | np.bool_) or (
        np.ndim(value) == 0 and hasattr(value, "__float__")
    )


def _is_truth(value: Any) -> bool:
    """True or False, as a number or an array without axes, too."""
    return isinstance(value, np.bool_) or (np.ndim(value) == 0 and hasattr(value, "__int__") and value in (0, 1))
