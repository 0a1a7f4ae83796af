"""The course: the order of its lessons, and where the files of each are.

The position of a lesson in `LESSONS` is its number: the lesson at index 3 is notebook 03. Code and data of one lesson
are in ``dqnkit/lessons/LESSON``: exercises in ``exercises/NAME.py`` (each module exports ``EXERCISE``), their solutions
and known mistakes in ``answers/NAME.py`` (``ANSWERS``), recorded curves in ``recorded/NAME.json``. Its text is
``notebooks/source/LESSON.py``, with a header that gives idea and minutes for the lists of lessons. A lesson that is not
in `LESSONS` is not part of the course: its notebook is not built and its exercises are not listed.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import dqnkit
from dqnkit.classroom.exercise import Answers, Exercise
from dqnkit.errors import UnknownNameError

LESSONS = (
    "start_here",
    "q_update",
    "q_network",
    "replay",
    "target_network",
    "when_it_does_not_learn",
    "beyond_dqn",
    "rollouts_on_dask",
    "strategy_learner",
    "train_on_a_cluster",
    "cloud",
)
FOLDER = Path(dqnkit.__file__).parent / "lessons"
NOTEBOOKS = "[0-9][0-9]_*.ipynb"  # the pattern of the notebooks' file names


def number(lesson: str) -> str:
    """Return the number of a lesson's notebook, in two digits: ``"03"``.

    Raises:
        UnknownNameError: the course has no such lesson.
    """
    if lesson not in LESSONS:
        raise UnknownNameError(f"the course has no lesson {lesson!r}; its lessons are {', '.join(LESSONS)}")
    return f"{LESSONS.index(lesson):02d}"


def lesson_number_of(prediction: str) -> str:
    """Return the number of the lesson that asks for a prediction, from its id: ``"replay-often"`` gives ``"03"``.

    Ids of earlier versions began with the number itself.
    """
    lesson = prediction.partition("-")[0]
    return number(lesson) if lesson in LESSONS else lesson


def reference(lesson: str) -> str:
    """Return how a text refers to another lesson: ``"notebook 03"``, or its name if the course leaves it out."""
    return f"notebook {number(lesson)}" if lesson in LESSONS else f"the lesson on the {lesson.replace('_', ' ')}"


def notebook_name(lesson: str) -> str:
    """Return the file name of a lesson's notebook without its suffix: ``"03_replay"``."""
    return f"{number(lesson)}_{lesson}"


def notebook_title(name: str) -> str:
    """Return the title of a notebook in lists, from its file name: ``01_q_update`` becomes ``01 · Q-update``."""
    digits, _, words = name.partition("_")
    words = words.replace("_", " ").replace("q ", "Q-").replace("dqn", "DQN").replace("dask", "Dask")
    return f"{digits} · {words[:1].upper()}{words[1:]}"


def exercise_names() -> list[str]:
    """Return the names of all exercises, sorted."""
    return sorted(_lesson_of_each_exercise())


def find_exercise(name: str) -> Exercise:
    """Return the exercise of this name, with its answers.

    Raises:
        UnknownNameError: there is none; the message lists similar names.
    """
    lessons = _lesson_of_each_exercise()
    if name not in lessons:
        near = difflib.get_close_matches(str(name), lessons, n=3, cutoff=0.4) or sorted(lessons)
        raise UnknownNameError(f"there is no exercise {name!r}. Did you mean {' or '.join(map(repr, near))}?")
    exercise: Exercise = import_module(f"dqnkit.lessons.{lessons[name]}.exercises.{name}").EXERCISE
    return replace(exercise, notebook=notebook_name(lessons[name]), answers=find_answers(name))


def find_answers(name: str) -> Answers:
    """Return the answers to the exercise of this name, also to one of a lesson that is not part of the course.

    Raises:
        UnknownNameError: there is none.
    """
    for file in FOLDER.glob(f"*/answers/{name}.py"):
        answers: Answers = import_module(f"dqnkit.lessons.{file.parent.parent.name}.answers.{name}").ANSWERS
        return answers
    raise UnknownNameError(f"there is no exercise {name!r}")


def recorded_names() -> list[str]:
    """Return the names of the recordings in the lessons' folders, as ``"lesson/name"``."""
    return sorted(f"{lesson}/{file.stem}" for lesson in LESSONS for file in (FOLDER / lesson).glob("recorded/*.json"))


def recorded_file(name: str) -> Path:
    """Return the path of a recording, which need not exist; ``name`` is ``"lesson/name"``."""
    lesson, _, stem = name.partition("/")
    return FOLDER / lesson / "recorded" / f"{stem}.json"


def _lesson_of_each_exercise() -> dict[str, str]:
    """Return a dict: name of an exercise -> its lesson."""
    files = ((lesson, file.stem) for lesson in LESSONS for file in (FOLDER / lesson / "exercises").glob("[!_]*.py"))
    return {stem: lesson for lesson, stem in files}
