"""A picture of the online and the target network: the value of each square, and the start square's value over time.

Drawn in milliseconds, so that it can change while the networks learn. ``two_networks.js`` draws the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dqnkit.errors import InvalidDataError
from dqnkit.plots.canvas import INK, Canvas, blend
from dqnkit.plots.scales import ticks, unbroken
from dqnkit.plots.style import PALETTE, Picture
from dqnkit.types import Array

WIDTH, HEIGHT = 720, 500  # pixels
MAP, GAP, TOP = 220, 24, 56  # side of a map, space between two maps, top of the maps
LEFT, RIGHT, CEILING, FLOOR = 62, 706, 326, 452  # the sides of the curve's box
MOST_LINEAR = 20.0  # times the exact value; for larger values the curve's axis is logarithmic
BLUES = ("#F7FBFF", "#5BA3D0", "#08306B")  # for 0, for about the largest true value, for far larger ones
CAPTION = (
    "What to look for: in the maps, the largest of the four values of each square; below, the same of the start square "
    "over time. The target network (dashed) stands still from one copy to the next, and the online network learns "
    "towards what it says."
)


class Axis(NamedTuple):
    """The axis of the curve: its ends, which hold all values, and whether powers of ten are at equal distances."""

    low: float
    high: float
    log: bool


def two_networks_picture(
    updates: Array,
    online: Array,
    target: Array,
    optimum: Array,
    *,
    terminal: Array,
    square: int = 0,
    title: str = "",
) -> Picture:
    """State values of both networks in a square room as maps, and of one square as curves over the updates.

    Args:
        updates: at which the values were measured ``[N]``.
        online, target: max_a Q(s, a) of both networks at these updates ``[N, S]``, S = size * size.
        optimum: max_a Q*(s, a) ``[S]``.
        terminal: whether a square is terminal ``[S]``; these have no value and stay empty.
        square: the square of the curves, where episodes start.
        title: above the maps.

    Raises:
        InvalidDataError: the shapes do not match.
    """
    num_states = len(optimum)
    size = round(num_states**0.5)
    if size * size != num_states or online.shape != (len(updates), num_states) or target.shape != online.shape:
        raise InvalidDataError(
            f"online and target take [N, S] with S = {num_states}, a square number, and N = {len(updates)}; "
            f"not {online.shape} and {target.shape}"
        )
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.text((4, 14), title, 14, anchor="lm", bold=True)
    names = ("online network", "target network", "exact Q*")
    for number, (name, values) in enumerate(zip(names, (online[-1], target[-1], optimum), strict=True)):
        x = 4 + number * (MAP + GAP)
        _draw_map(canvas, x, name, np.where(terminal, np.nan, values).reshape(size, size), float(optimum.max()))
    _draw_curve(canvas, updates, online[:, square], target[:, square], float(optimum[square]))
    return canvas.picture(_alt(updates, online, target, optimum, square), CAPTION)


def _draw_map(canvas: Canvas, x: float, name: str, values: Array, largest: float) -> None:
    """A number in each square; larger values are darker, up to 1.6 times the largest true value."""
    color = str(PALETTE[name if name in PALETTE else "reference"]["color"])
    canvas.text((x, TOP - 14), name, 13, color, "lm", bold=True)
    canvas.rectangle((x, TOP), (x + MAP, TOP + MAP), color)
    side = (MAP - 4) / len(values)
    for (row, column), value in np.ndenumerate(values):
        corner = (x + 2 + column * side, TOP + 2 + row * side)
        shade = min(1.0, max(0.0, value / (1.6 * largest))) if np.isfinite(value) else float(np.isinf(value))
        canvas.rectangle(corner, (corner[0] + side, corner[1] + side), blend(shade, *BLUES))
        middle = (corner[0] + side / 2, corner[1] + side / 2)
        canvas.text(middle, _value_text(value), 11, "white" if shade > 0.75 else INK)


def _draw_curve(canvas: Canvas, updates: Array, online: Array, target: Array, optimum: float) -> None:
    """The start square's values over the updates, with axes, legend and the exact value."""
    axis = curve_axis(np.concatenate([online, target]), optimum)
    low, high, log = axis
    span = max(1.0, float(updates[-1]))

    def height(value: float) -> float:
        share = math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)
        return FLOOR - share * (FLOOR - CEILING)

    name = "The start square's value" + (" (log axis; gaps: 0 and less)" if log else "")
    canvas.text((4, CEILING - 26), name, 13, anchor="lm", bold=True)
    _draw_axes(canvas, height, _powers_of_ten(low, high) if log else ticks(low, high), span)
    exact, blue, red = (PALETTE[name] for name in ("reference", "online network", "target network"))
    canvas.dashed_line([(LEFT, height(optimum)), (RIGHT, height(optimum))], exact["color"], 1.5, (2, 3))
    for values, style, width, dashes in ((online, blue, 2, ()), (target, red, 2.5, (7, 3))):
        for part in unbroken(np.isfinite(values) & ~(log & (values <= 0))):
            points = zip(LEFT + updates[part] / span * (RIGHT - LEFT), map(height, values[part]), strict=True)
            canvas.dashed_line([(float(x), float(y)) for x, y in points], style["color"], width, dashes)
    legend = ((430, f"exact {optimum:.2f}", exact, (2, 3)), (545, "online", blue, ()), (633, "target", red, (7, 3)))
    for x, name, style, dashes in legend:
        canvas.dashed_line([(x, CEILING - 26), (x + 26, CEILING - 26)], style["color"], 2, dashes)
        canvas.text((x + 32, CEILING - 26), name, 11.5, anchor="lm")


