"""The parts of the READMEs that the build writes: badges, the command to clone, and the tables of the course.

Each part is between the marks ``<!-- begin NAME: ... -->`` and ``<!-- end NAME -->``. The rest of a file is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dqnkit.authoring.repository import Repository
from dqnkit.authoring.source import Source
from dqnkit.errors import DQNKitError

START = "notebooks/START.md"  # opened on Binder by the badge of the course


def readmes(folder: Path, sources: Sequence[Source], repository: Repository) -> dict[Path, str]:
    """Return the README of the repository and that of its notebooks: path -> content.

    Args:
        folder: of the notebooks.
        sources: of all lessons.
        repository: the target of the links.

    Raises:
        DQNKitError: a README lacks a mark; the message says which.
    """
    front, course = folder.parent / "README.md", folder / "README.md"
    return {
        front: _with_parts(
            front,
            {
                "badges": _badges(sources, repository),
                "clone": f"```bash\n{repository.clone}\n```",
                "hours": course_length(sources),
                "course": course_table(sources, "notebooks/"),
            },
        ),
        course: _with_parts(course, {"course": course_table(sources), "links": _links(sources, repository)}),
    }


def course_table(sources: Sequence[Source], folder: str = "") -> str:
    """Return the table of the lessons in Markdown: notebook, idea, minutes.

    Args:
        sources: of all lessons.
        folder: of the notebooks, relative to the file with the table; empty or with a slash at its end.
    """
    rows = [
        f"| [{source.notebook}]({folder}{source.notebook}.ipynb) | {source.idea} | {source.minutes} |"
        for source in sources
    ]
    return "\n".join(["| notebook | the one new idea | minutes |", "| --- | --- | ---: |", *rows])


def course_length(sources: Sequence[Source]) -> str:
    """Return a sentence that says how many notebooks there are and how many hours they take."""
    hours = round(sum(source.minutes for source in sources) / 60)
    return f"{len(sources)} notebooks, about {hours} hours of reading, predicting and writing in all."


def _badges(sources: Sequence[Source], repository: Repository) -> str:
    """Return badges that open the start page on Binder and the first notebook on Colab."""
    binder, colab = repository.on_binder(START), repository.on_colab(f"notebooks/{sources[0].notebook}.ipynb")
    return (
        f"[![Open the course on Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Open the first notebook in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})"
    )


def _links(sources: Sequence[Source], repository: Repository) -> str:
    """Return a table with links to each notebook and to its solution on Binder and Colab."""
    rows = ["| notebook | open | its solution |", "| --- | --- | --- |"]
    for source in sources:
        paths = f"notebooks/{source.notebook}.ipynb", f"notebooks/solutions/{source.notebook}.ipynb"
        links = (f"[Binder]({repository.on_binder(path)}), [Colab]({repository.on_colab(path)})" for path in paths)
        rows.append(f"| {source.notebook} | {' | '.join(links)} |")
    return "\n".join(rows)


def _with_parts(path: Path, parts: Mapping[str, str]) -> str:
    """Return the text of a file with new content between its marks; ``parts`` is name of a mark -> content."""
    text = path.read_text(encoding="utf-8")
    for name, content in parts.items():
        pieces = re.split(f"(<!-- begin {name}: .* -->\n|<!-- end {name} -->)", text)
        if len(pieces) != 5:
            raise DQNKitError(f"{path} must have one line <!-- begin {name}: ... --> and below it <!-- end {name} -->")
        text = "".join([*pieces[:2], content, "\n", *pieces[3:]])
    return text
