"""The README: what it shows fits the page, its links work, and its code runs."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 88  # characters of code that GitHub shows beside its side bar without scrolling
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "notebooks").glob("*.md") if page.name != "START.md"),  # created by each reader
    *sorted((ROOT / "tests").rglob("README.md")),
    *sorted((ROOT / ".github").glob("*.md")),
]


def blocks(text: str) -> list[tuple[str, list[str]]]:
    """Language and lines of each fenced block, without indentation."""
    found = []
    for indent, language, content in re.findall(r"^([ ]*)```(\w*)\n(.*?)^\1```", text, flags=re.MULTILINE | re.DOTALL):
        found.append((language, [line.removeprefix(indent) for line in content.splitlines()]))
    return found


def test_no_code_of_the_readme_is_wider_than_githubs_page() -> None:
    lines = [line for _, content in blocks((ROOT / "README.md").read_text(encoding="utf-8")) for line in content]
    assert len(lines) > 10
    assert not [line for line in lines if len(line) > WIDTH]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)|<img src=\"([^\"]+)\"", text)
    files = [link or image for link, image in targets if "://" not in (link or image)]
    assert not [file for file in files if not (page.parent / file).exists()]


def test_what_the_readme_imports_is_there() -> None:
    code = [
        "\n".join(lines) for language, lines in blocks((ROOT / "README.md").read_text("utf-8")) if language == "python"
    ]
    assert code
    for block in code:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names)
