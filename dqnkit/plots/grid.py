"""Q-tables of a grid world as heat maps: a triangle for each action, an arrow where the greedy policy goes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from dqnkit.errors import InvalidDataError
from dqnkit.plots.canvas import INK, Canvas, Point, blend
from dqnkit.plots.style import PALETTE, Picture
from dqnkit.types import Array, FloatArray

Square = tuple[int, int]  # row, column; (0, 0) is the upper left

MOVES = ("up", "right", "down", "left")  # the order of the actions, as in `dqnkit.small_environments`
DIRECTIONS = ((0, -1), (1, 0), (0, 1), (-1, 0))  # of each move, as (x to the right, y down)
LARGEST_WITH_NUMBERS = 6  # squares a side; beyond it the numbers are too small to read
EQUAL = 1e-5  # of the scale: values that lie no further apart are drawn as equal
SIDE = 390  # pixels of one table on the page
LEFT, TOP, BELOW, GAP, BAR = 38, 26, 38, 16, 74  # pixels around the tables, and of the bar of colours

CAPTION = (
    "What to look for: each square has four triangles, one for the move in that direction: the darker, the larger its "
    "Q-value. Arrows show the greedy moves, those of the largest value (a dot: all four are equal). Goals are green, "
    "with their reward."
)


def q_table(
    tables: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    *,
    goals: Mapping[Square, float] | None = None,
    agent: Square | None = None,
    lit: tuple[Square, int] | None = None,
    scale: tuple[float, float] | None = None,
    numbers: bool | None = None,
    caption: str = CAPTION,
) -> Picture:
    """One Q-table or more, side by side on one colour scale. Takes about 20 ms.

    Args:
        tables: Q-values ``[S, A]`` of a square grid with four actions (up, right, down, left), S = size x size; or
            several by their titles, as ``{"learned": q, "exact Q*": q_star}``.
        goals: the reward of each terminal square by (row, column), as `GridWorld.goals`; their Q-values are not drawn.
        agent: the square in which the agent is, in the first table.
        lit: a square and an action whose triangle is framed in the first table: the value that was just updated.
        scale: the values of the lightest and the darkest colour; unless given from 0 (or the least value, where that is
            negative) to the largest value in any of the tables.
        numbers: whether the values are written into the triangles; unless given where they are large enough to read.
        caption: what to look for.

    Raises:
        InvalidDataError: a table that is not ``[size * size, 4]``, or tables of different sizes.
    """
    named = tables if isinstance(tables, Mapping) else {"Q-table": tables}
    arrays = {title: _checked(table, title) for title, table in named.items()}
    if len({len(array) for array in arrays.values()}) != 1:
        raise InvalidDataError(f"tables side by side need one size, but theirs are {[len(a) for a in arrays.values()]}")
    goals = goals or {}
    size = math.isqrt(len(next(iter(arrays.values()))))
    low, high = _scale(arrays.values(), goals) if scale is None else scale
    with_numbers = size <= LARGEST_WITH_NUMBERS if numbers is None else numbers
    canvas = Canvas(len(arrays) * (LEFT + SIDE) + GAP + BAR, TOP + SIDE + BELOW)
    for number, (title, array) in enumerate(arrays.items()):
        place = _Place(size, LEFT + number * (LEFT + SIDE), TOP)
        canvas.text((place.left, TOP - 13), title, size=13, anchor="lm", bold=True)
        _draw_values(canvas, place, array, goals, (low, high), with_numbers)
        _draw_goals(canvas, place, goals)
        _draw_axes(canvas, place)
        if number == 0:
            _draw_agent(canvas, place, agent, lit)
    _draw_bar(canvas, len(arrays) * (LEFT + SIDE) + GAP, (low, high))
    return canvas.picture(_alt(arrays, goals, agent, size), caption)


def greedy_moves(values: npt.ArrayLike, tolerance: float = 1e-12) -> list[int]:
    """The actions whose values ``[A]`` are the largest of a square: more than one where they are equal."""
    row = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-np.inf)
    return [int(action) for action in np.flatnonzero(np.isclose(row, row.max(), rtol=1e-9, atol=tolerance))]


class _Place:
    """Where the squares of one table lie on the paper."""

    def __init__(self, size: int, left: float, top: float) -> None:
        self.size, self.left, self.top, self.square = size, left, top, SIDE / size

    def at(self, row: float, column: float) -> Point:
        return self.left + column * self.square, self.top + row * self.square

    def triangle(self, square: Square, action: int) -> list[Point]:
        """The part of a square on the side that a move leads to."""
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


def _scale(arrays: Iterable[Array], goals: Mapping[Square, float]) -> tuple[float, float]:
    """From 0, or the least value, to the largest, terminal squares left out."""
    kept = []
    for array in arrays:
        size = math.isqrt(len(array))
        shown = np.ones(len(array), dtype=bool)
        shown[[row * size + column for row, column in goals]] = False
        kept.append(array[shown].ravel())
    values = np.concatenate(kept)
    values = values[np.isfinite(values)]
    low, high = values.min(initial=0.0), values.max(initial=0.0)
    return float(low), float(high if high > low else low + 1.0)


def _draw_values(
    canvas: Canvas,
    place: _Place,
    q: FloatArray,
    goals: Mapping[Square, float],
    scale: tuple[float, float],
    numbers: bool,
) -> None:
    squares = [(row, column) for row in range(place.size) for column in range(place.size)]
    shown = [square for square in squares if square not in goals]
    for row, column in shown:
        values = q[row * place.size + column]
        for action, value in enumerate(values):
            canvas.polygon(place.triangle((row, column), action), _colour(value, scale))
        canvas.line([place.at(row, column), place.at(row + 1, column + 1)], "white", 1)
        canvas.line([place.at(row + 1, column), place.at(row, column + 1)], "white", 1)
        if numbers:
            _write_numbers(canvas, place, (row, column), values, scale)
        moves = greedy_moves(values, EQUAL * (scale[1] - scale[0]))
        _draw_arrows(canvas, place, (row, column), moves, length=0.15 if numbers else 0.3)
    for line in range(place.size + 1):
        canvas.line([place.at(line, 0), place.at(line, place.size)], "white", 3)
        canvas.line([place.at(0, line), place.at(place.size, line)], "white", 3)


def _colour(value: float, scale: tuple[float, float]) -> str:
    """Light to dark blue, the colour of Q-values in the kit; grey for what is not a number."""
    if not np.isfinite(value):
        return "#BBBBBB"
    position = min(1.0, max(0.0, (value - scale[0]) / (scale[1] - scale[0])))
    return blend(position, "#F0F6FB", PALETTE["online network"]["color"])


def _draw_arrows(canvas: Canvas, place: _Place, square: Square, moves: list[int], length: float) -> None:
    """From the middle of a square along its greedy moves; a dot where no move is better than another."""
    middle = place.at(square[0] + 0.5, square[1] + 0.5)
    if len(moves) == len(MOVES):
        canvas.circle(middle, 0.025 * place.square + 0.6, INK)
        return
    reach = length * place.square
    canvas.arrows(middle, [(reach * DIRECTIONS[m][0], reach * DIRECTIONS[m][1]) for m in moves], 1 + 0.1 * reach)


def _write_numbers(
    canvas: Canvas, place: _Place, square: Square, values: FloatArray, scale: tuple[float, float]
) -> None:
    for (right, down), value in zip(DIRECTIONS, values, strict=True):
        dark = np.isfinite(value) and (value - scale[0]) / (scale[1] - scale[0]) > 0.8  # where white has more contrast
        at = place.at(square[0] + 0.5 + 0.375 * down, square[1] + 0.5 + 0.335 * right)
        canvas.text(at, _short(value), size=min(13, 0.15 * place.square), color="white" if dark else INK)


def _short(value: float) -> str:
    """A number in four characters or so: .81, −.10, 1, 12, 3e5."""
    if not np.isfinite(value):
        return "?"
    if abs(value) >= 10_000:
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    if abs(value) >= 10:
        return f"{value:.0f}"
    if abs(value) < 0.005:
        return "0"
    return f"{value:.2f}".replace("0.", ".", 1).replace("-", "−").removesuffix(".00")


def _draw_goals(canvas: Canvas, place: _Place, goals: Mapping[Square, float]) -> None:
    for (row, column), reward in goals.items():
        left, top = place.at(row, column)
        right, bottom = place.at(row + 1, column + 1)
        canvas.rectangle((left + 1.5, top + 1.5), (right - 1.5, bottom - 1.5), PALETTE["environment"]["color"])
        size = min(13, 0.19 * place.square)
        canvas.text(place.at(row + 0.36, column + 0.5), "goal", size, "white", bold=True)
        canvas.text(place.at(row + 0.64, column + 0.5), f"{reward:+g}".replace("-", "−"), size, "white", bold=True)


def _draw_axes(canvas: Canvas, place: _Place) -> None:
    for number in range(place.size):
        x, y = place.at(place.size, number + 0.5)
        canvas.text((x, y + 9), str(number), 11)
        x, y = place.at(number + 0.5, 0)
        canvas.text((x - 9, y), str(number), 11)
    x, y = place.at(place.size, place.size / 2)
    canvas.text((x, y + 26), "column", 12)
    x, y = place.at(place.size / 2, 0)
    canvas.upright_text((x - 26, y), "row", 12)


def _draw_agent(canvas: Canvas, place: _Place, agent: Square | None, lit: tuple[Square, int] | None) -> None:
    if lit is not None:
        corners = place.triangle(*lit)
        canvas.line([*corners, *corners[:2]], PALETTE["loss"]["color"], 3.5)
    if agent is not None:
        canvas.circle(place.at(agent[0] + 0.5, agent[1] + 0.5), 0.12 * place.square, INK, "white", 2)


def _draw_bar(canvas: Canvas, left: float, scale: tuple[float, float]) -> None:
    """Which colour is which value."""
    low, high = scale
    for step in range(SIDE):
        value = high - (high - low) * step / (SIDE - 1)
        canvas.rectangle((left, TOP + step), (left + 12, TOP + step + 1), _colour(value, scale))
    for part in range(6):
        value = high - (high - low) * part / 5
        canvas.text((left + 17, TOP + SIDE * part / 5), f"{value:.2g}".replace("-", "−"), 11, anchor="lm")
    canvas.upright_text((left + 58, TOP + SIDE / 2), "Q-value (discounted return)", 12)


def _alt(arrays: Mapping[str, Array], goals: Mapping[Square, float], agent: Square | None, size: int) -> str:
    """The tables in words: how large their values are, and where the greedy policy goes from the upper left."""
    parts = [f"Q-values of a room of {size} by {size} squares."]
    if goals:
        named = (f"row {row} column {column} ({reward:+g})" for (row, column), reward in goals.items())
        parts.append(f"Goals: {', '.join(named)}.")
    if agent is not None:
        parts.append(f"The agent is in row {agent[0]}, column {agent[1]}.")
    for title, array in arrays.items():
        finite = array[np.isfinite(array)]
        values = f"values from {finite.min():.2f} to {finite.max():.2f}" if len(finite) else "no finite values"
        moves = greedy_moves(array[0], EQUAL * np.abs(finite).max(initial=0.0))
        first = "any move" if len(moves) == len(MOVES) else " or ".join(MOVES[move] for move in moves)
        parts.append(f"{title}: {values}; greedy in the upper left: {first}.")
    return " ".join(parts)
