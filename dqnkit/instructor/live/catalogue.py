"""What a class can be asked: the course's questions and exercises, with the sentences of the known mistakes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dqnkit.classroom import course
from dqnkit.classroom.question import Question, questions_of

# What stands in formulas of questions, as the projector shows it.
SYMBOLS = {r"\alpha": "α", r"\gamma": "γ", r"\epsilon": "ε", r"\varepsilon": "ε", r"\theta": "θ", r"\max": "max"}


@dataclass(frozen=True)
class LiveExercise:
    """What the live class knows of an exercise."""

    name: str
    notebook: str  # as in lists: "01 · Q-update"
    mistakes: Mapping[str, str]  # name -> what is wrong and why it matters


@dataclass(frozen=True)
class Catalogue:
    """The course's questions by id and exercises by name, both in the order of the notebooks."""

    questions: Mapping[str, Question]
    exercises: Mapping[str, LiveExercise]

    @classmethod
    def of_course(cls) -> Catalogue:
        """All that the course asks."""
        questions = {
            f"{lesson}-{name}": asked for lesson in course.LESSONS for name, asked in questions_of(lesson).items()
        }
        found = sorted((course.find_exercise(name) for name in course.exercise_names()), key=lambda each: each.notebook)
        exercises = {
            each.name: LiveExercise(
                each.name,
                course.notebook_title(each.notebook),
                {mistake.name: mistake.message for mistake in each.mistakes},
            )
            for each in found
        }
        return cls(questions, exercises)

    def lesson_title(self, question: str) -> str:
        """The notebook of a question, as lists have it."""
        return course.notebook_title(course.notebook_name(question.partition("-")[0]))


def plain(text: str) -> str:
    """Text of the course without the marks of Markdown and of formulas: ``"$Q^*$"`` becomes ``"Q*"``."""
    text = re.sub(r"\\[a-z]+", lambda found: SYMBOLS.get(found[0], found[0]), text)
    return re.sub(r"(?<=\w)\^\*", "*", text.replace("$", "").replace("`", ""))
