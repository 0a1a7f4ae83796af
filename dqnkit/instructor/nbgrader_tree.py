"""The notebooks of a class as nbgrader wants them: ``source/LESSON/NOTEBOOK.ipynb``, with solutions and tests marked.

nbgrader takes the solutions out when it generates the students' version, and runs the tests when it grades. The last
version tried is in the README of the benchmarks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dqnkit.course_folder import find_notebooks
from dqnkit.files import write_whole
from dqnkit.instructor.settings import ClassError, Lesson

CHECK = re.compile(r'^check\("(?P<exercise>\w+)", (?P<thing>\w+)\)$', re.MULTILINE)
BEGIN = "### BEGIN SOLUTION"


def write(folder: Path, lessons: Sequence[Lesson]) -> list[Path]:
    """Write the tree for the lessons of the course; own lessons have no marks for nbgrader and are left out.

    Returns:
        the notebooks.

    Raises:
        ClassError: the sources of the notebooks are not here.
        MissingExtraError: Jupytext is not installed.
    """
    from dqnkit.authoring.source import filled, read_sources, sized

    notebooks = find_notebooks()
    if not (notebooks / "source").is_dir():
        raise ClassError(
            f"the sources of the notebooks are not in {notebooks}: run this in a checkout of the repository"
        )
    sources = {source.lesson: source for source in read_sources(notebooks)}
    written = []
    for lesson in lessons:
        if lesson.name not in sources:
            continue
        source = sources[lesson.name]
        graded: set[str] = set()
        cells: list[dict[str, Any]] = []
        for cell in source.cells:
            text = filled(cell.source, source).replace("<!-- badges -->", "").replace("<!-- course -->", "")
            if cell.cell_type == "code":
                cells += _code_cells(sized(text, fast=False), lesson, graded, len(cells))
            else:
                cells.append(_cell("markdown", text, f"text-{len(cells)}"))
        content = {"cells": cells, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
        path = folder / "source" / lesson.name / f"{lesson.notebook}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        written.append(path)
    return written


def _code_cells(text: str, lesson: Lesson, graded: set[str], number: int) -> Iterator[dict[str, Any]]:
    """Yield a code cell as it is, or the cell of a solution and the locked one of its test."""
    if BEGIN not in text:
        yield _cell("code", text, f"code-{number}")
        return
    found = CHECK.search(text)
    before = text if found is None else text[: found.start()].rstrip()
    name = f"solution-{number}" if found is None else found["exercise"]
    name = f"{name}-{number}" if name in graded else name
    yield _cell("code", _without_broken(before), name, _marks(name, solution=True))
    if found is None:
        return
    points = 0.0 if found["exercise"] in graded else float(lesson.points.get(found["exercise"], 0))
    graded.add(found["exercise"])
    test = (
        f'result = check("{found["exercise"]}", {found["thing"]})\ndisplay(result)\nassert result.passed, result.text'
    )
    rest = text[found.end() :].strip()
    yield _cell("code", test, f"{name}-check", _marks(f"{name}-check", points=points))
    if rest:
        yield _cell("code", rest, f"{name}-more")


def _without_broken(text: str) -> str:
    """Return code to be mended as nbgrader can show it: it has no place for what only the student's version has."""
    return re.sub(r"^[ \t]*### BROKEN\n(?:.*\n)*?(?=[ \t]*### END SOLUTION)", "", text, flags=re.MULTILINE)


def _marks(grade_id: str, *, solution: bool = False, points: float | None = None) -> dict[str, Any]:
    """Return nbgrader's metadata of a cell (its schema, version 3)."""
    marks = {"grade_id": grade_id, "solution": solution, "grade": points is not None, "locked": points is not None}
    return {"nbgrader": {**marks, **({} if points is None else {"points": points}), "task": False, "schema_version": 3}}


def _cell(kind: str, text: str, name: str, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    cell = {"cell_type": kind, "id": name, "metadata": metadata or {}, "source": text.splitlines(True)}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
