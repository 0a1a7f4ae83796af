"""An option of the command line that takes a number."""

from __future__ import annotations

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A number in a range. Click's own `FloatRange` takes ``nan`` too, and ``inf`` where there is no upper end."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """``"1.5" -> 1.5``."""
        number = super().convert(value, param, context)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number that is finite", param, context)
        return number
