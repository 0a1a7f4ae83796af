"""Wrappers that a run's settings name: ``minigrid.wrappers:ImgObsWrapper``."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import gymnasium as gym

from dqnkit.environment_errors import telling
from dqnkit.errors import EnvironmentNotSupportedError
from dqnkit.games import MINIGRID

Wrap = Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]
FLATTEN = "gymnasium.wrappers:FlattenObservation"
PICTURE_OF_MINIGRID = "minigrid.wrappers:ImgObsWrapper"  # leaves out the mission, the same text in every episode


def wrapped(env: gym.Env[Any, Any], names: Iterable[str], env_id: str) -> gym.Env[Any, Any]:
    """An environment with wrappers around it, the first one innermost.

    Args:
        env: the environment.
        names: of classes or functions that take an environment alone and return one.
        env_id: for the messages.

    Raises:
        EnvironmentNotSupportedError: no such module, no such name in it, or something that is no wrapper.
        RolloutError: a wrapper raised an error; with the last lines of its code.
    """
    for name in names:
        wrap = find_wrapper(name)
        with telling(env_id, f"while {name} was put around it"):
            env = wrap(env)
        if not isinstance(env, gym.Env):
            raise EnvironmentNotSupportedError(f"{name} is no wrapper: it returned a {type(env).__name__}")
    return env


def find_wrapper(name: str) -> Wrap:
    """The class or the function that ``module:Name`` names.

    Raises:
        EnvironmentNotSupportedError: as `wrapped`.
    """
    where, _, short = name.partition(":")
    module = imported(where, f"the wrapper {name}")
    found = getattr(module, short, None)
    if found is None:
        near = get_close_matches(short, dir(module), n=3)
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise EnvironmentNotSupportedError(f"the wrapper {name}: the module {where} has no {short}{hint}")
    if (inspect.isclass(found) and not issubclass(found, gym.Wrapper)) or not callable(found):
        raise EnvironmentNotSupportedError(
            f"{name} is no wrapper: it must be a subclass of gymnasium.Wrapper, or a function that takes an "
            "environment and returns one"
        )
    needed = _needed_besides_env(found)
    if needed:
        raise EnvironmentNotSupportedError(
            f"the wrapper {name} needs {', '.join(needed)} besides the environment: write a function of your own that "
            f"takes an environment and returns {short}(env, ...), and name that"
        )
    return found


def imported(module: str, needed_by: str) -> ModuleType:
    """Import a module that a setting names.

    Raises:
        EnvironmentNotSupportedError: it cannot be imported; with the reason.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:  # it may be the reader's own, with any mistake in it
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError) and error.name:
            is_itself = f"{module}.".startswith(f"{error.name}.")
            why = f"there is no {error.name} here" if is_itself else f"it needs {error.name}, which is missing here"
        raise EnvironmentNotSupportedError(f"{needed_by}: the module {module} cannot be imported: {why}") from error


def wrapper_to_try(space: gym.Space[Any], env_id: str) -> str:
    """What to do about observations that the kit cannot read: a sentence with the name of a wrapper."""
    name = PICTURE_OF_MINIGRID if env_id.startswith(MINIGRID) else FLATTEN
    if name == FLATTEN and not space.is_np_flattenable:
        return "Write a wrapper that makes one array of them, and name it with its module: --wrapper MODULE:NAME"
    return f'Put a wrapper around it: --wrapper {name}, in Python wrappers=("{name}",)'


def _needed_besides_env(maker: Any) -> list[str]:
    """The parameters without a default after the first."""
    _, *others = inspect.signature(maker).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in others if each.default is each.empty and each.kind not in kinds]
