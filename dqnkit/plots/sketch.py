"""A predicted curve, and what happened, as a static picture: what a saved notebook shows where no script runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dqnkit.plots.style import PALETTE
from dqnkit.plots.themes import on_dark, themed_image
from dqnkit.types import Array

WIDTH, HEIGHT = 560, 220  # pixels
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 10, 38  # margins
PAPER = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
DASHES = "7 5"  # of the predicted curve
INK, GREY = "#222222", "#808080"


class Axis(NamedTuple):
    """The horizontal axis of a run."""

    name: str  # what is counted, as "environment steps"
    end: float  # the length of the whole run


@dataclass(frozen=True)
class Sketch:
    """A small SVG drawing with its alternative text."""

    svg: str
    alt: str

    @property
    def html(self) -> str:
        """The drawing as an HTML image, which follows the page's theme."""
        dark = re.sub("#[0-9A-Fa-f]{6}", lambda color: on_dark(color[0]), self.svg.replace(PAPER, ""))
        return themed_image(self.svg.encode(), dark.encode(), self.alt, "max-width: 100%", "image/svg+xml")


def sketch(
    predicted: npt.ArrayLike,
    happened: npt.ArrayLike,
    *,
    gap: npt.ArrayLike,
    span: tuple[float, float],
    unit: str,
    axis: Axis,
    quantity: str,
    alt: str,
) -> Sketch:
    """Draw a predicted curve over a run, dashed, and what happened, with the gap between them shaded.

    Args:
        predicted: values at equal distances from the beginning to the end of the run ``[P]``; may be empty.
        happened: points ``[N, 2]`` of the axis and the value, as far as the run came; may be empty.
        gap: rows ``[K, 3]`` of the axis, the predicted value and what happened, which is shaded between them.
        span: the lowest and the highest value of the vertical axis, which grows if a curve needs more.
        unit: of the values.
        axis: of the run; it grows if the run went on beyond its end.
        quantity: whose colour what happened has.
        alt: the drawing in words.
    """
    line = np.asarray(predicted, dtype=np.float64).ravel()
    guess = np.column_stack([np.linspace(0, axis.end, len(line)), line])
    truth = np.asarray(happened, dtype=np.float64).reshape(-1, 2)
    heights = np.concatenate([guess[:, 1], truth[:, 1], span])
    low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
    high += 1.0 if high == low else 0.0
    end = max(axis.end, float(truth[:, 0].max(initial=0.0)))

    def place(points: Array) -> Array:
        """Turn points of the axes ``[N, 2]`` into pixels."""
        x = LEFT + points[:, 0] / end * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (points[:, 1] - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return np.column_stack([x, y])

    color = str(PALETTE[quantity]["color"])
    lines = []
    between = np.asarray(gap, dtype=np.float64).reshape(-1, 3)
    if len(between):
        corners = _points(place(np.concatenate([between[:, [0, 2]], between[::-1, [0, 1]]])))
        lines.append(f'<polygon points="{corners}" fill="{color}" fill-opacity="0.22"/>')
    lines += [_line(place(guess), INK, DASHES), _line(place(truth), color, "none")]
    body = "".join([*_axes((low, high), unit, axis._replace(end=end)), *lines])
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return Sketch(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{PAPER}{body}</svg>', alt)


def _points(places: Array) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places[np.isfinite(places).all(axis=1)])


def _line(places: Array, color: str, dashes: str) -> str:
    look = f'fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes}" stroke-linejoin="round"'
    return f'<polyline points="{_points(places)}" {look}/>'


def _axes(span: tuple[float, float], unit: str, axis: Axis) -> Iterator[str]:
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    yield f'<path d="M{LEFT} {TOP}V{floor}H{right}" fill="none" stroke="{GREY}"/>'
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        anchor = "middle" if share < 1 else "end"
        yield _text(LEFT + (right - LEFT) * share, floor + 16, f"{axis.end * share:,.6g}", anchor)
    yield _text((LEFT + right) / 2, floor + 32, axis.name, "middle")
    low, high = span
    for value, y in ((low, floor), ((low + high) / 2, (TOP + floor) / 2), (high, TOP)):
        yield f'<path d="M{LEFT} {y}H{right}" stroke="#E6E6E6"/>'
        yield _text(LEFT - 6, y + 4, f"{value:.4g}", "end")
    middle = (TOP + floor) / 2
    yield f'<g transform="rotate(-90 12 {middle})">{_text(12, middle, unit, "middle")}</g>' if unit else ""


def _text(x: float, y: float, text: str, anchor: str) -> str:
    style = f'font-family="sans-serif" font-size="12" fill="{INK}" text-anchor="{anchor}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{escape(text)}</text>'


def in_words(values: Sequence[float] | Array) -> str:
    """Return the values of a curve as text, for readers who cannot see it."""
    return ", ".join(f"{value:.4g}" for value in values)
