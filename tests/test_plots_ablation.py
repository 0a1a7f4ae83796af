"""The pictures of parts switched off and on: what is in them, for any input, and the same in words."""

from __future__ import annotations

import io

import numpy as np
import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.plots.ablation import ablation, learning_beside_truth

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

GROUPS = {"no part": [40.0, 50.0], "a": [60.0, 70.0], "a & <b>": [45.0]}


def size(picture):
    return Image.open(io.BytesIO(picture.png)).size


def test_an_ablation_says_every_row_in_words_and_grows_with_them():
    picture = ablation(GROUPS, baseline="no part", title="CartPole", what="which rows?", run=("a", 65.5))
    assert "no part: mean 45, 40 to 50" in picture.alt
    assert "Your run, a: 65.5" in picture.alt
    assert picture.caption.startswith("What to look for: which rows?")
    assert size(ablation({**GROUPS, "d": [1]}, baseline="a"))[1] > size(picture)[1]


@pytest.mark.parametrize(
    ("groups", "baseline", "message"),
    [({"a": []}, "a", "at least one number"), ({"a": [np.nan]}, "a", "finite"), ({"a": [1]}, "b", "no group 'b'")],
)
def test_an_ablation_that_cannot_be_drawn_is_refused(groups, baseline, message):
    with pytest.raises(InvalidDataError, match=message):
        ablation(groups, baseline=baseline)


def test_learning_beside_truth_tells_how_many_values_are_too_high():
    runs = {"plain": ([50, 100], [0.5, 0.4]), "double": ([50], [0.3])}
    picture = learning_beside_truth(runs, [0.5, 0.0], [0.1, 0.0], total=100, title="Noise", caption="look")
    assert "plain: 0.400; double: 0.300" in picture.alt
    assert "50% of the values lie above" in picture.alt
    assert picture.caption == "look"


def test_values_that_are_all_equal_make_a_picture():
    picture = learning_beside_truth({"a": ([1], [0.0])}, [0.0, 0.0], [0.0, 0.0], total=10)
    assert picture.png.startswith(b"\x89PNG")


def test_runs_and_values_must_fit():
    five = {str(i): ([1], [1.0]) for i in range(5)}
    with pytest.raises(InvalidDataError, match="1 to 4 runs"):
        learning_beside_truth(five, [0.0], [0.0], total=1)
    with pytest.raises(InvalidDataError, match="do not fit"):
        learning_beside_truth({"a": ([1], [1.0])}, [0.0], [0.0, 1.0], total=1)
