"""The ailment bench in a real JupyterLab: switches, Run and another environment by clicks."""

from __future__ import annotations

from pathlib import Path

import browser
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

BENCH = "from dqnkit.lessons.beyond_dqn.ailment_bench import bench\nbench()"


def test_the_bench_learns_live_and_another_run_takes_its_place(tmp_path: Path) -> None:
    with browser.jupyter_lab(tmp_path) as lab:
        notebook = lab.open([BENCH])
        notebook.run(0)
        notebook.wait_for(0, r"Finished: no part, seed 0\. Step 4,000 of 4,000")
        output = notebook.output(0)
        output.get_by_label("double").check()
        notebook.click(0, "Run")
        first = int(notebook.wait_for(0, r"Running: double, seed 0\. Step ([\d,]+)")[1].replace(",", ""))
        assert first < 4_000
        notebook.wait_for(0, r"Finished: double, seed 0")
        notebook.screenshot("bench", 0)

        output.get_by_role("combobox").select_option(label="Similar actions: a corridor")
        plain = float(notebook.wait_for(0, r"Finished: no part, seed 0\..* error ([\d.]+);")[1])
        output.get_by_label("double").uncheck()
        output.get_by_label("dueling").check()
        notebook.click(0, "Run")
        notebook.wait_for(0, r"Running: dueling")
        output.get_by_label("prioritized").check()
        notebook.click(0, "Run")  # while the other run goes on, which stops
        both = float(notebook.wait_for(0, r"Finished: prioritized \+ dueling, seed 0\..* error ([\d.]+);")[1])
        assert both < plain / 2

        notebook.run(0)  # run the cell again: a new bench
        notebook.wait_for(0, r"Finished: no part, seed 0\. Step 4,000 of 4,000: error [\d.]+; the values of states")
        assert output.get_by_role("button", name="Clear runs").count() == 1
        assert not notebook.errors
