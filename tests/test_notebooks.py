"""The notebooks as a reader runs them: from top to bottom in a fresh kernel, student's copy and solution.

All of them are slow. In fast mode they are built with short training runs; two, or all, are run whole too.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from browser import why_not

from dqnkit.authoring.build import build_course, leftovers
from dqnkit.classroom.course import LESSONS, NOTEBOOKS, notebook_name
from dqnkit.course_folder import find_notebooks

pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
runs = pytest.importorskip("notebook_runs")  # needs nbclient and psutil

FOLDER = find_notebooks()
STUDENTS = sorted(FOLDER.glob(NOTEBOOKS))
SOLUTIONS = sorted((FOLDER / "solutions").glob(NOTEBOOKS))
ALL = [*STUDENTS, *SOLUTIONS]
FAST = ALL if why_not() else STUDENTS  # test_notebooks_in_browser.py runs the solutions where there is a browser
WHOLE = {notebook_name("q_update"), notebook_name("replay")}  # run in full by CI; `.ci/rehearse` runs all


def name_of(path: Path) -> str:
    return str(path.relative_to(FOLDER).with_suffix(""))


def assert_runs(path: Path, folder: Path, solved: bool) -> int:
    notebook = nbformat.read(path, as_version=4)
    memory: int = runs.run(notebook, folder)
    assert not runs.complaints(notebook), "\n".join(runs.complaints(notebook))
    assert not runs.long_lines(notebook)
    checked, passed = runs.names_checked(notebook), runs.passed_checks(folder)
    assert passed == (checked if solved else set()), f"checked {checked}, passed {passed}"
    return memory


def test_there_are_notebooks_in_all_three_forms() -> None:
    names = [notebook_name(lesson) for lesson in LESSONS]
    assert {path.stem for path in (FOLDER / "source").glob("*.py")} >= set(LESSONS)
    assert [path.stem for path in STUDENTS] == [path.stem for path in SOLUTIONS] == names


def test_what_is_built_is_what_the_sources_give() -> None:
    built = build_course(FOLDER)
    assert not leftovers(FOLDER, built)
    for path, content in built.items():
        stale = not path.exists() or path.read_text(encoding="utf-8") != content
        assert not stale, f"{path.name} is stale: run python -m dqnkit.authoring.build"


@pytest.mark.slow
@pytest.mark.parametrize("path", FAST, ids=name_of)
def test_a_notebook_runs_in_fast_mode(path: Path, fast_notebooks: Path, tmp_path: Path) -> None:
    assert_runs(fast_notebooks / path.relative_to(FOLDER), tmp_path, solved=path in SOLUTIONS)


@pytest.mark.slow
@pytest.mark.timeout(runs.NOTEBOOK_LIMIT + 60)
@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_a_notebook_runs_whole(path: Path, tmp_path: Path) -> None:
    everything = os.environ.get("DQNKIT_WHOLE_NOTEBOOKS") == "all"
    if not everything and (path not in SOLUTIONS or path.stem not in WHOLE):
        pytest.skip("only with DQNKIT_WHOLE_NOTEBOOKS=all: CI runs two whole notebooks, the rehearsal all")
    began = time.monotonic()
    memory = assert_runs(path, tmp_path, solved=path in SOLUTIONS)
    seconds = time.monotonic() - began
    print(f"\n{name_of(path)}: {seconds:.0f} s, {memory / 1e6:.0f} MB at most")
    assert seconds < runs.NOTEBOOK_LIMIT
    assert memory < runs.MEMORY_LIMIT
