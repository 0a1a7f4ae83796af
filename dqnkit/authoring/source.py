"""The source of a lesson's notebook: a Python file in Jupytext's percent format, with a few marks.

The file begins with a YAML header in which ``jupyter: dqnkit:`` gives ``idea`` (the one new idea, for the lists of
lessons) and ``run_seconds`` (of the whole notebook, measured on two cores). In the text

- ``[[number]]``, ``[[minutes]]`` and ``[[optional_minutes]]`` are replaced by those of the lesson
  (`dqnkit.authoring.survey` reckons the minutes), ``[[replay]]`` by the number of that lesson,
  ``[[question.gamma]]`` by the text of this question of the lesson (its ``questions.py``);
- ``<!-- badges -->`` is replaced by links that open the notebook, ``<!-- course -->`` by the table of all lessons;
- lines between ``### BEGIN SOLUTION`` and ``### END SOLUTION`` are left out of the student's copy; what stands between
  ``### BROKEN`` and ``### END SOLUTION`` is in the student's copy only, in their place: code to be mended;
- ``UPDATES = 4_000  # fast: 400`` gives tests a short run: for them the value in the mark replaces the other one, for
  readers the mark is left out. The line is an assignment, or a named argument on a line of its own;
- a code cell with a title, ``# %% Draw the errors``, only draws or prepares. Readers see its title, and can unfold it.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dqnkit.authoring.survey import core_and_optional, time_for
from dqnkit.classroom import course
from dqnkit.classroom.question import questions_of
from dqnkit.errors import DQNKitError, needs

BEGIN, BROKEN, END = "### BEGIN SOLUTION", "### BROKEN", "### END SOLUTION"
PLACEHOLDER = "# YOUR CODE HERE"
REFERENCE = re.compile(r"\[\[([a-z][\w.-]*)\]\]")
FAST = "# fast:"
MARKED = re.compile(  # name = value, comment; the value ends before a comma that ends the line within brackets
    r"(?P<name>\s*[A-Za-z_][\w, ]*?\s*=\s*)(?P<value>\S.*?)(?P<end>,?)(?P<comment>\s*#.*?)?\s*"
    rf"{FAST}\s*(?P<fast>\S.*?)\s*"
)


@dataclass(frozen=True)
class Source:
    """The source of one lesson."""

    lesson: str
    number: str  # "03"
    idea: str
    run_seconds: int
    minutes: int  # without what is optional
    optional_minutes: int
    cells: Sequence[Any]  # as Jupytext reads them
    references: Mapping[str, str]  # the text between [[ and ]] -> its replacement

    @property
    def notebook(self) -> str:
        """The name of the notebook's file without its suffix."""
        return f"{self.number}_{self.lesson}"


def read_sources(folder: Path) -> list[Source]:
    """Read the sources of all lessons, in the order of the course.

    Args:
        folder: of the notebooks; the sources are in its subfolder ``source``.

    Raises:
        DQNKitError: a lesson has no source, or a source lacks the header or the title; the message says which.
        MissingExtraError: Jupytext is not installed.
    """
    lessons = {lesson: course.number(lesson) for lesson in course.LESSONS}
    files = [path.stem for path in (folder / "source").glob("*.py")]
    # a lesson that the course leaves out has no number: it is referred to by its name
    references = {name: name.replace("_", " ") for name in files} | lessons
    return [_read(folder / "source" / f"{lesson}.py", number, references) for lesson, number in lessons.items()]


def filled(text: str, source: Source) -> str:
    """Return the text of a cell with its references replaced."""
    return REFERENCE.sub(lambda found: source.references.get(found[1], found[0]), text)


def without_solution(code: str) -> str:
    """Return the code of a cell as the student gets it.

    Each solution is replaced by its broken lines, where it has any; else by a comment and, if the cell needs it to stay
    valid, a statement: ``return None`` for the end of a function, ``pass`` for a block that would be empty.

    Raises:
        DQNKitError: a mark that begins a solution has none that ends it, or the reverse.
    """

    def students(lines: list[str], begin: int, broken: int, end: int) -> list[str]:
        if broken < end:
            return lines[broken + 1 : end]
        indent = " " * (len(lines[begin]) - len(lines[begin].lstrip()))
        statement = _replacement(ast.parse(code), begin + 1, end + 1)
        return [indent + line for line in (PLACEHOLDER, statement) if line]

    return _with_each_solution(code, students)


