"""Pictures that follow a click or a slider: drawn with Pillow in milliseconds.

A matplotlib figure takes some tenths of a second. Pillow and the font are installed with matplotlib.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from dqnkit.errors import needs
from dqnkit.plots.style import Picture

Point = tuple[float, float]  # (x to the right, y down), in pixels on the page

SHARPNESS = 2  # dots drawn for each pixel on the page, for smooth edges and for fine screens
INK = "#222222"


class Canvas:
    """A white image of ``width`` x ``height`` pixels on the page. What is drawn later covers what was drawn before."""

    def __init__(self, width: float, height: float) -> None:
        with needs("Pillow, which draws the small pictures,", "course", "PIL"):
            from PIL import Image, ImageDraw
        self.width = round(width)
        self._image = Image.new("RGB", (round(width * SHARPNESS), round(height * SHARPNESS)), "white")
        self._draw = ImageDraw.Draw(self._image)

    def polygon(self, corners: Sequence[Point], fill: str) -> None:
        """Draw a filled polygon."""
        self._draw.polygon(_scaled(corners), fill=fill)

    def rectangle(self, corner: Point, opposite: Point, fill: str) -> None:
        """Draw a filled rectangle with upright sides."""
        self._draw.rectangle([*_scaled([corner])[0], *(value - 1 for value in _scaled([opposite])[0])], fill=fill)

    def line(self, points: Sequence[Point], color: str = INK, width: float = 1.0) -> None:
        """Draw a line through points, with round corners."""
        self._draw.line(_scaled(points), fill=color, width=round(width * SHARPNESS), joint="curve")

    def dashed_line(self, points: Sequence[Point], color: str, width: float, dashes: Sequence[float]) -> None:
        """Draw a broken line through points; dashes continue around corners.

        Args:
            points: two or more; with fewer nothing is drawn.
            color: of the dashes.
            width: of the line, in pixels.
            dashes: lengths in pixels, in turn of a dash and of a gap; empty for an unbroken line.
        """
        if len(points) < 2:
            return
        if not dashes:
            self.line(points, color, width)
            return
        x, y = np.asarray(points, dtype=np.float64).T
        along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])  # length of the line to each point
        start = 0.0
        for number, length in enumerate(cycle(dashes)):
            if start >= along[-1]:
                return
            end = min(along[-1], start + length)
            if number % 2 == 0:
                stops = [start, *along[(along > start) & (along < end)], end]
                self.line([(float(np.interp(s, along, x)), float(np.interp(s, along, y))) for s in stops], color, width)
            start = end

    def circle(self, center: Point, radius: float, fill: str, edge: str | None = None, edge_width: float = 0.0) -> None:
        """Draw a filled circle."""
        (x, y), r = _scaled([center])[0], radius * SHARPNESS
        self._draw.ellipse([x - r, y - r, x + r, y + r], fill=fill, outline=edge, width=round(edge_width * SHARPNESS))

    def arrows(self, start: Point, steps: Sequence[Point], width: float = 3.0) -> None:
        """Draw arrows from a point along each of the steps, with a thin white edge that sets them off on any colour."""
        for edge, color in ((1.0, "white"), (0.0, INK)):
            for step in steps:
                self._arrow(start, step, color, width, edge)

    def _arrow(self, start: Point, step: Point, color: str, width: float, edge: float) -> None:
        length = math.hypot(*step)
        right, down = step[0] / length, step[1] / length

        def at(forward: float, aside: float) -> Point:
            """Return a point by its distances along and across the arrow."""
            return start[0] + forward * right - aside * down, start[1] + forward * down + aside * right

        neck, half, wing = length - 3 * width, width / 2 + edge, 1.6 * width + 1.6 * edge
        self.polygon([at(-edge, -half), at(neck, -half), at(neck, half), at(-edge, half)], color)
        self.polygon([at(neck - edge, -wing), at(length + 2 * edge, 0), at(neck - edge, wing)], color)

    def text(
        self, point: Point, text: str, size: float = 12, color: str = INK, anchor: str = "mm", bold: bool = False
    ) -> None:
        """Write text at a point; ``anchor`` as in Pillow: "mm" centres it there, "lm" begins and "rm" ends it there."""
        font = _font(round(size * SHARPNESS), bold)
        self._draw.text(_scaled([point])[0], text, fill=color, font=font, anchor=anchor)

    def upright_text(self, center: Point, text: str, size: float = 12) -> None:
        """Write text that runs upwards, centred at a point, as the name of a vertical axis."""
        from PIL import Image, ImageDraw

        font = _font(round(size * SHARPNESS), False)
        left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
        strip = Image.new("RGB", (right - left + 4, bottom - top + 4), "white")
        ImageDraw.Draw(strip).text((2 - left, 2 - top), text, fill=INK, font=font)
        strip = strip.rotate(90, expand=True)
        x, y = _scaled([center])[0]
        self._image.paste(strip, (round(x - strip.width / 2), round(y - strip.height / 2)))

    def picture(self, alt: str, caption: str = "") -> Picture:
        """Return what was drawn so far."""
        buffer = io.BytesIO()
        self._image.save(
            buffer, "PNG", compress_level=4
        )  # level 9 makes it a tenth smaller and takes five times as long
        return Picture(buffer.getvalue(), alt, caption, self.width)


def _scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * SHARPNESS, y * SHARPNESS) for x, y in points]


def blend(share: float, *colors: str) -> str:
    """Return the colour at ``share`` (0 to 1) of the way from the first of these colours, "#RRGGBB", to the last."""
    channels = zip(*(bytes.fromhex(color[1:]) for color in colors), strict=True)
    mixed = (np.interp(share, np.linspace(0, 1, len(colors)), channel) for channel in channels)
    return "#" + "".join(f"{round(float(channel)):02X}" for channel in mixed)


@cache
def _font(dots: int, bold: bool) -> Any:
    """Return the font of the kit's other plots, ``dots`` high."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), dots)
