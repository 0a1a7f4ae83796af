"""A timeline of replicas: when each computes, waits, and exchanges gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dqnkit.plots.canvas import Canvas
from dqnkit.plots.style import PALETTE, Picture

COLORS = {
    "compute": PALETTE["online network"]["color"],
    "wait": "#F4F4F4",  # hatched
    "exchange": PALETTE["loss"]["color"],
}
WIDTH = 720  # pixels
LEFT, TOP, RIGHT = 76, 34, 14


class Span(NamedTuple):
    """What a replica does during an interval of time, in ms."""

    row: int
    begin: float
    end: float
    kind: str  # a key of `COLORS`


def timeline(spans: Sequence[Span], rows: Sequence[str], end: float, *, caption: str = "") -> Picture:
    """Coloured bars, one row for each replica. Drawn in milliseconds, so that it can follow a slider.

    Args:
        spans: what is drawn.
        rows: names of the replicas, from the top.
        end: end of the time axis in ms; it begins at 0.
        caption: what to look for.
    """
    high = max(13.0, min(30.0, 220.0 / len(rows)))  # height of a row
    bottom = TOP + high * len(rows)
    canvas = Canvas(WIDTH, bottom + 44)
    wide = WIDTH - LEFT - RIGHT

    def at(moment: float) -> float:
        return LEFT + wide * min(moment, end) / end

    place = float(LEFT)
    for kind, color in COLORS.items():
        canvas.rectangle((place, 10), (place + 14, 22), color)
        if kind == "wait":
            _hatch(canvas, place, 10, place + 14, 22)
        canvas.text((place + 20, 16), kind, 12, anchor="lm")
        place += 120
    for row, name in enumerate(rows):
        canvas.text((LEFT - 8, TOP + high * (row + 0.5)), name, 11, anchor="rm")
    for span in spans:
        if span.begin < end and span.end > span.begin:
            y = TOP + high * span.row
            begin, stop = at(span.begin), max(at(span.end), at(span.begin) + 1)
            canvas.rectangle((begin, y + 1.5), (stop, y + high - 1.5), COLORS[span.kind])
            if span.kind == "wait":
                _hatch(canvas, begin, y + 1.5, stop, y + high - 1.5)
    canvas.line([(LEFT, bottom), (LEFT + wide, bottom)], "#888888", 1)
    for part in range(5):
        x = LEFT + wide * part / 4
        canvas.line([(x, bottom), (x, bottom + 4)], "#888888", 1)
        canvas.text((min(x, WIDTH - RIGHT - 10), bottom + 13), f"{end * part / 4:.0f}", 11)
    canvas.text((LEFT + wide / 2, bottom + 32), "time (ms)", 12)
    shares = {
        kind: sum(min(s.end, end) - s.begin for s in spans if s.kind == kind and s.begin < end) for kind in COLORS
    }
    total = sum(shares.values()) or 1.0
    said = ", ".join(f"{kind} {100 * share / total:.0f} %" for kind, share in shares.items() if share)
    return canvas.picture(f"Timeline of {len(rows)} replicas over {end:.0f} ms: {said}.", caption)


def _hatch(canvas: Canvas, left: float, top: float, right: float, bottom: float) -> None:
    """Fill a rectangle with oblique lines: where nothing happens."""
    high = bottom - top
    start = left - high + (high - left) % 8  # the lines of all rectangles in a row lie on one grid
    for line in range(int((right - start) / 8) + 1):
        x = start + 8 * line  # at the bottom; the line rises to the right
        low, end = max(0.0, left - x), min(high, right - x)
        if end > low:
            canvas.line([(x + low, bottom - low), (x + end, bottom - end)], "#8A8A8A", 1)
