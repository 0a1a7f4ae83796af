"""Times like ``10 minutes``, as options and in Dask's configuration."""

from __future__ import annotations

from typing import Any

from dask.utils import parse_timedelta

from dqnkit.checked_numbers import number
from dqnkit.errors import ConfigError


def time_span(name: str, value: Any) -> float:
    """A time in seconds.

    Args:
        name: of the setting or argument, for the message.
        value: a text like ``"10 minutes"``, or seconds.

    Raises:
        ConfigError: it is no time, not finite or not above 0.
    """
    if not isinstance(value, str):
        return number(name, value, above=0)
    try:
        seconds = float(parse_timedelta(value))
    except (ValueError, LookupError, OverflowError):
        raise ConfigError(f'{name} takes a time like "10 minutes", not {value!r}') from None
    return number(name, seconds, above=0)
