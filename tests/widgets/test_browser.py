"""The live panels in a real JupyterLab, clicked while a cell runs. All asserted values were computed at run time.

`browser.screenshots` says where the screenshots are.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser import REPOSITORY, Lab, Notebook, assert_quick, jupyter_lab, seconds_until

from dqnkit.classroom.course import notebook_name

pytestmark = pytest.mark.slow

# Stands in for training: lasts as long as a test needs, and yields a thousand times a second.
SETUP = """
import math, os, time
import numpy as np
from dqnkit.errors import DivergedError
from dqnkit.types import LiveSettings, TrainStatus
from dqnkit.widgets import Sliders, live, watch

def training(seconds=60.0, live=None, fails=False):
    rng, began, i = np.random.default_rng(0), time.time(), 0
    none = np.empty(0, np.float32)
    try:
        while time.time() - began < seconds:
            time.sleep(0.001)
            i += 1
            share = (time.time() - began) / seconds
            mean = 480 * (1 - math.exp(-5 * share))
            epsilon = max(0.05, 1 - 4 * share) if live is None or live.epsilon is None else live.epsilon
            single = np.array([mean * rng.random() * 1.2], np.float32) if i % 20 == 0 else none
            yield TrainStatus(int(50_000 * share), 50_000, i, i // 20, single, mean, 0.1, 110 * share ** 0.3, epsilon,
                              i, 0, 8.0, min(i * 10, 20_000), time.time() - began, lambda: None, lambda: None)
        if fails:
            raise DivergedError("the loss became nan; lower the learning rate")
    finally:
        print("closed" * 2)
