"""Q-tables of a grid world as heat maps: a triangle for each action, an arrow for each greedy move."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.canvas import INK, SHARPNESS, Canvas, Point, blend
from dqnkit.plots.scales import ticks
from dqnkit.plots.style import PALETTE, Picture
from dqnkit.types import Array, FloatArray

Square = tuple[int, int]  # row, column; (0, 0) is the upper left

MOVES = ("up", "right", "down", "left")  # the order of the actions, as in `dqnkit.small_environments`
DIRECTIONS = ((0, -1), (1, 0), (0, 1), (-1, 0))  # of each move, as (x to the right, y down)
MAX_SIZE_WITH_NUMBERS = 6  # squares a side; in larger tables the numbers are too small to read
TOLERANCE = 1e-5  # of the scale: values this close count as equal
SIDE = 390  # of one table, in pixels on the page, at most
PAGE = 830  # pixels of a narrow page: tables side by side share them, so that nothing is scaled down to fit
SMALL_SQUARE = 45  # pixels; a goal in a smaller square shows its reward alone
LEFT, TOP, BELOW, GAP, BAR = 38, 26, 38, 16, 74  # pixels around the tables and of the colour bar

LABEL = "Q-value (discounted return)"
CAPTION = (
    "What to look for: each square has four triangles, one for the move in that direction: the darker, the larger its "
    "Q-value. Arrows show the greedy moves, those of the largest value (a dot: all four are equal). Goals are green, "
    "with their reward."
)


def q_table(
    tables: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    *,
    goals: Mapping[Square, float] | None = None,
    scale: tuple[float, float] | None = None,
    numbers: bool | None = None,
    label: str = LABEL,
    arrows: bool = True,
    caption: str = CAPTION,
    sharpness: float = SHARPNESS,
) -> Picture:
    """Draw one or several Q-tables side by side on one colour scale. Takes about 20 ms.

    Args:
        tables: Q-values ``[S, A]`` of a square grid with four actions (up, right, down, left), S = size x size; or
            several by title, as ``{"learned": q, "exact Q*": q_star}``.
        goals: the reward of each terminal square by (row, column), as `GridWorld.goals`; their Q-values are not drawn.
        scale: the values of the lightest and the darkest colour; by default from 0 (or the least value, if negative)
            to the largest value in any of the tables.
        numbers: whether the values are written into the triangles; by default if they are large enough to read.
        label: what the values are, beside the colour bar.
        arrows: whether the greedy moves are drawn; they mean nothing where the values are no Q-values.
        caption: what to look for.
        sharpness: as in `Canvas`.

    Raises:
        InvalidDataError: a table not of shape ``[size * size, 4]``, or tables of different sizes.
    """
    named = tables if isinstance(tables, Mapping) else {"Q-table": tables}
    arrays = {title: _checked(table, title) for title, table in named.items()}
    if len({len(array) for array in arrays.values()}) != 1:
        raise InvalidDataError(f"tables side by side need one size, but theirs are {[len(a) for a in arrays.values()]}")
    goals = goals or {}
    size = math.isqrt(len(next(iter(arrays.values()))))
    low, high = _scale(arrays.values(), goals) if scale is None else scale
    with_numbers = size <= MAX_SIZE_WITH_NUMBERS if numbers is None else numbers
    side = min(SIDE, (PAGE - GAP - BAR) // len(arrays) - LEFT)
    canvas = Canvas(len(arrays) * (LEFT + side) + GAP + BAR, TOP + side + BELOW, sharpness)
    for number, (title, array) in enumerate(arrays.items()):
        layout = _TableLayout(size, side, LEFT + number * (LEFT + side), TOP)
        canvas.text((layout.left, TOP - 13), title, size=13, anchor="lm", bold=True)
        _draw_values(canvas, layout, array, goals, (low, high), with_numbers, arrows)
        _draw_goals(canvas, layout, goals)
        _draw_axes(canvas, layout)
    _draw_bar(canvas, len(arrays) * (LEFT + side) + GAP, side, (low, high), label)
    return canvas.picture(_alt(arrays, goals, size, label, arrows), caption)


def greedy_moves(values: npt.ArrayLike, tolerance: float = 1e-12) -> list[int]:
    """Return the actions with the largest of the values ``[A]``: several if values are equal."""
    row = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-np.inf)
    return [int(action) for action in np.flatnonzero(np.isclose(row, row.max(), rtol=1e-9, atol=tolerance))]


class _TableLayout:
    """The position of one table's squares on the canvas."""

    def __init__(self, size: int, side: float, left: float, top: float) -> None:
        self.size, self.left, self.top, self.square = size, left, top, side / size

    def at(self, row: float, column: float) -> Point:
        """Return the pixel of a row and column, which may be fractions."""
        return self.left + column * self.square, self.top + row * self.square

    def triangle(self, square: Square, action: int) -> list[Point]:
        """Return the corners of the triangle on the side of a square to which a move leads."""
        row, column = square
        corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
        return [self.at(*corners[action]), self.at(*corners[(action + 1) % 4]), self.at(row + 0.5, column + 0.5)]


