"""Numbers that a person or a file gives: of the right kind, finite and in range, or refused in one sentence.

Every part of the kit that takes a number uses these. NaN is why: each comparison with it is false, so a budget of NaN
is never reached and a limit of NaN never exceeded. True and False are numbers for Python, and not for a reader.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dqnkit.errors import ConfigError


def number(
    name: str, value: Any, *, low: float | None = None, above: float | None = None, high: float | None = None
) -> float:
    """The value as a float.

    Args:
        name: of the setting or argument, for the message.
        value: as it was given.
        low: the smallest that is allowed.
        above: every value that is allowed is larger.
        high: the largest that is allowed.

    Raises:
        ConfigError: it is no number, not finite or out of range.
    """
    return float(_checked(name, value, "a number", (int, float, np.integer, np.floating), low, above, high))


def whole_number(name: str, value: Any, *, low: int | None = None, high: int | None = None) -> int:
    """The value as an int; the arguments are those of `number`.

    Raises:
        ConfigError: it is no whole number or out of range.
    """
    return int(_checked(name, value, "a whole number", (int, np.integer), low, None, high))


def _checked(
    name: str,
    value: Any,
    expected: str,
    types: tuple[type, ...],
    low: float | None,
    above: float | None,
    high: float | None,
) -> Any:
    limits = [f"of at least {low:g}"] if low is not None else []
    limits += [f"above {above:g}"] if above is not None else []
    limits += [f"of at most {high:g}"] if high is not None else []
    if low is not None and high is not None:
        limits = [f"from {low:g} to {high:g}"]
    is_number = isinstance(value, types) and not isinstance(value, bool)
    if not is_number:
        raise ConfigError(f"{name} takes {expected}, not {_shown(value)}")
    inside = (low is None or value >= low) and (above is None or value > above) and (high is None or value <= high)
    if not (_is_finite(value) and inside):
        raise ConfigError(f"{name} takes {' '.join([expected, *limits])}, not {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "so long a number"
    return text if len(text) < 60 else f"{text[:50]}..."


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False
