"""The start page: the notebooks in their order, with minutes and the reader's progress.

It is a Markdown file beside the notebooks, so it needs no extension of JupyterLab. ``dqnkit lab`` and Binder write it
when the course is opened; after that each change of the progress file updates it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

from dqnkit.classroom import progress_record
from dqnkit.classroom.course import NOTEBOOKS, lesson_number_of, notebook_title
from dqnkit.files import read_object, write_whole

NAME = "START.md"
MARK = "<!-- dqnkit writes this page anew, as long as nobody else changes it: {digest} -->\n"  # Markdown hides it


class _Line(NamedTuple):
    """A notebook and the reader's progress in it."""

    file: Path
    idea: str  # the one new idea; empty if the notebook cannot be read
    minutes: int
    checks: int  # in the notebook
    passed: int  # of them
    begun: bool

    @property
    def link(self) -> str:
        return f"[{notebook_title(self.file.stem)}]({self.file.name})"

    @property
    def is_done(self) -> bool:
        return self.begun and self.passed == self.checks

    @property
    def state(self) -> str:
        if not self.begun:
            return "○ not begun"
        return f"{'✓ done' if self.is_done else '◐ begun'}, {self.passed} of {self.checks} checks passed"


def write_start_page(folder: Path) -> Path:
    """Write the page for the notebooks and the progress in a folder; return its path.

    Raises:
        OSError: it cannot be written.
    """
    path, page = folder / NAME, start_page(folder)
    write_whole(path, page + MARK.format(digest=_digest(page)))
    return path


def is_readers_own(folder: Path) -> bool:
    """Whether there is a page of this name in the folder that the kit did not write, or that was changed since."""
    try:
        text = (folder / NAME).read_text(encoding="utf-8")
    except IsADirectoryError:
        return False  # writing says so
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    page, _, mark = text.rstrip("\n").rpartition("\n")
    return mark + "\n" != MARK.format(digest=_digest(page))


def _digest(page: str) -> str:
    return hashlib.sha256("\n".join(page.splitlines()).strip().encode()).hexdigest()[:16]


def refresh(folder: Path) -> None:
    """Update the page in a folder if there is one; if it cannot be written, it stays as it was."""
    try:
        if (folder / NAME).exists() and not is_readers_own(folder):
            write_start_page(folder)
    except OSError:
        return


def start_page(folder: Path) -> str:
    """Return the page as Markdown."""
    record = _progress(folder)
    lines = [_line(file, record) for file in sorted(folder.glob(NOTEBOOKS))]
    rows = [f"| {line.link} | {line.idea} | {line.minutes or ''} | {line.state} |" for line in lines]
    done, minutes = sum(line.is_done for line in lines), sum(line.minutes for line in lines)
    return "\n".join(
        [
            "# Deep Q-Learning, one part at a time",
            "",
            f"{_what_next(lines)} {done} of {len(lines)} notebooks are done; all of them take about "
            f"{round(minutes / 60)} hours.",
            "",
            "| notebook | the one new idea | minutes | you |",
            "| --- | --- | ---: | --- |",
            *rows,
            "",
            "**How it works.** A link opens the notebook in a tab of its own. Click into a cell and press "
            "**Shift+Enter**: it runs, and the next one waits. Where it says `# YOUR CODE HERE`, you write; a check "
            "tells you what is right and what is not yet.",
            "",
            f"**Stuck?** Hints unfold one by one beside each exercise.{_where_solutions_are(folder)}",
            "",
            f"This page counts anew with each check and prediction; if it is open, close it and open `{NAME}` again. "
            f"What is counted is kept in `{progress_record.NAME}`, on this computer only.",
            "",
        ]
    )


def _where_solutions_are(folder: Path) -> str:
    """A sentence about the worked notebooks; empty where a class has none."""
    there = (folder / "solutions").is_dir()
    return " Worked notebooks are in the folder `solutions`, in the list of files on the left." if there else ""


def _progress(folder: Path) -> progress_record.Record:
    """Return the progress in a folder; empty if there is no file or a damaged one (a notebook then reports it)."""
    try:
        return progress_record.parse((folder / progress_record.NAME).read_bytes())
    except (OSError, ValueError):
        return progress_record.empty()


def _what_next(lines: list[_Line]) -> str:
    for line in lines:
        if not line.is_done:
            begin = "Go on with" if any(other.begun for other in lines) else "Begin with"
            return f"**{begin} {line.link}.**"
    return "**You have done it all.**"


def _line(file: Path, record: progress_record.Record) -> _Line:
    content = _read(file)
    names = _checks_in(content)
    tried = [record["checks"][name] for name in sorted(names & record["checks"].keys())]
    number = file.stem.partition("_")[0]
    predicted = any(lesson_number_of(name) == number for name in record["predictions"])
    idea, minutes = _idea_and_minutes(content)
    passed = sum(bool(entry["passed"]) for entry in tried)
    return _Line(file, idea, minutes, len(names), passed, bool(tried) or predicted)


def _read(notebook: Path) -> dict[str, Any]:
    """Return the cells and the metadata of a notebook; empty if the file is damaged or half written."""
    try:
        content = read_object(notebook)
        cells = [cell for cell in content["cells"] if isinstance(cell, dict)]
        return {"cells": cells, "metadata": dict(content.get("metadata", {}))}
    except (OSError, ValueError, LookupError, TypeError):
        return {"cells": [], "metadata": {}}


def _idea_and_minutes(notebook: dict[str, Any]) -> tuple[str, int]:
    """Return what `dqnkit.authoring.build` wrote about a notebook; nothing where that was changed."""
    told = notebook["metadata"].get("dqnkit")
    idea, minutes = (told.get("idea"), told.get("minutes")) if isinstance(told, dict) else ("", 0)
    return idea if isinstance(idea, str) else "", minutes if isinstance(minutes, int) else 0


def _checks_in(notebook: dict[str, Any]) -> set[str]:
    """Return the names of the exercises that a notebook checks."""
    sources = [cell.get("source") for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    lines = [line for source in sources if isinstance(source, str | list) for line in [*source, "\n"]]
    code = "".join(line for line in lines if isinstance(line, str))
    return set(re.findall(r'\bcheck\(\s*"(\w+)"', code))
