"""How long a notebook takes its reader, and how much of its code is about the subject.

    python -m dqnkit.authoring.survey     # a table of all notebooks

Minutes are reckoned in the same way for all: words and lines of code at the speed of somebody who studies them, a
minute for each prediction, what each exercise gives, and the runs. Parts under a heading with ``(optional)`` are
counted apart.

Lines of code are those that a reader sees: comments, empty lines and folded cells do not count. Plumbing are imports of
the kit and calls of `dqnkit.classroom`; drawing are calls of what comes from its plots, widgets and lessons.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from dqnkit.classroom.course import find_exercise

WORDS_A_MINUTE = 120  # of text with formulas, read to be understood
LINES_A_MINUTE = 10  # of code
MINUTES_A_PREDICTION = 1  # to think, to answer, to compare
HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
MARKUP = re.compile(r"<[^>]+>|\]\([^)]*\)")
WORD = re.compile(r"[^\W_][\w'’.-]*")


@dataclass(frozen=True)
class Time:
    """What a reader does in a notebook, or in a part of one."""

    words: int
    lines: int  # of code
    exercises: int  # minutes
    predictions: int

    @property
    def minutes(self) -> float:
        """Without the runs."""
        reading = self.words / WORDS_A_MINUTE + self.lines / LINES_A_MINUTE
        return reading + self.exercises + MINUTES_A_PREDICTION * self.predictions


@dataclass(frozen=True)
class Lines:
    """Lines of code that a reader sees."""

    all: int
    plumbing: int
    drawing: int
    first_cell: int

    @property
    def plumbing_share(self) -> float:
        """The share of plumbing in all."""
        return self.plumbing / max(1, self.all)

    @property
    def share_with_drawing(self) -> float:
        """The share of plumbing and drawing in all."""
        return (self.plumbing + self.drawing) / max(1, self.all)


def core_and_optional(cells: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return the cells that count and those under a heading that says ``(optional)``."""
    core: list[Any] = []
    optional: list[Any] = []
    level = 0  # of the heading that began an optional part
    for cell in cells:
        heading = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if heading and (not level or len(heading[1]) <= level):
            level = len(heading[1]) if "(optional" in heading[2] else 0
        (optional if level else core).append(cell)
    return core, optional


def time_for(cells: Sequence[Any]) -> Time:
    """Return what a reader does in these cells."""
    texts = [MARKUP.sub(" ", cell.source) for cell in cells if cell.cell_type == "markdown"]
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    exercises = re.findall(r'^check\("(\w+)"', code, flags=re.MULTILINE)
    return Time(
        words=sum(len(WORD.findall(text)) for text in texts),
        lines=lines_of(cells).all,
        exercises=sum(find_exercise(name).minutes for name in exercises),
        predictions=len(re.findall(r"^predict\(", code, flags=re.MULTILINE)),
    )


def lines_of(cells: Sequence[Any]) -> Lines:
    """Return the lines of code that a reader sees, by what they are for."""
    shown = [cell.source for cell in cells if cell.cell_type == "code" and not cell.metadata.get("title")]
    modules = dict(pair for cell in cells if cell.cell_type == "code" for pair in _imported(cell.source))
    counted = [_count(code, modules) for code in shown]
    every: Counter[str] = sum(counted, Counter())
    first = sum(counted[0].values()) if counted else 0
    return Lines(sum(every.values()), every["plumbing"], every["drawing"], first)


def _imported(code: str) -> Iterator[tuple[str, str]]:
    """Yield name and module of everything that a cell imports from the kit."""
    for node in ast.walk(_parsed(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dqnkit"):
            yield from ((alias.asname or alias.name, str(node.module)) for alias in node.names)


def _count(code: str, modules: Mapping[str, str]) -> Counter[str]:
    """Return how many lines of a cell are of each kind."""
    kinds = {number: "subject" for number, line in enumerate(code.split("\n"), start=1) if _is_code(line)}
    for statement in ast.walk(_parsed(code)):
        if isinstance(statement, ast.stmt) and not hasattr(statement, "body"):
            kind = _kind(statement, modules)
            for number in range(statement.lineno, (statement.end_lineno or statement.lineno) + 1):
                if kind and number in kinds:
                    kinds[number] = kind
    return Counter(kinds.values())


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _kind(statement: ast.stmt, modules: Mapping[str, str]) -> str:
    if isinstance(statement, ast.ImportFrom):
        return "plumbing" if (statement.module or "").startswith("dqnkit") else ""
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    origins = {modules.get(call.id, "") for call in calls if isinstance(call, ast.Name)}
    if any(origin.startswith("dqnkit.classroom") for origin in origins):
        return "plumbing"
    drawing = ("dqnkit.plots", "dqnkit.widgets", "dqnkit.lessons")
    return "drawing" if any(origin.startswith(drawing) for origin in origins) else ""


def _parsed(code: str) -> ast.Module:
    """Return the code as a tree; lines for the shell (``!pip``) are left out."""
    plain = [line if not line.lstrip().startswith(("!", "%")) else "pass" for line in code.split("\n")]
    return ast.parse("\n".join(plain))


@click.command()
def main() -> None:
    """Print a table of all notebooks."""
    from dqnkit.authoring.source import read_sources  # which reckons the minutes with this module

    click.echo("lesson               minutes  optional  words  lines  first cell  plumbing  with drawing  runs, s")
    for source in read_sources(Path(__file__).resolve().parents[2] / "notebooks"):
        lines = lines_of(source.cells)
        click.echo(
            f"{source.lesson:20} {source.minutes:7} {source.optional_minutes:9} {time_for(source.cells).words:6} "
            f"{lines.all:6} {lines.first_cell:11} {lines.plumbing_share:9.0%} {lines.share_with_drawing:13.0%} "
            f"{source.run_seconds:8}"
        )


if __name__ == "__main__":
    main()
