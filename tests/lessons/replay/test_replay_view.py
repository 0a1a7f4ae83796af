"""The replay drawings: what Python gives them, and what stands in for them where scripts do not run."""

from __future__ import annotations

import base64

import numpy as np
import pytest

pytest.importorskip("ipywidgets")
pytest.importorskip("matplotlib")

from dqnkit.lessons.replay.quarter_walk import QUARTERS, quarter_states, walk_by_quarters
from dqnkit.lessons.replay.replay_pictures import BufferView
from dqnkit.lessons.replay.replay_view import ReplayView, RingView, TruncationView, packed
from dqnkit.small_environments import GridWorld
from dqnkit.widgets.drawing import PageDrawing

GAMMA = 0.8
ROOM = GridWorld(size=8, observation="xy")
WALK = walk_by_quarters(ROOM, GAMMA, seed=0, steps_each=100)
PHASES = {name: 100 * (number + 1) for number, name in enumerate(QUARTERS)}


def replay_view(**settings: int) -> ReplayView:
    steps = (WALK.states, WALK.transitions.action, WALK.next_states, WALK.episodes)
    return ReplayView(8, *steps, PHASES, capacities=(32, 100, 400), **{"capacity": 100, **settings})


def truncation_view() -> TruncationView:
    learned = {"goes on": np.array([[0, 50, 97], [0, 49, 96]]), "as if terminated": np.array([0.0, 30.0, np.inf])}
    along = {name: np.full(50, np.ravel(values)[1]) for name, values in learned.items()}
    return TruncationView([0, 1, 2], learned, along, {"1 / (1 − γ)": 100.0}, gamma=0.99, limit=50)


def unpacked(found: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(found["base64"]), found["type"])


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


def test_the_page_gets_the_whole_run() -> None:
    run = replay_view(now=250).data["run"]
    begins, ends = unpacked(run["begins"]), unpacked(run["ends"])
    assert begins.dtype == ends.dtype == np.uint8  # a byte for each step
    assert np.array_equal(begins // 4, WALK.states)
    assert np.array_equal(begins % 4, WALK.transitions.action)
    assert np.array_equal(ends // 2, WALK.next_states)
    assert np.array_equal(np.cumsum(ends % 2) - 1, WALK.episodes)


def test_numbers_beyond_a_byte_are_packed_in_two() -> None:
    assert unpacked(packed([0, 255, 1_000, 65_535])).tolist() == [0, 255, 1_000, 65_535]
    assert unpacked(packed([])).tolist() == []


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


def test_values_that_ran_away_leave_a_gap() -> None:
    view = truncation_view()
    assert view.data["curves"][0]["middle"] == [0.0, 49.5, 96.5]
    assert view.data["curves"][1]["middle"] == [0.0, 30.0, None]
    assert "goes on: 96.5" in view.picture.alt


@pytest.mark.parametrize("view", [RingView(), replay_view(), truncation_view()], ids=lambda view: type(view).__name__)
def test_where_scripts_do_not_run_a_picture_stands_in(view: PageDrawing) -> None:
    bundle = view._repr_mimebundle_()
    assert "<img alt=" in bundle["text/html"]
    assert len(bundle["text/html"]) < 150_000
    assert "1 of 400 slots" in replay_view(now=1, capacity=400).picture.alt
