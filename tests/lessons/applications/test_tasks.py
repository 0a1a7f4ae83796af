"""The tasks of the lesson: a hand on each, its picture, and what a reader without its packages is shown."""

from __future__ import annotations

import numpy as np
import pytest

from dqnkit.environments import make_env
from dqnkit.errors import ConfigError
from dqnkit.lessons.applications import tasks
from dqnkit.lessons.applications.hand import ByHand, by_hand
from dqnkit.lessons.applications.scenes import scene
from dqnkit.lessons.applications.tasks import TASKS, Task, choose, random_return
from dqnkit.plots.style import Picture
from dqnkit.widgets.playing import stage_of


@pytest.fixture(params=TASKS)
def task(request: pytest.FixtureRequest) -> Task:
    chosen = TASKS[request.param]
    if not chosen.is_here:
        pytest.skip(f"{', '.join(chosen.missing)} is not installed")
    return chosen


def test_a_task_has_a_name_for_each_action_and_a_picture(task: Task) -> None:
    env = make_env(task.config)
    env.reset(seed=0)
    assert len(task.actions) == env.action_space.n  # type: ignore[attr-defined]
    before = scene(env)
    for action in range(len(task.actions)):
        env.step(action)
    after = scene(env)
    assert before.alt != after.alt
    assert before.png != after.png
    assert len(after.png) < 20_000
    env.close()


def test_the_live_panel_can_draw_it(task: Task) -> None:
    env = make_env(task.config)
    observation, _ = env.reset(seed=0)
    stage = stage_of(env)
    assert stage is not None
    first = stage.state(observation)
    for _ in range(3):
        observation, *_ = env.step(0)
    assert stage.state(observation) != first
    env.close()


def test_by_hand_takes_steps_and_begins_anew(task: Task) -> None:
    hand = by_hand(task)
    assert isinstance(hand, ByHand)
    image = hand.image
    hand.hear({"action": 0})
    assert hand.said["steps"] == 1
    assert hand.said["return"] == hand.said["reward"]
    assert hand.image != image
    while not hand.said["ended"]:
        hand.hear({"action": 0})
    steps = hand.said["steps"]
    hand.hear({"action": 0})  # the episode is over
    assert hand.said["steps"] == steps
    hand.hear({"reset": True})
    assert hand.said == {"return": 0.0, "reward": 0.0, "steps": 0, "ended": ""}
    assert hand.picture().alt
    hand.close()


def test_random_returns_follow_from_their_seed(task: Task) -> None:
    env = make_env(task.config)
    assert random_return(env, 3) == random_return(env, 3)
    assert np.isfinite(random_return(env, 4))


@pytest.mark.parametrize("name", TASKS)
def test_without_its_packages_a_task_says_what_to_install_and_shows_what_was_recorded(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tasks, "find_spec", lambda package: None)
    chosen = choose(name)
    said = capsys.readouterr().out
    assert not chosen.is_here
    assert "from dqnkit.extras import add_applications; add_applications()" in said
    assert all(package in said for package in chosen.packages)
    shown = by_hand(chosen)
    assert isinstance(shown, Picture)
    assert shown.png.startswith(b"\x89PNG")
    assert "Recorded" in shown.caption
    assert set(chosen.spaces) == {"observation", "actions"}
    assert len(chosen.random_returns) == tasks.EPISODES
    assert chosen.measured.step > 0


def test_the_recorded_rates_are_of_the_car_and_cartpole() -> None:
    rates = TASKS["driving"].rates
    assert list(rates) == ["CartPole", "the car"]
    assert all(len(row) == 2 for row in rates.values())


def test_an_unknown_task_is_told() -> None:
    with pytest.raises(ConfigError, match="'game', 'robot', 'driving'"):
        choose("chess")