def with_solution(code: str) -> str:
    """Return the code of a cell with the solution but without the marks."""
    return _with_each_solution(code, lambda lines, begin, broken, end: lines[begin + 1 : broken])


def _with_each_solution(code: str, replaced: Callable[[list[str], int, int, int], list[str]]) -> str:
    """Return code in which ``replaced(lines, begin, broken, end)`` stands for each solution and its marks."""
    lines = code.split("\n")
    kept, position = [], 0
    for begin, end in _solutions(lines):
        kept += [*lines[position:begin], *replaced(lines, begin, _broken_line(lines, begin, end), end)]
        position = end + 1
    return "\n".join(kept + lines[position:])


def sized(code: str, *, fast: bool) -> str:
    """Return the code of a cell without its marks for short runs, as readers get it, or ``fast``, as tests run it.

    Raises:
        DQNKitError: a mark stands behind something else than a name, ``=`` and a value.
    """
    lines = []
    for line in code.split("\n"):
        found = MARKED.fullmatch(line)
        if FAST in line and not found:
            raise DQNKitError(f"{line.strip()!r} has a mark, but is not `name = value` on a line of its own")
        if found:
            value = found["fast"] if fast else found["value"]
            line = found["name"] + value + found["end"] + (found["comment"] or "")
        lines.append(line)
    return "\n".join(lines)


def _read(path: Path, number: str, references: Mapping[str, str]) -> Source:
    with needs("Jupytext, which reads the sources of the notebooks,", "test", "jupytext"):
        import jupytext
    if not path.exists():
        raise DQNKitError(f"the lesson {path.stem} is in the course, but there is no {path}: write it, or leave it out")
    notebook = jupytext.read(path, fmt="py:percent")
    header = notebook.metadata.get("dqnkit", {})
    if not (isinstance(header.get("idea"), str) and isinstance(header.get("run_seconds"), int)):
        raise DQNKitError(f"{path} must begin with a header that gives idea and run_seconds, as those beside it do")
    if not notebook.cells or notebook.cells[0].cell_type != "markdown":
        raise DQNKitError(f"{path} must begin with a markdown cell (# %% [markdown]) that holds the title")
    core, optional = core_and_optional(notebook.cells)
    minutes = _to_fives(time_for(core).minutes + header["run_seconds"] / 60)
    optional_minutes = _to_fives(time_for(optional).minutes)
    own = {"number": number, "minutes": str(minutes), "optional_minutes": str(optional_minutes)}
    own |= {f"question.{name}": question.text for name, question in questions_of(path.stem).items()}
    source = Source(
        path.stem,
        number,
        header["idea"],
        header["run_seconds"],
        minutes,
        optional_minutes,
        notebook.cells,
        {**references, **own},
    )
    for index, cell in enumerate(source.cells):
        unknown = sorted(set(REFERENCE.findall(cell.source)) - source.references.keys())
        if cell.cell_type == "markdown" and unknown:
            missing = ", ".join(name.replace("question.", "with the question ") for name in unknown)
            raise DQNKitError(f"{path.name}, cell {index}: there is no lesson {missing}")
    return source


def _to_fives(minutes: float) -> int:
    """Return minutes rounded up to the next five: whoever reads slowly has enough."""
    return 5 * math.ceil(minutes / 5)


def _solutions(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the indices of the two marks of each solution."""
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


def _broken_line(lines: list[str], begin: int, end: int) -> int:
    """Return the index of the mark before the broken lines of a solution; ``end`` if it has none."""
    return next((number for number in range(begin, end) if lines[number].strip() == BROKEN), end)


def _replacement(tree: ast.Module, begin: int, end: int) -> str:
    """Return the statement that must replace the lines from ``begin`` to ``end`` (counted from 1); may be empty."""
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