def _checked(table: npt.ArrayLike, title: str) -> FloatArray:
    array: Array = np.asarray(table, dtype=np.float64)
    size = math.isqrt(len(array)) if array.ndim else 0
    if size == 0 or array.shape != (size * size, len(MOVES)):
        raise InvalidDataError(
            f"the table {title!r} has the shape {array.shape}: expected [size * size, {len(MOVES)}], a row for each "
            "square of a square room and a column for each move"
        )
    return array


def _shown(array: Array, goals: Mapping[Square, float]) -> Array:
    """Return the rows of the squares that are drawn: those that are no goals."""
    size = math.isqrt(len(array))
    shown = np.ones(len(array), dtype=bool)
    shown[[row * size + column for row, column in goals]] = False
    return array[shown]


def _scale(arrays: Iterable[Array], goals: Mapping[Square, float]) -> tuple[float, float]:
    """Return 0, or the least value if negative, and the largest value; terminal squares do not count."""
    values = np.concatenate([_shown(array, goals).ravel() for array in arrays])
    values = values[np.isfinite(values)]
    low, high = values.min(initial=0.0), values.max(initial=0.0)
    return float(low), float(high if high > low else low + 1.0)


def _draw_values(
    canvas: Canvas,
    layout: _TableLayout,
    q: FloatArray,
    goals: Mapping[Square, float],
    scale: tuple[float, float],
    numbers: bool,
    arrows: bool,
) -> None:
    squares = [(row, column) for row in range(layout.size) for column in range(layout.size)]
    shown = [square for square in squares if square not in goals]
    for row, column in shown:
        values = q[row * layout.size + column]
        for action, value in enumerate(values):
            canvas.polygon(layout.triangle((row, column), action), _colour(value, scale))
        canvas.line([layout.at(row, column), layout.at(row + 1, column + 1)], "white", 1)
        canvas.line([layout.at(row + 1, column), layout.at(row, column + 1)], "white", 1)
        if numbers:
            _write_numbers(canvas, layout, (row, column), values, scale)
        if arrows:
            moves = greedy_moves(values, TOLERANCE * (scale[1] - scale[0]))
            _draw_arrows(canvas, layout, (row, column), moves, length=0.15 if numbers else 0.3)
    for line in range(layout.size + 1):
        canvas.line([layout.at(line, 0), layout.at(line, layout.size)], "white", 3)
        canvas.line([layout.at(0, line), layout.at(layout.size, line)], "white", 3)


def _colour(value: float, scale: tuple[float, float]) -> str:
    """Return a light to dark blue, the colour of Q-values in the kit; grey for NaN and infinity."""
    if not np.isfinite(value):
        return "#BBBBBB"
    position = min(1.0, max(0.0, (value - scale[0]) / (scale[1] - scale[0])))
    return blend(position, "#F0F6FB", PALETTE["online network"]["color"])


def _draw_arrows(canvas: Canvas, layout: _TableLayout, square: Square, moves: list[int], length: float) -> None:
    """Draw arrows from the middle of a square along its greedy moves; a dot if all moves are equal."""
    middle = layout.at(square[0] + 0.5, square[1] + 0.5)
    if len(moves) == len(MOVES):
        canvas.circle(middle, 0.025 * layout.square + 0.6, INK)
        return
    reach = length * layout.square
    canvas.arrows(middle, [(reach * DIRECTIONS[m][0], reach * DIRECTIONS[m][1]) for m in moves], 1 + 0.1 * reach)


