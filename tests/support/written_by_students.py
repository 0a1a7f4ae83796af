"""Answers as the code that students hand in: every worked solution, and every known mistake."""

from __future__ import annotations

import re
from functools import cache

from dqnkit.classroom import course, written_answers
from dqnkit.instructor.submission import Answer

OF_ANOTHER_EXERCISE = re.compile(r"^from dqnkit\.lessons\.\w+\.answers\.(\w+) import \w+$", re.MULTILINE)


@cache
def right_answer(exercise: str) -> Answer:
    """The worked solution, with what it uses."""
    name = course.find_exercise(exercise).solution.__name__
    source = _source(exercise)
    found = written_answers.find([source[: source.index("ANSWERS = ")], f"check({exercise!r}, {name})"], {exercise: ""})
    written = found.answers[exercise]
    return Answer(written.code, written.name)


@cache
def mistaken_answer(exercise: str, number: int) -> Answer:
    """A known mistake, with what it uses."""
    return Answer(f"{_source(exercise)}\n\nmistaken = ANSWERS.mistakes[{number}].wrong\n", "mistaken")


def _source(exercise: str) -> str:
    """The private part of an exercise, with what it takes from that of another one."""
    (path,) = course.FOLDER.glob(f"*/answers/{exercise}.py")
    text = path.read_text(encoding="utf-8")
    text = text.replace("from __future__ import annotations\n", "")
    return OF_ANOTHER_EXERCISE.sub(lambda found: right_answer(found[1]).code, text)