"""
RUN = """
settings = LiveSettings()
began = time.time()
status = await live(training(live=settings), settings=settings, title="CartPole", q_bound=100.0)
print("sum", 1 + status.step - status.step, settings.epsilon, settings.changes)
"""
AFTER = "print('next', 6 * 7, status.step > 0)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def started(lab: Lab, *cells: str, width: int = 1400, dark: bool = False) -> Notebook:
    """A notebook whose second cell trains, scrolled to the controls."""
    notebook = lab.open([SETUP, *(cells or (RUN, AFTER))], width=width, dark=dark)
    notebook.run(0)
    notebook.wait_until_done(0)
    run_training(notebook)
    return notebook


def run_training(notebook: Notebook, cell: int = 1) -> None:
    notebook.run(cell)
    notebook.wait_for_controls(cell, timeout=60)
    notebook.wait_for(cell, r"Step [1-9]", timeout=60)


def assert_pauses_and_resumes(notebook: Notebook, cell: int, limit: float) -> None:
    def pause() -> float:
        return seconds_until(lambda: notebook.click(cell, "Pause"), lambda: notebook.wait_for(cell, "paused"))

    def resume() -> float:
        return seconds_until(lambda: notebook.click(cell, "Resume"), lambda: notebook.wait_for(cell, "running"))

    assert_quick(limit, pause, resume)
    assert_quick(limit, resume, pause)


def step_of(notebook: Notebook, cell: int = 1) -> int:
    return int(re.findall(r"Step ([\d,]+) of", notebook.text(cell))[0].replace(",", ""))


def test_pause_resume_and_stop_act_at_once_and_a_plain_picture_stays(lab: Lab) -> None:
    notebook = started(lab)
    assert_pauses_and_resumes(notebook, 1, limit=1)
    notebook.click(1, "Pause")
    notebook.wait_for(1, "paused")
    notebook.page.wait_for_timeout(500)
    paused_at = step_of(notebook)
    notebook.page.wait_for_timeout(1000)
    assert step_of(notebook) == paused_at
    notebook.screenshot("live-paused", 1)
    notebook.click(1, "Resume")
    until = time.monotonic() + 15
    while step_of(notebook) == paused_at:
        assert time.monotonic() < until
        notebook.page.wait_for_timeout(50)

    assert notebook.is_running(1)
    stop = lambda: seconds_until(lambda: notebook.click(1, "Stop"), lambda: notebook.wait_for(1, r"sum 1\b"))  # noqa: E731
    assert_quick(1, stop, lambda: run_training(notebook))
    notebook.wait_for(1, "stopped; what was reached so far is kept")
    assert "closedclosed" in notebook.text(1)
    assert notebook.output(1).get_by_role("button").count() == 0
    notebook.screenshot("live-stopped", 1)
    notebook.run(2)
    notebook.wait_for(2, "next 42 True")
    assert not notebook.errors


def test_a_slider_moves_epsilon_while_the_cell_runs(lab: Lab) -> None:
    notebook = started(lab)
    handle = notebook.output(1).get_by_role("slider").first
    handle.focus()
    for _ in range(3):
        handle.press("ArrowLeft")
    notebook.wait_for(1, "set by you")
    assert notebook.is_running(1)
    notebook.page.wait_for_timeout(1500)
    handle.press("ArrowLeft")  # the key works more than once
    notebook.page.wait_for_timeout(1500)
    notebook.screenshot("live-slider", 1)
    notebook.click(1, "Stop")
    found = notebook.wait_for(1, r"sum 1 (0\.\d+) \[(.*)\]")
    changes = re.findall(r"\((\d+), 'epsilon', (0\.\d+)\)", found[2])
    assert len(changes) >= 2
    assert found[1] == changes[-1][1] != changes[-2][1]


def test_buttons_are_reached_and_pressed_by_keys(lab: Lab) -> None:
    notebook = started(lab)
    stop = notebook.output(1).get_by_role("button", name=re.compile("Stop$"))
    notebook.output(1).get_by_role("button", name=re.compile("Pause$")).focus()
    notebook.page.keyboard.press("Tab")
    assert stop.evaluate("button => button === document.activeElement")
    notebook.page.keyboard.press("Space")
    notebook.wait_for(1, r"sum 1\b")


def test_an_interrupt_keeps_what_was_learned(lab: Lab) -> None:
    notebook = started(lab)
    interrupt = lambda: seconds_until(notebook.interrupt, lambda: notebook.wait_for(1, r"sum 1\b"))  # noqa: E731
    assert_quick(2, interrupt, lambda: run_training(notebook))
    notebook.wait_for(1, "interrupted; what was reached so far is kept")
    assert "Error" not in notebook.text(1)
    notebook.run(2)
    notebook.wait_for(2, "next 42 True")
    assert not notebook.errors


def test_an_interrupt_during_a_pause_ends_it(lab: Lab) -> None:
    notebook = started(lab)
    notebook.click(1, "Pause")
    notebook.wait_for(1, "paused")
    notebook.interrupt()
    notebook.wait_for(1, r"sum 1\b")


def test_an_error_is_one_sentence_and_the_picture_stays(lab: Lab) -> None:
    notebook = lab.open([SETUP, "await live(training(2.0, fails=True), title='Fails')", "print('next', 6 * 7)"])
    notebook.run(0)
    notebook.run(1)
    notebook.wait_for(1, "failed with DivergedError: the loss became nan; lower the learning rate")
    assert "Traceback" not in notebook.text(1)
    assert notebook.output(1).locator("img").count() == 1
    notebook.run(2)
    notebook.wait_for(2, "next 42")


def test_two_panels_at_once_and_a_cell_that_is_run_twice(lab: Lab) -> None:
    both = (
        "import asyncio\n"
        "a, b = await asyncio.gather(live(training(30.0), title='A'), live(training(30.0), title='B'))\n"
        "print('both', 6 * 7)"
    )
    notebook = started(lab, both)
    stops = notebook.output(1).get_by_role("button", name=re.compile("Stop$"))
    until = time.monotonic() + 10
    while stops.count() < 2 or not stops.nth(1).is_visible():
        assert time.monotonic() < until
        notebook.page.wait_for_timeout(50)
    stops.first.click()
    notebook.wait_for(1, "stopped")
    assert notebook.is_running(1)
    notebook.page.wait_for_timeout(500)  # the other one moves on the page
    notebook.click(1, "Stop")
    notebook.wait_for(1, "both 42")
    notebook.run(1)
    notebook.wait_for(1, "Pause")
    notebook.page.wait_for_timeout(500)
    assert "both 42" not in notebook.text(1)
    notebook.interrupt()
    notebook.wait_until_done(1)


@pytest.mark.rehearsal
@pytest.mark.timeout(400)
def test_a_thousand_pictures_add_nothing_to_the_file_nor_to_memory(lab: Lab) -> None:
    """The pace is switched off, so that a thousand pictures take about a minute."""
    many = """
