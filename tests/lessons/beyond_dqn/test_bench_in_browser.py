"""The ailment bench in a real JupyterLab: parts, Run, Stop and another environment by clicks and by keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import Lab, box_of, jupyter_lab
from drawn import serious_findings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

BENCH = "from dqnkit.lessons.beyond_dqn.ailment_bench import bench\nbench()"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def test_the_bench_learns_live_is_stopped_and_another_run_takes_its_place(lab: Lab) -> None:
    notebook = lab.open([BENCH], width=1280, height=800)
    notebook.run(0)
    notebook.wait_for(0, r"Finished: no part, seed 0\. Step 4,000 of 4,000")
    output = notebook.output(0)
    stop = output.get_by_role("button", name="Stop")
    assert stop.is_disabled()
    assert box_of(output.locator(".dqnkit-bench"))["height"] <= 640
    output.get_by_label("double").check()
    notebook.click(0, "Run")
    notebook.wait_for(0, r"Running: double, seed 0\. Step [\d,]+ of 4,000")
    stop.focus()
    notebook.page.keyboard.press("Enter")
    reached = notebook.wait_for(0, r"Stopped: double, seed 0\. Step ([\d,]+) of")[1]
    assert int(reached.replace(",", "")) < 4_000
    assert not serious_findings(notebook.page, ".dqnkit-bench")
    notebook.screenshot("bench", 0)

    output.get_by_role("radio", name="Overestimation").focus()  # from here by keys alone
    for _ in range(3):
        notebook.page.keyboard.press("ArrowRight")
    notebook.wait_for(0, r"Similar actions: a corridor\.")
    notebook.wait_for(0, r"Finished: no part, seed 0\. Step 4,000 of 4,000")
    plain = float(notebook.wait_for(0, r"([\d.]+)\s+error")[1])
    output.get_by_label("double").focus()
    notebook.page.keyboard.press("Space")
    output.get_by_label("dueling").focus()
    notebook.page.keyboard.press("Space")
    output.get_by_label("seed").focus()
    notebook.page.keyboard.press("Enter")
    notebook.wait_for(0, r"Running: dueling, seed 0")
    output.get_by_label("prioritized").check()
    notebook.click(0, "Run")  # while the other run goes on, which stops
    notebook.wait_for(0, r"Finished: prioritized \+ dueling, seed 0")
    assert float(notebook.wait_for(0, r"([\d.]+)\s+error")[1]) < plain / 2

    notebook.run(0)  # run the cell again: a new bench
    notebook.wait_for(0, r"Finished: no part, seed 0\. Step 4,000 of 4,000")
    assert output.get_by_role("button", name="Clear runs").count() == 1
    assert not notebook.errors
    notebook.shut_down()


def test_a_run_goes_on_after_a_reload_of_the_page_at_900_pixels(lab: Lab) -> None:
    notebook = lab.open([BENCH], width=900, height=700)
    notebook.run(0)
    notebook.wait_for(0, r"Finished: no part")
    notebook.click(0, "Run")
    notebook.wait_for(0, "Running")
    notebook.save()
    assert not notebook.errors
    notebook.load(dark=True)
    notebook.wait_for(0, r"Finished: no part, seed 0\. Step 4,000 of 4,000")
    whole = notebook.output(0).locator(".dqnkit-bench")
    whole.wait_for(timeout=10_000)  # while it is drawn anew it has no box
    assert box_of(whole)["height"] <= 640
    assert whole.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
    notebook.shut_down()
