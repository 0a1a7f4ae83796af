"""Q-tables as heat maps: the colour of each square, the text, and the time to draw."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.plots import PALETTE, q_table
from dqnkit.plots.canvas import SHARPNESS
from dqnkit.plots.grid import BELOW, LEFT, SIDE, TOP, greedy_moves
from dqnkit.small_environments import GridWorld

Figure = pytest.importorskip("matplotlib.figure").Figure
Image = pytest.importorskip("PIL.Image")
UP, RIGHT, DOWN, LEFTWARDS = range(4)


def pixel(picture, size, row, column, table=0):
    """The colour at a point of a table, in squares from its upper left corner."""
    image = Image.open(io.BytesIO(picture.png)).convert("RGB")
    x = LEFT + table * (LEFT + SIDE) + column * SIDE / size
    y = TOP + row * SIDE / size
    return np.array(image.getpixel((int(x * SHARPNESS), int(y * SHARPNESS))))


def colour(name):
    return np.array(list(bytes.fromhex(PALETTE[name]["color"][1:])))


def test_the_triangle_of_each_move_has_the_colour_of_its_value():
    q = np.zeros((4, 4))
    q[1, UP] = q[2, RIGHT] = 1.0
    picture = q_table(q, numbers=False)

    dark = colour("online network")
    np.testing.assert_array_equal(pixel(picture, 2, 0.1, 1.4), dark)  # row 0, column 1, above its middle
    np.testing.assert_array_equal(pixel(picture, 2, 1.4, 0.9), dark)  # row 1, column 0, right of its middle
    assert (pixel(picture, 2, 0.9, 1.4) > dark).any()  # below the middle of the first
    assert (pixel(picture, 2, 0.4, 0.1) > dark).any()  # row 0, column 0


def test_goals_are_green_and_their_values_do_not_stretch_the_scale():
    q = np.zeros((4, 4))
    q[0, RIGHT], q[3] = 1.0, 1000.0
    picture = q_table(q, goals={(1, 1): 1.0}, numbers=False)

    np.testing.assert_array_equal(pixel(picture, 2, 1.1, 1.1), colour("environment"))
    np.testing.assert_array_equal(pixel(picture, 2, 0.4, 0.9), colour("online network"))


def test_two_tables_share_one_scale():
    picture = q_table({"half": np.full((4, 4), 0.5), "whole": np.ones((4, 4))}, numbers=False)
    half, whole = (pixel(picture, 2, 0.2, 0.5, table) for table in (0, 1))
    np.testing.assert_array_equal(whole, colour("online network"))
    assert (half > whole).any()


def test_it_is_described_in_words():
    env = GridWorld(3, goals={(2, 2): 1.0})
    picture = q_table({"learned": np.zeros((9, 4)), "exact Q*": env.optimal_q(0.9)}, goals=env.goals)
    assert "3 by 3" in picture.alt
    assert "row 2 column 2 (+1)" in picture.alt
    assert "learned: values from 0.00 to 0.00; greedy in the upper left: any move" in picture.alt
    assert "exact Q*: values from 0.66 to 1.00; greedy in the upper left: right or down" in picture.alt
    assert picture.caption.startswith("What to look for")


def test_ties_are_all_greedy_and_what_is_no_number_never_is():
    assert greedy_moves([0.1, 0.3, 0.3 + 1e-15, 0.2]) == [1, 2]
    assert greedy_moves([np.nan, -1.0, -2.0, np.nan]) == [1]
    assert greedy_moves([1e6, 2e6, 0, 2e6 + 1]) == [3]


@pytest.mark.parametrize("value", [np.nan, np.inf, -3.5, 1e9])
def test_any_value_can_be_drawn(value):
    q = np.zeros((16, 4))
    q[5, 2] = value
    assert q_table(q).png.startswith(b"\x89PNG")


@pytest.mark.parametrize("shape", [(), (4,), (4, 3), (5, 4), (0, 4), (2, 2, 4)])
def test_a_table_of_another_shape_is_refused(shape):
    with pytest.raises(InvalidDataError, match="size \\* size"):
        q_table(np.zeros(shape))
    with pytest.raises(InvalidDataError, match="one size"):
        q_table({"a": np.zeros((4, 4)), "b": np.zeros((9, 4))})


def test_the_picture_is_small_and_its_paper_has_the_expected_size():
    picture = q_table(GridWorld(5).optimal_q(0.9))
    assert len(picture.png) < 150_000
    assert Image.open(io.BytesIO(picture.png)).height == round((TOP + SIDE + BELOW) * SHARPNESS)


@pytest.mark.parametrize("tables", [1, 2, 3])
@pytest.mark.parametrize("size", [5, 8])
def test_tables_side_by_side_fit_a_narrow_page(tables, size):
    q = GridWorld(size).optimal_q(0.9)
    picture = q_table({f"table {number}": q for number in range(tables)}, goals={(size - 1, size - 1): 1.0})
    assert picture.width <= 830  # so it is not scaled down, and its letters keep their size


def test_it_takes_less_time_than_matplotlib_would():
    q = GridWorld(5).optimal_q(0.9)

    def with_matplotlib():  # the same numbers in light and in dark, without the triangles
        for ink in ("black", "white"):
            figure = Figure(figsize=(5.4, 4.5))
            axes = figure.subplots()
            axes.imshow(q.max(axis=1).reshape(5, 5))
            for square, action in np.ndindex(q.shape):
                place = square % 5 + (action - 1.5) / 4, square // 5
                axes.text(*place, f"{q[square, action]:.2f}", color=ink, ha="center")
            figure.savefig(io.BytesIO(), format="png")

    def seconds(draw):
        began = time.process_time()
        draw()
        return time.process_time() - began

    times = []
    for _ in range(30):  # in turn, until the quickest of each decides: the machine may be busy
        times.append([seconds(draw) for draw in (lambda: q_table(q), with_matplotlib)])
        table, peer = np.min(times, axis=0)
        if len(times) >= 3 and table < peer:
            break
    assert table < peer  # 0.04 s on a quiet core


def test_noise_far_below_the_scale_makes_no_arrows():
    q = np.zeros((4, 4))
    q[0] = [1e-7, 2e-7, 3e-7, 0]
    q[1, RIGHT] = 1.0
    quiet = np.where(q > 1e-3, q, 0)
    assert q_table(q, numbers=False).png == q_table(quiet, numbers=False).png
    assert "any move" in q_table(q).alt


def test_changes_have_their_own_label_and_no_greedy_moves():
    change = np.zeros((4, 4))
    change[0, 1] = 0.5
    values, changes = q_table(change), q_table(change, label="change of the Q-value", arrows=False)
    assert values.alt.startswith("Q-values of a room")
    assert changes.alt.startswith("Change of the Q-value of a room")
    assert "greedy" in values.alt
    assert "greedy" not in changes.alt
    assert values.png != changes.png


def test_the_values_of_a_goal_are_not_drawn_and_not_described():
    q = np.zeros((4, 4))
    q[3] = 9.0
    assert "values from 0.00 to 0.00" in q_table(q, goals={(1, 1): 1.0}).alt
    assert "values from 0.00 to 9.00" in q_table(q).alt
