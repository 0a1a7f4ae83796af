"""Checks, predictions and progress in a real JupyterLab, with mouse and keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import browser
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CHECKS = [
    """
from dqnkit.classroom import check, hints
def looping(q, s, a, r, s_next, terminated, alpha, gamma):
    while True:
        try:
            s += 1
        except:
            pass
check("q_update", looping)
""",
    """
def right(q, s, a, r, s_next, terminated, alpha, gamma):
    return q[s, a] + alpha * (r + (not terminated) * gamma * q[s_next].max() - q[s, a])
check("q_update", right)
""",
    'hints("q_update")',
]
PREDICTIONS = [
    """
from dqnkit.classroom import compare, download_progress, predict, prediction, upload_progress
from dqnkit.classroom.question import Choice, Curve, Number, Reply
left, right = "the " + "left one, " * 20, "the " + "right one"
predict("01-a", Choice("Which?", {left: Reply("Because " + "of this"), right: Reply(wrong="No")}, str))
""",
    'predict("01-b", Number("How many?", "steps", (0, 500)))',
    'predict("01-c", Curve("How does it grow?", "", (0, 100)))',
    'predict("01-d", Choice("Nobody answers this?", {"yes": Reply("y"), "no": Reply(wrong="n")}, str))',
    'print(prediction("01-a"), prediction("01-b"), prediction("01-c")[::10, 1].tolist(), prediction("01-d"))',
    'compare("01-d", "yes"); compare("01-a", left)',
    "download_progress()",
    "upload_progress()",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Lab]:
    with browser.jupyter_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_loop_is_stopped_and_the_kernel_is_as_before(lab: browser.Lab, dark: bool) -> None:
    notebook = lab.open(CHECKS, dark=dark)
    notebook.run(0)
    notebook.wait_for(0, "not returned after 5 seconds", timeout=30)
    notebook.run(1)
    notebook.wait_for(1, "✓ q_update: passed")
    notebook.run(2)
    notebook.wait_for(2, "Hint 1 of 4")
    assert "Hint 2 of 4" not in notebook.text(2)
    notebook.output(2).locator("summary").nth(0).click()
    notebook.output(2).locator("summary").nth(1).click()
    notebook.wait_for(2, "Hint 3 of 4")
    for cell in range(3):
        notebook.screenshot(f"check{cell}-{'dark' if dark else 'light'}", cell)
    assert not notebook.errors


def test_predictions_are_made_by_clicks_and_keys(lab: browser.Lab, tmp_path: Path) -> None:
    notebook = lab.open(PREDICTIONS, width=900)
    for cell in range(4):
        notebook.run(cell)
        notebook.wait_for(cell, "Commit")
        notebook.screenshot(f"predict{cell}", cell)
    notebook.click(0, "Commit")
    notebook.wait_for(0, "Choose one first")
    notebook.output(0).get_by_label("the right one").check()
    notebook.click(0, "Commit")
    notebook.wait_for(0, "Your prediction: the right one")
    notebook.output(1).locator("input").fill("many")
    notebook.click(1, "Commit")
    notebook.wait_for(1, "Type a number")
    notebook.output(1).locator("input").fill("40")
    notebook.page.keyboard.press("Enter")
    notebook.wait_for(1, "Your prediction: 40 steps")
    handles = notebook.output(2).get_by_role("slider")
    for number in range(5):
        handles.nth(number).focus()
        for _ in range(number):
            notebook.page.keyboard.press("ArrowUp")
    notebook.click(2, "Commit")
    notebook.wait_for(2, "Prediction, committed")
    notebook.run(4)
    notebook.wait_for(4, r"the right one 40\.0 \[0\.0, 1\.0, 2\.0, 3\.0, 4\.0\] None")
    assert "Commit" in notebook.text(3)  # the run has begun, and no result is shown
    notebook.run(5)
    notebook.wait_for(3, "Prediction, skipped")
    notebook.wait_for(5, "Because of this")
    notebook.run(6)
    notebook.wait_for(6, "Download progress")
    with notebook.page.expect_download() as download:
        notebook.output(6).get_by_role("link").click()
    download.value.save_as(tmp_path / "mine.json")
    assert set(json.loads((tmp_path / "mine.json").read_text())["predictions"]) == {"01-a", "01-b", "01-c", "01-d"}
    notebook.run(7)
    notebook.wait_for(7, "Upload progress")
    with notebook.page.expect_file_chooser() as chooser:
        notebook.output(7).get_by_role("button").click()
    chooser.value.set_files(tmp_path / "mine.json")
    notebook.wait_for(7, "Taken: .* 4 predictions")
    outputs = [cell["outputs"] for cell in notebook.save()["cells"][:4]]
    for output in outputs:  # a saved notebook shows words, not a form without a kernel
        assert [set(part["data"]) for part in output] == [{"text/html", "text/plain"}]
    assert not notebook.errors