import sys
machinery = sys.modules["dqnkit.widgets.watch"]  # the package has a function of this name
from dqnkit.widgets.panel import Panel
machinery.DRAW_EVERY, machinery.YIELD_EVERY, machinery.DRAWING_SHARE = 0.0, 0.004, 1e9
shown, memory = [0], []
original = Panel.show
def counted(self):
    shown[0] += self.trip.ready
    if shown[0] in (200, 1000):
        kb = next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]
        memory.append(int(kb) / 1000)
    original(self)
    self._stopped = self._stopped or shown[0] >= 1000
Panel.show = counted
settings = LiveSettings()
status = await live(training(600.0, live=settings), settings=settings, title="Many", q_bound=100.0)
print("shown", shown[0], "growth", round(memory[-1] - memory[0], 1), "MB")
"""
    notebook = started(lab, many)
    page = notebook.page
    protocol = page.context.new_cdp_session(page)

    def heap() -> float:
        protocol.send("HeapProfiler.collectGarbage")
        return float(protocol.send("Runtime.getHeapUsage")["usedSize"]) / 1e6

    page.wait_for_timeout(5000)
    before = heap()
    found = notebook.wait_for(1, r"shown (\d+) growth (-?[\d.]+) MB", timeout=350)
    assert int(found[1]) >= 1000
    growth = heap() - before
    content = notebook.save()
    size = notebook.path.stat().st_size
    print(f"1,000 pictures: kernel {found[2]} MB, browser {growth:.1f} MB, notebook file {size / 1000:.0f} kB")
    assert float(found[2]) < 20
    assert growth < 10
    assert size < 200_000
    assert json.dumps(content).count("data:image/png") == 2  # in light and in dark
    assert "widgets" not in content["metadata"]


def test_training_goes_on_when_the_tab_is_closed(lab: Lab) -> None:
    count = """
from dqnkit.widgets.panel import Panel
shown, original = [0], Panel.show
def counted(self):
    shown[0] += self.trip.ready
    original(self)
Panel.show = counted
status = await live(training(14.0), title="Left alone")
open("left-alone.txt", "w").write(f"{shown[0]} {status.step}")
"""
    notebook = started(lab, count)
    notebook.page.close()
    result = lab.folder / "left-alone.txt"
    until = time.monotonic() + 60
    while not (result.exists() and result.read_text()):
        assert time.monotonic() < until
        time.sleep(0.2)
    pictures, step = map(int, result.read_text().split())
    assert step > 49_000
    assert pictures < 20  # it would be more than fifty if they piled up


def test_a_restarted_kernel_leaves_no_panel_behind(lab: Lab) -> None:
    notebook = started(lab)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    notebook.page.wait_for_timeout(3000)
    notebook.run(0)
    notebook.wait_until_done(0)
    notebook.run(1)
    notebook.wait_for(1, r"Step [1-9]", timeout=30)
    notebook.click(1, "Stop")
    notebook.wait_for(1, r"sum 1\b")


@pytest.mark.parametrize(
    ("name", "width", "dark"), [("wide", 1400, False), ("dark", 1400, True), ("narrow", 680, False)]
)
def test_how_it_looks(lab: Lab, name: str, width: int, dark: bool) -> None:
    notebook = started(lab, width=width, dark=dark)
    notebook.page.wait_for_timeout(2500)
    notebook.screenshot(f"live-{name}", 1)
    picture, slider = (
        notebook.output(1).locator(what).first.bounding_box() for what in ("svg[role=img]", "label.slider")
    )
    assert picture
    assert slider
    beside = slider["x"] >= picture["x"] + picture["width"] - 1
    assert beside == (width == 1400)
    assert picture["x"] + picture["width"] <= width
    alt = notebook.output(1).locator("svg[role=img]").first.get_attribute("aria-label")
    assert alt is not None
    assert "Return over environment steps, now " in alt
    assert notebook.output(1).locator("[aria-live=polite]").count() == 1
    notebook.click(1, "Stop")
    notebook.wait_for(1, r"sum 1\b")
    notebook.screenshot(f"live-{name}-stopped", 1)
    alt = notebook.output(1).locator("img").get_attribute("alt")
    assert alt is not None
    assert "mean return" in alt
    assert not notebook.errors


def test_without_a_browser_nothing_waits(tmp_path: Path) -> None:
    from browser import write_notebook

    write_notebook(
        tmp_path / "headless.ipynb", [SETUP, RUN.replace("live=settings)", "seconds=3.0, live=settings)", 1)]
    )
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", "headless.ipynb"]
    environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=60, capture_output=True)
    text = (tmp_path / "headless.ipynb").read_text()
    outputs = json.loads(text)["cells"][1]["outputs"]
    assert text.count("data:image/png") == 2  # the last picture, in light and in dark
    assert "".join(outputs[0]["data"]["text/html"]).count("<img") == 1
    assert "application/vnd.jupyter.widget-view+json" not in outputs[0]["data"]
    assert "finished" in "".join(outputs[0]["data"]["text/plain"])


# ------------------------------------------------------------------------------------------------ the real notebooks


@pytest.fixture
def real(fast_notebooks: Path) -> Callable[[str], Path]:
    """`real(lesson)` is the path of a lesson's solution with short training runs."""
    return lambda lesson: fast_notebooks / "solutions" / f"{notebook_name(lesson)}.ipynb"


