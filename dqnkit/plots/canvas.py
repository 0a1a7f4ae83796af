"""Pictures that follow a click or a slider: drawn with Pillow in milliseconds.

A matplotlib figure takes some tenths of a second. Pillow and the font are installed with matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from dqnkit.errors import needs
from dqnkit.plots.style import Picture
from dqnkit.plots.themes import compact_png, is_grey, on_dark

Point = tuple[float, float]  # (x to the right, y down), in pixels on the page

SHARPNESS = 2  # dots drawn for each pixel on the page, for smooth edges and for fine screens
INK = "#222222"
# letters are mixed with it at their edges: it is the colour of ink, transparent
CLEAR = f"{on_dark(INK)}00"


class Canvas:
    """An image of ``width`` x ``height`` pixels on the page. What is drawn later covers what was drawn before.

    It is drawn twice, on white and for dark pages. There, greys are mirrored, and white shows the ground; but what lies
    on a coloured area, as the number in a square of a heat map, has the same colours in both.

    Args:
        width, height: in pixels on the page.
        sharpness: dots for each pixel; 1 makes the file of a picture that is seldom seen less than half as large.
    """

    def __init__(self, width: float, height: float, sharpness: float = SHARPNESS) -> None:
        with needs("Pillow, which draws the small pictures,", "course", "PIL"):
            from PIL import Image, ImageDraw
        self.width, self._sharpness = round(width), sharpness
        size = round(width * sharpness), round(height * sharpness)
        light, dark = Image.new("RGB", size, "white"), Image.new("RGBA", size, CLEAR)
        self._images: list[Any] = [light, dark, Image.new("L", size)]  # the last is 255 where an area is coloured
        self._pens: list[Any] = [ImageDraw.Draw(image) for image in self._images]

    def _draw(self, at: Point, draw: Callable[[Any, Callable[[str], Any]], object], area: bool = True) -> None:
        """Draw on white and for dark pages.

        Args:
            at: a point of what is drawn; its colours on dark pages depend on what lies there.
            draw: gets a pen, and a function that returns the colour to take for one on white.
            area: whether it is an area, on which something else may be drawn.
        """
        light, dark, areas = self._pens
        on_color = self._is_colored(at)
        draw(light, str)
        draw(dark, str if on_color else _on_ground)
        if area:
            draw(areas, lambda color: 255 * (on_color or not is_grey(color)))

    def _is_colored(self, point: Point) -> bool:
        areas, dot = self._images[2], self._scaled([point])[0]
        x, y = (min(max(0, round(value)), size - 1) for value, size in zip(dot, areas.size, strict=True))
        return bool(areas.getpixel((x, y)))

    def polygon(self, corners: Sequence[Point], fill: str) -> None:
        """Draw a filled polygon."""
        dots = self._scaled(corners)
        self._draw(_middle(corners), lambda pen, ink: pen.polygon(dots, fill=ink(fill)))

    def rectangle(self, corner: Point, opposite: Point, fill: str) -> None:
        """Draw a filled rectangle with upright sides."""
        first, end = self._scaled([corner, opposite])
        box = [*first, *(max(low, high - 1) for low, high in zip(first, end, strict=True))]  # at least a dot
        self._draw(_middle([corner, opposite]), lambda pen, ink: pen.rectangle(box, fill=ink(fill)))

    def line(self, points: Sequence[Point], color: str = INK, width: float = 1.0) -> None:
        """Draw a line through points, with round corners. A white one is a gap: on dark pages it shows the ground."""
        dots, wide = self._scaled(points), round(width * self._sharpness)

        def draw(pen: Any, ink: Callable[[str], Any]) -> None:
            pen.line(dots, fill=ink(color), width=wide, joint="curve")

        if color == "white":
            draw(self._pens[0], str)
            draw(self._pens[1], _on_ground)
        else:
            self._draw(_middle(points[:2]), draw, area=False)

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
        (x, y), r = self._scaled([center])[0], radius * self._sharpness
        box, wide = [x - r, y - r, x + r, y + r], round(edge_width * self._sharpness)
        self._draw(
            center,
            lambda pen, ink: pen.ellipse(box, fill=ink(fill), outline=None if edge is None else ink(edge), width=wide),
        )

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
        font = _font(round(size * self._sharpness), bold)
        dot = self._scaled([point])[0]
        left, top, right, bottom = self._pens[0].textbbox(dot, text, font=font, anchor=anchor)
        middle = (left + right) / 2 / self._sharpness, (top + bottom) / 2 / self._sharpness
        self._draw(middle, lambda pen, ink: pen.text(dot, text, fill=ink(color), font=font, anchor=anchor), area=False)

    def upright_text(self, center: Point, text: str, size: float = 12) -> None:
        """Write text that runs upwards, centred at a point, as the name of a vertical axis."""
        from PIL import Image, ImageDraw

        font = _font(round(size * self._sharpness), False)
        left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
        strip = Image.new("L", (right - left + 4, bottom - top + 4))
        ImageDraw.Draw(strip).text((2 - left, 2 - top), text, fill=255, font=font)
        strip = strip.rotate(90, expand=True)
        x, y = self._scaled([center])[0]
        corner = round(x - strip.width / 2), round(y - strip.height / 2)
        light, dark, _ = self._images
        light.paste(INK, corner, strip)
        dark.paste(INK if self._is_colored(center) else on_dark(INK), corner, strip)

    def _scaled(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self._sharpness, y * self._sharpness) for x, y in points]

    def picture(self, alt: str, caption: str = "") -> Picture:
        """Return what was drawn so far."""
        light, dark = (compact_png(image) for image in self._images[:2])
        return Picture(light, alt, caption, self.width, dark)


def _on_ground(color: str) -> str:
    """The colour on a dark page's ground for one on white."""
    return CLEAR if color == "white" else on_dark(color)


def _middle(points: Sequence[Point]) -> Point:
    x, y = zip(*points, strict=True)
    return sum(x) / len(x), sum(y) / len(y)


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
