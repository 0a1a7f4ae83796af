"""The landscape view: what it draws while a network trains, and what it gives the browser afterwards."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from dqnkit.lessons.q_network.landscape_picture import Curve, Scale
from dqnkit.lessons.q_network.landscape_view import MOMENTS, LandscapeView, Snapshot, grid_points
from dqnkit.lessons.q_network.views import draw_room
from dqnkit.small_environments import GridWorld

X, Y, Z = Scale("x", -1, 1), Scale("y", -1, 1), Scale("max Q (return)", 0, 1)
Q = np.stack([np.full((3, 3), 0.25), np.full((3, 3), 0.5)], axis=-1).astype(np.float32)


def snapshots(count: int) -> list[Snapshot]:
    return [Snapshot(10 * number, Q * number / count, 1 / (1 + number)) for number in range(count + 1)]


@pytest.fixture
def view() -> LandscapeView:
    known = [[0.0, 0.0, 0.3, 0.6]]
    return LandscapeView(X, Y, Z, ("left", "right"), "error", total=50, highest=1.0, known=known, caption="look")


def handed_over(view: LandscapeView) -> tuple[dict[str, Any], np.ndarray]:
    """What the browser has after the view was displayed: about it, and the values [moments, Y, X, A]."""
    view._repr_mimebundle_()
    about = json.loads(json.dumps(view.about, allow_nan=False))
    return about, np.frombuffer(view.values, np.float32).reshape(about["shape"])


def test_it_draws_the_newest_and_keeps_all(view: LandscapeView) -> None:
    picture = view.draw(snapshots(5))
    assert "Landscape of max Q" in picture.alt
    assert "from 0.50 to 0.50" in picture.alt  # the better action's value
    assert "Best action: left 0%, right 100%." in picture.alt
    assert "sticks): 0.10" in picture.alt
    assert picture.caption == "look"
    assert len(view.snapshots) == 6


def test_the_browser_gets_every_moment_as_it_was(view: LandscapeView) -> None:
    run = snapshots(5)
    view.draw(run)
    about, values = handed_over(view)
    np.testing.assert_array_equal(values, [snapshot.q for snapshot in run])
    assert about["updates"] == [0, 10, 20, 30, 40, 50]
    assert about["measured"] == pytest.approx([snapshot.measured for snapshot in run])
    assert about["names"] == ["max Q (return)", "Q(s, left) (return)", "Q(s, right) (return)"]
    assert about["known"] == [[0.0, 0.0, 0.3, 0.6]]


def test_a_long_run_is_thinned_and_keeps_its_ends(view: LandscapeView) -> None:
    view.draw(snapshots(999))
    about, values = handed_over(view)
    assert len(values) == len(about["updates"]) == MOMENTS
    assert (about["updates"][0], about["updates"][-1]) == (0, 9_990)
    assert len(about["curves"][-1]["x"]) == 1_000  # the curve is whole


def test_every_axis_holds_all_that_is_drawn_on_it(view: LandscapeView) -> None:
    run = snapshots(5)
    run[2] = Snapshot(20, Q * 40, 7.91)
    run[3] = Snapshot(30, Q * np.nan, float("inf"))
    run[4] = Snapshot(40, -Q, 0.2)
    view.draw(run)
    about, values = handed_over(view)
    assert about["chart"]["y"]["high"] >= 7.91
    assert about["measured"][3] is None  # a gap
    z, finite = about["axes"]["z"], values[np.isfinite(values)]
    assert z["low"] <= finite.min() < finite.max() <= z["high"]


def test_before_a_run_it_says_what_it_waits_for(view: LandscapeView) -> None:
    bundle = view._repr_mimebundle_()[0]
    assert view.about == {}
    assert "No finite values" in bundle["text/plain"]
    assert {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"} <= set(bundle)


def test_a_second_run_replaces_the_first(view: LandscapeView) -> None:
    view.draw(snapshots(5))
    handed_over(view)
    view.draw(snapshots(2))
    assert handed_over(view)[0]["updates"] == [0, 10, 20]


def test_other_curves_and_a_level_are_handed_over_too() -> None:
    curves = [Curve("table", "table", np.array([0, 50]), np.array([np.nan, 3.0]))]
    view = LandscapeView(X, Y, Z, ("a", "b"), "Q", total=50, highest=1.0, curves=curves, level=("most", 5.0))
    view.draw(snapshots(2))
    about, _ = handed_over(view)
    assert about["curves"][0] == {"name": "table", "kind": "table", "x": [0, 50], "y": [None, 3.0]}
    assert about["level"] == ["most", 5.0]
    assert about["chart"]["y"]["high"] >= 5


def test_a_room_is_alive_on_the_page() -> None:
    room = GridWorld(size=3, observation="xy")
    drawn = draw_room(lambda o: np.stack([o[:, 0]] * 4, -1), room, room.optimal_q(0.8), "A room", "look")
    assert "Landscape of max Q" in drawn.picture.alt
    assert len(drawn.data["values"]) == 21 * 21 * 4
    assert drawn.data["about"]["axes"]["z"]["low"] <= -1  # the network says −1 on the left
    assert "A room" in drawn.html()


def test_grid_points_are_rows_of_x_and_y() -> None:
    points = grid_points(Scale("x", 0, 2), Scale("y", 10, 30), points=3)
    assert points.shape == (3, 3, 2)
    np.testing.assert_array_equal(points[0, 2], [2, 10])
    np.testing.assert_array_equal(points[2, 0], [0, 30])
