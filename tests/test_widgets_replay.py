"""The replay widgets: their controls change what they show; also in a real JupyterLab."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

from browser import jupyter_lab

from dqnkit.lessons.replay.quarter_walk import QUARTERS, quarter_states, walk_by_quarters
from dqnkit.lessons.replay.replay_pictures import BufferView
from dqnkit.lessons.replay.replay_view import ReplayView, RingView, TruncationView
from dqnkit.small_environments import GridWorld

GAMMA = 0.8
ROOM = GridWorld(size=8, observation="xy")
WALK = walk_by_quarters(ROOM, GAMMA, seed=0, steps_each=100)
PHASES = {name: 100 * (number + 1) for number, name in enumerate(QUARTERS)}


def replay_view(**settings: int) -> ReplayView:
    steps = (WALK.states, WALK.transitions.action, WALK.next_states, WALK.episodes)
    return ReplayView(8, *steps, PHASES, capacities=(32, 100, 400), **{"capacity": 100, **settings})


def truncation_view() -> TruncationView:
    learned = {"goes on": np.array([[0, 50, 97], [0, 49, 96]]), "as if terminated": np.array([0.0, 30.0, 33.0])}
    along = {name: np.full(50, np.ravel(values)[-1]) for name, values in learned.items()}
    return TruncationView([0, 1, 2], learned, along, {"1 / (1 − γ)": 100.0}, gamma=0.99, limit=50)


def test_a_patrol_stays_in_its_quarter_and_only_the_goal_terminates() -> None:
    for number, quarter in enumerate(QUARTERS.values()):
        assert set(WALK.states[WALK.quarters == number]) <= set(quarter_states(ROOM, quarter))
    at_goal = WALK.next_states == 63
    assert at_goal.any()
    assert set(WALK.quarters[at_goal]) == {0}
    assert np.array_equal(WALK.transitions.discount, np.where(at_goal, 0, GAMMA).astype(np.float32))
    assert np.array_equal(WALK.transitions.reward, at_goal.astype(np.float32))


def test_a_patrol_goes_on_within_an_episode_and_begins_anew_after_it() -> None:
    goes_on = np.diff(WALK.episodes) == 0
    assert np.array_equal(WALK.next_states[:-1][goes_on], WALK.states[1:][goes_on])
    again = walk_by_quarters(ROOM, GAMMA, seed=0, steps_each=100)
    assert np.array_equal(again.states, WALK.states)


def test_a_full_ring_lets_the_oldest_go() -> None:
    view = RingView(capacity=4, batch_size=2)
    view.add_button.click()
    assert view.numbers == [0, None, None, None]
    view.more_button.click()
    assert view.numbers == [4, 5, 2, 3]
    assert "0, 1 had to go" in view.summary
    view.draw_button.click()
    assert len(view.drawn) == 2
    assert "next goes into slot 2" in view.picture().alt
    view.empty_button.click()
    assert view.numbers == [None] * 4
    view.draw_button.click()
    assert "add transitions first" in view.summary


def test_the_buffer_holds_the_newest_and_a_batch_comes_from_it() -> None:
    view = replay_view(now=250)
    assert view.view.kept.tolist() == list(range(150, 250))
    assert set(view.view.drawn) <= set(range(150, 250))
    before = view.view.drawn.tolist()
    view.draw_button.click()
    assert view.view.drawn.tolist() != before
    view.way.value = False
    assert view.view.drawn.tolist() == list(range(218, 250))
    view.capacity.value = 400
    assert len(view.view.kept) == 250
    view.now.value = 1
    assert view.view.drawn.tolist() == [0]
    assert "1 of 400 slots" in view.picture().alt


def test_what_is_counted_is_right() -> None:
    view = BufferView(
        size=2,
        states=np.array([0, 0, 1, 0], np.int32),
        next_states=np.array([0, 1, 3, 0], np.int32),
        actions=np.array([0, 1, 2, 0], np.int32),
        episodes=np.array([0, 0, 0, 1], np.int32),
        now=4,
        capacity=3,
        drawn=np.array([3, 3, 1], np.int32),
        phases={"all": 4},
    )
    facts = {name: (kept, drawn) for name, kept, drawn in view.facts()}
    assert facts == {
        "transitions": ("3 of 3 slots", "3"),
        "age in steps": ("0 to 2, mean 1", "0 to 2, mean 1"),
        "episodes": ("2", "2"),
        "different moves": ("3 (0 duplicates)", "2 (1 duplicates)"),
    }


def test_the_switch_changes_the_last_discount_and_the_values() -> None:
    view = truncation_view()
    assert "0.99 · V(s&#x27;)</td></tr></tbody>" in view._table.value
    assert "about 96.5" in view._box.summary
    view.choice.value = "as if terminated"
    assert "nothing follows</td></tr></tbody>" in view._table.value
    assert "about 33.0" in view._box.summary
    assert "goes on: 96.5" in view.picture().alt


@pytest.mark.parametrize("view", [RingView(), replay_view(), truncation_view()], ids=lambda view: type(view).__name__)
def test_without_widgets_a_picture_stands_in(view: RingView) -> None:
    bundle = view._repr_mimebundle_()
    assert "<img alt=" in bundle["text/html"]
    assert len(bundle["text/html"]) < 150_000


@pytest.mark.slow
def test_the_buffer_is_operated_by_clicks_in_a_browser(tmp_path: Path) -> None:
    cells = [
        "from dqnkit.lessons.replay.replay_view import RingView\nRingView(capacity=4, batch_size=2)",
        "from dqnkit.lessons.replay.quarter_walk import QUARTERS, walk_by_quarters\n"
        "from dqnkit.small_environments import GridWorld\n"
        "from dqnkit.lessons.replay.replay_view import ReplayView\n"
        "walk = walk_by_quarters(GridWorld(size=8, observation='xy'), 0.8, 0, 500)\n"
        "ReplayView(8, walk.states, walk.transitions.action, walk.next_states, walk.episodes,\n"
        "           {name: 500 * (i + 1) for i, name in enumerate(QUARTERS)}, now=600)",
    ]
    with jupyter_lab(tmp_path) as lab:
        notebook = lab.open(cells)
        notebook.run(0)
        notebook.wait_for(0, "4 free slots")
        notebook.click(0, "Add 5")
        notebook.wait_for(0, "Transitions 0 to 4 came; 0 had to go")
        notebook.run(1)
        notebook.wait_for(1, "After step 600")
        notebook.click(1, "Play")
        notebook.wait_for(1, "After step (6[5-9]|[7-9])")
        notebook.click(1, "Pause")
        notebook.wait_for(1, "Play")
        notebook.click(1, "the newest 32")
        notebook.page.wait_for_timeout(500)
        assert not notebook.errors