def test_the_update_stepper_of_the_q_update_is_clicked_while_a_cell_runs(lab: Lab, real: Callable[[str], Path]) -> None:
    notebook = lab.open(real("q_update"))
    stepper = notebook.find("grid_stepper(q_update")
    notebook.run_above(stepper)
    notebook.wait_until_done(timeout=180)
    notebook.run(stepper)
    notebook.wait_for(stepper, r"\b0 updates, error")
    busy = next(i for i in range(stepper + 1, stepper + 60) if notebook.is_code(i))
    notebook.replace(
        busy, "import asyncio\nfor second in range(20):\n    await asyncio.sleep(1)\nprint('slept', 6 * 7)"
    )
    notebook.run(busy)
    notebook.page.wait_for_timeout(500)
    assert notebook.is_running(busy)
    taken = []
    for count in (1, 2, 3):
        click = lambda: notebook.click(stepper, "Step: one update")  # noqa: E731
        pattern = rf"\b{count} updates, error"
        taken.append(seconds_until(click, lambda pattern=pattern: notebook.wait_for(stepper, pattern)))  # type: ignore[misc]
    assert min(taken) < 2  # the others may be late: the machine is busy
    notebook.click(stepper, "100 updates")
    notebook.wait_for(stepper, r"\b103 updates, error")
    assert notebook.is_running(busy)
    notebook.screenshot("01-stepper", stepper)


def test_the_live_panel_of_the_target_network_is_operated_while_it_trains(
    lab: Lab, real: Callable[[str], Path]
) -> None:
    notebook = lab.open(real("target_network"))
    panel = notebook.find("status = await live(")
    notebook.run_above(panel)
    notebook.wait_until_done(timeout=240)
    source = notebook.source(panel)  # a short training run is too short to click in
    notebook.replace(panel, "cartpole = __import__('dataclasses').replace(cartpole, total_steps=400_000)\n" + source)
    run_training(notebook, panel)
    assert_pauses_and_resumes(notebook, panel, limit=2)
    handle = notebook.output(panel).get_by_role("slider").first
    handle.focus()
    handle.press("ArrowRight")
    notebook.wait_for(panel, "set by you")
    notebook.page.wait_for_timeout(2500)
    notebook.screenshot("04-live-panel", panel)
    assert notebook.is_running(panel)
    kept = "stopped; what was reached so far is kept"
    stop = lambda: seconds_until(lambda: notebook.click(panel, "Stop"), lambda: notebook.wait_for(panel, kept))  # noqa: E731
    assert_quick(1, stop, lambda: run_training(notebook, panel))
    notebook.screenshot("04-live-panel-stopped", panel)
    assert not notebook.errors