def curve_axis(values: Array, optimum: float) -> Axis:
    """Return an axis on which all values have their place.

    It is logarithmic if values are far above the exact one, ``optimum``; then values of 0 and less have none.
    """
    seen = values[np.isfinite(values)]
    largest = float(np.max(np.abs(seen), initial=0.0))
    if largest <= MOST_LINEAR * optimum:
        return Axis(float(np.min(seen, initial=0.0)), 1.1 * max(largest, optimum), log=False)
    least = float(np.min(seen, initial=optimum, where=seen > 0))
    return Axis(10.0 ** math.floor(math.log10(least)), 10.0 ** math.ceil(math.log10(largest)), log=True)


def _draw_axes(canvas: Canvas, height: Callable[[float], float], heights: list[float], span: float) -> None:
    for tick in heights:
        canvas.line([(LEFT, height(tick)), (RIGHT, height(tick))], "#E6E6E6", 1)
        canvas.text((LEFT - 6, height(tick)), _tick_text(tick), 11, anchor="rm")
    for tick in ticks(0.0, span):
        canvas.text((min(LEFT + tick / span * (RIGHT - LEFT), RIGHT - 12), FLOOR + 13), f"{tick:,.0f}", 11)
    canvas.line([(LEFT, CEILING), (LEFT, FLOOR), (RIGHT, FLOOR)], "#888888", 1)
    canvas.text(((LEFT + RIGHT) / 2, HEIGHT - 14), "updates (gradient steps)", 12)
    canvas.upright_text((10, (CEILING + FLOOR) / 2), "max Q (discounted return)", 11)


def _powers_of_ten(low: float, high: float) -> list[float]:
    """Return the ticks of a logarithmic axis, about six."""
    first, last = round(math.log10(low)), round(math.log10(high))
    return [10.0**power for power in range(first, last + 1, max(1, (last - first) // 5))]


def _tick_text(value: float) -> str:
    """The value in at most six characters, which fit beside the axis."""
    return f"{value:,.6g}" if value < 1e5 else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def _value_text(value: float) -> str:
    """The value in at most five characters; "goal" for NaN."""
    if np.isnan(value):
        return "goal"
    if np.isinf(value):
        return "∞"
    if abs(value) < 9.995:
        text = f"{round(value, 2) + 0.0:.2f}"  # + 0.0: without a minus sign before 0.00
    else:
        text = f"{value:.0f}" if abs(value) < 9_999.5 else f"{value:.0e}".replace("e+0", "e")
    return text.replace("-", "−")


def _alt(updates: Array, online: Array, target: Array, optimum: Array, square: int) -> str:
    return (
        f"Values of the two networks after {updates[-1]:.0f} updates. Start square: online {online[-1, square]:.3g}, "
        f"target {target[-1, square]:.3g}, exact {optimum[square]:.3g}. Largest value of all squares: online "
        f"{online[-1].max():.3g}, target {target[-1].max():.3g}, exact {optimum.max():.3g}."
    )
