"""The two networks in a real JupyterLab: controls while they learn, their run wound back; and the video player."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import browser
import pytest
from browser import Lab, Notebook, assert_quick, box_of, seconds_until
from drawn import Wire, drag_across, serious_findings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SETUP = """
from dqnkit.actor import Actor
from dqnkit.presets import preset
from dqnkit.learner import Learner
from dqnkit.networks import update_target
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.lessons.target_network.two_networks_view import two_networks

config = preset("dqnkit/GridWorld-v0", gamma=0.95, batch_size=32, loss="squared", max_gradient_norm=0.0, xla=False,
                rollout_steps=200)
learner, replay = Learner(config), ReplayBuffer(5_000)
replay.add_rollout(Actor(config).rollout(learner.get_weights(), 1.0))
print("ready", len(replay) > 3_000)
"""
WATCH = """
run = await two_networks(learner, replay, GridWorld(observation="xy"), update_target, updates=100_000, period=1000)
print("period", run.last.period, "stopped early", 0 < run.last.update < 100_000)
"""
# a run of 6,000 updates, copied every 400, in the room of 25 squares
RECORDED = """
import numpy as np
from dqnkit.lessons.target_network.two_networks_view import Look, TwoNetworks
from dqnkit.small_environments import GridWorld

room = GridWorld(observation="xy")
optimum = room.optimal_q(0.95).max(axis=1)
def learned(update):
    return optimum * (1 - np.exp(-update / 1500))
looks = [Look(u, learned(u), learned(u // 400 * 400), float(np.exp(-u / 1500)), 400, 1.0) for u in range(10, 6001, 10)]
TwoNetworks(looks, room, optimum)
"""
PLAY = """
import tempfile
from pathlib import Path
from dqnkit.presets import preset
from dqnkit.widgets.video_player import player
from dqnkit.videos import record_video

with tempfile.TemporaryDirectory() as folder:
    video = record_video(None, preset("CartPole-v1"), Path(folder) / "random.gif")
    shown = player({"random": video})
shown
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with browser.jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


def test_the_sliders_act_while_the_networks_learn(lab: Lab) -> None:
    notebook = lab.open([SETUP, WATCH])
    notebook.run(0)
    notebook.wait_for(0, "ready True")

    def learn() -> None:
        notebook.run(1)
        notebook.wait_for(1, r"running[\s\S]*After [\d,]+ updates")
        notebook.wait_for_controls(1)
        notebook.output(1).get_by_role("slider").first.focus()
        notebook.page.keyboard.press("Home")  # period 1

    learn()
    notebook.click(1, "Pause")
    notebook.wait_for(1, "paused")
    notebook.click(1, "Resume")
    notebook.wait_for(1, "running")
    kept = "stopped; what was reached so far is kept"
    stop = lambda: seconds_until(lambda: notebook.click(1, "Stop"), lambda: notebook.wait_for(1, kept))  # noqa: E731
    assert_quick(2, stop, learn)  # the picture is drawn once more
    notebook.wait_for(1, "period 1 stopped early True")
    notebook.screenshot("two_networks", 1)
    assert not notebook.errors
    notebook.shut_down()


def recorded(lab: Lab, name: str, *, width: int, height: int, dark: bool = False) -> tuple[Notebook, Wire, Any]:
    """A notebook with the recorded run, what it sends, and the play bar's track."""
    notebook = lab.open([RECORDED], width=width, height=height, dark=dark)
    wire = Wire(notebook.page)
    notebook.load(dark)
    notebook.run(0)
    output, page = notebook.output(0), notebook.page
    track = output.get_by_role("slider", name="Moment of the training")
    track.wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    output.locator(".dqnkit").evaluate("e => e.scrollIntoView({ block: 'end' })")
    notebook.screenshot(name)
    assert box_of(output.locator(".dqnkit"))["height"] <= 640
    assert output.locator(".dqnkit").evaluate("e => e.scrollWidth <= e.clientWidth")
    return notebook, wire, track


def test_a_recorded_run_is_wound_back_by_the_hand(lab: Lab) -> None:
    notebook, wire, track = recorded(lab, "two-networks-1280", width=1280, height=800)
    answered = drag_across(notebook.page, track, wire)
    print(answered)
    assert answered.milliseconds <= 50, answered
    assert answered.to_kernel == 0
    assert not serious_findings(notebook.page, ".dqnkit")
    assert not notebook.errors
    notebook.shut_down()


def test_a_recorded_run_is_wound_back_by_the_keyboard(lab: Lab) -> None:
    notebook, wire, track = recorded(lab, "two-networks-900-dark", width=900, height=700, dark=True)
    output, page, sent = notebook.output(0), notebook.page, wire.sent
    track.focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageUp")
    assert track.get_attribute("aria-valuetext").startswith("After 110 updates: start square online 0.05, target 0.00")
    page.wait_for_timeout(100)
    assert output.locator("svg", has_text="target network").locator("text").nth(1).text_content() == "0.00"
    page.keyboard.press(" ")
    page.wait_for_timeout(700)
    page.keyboard.press(" ")
    assert int(track.get_attribute("aria-valuenow")) > 12
    assert wire.sent == sent
    assert not serious_findings(notebook.page, ".dqnkit")
    assert not notebook.errors
    notebook.shut_down()


def test_videos_are_paused_and_stepped_by_the_keyboard(lab: Lab) -> None:
    notebook = lab.open([PLAY], width=1280, height=800)
    notebook.run(0)
    output, page = notebook.output(0), notebook.page
    place = output.get_by_role("slider", name="frame")
    place.wait_for(timeout=60_000)
    play = output.get_by_role("button")

    def frame() -> tuple[str, str]:
        """What the slider says, and a trace of what the canvas shows."""
        return str(place.get_attribute("aria-valuetext")), str(output.locator("canvas").evaluate("e => e.toDataURL()"))

    before = frame()
    page.wait_for_timeout(400)
    assert frame() != before  # it plays
    play.focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(100)
    before = frame()
    page.wait_for_timeout(400)
    assert frame() == before
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    assert frame()[0].split()[:2] == ["1", "of"]
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    assert frame()[0].split()[:2] == ["2", "of"]
    notebook.screenshot("video-player", 0)
    assert output.locator("canvas").get_attribute("aria-label")
    assert not serious_findings(notebook.page, ".dqnkit")
    assert not notebook.errors
    page.emulate_media(reduced_motion="reduce")
    notebook.run(0)
    page.wait_for_timeout(1500)
    output.get_by_role("button", name="Play").wait_for(timeout=30_000)  # it waits until it is started
    page.close()
