"""The notebook runs for each task that a reader may choose, and where the packages of the tasks are not installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dqnkit.classroom.course import notebook_name
from dqnkit.lessons.applications.tasks import TASKS

pytest.importorskip("jupytext")
nbformat = pytest.importorskip("nbformat")
runs = pytest.importorskip("notebook_runs")  # needs nbclient and psutil

pytestmark = pytest.mark.slow
CHOICE = 'TASK = "robot"'
WITHOUT = "import sys\n\nsys.modules.update(dict.fromkeys(('minatar', 'mujoco', 'highway_env', 'minigrid')))"


IN_CI = [("driving", True), ("robot", False)]  # JupyterLab runs the robot with its packages
CASES = [
    pytest.param(task, here, id=f"{task}-{'installed' if here else 'not installed'}",
                 marks=[] if (task, here) in IN_CI else [pytest.mark.rehearsal])
    for task in TASKS for here in (True, False)
]  # fmt: skip


@pytest.mark.parametrize(("task", "installed"), CASES)
def test_it_runs(task: str, installed: bool, fast_notebooks: Path, tmp_path: Path) -> None:
    if installed and not TASKS[task].is_here:
        pytest.skip(f"{', '.join(TASKS[task].missing)} is not installed")
    notebook = nbformat.read(fast_notebooks / "solutions" / f"{notebook_name('applications')}.ipynb", as_version=4)
    [cell] = [cell for cell in notebook.cells if CHOICE in cell.source]
    cell.source = cell.source.replace(CHOICE, f'TASK = "{task}"')
    if not installed:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(WITHOUT))
    runs.run(notebook, tmp_path)
    assert not runs.complaints(notebook), "\n".join(runs.complaints(notebook))
    assert runs.passed_checks(tmp_path) == runs.names_checked(notebook)
    printed = "\n".join(
        output.text for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "stream"
    )
    assert ("add_applications()" in printed) != installed
