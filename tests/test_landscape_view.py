"""The landscape view: what it draws while a network trains, and its controls afterwards."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from dqnkit.lessons.q_network.landscape_picture import Scale
from dqnkit.lessons.q_network.landscape_view import BEST_ACTION, LandscapeView, Snapshot, grid_points

X, Y, Z = Scale("x", -1, 1), Scale("y", -1, 1), Scale("max Q", 0, 1)


def snapshots(count: int) -> list[Snapshot]:
    q = np.stack([np.full((3, 3), 0.25), np.full((3, 3), 0.5)], axis=-1).astype(np.float32)
    return [Snapshot(10 * number, q * number / count, 1 / (1 + number)) for number in range(count + 1)]


@pytest.fixture
def view() -> LandscapeView:
    known = [[0.0, 0.0, 0.3, 0.6]]
    return LandscapeView(X, Y, Z, ("left", "right"), "error", total=50, highest=1.0, known=known, caption="look")


def test_it_draws_the_newest_and_keeps_all(view: LandscapeView) -> None:
    picture = view.draw(snapshots(5))
    assert "Landscape of max Q" in picture.alt
    assert "from 0.50 to 0.50" in picture.alt  # the better action's value
    assert "sticks): 0.10" in picture.alt
    assert picture.caption == "look"
    assert len(view.snapshots) == 6


def test_shown_after_a_run_it_stands_at_the_end(view: LandscapeView) -> None:
    assert "No finite values" in view._repr_mimebundle_()["text/plain"]
    assert "Nothing to show yet" in view._box.summary
    view.draw(snapshots(5))
    bundle = view._repr_mimebundle_()
    assert view.moment.value == view.moment.max == 5
    assert {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"} <= set(bundle)
    assert view._box.summary == "After 50 updates: error 0.167."


def test_the_controls_choose_the_moment_the_action_and_the_angle(view: LandscapeView) -> None:
    view.draw(snapshots(5))
    view._repr_mimebundle_()
    view.action.value = "left"
    assert "Landscape of Q(s, left)" in view.picture().alt
    assert "from 0.25 to 0.25" in view.picture().alt
    assert "sticks): 0.05" in view.picture().alt
    before = view.picture().png
    view.turn.value = -60
    assert view.picture().png != before
    view.action.value, view.moment.value = BEST_ACTION, 0
    assert "from 0.00 to 0.00" in view.picture().alt
    assert "network: now 1.00" in view.picture().alt  # the curve ends at the chosen moment


def test_playing_goes_to_the_end_and_stops(view: LandscapeView) -> None:
    view.draw(snapshots(5))
    view._repr_mimebundle_()
    view.moment.value = 0
    view.play_button.unobserve_all()  # without the clock, which needs a running event loop
    view.play_button.value = True
    ticks = 1
    while view._tick():
        ticks += 1
    assert ticks == 5
    assert view.moment.value == 5
    assert not view.play_button.value


def test_a_second_run_replaces_the_first(view: LandscapeView) -> None:
    view.draw(snapshots(5))
    view._repr_mimebundle_()
    view.draw(snapshots(2))
    view._repr_mimebundle_()
    assert view.moment.value == view.moment.max == 2


def test_grid_points_are_rows_of_x_and_y() -> None:
    points = grid_points(Scale("x", 0, 2), Scale("y", 10, 30), points=3)
    assert points.shape == (3, 3, 2)
    np.testing.assert_array_equal(points[0, 2], [2, 10])
    np.testing.assert_array_equal(points[2, 0], [0, 30])
