"""Handing out: the students' course, with the lessons of the class and no solution in it.

`release` makes a folder and a zip file of it:

- ``course/``: the notebooks of the class;
- ``dqnkit-….whl``: the kit that students install, without the private parts of the exercises. Checks work with answer
  sheets (`dqnkit.classroom.answer_sheet`);
- ``nbgrader/source/``: the same notebooks as nbgrader wants them, for classes that use it;
- ``release.json``: the version of the kit and of each exercise, to tell later what a student was asked;
- ``README.md``: what a student does with it.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dqnkit
from dqnkit.classroom import answer_sheet, course
from dqnkit.classroom.answer_sheet import Seen
from dqnkit.classroom.checking import observe_all
from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.course_folder import find_notebooks
from dqnkit.errors import needs
from dqnkit.files import parse_json, write_whole
from dqnkit.instructor import nbgrader_tree, public_kit
from dqnkit.instructor.settings import ClassError, ClassSettings, Lesson

FOLDER = "release"
SHEETS = ".answer-sheets"  # in the folder of the class: recording them takes a while, and they change with the kit only
SEEDS = tuple(range(1, 9))  # of the fresh cases in a sheet; graders use others (`ClassSettings.seed`)
BUILD_SECONDS = 300
KIT_LINE = re.compile(r'^    kit = ".*"$', re.MULTILINE)  # of the cell that installs the course on Colab
BADGES = re.compile(r"^\[Open in Binder\]\(.*$\n?", re.MULTILINE)
Tell = Callable[[str], None]


def release(settings: ClassSettings, *, kit_address: str = "", tell: Tell = lambda text: None) -> Path:
    """Make the students' course; return its folder. An earlier release is replaced.

    Args:
        settings: of the class.
        kit_address: where students can get the wheel (https://…): the cell that installs the course on Colab uses it.
            Unless given, there is no such cell: it would install the kit with its solutions.
        tell: is told what is being made.

    Raises:
        ClassError: a notebook is missing, the wheel cannot be built, or the folder cannot be written.
        MissingExtraError: the extra `instructor` is not installed.
    """
    target, scratch = settings.folder / FOLDER, settings.folder / f".{FOLDER}.part"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        (scratch / "course").mkdir(parents=True)
        notebooks = {lesson.notebook: _notebook(lesson, kit_address) for lesson in settings.lessons}
        for name, content in notebooks.items():
            write_whole(scratch / "course" / f"{name}.ipynb", content)
        _copy_pictures(scratch / "course")
        sheets = _sheets(settings, tell)
        tell("the students' wheel")
        wheel = _wheel(sheets, notebooks, scratch)
        tell("the tree for nbgrader")
        nbgrader_tree.write(scratch / "nbgrader", settings.lessons)
        write_whole(scratch / "release.json", json.dumps(_manifest(settings), indent=1) + "\n")
        write_whole(scratch / "README.md", _README.format(name=settings.name, wheel=wheel.name))
        _zip(scratch, settings.folder / f".{FOLDER}.zip.part")
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
        (settings.folder / f".{FOLDER}.zip.part").replace(settings.folder / f"{FOLDER}.zip")
    except OSError as error:
        raise ClassError(f"the release cannot be written to {settings.folder} ({error})") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        (settings.folder / f".{FOLDER}.zip.part").unlink(missing_ok=True)
    return target


def _notebook(lesson: Lesson, kit_address: str) -> str:
    """Return the student's notebook of a lesson, with a set-up cell that leads to the class's kit or without one."""
    own = course.lesson_folder(lesson.name) / f"{lesson.name}.ipynb"
    path = own if own.exists() else find_notebooks() / f"{lesson.notebook}.ipynb"
    try:
        content: dict[str, Any] = parse_json(path.read_bytes())
        kept = []
        for cell in content["cells"]:
            source = "".join(cell["source"])
            if cell.get("id") == "set-up":
                if not kit_address:
                    continue
                source = KIT_LINE.sub(f"    kit = {json.dumps(kit_address)}", source)
            elif cell["cell_type"] == "markdown":
                source = BADGES.sub("", source)  # they lead to the whole course
            kept.append({**cell, "source": source.splitlines(True)})
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ClassError(f"the notebook {path} cannot be read ({error})") from error
    return json.dumps({**content, "cells": kept}, ensure_ascii=False, indent=1) + "\n"


def _copy_pictures(folder: Path) -> None:
    pictures = find_notebooks() / "pictures"
    if pictures.is_dir():
        shutil.copytree(pictures, folder / "pictures")


def _sheets(settings: ClassSettings, tell: Tell) -> dict[str, Path]:
    """Return a dict: exercise -> its answer sheet, which is recorded unless an earlier release has left it."""
    folder = settings.folder / SHEETS
    folder.mkdir(exist_ok=True, mode=0o700)
    importlib.import_module("dqnkit.backend")  # it hides what TensorFlow would print when an answer imports it
    found = {}
    for name in course.exercise_names():
        exercise = course.find_exercise(name)
        found[name] = folder / f"{name}-{course.exercise_version(name)}-{course.answers_version(name)}.json.gz"
        if not found[name].exists():
            tell(f"the answer sheet of {name}")
            scratch = found[name].with_suffix(".part")
            answer_sheet.write(scratch, answer_sheet.record(exercise, SEEDS, observe(exercise)))
            scratch.rename(found[name])
    return found


def observe(exercise: Exercise) -> Callable[[Any, list[Case]], tuple[list[Seen], list[Any]]]:
    """Return a function that runs a solution or a mistake on cases: what happened, and how long each case took."""

    def observed(thing: Any, cases: list[Case]) -> tuple[list[Seen], list[Any]]:
        seen, took = [], []
        for case in cases:
            processor, wall = time.process_time(), time.monotonic()
            seen += observe_all(exercise, thing, [case])
            took.append((round(time.process_time() - processor, 4), round(time.monotonic() - wall, 4)))
        return seen, took

    return observed


def _wheel(sheets: dict[str, Path], notebooks: dict[str, str], target: Path) -> Path:
    """Build the wheel of the kit without its private parts, with the same requirements; return its path."""
    with needs("hatchling, which builds the students' wheel,", "instructor", "hatchling"):
        import hatchling  # noqa: F401
    with TemporaryDirectory(prefix="dqnkit-release-") as scratch:
        folder = Path(scratch)
        package = public_kit.copy(folder)
        for lesson, names in course.exercises_by_lesson().items():
            (package / "lessons" / lesson / public_kit.PRIVATE).mkdir(exist_ok=True)
            for name in names:
                shutil.copy(sheets[name], package / "lessons" / lesson / public_kit.PRIVATE / f"{name}.json.gz")
        (package / "course").mkdir()
        for name, content in notebooks.items():
            write_whole(package / "course" / f"{name}.ipynb", content)
        _copy_pictures(package / "course")
        constraints = public_kit.PACKAGE / "data" / "constraints.txt"
        if not constraints.exists():
            constraints = public_kit.PACKAGE.parent / "binder" / "constraints.txt"
        shutil.copy(constraints, package / "data" / "constraints.txt")
        write_whole(folder / "pyproject.toml", _pyproject())
        built_in = str(target.resolve())  # hatchling starts in another folder
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", built_in]
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise ClassError(f"the students' wheel cannot be built: {(done.stderr or done.stdout).strip()[-800:]}")
    return next(target.glob("dqnkit-*.whl"))


def _pyproject() -> str:
    """Return a pyproject.toml for the copy, with the requirements of the kit that is installed here."""
    kit = metadata.distribution("dqnkit")
    base, extras = [], {extra: [] for extra in kit.metadata.get_all("Provides-Extra") or []}  # type: ignore[var-annotated]
    for requirement in kit.requires or []:
        text, _, marker = requirement.partition(";")
        found = re.search(r"""extra == ['"]([\w-]+)['"]""", marker)
        if found is None:
            base.append(requirement)
            continue
        others = re.sub(r"""\s*(and\s+)?extra == ['"][\w-]+['"](\s+and)?\s*""", "", marker).strip().strip("()")
        extras[found[1]].append(f"{text.strip()}; {others}" if others else text.strip())
    kept = {name: needed for name, needed in extras.items() if name not in ("instructor", "test")}
    lines = [
        "[build-system]",
        'requires = ["hatchling"]',
        'build-backend = "hatchling.build"',
        "[project]",
        'name = "dqnkit"',
        f"version = {json.dumps(dqnkit.__version__)}",
        f"description = {json.dumps('The kit of a class: ' + str(kit.metadata['Summary']))}",
        f"requires-python = {json.dumps(kit.metadata['Requires-Python'])}",
        f"dependencies = {json.dumps(base)}",
        "[project.scripts]",
        'dqnkit = "dqnkit.cli:main"',
        "[project.optional-dependencies]",
        *(f"{name} = {json.dumps(needed)}" for name, needed in kept.items()),
        "[tool.hatch.build.targets.wheel]",
        'packages = ["dqnkit"]',
    ]
    return "\n".join(lines) + "\n"


def _manifest(settings: ClassSettings) -> dict[str, Any]:
    exercises = [name for lesson in settings.lessons for name in lesson.points]
    return {
        "class": settings.name,
        "kit": dqnkit.__version__,
        "lessons": [lesson.name for lesson in settings.lessons],
        "exercises": {name: course.exercise_version(name) for name in exercises},
    }


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in _files(folder):
            archive.write(file, file.relative_to(folder))


def _files(folder: Path) -> Sequence[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and "nbgrader" not in path.parts]


_README = """\
# {name}

Notebooks and the kit that they need. It takes Python 3.11 to 3.13 and 2 GB of disk. In this folder, once:

```bash
python3 -m venv .venv
.venv/bin/pip install "./{wheel}[notebooks]"
.venv/bin/dqnkit doctor
```

The last line says what is missing, if anything, and the command that mends it. Then, whenever you want to work:

```bash
.venv/bin/dqnkit lab my-course
```

(On Windows write `py` for `python3`, and `.venv\\Scripts\\` for `.venv/bin/`.)

JupyterLab opens with the notebooks of the class; your own copy is in `my-course`. The last cells of each notebook write
a file to hand in.
"""
