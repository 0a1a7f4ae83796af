"""What a prediction asks, and what is said to each answer.

The questions of a lesson are in ``dqnkit/lessons/LESSON/questions.py``, as ``QUESTIONS``. A notebook names one by its
id, ``"LESSON-NAME"``. It holds neither the options nor what is said of them: no answer stands beside its question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from dqnkit.errors import ConfigError
from dqnkit.plots.sketch import Axis, in_words

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the run, at which a curve is told in words
MOST_POINTS = 200  # of a drawn line


@dataclass(frozen=True)
class Reply:
    """What is said of one option: to all where it is what happened, and to those who chose it where it is not."""

    right: str = ""
    wrong: str = ""


@dataclass(frozen=True)
class Choice:
    """A question with options, of which one is chosen.

    Args:
        text: one or two sentences.
        replies: what is said of each option, in the order in which they are shown.
        outcome: the option that a result of the notebook shows; None if it does not tell.

    Raises:
        ConfigError: there are fewer than two options, none can be right, or to a wrong answer nothing would be said.
    """

    text: str
    replies: Mapping[str, Reply]
    outcome: Callable[[Any], str | None]
    kind = "choice"

    def __post_init__(self) -> None:
        right = [option for option, reply in self.replies.items() if reply.right]
        silent = [option for option, reply in self.replies.items() if not reply.wrong and right != [option]]
        if len(self.replies) < 2 or not right:
            raise ConfigError(f"{self.text!r} needs two options or more, one of which has a reply for being right")
        if silent:
            raise ConfigError(f"{self.text!r} has nothing to say to who wrongly chooses {silent[0]!r}")

    @property
    def options(self) -> tuple[str, ...]:
        """The options, in the order in which they are shown."""
        return tuple(self.replies)

    def accepts(self, value: Any) -> bool:
        """Whether a stored value answers this question (the course may have changed since)."""
        return value in self.options

    def in_words(self, value: Any) -> str:
        """An answer as text."""
        return str(value)


@dataclass(frozen=True)
class Number:
    """A question whose answer is a number.

    Args:
        text: one or two sentences.
        unit: of the number.
        range: the lowest and the highest answer that is taken: wide enough to tell nothing.
        replies: ``(low, high)`` -> what is said to predictions in this range.
        reason: why it is what it is; said to all.
    """

    text: str
    unit: str
    range: tuple[float, float]
    replies: Mapping[tuple[float, float], str] = field(default_factory=dict)
    reason: str = ""
    kind = "number"

    def accepts(self, value: Any) -> bool:
        """Whether a stored value answers this question."""
        return isinstance(value, (int, float))

    def in_words(self, value: float) -> str:
        """A number and its unit as text."""
        return f"{value:.6g} {self.unit}".strip()


@dataclass(frozen=True)
class Curve:
    """A question whose answer is a drawn line: its values at equal distances from the beginning to the end of the run.

    Args:
        text: one or two sentences.
        unit: of the values.
        range: the lowest and the highest value that can be drawn.
        reason: why it is what it is; said to all.
        over: what the run is counted in, as "environment steps".
        end: how long the run is, in what it is counted; None if that is not known, and the axis is its share.
        quantity: whose colour what happened has (a name in `dqnkit.plots.PALETTE`).
    """

    text: str
    unit: str
    range: tuple[float, float]
    reason: str = ""
    over: str = "steps"
    end: float | None = None
    quantity: str = "environment"
    kind = "curve"

    @property
    def axis(self) -> Axis:
        """The axis of the run: its own where its length is known, else per cent of it."""
        return Axis("% of the run", 100.0) if self.end is None else Axis(self.over, float(self.end))

    def accepts(self, value: Any) -> bool:
        """Whether a stored value answers this question: five values (of sliders, once) or more (of a drawn line)."""
        if not isinstance(value, list) or not len(SHARES) <= len(value) <= MOST_POINTS:
            return False
        return all(isinstance(number, (int, float)) for number in value)

    def in_words(self, value: Any) -> str:
        """A curve as text."""
        line = np.array(value, np.float64)
        values = np.interp(SHARES, np.linspace(0, 1, len(line)), line)
        return f"{in_words(values)} {self.unit}".strip() + " (at 0, 25, 50, 75 and 100 % of the run)"


Question = Choice | Number | Curve


def questions_of(lesson: str) -> Mapping[str, Question]:
    """The questions of a lesson by name, in the order in which they are asked; none if it has no questions.py."""
    module = f"dqnkit.lessons.{lesson}"
    if not lesson.isidentifier() or find_spec(module) is None or find_spec(f"{module}.questions") is None:
        return {}
    questions: Mapping[str, Question] = import_module(f"{module}.questions").QUESTIONS
    return questions


def find_question(id: str) -> Question:
    """The question with this id, as ``"q_update-alpha"``: the lesson, then a name.

    Raises:
        ConfigError: there is no such question (a mistake in the notebook).
    """
    lesson, _, name = id.partition("-")
    questions = questions_of(lesson)
    if name not in questions:
        known = ", ".join(f"{lesson}-{known}" for known in questions) or f"none of a lesson {lesson!r}"
        raise ConfigError(f"there is no question {id!r}; there are {known}")
    return questions[name]
