"""The landscape in a real JupyterLab: the hand turns it, reads its values and plays it, and no kernel is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser import Lab, Notebook, box_of, jupyter_lab
from drawn import Wire, computed, drag_across, serious_findings

from dqnkit.lessons.q_network.landscape_view import MODULE
from dqnkit.plots.scales import ticks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

# A run that promises too much for a while: 7.91 where 5 is the most possible. The pole's landscape is a slope in x that
# turns with the updates.
RUN = """
import json
import numpy as np
from dqnkit.lessons.q_network.landscape_view import Snapshot, grid_points
from dqnkit.lessons.q_network.views import ANGLE, SPEED, cartpole_view, draw_room
from dqnkit.small_environments import GridWorld

view = cartpole_view(10_000, 5.0)
x, y = np.moveaxis(grid_points(ANGLE, SPEED), -1, 0)
def snapshot(update):
    share = update / 10_000
    left = 3 - x * y / 30 * share * 2 - x / 12
    right = 3 + np.cos(y) * share + (x / 12) * share
    return Snapshot(update, np.stack([left, right], -1).astype(np.float32), 7.91 if update == 5_000 else 5 * share)

view.draw([snapshot(update) for update in range(50, 10_001, 50)])
view
"""
VALUES = """
at = json.loads('''PROBE''')
print("python", json.dumps([round(float(v), 6) for v in snapshot(at["update"]).q[at["row"], at["column"]]]))
"""
ROOM = """
room = GridWorld(size=5, observation="xy")
draw_room(lambda o: np.stack([o[:, 0], o[:, 1], -o[:, 0], -o[:, 1]], -1), room, room.optimal_q(0.8), "A room", "Look.")
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def show(lab: Lab, cells: list[str], **size: Any) -> tuple[Notebook, Wire]:
    notebook = lab.open(cells, **size)
    wire = Wire(notebook.page)
    notebook.load(dark=size.get("dark", False))
    notebook.run(0)
    notebook.output(0).locator(".dqnkit canvas").wait_for(timeout=60_000)
    notebook.page.wait_for_timeout(500)
    notebook.output(0).scroll_into_view_if_needed()
    notebook.page.evaluate("() => document.querySelector('.dqnkit').scrollIntoView({ block: 'end' })")
    return notebook, wire


def test_the_hand_turns_it_and_reads_the_values_that_python_has(lab: Lab) -> None:
    notebook, wire = show(lab, [RUN, "", ROOM], width=1280, height=800)
    page, output = notebook.page, notebook.output(0)
    canvas, track = output.locator("canvas"), output.get_by_role("slider", name="Moment of the training")
    box = box_of(output.locator(".dqnkit"))
    assert box["height"] <= 640, box
    assert page.evaluate(
        "() => { const e = document.querySelector('.dqnkit'); return e.scrollWidth <= e.clientWidth; }"
    )
    notebook.screenshot("landscape-1280")
    assert not serious_findings(notebook.page, ".dqnkit")
    for what in (canvas, track):
        answered = drag_across(page, what, wire)
        print(what, answered)
        assert answered.milliseconds <= 50, answered
        assert answered.to_kernel == 0

    place = box_of(canvas)
    page.mouse.move(place["x"] + 0.6 * place["width"], place["y"] + 0.55 * place["height"])
    page.wait_for_timeout(100)
    update = int(output.locator(".number").first.inner_text().replace(",", ""))
    where = [float(part.split(": ")[1].replace("−", "-")) for part in output.locator(".place").inner_text().split("; ")]
    probe = {"update": update, "column": round((where[0] + 12) / 24 * 20), "row": round((where[1] + 2.5) / 5 * 20)}
    read = [float(text.split()[0].strip(",").replace("−", "-")) for text in output.locator(".value").all_inner_texts()]
    notebook.replace(1, VALUES.replace("PROBE", json.dumps(probe)))
    notebook.run(1)
    exact = json.loads(notebook.wait_for(1, r"python (\[.*\])")[1])
    assert read == pytest.approx(exact, abs=0.0006)
    assert ("largest" in output.locator(".value").all_inner_texts()[0]) == (exact[0] > exact[1])
    assert not notebook.errors
    notebook.shut_down()


def test_by_the_keyboard_alone(lab: Lab) -> None:
    notebook, wire = show(lab, [RUN], width=900, height=700, dark=True)
    page, output = notebook.page, notebook.output(0)
    canvas, track = output.locator("canvas"), output.get_by_role("slider", name="Moment of the training")
    sent = wire.sent
    notebook.screenshot("landscape-900-dark")
    assert box_of(output.locator(".dqnkit"))["height"] <= 700

    canvas.focus()
    page.keyboard.press("ArrowRight")
    assert canvas.get_attribute("aria-valuetext").startswith("turned by 40 degrees")
    before = output.locator(".place").inner_text()
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_timeout(100)
    assert output.locator(".place").inner_text() != before

    page.keyboard.press("Tab")  # to the choice of the height
    page.keyboard.press("ArrowRight")
    assert output.get_by_role("radio", name="push left").get_attribute("aria-checked") == "true"
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    assert track.get_attribute("aria-valuetext").startswith("After 50 updates")
    page.keyboard.press(" ")  # play
    page.wait_for_timeout(1500)
    page.keyboard.press(" ")
    reached = int(track.get_attribute("aria-valuenow"))
    assert 5 <= reached < 99
    page.wait_for_timeout(300)
    assert int(track.get_attribute("aria-valuenow")) == reached  # it pauses
    assert track.evaluate("e => e === document.activeElement")
    assert wire.sent == sent
    assert not serious_findings(notebook.page, ".dqnkit")
    assert not notebook.errors
    notebook.shut_down()


def test_it_is_there_after_a_reload_and_a_room_without_a_kernel(lab: Lab) -> None:
    notebook, wire = show(lab, [RUN, ROOM], width=1280, height=800)
    notebook.run(1)
    canvas = notebook.output(1).locator(".dqnkit canvas")
    canvas.wait_for(timeout=30_000)
    notebook.wait_until_done()
    notebook.save()
    notebook.load()
    notebook.output(0).locator(".dqnkit canvas").wait_for(timeout=30_000)
    canvas.wait_for(timeout=30_000)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    notebook.page.wait_for_timeout(500)
    canvas.scroll_into_view_if_needed()
    answered = drag_across(notebook.page, canvas, wire)
    print("room", answered)
    notebook.screenshot("landscape-room", 1)
    assert answered.to_kernel == 0
    notebook.page.close()


def test_numbers_and_ticks_are_those_of_python(lab: Lab) -> None:
    page = lab.browser.new_page()

    def evaluated(expression: str) -> Any:
        return computed(page, MODULE, expression)

    texts = evaluated("[7.912, 0.0084, 0.001, 12000, -0.05].map((number) => shown(number))")
    assert texts == ["7.91", "0.0084", "0.001", "12,000", "−0.05"]
    for low, high in [(0.0, 8.0), (-0.2, 1.0), (-12.0, 12.0), (0.0, 33_000.0)]:
        assert evaluated(f"ticksOf({low}, {high}, 6)") == pytest.approx(ticks(low, high))
    page.close()
