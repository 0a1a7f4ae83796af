"""Seeds of claims about learning: CI tries the first, the rehearsal the others."""

from __future__ import annotations

from typing import Any

import pytest


def seeds(number: int) -> list[Any]:
    """The seeds from 0 to ``number`` - 1, for ``pytest.mark.parametrize``."""
    return [pytest.param(seed, marks=pytest.mark.rehearsal if seed else ()) for seed in range(number)]
