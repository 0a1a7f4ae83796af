"""An option for each setting of `DQNConfig`, with its documentation and its default."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

import click

from dqnkit.arguments import Arguments, read_arguments
from dqnkit.cli.sections import SectionOption
from dqnkit.config import DQNConfig

SECTION = "What to learn, and how"


class _Sizes(click.ParamType):
    """Whole numbers with commas between them."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """``"64,64" -> (64, 64)``."""
        if not isinstance(value, str):
            return value
        try:
            return tuple(int(part) for part in value.split(",") if part.strip())
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers like 64,64", param, context)


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets None for each that was not given."""
    hints = get_type_hints(DQNConfig)
    for spec in reversed(dataclasses.fields(DQNConfig)):
        if spec.name != "env_id":
            option = spec.metadata["option"] or "--" + spec.name.replace("_", "-")
            kind = hints[spec.name]
            names = [f"{option}/--no{option[1:]}"] if kind is bool else [option]
            several: dict[str, Any] = {}
            if spec.metadata["option"]:
                metavar = "NAME=VALUE" if kind is Arguments else "MODULE:NAME"
                several = {"multiple": True, "callback": _collected(kind), "metavar": metavar}
            command = click.option(
                *names,
                spec.name,
                type=_option_type(kind, spec.metadata["choices"]),
                default=None,
                help=f"{spec.metadata['help']}  [{_in_words(spec.default) or 'none'}]",
                cls=SectionOption,
                section=SECTION,
                **several,
            )(command)
    return command


def _collected(kind: Any) -> Callable[..., Any]:
    """A callback that makes one setting of an option that may be given several times; None where it was not given."""

    def collect(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Any:
        if not values:
            return None
        return read_arguments(values) if kind is Arguments else values

    return collect


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given on the command line."""
    return {name: value for name, value in settings.items() if value is not None}


def unusual(config: DQNConfig) -> str:
    """The settings of a run that differ from the defaults on the help page: ``gamma 0.98, n_step 4``."""
    values = ((spec, getattr(config, spec.name)) for spec in dataclasses.fields(config) if spec.name != "env_id")
    return ", ".join(f"{spec.name} {_in_words(value)}" for spec, value in values if value != spec.default)


def _in_words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _option_type(kind: Any, choices: tuple[str, ...] | None) -> Any:
    if choices:
        return click.Choice(choices)
    if int in get_args(kind):
        return _Sizes()
    return str if kind is Arguments or get_args(kind) else kind
