"""A drawing of a Q-table beside a Q-network."""

from __future__ import annotations

from itertools import pairwise

from dqnkit.plots.canvas import INK, Canvas, Point
from dqnkit.plots.style import PALETTE, Picture

WIDTH, HEIGHT = 720, 270  # pixels
BLUE = PALETTE["online network"]["color"]
PALE, FAINT = "#D3E5F3", "#BBBBBB"
ACTIONS = ("up", "right", "down", "left")
CAPTION = (
    "Left, the table: a row for each square, a column for each action; an update changes one entry. Right, the "
    "network: the observation goes in, a value for each action comes out; an update takes a gradient "
    "step."
)


def table_and_network() -> Picture:
    """The Q-table of a grid world beside the Q-network that replaces it."""
    canvas = Canvas(WIDTH, HEIGHT)
    _draw_table(canvas)
    _draw_network(canvas)
    alt = (
        "Left, a table with a row for each square and a column for each of four actions, one row marked. Right, a "
        "network: inputs x and y, two hidden layers of 64 units, and four outputs, Q of up, right, down and left."
    )
    return canvas.picture(alt, CAPTION)


def _draw_table(canvas: Canvas) -> None:
    left, top, wide, high = 80.0, 62.0, 46.0, 24.0
    canvas.text((14, 18), "Table: look it up", 13, anchor="lm", bold=True)
    for column, action in enumerate(ACTIONS):
        canvas.text((left + wide * (column + 0.5), top - 12), action, 11)
    names = ("square 0", "square 1", "square 2", "…", "square 23", "square 24")
    for row, name in enumerate(names):
        y = top + high * row
        lit = row == 2
        canvas.text((left - 8, y + high / 2), name, 11, anchor="rm", bold=lit)
        if name == "…":
            continue
        for column in range(len(ACTIONS)):
            x = left + wide * column
            canvas.rectangle((x + 1, y + 1), (x + wide - 1, y + high - 1), BLUE if lit else PALE)
            if lit:
                canvas.text((x + wide / 2, y + high / 2), "Q(s, a)", 10, "white")
    canvas.text((left + 2 * wide, top + 6 * high + 22), "100 numbers, each on its own", 12)


def _draw_network(canvas: Canvas) -> None:
    canvas.text((310, 18), "Network: compute it", 13, anchor="lm", bold=True)
    layers = [
        _column(350, (112, 156)),
        _column(445, (52, 78, 104, 164, 190, 216)),
        _column(540, (52, 78, 104, 164, 190, 216)),
        _column(635, (74, 112, 156, 194)),
    ]
    for one, other in pairwise(layers):
        for start in one:
            for end in other:
                canvas.line([start, end], "#D9D9D9", 0.8)
    for number, layer in enumerate(layers):
        for place in layer:
            canvas.circle(place, 9, BLUE if number == 3 else PALE, BLUE, 1.5)
    for x in (445, 540):
        canvas.text((x, 134), "⋮", 15, INK)
        canvas.text((x, 240), "64, relu", 12)
    for name, place in zip(("x", "y"), layers[0], strict=True):
        canvas.text((place[0] - 15, place[1]), name, 12, anchor="rm")
    canvas.text((350, 240), "observation", 12)
    canvas.text((645, 240), "Q(s, a)", 12)
    for action, place in zip(ACTIONS, layers[3], strict=True):
        canvas.text((place[0] + 14, place[1]), action, 11, anchor="lm")


def _column(x: float, ys: tuple[float, ...]) -> list[Point]:
    return [(x, y) for y in ys]
