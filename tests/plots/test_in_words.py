"""A caption says what the curve above it does, and nothing that is not so."""

from __future__ import annotations

import numpy as np
import pytest

from dqnkit.plots.in_words import course_of, what_to_look_for
from dqnkit.plots.training_panel import Curves, TrainingPanel

T = np.linspace(0, 1, 100)
CURVES = {
    "; so far it has hardly moved": [np.full(100, 22.0), 22 + 0.5 * np.sin(30 * T), np.zeros(100)],
    "; it is still rising, from ": [20 + 300 * T, 20 * np.exp(3 * T)],
    "; it has fallen from ": [400 * np.sin(3 * T), np.concatenate([500 * T[:50], np.full(50, 90.0)]), -90 * T],
    "; it rose from ": [20 + 480 * np.minimum(1, 3 * T), 500 * (1 - np.exp(-12 * T)) + 5 * np.sin(40 * T)],
    "": [T[:5], np.full(100, np.nan), np.array([])],
}


@pytest.mark.parametrize(("says", "curve"), [(says, curve) for says, curves in CURVES.items() for curve in curves])
def test_the_course_of_a_curve(says: str, curve: np.ndarray) -> None:
    assert course_of(curve).startswith(says)
    assert bool(says) == bool(course_of(curve))


ENDED = {
    "; it hardly moved": CURVES["; so far it has hardly moved"],
    "; it was still rising at the end, from ": CURVES["; it is still rising, from "],
    "; it fell from ": CURVES["; it has fallen from "],
    "; it rose from ": CURVES["; it rose from "],
    "": CURVES[""],
}


@pytest.mark.parametrize(("says", "curve"), [(says, curve) for says, curves in ENDED.items() for curve in curves])
def test_a_curve_that_grows_no_further_is_spoken_of_in_the_past(says: str, curve: np.ndarray) -> None:
    said = course_of(curve, ended=True)
    assert said.startswith(says)
    assert bool(says) == bool(said)
    assert not [word for word in (" is ", " has ", "so far") if word in said]


def test_the_caption_of_the_live_panel_follows_the_run() -> None:
    panel = TrainingPanel("CartPole")
    captions = []
    for returns in (np.full(100, 22.0), 20 + 300 * T, 400 * np.sin(3 * T)):
        captions.append(panel.draw(Curves(range(100), returns, returns)).caption)
    assert len(set(captions)) == 3
    assert not any("plateau" in caption for caption in captions)


def test_the_sentence_below_the_running_curves_follows_the_run() -> None:
    rising, none = 20 + 300 * T, np.full(100, np.nan)
    assert "still rising, from 20 to 320" in what_to_look_for(rising, none, 50.0)
    assert "below the most that can be earned, 50" in what_to_look_for(rising, 40 * T, 50.0)
    assert "overestimation" in what_to_look_for(rising, 60 * T, 50.0)
    assert what_to_look_for(none[:0], none[:0], None).endswith("the return is what it earns.")
