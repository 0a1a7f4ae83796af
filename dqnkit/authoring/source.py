"""The source of a lesson's notebook: a Python file in Jupytext's percent format, with a few marks.

The file begins with a header of YAML in which ``jupyter: dqnkit:`` gives ``idea`` (the one new idea, for the lists of
lessons) and ``minutes``. In the text

- ``[[number]]`` and ``[[minutes]]`` become the lesson's own, ``[[replay]]`` the number of another lesson;
- ``<!-- badges -->`` becomes links that open the notebook, ``<!-- course -->`` the table of all lessons;
- what stands between the lines ``### BEGIN SOLUTION`` and ``### END SOLUTION`` is left out of the student's copy.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqnkit.classroom import course
from dqnkit.errors import DQNKitError, MissingExtraError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PLACEHOLDER = "# YOUR CODE HERE"
REFERENCE = re.compile(r"\[\[([a-z]\w*)\]\]")


@dataclass(frozen=True)
class Source:
    """One lesson's source, read.

    Raises:
        DQNKitError: the header lacks the idea or the minutes, or the text does not begin with a title.
    """

    lesson: str
    number: str  # "03"
    idea: str
    minutes: int
    cells: Sequence[Any]  # Jupytext's
    references: Mapping[str, str]  # what stands between [[ and ]] -> what takes its place

    @property
    def notebook(self) -> str:
        """The name of the notebook's file, without the ending."""
        return f"{self.number}_{self.lesson}"


def read_sources(folder: Path) -> list[Source]:
    """The sources of all lessons of the course, in its order.

    Args:
        folder: of the notebooks; the sources are in its folder ``source``.

    Raises:
        DQNKitError: a lesson without a source, or a source that is not well formed; says which.
        MissingExtraError: Jupytext is not installed.
    """
    lessons = {lesson: course.number(lesson) for lesson in course.LESSONS}
    files = [path.stem for path in (folder / "source").glob("*.py")]
    # a lesson that the course leaves out has no number: its name in words stands for it
    references = {name: name.replace("_", " ") for name in files} | lessons
    return [_read(folder / "source" / f"{lesson}.py", number, references) for lesson, number in lessons.items()]


def filled(text: str, source: Source) -> str:
    """A cell's text with its references filled in."""
    return REFERENCE.sub(lambda found: source.references.get(found[1], found[0]), text)


def without_solution(code: str) -> str:
    """A cell's code as the student gets it.

    In the place of each solution stands a comment, and what keeps the cell a program: ``return None`` where the end of
    a function was left out, ``pass`` where a block would be empty.

    Raises:
        DQNKitError: a line that begins a solution without one that ends it, or the other way round.
    """
    lines = code.split("\n")
    kept, position = [], 0
    for begin, end in _solutions(lines):
        indent = " " * (len(lines[begin]) - len(lines[begin].lstrip()))
        kept += [*lines[position:begin], indent + PLACEHOLDER]
        statement = _instead(ast.parse(code), begin + 1, end + 1)
        if statement:
            kept.append(indent + statement)
        position = end + 1
    return "\n".join(kept + lines[position:])


def with_solution(code: str) -> str:
    """A cell's code with the solution, without the marks around it."""
    return "\n".join(line for line in code.split("\n") if line.strip() not in (BEGIN, END))


def _read(path: Path, number: str, references: Mapping[str, str]) -> Source:
    try:
        import jupytext
    except ModuleNotFoundError as error:
        raise MissingExtraError("Jupytext, which reads the sources of the notebooks,", "test") from error
    if not path.exists():
        raise DQNKitError(f"the lesson {path.stem} is in the course, but there is no {path}: write it, or leave it out")
    notebook = jupytext.read(path, fmt="py:percent")
    header = notebook.metadata.get("dqnkit", {})
    if not (isinstance(header.get("idea"), str) and isinstance(header.get("minutes"), int)):
        raise DQNKitError(f"{path} must begin with a header that gives idea and minutes, as those beside it do")
    if not notebook.cells or notebook.cells[0].cell_type != "markdown":
        raise DQNKitError(f"{path} must begin with a markdown cell (# %% [markdown]) that holds the title")
    own = {"number": number, "minutes": str(header["minutes"])}
    source = Source(path.stem, number, header["idea"], header["minutes"], notebook.cells, {**references, **own})
    for index, cell in enumerate(source.cells):
        unknown = set(REFERENCE.findall(cell.source)) - source.references.keys()
        if cell.cell_type == "markdown" and unknown:
            raise DQNKitError(f"{path.name}, cell {index}: there is no lesson {', '.join(sorted(unknown))}")
    return source


def _solutions(lines: list[str]) -> Iterator[tuple[int, int]]:
    """First and last line of each solution, the marks."""
    begin = None
    for number, line in enumerate(lines):
        if line.strip() == BEGIN and begin is None:
            begin = number
        elif line.strip() == END and begin is not None:
            yield begin, number
            begin = None
        elif line.strip() in (BEGIN, END):
            raise DQNKitError(f"line {number + 1} is {line.strip()!r} without its partner")
    if begin is not None:
        raise DQNKitError(f"line {begin + 1} begins a solution that never ends")


def _instead(tree: ast.Module, begin: int, end: int) -> str:
    """The statement that must stand in for the lines from ``begin`` to ``end`` (counted from 1), if any."""
    for node in ast.walk(tree):
        for block in (getattr(node, field, None) for field in ("body", "orelse", "finalbody")):
            if not isinstance(block, list) or isinstance(node, ast.Module):
                continue
            inside = [begin < statement.lineno < end for statement in block]
            outside_whole = any(inside) and not begin < getattr(node, "lineno", 0) < end
            if outside_whole and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and inside[-1]:
                return "return None"
            if outside_whole:
                return "pass" if all(inside) else ""
    return ""
