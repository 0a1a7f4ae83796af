"""The exercises of the course, one module each; every module exports `EXERCISE`."""

from __future__ import annotations

import difflib
import pkgutil
from importlib import import_module

from dqnkit.classroom.exercise import Exercise
from dqnkit.errors import UnknownNameError


def names() -> list[str]:
    """What can be checked, by name."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str) -> Exercise:
    """The exercise of this name.

    Raises:
        UnknownNameError: there is none; with the names that are nearest.
    """
    known = names()
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4) or known
        raise UnknownNameError(f"there is no exercise {name!r}. Did you mean {' or '.join(map(repr, near))}?")
    exercise: Exercise = import_module(f"{__name__}.{name}").EXERCISE
    return exercise
