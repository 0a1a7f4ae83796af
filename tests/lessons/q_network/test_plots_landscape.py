"""The landscape: what it shows, in words and in pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.lessons.q_network.landscape_picture import Chart, Curve, Scale, action_colours, grown
from dqnkit.lessons.q_network.landscape_picture import landscape as landscape_of_actions
from dqnkit.lessons.q_network.network_picture import table_and_network

X, Y, Z = Scale("x", -1, 1), Scale("y", -1, 1), Scale("max Q", 0, 1)
SLOPE = np.tile(np.linspace(0, 1, 5), (4, 1))  # [Y, X], rises with x


def landscape(values, *axes, **more):
    """Of one action with the values [Y, X]."""
    return landscape_of_actions(np.asarray(values)[..., None], *axes, ("go",), **more)


def pixels(png: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_the_words_say_where_it_is_high_and_how_far_from_what_is_known() -> None:
    picture = landscape(SLOPE, X, Y, Z, known=[[0.0, 0.0, 0.8], [1.0, 1.0, 0.9]], caption="look")
    assert "Values from 0.00 to 1.00, highest at 1, -1" in picture.alt
    assert "Largest distance to the known values (the sticks): 0.30" in picture.alt
    assert picture.caption == "look"


def test_the_chart_makes_it_wider_and_is_told_too() -> None:
    curves = [Curve("network", "online network", [0, 1, 2], [1.0, np.nan, 0.25]), Curve("none", "replay", [], [])]
    chart = Chart(Scale("updates", 0, 2), Scale("error", 0, 1), curves, ("bound", 0.5))
    narrow, wide = landscape(SLOPE, X, Y, Z), landscape(SLOPE, X, Y, Z, chart=chart)
    assert wide.width > narrow.width
    assert "network: now 0.25, at most 1.00." in wide.alt


def test_colours_say_where_the_best_action_changes() -> None:
    values = np.stack([SLOPE, 1 - SLOPE], axis=-1)
    picture = landscape_of_actions(values, X, Y, Z, ("right", "left"))
    assert "Best action: right 60%, left 40%." in picture.alt  # in the middle both are equal: the first
    seen = pixels(picture.png).reshape(-1, 3)
    other = pixels(landscape_of_actions(values[..., ::-1], X, Y, Z, ("right", "left")).png).reshape(-1, 3)
    assert (seen != other).any()
    assert len(set(action_colours(4))) == 4
    assert action_colours(1)


def test_an_axis_grows_to_a_round_value_where_values_lie_outside() -> None:
    assert grown(Scale("max Q", 0, 6), [1.0, 7.91, np.nan]) == Scale("max Q", 0, 8)
    assert grown(Z, [0.2, 1.0], []) == Z
    assert grown(Z, [-0.03]).low == pytest.approx(-0.2)
    high = grown(Z, [33_000.0, np.inf]).high
    assert 33_000 <= high <= 40_000


def test_no_value_is_drawn_at_the_place_of_another() -> None:
    peaks = [landscape(SLOPE * height, X, Y, Z).png for height in (1.2, 1.3, 4.0, 8.0)]
    assert len(set(peaks)) == len(peaks)
    charts = [
        Chart(Scale("updates", 0, 2), Scale("error", 0, 1), [Curve("n", "table", [0, 1], [0, y])]) for y in (3, 7)
    ]
    assert landscape(SLOPE, X, Y, Z, chart=charts[0]).png != landscape(SLOPE, X, Y, Z, chart=charts[1]).png


def test_nothing_leaves_the_paper() -> None:
    image = pixels(landscape(np.full((3, 3), 5.0), X, Y, Z, known=[[1, 1, -9]]).png)
    edge = np.concatenate([image[:4].reshape(-1, 3), image[-4:].reshape(-1, 3), image[:, :4].reshape(-1, 3)])
    assert (edge == 255).all()


def test_what_is_not_a_number_leaves_a_hole() -> None:
    picture = landscape(np.full((3, 3), np.nan), X, Y, Z, known=[[0, 0, 0.5]])
    assert "No finite values" in picture.alt
    holed = SLOPE.copy()
    holed[1, 1] = np.inf
    assert landscape(holed, X, Y, Z).png != landscape(SLOPE, X, Y, Z).png


@pytest.mark.parametrize("values", [np.zeros(4), np.zeros((1, 4)), np.zeros((2, 2, 2))])
def test_other_shapes_are_refused(values: np.ndarray) -> None:
    with pytest.raises(InvalidDataError, match=r"\[Y, X, A\]"):
        landscape_of_actions(values, X, Y, Z, ("go",))


def test_the_drawing_of_table_and_network_is_told_in_words() -> None:
    picture = table_and_network()
    assert "two hidden layers of 64 units" in picture.alt
    assert picture.caption
