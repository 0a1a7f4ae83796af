"""The parts of the READMEs that the build writes: badges, the way to the code, and the tables of the course.

They stand between two marks, ``<!-- begin NAME: ... -->`` and ``<!-- end NAME -->``; the rest of a file stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dqnkit.authoring.repository import Repository
from dqnkit.authoring.source import Source
from dqnkit.errors import DQNKitError

START = "notebooks/START.md"  # what the badge of the course opens on Binder


def readmes(folder: Path, sources: Sequence[Source], repository: Repository) -> dict[Path, str]:
    """What the README of a checkout and that of its notebooks should hold: path -> content.

    Args:
        folder: of the notebooks.
        sources: of all lessons.
        repository: where the links lead.

    Raises:
        DQNKitError: a README without the marks; says which.
    """
    front, course = folder.parent / "README.md", folder / "README.md"
    return {
        front: _written(
            front,
            {
                "badges": _badges(sources, repository),
                "clone": f"```bash\n{repository.clone}\n```",
                "course": course_table(sources, "notebooks/"),
            },
        ),
        course: _written(course, {"course": course_table(sources), "links": _links(sources, repository)}),
    }


def course_table(sources: Sequence[Source], folder: str = "") -> str:
    """The lessons in their order: notebook, idea, minutes, and the hours of all.

    Args:
        sources: of all lessons.
        folder: of the notebooks, as the links see it.
    """
    rows = [
        f"| [{source.notebook}]({folder}{source.notebook}.ipynb) | {source.idea} | {source.minutes} |"
        for source in sources
    ]
    hours = round(sum(source.minutes for source in sources) / 60)
    head = ["| notebook | the one new idea | minutes |", "| --- | --- | ---: |"]
    return "\n".join([*head, *rows, f"| | about {hours} hours in all | {sum(s.minutes for s in sources)} |"])


def _badges(sources: Sequence[Source], repository: Repository) -> str:
    """Pictures that open the course: on Binder its start page, on Colab its first notebook."""
    binder, colab = repository.on_binder(START), repository.on_colab(f"notebooks/{sources[0].notebook}.ipynb")
    return (
        f"[![Open the course on Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Open the first notebook in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})"
    )


def _links(sources: Sequence[Source], repository: Repository) -> str:
    """A table with the links of each notebook and of its solution."""
    rows = ["| notebook | open | its solution |", "| --- | --- | --- |"]
    for source in sources:
        paths = f"notebooks/{source.notebook}.ipynb", f"notebooks/solutions/{source.notebook}.ipynb"
        links = (f"[Binder]({repository.on_binder(path)}), [Colab]({repository.on_colab(path)})" for path in paths)
        rows.append(f"| {source.notebook} | {' | '.join(links)} |")
    return "\n".join(rows)


def _written(path: Path, parts: Mapping[str, str]) -> str:
    """A file's text with other content between its marks."""
    text = path.read_text(encoding="utf-8")
    for name, content in parts.items():
        pieces = re.split(f"(<!-- begin {name}: .* -->\n|<!-- end {name} -->)", text)
        if len(pieces) != 5:
            raise DQNKitError(f"{path} must have one line <!-- begin {name}: ... --> and below it <!-- end {name} -->")
        text = "".join([*pieces[:2], content, "\n", *pieces[3:]])
    return text
