"""Answers as plain Python files, for programs that compare them with each other (Dolos, JPlag)."""

from __future__ import annotations

from pathlib import Path

from dqnkit.instructor import pages, submission
from dqnkit.instructor.settings import ClassSettings

FOLDER = "exported"


def export(settings: ClassSettings) -> dict[str, int]:
    """Write ``exported/EXERCISE/PSEUDONYM.py`` for each answer that counts; return how many there are of each exercise.

    Raises:
        ClassError: a submission cannot be read or a file not be written.
    """
    counts: dict[str, int] = {}
    for (student, _), handed_in in submission.counting(settings).items():
        for exercise, answer in handed_in.answers.items():
            pages.write(path_of(settings.folder, exercise, student), answer.code.rstrip() + "\n")
            counts[exercise] = counts.get(exercise, 0) + 1
    return counts


def path_of(folder: Path, exercise: str, student: str) -> Path:
    """Return where the answer of a student, by pseudonym, goes."""
    return folder / FOLDER / exercise / f"{student}.py"
