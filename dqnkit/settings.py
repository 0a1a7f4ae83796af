"""How a setting is declared, checked and compared; `dqnkit.config` lists the settings themselves."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from dqnkit.arguments import Arguments
from dqnkit.checked_numbers import number, whole_number
from dqnkit.errors import ConfigError


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    pattern: str = "",
    example: str = "",
    option: str = "",
) -> Any:
    """A field of `DQNConfig` with its documentation and the values that it takes.

    Args:
        default: its value where none is given.
        help: one line.
        low, high: bounds of a number.
        choices: the words that it takes.
        pattern: regular expression of each of several texts.
        example: of what it takes, for the messages.
        option: on the command line, of one of its values, where it may be given several times.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices}
    return dataclasses.field(
        default=default, metadata={**metadata, "pattern": pattern, "example": example, "option": option}
    )


def check_names(given: Iterable[str], known: Collection[str]) -> None:
    """Raise `ConfigError` for a setting that does not exist, with the nearest names."""
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else "; see help(DQNConfig) for all settings"
            raise ConfigError(f"there is no setting {name!r}{hint}")


def checked(spec: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    """The value of a setting in the type ``kind`` that it is declared with.

    Raises:
        ConfigError: it has another type or is out of range; the message names the setting and what it takes.
    """
    if kind is Arguments:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{spec.name} takes a dict, like {spec.metadata['example']}, not {value!r}")
        return value if isinstance(value, Arguments) else Arguments(value, spec.name)
    if str in get_args(kind):  # tuple[str, ...]
        return _checked_texts(spec, value)
    if get_args(kind):  # tuple[int, ...]
        if not isinstance(value, (tuple, list)):
            raise ConfigError(f"{spec.name} takes whole numbers, like (64, 64), not {value!r}")
        return tuple(_checked_number(spec, int, item) for item in value)
    if kind in (int, float):
        return _checked_number(spec, kind, value)
    if not isinstance(value, kind):
        expected = {bool: "True or False", str: "text"}[kind]
        raise ConfigError(f"{spec.name} takes {expected}, not {value!r}")
    choices = spec.metadata["choices"]
    if choices and value not in choices:
        raise ConfigError(f"{spec.name} takes {' or '.join(map(repr, choices))}, not {value!r}")
    return value


def require_same(part: str, its_config: Any, config: Any, names: Iterable[str]) -> None:
    """See that a part of the loop was made with the settings of the run, as far as it uses them.

    Args:
        part: what it is, for the message.
        its_config: the settings that the part was made with.
        config: the settings of the run.
        names: of the settings that the part uses.

    Raises:
        ConfigError: one differs; the message names it and both values.
    """
    for name in names:
        its, ours = getattr(its_config, name), getattr(config, name)
        if its != ours:
            raise ConfigError(
                f"{part} was made with {name} {its!r}, the run has {name} {ours!r}: make both with the same settings"
            )


def _checked_texts(spec: dataclasses.Field[Any], value: Any) -> tuple[str, ...]:
    if not isinstance(value, (tuple, list)):
        raise ConfigError(f"{spec.name} takes names in a tuple, like {spec.metadata['example']}, not {value!r}")
    for item in value:
        if not isinstance(item, str) or not re.fullmatch(spec.metadata["pattern"], item):
            raise ConfigError(f"{spec.name} takes names like those in {spec.metadata['example']}, not {item!r}")
    return tuple(value)


def _checked_number(spec: dataclasses.Field[Any], kind: type, value: Any) -> Any:
    check = whole_number if kind is int else number
    return check(spec.name, value, low=spec.metadata["low"], high=spec.metadata["high"])
