"""A picture of CartPole, drawn in milliseconds: cart, pole, push, and the limits of an episode."""

from __future__ import annotations

import math

from dqnkit.plots.canvas import INK, Canvas, Point
from dqnkit.plots.style import PALETTE, Picture

WIDTH, HEIGHT = 560, 230  # pixels on the page
GROUND = 188.0
EDGE = 2.4  # position of the cart, in metres, beyond which the episode terminates
LARGEST_ANGLE = 12.0  # of the pole, in degrees from upright, beyond which the episode terminates
PIXELS_PER_METRE = (WIDTH - 70) / (2 * EDGE)
POLE = 112.0  # pixels; longer than to scale, so that the angle is visible
FAINT = "#BBBBBB"


def cartpole(position: float, angle: float, push: int | None = None, ended: str = "") -> Picture:
    """The cart and its pole.

    Args:
        position: of the cart, in metres from the middle; right is positive.
        angle: of the pole, in radians from upright; right is positive.
        push: the last action, 0 left or 1 right; None at the start.
        ended: how the episode ended, as "terminated"; empty while it goes on.
    """
    canvas = Canvas(WIDTH, HEIGHT)
    x = WIDTH / 2 + position * PIXELS_PER_METRE
    hinge = (x, GROUND - 30)
    _draw_track(canvas)
    for side in (-1, 1):
        limit = _tip(hinge, side * math.radians(LARGEST_ANGLE), POLE + 14)
        canvas.line([hinge, limit], FAINT, 1.2)
    if abs(math.degrees(angle)) < LARGEST_ANGLE:
        canvas.text((x, hinge[1] - POLE - 24), f"{math.degrees(angle):+.1f}°".replace("-", "−"), 12)
    canvas.rectangle((x - 32, GROUND - 36), (x + 32, GROUND - 10), INK)
    for side in (-1, 1):
        canvas.circle((x + 19 * side, GROUND - 7), 7, INK, "white", 1.5)
    canvas.line([hinge, _tip(hinge, angle, POLE)], PALETTE["environment"]["color"], 9)
    canvas.circle(hinge, 5, "white")
    if push is not None:
        direction = 1 if push == 1 else -1
        canvas.arrows((x + 40 * direction, GROUND - 23), [(44 * direction, 0)], 6)
    if ended:
        canvas.text((WIDTH / 2, 18), ended, 17, PALETTE["target network"]["color"], bold=True)
    return canvas.picture(_alt(position, angle, push, ended))


def _tip(hinge: Point, angle: float, length: float) -> Point:
    return hinge[0] + length * math.sin(angle), hinge[1] - length * math.cos(angle)


def _draw_track(canvas: Canvas) -> None:
    canvas.line([(0, GROUND), (WIDTH, GROUND)], "#888888", 2)
    for metres in (-2, -1, 0, 1, 2):
        x = WIDTH / 2 + metres * PIXELS_PER_METRE
        canvas.line([(x, GROUND), (x, GROUND + 6)], "#888888", 1.5)
        canvas.text((x, GROUND + 16), f"{metres}".replace("-", "−"), 11)
    for side in (-1, 1):
        x = WIDTH / 2 + side * EDGE * PIXELS_PER_METRE
        canvas.line([(x, GROUND - 60), (x, GROUND)], FAINT, 2)
    canvas.text((WIDTH / 2, GROUND + 34), "position of the cart (metres)", 12)


def _alt(position: float, angle: float, push: int | None, ended: str) -> str:
    """The picture in words."""
    side = "right" if angle > 0 else "left"
    pushed = "" if push is None else f" It was pushed {'right' if push == 1 else 'left'}."
    over = f" The episode has ended: {ended}." if ended else ""
    return (
        f"A cart at {position:.2f} metres from the middle, with a pole that leans {abs(math.degrees(angle)):.1f} "
        f"degrees to the {side}.{pushed}{over}"
    )
