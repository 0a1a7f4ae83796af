"""An exercise, in two parts: what its reader sees, and the answers to it.

The public part is ``exercises/NAME.py`` of a lesson and exports ``EXERCISE``; it imports nothing of the private part,
``answers/NAME.py``, which exports ``ANSWERS``. `dqnkit.classroom.course.find_exercise` puts the two together.

A class may get the course without the private parts. Then a recording of what the answers return stands in their place
(`dqnkit.classroom.answer_sheet`): checks work as before, and nobody can read a solution.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from numpy.random import Generator


@dataclass(frozen=True)
class Case:
    """One input on which the reader's code is tried."""

    label: str  # in words: "the episode terminated"
    arguments: tuple[Any, ...]
    fixed: int | None = None  # its number, in the cases of a check, if it is one of the fixed cases


@dataclass(frozen=True)
class Mistake:
    """A wrong solution that readers write, and the message for them."""

    name: str
    wrong: Any  # the wrong function or class
    message: str  # what is wrong and why it matters


def is_stub(thing: Any) -> bool:
    """Return whether a function does nothing but return None."""
    code = getattr(inspect.unwrap(thing) if inspect.isfunction(thing) else None, "__code__", None)
    if code is None or code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return False
    steps = [(step.opname, step.argval) for step in dis.get_instructions(code)]
    does_nothing = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
    return all(name in does_nothing and (not name.endswith("CONST") or value is None) for name, value in steps)


class Form(NamedTuple):
    """How what a reader writes is called."""

    is_class: bool
    by_position: tuple[str, ...]  # names of arguments
    by_name: tuple[str, ...]  # arguments that only a name can give
    methods: tuple[str, ...]  # that a class must have, more than empty

    @classmethod
    def of(cls, thing: Any) -> Form:
        """Return the form of a function or class."""
        parameters = inspect.signature(thing).parameters.values()
        by_position = (p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
        by_name = (p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        methods = (name for name, method in vars(thing).items() if inspect.isfunction(method) and not is_stub(method))
        return cls(inspect.isclass(thing), tuple(by_position), tuple(by_name), tuple(methods))


@dataclass(frozen=True)
class Answers:
    """The private part of an exercise: its worked solution, and the known mistakes of readers."""

    solution: Any
    mistakes: Sequence[Mistake]

    @property
    def form(self) -> Form:
        """The form that an answer must have."""
        return Form.of(self.solution)

    @property
    def source(self) -> str:
        """The source of the worked solution; empty where the course was handed out without it."""
        return inspect.getsource(self.solution)

    def draw(self, exercise: Exercise, rng: Generator) -> list[Case]:
        """Return the cases of one check: the fixed ones, and fresh ones."""
        fixed = [replace(case, fixed=number) for number, case in enumerate(exercise.fixed_cases())]
        return [*fixed, *exercise.cases(rng)]


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
        """The worked solution, or the recording that stands for it."""
        return self._answers.solution

    @property
    def form(self) -> Form:
        """How what the reader writes is called."""
        return self._answers.form

    @property
    def source(self) -> str:
        """The source of the worked solution; empty where the course was handed out without it."""
        return self._answers.source

    def draw(self, rng: Generator) -> list[Case]:
        """Return the cases of one check: the fixed ones, and fresh ones."""
        return self._answers.draw(self, rng)

    @property
    def mistakes(self) -> Sequence[Mistake]:
        """The known mistakes."""
        return self._answers.mistakes

    @property
    def _answers(self) -> Answers:
        if self.answers is None:
            raise ValueError(f"{self.name} was taken from its module: find_exercise({self.name!r}) adds the answers")
        return self.answers
