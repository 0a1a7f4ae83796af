"""Pictures of the lesson on the target network: the two networks side by side, and learning curves as bands."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.lessons.target_network.two_networks_picture import _value_text, curve_axis, two_networks_picture
from dqnkit.plots.band import learning_band

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

UPDATES = np.arange(1, 6) * 100
OPTIMUM = np.array([0.5, 0.6, 0.7, 0.0])
TERMINAL = OPTIMUM == 0


def size_of(picture):
    return Image.open(io.BytesIO(picture.png)).size


@pytest.mark.parametrize("largest", [1.0, 1e4, np.inf, np.nan])
def test_the_networks_are_drawn_whatever_they_say(largest):
    online = np.full((5, 4), largest)
    picture = two_networks_picture(UPDATES, online, 0.5 * np.ones((5, 4)), OPTIMUM, terminal=TERMINAL, title="period 1")
    assert min(size_of(picture)) > 300
    assert "after 500 updates" in picture.alt
    assert f"online {largest:.3g}, target 0.5, exact 0.5" in picture.alt


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.50"), (-0.003, "0.00"), (-0.04, "−0.04"), (-71.2, "−71"), (2e5, "2e5"), (np.inf, "∞"), (np.nan, "goal")],
)
def test_a_value_is_written_in_at_most_five_characters(value, text):
    assert _value_text(value) == text
    assert len(text) <= 5


@pytest.mark.parametrize("values", [[0.1, 0.5], [-3.0, 1.0], [0.0, 2.0, np.inf], [1e-4, 3e5], [-9e3, np.nan]])
def test_every_value_has_its_place_on_the_axis(values):
    axis = curve_axis(np.array(values), 0.5)
    seen = np.array([value for value in values if np.isfinite(value) and (value > 0 or not axis.log)])
    assert ((axis.low <= seen) & (seen <= axis.high)).all()
    assert axis.low <= 0.5 <= axis.high
    assert axis.log == (np.abs(values).max(where=np.isfinite(values), initial=0) > 10)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(InvalidDataError, match=r"N = 5; not \(5, 4\) and \(4, 4\)"):
        two_networks_picture(UPDATES, np.ones((5, 4)), np.ones((4, 4)), OPTIMUM, terminal=TERMINAL)
    with pytest.raises(InvalidDataError, match="square number"):
        two_networks_picture(UPDATES, np.ones((5, 3)), np.ones((5, 3)), OPTIMUM[:3], terminal=TERMINAL[:3])


def band(level):
    steps = np.linspace(0, 1000, 11)
    return SimpleNamespace(steps=steps, low=steps * level, middle=steps * level + 5, high=steps * level + 9)


def test_bands_say_in_words_where_they_end():
    picture = learning_band(
        {"with": band(0.1), "without": band(0.2)},
        run=([0, 500], [3, 42.0]),
        predicted=([0, 1000], [10, 500]),
        references={"most": 500},
        what="which is higher?",
    )
    assert "with: at the end 100 to 109, median 105. without: at the end 200 to 209" in picture.alt
    assert "This run ends at 42" in picture.alt
    assert picture.caption.startswith("What to look for: which is higher? Bands: from the lowest")


def test_a_band_may_begin_with_nothing():
    early = band(0.1)
    early.low[0] = early.middle[0] = early.high[0] = np.nan
    assert learning_band({"seeds": early}).png


@pytest.mark.parametrize("count", [0, 4])
def test_one_to_three_bands(count):
    with pytest.raises(InvalidDataError, match=f"not {count}"):
        learning_band({str(i): band(1.0) for i in range(count)})
