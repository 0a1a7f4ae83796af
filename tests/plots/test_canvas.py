"""Dashed lines and mixed colours of the small pictures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dqnkit.plots.canvas import INK, SHARPNESS, Canvas, blend
from dqnkit.types import Array


def row(canvas: Canvas, y: int, sharpness: int = SHARPNESS) -> Array:
    """Whether each pixel of a row is drawn ``[width]``."""
    pixels = np.asarray(Image.open(io.BytesIO(canvas.picture("").png)).convert("L"))
    return pixels[y * sharpness] < 128


def test_dashes_and_gaps_take_turns() -> None:
    canvas = Canvas(60, 20)
    canvas.dashed_line([(0, 10), (60, 10)], "#000000", 2, (10, 5))
    drawn = row(canvas, 10)[::SHARPNESS]
    assert drawn[5]
    assert not drawn[13]
    assert drawn[20]
    assert not drawn[28]


def test_without_dashes_the_line_is_whole() -> None:
    canvas = Canvas(60, 20)
    canvas.dashed_line([(0, 10), (30, 10), (60, 10)], "#000000", 2, ())
    assert row(canvas, 10)[:-2].all()


@pytest.mark.parametrize("points", [[], [(5.0, 10.0)], [(5.0, 10.0), (5.0, 10.0)]])
def test_a_line_without_length_is_no_line(points: list[tuple[float, float]]) -> None:
    canvas = Canvas(60, 20)
    canvas.dashed_line(points, "#000000", 2, (10, 5))
    assert not row(canvas, 10).any()


def test_colours_are_mixed_between_stops() -> None:
    assert blend(0.0, "#000000", "#FF8800") == "#000000"
    assert blend(1.0, "#000000", "#FF8800") == "#FF8800"
    assert blend(0.5, "#000000", "#808080", "#FFFFFF") == "#808080"


def test_a_rectangle_thinner_than_a_dot_is_seen() -> None:
    canvas = Canvas(20, 20, sharpness=1)
    canvas.rectangle((4, 4), (4.2, 15), INK)
    assert row(canvas, 5, sharpness=1)[4]
