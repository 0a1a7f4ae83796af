"""An exercise, in two parts: what its reader sees, and the answers to it.

The public part is ``exercises/NAME.py`` of a lesson and exports ``EXERCISE``; it imports nothing of the private part,
``answers/NAME.py``, which exports ``ANSWERS``. `dqnkit.classroom.course.find_exercise` puts the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.random import Generator


@dataclass(frozen=True)
class Case:
    """One input on which the reader's code is tried."""

    label: str  # in words: "the episode terminated"
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Mistake:
    """A wrong solution that readers write, and the message for them."""

    name: str
    wrong: Any  # the wrong function or class
    message: str  # what is wrong and why it matters


@dataclass(frozen=True)
class Answers:
    """The private part of an exercise: its worked solution, and the known mistakes of readers."""

    solution: Any
    mistakes: Sequence[Mistake]


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

    A check runs the fixed cases, which are small and show every known mistake, and then ``cases(rng)``: fresh ones at
    each call, so that no answer can be made for the fixed ones only.
    """

    name: str
    signature: str
    minutes: int
    difficulty: int  # 1 to 3
    hints: Sequence[str]  # from a slight hint to a strong one; `code` in backticks
    fixed_cases: Callable[[], list[Case]]  # the smallest first
    cases: Callable[[Generator], list[Case]]  # values of every sign, early ends, odd sizes
    observe: Callable[[Any, Case], Any] = call  # runs the reader's code and returns what is compared
    seconds: float = 5.0  # time limit of one case
    notebook: str = ""  # "01_q_update"; set by `course.find_exercise`
    answers: Answers | None = None  # set by `course.find_exercise`

    @property
    def solution(self) -> Any:
        """The worked solution."""
        return self._answers.solution

    @property
    def mistakes(self) -> Sequence[Mistake]:
        """The known mistakes."""
        return self._answers.mistakes

    @property
    def _answers(self) -> Answers:
        if self.answers is None:
            raise ValueError(f"{self.name} was taken from its module: find_exercise({self.name!r}) adds the answers")
        return self.answers
