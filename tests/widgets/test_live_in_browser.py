"""The live panel in a real JupyterLab: what the reader sees after reloads, closed tabs, restarts and second runs.

The training is a stand-in that needs no TensorFlow; its policy plays CartPole beside the curves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from browser import Lab, Notebook, box_of, jupyter_lab
from drawn import MEASURE, serious_findings
from test_browser import AFTER, SETUP

pytestmark = pytest.mark.slow

PLAYS = """
from dataclasses import replace
from types import SimpleNamespace
from dqnkit.config import DQNConfig
from dqnkit.policy import Dense
from dqnkit.types import PolicyWeights
from dqnkit.widgets import panel_again

values = np.array([0, -1, 0, -1, 0, -9, 0, -1, 0, 0], np.float32)  # pushes to where the pole falls
weights = PolicyWeights(1, (Dense(4, 2, False),), -values)
state = SimpleNamespace(config=DQNConfig())
band = SimpleNamespace(steps=np.array([0, 25_000, 50_000]), low=np.array([10, 200, 300.0]),
                       middle=np.array([20, 300, 400.0]), high=np.array([30, 400, 500.0]), label="3 recorded seeds")

def playing(seconds, settings):
    for status in training(seconds, settings):
        yield replace(status, get_weights=lambda: weights, get_state=lambda: state)
"""
RUN = """
settings = LiveSettings()
status = await live(playing(SECONDS, settings), settings=settings, title="CartPole", q_bound=100.0, band=band,
                    predicted=[[0, 20], [0.5, 400], [1, 490]])
