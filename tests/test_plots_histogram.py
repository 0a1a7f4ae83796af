"""Histograms of returns: the counts, and the text."""

from __future__ import annotations

import numpy as np
import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.plots import histogram

pytest.importorskip("matplotlib")


def test_sets_are_described_one_by_one():
    picture = histogram({"random": [9.0, 20.0, 31.0], "still": [5, 5]}, title="CartPole", what="the mean")
    assert picture.alt == (
        "CartPole: return (sum of rewards). random: 3 episodes, least 9, mean 20.0, largest 31. "
        "still: 2 episodes, least 5, mean 5.0, largest 5."
    )
    assert picture.caption == "What to look for: the mean"


@pytest.mark.parametrize("values", [[0.0], [-3, -3, -3], np.arange(200), [1.0, np.nan, np.inf], [[1, 2], [3, 4]]])
def test_any_set_with_a_number_can_be_drawn(values):
    assert histogram(values, marks={"you predicted": 30}).png.startswith(b"\x89PNG")


def test_more_rows_make_a_higher_picture():
    from io import BytesIO

    Image = pytest.importorskip("PIL.Image")
    one, four = (Image.open(BytesIO(histogram({str(i): [1, 2, 3] for i in range(rows)}).png)).height for rows in (1, 4))
    assert four > 1.5 * one


@pytest.mark.parametrize("values", [[], [np.nan], {"a": [1.0], "b": []}])
def test_nothing_to_draw_is_refused(values):
    with pytest.raises(InvalidDataError, match="no finite value"):
        histogram(values)
