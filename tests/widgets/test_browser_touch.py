"""CartPole with buttons and the grid stepper, clicked in a real JupyterLab, also while a cell runs."""

from __future__ import annotations

import re
import time

import pytest
from browser import jupyter_lab

pytestmark = pytest.mark.slow

STEPPER = """
from dqnkit.lessons.q_update.answers.q_update import q_update
from dqnkit.lessons.q_update.grid_stepper import grid_stepper
stepper = grid_stepper(q_update, alpha=0.5, gamma=0.9, epsilon=1.0)
stepper
"""
AWAITED = """
import asyncio
for _ in range(600):
    await asyncio.sleep(0.05)
    if stepper.alpha.value == 1.0:
        break
print("alpha arrived", stepper.alpha.value * 7)
"""


def number_of_updates(notebook):
    return int(re.search(r"(\d+) updates, error", notebook.text(0))[1])


def press_until_seen(notebook, button, updates):
    """Click; returns the seconds until that many updates are shown."""
    began = time.monotonic()
    notebook.click(0, button)
    notebook.wait_for(0, rf"\b{updates} updates, error", timeout=10)
    return time.monotonic() - began


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def test_one_click_is_one_update_and_sliders_act_while_a_cell_runs(lab):
    notebook = lab.open([STEPPER, AWAITED])
    notebook.run(0)
    notebook.wait_for(0, "0 updates, error")
    seconds = [press_until_seen(notebook, "Step: one update", count) for count in (1, 2, 3)]
    assert min(seconds) < 1.0
    assert re.search(r"← .* 0\.5 \[ 0 \+ 0\.9 × 0\.000", notebook.text(0))

    notebook.run(1)
    notebook.page.wait_for_timeout(500)
    assert notebook.is_running(1)
    press_until_seen(notebook, "100 updates", 103)
    notebook.click(0, "Play")
    notebook.wait_for(0, r"Pause")
    notebook.page.wait_for_timeout(2000)
    notebook.click(0, "Pause")
    notebook.wait_for(0, r"▶ Play")
    notebook.page.wait_for_timeout(1000)  # a picture that was on its way at the click may still arrive
    played = number_of_updates(notebook)
    assert played > 105
    notebook.page.wait_for_timeout(1000)
    assert number_of_updates(notebook) == played

    assert notebook.is_running(1)
    handle = notebook.output(0).get_by_role("slider").first
    handle.focus()
    for _ in range(10):
        handle.press("ArrowRight")
    notebook.wait_for(1, r"alpha arrived 7\.0", timeout=20)
    notebook.screenshot("stepper", cell=0)
    notebook.click(0, "Reset the table")
    notebook.wait_for(0, r"\b0 updates, error 1\.000")
    assert not notebook.errors


def test_the_cart_is_pushed_by_clicks_and_keys(lab):
    notebook = lab.open(["from dqnkit.lessons.start_here.push_cartpole import push_cartpole\npush_cartpole()"])
    notebook.run(0)
    notebook.wait_for(0, "A new episode")
    began = time.monotonic()
    notebook.click(0, "Push left")
    notebook.wait_for(0, r"Step 1: pushed left, reward 1, return so far 1\.")
    assert time.monotonic() - began < 1.0
    button = notebook.output(0).get_by_role("button", name=re.compile("Push right"))
    button.focus()
    for _ in range(14):
        button.press(" ")
    notebook.wait_for(0, r"terminated: the pole fell")
    notebook.click(0, "New episode")
    notebook.wait_for(0, r"Your returns so far: \d+\.")
    notebook.output(0).get_by_role("checkbox").check()
    notebook.click(0, "Push left")
    notebook.wait_for(0, r"terminated: the pole fell", timeout=20)
    notebook.wait_for(0, r"Your returns so far: \d+, \d+\.")
    notebook.page.wait_for_timeout(1000)
    assert not notebook.output(0).get_by_role("checkbox").is_checked()
    assert not notebook.errors
