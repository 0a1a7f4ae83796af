"""Build the notebooks and the lists in the READMEs from the sources of the lessons.

    python -m dqnkit.authoring.build             # write all of them
    python -m dqnkit.authoring.build --fast /tmp/fast       # notebooks with short runs, for tests, into another folder
    python -m dqnkit.authoring.build --repository someone/fork --tag autumn   # for a fork or a class

Authors edit ``notebooks/source`` (see `dqnkit.authoring.source`) and the order of the lessons in
`dqnkit.classroom.course`. The built files are committed too. Notebooks of deleted lessons are removed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from dqnkit.authoring.notebooks import notebook
from dqnkit.authoring.readmes import course_table, readmes
from dqnkit.authoring.repository import FILE, Repository, read_repository
from dqnkit.authoring.source import Source, read_sources
from dqnkit.classroom.course import NOTEBOOKS
from dqnkit.errors import DQNKitError


def build_course(folder: Path, repository: Repository | None = None) -> dict[Path, str]:
    """Return all built files for a folder of notebooks: path -> content.

    Raises:
        DQNKitError: a source or a README is malformed; the message says where.
        MissingExtraError: Jupytext is not installed.
    """
    repository = repository or read_repository(folder)
    sources = read_sources(folder)
    table = course_table(sources)
    built = readmes(folder, sources, repository)
    return built | _notebooks(folder, sources, repository, table)


def build_fast(folder: Path, to: Path) -> list[Path]:
    """Write all notebooks with short runs into ``to``, in the same places; return their paths."""
    built = _notebooks(to, read_sources(folder), read_repository(folder), course_table="", fast=True)
    for path, content in built.items():
        _write(path, content)
    return list(built)


def _notebooks(
    to: Path, sources: Sequence[Source], repository: Repository, course_table: str, *, fast: bool = False
) -> dict[Path, str]:
    """Return the notebooks of all lessons for the folder ``to``: path -> content."""
    built = {}
    for source in sources:
        for name, solved in ((f"{source.notebook}.ipynb", False), (f"solutions/{source.notebook}.ipynb", True)):
            built[to / name] = notebook(source, repository, f"notebooks/{name}", course_table, solved=solved, fast=fast)
    return built


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8", newline="\n")


def leftovers(folder: Path, built: dict[Path, str]) -> list[Path]:
    """Return built notebooks that no longer belong to a lesson."""
    there = [*folder.glob(NOTEBOOKS), *(folder / "solutions").glob(NOTEBOOKS)]
    return [path for path in sorted(there) if path not in built and _was_built(path)]


def _was_built(path: Path) -> bool:
    """Return whether a notebook was built and not written by hand."""
    try:
        return "dqnkit" in json.loads(path.read_text(encoding="utf-8"))["metadata"]
    except (OSError, ValueError, LookupError, TypeError):
        return False


@click.command()
@click.option("--repository", help="Where badges and set-up lead, as owner/name on GitHub; kept for the next time.")
@click.option("--tag", help="Branch, tag or commit that badges and set-up lead to; kept for the next time.")
@click.option("--fast", type=click.Path(path_type=Path), help="Write only notebooks with short runs, into this folder.")
def main(repository: str | None, tag: str | None, fast: Path | None) -> None:
    """Build the student's copies and the solutions from the sources, and the lists in the READMEs."""
    folder = Path(__file__).resolve().parents[2] / "notebooks"
    try:
        if fast is not None:
            for path in build_fast(folder, fast):
                click.echo(f"wrote {path}")
            return
        leads_to = read_repository(folder)
        given = {name: value for name, value in (("repository", repository), ("tag", tag)) if value is not None}
        leads_to = replace(leads_to, **given)
        built = build_course(folder, leads_to)
        built[folder / FILE] = leads_to.to_json()
        for path, content in built.items():
            _write(path, content)
            click.echo(f"wrote {path.relative_to(folder.parent)}")
        for path in leftovers(folder, built):
            path.unlink()
            click.echo(f"removed {path.relative_to(folder.parent)}: its lesson is not in the course")
    except DQNKitError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
