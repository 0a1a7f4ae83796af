"""Q-values as a landscape over two state dimensions, beside curves of the training run, as a static picture.

Drawn with Pillow in about 50 ms, so that it can change while a network trains. ``landscape.js`` draws the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.canvas import INK, SHARPNESS, Canvas, Point, blend
from dqnkit.plots.scales import round_up, ticks, unbroken
from dqnkit.plots.style import PALETTE, Picture
from dqnkit.types import Array

WIDTH, CHART_WIDTH, HEIGHT = 440, 320, 360  # pixels: width of the landscape, width of the chart, height of both
ELEVATION = math.radians(28)  # of the eye above the floor
HALF_FLOOR, VALUE_HEIGHT = 120.0, 155.0  # pixels: half a side of the floor, height of the scale of values
TURN = 35.0  # degrees by which the floor is turned
GRID = "#DDDDDD"
FAINT = "#6E6E6E"
LIT = 10.0  # how much light changes with the slope
BLUES = ("#BBDDF3", str(PALETTE["online network"]["color"]))  # of the first and the last action


class Scale(NamedTuple):
    """An axis: its name with the unit, and the values at its two ends."""

    name: str
    low: float
    high: float


class Curve(NamedTuple):
    """A line in the chart beside the landscape."""

    name: str
    kind: str  # a key of PALETTE: what its colour means
    x: npt.ArrayLike  # [T]
    y: npt.ArrayLike  # [T]


class Chart(NamedTuple):
    """The curves beside a landscape. ``level``: name and value of a horizontal line, or None.

    Where values lie outside ``y``, it grows to the next round value.
    """

    x: Scale
    y: Scale
    curves: Sequence[Curve]
    level: tuple[str, float] | None = None


def landscape(
    q: npt.ArrayLike,
    x: Scale,
    y: Scale,
    z: Scale,
    actions: Sequence[str],
    *,
    known: npt.ArrayLike | None = None,
    title: str = "",
    chart: Chart | None = None,
    caption: str = "",
    sharpness: float = SHARPNESS,
) -> Picture:
    """The largest Q-value over two state dimensions as a surface seen from above; colour says whose value it is.

    Args:
        q: ``[Y, X, A]``, rows from ``y.low`` to ``y.high``, columns from ``x.low`` to ``x.high``. Where one is not
            finite, there is a hole.
        x, y, z: the axes; z is the axis of the values. Where values lie outside, it grows to the next round value.
        actions: the A names.
        known: points with known Q-values, rows of x, y and a value for each action ``[P, 2 + A]``. Each is a dot with a
            stick to the surface; the length of the stick is the error.
        title: above the landscape.
        chart: curves to draw beside it.
        caption: what to look for.
        sharpness: as in `Canvas`.

    Raises:
        InvalidDataError: ``q`` is not ``[Y, X, A]`` with Y and X at least 2 and A the number of names.
    """
    values = np.asarray(q, dtype=np.float64)
    if values.ndim != 3 or min(values.shape[:2]) < 2 or values.shape[2] != len(actions):
        raise InvalidDataError(
            f"a landscape takes values [Y, X, A], two of Y and X at least and A = {len(actions)}, not {values.shape}"
        )
    surface = values.max(axis=2)
    points = _best_known(known)
    z = grown(z, surface, points[:, 2])
    canvas = Canvas(WIDTH + (CHART_WIDTH if chart else 0), HEIGHT, sharpness)
    view = _View(x, y, z, TURN)
    canvas.text((12, 16), title, size=13, anchor="lm", bold=True)
    _draw_floor(canvas, view)
    _draw_surface(canvas, view, values)
    _draw_known(canvas, view, surface, points)
    _draw_height_axis(canvas, view)
    _draw_legend(canvas, actions)
    alt = _describe(values, x, y, z, points, actions)
    if chart is not None:
        _draw_chart(canvas, chart)
        alt += " " + _describe_chart(chart)
    return canvas.picture(alt, caption)


def action_colours(count: int) -> list[str]:
    """Colours that tell actions apart, also on dark ground: blues, as all are values of the online network."""
    return [blend(number / max(1, count - 1), *BLUES) for number in range(count)]


def _best_known(known: npt.ArrayLike | None) -> Array:
    """Rows of x, y and the largest of the known values ``[P, 3]``."""
    if known is None:
        return np.empty((0, 3))
    points = np.asarray(known, dtype=np.float64)
    return np.column_stack([points[:, :2], points[:, 2:].max(axis=1)])


def grown(scale: Scale, *values: npt.ArrayLike) -> Scale:
    """The scale, with the ends moved to round values as far as the finite ones of ``values`` need it."""
    kept = np.concatenate([np.ravel(np.asarray(some, dtype=np.float64)) for some in values])
    kept = kept[np.isfinite(kept)]
    low, high = kept.min(initial=scale.low), kept.max(initial=scale.high)
    step = round_up((high - low) / 6, (1, 2, 5, 10))  # as between two ticks
    return scale._replace(
        low=scale.low if low >= scale.low else math.floor(low / step) * step,
        high=scale.high if high <= scale.high else math.ceil(high / step) * step,
    )


class _View:
    """The projection of the three axes onto the picture."""

    def __init__(self, x: Scale, y: Scale, z: Scale, turn: float) -> None:
        self.x, self.y, self.z = x, y, z
        self._cos, self._sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))

    def at(self, x: float, y: float, z: float) -> Point:
        """The pixel of a point in the units of the axes."""
        return self.place(_part(x, self.x), _part(y, self.y), _height(z, self.z))

    def place(self, x: float, y: float, z: float) -> Point:
        """The pixel of a point in fractions of the axes, from 0 to 1."""
        right, depth = self._turned(x, y)
        return (
            WIDTH / 2 + 18 + HALF_FLOOR * right,
            HEIGHT - 112 - HALF_FLOOR * depth * math.sin(ELEVATION) - VALUE_HEIGHT * z * math.cos(ELEVATION),
        )

    def depth(self, x: float, y: float) -> float:
        """The distance from the eye of a point of the floor, in fractions of the axes; larger is farther."""
        return self._turned(x, y)[1]

    def _turned(self, x: float, y: float) -> Point:
        a, b = 2 * x - 1, 1 - 2 * y  # y grows towards the eye, as the rows of a room
        return a * self._cos - b * self._sin, a * self._sin + b * self._cos


def _part(value: float, scale: Scale) -> float:
    return (value - scale.low) / (scale.high - scale.low)


def _draw_floor(canvas: Canvas, view: _View) -> None:
    """The floor at the lowest value, with names and values of its axes along the two nearest edges."""
    for part in np.linspace(0, 1, 5):
        canvas.line([view.place(part, 0, 0), view.place(part, 1, 0)], GRID)
        canvas.line([view.place(0, part, 0), view.place(1, part, 0)], GRID)
    near_y = min((0.0, 1.0), key=lambda edge: view.depth(0.5, edge))
    near_x = min((0.0, 1.0), key=lambda edge: view.depth(edge, 0.5))
    outside_y, outside_x = near_y + 0.1 * (2 * near_y - 1), near_x + 0.1 * (2 * near_x - 1)
    for part in (0.0, 0.5, 1.0):
        _write_below(canvas, view.place(part, outside_y, 0), view.x, part)
        _write_below(canvas, view.place(outside_x, part, 0), view.y, part)
    _name_edge(canvas, view.x.name, view.place(0.5, near_y + 0.26 * (2 * near_y - 1), 0))
    _name_edge(canvas, view.y.name, view.place(near_x + 0.26 * (2 * near_x - 1), 0.5, 0))


def _write_below(canvas: Canvas, place: Point, scale: Scale, part: float) -> None:
    """The value at a fraction of an axis, a little below ``place``, so that it does not touch the scale of values."""
    canvas.text((place[0], place[1] + 5), _tick_text(scale.low + part * (scale.high - scale.low)), 11)


def _name_edge(canvas: Canvas, name: str, place: Point) -> None:
    """The name of an axis, moved to stay inside the picture; may have several lines."""
    for number, line in enumerate(name.split("\n")):
        half = 3.4 * len(line)
        x = min(WIDTH - half - 4, max(half + 4, place[0]))
        canvas.text((x, place[1] + 8 + 15 * number), line, 12)


def _draw_surface(canvas: Canvas, view: _View, values: Array) -> None:
    """Patches between neighbouring values, the farthest first, so that near ones cover them.

    Each has the colour of the action that is best in the mean of its corners; where that changes, there is a dark line.
    """
    surface, colours = values.max(axis=2), action_colours(values.shape[2])
    rows, columns = surface.shape
    heights = [
        [view.place(c / (columns - 1), r / (rows - 1), _height(surface[r, c], view.z)) for c in range(columns)]
        for r in range(rows)
    ]
    patches = [(r, c) for r in range(rows - 1) for c in range(columns - 1)]
    patches.sort(key=lambda at: -view.depth((at[1] + 0.5) / (columns - 1), (at[0] + 0.5) / (rows - 1)))
    drawn: dict[tuple[int, int], int] = {}  # patch -> its best action
    for r, c in patches:
        corners = surface[r : r + 2, c : c + 2]
        if not np.isfinite(corners).all():
            continue
        drawn[r, c] = best = int(values[r : r + 2, c : c + 2].mean(axis=(0, 1)).argmax())
        outline = [heights[r][c], heights[r][c + 1], heights[r + 1][c + 1], heights[r + 1][c]]
        canvas.polygon(outline, _lit(colours[best], corners, view.z))
        canvas.line([*outline, outline[0]], "white", 0.5)
        for side, beside in enumerate([(r - 1, c), (r, c + 1), (r + 1, c), (r, c - 1)]):
            if drawn.get(beside, best) != best:
                canvas.line([outline[side], outline[(side + 1) % 4]], INK, 2.5)


def _lit(color: str, corners: Array, z: Scale) -> str:
    """A colour in light from the left: slopes that face it are lighter."""
    (a, b), (d, c) = corners / (z.high - z.low)
    light = math.tanh(((b + c - a - d) / 2 - (c + d - a - b) / 4) * LIT)
    return blend(0.2 * abs(light), color, "#FFFFFF" if light > 0 else "#000000")


def _height(value: float, z: Scale) -> float:
    return _part(value, z) if np.isfinite(value) else 0.0


def _draw_legend(canvas: Canvas, actions: Sequence[str]) -> None:
    """A square and a name for each action, below the title."""
    left = 14.0
    for name, color in zip(actions, action_colours(len(actions)), strict=True):
        canvas.rectangle((left, 30), (left + 11, 41), color)
        canvas.text((left + 17, 36), name, 11, anchor="lm")
        left += 36 + 6.8 * len(name)
    canvas.text((left, 36), "is best there", 11, anchor="lm")


def _draw_known(canvas: Canvas, view: _View, surface: Array, points: Array) -> None:
    """The known points with their sticks, drawn last: a hill must not hide an error."""
    order = sorted(points.tolist(), key=lambda point: -view.depth(_part(point[0], view.x), _part(point[1], view.y)))
    for x, y, value in order:
        under = _between(surface, _part(x, view.x), _part(y, view.y))
        dot = view.at(x, y, value)
        if np.isfinite(under):
            canvas.line([view.at(x, y, under), dot], PALETTE["loss"]["color"], 2.5)
        canvas.circle(dot, 3.6, PALETTE["reference"]["color"], "white", 1)


def _between(surface: Array, x: float, y: float) -> float:
    """The value of the surface at a point in fractions of the axes: bilinear interpolation."""
    rows, columns = surface.shape
    r, c = y * (rows - 1), x * (columns - 1)
    r0, c0 = min(int(r), rows - 2), min(int(c), columns - 2)
    down, right = r - r0, c - c0
    upper = (1 - right) * surface[r0, c0] + right * surface[r0, c0 + 1]
    lower = (1 - right) * surface[r0 + 1, c0] + right * surface[r0 + 1, c0 + 1]
    return float((1 - down) * upper + down * lower)


def _draw_height_axis(canvas: Canvas, view: _View) -> None:
    """The scale of the values, at the leftmost corner of the floor."""
    corner = min(((0, 0), (0, 1), (1, 0), (1, 1)), key=lambda at: view.place(at[0], at[1], 0)[0])
    canvas.line([view.place(corner[0], corner[1], end) for end in (0, 1)], FAINT, 1.2)
    for value in ticks(view.z.low, view.z.high):
        x, y = view.place(corner[0], corner[1], _part(value, view.z))
        canvas.line([(x - 4, y), (x, y)], FAINT, 1.2)
        canvas.text((x - 7, y), _tick_text(value), 11, anchor="rm")
    x, y = view.place(corner[0], corner[1], 0.5)
    canvas.upright_text((max(10, x - 46), y), view.z.name, 12)


def _draw_chart(canvas: Canvas, chart: Chart) -> None:
    level = [] if chart.level is None else [chart.level[1]]
    chart = chart._replace(y=grown(chart.y, level, *(curve.y for curve in chart.curves)))
    lines = len(chart.curves) + (chart.level is not None)
    left, right, top, bottom = WIDTH + 62, WIDTH + CHART_WIDTH - 26, 34 + 17 * lines, HEIGHT - 56

    def at(x: float, y: float) -> Point:
        return left + (right - left) * _part(x, chart.x), bottom - (bottom - top) * _part(y, chart.y)

    def name_line(number: int, name: str, kind: str) -> None:
        y = 16 + 17 * number
        _draw_curve(canvas, [(left, y), (left + 28, y)], kind, 2.0)
        canvas.text((left + 35, y), name, 12, anchor="lm")

    for value in ticks(chart.y.low, chart.y.high):
        place = at(chart.x.low, value)
        canvas.line([place, (right, place[1])], GRID)
        canvas.text((left - 6, place[1]), _tick_text(value), 11, anchor="rm")
    for part in (0.0, 0.5, 1.0):
        value = chart.x.low + part * (chart.x.high - chart.x.low)
        canvas.text((at(value, 0)[0], bottom + 12), f"{value:,.0f}", 11)
    canvas.text(((left + right) / 2, bottom + 32), chart.x.name, 12)
    canvas.upright_text((WIDTH + 16, (top + bottom) / 2), chart.y.name, 12)
    for number, curve in enumerate(chart.curves):
        xs, ys = np.asarray(curve.x, dtype=np.float64), np.asarray(curve.y, dtype=np.float64)
        for piece in unbroken(np.isfinite(ys)):  # a value that is not finite leaves a gap
            _draw_curve(canvas, [at(a, b) for a, b in zip(xs[piece], ys[piece], strict=True)], curve.kind, 2.0)
        name_line(number, curve.name, curve.kind)
    if chart.level is not None:
        name, value = chart.level
        _draw_curve(canvas, [at(chart.x.low, value), at(chart.x.high, value)], "reference", 2.0)
        name_line(len(chart.curves), name, "reference")


def _draw_curve(canvas: Canvas, points: Sequence[Point], kind: str, width: float) -> None:
    """Draw a line in the colour and the line style of what it shows; ``kind`` is a key of `PALETTE`."""
    style = PALETTE[kind]["linestyle"]
    dashes = [] if style == "-" else [part * width * 1.6 for part in style[1]]
    canvas.dashed_line(points, PALETTE[kind]["color"], width, dashes)


def _tick_text(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 100 else f"{value:,.0f}"
    return "0" if text in ("-0", "") else text.replace("-", "−")


def _describe(values: Array, x: Scale, y: Scale, z: Scale, points: Array, actions: Sequence[str]) -> str:
    """The landscape in words: its range, its highest point, where actions are best, its error at the known points."""
    surface = values.max(axis=2)
    names = (" ".join(scale.name.split()) for scale in (z, x, y))
    text = "Landscape of {} over {} and {}.".format(*names)
    if not np.isfinite(surface).any():
        return f"{text} No finite values."
    finite = np.where(np.isfinite(surface), surface, np.nan)
    row, column = np.unravel_index(np.nanargmax(finite), surface.shape)
    rows, columns = surface.shape
    top_x = x.low + column / (columns - 1) * (x.high - x.low)
    top_y = y.low + row / (rows - 1) * (y.high - y.low)
    text += f" Values from {np.nanmin(finite):.2f} to {np.nanmax(finite):.2f}, highest at {top_x:.2g}, {top_y:.2g}."
    shares = np.bincount(values.argmax(axis=2).ravel(), minlength=len(actions)) / surface.size
    parts = (f"{name} {share:.0%}" for name, share in zip(actions, shares, strict=True))
    text += f" Best action: {', '.join(parts)}."
    if len(points):
        errors = [abs(value - _between(surface, _part(a, x), _part(b, y))) for a, b, value in points.tolist()]
        text += f" Largest distance to the known values (the sticks): {np.nanmax(errors):.2f}."
    return text


def _describe_chart(chart: Chart) -> str:
    parts = []
    for curve in chart.curves:
        ys = np.asarray(curve.y, dtype=np.float64)
        ys = ys[np.isfinite(ys)]
        if len(ys):
            parts.append(f"{curve.name}: now {ys[-1]:.2f}, at most {ys.max():.2f}.")
    return f"Beside it, {chart.y.name} over {chart.x.name}. " + " ".join(parts)
