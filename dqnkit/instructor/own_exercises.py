"""An instructor's own exercises: the lessons that ``class.toml`` names beside those of the course."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dqnkit.classroom import course
from dqnkit.errors import DQNKitError


def add(folder: Path, names: Sequence[str]) -> list[str]:
    """Make own lessons known to this process, and see that each of their exercises can be used.

    Args:
        folder: of the class; names of folders are relative to it.
        names: folders of lessons. Lessons of installed packages (entry points) are known without being named.

    Returns:
        the names of the lessons.

    Raises:
        DQNKitError: a folder is no lesson, or one of its modules cannot be imported or lacks something.
    """
    lessons = []
    for name in names:
        lesson = course.add_lesson(folder / name)
        for exercise in course.exercises_by_lesson()[lesson]:
            _try(exercise, folder / name)
        lessons.append(lesson)
    return lessons


def _try(name: str, folder: Path) -> None:
    """Find an exercise, so that what is wrong with it is said before it is handed out."""
    try:
        exercise = course.find_exercise(name)
        problem = "" if exercise.name == name else f"its EXERCISE has the name {exercise.name!r}"
    except DQNKitError:
        raise
    except Exception as error:  # it is the instructor's own code, with any mistake in it
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise DQNKitError(
            f"the exercise {name} of {folder} cannot be used: {problem}. exercises/{name}.py exports EXERCISE, an "
            f"Exercise of this name, and answers/{name}.py exports ANSWERS (dqnkit.classroom.exercise)"
        )
