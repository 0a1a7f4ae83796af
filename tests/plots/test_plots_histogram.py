"""Histograms of returns: the counts, and the text."""

from __future__ import annotations

import numpy as np
import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.plots import histogram
from dqnkit.plots.histogram import _edges
from dqnkit.plots.style import Picture

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


def ticks_of(monkeypatch: pytest.MonkeyPatch, values: object) -> list[tuple[np.ndarray, np.ndarray]]:
    """The ticks of each panel that can be seen, as (x, y)."""
    figures = []
    monkeypatch.setattr(Picture, "of", lambda figure, *_: figures.append(figure))
    histogram(values)

    def within(axis: str, axes) -> np.ndarray:
        low, high = getattr(axes, f"get_{axis}lim")()
        ticks = getattr(axes, f"get_{axis}ticks")()
        return ticks[(ticks >= low) & (ticks <= high)]

    return [(within("x", axes), within("y", axes)) for axes in figures[0].axes]


@pytest.mark.parametrize("values", [[1.0], [3, 3], {"a": [0, 1, 2], "b": [1, 1, 1, 2]}, np.arange(500), [9] * 200])
def test_counts_and_whole_values_have_whole_ticks(monkeypatch, values):
    for x, y in ticks_of(monkeypatch, values):
        assert len(x) >= 2
        assert len(y) >= 2
        assert np.all(x == np.round(x))
        assert np.all(y == np.round(y))


def test_values_that_are_not_whole_have_ticks_between_whole_numbers(monkeypatch):
    [(x, y)] = ticks_of(monkeypatch, [0.1, 0.25, 0.7])
    assert np.any(x != np.round(x))
    assert np.all(y == np.round(y))


@pytest.mark.parametrize("values", [[], [np.nan], {"a": [1.0], "b": []}])
def test_nothing_to_draw_is_refused(values):
    with pytest.raises(InvalidDataError, match="no finite value"):
        histogram(values)


def test_every_bin_holds_equally_many_whole_numbers():
    for values in (np.arange(8, 64), np.array([9, 500]), np.array([-3, -3])):
        edges = _edges(values.astype(float), [], bins=40)
        width = edges[1] - edges[0]
        assert width == round(width)
        assert np.allclose(np.diff(edges), width)
        assert np.all(edges % 1 == 0.5)
        assert edges[0] < min(0, values.min()) <= values.max() < edges[-1]
        assert len(edges) <= 42
    assert len(_edges(np.array([0.5, 1.7]), [3.0], bins=40)) == 41
