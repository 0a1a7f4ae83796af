"""The guide for contributors: the tests follow its recipes in a copy of this checkout.

A recipe is a section of the guide. The tests do what its steps say in three forms: "Write `FILE`", "In `FILE`, above
the cell that begins with `TEXT`" and "In `FILE`, below the line `LINE`", each with the block of code that follows. The
commands are run by the slow tests.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("jupytext")

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
BY_HAND = {"Add an exercise": 3, "Add a lesson": 2, "Add a preset": 1}  # files to edit, at most

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


class Block(NamedTuple):
    """A block of code, and the text between it and the block before."""

    before: str
    language: str
    content: str


class Edit(NamedTuple):
    """An edit that a step asks for."""

    file: str
    above: str  # where in the file: above a cell
    below: str  # below a line; the whole file if both are empty
    content: str


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", GUIDE, flags=re.MULTILINE | re.DOTALL)
    return str(found)


def blocks(text: str) -> list[Block]:
    found, end = [], 0
    for match in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```\n", text, flags=re.MULTILINE | re.DOTALL):
        content = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
        found.append(Block(" ".join(text[end : match.start()].split()), match[2], content))
        end = match.end()
    return found


def edits(title: str) -> list[Edit]:
    found = []
    for before, language, content in blocks(section(title)):
        step = re.search(
            r"(?:Write|In) `([\w./]+)`(?:, above the cell that begins with `([^`]+)`|, below the line `([^`]+)`)?",
            before,
        )
        if language in ("python", "text"):
            assert step, f"{title}: the step does not say in a known form where this goes: {before}"
            between = "\n" if step[2] else ""  # an empty line between cells
            found.append(Edit(step[1], step[2] or "", step[3] or "", content + between))
    return found


def commands(title: str) -> list[str]:
    return [
        line for _, language, content in blocks(section(title)) if language == "bash" for line in content.split("\n")
    ]


def apply(edit: Edit, folder: Path) -> None:
    path = folder / edit.file
    if not (edit.above or edit.below):
        if path.exists():
            pytest.skip(f"the recipe was followed in this checkout: {edit.file} is there")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(edit.content, encoding="utf-8")
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    if edit.above:
        (place,) = [number - 1 for number, line in enumerate(lines) if line.startswith(edit.above)]
        assert lines[place].startswith("# %%"), f"{edit.file}: no cell begins with {edit.above}"
    else:
        (place,) = [number + 1 for number, line in enumerate(lines) if line.strip() == edit.below]
    path.write_text("".join([*lines[:place], edit.content, *lines[place:]]), encoding="utf-8")


def take_back(edit: Edit, folder: Path) -> None:
    path = folder / edit.file
    if edit.above or edit.below:
        path.write_text(path.read_text(encoding="utf-8").replace(edit.content, ""), encoding="utf-8")
    else:
        path.unlink()


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(folder: Path, *command: str, timeout: float = 250) -> str:
    """Run Python in the copy, with the copy's package; returns the output."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path) -> None:
    run(folder, "-m", "dqnkit.authoring.build")


