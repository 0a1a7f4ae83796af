"""A copy of the package without its private parts: for students' wheels, and for the cage in which their answers run.

Left out are the answers of all lessons (answer sheets stand in for them where they are wanted), this room, the
author's room, and the notebooks that the wheel carries.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import dqnkit
from dqnkit.classroom import course

PACKAGE = Path(dqnkit.__file__).parent
ROOMS = ("instructor", "authoring", "course")  # at the top of the package
PRIVATE = "answers"  # folder of each lesson


def copy(folder: Path) -> Path:
    """Copy the package without its private parts, and the public parts of own lessons; return the copy.

    Args:
        folder: where the copy goes, as ``folder/dqnkit``; it must not be there yet.

    Raises:
        OSError: it cannot be written.
    """
    target = folder / "dqnkit"

    def left_out(of: str, names: list[str]) -> set[str]:
        here = Path(of)
        private = {name for name in names if name in ("__pycache__", PRIVATE) and here != PACKAGE}
        return private | ({*ROOMS, "__pycache__"} & {*names} if here == PACKAGE else set())

    shutil.copytree(PACKAGE, target, ignore=left_out)
    own = [name for name in course.exercises_by_lesson() if name not in course.LESSONS]
    for name in own:
        shutil.copytree(course.lesson_folder(name), target / "lessons" / name, ignore=left_out)
    (target / "lessons" / course.OWN_LESSONS_FILE).write_text("".join(f"{name}\n" for name in own), encoding="utf-8")
    return target
