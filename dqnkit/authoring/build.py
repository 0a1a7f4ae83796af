"""The three forms of a notebook: the source that people edit, the student's copy, the solution.

    python -m dqnkit.authoring.build             # write notebooks/*.ipynb and notebooks/solutions/*.ipynb anew
    python -m dqnkit.authoring.build --repository someone/fork --tag autumn   # for a fork or a class

A source is a Python file in Jupytext's percent format, ``notebooks/source/NN_name.py``. What stands between the lines
``### BEGIN SOLUTION`` and ``### END SOLUTION`` is left out of the student's copy; what is left is still a program that
runs. The line ``<!-- badges -->`` becomes links that open the notebook on Binder and Colab, and after the title comes
the cell that sets the course up on Colab.

Both lead to the repository and tag in ``notebooks/source/place.json``; so do the badges in README.md and the links in
notebooks/README.md, which are written between two marks. With ``--repository`` and ``--tag`` all of them are changed at
once. A repository on Colab and Binder is one on GitHub.
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
SET_UP = """\
# On Colab, run this first: it installs the course, in about a minute. Anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    kit = "{kit}"
    !{{sys.executable}} -m pip install --quiet --no-deps {{kit}}
    assert _exit_code == 0, f"Cannot install {{kit}}: no network, or no such address. Mend it, and run this cell again."
    from dqnkit.colab import set_up
    set_up()"""  # the ! is IPython's: what follows is a command of the shell, which leaves its status in _exit_code
START, FIRST = "notebooks/START.md", "notebooks/00_start_here.ipynb"  # what the badges of the course open
Place = dict[str, str]  # repository and tag
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build_course(folder: Path, place: Place | None = None) -> dict[Path, str]:
    """What every generated notebook in a folder of notebooks should hold: path -> content.

    Raises:
        DQNKitError: a source that is not well formed; says where.
        MissingExtraError: Jupytext is not installed.
    """
    place = place or _read_place(folder)
    notebooks = {}
    for source in _sources(folder):
        cells = _read_cells(source)
        for name, solved in ((f"{source.stem}.ipynb", False), (f"solutions/{source.stem}.ipynb", True)):
            notebooks[folder / name] = _notebook(cells, solved, place, f"notebooks/{name}", source.name)
    return notebooks


def build_readmes(folder: Path, place: Place | None = None) -> dict[Path, str]:
    """What the README of a checkout and that of its notebooks should hold: path -> content.

    Only what stands between two marks is written anew, ``<!-- begin badges: ... -->`` and ``<!-- end badges -->`` for
    pictures that open the course, ``clone`` for the way to the code, ``links`` for the links to each notebook.

    Raises:
        DQNKitError: a README without the marks; says which.
    """
    place = place or _read_place(folder)
    links = _links(place, [source.stem for source in _sources(folder)])
    front, course = folder.parent / "README.md", folder / "README.md"
    with_badges = _between_marks(front, front.read_text(encoding="utf-8"), "badges", _pictures(place))
    return {
        front: _between_marks(front, with_badges, "clone", _clone(place)),
        course: _between_marks(course, course.read_text(encoding="utf-8"), "links", links),
    }


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


def _notebook(cells: list[Any], solved: bool, place: Place, path: str, name: str) -> str:
    """The notebook as the text of its file, without outputs; the same cells give the same bytes."""
    badges = f"[Open in Binder]({_on_binder(place, path)}) · [Open in Colab]({_on_colab(place, path)})"
    built: list[dict[str, Any]] = []
    for index, cell in enumerate(cells):
        common = {"cell_type": cell.cell_type, "id": f"cell-{index:03d}", "metadata": {}}
        if cell.cell_type == "code":
            try:
                code = _without_marks(cell.source) if solved else without_solution(cell.source)
            except (DQNKitError, SyntaxError) as error:
                raise DQNKitError(f"{name}, cell {index}: {error}") from error
            built.append({**common, **_code(code)})
        else:
            built.append({**common, "source": _lines(cell.source.replace(BADGES, badges))})
    set_up = {"cell_type": "code", "id": "set-up", "metadata": {}, **_code(SET_UP.format(kit=_archive(place)))}
    built.insert(1, set_up)  # after the title
    notebook = {"cells": built, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _code(code: str) -> dict[str, Any]:
    return {"execution_count": None, "outputs": [], "source": _lines(code)}


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


def _on_binder(place: Place, path: str) -> str:
    return f"https://mybinder.org/v2/gh/{place['repository']}/{place['tag']}?urlpath=lab/tree/{path}"


def _on_colab(place: Place, path: str) -> str:
    return f"https://colab.research.google.com/github/{place['repository']}/blob/{place['tag']}/{path}"


def _archive(place: Place) -> str:
    return f"https://github.com/{place['repository']}/archive/{place['tag']}.zip"


def _pictures(place: Place) -> str:
    """The badges of the course: on Binder its start page, on Colab its first notebook."""
    binder, colab = _on_binder(place, START), _on_colab(place, FIRST)
    return (
        f"[![Open the course on Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Open the first notebook in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})"
    )


def _clone(place: Place) -> str:
    """The command that brings the repository."""
    folder = place["repository"].partition("/")[2]
    return f"```bash\ngit clone https://github.com/{place['repository']} && cd {folder}\n```"


def _links(place: Place, names: list[str]) -> str:
    """A table with the links of each notebook and of its solution."""
    rows = ["| notebook | open | its solution |", "| --- | --- | --- |"]
    for name in names:
        paths = f"notebooks/{name}.ipynb", f"notebooks/solutions/{name}.ipynb"
        links = (f"[Binder]({_on_binder(place, path)}), [Colab]({_on_colab(place, path)})" for path in paths)
        rows.append(f"| {name} | {' | '.join(links)} |")
    return "\n".join(rows)


def _between_marks(path: Path, text: str, name: str, content: str) -> str:
    """A file's text with something else between two marks."""
    pieces = re.split(f"(<!-- begin {name}: .* -->\n|<!-- end {name} -->)", text)
    if len(pieces) != 5:
        raise DQNKitError(f"{path} must have one line <!-- begin {name}: ... --> and below it <!-- end {name} -->")
    return "".join([*pieces[:2], content, "\n", *pieces[3:]])