def changed(folder: Path) -> list[str]:
    """Files of the copy that were changed."""
    return [
        line[3:] for line in git(folder, "status", "--porcelain", "--untracked-files=all", "--no-renames").splitlines()
    ]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git repository with all that git would commit here. (An archive or CI's copy is not a repository.)"""
    folder = tmp_path / "dqnkit"
    git(tmp_path, "init", "--quiet", str(folder))
    git(folder, "--git-dir", str(folder / ".git"), "--work-tree", str(ROOT), "add", "--all", str(ROOT))
    git(folder, "-c", "user.name=x", "-c", "user.email=x", "commit", "--quiet", "--no-verify", "--message", "as it is")
    git(folder, "reset", "--hard", "--quiet")
    assert changed(folder) == []
    return folder


CHECK = """
import json, sys
from dqnkit.classroom import course
from dqnkit.classroom.checking import check_exercise
exercise = course.find_exercise("NAME")
tried = {"solution": exercise.solution, "stub": None} | {mistake.name: mistake.wrong for mistake in exercise.mistakes}
results = {name: check_exercise(exercise, attempt) for name, attempt in tried.items()}
print(json.dumps({name: [result.status, result.mistake] for name, result in results.items()}))
"""


def test_an_exercise_is_added(checkout: Path) -> None:
    module, answers, source = edits("Add an exercise")
    name, lesson = Path(module.file).stem, Path(source.file).stem
    for edit in (module, answers, source):
        apply(edit, checkout)
    build(checkout)

    results = json.loads(run(checkout, "-c", CHECK.replace("NAME", name)))
    assert results.pop("solution") == ["passed", ""]
    assert results.pop("stub")[0] == "open"
    assert len(results) >= 5
    assert results == {mistake: ["wrong", mistake] for mistake in results}
    (student,) = (checkout / "notebooks").glob(f"*_{lesson}.ipynb")
    (solved,) = (checkout / "notebooks" / "solutions").glob(f"*_{lesson}.ipynb")
    by_hand = {edit.file for edit in (module, answers, source)}
    built = {str(path.relative_to(checkout)) for path in (student, solved)}
    with_minutes = {file for file in changed(checkout) if file.endswith("README.md") or "00_start_here" in file}
    assert set(changed(checkout)) == by_hand | built | with_minutes
    assert f'check(\\"{name}\\", {name})' in student.read_text(encoding="utf-8")
    assert "np.arange(len(rewards))" in solved.read_text(encoding="utf-8")
    assert "np.arange(len(rewards))" not in student.read_text(encoding="utf-8")


def test_a_lesson_is_added_and_leaves_nothing_behind_when_it_is_removed(checkout: Path) -> None:
    source, line = edits("Add a lesson")
    lesson = Path(source.file).stem
    titles = [path.stem for path in sorted((checkout / "notebooks").glob("[0-9]*.ipynb"))]
    for edit in (source, line):
        apply(edit, checkout)
    build(checkout)

    before = next(number for number, title in enumerate(titles) if title.endswith(line.below.strip('",')))
    name = f"{before + 1:02d}_{lesson}"
    moved = [f"{number:02d}{title[2:]}" for number, title in enumerate(titles[before + 1 :], start=before + 2)]
    expected = [*titles[: before + 1], name, *moved]
    for folder in (checkout / "notebooks", checkout / "notebooks" / "solutions"):
        assert [path.stem for path in sorted(folder.glob("[0-9]*.ipynb"))] == expected
    page = "from pathlib import Path; from dqnkit.classroom.start_page import start_page; print(start_page(Path()))"
    start = run(checkout, "-c", f"import os; os.chdir('notebooks'); {page}")
    for text in (start, *((checkout / readme).read_text("utf-8") for readme in ("README.md", "notebooks/README.md"))):
        assert [text.find(f"{title}.ipynb") for title in expected] == sorted(text.find(f"{t}.ipynb") for t in expected)
        assert text.find(f"{name}.ipynb") > 0
        assert re.search(r"several seeds, their mean and their spread \| \d+ \|", text)

    for edit in (source, line):
        take_back(edit, checkout)
    build(checkout)
    assert changed(checkout) == []


def test_a_preset_is_added(checkout: Path) -> None:
    (edit,) = edits("Add a preset")
    apply(edit, checkout)
    module = edit.file.removesuffix(".py").replace("/", ".")
    ((env_id, added),) = ast.literal_eval("{" + edit.content + "}").items()
    code = f"import json; from {module} import preset; print(json.dumps(preset('{env_id}').to_dict()))"
    settings = json.loads(run(checkout, "-c", code))
    assert settings == {**settings, "env_id": env_id, **added}


@pytest.mark.parametrize(("title", "most"), BY_HAND.items())
def test_few_files_are_edited_by_hand(title: str, most: int) -> None:
    assert 1 <= len({edit.file for edit in edits(title)}) <= most


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("title", BY_HAND)
def test_the_commands_of_a_recipe_pass(title: str, checkout: Path) -> None:
    """Exactly as they are written, except training, which takes minutes."""
    for edit in edits(title):
        apply(edit, checkout)
    ran = 0
    for command in commands(title):
        if command.startswith(".venv/bin/python "):
            arguments = re.findall(r'"([^"]*)"|(\S+)', command.removeprefix(".venv/bin/python "))
            printed = run(checkout, *(quoted or bare for quoted, bare in arguments), timeout=300)
            assert "pytest" not in command or re.search(r"\d+ passed", printed), printed
            ran += 1
    assert ran >= 1
    types = [["mypy"]] if title == "Add an exercise" else []  # half a minute, and only there the package gets code
    for tool in (["ruff", "check"], ["ruff", "format", "--check"], *types):
        run(checkout, "-m", *tool)


def test_files_that_the_guide_names_are_there() -> None:
    new = {edit.file for title in BY_HAND for edit in edits(title) if not (edit.above or edit.below)}
    named = set(re.findall(r"(?<![\w/])(?:dqnkit|notebooks|tests|\.github)/[\w./-]+\.(?:py|md|yml)\b", GUIDE)) - new
    named = {name for name in named if "NAME" not in name}
    assert len(named) >= 10
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]