print("sum", 1 + status.step - status.step, settings.target_period)
"""
DRAWN = """
weights = PolicyWeights(1, (Dense(6, 3, False),), np.random.default_rng(0).normal(size=21).astype(np.float32))
state = SimpleNamespace(config=DQNConfig(env_id="ENV"))
"""
SIZES = {"1280": (1280, 800, False), "900": (900, 700, False), "dark": (1280, 800, True)}
BOARD, AWAY = ".jp-OutputArea .dqnkit-board", ".dqnkit-away"
ENDED = ".jp-OutputArea-output:has(img)"
HIGHEST = {BOARD: 560, AWAY: 640}  # pixels, of a panel that runs; at its end there is the whole picture


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def started(lab: Lab, seconds: float = 200.0, **size: Any) -> Notebook:
    """A notebook whose second cell trains."""
    notebook = lab.open([SETUP + PLAYS, RUN.replace("SECONDS", str(seconds)), AFTER, "panel_again()"], **size)
    notebook.run(0)
    notebook.wait_until_done(0)
    notebook.run(1)
    notebook.wait_for(1, r"Step [1-9]", timeout=30)
    return notebook


def see_in_each_size(notebook: Notebook, name: str, where: str, runs: bool = True) -> None:
    """Keep pictures of a state of the panel in each size and theme; it is low, and nothing is scrolled sideways."""
    page = notebook.page
    for size, (width, height, dark) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        notebook.command("apputils:change-theme", theme="JupyterLab Dark" if dark else "JupyterLab Light")
        page.wait_for_timeout(700)
        panel = page.locator(where).first
        panel.scroll_into_view_if_needed()
        notebook.screenshot(f"{name}-{size}")
        found = panel.evaluate(MEASURE)
        assert found["scrolled"] == found["beyond"] == [], f"{name}, {size}: {found}"
        assert not runs or found["height"] <= HIGHEST[where], f"{name}, {size}: {found}"


def kernel_status(notebook: Notebook) -> str:
    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    return str(notebook.page.evaluate(f"() => {kernel}.status"))


def step_in(notebook: Notebook, where: str) -> int:
    text = notebook.page.locator(where).inner_text()
    return int(re.findall(r"Step ([\d,]+) of", text)[0].replace(",", ""))


def see_that_it_moves(notebook: Notebook, where: str) -> None:
    notebook.page.locator(f"{where} >> text=/Step [1-9]/").first.wait_for(timeout=30_000)
    before = step_in(notebook, where)
    notebook.page.wait_for_function(
        "([where, words]) => !document.querySelector(where).innerText.includes(words)",
        arg=[where, f"Step {before:,} of"],
        timeout=15_000,
    )


def test_numbers_curves_and_the_policy_move_within_560_pixels(lab: Lab) -> None:
    notebook = started(lab, width=1280, height=800)
    page = notebook.page
    notebook.wait_for(1, r"greedy: episode 1, return [1-9]", timeout=20)
    board = page.locator(BOARD)
    sizes = [box_of(board)]
    page.wait_for_timeout(1500)
    assert kernel_status(notebook) == "busy"
    assert re.search(r"return, mean of 100\s+[\d.]+\s", notebook.text(1))
    assert re.search(r"max Q\s+[\d.]+ of at most 100", notebook.text(1))
    assert "Interrupt" not in notebook.text(1)

    notebook.output(1).get_by_role("button", name="Pause").focus()
    names = []
    for _ in range(9):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate("() => (document.activeElement.closest('label') ?? document.activeElement).innerText")
        )
    for name in ("Stop", "max Q against", "epsilon", "learning rate", "target period", "Reset", "Loss"):
        assert any(name in found for found in names), names
    slider = notebook.output(1).get_by_role("slider", name="target period")
    slider.focus()
    for key in ("End", "ArrowLeft"):
        page.keyboard.press(key)
    notebook.wait_for(1, "set by you")
    notebook.wait_for(1, r"target period 9\d\d")  # the mark on the curve
    notebook.wait_for(1, r"recorded seeds \(with other settings\)")
    assert float(board.locator("path.band").get_attribute("opacity") or 1) < 0.1
    sizes.append(box_of(board))
    notebook.output(1).get_by_role("button", name="max Q against").click()
    page.wait_for_timeout(400)
    sizes.append(box_of(board))
    notebook.output(1).get_by_role("button", name="Loss").click()
    notebook.wait_for(1, "not a score")
    sizes.append(box_of(board))
    notebook.screenshot("board-folded", 1)
    assert all(size and size["height"] <= 560 for size in sizes), sizes
    assert len({size["height"] for size in sizes if size}) == 1, sizes

    assert not serious_findings(page, BOARD)
    notebook.click(1, "Stop")
    notebook.wait_for(1, r"sum 1 9\d\d")
    notebook.wait_until_done(1)
    page.wait_for_timeout(500)
    assert kernel_status(notebook) == "idle"
    assert page.locator(AWAY).count() == 0
    see_in_each_size(notebook, "board-stopped", ENDED, runs=False)
    assert not notebook.errors
    notebook.shut_down()


def test_an_interrupt_leaves_the_picture(lab: Lab) -> None:
    notebook = started(lab)
    notebook.wait_for(1, r"greedy: episode 1, return [1-9]", timeout=20)
    see_in_each_size(notebook, "board-running", BOARD)
    notebook.click(1, "Pause")
    notebook.wait_for(1, "paused")
    see_in_each_size(notebook, "board-paused", BOARD)
    notebook.interrupt()
    notebook.wait_for(1, "interrupted; what was reached so far is kept")
    notebook.wait_until_done(1)
    see_in_each_size(notebook, "board-interrupted", ENDED, runs=False)
    assert not notebook.errors
    notebook.shut_down()


@pytest.mark.parametrize(
    ("env_id", "words"),
    [("Acrobot-v1", "greedy: episode 1, return −[1-9]"), ("no/such-v0", "there is no environment 'no/such-v0'")],
)
def test_another_environment_shows_its_own_pictures_or_a_sentence(lab: Lab, env_id: str, words: str) -> None:
    cells = [SETUP + PLAYS + DRAWN.replace("ENV", env_id), RUN.replace("SECONDS", "120.0")]
    notebook = lab.open(cells, width=1280, height=800)
    notebook.run(0)
    notebook.wait_until_done(0)
    notebook.run(1)
    notebook.wait_for(1, words, timeout=60)
    board = notebook.page.locator(BOARD)
    assert box_of(board)["height"] <= 560
    canvas = board.locator("canvas")
    assert canvas.is_visible() == (env_id == "Acrobot-v1")
    if canvas.is_visible():
        pictures = {canvas.screenshot()}
        for _ in range(5):
            notebook.page.wait_for_timeout(600)
            pictures.add(canvas.screenshot())
        assert len(pictures) >= 4
    notebook.screenshot(f"board-{env_id.replace('/', '-')}", 1)
    notebook.click(1, "Stop")
    notebook.wait_for(1, "sum 1", timeout=10)
    assert not notebook.errors
    notebook.shut_down()


def test_a_saved_page_that_is_closed_and_opened_again_has_its_panel_and_the_final_picture(lab: Lab) -> None:
    first = started(lab, width=900, height=700)
    first.save()
    context = first.page.context
    first.page.close()
    notebook = Notebook(context.new_page(), first.path, first.url)
    notebook.load(idle=False)
    see_that_it_moves(notebook, BOARD)
    assert kernel_status(notebook) == "busy"
    assert notebook.page.locator(AWAY).count() == 0
    curve = notebook.page.locator(f"{BOARD} svg[role=img] path[stroke-width='2']").first
    assert len(curve.get_attribute("d") or "") > 200  # the whole run, not only what came after
    notebook.output(1).scroll_into_view_if_needed()
    see_in_each_size(notebook, "board-reopened", BOARD)
    notebook.click(1, "Stop")  # the run ends; its output was lost, the widget shows the picture
    notebook.output(1).locator("img").wait_for(timeout=20_000)
    assert "stopped; what was reached so far is kept" in notebook.text(1)
    assert notebook.output(1).get_by_role("button").count() == 0
    see_in_each_size(notebook, "board-reopened-ended", ENDED, runs=False)
    notebook.run(3)
    notebook.wait_for(3, "stopped; what was reached so far is kept", timeout=20)
    assert not notebook.errors
    notebook.shut_down()


def test_a_page_that_was_not_saved_shows_the_panel_at_its_edge(lab: Lab) -> None:
    notebook = started(lab)
    notebook.load(idle=False)
    see_that_it_moves(notebook, AWAY)
    see_in_each_size(notebook, "board-reloaded-unsaved", AWAY)
    away = notebook.page.locator(AWAY)
    away.get_by_role("button", name="Pause").click()
    away.locator("text=/paused/").first.wait_for(timeout=5_000)
    away.get_by_role("button", name="Stop").click()
    away.locator("text=/stopped; what was reached so far is kept/").wait_for(timeout=10_000)
    assert away.locator("img").count() == 1
    assert away.locator("summary").first.inner_text() == "CartPole has ended"
    assert "It goes on here" not in away.inner_text()
    see_in_each_size(notebook, "board-reloaded-unsaved-ended", AWAY, runs=False)
    away.get_by_role("button", name="Close").click()
    assert away.count() == 0
    notebook.run(3)
    notebook.wait_for(3, "stopped; what was reached so far is kept", timeout=20)
    assert not notebook.errors
    notebook.shut_down()


def test_a_cell_that_is_run_again_takes_the_place_of_its_first_run(lab: Lab) -> None:
    notebook = started(lab)
    notebook.page.wait_for_timeout(2000)
    before = step_in(notebook, BOARD)
    notebook.click(1, "Pause")
    notebook.wait_for(1, "paused")
    notebook.run(1)
    notebook.page.wait_for_function(
        "([where, before]) => Number(/Step ([\\d,]+) of/.exec(document.querySelector(where)?.innerText ?? '')?.[1]"
        ".replace(',', '') ?? before) < before",
        arg=[BOARD, before],
        timeout=15_000,
    )
    see_in_each_size(notebook, "board-run-twice", BOARD)
    assert notebook.page.locator(AWAY).count() == 0
    notebook.click(1, "Stop")
    notebook.wait_for(1, r"sum 1\b", timeout=10)
    notebook.wait_until_done(1)
    assert not notebook.errors
    notebook.shut_down()


def test_while_a_step_takes_long_stop_is_within_reach_of_a_cell_that_waits(lab: Lab) -> None:
    slow = "\n".join(
        [
            "def slow():",
            "    for number, status in enumerate(playing(200.0, None)):",
            "        time.sleep(6 * (number == 50))",
            "        yield status",
            "await live(slow(), title='Slow')",
        ]
    )
    notebook = lab.open([SETUP + PLAYS, slow])
    notebook.run(0)
    notebook.wait_until_done(0)
    notebook.run(1)
    notebook.wait_for(1, r"Step \d", timeout=30)
    notebook.page.wait_for_timeout(500)
    notebook.run(1)
    notebook.page.locator(AWAY).get_by_role("button", name="Stop").wait_for(timeout=5_000)
    notebook.screenshot("board-run-twice-waiting")  # for a few seconds only
    notebook.page.locator(AWAY).wait_for(state="detached", timeout=15_000)  # the second run has begun
    notebook.wait_for(1, r"Step \d", timeout=30)
    notebook.wait_for_controls(1)
    notebook.page.wait_for_timeout(7000)
    notebook.click(1, "Stop")
    notebook.wait_until_done(1)
    notebook.shut_down()


def test_after_a_restart_the_panel_says_that_its_kernel_has_ended(lab: Lab) -> None:
    notebook = started(lab, width=900, height=700, dark=True)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    notebook.wait_for(1, "the kernel has ended: run the cell again", timeout=30)
    see_in_each_size(notebook, "board-kernel-restarted", BOARD)
    assert "the kernel has ended: run the cell again" in notebook.text(1)  # in another size too
    assert notebook.page.locator(f"{BOARD} .head").evaluate("head => head.scrollWidth <= head.clientWidth")
    assert not notebook.output(1).get_by_role("button", name="Stop").is_enabled()
    notebook.page.wait_for_timeout(1500)
    assert notebook.page.locator(AWAY).count() == 0
    notebook.shut_down()
