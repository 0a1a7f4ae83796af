"""The notebooks as a reader runs them: from top to bottom in a fresh kernel, student's copy and solution.

With DQNKIT_FAST=1 each training run is short; the slow tests run them whole.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from dqnkit.classroom.build import build_course
from dqnkit.notebooks import find_notebooks

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
psutil = pytest.importorskip("psutil")
pytest.importorskip("jupytext")

FOLDER = find_notebooks()
STUDENTS = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
SOLUTIONS = sorted((FOLDER / "solutions").glob("[0-9][0-9]_*.ipynb"))
ALL = [*STUDENTS, *SOLUTIONS]
CELL_LIMIT, NOTEBOOK_LIMIT = 120, 600  # seconds, on two cores
MEMORY_LIMIT = 1.5e9  # bytes
WHOLE = {"01_q_update", "04_target_network"}  # run in full by CI; `.ci/rehearse` runs all


def name_of(path: Path) -> str:
    return str(path.relative_to(FOLDER).with_suffix(""))


def pid_of(client: Any) -> int:
    return int(client.km.provisioner.pid)


class PeakMemory(threading.Thread):
    """Watches the resident memory of the kernel and its children."""

    def __init__(self, client: Any) -> None:
        super().__init__(daemon=True)
        self.client, self.largest, self.running = client, 0, True

    def run(self) -> None:
        while self.running:
            try:
                kernel = psutil.Process(pid_of(self.client))
                processes = [kernel, *kernel.children(recursive=True)]
                self.largest = max(self.largest, sum(process.memory_info().rss for process in processes))
            except (psutil.Error, AttributeError, TypeError):
                pass  # it has not started yet, or has ended
            time.sleep(0.2)


def run(path: Path, folder: Path, fast: bool) -> tuple[Any, int]:
    """The notebook with its outputs, and the kernel's peak memory in bytes."""
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=CELL_LIMIT,
        resources={"metadata": {"path": str(folder)}},
        record_timing=True,
        allow_errors=True,
    )
    # ipykernel shows what goes past Python to standard error, unless it believes that it is itself under test
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    environment["DQNKIT_FAST"] = "1" if fast else "0"
    memory = PeakMemory(client)
    memory.start()
    try:
        client.execute(env=environment)
    finally:
        memory.running = False
    return notebook, memory.largest


def complaints(notebook: Any) -> list[str]:
    """Everything that a reader would take for an error: tracebacks, warnings, anything on stderr."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                found.append(f"cell {number}: {output.ename}: {output.evalue}\n" + "\n".join(output.traceback))
            elif output.output_type == "stream" and (output.name == "stderr" or "Warning" in output.text):
                found.append(f"cell {number}: {output.name}: {output.text}")
    return found


def passed_checks(folder: Path) -> set[str]:
    progress = json.loads((folder / "dqnkit-progress.json").read_text(encoding="utf-8"))
    return {name for name, entry in progress["checks"].items() if entry["passed"]}


def names_checked(notebook: Any) -> set[str]:
    """Exercises that the cells check, by the first argument of `check`."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return {piece.split('"')[0] for piece in code.split('check("')[1:]}


def assert_runs(path: Path, folder: Path, fast: bool) -> int:
    notebook, memory = run(path, folder, fast)
    assert not complaints(notebook), "\n".join(complaints(notebook))
    checked, passed = names_checked(notebook), passed_checks(folder)
    assert passed == (checked if path in SOLUTIONS else set()), f"checked {checked}, passed {passed}"
    return memory


def test_there_are_notebooks_in_all_three_forms() -> None:
    sources = [path.stem for path in sorted((FOLDER / "source").glob("[0-9][0-9]_*.py"))]
    assert sources
    assert [path.stem for path in STUDENTS] == [path.stem for path in SOLUTIONS] == sources


def test_the_notebooks_are_what_the_sources_give() -> None:
    for path, content in build_course(FOLDER).items():
        stale = not path.exists() or path.read_text(encoding="utf-8") != content
        assert not stale, f"{name_of(path)} is stale: run python -m dqnkit.classroom.build"


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_a_notebook_runs_in_fast_mode(path: Path, tmp_path: Path) -> None:
    assert_runs(path, tmp_path, fast=True)


@pytest.mark.slow
@pytest.mark.timeout(NOTEBOOK_LIMIT + 60)
@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_a_notebook_runs_whole(path: Path, tmp_path: Path) -> None:
    everything = os.environ.get("DQNKIT_WHOLE_NOTEBOOKS") == "all"
    if not everything and (path not in SOLUTIONS or path.stem not in WHOLE):
        pytest.skip("only with DQNKIT_WHOLE_NOTEBOOKS=all: CI runs two whole notebooks, the rehearsal all")
    began = time.monotonic()
    memory = assert_runs(path, tmp_path, fast=False)
    seconds = time.monotonic() - began
    print(f"\n{name_of(path)}: {seconds:.0f} s, {memory / 1e6:.0f} MB at most")
    assert seconds < NOTEBOOK_LIMIT
    assert memory < MEMORY_LIMIT