def _sources(folder: Path) -> list[Path]:
    return sorted((folder / "source").glob("[0-9][0-9]_*.py"))


def _read_place(folder: Path) -> Place:
    place: Place = json.loads((folder / "source" / "place.json").read_text(encoding="utf-8"))
    return place


def _place(folder: Path, repository: str | None, tag: str | None) -> Place:
    """Where everything leads to from now on."""
    place = _read_place(folder)
    place |= {name: value for name, value in (("repository", repository), ("tag", tag)) if value is not None}
    if not re.fullmatch(r"[\w-]+/[\w.-]+", place["repository"], re.ASCII):
        raise DQNKitError(f"a repository is written owner/name, not {place['repository']!r}")
    if not re.fullmatch(r"\w[\w.-]*", place["tag"], re.ASCII) or ".." in place["tag"] or place["tag"].endswith("."):
        raise DQNKitError(
            f"a tag, branch or commit whose name is an address's part is needed (letters, digits, - _ and .), "
            f"not {place['tag']!r}: give the commit another tag (git tag NAME)"
        )
    return place


@click.command()
@click.option("--repository", help="Where badges and set-up lead, as owner/name on GitHub; kept for the next time.")
@click.option("--tag", help="Branch, tag or commit that badges and set-up lead to; kept for the next time.")
def main(repository: str | None, tag: str | None) -> None:
    """Build the student's copies and the solutions from the sources, and the links in the READMEs."""
    folder = Path(__file__).resolve().parents[2] / "notebooks"
    try:
        place = _place(folder, repository, tag)
        files = {**build_course(folder, place), **build_readmes(folder, place)}
        files[folder / "source" / "place.json"] = json.dumps(place, indent=2) + "\n"
        for path, content in files.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="\n")
            click.echo(f"wrote {path.relative_to(folder.parent)}")
    except DQNKitError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
