"""The course: the order of its lessons, and where the files of each are.

The position of a lesson in `LESSONS` is its number: the lesson at index 3 is notebook 03. Code and data of one lesson
are in ``dqnkit/lessons/LESSON``: exercises in ``exercises/NAME.py`` (each module exports ``EXERCISE``), their solutions
and known mistakes in ``answers/NAME.py`` (``ANSWERS``), recorded curves in ``recorded/NAME.json``. Its text is
``notebooks/source/LESSON.py``, with a header that gives idea and minutes for the lists of lessons. A lesson that is not
in `LESSONS` is not part of the course: its notebook is not built and its exercises are not listed.

An instructor's own lesson is a folder of the same form, somewhere else, that `add_lesson` makes known, or that a
package names as an entry point of the group `OWN_LESSONS`. It has no number: its notebook has the folder's name.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import sys
from dataclasses import replace
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

import dqnkit
from dqnkit.classroom import answer_sheet
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
    "applications",
)
FOLDER = Path(dqnkit.__file__).parent / "lessons"
OWN_LESSONS = "dqnkit_lessons"  # group of entry points; the value of each is the module of a lesson's folder
OWN_MODULES = "dqnkit_own_lessons"  # the package name of own lessons in this process
OWN_LESSONS_FILE = "own_lessons.txt"  # in the lessons' folder of a kit that an instructor handed out: their names
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
    """Return the file name of a lesson's notebook without its suffix: ``"03_replay"``; of an own lesson, its name.

    Raises:
        UnknownNameError: there is no such lesson.
    """
    return lesson if lesson in _own_lessons() else f"{number(lesson)}_{lesson}"


def add_lesson(folder: Path) -> str:
    """Make an own lesson known to this process; return its name, which is that of the folder.

    Raises:
        UnknownNameError: the folder has no exercises, or has the name of a lesson that there is already.
    """
    folder = folder.resolve()
    if not any((folder / "exercises").glob("[!_]*.py")):
        raise UnknownNameError(
            f"{folder} is no lesson: it has no exercises/NAME.py. The folder of a lesson has exercises/NAME.py, which "
            "exports EXERCISE, and answers/NAME.py, which exports ANSWERS"
        )
    name = folder.name
    if name in LESSONS or _own_lessons().get(name, folder) != folder:
        raise UnknownNameError(f"there is a lesson {name!r} already: give the folder {folder} another name")
    _own_lessons()[name] = folder
    return name


def forget_lesson(lesson: str) -> None:
    """Make an own lesson unknown to this process again."""
    _own_lessons().pop(lesson, None)
    for module in [name for name in sys.modules if name.startswith(f"{OWN_MODULES}.{lesson}.")]:
        del sys.modules[module]


def notebook_title(name: str) -> str:
    """Return the title of a notebook in lists, from its file name: ``01_q_update`` becomes ``01 · Q-update``."""
    digits, _, words = name.partition("_")
    words = words.replace("_", " ").replace("q ", "Q-").replace("dqn", "DQN").replace("dask", "Dask")
    return f"{digits} · {words[:1].upper()}{words[1:]}"


def lesson_folder(lesson: str) -> Path:
    """Return the folder of a lesson, of the kit or an own one."""
    return _own_lessons().get(lesson, FOLDER / lesson)


def exercise_names() -> list[str]:
    """Return the names of all exercises, sorted."""
    return sorted(_lesson_of_each_exercise())


def exercises_by_lesson() -> dict[str, list[str]]:
    """Return the names of the exercises of each lesson that has some, in the order of the course."""
    found: dict[str, list[str]] = {}
    for name, lesson in _lesson_of_each_exercise().items():
        found.setdefault(lesson, []).append(name)
    return found


def find_exercise(name: str) -> Exercise:
    """Return the exercise of this name, with its answers.

    Raises:
        UnknownNameError: there is none; the message lists similar names.
    """
    lessons = _lesson_of_each_exercise()
    if name not in lessons:
        near = difflib.get_close_matches(str(name), lessons, n=3, cutoff=0.4) or sorted(lessons)
        raise UnknownNameError(f"there is no exercise {name!r}. Did you mean {' or '.join(map(repr, near))}?")
    return replace(find_public(name), answers=find_answers(name))


def find_public(name: str) -> Exercise:
    """Return the exercise of this name without its answers, which need not be there.

    Raises:
        UnknownNameError: there is no such exercise.
    """
    lesson = _lesson_of_each_exercise().get(name)
    if lesson is None:
        raise UnknownNameError(f"there is no exercise {name!r}")
    exercise: Exercise = _module(lesson, "exercises", name).EXERCISE
    return replace(exercise, notebook=notebook_name(lesson))


def exercise_version(name: str) -> str:
    """Return 12 characters that change when the public part of an exercise does: what its reader was asked to write.

    Raises:
        UnknownNameError: there is no such exercise.
    """
    return _version_of("exercises", name)


def answers_version(name: str) -> str:
    """Return 12 characters that change when the answers to an exercise do.

    Raises:
        UnknownNameError: there is no such exercise.
    """
    return _version_of("answers", name)


def _version_of(part: str, name: str) -> str:
    lesson = _lesson_of_each_exercise().get(name)
    if lesson is None:
        raise UnknownNameError(f"there is no exercise {name!r}")
    text = (lesson_folder(lesson) / part / f"{name}.py").read_text(encoding="utf-8")
    return hashlib.sha256("\n".join(text.splitlines()).encode()).hexdigest()[:12]


def find_answers(name: str) -> Answers:
    """Return the answers to the exercise of this name, also to one of a lesson that is not part of the course.

    Raises:
        UnknownNameError: there is none.
    """
    for folder in [*FOLDER.glob("*/answers"), *(folder / "answers" for folder in _own_lessons().values())]:
        if (folder / f"{name}.py").exists():
            answers: Answers = _module(folder.parent.name, "answers", name).ANSWERS
            return answers
        if (folder / f"{name}.json.gz").exists():
            return answer_sheet.read(folder / f"{name}.json.gz")
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
    files = {lesson: (lesson_folder(lesson) / "exercises").glob("[!_]*.py") for lesson in [*LESSONS, *_own_lessons()]}
    return {name: lesson for lesson, found in files.items() for name in sorted(file.stem for file in found)}


@cache
def _own_lessons() -> dict[str, Path]:
    """Return a dict, which `add_lesson` adds to: name of an own lesson -> its folder."""
    listed = FOLDER / OWN_LESSONS_FILE
    names = listed.read_text(encoding="utf-8").split() if listed.is_file() else []
    found = {name: FOLDER / name for name in names}
    for entry in metadata.entry_points(group=OWN_LESSONS):
        spec = importlib.util.find_spec(entry.value)
        if spec is not None and spec.submodule_search_locations:
            found[entry.name] = Path(next(iter(spec.submodule_search_locations)))
    return found


def _module(lesson: str, part: str, name: str) -> ModuleType:
    """Return a module of a lesson; part is "exercises" or "answers"."""
    if lesson not in _own_lessons():
        return import_module(f"dqnkit.lessons.{lesson}.{part}.{name}")
    full = f"{OWN_MODULES}.{lesson}.{part}.{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, _own_lessons()[lesson] / part / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module  # dataclasses look their module up
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[full]
            raise
    return sys.modules[full]
