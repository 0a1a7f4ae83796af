"""A predicted curve as a small SVG drawing that is quick enough to follow a slider."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from dqnkit.plots.style import PALETTE
from dqnkit.plots.themes import on_dark, themed_image

WIDTH, HEIGHT = 420, 190  # pixels
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 38  # margins
PAPER = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'


def sketch(
    predicted: npt.ArrayLike, span: tuple[float, float], unit: str = "", happened: npt.ArrayLike | None = None
) -> str:
    """Draw a predicted curve over a run, dashed, and what happened; return the SVG.

    Args:
        predicted: values at equal distances from the beginning to the end of the run ``[P]``.
        span: the lowest and the highest value of the axis, which grows if a curve needs more.
        unit: of the values.
        happened: values at equal distances ``[N]``, if known.
    """
    curves = [np.asarray(curve, dtype=np.float64).ravel() for curve in (predicted, happened) if curve is not None]
    known = np.concatenate([*curves, span])
    low, high = float(np.nanmin(known)), float(np.nanmax(known))
    high += 1.0 if high == low else 0.0

    def points(curve: npt.NDArray[np.float64]) -> str:
        x = np.linspace(LEFT, WIDTH - RIGHT, len(curve))
        y = HEIGHT - BOTTOM - (curve - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True) if np.isfinite(b))

    ink, blue = str(PALETTE["reference"]["color"]), str(PALETTE["online network"]["color"])
    lines = [_line(points(curves[0]), ink, "7 5")]
    if happened is not None:
        lines.append(_line(points(curves[1]), blue, ""))
        for y, name, color, dashes in ((TOP + 8, "predicted", ink, "7 5"), (TOP + 24, "happened", blue, "")):
            lines += [_line(f"{LEFT + 10},{y} {LEFT + 38},{y}", color, dashes), _text(LEFT + 44, y + 4, name, "start")]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{PAPER}{_axes(low, high, unit)}{''.join(lines)}</svg>"
    )


def svg_image(svg: str, alt: str) -> str:
    """Return a drawing as an HTML image with its alternative text, which follows the page's theme."""
    dark = re.sub("#[0-9A-Fa-f]{6}", lambda color: on_dark(color[0]), svg.replace(PAPER, ""))
    return themed_image(svg.encode(), dark.encode(), alt, "max-width: 100%", "image/svg+xml")


def _line(points: str, color: str, dashes: str) -> str:
    return (
        f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2.2" stroke-dasharray="{dashes}" '
        'stroke-linejoin="round"/>'
    )


def _axes(low: float, high: float, unit: str) -> str:
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [f'<path d="M{LEFT} {TOP}V{floor}H{right}" fill="none" stroke="#888888"/>']
    for share in range(0, 101, 25):
        x = LEFT + (right - LEFT) * share / 100
        parts.append(_text(x, floor + 15, f"{share} %", "middle" if share < 100 else "end"))
    parts.append(_text((LEFT + right) / 2, floor + 31, "of the run", "middle"))
    for value, y in ((low, floor), ((low + high) / 2, (TOP + floor) / 2), (high, TOP)):
        parts.append(f'<path d="M{LEFT} {y}H{right}" stroke="#E6E6E6"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{value:.4g}", "end"))
    middle = (TOP + floor) / 2
    parts.append(f'<g transform="rotate(-90 12 {middle})">{_text(12, middle, unit, "middle")}</g>' if unit else "")
    return "".join(parts)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    style = f'font-family="sans-serif" font-size="11" fill="#222222" text-anchor="{anchor}"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{escape(text)}</text>'


def in_words(values: Sequence[float]) -> str:
    """Return the values of a curve as text, for readers who cannot see it."""
    return ", ".join(f"{value:.4g}" for value in values)
