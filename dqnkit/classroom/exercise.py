"""An exercise: its worked solution, its cases, and the known mistakes of readers with a message for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """One fixed input on which the reader's code is tried."""

    label: str  # in words: "the episode terminated"
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Mistake:
    """A wrong solution that readers write, and the message for them."""

    name: str
    wrong: Any  # the wrong function or class
    message: str  # what is wrong and why it matters


def call(thing: Any, case: Case) -> Any:
    """Return what a function returns for a case."""
    return thing(*case.arguments)


@dataclass(frozen=True)
class Exercise:
    """A function or class that the reader writes.

    A check calls ``observe(thing, case)`` for the reader's code and for the solution and compares what it returns:
    numbers, arrays and tensors by shape and value (to the tolerance of float32), text, None, and lists, tuples and
    dicts of these. The reader sees the keys of a dict, so they should be words. Each call gets its own copy of the
    case. A check also reports arguments that the reader's code changes and the solution does not.
    """

    name: str
    signature: str
    minutes: int
    difficulty: int  # 1 to 3
    solution: Any
    mistakes: Sequence[Mistake]
    cases: Callable[[], list[Case]]  # the smallest first
    hints: Sequence[str]  # from a slight hint to a strong one; `code` in backticks
    observe: Callable[[Any, Case], Any] = call  # runs the reader's code and returns what is compared
    seconds: float = 5.0  # time limit of one case
    notebook: str = ""  # "01_q_update"; set by `course.find_exercise`
