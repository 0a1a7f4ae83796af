"""The two networks in a real JupyterLab: a slider, Pause and Stop while they learn; and the video player's Pause."""

from __future__ import annotations

import time
from pathlib import Path

import browser
import pytest

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
look = await two_networks(learner, replay, GridWorld(observation="xy"), update_target, updates=100_000, period=1000)
print("period", look.period, "stopped early", 0 < look.update < 100_000)
"""
PLAY = """
import tempfile
from pathlib import Path
from dqnkit.lessons.target_network.video_player import player
from dqnkit.videos import record_video

with tempfile.TemporaryDirectory() as folder:
    video = record_video(None, preset("CartPole-v1"), Path(folder) / "random.gif")
    shown = player({"random": video})
shown
"""


def test_the_sliders_act_while_the_networks_learn(tmp_path: Path) -> None:
    with browser.jupyter_lab(tmp_path) as lab:
        notebook = lab.open([SETUP, WATCH, PLAY])
        notebook.run(0)
        notebook.wait_for(0, "ready True")
        notebook.run(1)
        notebook.wait_for(1, r"running[\s\S]*After [\d,]+ updates")
        notebook.output(1).get_by_role("slider").first.focus()
        notebook.page.keyboard.press("Home")  # period 1
        notebook.click(1, "Pause")
        notebook.wait_for(1, "paused")
        notebook.click(1, "Resume")
        notebook.wait_for(1, "running")
        began = time.monotonic()
        notebook.click(1, "Stop")
        notebook.wait_for(1, "stopped; what was reached so far is kept")
        assert time.monotonic() - began < 2  # the picture is drawn once more
        notebook.wait_for(1, "period 1 stopped early True")
        notebook.screenshot("two_networks", 1)

        notebook.run(2)
        notebook.wait_for(2, "random")
        film = notebook.output(2).locator("img").first

        def place() -> str:
            return str(
                film.evaluate("e => getComputedStyle(e).transform + getComputedStyle(e.parentElement).transform")
            )

        before = place()
        notebook.page.wait_for_timeout(400)
        assert place() != before
        notebook.output(2).get_by_label("Pause").check()
        before = place()
        notebook.page.wait_for_timeout(400)
        assert place() == before
        assert not notebook.errors
