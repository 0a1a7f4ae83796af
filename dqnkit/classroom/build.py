"""The three forms of a notebook: the source that people edit, the student's copy, the solution.

    python -m dqnkit.classroom.build             # write notebooks/*.ipynb and notebooks/solutions/*.ipynb anew
    python -m dqnkit.classroom.build --repository someone/fork --tag autumn   # with badges for another repository

A source is a Python file in Jupytext's percent format, ``notebooks/source/NN_name.py``. What stands between the lines
``### BEGIN SOLUTION`` and ``### END SOLUTION`` is left out of the student's copy; what is left is still a program that
runs. The line ``<!-- badges -->`` becomes links that open the notebook on Binder and Colab.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from dqnkit.errors import DQNKitError, MissingExtraError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
PLACEHOLDER = "# YOUR CODE HERE"
BADGES = "<!-- badges -->"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build_course(folder: Path) -> dict[Path, str]:
    """What every generated notebook in a folder of notebooks should hold: path -> content.

    Raises:
        DQNKitError: a source that is not well formed; says where.
        MissingExtraError: Jupytext is not installed.
    """
    place = json.loads((folder / "source" / "place.json").read_text(encoding="utf-8"))
    notebooks = {}
    for source in sorted((folder / "source").glob("[0-9][0-9]_*.py")):
        cells = _read_cells(source)
        for name, solved in ((f"{source.stem}.ipynb", False), (f"solutions/{source.stem}.ipynb", True)):
            notebooks[folder / name] = _notebook(cells, solved, _badges(place, f"notebooks/{name}"), source.name)
    return notebooks


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


def _read_cells(source: Path) -> list[Any]:
    try:
        import jupytext
    except ModuleNotFoundError as error:
        raise MissingExtraError("Jupytext, which reads the sources of the notebooks,", "test") from error
    cells = jupytext.read(source, fmt="py:percent").cells
    if not cells or cells[0].cell_type != "markdown":
        raise DQNKitError(f"{source} must begin with a markdown cell (# %% [markdown]) that holds the title")
    return list(cells)


def _notebook(cells: list[Any], solved: bool, badges: str, name: str) -> str:
    """The notebook as the text of its file, without outputs; the same cells give the same bytes."""
    built = []
    for index, cell in enumerate(cells):
        common = {"cell_type": cell.cell_type, "id": f"cell-{index:03d}", "metadata": {}}
        if cell.cell_type == "code":
            try:
                code = _without_marks(cell.source) if solved else without_solution(cell.source)
            except (DQNKitError, SyntaxError) as error:
                raise DQNKitError(f"{name}, cell {index}: {error}") from error
            built.append({**common, "execution_count": None, "outputs": [], "source": _lines(code)})
        else:
            built.append({**common, "source": _lines(cell.source.replace(BADGES, badges))})
    notebook = {"cells": built, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


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


def _without_marks(code: str) -> str:
    return "\n".join(line for line in code.split("\n") if line.strip() not in (BEGIN, END))


def _badges(place: dict[str, str], path: str) -> str:
    repository, tag = place["repository"], place["tag"]
    binder = f"https://mybinder.org/v2/gh/{repository}/{tag}?urlpath=lab/tree/{path}"
    colab = f"https://colab.research.google.com/github/{repository}/blob/{tag}/{path}"
    return f"[Open in Binder]({binder}) · [Open in Colab]({colab})"


def _set_place(folder: Path, repository: str | None, tag: str | None) -> None:
    file = folder / "source" / "place.json"
    place = json.loads(file.read_text(encoding="utf-8"))
    place |= {name: value for name, value in (("repository", repository), ("tag", tag)) if value}
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", place["repository"]):
        raise DQNKitError(f"a repository is written owner/name, not {place['repository']!r}")
    file.write_text(json.dumps(place, indent=2) + "\n", encoding="utf-8")


@click.command()
@click.option("--repository", help="Where the badges lead, as owner/name on GitHub; kept for the next time.")
@click.option("--tag", help="Branch, tag or commit that the badges lead to; kept for the next time.")
def main(repository: str | None, tag: str | None) -> None:
    """Build the student's copies and the solutions from the sources."""
    folder = Path(__file__).resolve().parents[2] / "notebooks"
    try:
        _set_place(folder, repository, tag)
        for path, content in build_course(folder).items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="\n")
            click.echo(f"wrote {path.relative_to(folder.parent)}")
    except DQNKitError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
