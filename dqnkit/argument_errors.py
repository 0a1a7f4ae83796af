"""What an environment's constructor takes, and what to say where one of `DQNConfig.env_args` does not fit it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import gymnasium as gym

from dqnkit.errors import EnvironmentNotSupportedError

BY_THE_KIT = ("self", "render_mode", "num_envs", "max_episode_steps")  # parameters that are no matter of the reader
Maker = Callable[..., Any] | str | None  # of environments: a class or a function, or where it is ("module:Name")


def names_taken(maker: Maker) -> tuple[list[str], bool]:
    """The names that a constructor takes, and whether these are all.

    A constructor that passes ``**kwargs`` on is followed to that of the class above it.
    """
    if maker is None:
        return [], False
    made_by: Any = gym.envs.registration.load_env_creator(maker) if isinstance(maker, str) else maker
    kinds = made_by.__mro__ if inspect.isclass(made_by) else ()
    steps = [vars(kind)["__init__"] for kind in kinds if "__init__" in vars(kind)]
    names: dict[str, None] = {}
    for step in steps or [made_by]:
        parameters = inspect.signature(step).parameters.values()
        names |= {each.name: None for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)}
        if not any(each.kind == each.VAR_KEYWORD for each in parameters):
            return [name for name in names if name not in BY_THE_KIT], True
    return [name for name in names if name not in BY_THE_KIT], False


def takes_all(maker: Maker, names: Iterable[str]) -> bool:
    """Whether a constructor surely takes arguments of these names."""
    wanted = set(names)
    return not wanted or wanted <= set(names_taken(maker)[0])


def argument_error(
    error: TypeError, spec: gym.envs.registration.EnvSpec, arguments: Mapping[str, Any]
) -> EnvironmentNotSupportedError | None:
    """The error for an argument that a constructor does not take, or misses; None where ``error`` has another reason.

    Args:
        error: what ``gymnasium.make`` raised.
        spec: of the environment.
        arguments: what the reader gave.
    """
    names, all_known = names_taken(spec.entry_point)
    listed = f"Its constructor takes {', '.join(names) or 'none'}{'' if all_known else ' and perhaps others'}"
    if (found := re.search(r"unexpected keyword argument '(\w+)'", f"{error}")) and found[1] in arguments:
        near = get_close_matches(found[1], names, n=1)
        hint = f": did you mean {near[0]}?" if near else "."
        return EnvironmentNotSupportedError(f"{spec.id} takes no argument {found[1]!r}{hint} {listed}")
    if (found := re.search(r"multiple values for keyword argument '(\w+)'", f"{error}")) and found[1] in arguments:
        return EnvironmentNotSupportedError(f"{spec.id} sets the argument {found[1]!r} itself: leave it out. {listed}")
    if found := re.search(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*?) was raised", f"{error}"):
        return EnvironmentNotSupportedError(
            f"{spec.id} needs a value for {found[1]}: give --env-arg NAME=VALUE, or env_args in Python. {listed}"
        )
    return None


def check_configuration(env: gym.Env[Any, Any], env_id: str, arguments: Mapping[str, Any]) -> None:
    """Raise `EnvironmentNotSupportedError` for a misspelt name in the ``config`` of a highway-env environment.

    Those environments take a dict, and let pass what is not in their own ``default_config``.
    """
    default = getattr(env.unwrapped, "default_config", None)
    given = arguments.get("config")
    if not callable(default) or not isinstance(given, Mapping):
        return
    known = list(default())
    for name in given:
        near = [] if name in known else get_close_matches(name, known, n=1, cutoff=0.75)
        if near:
            raise EnvironmentNotSupportedError(
                f"{env_id} has no {name!r} in its config: did you mean {near[0]}? It has {', '.join(known)}"
            )
