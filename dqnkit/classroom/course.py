"""The course: its lessons in their order, and where the parts of each lie.

`LESSONS` is the one place where a lesson has its number: the lesson at position 3 is notebook 03. What only one lesson
needs lies in ``dqnkit/lessons/NAME``: exercises in ``exercises/NAME.py`` (each module exports ``EXERCISE``), recorded
curves in ``recorded/NAME.json``. The text is ``notebooks/source/NAME.py``, which begins with what the lists of lessons
say of it. A lesson that is not in `LESSONS` is not part of the course: no notebook is built, no exercise is listed.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import dqnkit
from dqnkit.classroom.exercise import Exercise
from dqnkit.errors import UnknownNameError

LESSONS = (
    "start_here",
    "q_update",
    "q_network",
    "replay",
    "target_network",
    "beyond_dqn",
    "rollouts_on_dask",
    "strategy_learner",
    "train_on_a_cluster",
    "cloud",
)
FOLDER = Path(dqnkit.__file__).parent / "lessons"
NOTEBOOKS = "[0-9][0-9]_*.ipynb"  # the pattern of their file names


def number(lesson: str) -> str:
    """The number of a lesson's notebook, in two digits: ``"03"``.

    Raises:
        UnknownNameError: the course has no such lesson.
    """
    if lesson not in LESSONS:
        raise UnknownNameError(f"the course has no lesson {lesson!r}; its lessons are {', '.join(LESSONS)}")
    return f"{LESSONS.index(lesson):02d}"


def reference(lesson: str) -> str:
    """How a text refers to another lesson: ``"notebook 03"``, or by its name where the course leaves it out."""
    return f"notebook {number(lesson)}" if lesson in LESSONS else f"the lesson on the {lesson.replace('_', ' ')}"


def notebook_name(lesson: str) -> str:
    """The file name of a lesson's notebook, without the ending: ``"03_replay"``."""
    return f"{number(lesson)}_{lesson}"


def notebook_title(name: str) -> str:
    """The title of a notebook in lists, from the name of its file: ``01_q_update`` becomes ``01 · Q-update``."""
    digits, _, words = name.partition("_")
    words = words.replace("_", " ").replace("q ", "Q-").replace("dqn", "DQN").replace("dask", "Dask")
    return f"{digits} · {words[:1].upper()}{words[1:]}"


def exercise_names() -> list[str]:
    """What can be checked, by name."""
    return sorted(_lesson_of_each_exercise())


def find_exercise(name: str) -> Exercise:
    """The exercise of this name.

    Raises:
        UnknownNameError: there is none; with the names that are nearest.
    """
    lessons = _lesson_of_each_exercise()
    if name not in lessons:
        near = difflib.get_close_matches(str(name), lessons, n=3, cutoff=0.4) or sorted(lessons)
        raise UnknownNameError(f"there is no exercise {name!r}. Did you mean {' or '.join(map(repr, near))}?")
    exercise: Exercise = import_module(f"dqnkit.lessons.{lessons[name]}.exercises.{name}").EXERCISE
    return replace(exercise, notebook=notebook_name(lessons[name]))


def recorded_names() -> list[str]:
    """The recorded files that ship with the lessons, as ``"lesson/name"``."""
    return sorted(f"{lesson}/{file.stem}" for lesson in LESSONS for file in (FOLDER / lesson).glob("recorded/*.json"))


def recorded_file(name: str) -> Path:
    """Where a recorded file lies, whether it is there yet or not; ``name`` is ``"lesson/name"``."""
    lesson, _, stem = name.partition("/")
    return FOLDER / lesson / "recorded" / f"{stem}.json"


def _lesson_of_each_exercise() -> dict[str, str]:
    """Name of an exercise -> its lesson."""
    files = ((lesson, file.stem) for lesson in LESSONS for file in (FOLDER / lesson / "exercises").glob("[!_]*.py"))
    return {stem: lesson for lesson, stem in files}
