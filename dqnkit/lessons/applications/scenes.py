"""A picture of the moment in each environment of this lesson, drawn in milliseconds and without a graphics library.

An environment that is not one of them is drawn by itself, if it can draw.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dqnkit.plots.canvas import INK, Canvas, Point
from dqnkit.plots.style import PALETTE, Picture
from dqnkit.types import Array
from dqnkit.widgets.playing import AHEAD, BEHIND, LANE, cars_of

WIDTH = 560  # pixels on the page
FAINT, GRID = "#BBBBBB", "#E6E6E6"
COLORS = [PALETTE[name]["color"] for name in ("online network", "environment", "target network", "loss", "exploration")]
THINGS = {"MinAtar/Breakout-v1": ("paddle", "ball", "trail of the ball", "brick")}  # of each channel
CAR = (5.0, 2.0)  # metres: length and width


def scene(env: Any) -> Picture:
    """The environment as it is now.

    Args:
        env: Breakout on the small board, MiniGrid, the inverted pendulum, or a motorway; reset before.
    """
    inner = env.unwrapped
    if hasattr(inner, "grid") and hasattr(inner, "agent_dir"):
        return _room(inner)
    if hasattr(inner, "game"):
        return _board(np.asarray(inner.game.state()), THINGS.get(env.spec.id, ()))
    if hasattr(inner, "data") and len(inner.data.qpos) == 2:
        return _pendulum(float(inner.data.qpos[0]), float(inner.data.qpos[1]))
    if hasattr(inner, "road"):
        return _road(inner)
    raise TypeError(f"there is no drawing of {env}")


def _board(state: Array, things: tuple[str, ...]) -> Picture:
    """A board ``[rows, columns, channels]``: a colour for each channel."""
    rows, columns, channels = state.shape
    side = 26.0
    canvas = Canvas(WIDTH, side * rows + 8)
    left = 4.0
    for row in range(rows):
        for column in range(columns):
            there = np.flatnonzero(state[row, column])
            color = COLORS[there[0] % len(COLORS)] if len(there) else GRID
            corner = (left + side * column + 1, 4 + side * row + 1)
            canvas.rectangle(corner, (corner[0] + side - 2, corner[1] + side - 2), color)
    for number, thing in enumerate(things):
        y = 20.0 + 26 * number
        canvas.rectangle((300, y - 8), (316, y + 8), COLORS[number % len(COLORS)])
        canvas.text((326, y), thing, 13, anchor="lm")
    named = ", ".join(_places(state[:, :, number], thing) for number, thing in enumerate(things or range(channels)))
    return canvas.picture(f"A board of {rows} x {columns} squares. On it: {named}.")


def _places(layer: Array, thing: Any) -> str:
    """What is on a layer ``[rows, columns]`` of a board, in words: where it is, or how many there are."""
    places = [f"row {row}, column {column}" for row, column in np.argwhere(layer)]
    return f"{thing} at {places[0]}" if len(places) == 1 else f"{len(places)} x {thing}"


def _room(inner: Any) -> Picture:
    """MiniGrid, from above; the agent is an arrow."""
    side = 48.0
    canvas = Canvas(WIDTH, side * inner.grid.height + 8)
    found = []
    for row in range(inner.grid.height):
        for column in range(inner.grid.width):
            thing = inner.grid.get(column, row)
            corner = (4 + side * column, 4 + side * row)
            _square(canvas, corner, side, thing)
            if thing is not None and thing.type != "wall":
                found.append(f"{thing.type} at row {row}, column {column}")
    column, row = (int(place) for place in inner.agent_pos)
    middle = (4 + side * (column + 0.5), 4 + side * (row + 0.5))
    forward = ((1, 0), (0, 1), (-1, 0), (0, -1))[inner.agent_dir]
    canvas.polygon(_triangle(middle, forward, 0.34 * side), COLORS[0])
    carries = f"carries the {inner.carrying.type}" if inner.carrying else "carries nothing"
    canvas.text((4 + side * inner.grid.width + 20, 24), f"the agent {carries}", 13, anchor="lm")
    looks = ("right", "down", "left", "up")[inner.agent_dir]
    where = f"The agent at row {row}, column {column} looks {looks} and {carries}"
    return canvas.picture(f"A room from above. {where}; {', '.join(found)}.")


def _square(canvas: Canvas, corner: Point, side: float, thing: Any) -> None:
    """A square of a room and what is on it."""
    kind = "" if thing is None else thing.type
    (x, y), opposite = corner, (corner[0] + side - 1, corner[1] + side - 1)
    canvas.rectangle((x, y), opposite, {"wall": "#888888", "goal": COLORS[1]}.get(kind, GRID))
    if kind == "door":
        canvas.rectangle((x + 4, y + 4), (opposite[0] - 4, opposite[1] - 4), COLORS[3])
        if thing.is_open:
            canvas.rectangle((x + 10, y + 4), (opposite[0] - 4, opposite[1] - 4), GRID)
        canvas.text((x + side / 2, y + side / 2), "open" if thing.is_open else "door", 11)
    if kind == "key":
        canvas.circle((x + side / 2, y + side / 3), 7, COLORS[3])
        canvas.line([(x + side / 2, y + side / 3), (x + side / 2, y + 0.75 * side)], COLORS[3], 4)
        canvas.text((x + side / 2, y + 0.87 * side), "key", 10)
    if kind == "goal":
        canvas.text((x + side / 2, y + side / 2), "goal", 11)


def _triangle(middle: Point, forward: tuple[int, int], size: float) -> list[Point]:
    (x, y), (right, down) = middle, forward
    return [
        (x + size * right, y + size * down),
        (x - size * (right + 0.8 * down), y - size * (down - 0.8 * right)),
        (x - size * (right - 0.8 * down), y - size * (down + 0.8 * right)),
    ]


def _pendulum(position: float, angle: float) -> Picture:
    """A cart at ``position`` metres on its rail, and its pole, ``angle`` radians from upright."""
    canvas = Canvas(WIDTH, 210)
    floor, scale = 170.0, (WIDTH - 80) / 2
    canvas.line([(40, floor + 8), (WIDTH - 40, floor + 8)], "#888888", 2)
    for metres in (-1, 0, 1):
        x = WIDTH / 2 + scale * metres
        canvas.line([(x, floor + 2), (x, floor + 14)], "#888888", 1.5)
        canvas.text((x, floor + 24), f"{metres} m".replace("-", "−"), 11)
    x = WIDTH / 2 + scale * position
    canvas.rectangle((x - 24, floor - 9), (x + 24, floor + 9), INK)
    tip = (x + 120 * math.sin(angle), floor - 9 - 120 * math.cos(angle))
    canvas.line([(x, floor - 9), tip], PALETTE["environment"]["color"], 8)
    side = "right" if angle > 0 else "left"
    leans = f"leans {abs(math.degrees(angle)):.1f} degrees to the {side}"
    return canvas.picture(f"A cart {position:.2f} metres from the middle of its rail; its pole {leans}.")


def _road(inner: Any) -> Picture:
    """The lanes from above; the agent's own car is blue."""
    lanes = int(inner.config["lanes_count"])
    scale, top, wide = WIDTH / (AHEAD + BEHIND), 10.0, 26.0
    canvas = Canvas(WIDTH, 2 * top + wide * lanes + 24)
    for edge in range(lanes + 1):
        y = top + wide * edge
        inside = 0 < edge < lanes
        canvas.dashed_line([(0, y), (WIDTH, y)], "#888888", 1.5, (8, 8) if inside else ())
    cars = cars_of(inner)
    for number, (ahead, lane, crashed) in enumerate(cars):
        x, y = (BEHIND + ahead) * scale, top + wide * (lane + 0.5)
        half = CAR[0] / 2 * scale, CAR[1] / 2 * wide / LANE
        color = COLORS[2] if crashed else COLORS[0] if number == 0 else "#888888"
        canvas.rectangle((x - half[0], y - half[1]), (x + half[0], y + half[1]), color)
    speed = float(inner.vehicle.speed)
    canvas.text((4, 2 * top + wide * lanes + 8), f"{speed:.0f} m/s", 13, anchor="lm", bold=True)
    ahead_cars = sum(1 for ahead, *_ in cars[1:] if ahead > 0)
    state = "has crashed" if inner.vehicle.crashed else f"drives at {speed:.0f} metres a second"
    return canvas.picture(
        f"A motorway with {lanes} lanes from above. The blue car, in lane {round(cars[0][1]) + 1} from the left, "
        f"{state}; {ahead_cars} of the cars ahead of it are near."
    )