def _write_numbers(
    canvas: Canvas, layout: _TableLayout, square: Square, values: FloatArray, scale: tuple[float, float]
) -> None:
    for (right, down), value in zip(DIRECTIONS, values, strict=True):
        dark = np.isfinite(value) and (value - scale[0]) / (scale[1] - scale[0]) > 0.8  # then white has more contrast
        at = layout.at(square[0] + 0.5 + 0.375 * down, square[1] + 0.5 + 0.335 * right)
        text = _value_text(value)
        size = min(13, 0.15 * layout.square) * (
            0.85 if len(text) > 3 else 1
        )  # what is longer must not leave its square
        canvas.text(at, text, size=size, color="white" if dark else INK)


def _value_text(value: float) -> str:
    """Return a number in about four characters: .81, −.10, 1, 12, 3e5."""
    if not np.isfinite(value):
        return "?"
    if abs(value) >= 10_000:
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    if abs(value) >= 10:
        return f"{value:.0f}"
    if abs(value) < 0.005:
        return "0"
    return f"{value:.2f}".replace("0.", ".", 1).replace("-", "−").removesuffix(".00")


def _draw_goals(canvas: Canvas, layout: _TableLayout, goals: Mapping[Square, float]) -> None:
    for (row, column), reward in goals.items():
        left, top = layout.at(row, column)
        right, bottom = layout.at(row + 1, column + 1)
        canvas.rectangle((left + 1.5, top + 1.5), (right - 1.5, bottom - 1.5), PALETTE["environment"]["color"])
        small, pays = layout.square < SMALL_SQUARE, f"{reward:+g}".replace("-", "−")
        size = min(13, (0.4 if small else 0.19) * layout.square)
        if not small:
            canvas.text(layout.at(row + 0.36, column + 0.5), "goal", size, "white", bold=True)
        canvas.text(layout.at(row + (0.5 if small else 0.64), column + 0.5), pays, size, "white", bold=True)


def _draw_axes(canvas: Canvas, layout: _TableLayout) -> None:
    for number in range(layout.size):
        x, y = layout.at(layout.size, number + 0.5)
        canvas.text((x, y + 9), str(number), 11)
        x, y = layout.at(number + 0.5, 0)
        canvas.text((x - 9, y), str(number), 11)
    x, y = layout.at(layout.size, layout.size / 2)
    canvas.text((x, y + 26), "column", 12)
    x, y = layout.at(layout.size / 2, 0)
    canvas.upright_text((x - 26, y), "row", 12)


def _draw_bar(canvas: Canvas, left: float, side: int, scale: tuple[float, float], label: str) -> None:
    """Draw the colour bar; the label says what its values are."""
    low, high = scale
    for step in range(side):
        value = high - (high - low) * step / (side - 1)
        canvas.rectangle((left, TOP + step), (left + 12, TOP + step + 1), _colour(value, scale))
    for value in ticks(low, high):
        place = TOP + side * (high - value) / (high - low)
        canvas.text((left + 17, place), f"{value:.4g}".replace("-", "−"), 11, anchor="lm")
    canvas.upright_text((left + 58, TOP + side / 2), label, 12)


def _alt(
    arrays: Mapping[str, Array],
    goals: Mapping[Square, float],
    size: int,
    label: str,
    arrows: bool,
) -> str:
    """Return the tables in words: the range of their values, and the greedy moves in the upper left square."""
    what = "Q-values" if label == LABEL else label[0].upper() + label[1:]
    parts = [f"{what} of a room of {size} by {size} squares."]
    if goals:
        named = (f"row {row} column {column} ({reward:+g})" for (row, column), reward in goals.items())
        parts.append(f"Goals: {', '.join(named)}.")
    for title, array in arrays.items():
        kept = _shown(array, goals)
        finite = kept[np.isfinite(kept)]
        values = f"values from {finite.min():.2f} to {finite.max():.2f}" if len(finite) else "no finite values"
        moves = greedy_moves(array[0], TOLERANCE * np.abs(finite).max(initial=0.0))
        first = "any move" if len(moves) == len(MOVES) else " or ".join(MOVES[move] for move in moves)
        parts.append(f"{title}: {values}" + (f"; greedy in the upper left: {first}." if arrows else "."))
    return " ".join(parts)
