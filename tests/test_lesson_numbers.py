"""A lesson has its number in one place, `LESSONS`: pages that people write name lessons, and never number them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dqnkit.classroom.course import LESSONS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "notebooks").glob("*.md") if page.name != "START.md"),  # made by each reader
    *sorted((ROOT / "tests").rglob("README.md")),
    *sorted((ROOT / ".github").glob("*.md")),
]
BUILT = re.compile(r"<!-- begin (\w+): .*?<!-- end \1 -->", re.DOTALL)
NUMBERED = re.compile(
    rf"\b\d\d[_-](?:{'|'.join(LESSONS)})\b"  # 08_cloud
    r"|\b(?:[Nn]otebook|[Ll]esson)s?[ \n]`?\d+\b"  # notebook 8
    r"|(?<![\w.,:/$-])0\d(?![\w:/-]|[.,]\d)"  # 08; but neither a date nor a time nor the end of a version
)


def numbers_in(text: str) -> list[str]:
    return [found[0] for found in NUMBERED.finditer(BUILT.sub("", text))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_names_no_lesson_by_its_number(page: Path) -> None:
    assert numbers_in(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    ["In 08 a worker", "| 00 | 14 |", "`03_replay`", "03_replay.ipynb", "Notebook 09.", "notebooks 4 and 5", "`04`,"],
)
def test_a_number_is_found(text: str) -> None:
    assert numbers_in(text)


@pytest.mark.parametrize(
    "text",
    [
        *("24.04", "1.05 times", "at 02:00:00", "$0.09", "the 05/11/2026", "2026-08-01", "port 8786", "10 notebooks"),
        "<!-- begin course: by the build -->\n| 03_replay |\n<!-- end course -->",
    ],
)
def test_what_is_no_lessons_number_is_left_alone(text: str) -> None:
    assert numbers_in(text) == []
