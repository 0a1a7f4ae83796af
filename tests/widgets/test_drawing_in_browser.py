"""Drawings in a real JupyterLab: the hand is answered within a frame; they live on without a kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Lab, jupyter_lab
from drawn import Wire, drag_across

pytestmark = pytest.mark.slow

DIAL = """
import sys
from pathlib import Path
import traitlets
from dqnkit.plots.canvas import Canvas
from dqnkit.widgets.drawing import Drawing, PageDrawing

module = Path(MODULE)

class Dial(Drawing, module=module):
    value = traitlets.Float(0.5).tag(sync=True)

    def picture(self):
        return Canvas(300, 100).picture(f"A dial at {self.value}")

dial = Dial()
dial
""".replace("MODULE", repr(str(Path(__file__).parents[1] / "support" / "dial.js")))
ON_THE_PAGE = "PageDrawing(module, {'value': 0.25}, Canvas(300, 100).picture('A dial without a kernel'))"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def test_the_hand_is_answered_within_a_frame_and_python_hears_of_it(lab: Lab) -> None:
    notebook = lab.open([DIAL, "print(dial.value)"])
    wire = Wire(notebook.page)
    notebook.load()
    notebook.run(0)
    chart = notebook.output(0).locator(".dqnkit svg")
    chart.wait_for(timeout=60_000)
    notebook.page.wait_for_timeout(500)
    answered = drag_across(notebook.page, chart, wire, wanted=30)
    notebook.screenshot("dial", 0)
    assert answered.milliseconds <= 50, answered
    knob = notebook.output(0).get_by_role("slider")
    knob.focus()
    notebook.page.keyboard.press("Home")
    notebook.run(1)
    notebook.wait_for(1, r"^\s*0\.0\s*$")
    assert not notebook.errors
    notebook.shut_down()


def test_a_drawing_on_the_page_needs_no_kernel(lab: Lab) -> None:
    notebook = lab.open([DIAL, ON_THE_PAGE])
    notebook.run_all()
    notebook.wait_until_done()
    notebook.output(1).locator(".dqnkit svg").wait_for(timeout=30_000)
    notebook.save()
    wire = Wire(notebook.page)
    notebook.load(dark=True)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    notebook.page.wait_for_timeout(1000)
    chart = notebook.output(1).locator(".dqnkit svg")
    chart.wait_for(timeout=30_000)
    chart.scroll_into_view_if_needed()
    answered = drag_across(notebook.page, chart, wire, wanted=30)
    notebook.screenshot("dial-on-the-page", 1)
    assert answered.to_kernel == 0
    assert "0.25" not in notebook.output(1).locator("output").inner_text()
    notebook.page.close()
