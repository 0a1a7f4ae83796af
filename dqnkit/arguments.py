"""Keyword arguments of an environment, as a setting of a run: values of JSON that never change."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dqnkit.errors import ConfigError


class Arguments(Mapping[str, Any]):
    """Arguments by name. They are read like a dict, compared and hashed by their values, and cannot be changed.

    Values are those of JSON. Inside, dicts become `Arguments` and lists become tuples, all the way down; `plain` gives
    dicts and lists back. As text they are written in the way of the command line: ``config.lanes_count=3``.

    Args:
        values: by name; the dicts and lists in it are copied.
        name: of the setting, for the messages.

    Raises:
        ConfigError: something in ``values`` is no value of JSON; the message says where.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any] | None = None, name: str = "env_args") -> None:
        for key in values or {}:
            if not isinstance(key, str):
                raise ConfigError(f"{name} takes names (text) as keys, not {key!r}")
        self._values = {key: _frozen(value, f"{name}[{key!r}]") for key, value in (values or {}).items()}

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return repr(self.plain())

    def __str__(self) -> str:
        return " ".join(self._words(""))

    def __reduce__(self) -> tuple[Any, ...]:
        return Arguments, (self.plain(),)

    def plain(self) -> dict[str, Any]:
        """New dicts and lists, for JSON and for an environment, which may change them."""
        return {key: plain(value) for key, value in self._values.items()}

    def merged(self, other: Mapping[str, Any]) -> Arguments:
        """These arguments with those of ``other`` put over them; dicts that both have are merged, too."""
        mine, others = self._values, Arguments(other)
        common = (key for key in mine.keys() & others.keys() if _are_both(mine, others, key))
        both = {key: mine[key].merged(others[key]) for key in common}
        return Arguments({**mine, **others, **both})

    def _words(self, before: str) -> Iterator[str]:
        for key, value in self._values.items():
            if isinstance(value, Arguments) and value:
                yield from value._words(f"{before}{key}.")
            else:
                yield f"{before}{key}={value if isinstance(value, str) else json.dumps(plain(value))}"


def plain(value: Any) -> Any:
    """A value in which `Arguments` are dicts and tuples are lists, all the way down."""
    if isinstance(value, Arguments):
        return value.plain()
    return [plain(item) for item in value] if isinstance(value, tuple) else value


def read_arguments(texts: Iterable[str]) -> dict[str, Any]:
    """Arguments as they are written on a command line, ``("size=8", "config.lanes_count=3")``, as nested dicts.

    A value is read as JSON where it is JSON, and as text where it is not. Dots in a name lead into a dict.

    Raises:
        ConfigError: no ``=`` or no name, or a name that is both a value and a dict.
    """
    arguments: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        *outer, last = name.strip().split(".")
        if not equals or not all((*outer, last)):
            raise ConfigError(f"an argument is written NAME=VALUE, like config.lanes_count=3, not {text!r}")
        inside = arguments
        for key in outer:
            inside = inside.setdefault(key, {})
            if not isinstance(inside, dict):
                raise ConfigError(f"{text!r} needs {key} to be a dict, and another argument makes it {inside!r}")
        given = _read(value)
        if isinstance(given, dict) and isinstance(inside.get(last), dict):
            inside[last].update(given)
        else:
            inside[last] = given
    return arguments


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(text, text)  # as Python writes them


def _frozen(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return Arguments(value, where)
    if isinstance(value, list | tuple):
        return tuple(_frozen(item, f"{where}[{i}]") for i, item in enumerate(value))
    if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a number of NumPy's
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ConfigError(
        f"{where} takes values of JSON (numbers, text, True, False, None, lists and dicts of them), not {value!r}"
    )


def _are_both(mine: Mapping[str, Any], others: Mapping[str, Any], key: str) -> bool:
    return isinstance(mine[key], Arguments) and isinstance(others[key], Arguments)
