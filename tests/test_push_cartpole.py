"""CartPole by hand: the widget shows what the environment did, and its clock stops by itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

from dqnkit.environments import make_env
from dqnkit.lessons.start_here.cartpole_picture import cartpole
from dqnkit.lessons.start_here.push_cartpole import push_cartpole

LEFT, RIGHT = 0, 1


def test_a_push_is_a_step_of_the_environment():
    panel, env = push_cartpole(seed=3), make_env("CartPole-v1", max_episode_steps=500)
    observation, _ = env.reset(seed=3)
    assert panel.observation.tolist() == observation.tolist()
    panel.right.click()
    observation, *_ = env.step(RIGHT)
    assert panel.observation.tolist() == observation.tolist()
    assert (panel.reward, panel.episode_return, panel.steps) == (1.0, 1.0, 1)
    assert f"{observation[3]:+.3f}" in panel._table.value
    assert "pushed right, reward 1, return so far 1" in panel._box.summary


def test_the_end_of_an_episode_is_named_and_its_return_kept():
    panel = push_cartpole()
    for _ in range(20):
        panel.left.click()
    assert panel.ended == "terminated: the pole fell"
    assert panel.steps == panel.returns[0] < 20
    assert panel._box.summary.startswith("The episode has ended (terminated: the pole fell).")
    assert panel._box.summary.endswith("Press New episode.")
    panel.again.click()
    assert (panel.ended, panel.steps, panel.episode_return) == ("", 0, 0)
    assert f"Your returns so far: {panel.returns[0]:g}." in panel._box.summary


def test_time_by_itself_repeats_the_last_push_until_the_pole_falls():
    async def run():
        panel = push_cartpole()
        panel.clock._seconds = 0.001
        panel.by_itself.value = True
        await asyncio.sleep(0.02)
        assert panel.steps == 0  # it waits for the first push
        panel.push(RIGHT)
        for _ in range(200):
            await asyncio.sleep(0.005)
        assert panel.ended
        assert not panel.by_itself.value
        assert not panel.clock.running

    asyncio.run(run())


def test_a_panel_made_again_stops_the_one_before():
    async def run():
        first = push_cartpole()
        first.by_itself.value = True
        assert first.clock.running
        second = push_cartpole()
        assert not first.clock.running
        assert not second.clock.running

    asyncio.run(run())


def test_where_no_widget_can_be_shown_there_is_a_picture():
    bundle = push_cartpole()._repr_mimebundle_()
    assert bundle["text/html"].startswith("<figure")
    assert 'alt="A cart at' in bundle["text/html"]
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert "metres from the middle" in bundle["text/plain"]


def test_a_push_is_seen_at_once():
    panel = push_cartpole()
    panel.push(LEFT)
    began = time.process_time()
    panel.push(RIGHT)
    assert time.process_time() - began < 0.1  # 0.01 s on a quiet core


def test_the_picture_says_the_same_in_words():
    assert (
        cartpole(0.5, 0.1).alt
        == "A cart at 0.50 metres from the middle, with a pole that leans 5.7 degrees to the right."
    )
    over = cartpole(-1.0, -0.25, LEFT, "terminated: the pole fell").alt
    assert "14.3 degrees to the left. It was pushed left. The episode has ended: terminated" in over


def test_tensorflow_is_not_imported():
    start = "import sys; from dqnkit.lessons.start_here.push_cartpole import push_cartpole"
    code = f"{start}; push_cartpole(); print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"
