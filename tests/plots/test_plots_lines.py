"""Named curves: medians, bands, axes, and their description in words."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

import dqnkit.plots.lines as lines
from dqnkit.errors import InvalidDataError
from dqnkit.plots import PALETTE, error_curves

pytest.importorskip("matplotlib")


@pytest.fixture
def axes(monkeypatch):
    """The axes of the newest figure."""
    drawn = []
    styled_figure = lines.styled_figure

    @contextmanager
    def remembering(*size):
        with styled_figure(*size) as figure:
            drawn.append(figure)
            yield figure

    monkeypatch.setattr(lines, "styled_figure", remembering)
    return lambda: drawn[-1].axes[0]


def test_several_seeds_become_their_median_in_a_band(axes):
    picture = error_curves({"alpha 1": [[1.0, 4.0], [2.0, 5.0], [9.0, 0.0]]}, x=[0, 100], what="the end")
    line = axes().lines[0]
    np.testing.assert_array_equal(line.get_xdata(), [0, 100])
    np.testing.assert_array_equal(line.get_ydata(), [2.0, 4.0])
    band = axes().collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.0, 9.0)
    assert picture.alt.endswith("alpha 1: from 2 to 4.")
    assert picture.caption.startswith("What to look for: the end")
    assert "median over the seeds" in picture.caption


def test_lines_differ_by_colour_and_by_style_and_known_things_keep_their_own(axes):
    error_curves({"a": [1, 2], "b": [2, 3], "c": [1, 1], "target": [3, 4]}, kinds={"target": "target network"})
    drawn = axes().lines
    assert len({line.get_color() for line in drawn}) == 4
    assert len({str(line._unscaled_dash_pattern) for line in drawn}) == 4
    assert drawn[-1].get_color() == PALETTE["target network"]["color"]


def test_values_that_explode_get_a_logarithmic_axis(axes):
    error_curves({"with": np.full(50, 0.1), "without": np.exp(np.arange(50))})
    assert axes().get_yscale() == "log"
    error_curves({"one": [0.5, 0.2], "two": [0.4, 0.1]})
    assert axes().get_yscale() == "linear"
    assert axes().get_ylim()[0] == 0
    error_curves({"one": [0.5, 0.2]}, log=True)
    assert axes().get_yscale() == "log"


def test_known_values_are_dotted_lines_with_their_names(axes):
    error_curves({"one": [0.5, 0.2]}, references={"optimum": 0.4})
    assert [text.get_text() for text in axes().get_legend().get_texts()] == ["one", "optimum: 0.4"]
    assert axes().get_xlabel() == "updates"
    assert "Q*" in axes().get_ylabel()


def test_what_is_not_finite_leaves_gaps():
    picture = error_curves({"gone": [np.nan, np.inf], "a point": [np.nan, 1.0], "half": [[1, np.nan], [3, np.nan]]})
    assert "gone: no finite values" in picture.alt
    assert "half: from 2 to 2" in picture.alt


@pytest.mark.parametrize(
    ("curves", "x", "words"),
    [
        ({}, None, "1 to 6 curves"),
        ({str(i): [1.0] for i in range(7)}, None, "1 to 6 curves"),
        ({"a": np.zeros((2, 2, 2))}, None, r"expected \[N\]"),
        ({"a": []}, None, r"expected \[N\]"),
        ({"a": [1, 2]}, [1, 2, 3], "2 values, but x"),
    ],
)
def test_what_cannot_be_drawn_is_refused(curves, x, words):
    with pytest.raises(InvalidDataError, match=words):
        error_curves(curves, x=x)


def test_moments_are_drawn_and_said() -> None:
    plain = error_curves({"steps": [1, 2, 3]})
    marked = error_curves({"steps": [1, 2, 3]}, moments={"taken back": 1.0, "there again": 2.0})
    assert marked.png != plain.png
    assert "taken back: at 1. there again: at 2." in marked.alt


@pytest.mark.parametrize("rounds", [1, 2, 3, 7, 30, 2_000])
def test_what_is_counted_has_whole_ticks(axes, rounds: int) -> None:
    error_curves({"fitted": np.ones(rounds)}, x=np.arange(1, rounds + 1), xlabel="rounds")
    ticks = axes().get_xticks()
    assert np.all(ticks == np.round(ticks))


def test_what_is_measured_may_have_ticks_between_whole_numbers(axes) -> None:
    error_curves({"worth": np.ones(6)}, x=np.linspace(0, 1, 6), xlabel="gamma")
    ticks = axes().get_xticks()
    assert np.any(ticks != np.round(ticks))
