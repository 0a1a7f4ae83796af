"""What an exercise is: the task, its worked solution, and the mistakes that readers make, with what to say of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """One fixed case on which a reader's work is tried."""

    label: str  # in words: "the episode terminated"
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Mistake:
    """A wrong solution that readers write, and what to tell them."""

    name: str
    wrong: Any
    message: str  # what is wrong and why it matters


def call(thing: Any, case: Case) -> Any:
    """What a function returns for a case."""
    return thing(*case.arguments)


@dataclass(frozen=True)
class Exercise:
    """One thing that the reader writes.

    The check gives `observe` a fresh copy of the case each time, so it may use the arguments up. Arguments that a
    reader's work changes, and the solution does not, are named. What `observe` returns is compared: numbers, arrays
    and tensors by shape and value (to float32's tolerance), text, None, and lists, tuples and dicts of these. Keys of
    a dict are shown to the reader: make them words.
    """

    name: str
    signature: str
    minutes: int
    difficulty: int  # 1 to 3
    solution: Any
    mistakes: Sequence[Mistake]
    cases: Callable[[], list[Case]]  # smallest first
    hints: Sequence[str]  # a first nudge, then more; `code` between backticks
    observe: Callable[[Any, Case], Any] = call  # drives what the reader wrote; what it returns is compared
    seconds: float = 5.0  # how long the reader's work may take on one case
    notebook: str = ""  # where it stands, "01_q_update"; `course.find_exercise` knows it from the folder
