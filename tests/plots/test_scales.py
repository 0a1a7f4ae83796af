"""Round ends, round ticks, and when an axis becomes logarithmic."""

from __future__ import annotations

import numpy as np
import pytest

from dqnkit.plots.scales import largest, round_up, set_logarithmic, ticks, yscale
from dqnkit.plots.style import styled_figure


@pytest.mark.parametrize(("value", "rounded"), [(-1, 0), (0, 0), (1, 1), (1.1, 2), (6, 7), (8, 10), (0.021, 0.03)])
def test_axes_end_at_round_numbers(value: float, rounded: float) -> None:
    assert round_up(value) == pytest.approx(rounded)


def test_other_steps_can_be_chosen() -> None:
    assert [round_up(value, (1, 2, 4, 5, 10)) for value in (3, 6, 300)] == [4, 10, 400]


@pytest.mark.parametrize("value", 10.0 ** np.arange(-5, 6))
def test_a_power_of_ten_stays(value: float) -> None:
    assert round_up(value) == pytest.approx(value)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (-1, 1, [-1, -0.5, 0, 0.5, 1]), (0.3, 12, [2, 4, 6, 8, 10, 12])],
)
def test_ticks_are_round_and_few(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_the_largest_is_finite() -> None:
    assert largest([1.0, -3.0, np.nan, np.inf]) == 3.0
    assert largest([np.nan]) == 0.0


def test_values_far_above_what_is_expected_get_a_logarithmic_axis() -> None:
    assert yscale([1.0, 1000.0], expected=100.0) == "linear"
    assert yscale([1.0, 1001.0], expected=100.0) == "log"
    assert yscale([-1.0, 1001.0], expected=100.0) == "symlog"


@pytest.mark.parametrize(
    ("values", "negative", "expected"),
    [
        ([0.3, 0.9], False, {"0.4", "0.6"}),  # less than a power of ten: small ticks have numbers, too
        ([0.02, 0.4], False, {"0.02", "0.1", "0.2"}),  # more: some of them
        ([0.003, 900], False, {"0.01", "0.1", "1", "10", "100"}),
        ([0.1, 4e9], False, {"$\\mathdefault{10^{0}}$", "$\\mathdefault{10^{8}}$"}),
        ([-50, 5_000], True, {"−10", "0", "10", "1,000"}),
    ],
)
def test_the_numbers_of_a_logarithmic_axis_are_plain(values: list[float], negative: bool, expected: set[str]) -> None:
    with styled_figure(6, 3) as figure:
        axes = figure.subplots()
        axes.plot(values)
        set_logarithmic(axes, negative=negative)
        figure.canvas.draw()
        texts = {label.get_text() for which in ("major", "minor") for label in axes.get_yticklabels(which=which)}
    assert expected <= texts
    assert not [text for text in texts if "times" in text]  # 2 × 10⁻²
