"""Build a lesson's two notebooks, the student's copy and the solution, from its source; without outputs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from dqnkit.authoring.repository import Repository
from dqnkit.authoring.source import Source, filled, sized, with_solution, without_solution
from dqnkit.errors import DQNKitError

BADGES, COURSE = "<!-- badges -->", "<!-- course -->"
SET_UP_TITLE = "On Colab, run this first: it installs the course (in a minute)"
SET_UP = """\
import sys

if "google.colab" in sys.modules:
    kit = "{kit}"
    !{{sys.executable}} -m pip install --quiet --no-deps {{kit}}
    assert _exit_code == 0, f"Cannot install {{kit}}: no network, or no such address. Mend it, and run this cell again."
    from dqnkit.colab import set_up
    set_up()"""  # IPython runs the line with ! in a shell and sets _exit_code
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # of a code cell: for Colab, for JupyterLab
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(
    source: Source, repository: Repository, path: str, course_table: str, *, solved: bool, fast: bool = False
) -> str:
    """Return a notebook as the text of its file; the same source gives the same bytes.

    The metadata ``dqnkit`` holds the lesson's ``idea`` and ``minutes``, for lists of lessons.

    Args:
        source: of the lesson.
        repository: the target of its links.
        path: of the notebook in the repository.
        course_table: the table of all lessons, in Markdown.
        solved: whether to build the solution.
        fast: whether to shorten its runs, for tests.

    Raises:
        DQNKitError: a mark is malformed; the message names the cell.
    """
    badges = f"[Open in Binder]({repository.on_binder(path)}) · [Open in Colab]({repository.on_colab(path)})"
    cells = []
    for index, (cell, name) in enumerate(zip(source.cells, _ids(source), strict=True)):
        text = filled(cell.source, source).replace(BADGES, badges).replace(COURSE, course_table)
        if cell.cell_type == "code":
            try:
                text = sized(with_solution(text) if solved else without_solution(text), fast=fast)
            except (DQNKitError, SyntaxError) as error:
                raise DQNKitError(f"{source.lesson}.py, cell {index}: {error}") from error
        cells.append(_cell(cell.cell_type, name, text, cell.metadata.get("title", "")))
    cells.insert(1, _cell("code", "set-up", SET_UP.format(kit=repository.archive), SET_UP_TITLE))  # after the heading
    metadata = {**METADATA, "dqnkit": {"idea": source.idea, "minutes": source.minutes}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _ids(source: Source) -> list[str]:
    """Return an id for each cell, made from its content, so that a new cell changes no other id."""
    seen: Counter[str] = Counter()
    names = []
    for cell in source.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] += 1
        names.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return names


def _cell(kind: str, name: str, text: str, title: str = "") -> dict[str, Any]:
    """Return a cell; one with a title is folded, and Colab and JupyterLab show the title in place of the code."""
    if title:
        text = f"# @title {title}\n{text}"
    metadata = dict(FOLDED) if title else {}
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": metadata, "source": text.splitlines(True)}
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell
