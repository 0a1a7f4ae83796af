"""Predictions in a real JupyterLab: drawn by mouse, finger and keys, committed, and compared with what happened."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from browser import Lab, Notebook, box_of, jupyter_lab
from drawn import Answer, Wire, drag, serious_findings, smooth

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SETUP = """
import numpy as np
from dqnkit.classroom import compare, predict, prediction
from dqnkit.classroom.question import Choice, Curve, Number, Reply
curve = Curve("How does the return grow?", "return", (0, 500), over="environment steps")
"""
CHOICE = """
replies = {"one": Reply("Yes."), "two": Reply(wrong="No."), "three": Reply(wrong="No.")}
predict("own-choice", Choice("Which?", replies, str))
"""
NUMBER = 'predict("own-number", Number("How many?", "steps", (0, 500)))'
CURVE = 'predict("own-curve", curve, end=120_000)'
FIVE = 'print("at the handles:", [float(value) for value in prediction("own-curve")[::10, 1]])'
COMPARE = """
steps = np.linspace(400, 18_405, 300)
compare("own-curve", np.column_stack([steps, 20 + 60 * (steps / 18_405) ** 2]))
"""
# The kernel answers nothing for a while, as one that is held up by a cell.
PAUSE = """
import os, subprocess
kernel = os.getpid()
pause = subprocess.Popen(["sh", "-c", f"sleep 1; kill -STOP {kernel}; sleep 4; kill -CONT {kernel}"])
print("soon")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def opened(lab: Lab, cells: list[str], **look: Any) -> Notebook:
    """A notebook whose cells have run, with nothing answered yet."""
    (lab.folder / "dqnkit-progress.json").unlink(missing_ok=True)
    notebook = lab.open([SETUP, *cells], **look)
    for cell in range(len(cells) + 1):
        notebook.run(cell)
    for cell in range(1, len(cells) + 1):
        notebook.wait_for(cell, "Commit")
    return notebook


def active_cell(notebook: Notebook) -> int:
    return int(notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"))


def has_focus(notebook: Notebook, cell: int) -> bool:
    return bool(notebook.output(cell).evaluate("area => area.contains(document.activeElement)"))


def findings(notebook: Notebook, cell: int) -> list[str]:
    """What axe-core finds in the output of a cell that is serious."""
    notebook.output(cell).evaluate("area => area.setAttribute('data-examined', '')")
    found = serious_findings(notebook.page, "[data-examined]")
    notebook.output(cell).evaluate("area => area.removeAttribute('data-examined')")
    return found


def assert_fits(notebook: Notebook, cell: int) -> None:
    area = notebook.output(cell)
    assert box_of(area)["height"] <= 640
    assert area.evaluate(
        "area => [area, ...area.querySelectorAll('*')].every(e => e.scrollWidth <= e.clientWidth + 1 "
        "|| !['auto', 'scroll'].includes(getComputedStyle(e).overflowX))"
    )


def test_keys_answer_each_kind_and_the_focus_stays(lab: Lab) -> None:
    notebook = opened(lab, [CHOICE, NUMBER, CURVE], width=900, height=700)
    press = notebook.page.keyboard.press
    for cell in (1, 2, 3):
        assert not findings(notebook, cell)
        assert_fits(notebook, cell)

    choice = notebook.output(1)
    choice.get_by_role("radio", name="one").focus()
    press("ArrowDown")
    press("ArrowDown")
    assert choice.get_by_role("radio", name="three").is_checked()
    assert active_cell(notebook) == 1  # the keys have not left for the next one
    press("Enter")
    notebook.wait_for(1, "Your prediction: three")
    notebook.page.wait_for_timeout(300)
    assert has_focus(notebook, 1)

    number = notebook.output(2).get_by_role("textbox", name="Answer, 0 to 500 steps")
    number.focus()
    notebook.page.keyboard.type("many")
    press("Enter")
    notebook.wait_for(2, "Type a number")
    assert has_focus(notebook, 2)
    press("Control+a")
    notebook.page.keyboard.type("40")
    press("Enter")
    notebook.wait_for(2, "Your prediction: 40 steps")
    notebook.page.wait_for_timeout(300)
    assert has_focus(notebook, 2)

    handles = notebook.output(3).get_by_role("slider")
    handles.nth(0).focus()
    for steps in range(5):
        for _ in range(steps):
            press("ArrowUp" if steps % 2 else "ArrowRight")
        if steps < 4:
            press("Tab")
    press("Home")
    press("PageUp")
    assert handles.nth(1).get_attribute("aria-label") == "at 30,000 environment steps"
    notebook.page.wait_for_timeout(100)
    assert handles.nth(4).get_attribute("aria-valuetext") == "50 return"
    assert active_cell(notebook) == 3
    press("Tab")
    press("Enter")  # the Commit button
    notebook.wait_for(3, "Prediction, committed")
    notebook.page.wait_for_timeout(300)
    assert has_focus(notebook, 3)
    notebook.replace(0, FIVE)
    notebook.run(0)
    notebook.wait_for(0, r"at the handles: \[0\.0, 5\.0, 10\.0, 15\.0, 50\.0\]")
    assert not notebook.errors
    notebook.shut_down()


def test_a_line_is_drawn_and_compared_with_a_run_that_stopped(lab: Lab) -> None:
    notebook = opened(lab, [CURVE], width=1280, height=800)
    wire = Wire(notebook.page)
    notebook.load()  # the page is loaded anew, so that all its messages are counted
    notebook.run(0)
    notebook.run(1)
    chart = notebook.output(1).locator("svg.dqnkit-line")
    chart.wait_for(timeout=60_000)
    chart.scroll_into_view_if_needed()
    notebook.page.wait_for_timeout(500)
    box = box_of(chart)
    left, right, floor, top = box["x"] + 52, box["x"] + box["width"] - 14, box["y"] + 182, box["y"] + 10
    line = [(left + (right - left) * n / 60, floor - (floor - top) * n / 60) for n in range(61)]
    took = 0.0

    def attempt() -> Answer:
        nonlocal took
        began = time.monotonic()
        answered = drag(notebook.page, line, wire)
        took = time.monotonic() - began
        return answered

    answered = smooth(notebook.page, attempt, wanted=30)
    print(answered, f"{took:.1f} s")
    assert answered.milliseconds <= 50, answered
    assert answered.to_kernel <= 11 * took, (answered, took)
    notebook.page.mouse.move(left + 2, top + 2)  # a second stroke changes what it crosses
    notebook.page.mouse.down()
    notebook.page.mouse.move(left + (right - left) * 0.1, top + 2, steps=8)
    notebook.page.mouse.up()
    notebook.replace(0, FIVE)
    notebook.run(0)  # what was drawn and not committed is taken when the run starts
    values = json.loads(notebook.wait_for(0, r"at the handles: (\[.*\])")[1])
    assert values == pytest.approx([495, 125, 250, 375, 500], abs=8)
    notebook.wait_for(1, "Prediction, committed")
    height = box_of(notebook.output(1))["height"]

    notebook.replace(0, COMPARE)
    notebook.run(0)
    notebook.wait_for(0, r"apart on average over the first 18,405 of 120,000 environment steps")
    notebook.wait_for(0, "stopped at 18,405")
    notebook.wait_for(1, "stopped at 18,405")  # the chart in which it was drawn shows it, too
    assert box_of(notebook.output(1))["height"] == height
    for cell in (0, 1):
        assert not findings(notebook, cell)
        assert_fits(notebook, cell)
    assert "You predicted" in notebook.output(0).get_by_role("img").get_attribute("aria-label")
    saved = notebook.save()["cells"]
    for cell in saved:
        assert [set(part["data"]) for part in cell["outputs"]] == [{"text/html", "text/plain"}]
    assert not notebook.errors
    notebook.shut_down()


def test_a_finger_draws_on_a_dark_narrow_page(lab: Lab) -> None:
    notebook = opened(lab, [CURVE], width=480, height=800, dark=True)
    chart = notebook.output(1).locator("svg.dqnkit-line")
    chart.scroll_into_view_if_needed()
    assert not findings(notebook, 1)
    assert_fits(notebook, 1)
    box = box_of(chart)
    left, right, middle = box["x"] + 52, box["x"] + box["width"] - 14, box["y"] + 96
    finger = notebook.page.context.new_cdp_session(notebook.page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (left, middle))
    for n in range(21):
        touch("touchMove", (left + (right - left) * n / 20, middle))
    touch("touchEnd")
    notebook.screenshot("prediction-by-finger", 1)
    notebook.replace(0, PAUSE)
    notebook.run(0)
    notebook.wait_for(0, "soon")
    notebook.page.wait_for_timeout(1500)
    notebook.click(1, "Commit")
    notebook.wait_for(1, "Waiting for the kernel")
    notebook.wait_for(1, "Prediction, committed")
    assert has_focus(notebook, 1)
    notebook.replace(0, FIVE)
    notebook.run(0)
    values = json.loads(notebook.wait_for(0, r"at the handles: (\[.*\])")[1])
    assert values == pytest.approx([250] * 5, abs=8)
    notebook.replace(0, COMPARE)
    notebook.run(0)
    notebook.wait_for(0, "stopped at 18,405")
    assert not findings(notebook, 0)
    assert_fits(notebook, 0)
    assert not notebook.errors
    notebook.shut_down()
