"""The answers to one question as a page draws them: a histogram, and what happened in the students' own runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from dqnkit.classroom.question import SHARES, Choice, Curve, Number, Question
from dqnkit.types import Array

MOST_BINS = 14
FAR = 4.0  # so many times the middle half's width away from it, an answer is counted at the edge
MOST_LINES = 40  # drawn one by one
POINTS = 21  # of a drawn line, at equal distances over the run

Drawing = dict[str, Any]  # as JSON can have it


def draw(question: Question, values: Sequence[Any], happened: Sequence[Any], is_revealed: bool) -> Drawing:
    """What the page draws of one question.

    Args:
        question: that was asked.
        values: what each student predicted.
        happened: what each student's run gave.
        is_revealed: whether what happened is drawn.
    """
    shown = happened if is_revealed else []
    if isinstance(question, Choice):
        return _choice(question, values, shown)
    if isinstance(question, Number):
        return {"unit": question.unit, **_number(np.array(values, float), np.array(shown, float))}
    return _curve(question, values, shown)


def _choice(question: Choice, values: Sequence[str], happened: Sequence[str]) -> Drawing:
    """How many chose each option, and in whose run it happened."""
    chosen, seen = Counter(values), Counter(happened)
    bars = [{"label": option, "count": chosen[option], "happened": seen[option]} for option in question.options]
    return {"bars": bars, "runs": len(happened)}


def _number(values: Array, happened: Array) -> Drawing:
    """Bins of equal and round width. An answer far from all others is counted at the edge, which says so."""
    middle = float(np.median(happened)) if len(happened) else None
    drawing: Drawing = {"bins": [], "below": None, "above": None, "happened": middle, "runs": len(happened)}
    if not len(values):
        return drawing
    lower, upper = np.percentile(values, [25, 75])
    # where the middle half agrees, the mean distance from it tells what is far
    reach = FAR * max(upper - lower, float(np.mean(np.abs(values - np.median(values)))))
    near = values[(values >= lower - reach) & (values <= upper + reach)]
    step = _round_step(float(near.min()), float(near.max()))
    places = np.floor(near / step).astype(int)  # [answers] the number of each one's bin, counted from 0
    drawing["bins"] = [
        {"low": _round(place * step), "high": _round((place + 1) * step), "count": int(np.sum(places == place))}
        for place in range(places.min(), places.max() + 1)
    ]
    for side, far in (("below", values[values < near.min()]), ("above", values[values > near.max()])):
        if len(far):
            drawing[side] = {"count": len(far), "from": float(far.min()), "to": float(far.max())}
    drawing["median"] = float(np.median(values))
    return drawing


def _round_step(low: float, high: float) -> float:
    """The width of bins, 1, 2 or 5 times a power of ten, of which at most `MOST_BINS` cover ``low`` to ``high``."""
    width = max(high - low, 1e-6 * max(abs(low), abs(high)), 1e-12) / (MOST_BINS - 2)
    unit = 10.0 ** math.floor(math.log10(width))
    return next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= width)


def _round(number: float) -> float:
    """An edge without the last digits of its arithmetic."""
    return float(f"{number:.12g}")


def _curve(question: Curve, values: Sequence[Collection[float]], happened: Sequence[Sequence[float | None]]) -> Drawing:
    """Up to `MOST_LINES` lines, the middle half and the median of all; of what happened the median at `SHARES`."""
    shares = np.linspace(0, 1, POINTS)
    lines = np.array([_at(shares, list(value)) for value in values]).reshape(-1, POINTS)  # [students, points]
    axis = question.axis
    drawing: Drawing = {
        "unit": question.unit,
        "range": list(question.range),
        "axis": {"name": axis.name, "end": axis.end},
        "lines": lines[np.linspace(0, len(lines) - 1, min(len(lines), MOST_LINES)).astype(int)].tolist(),
        "middle": [],
        "happened": [],
        "runs": len(happened),
    }
    if len(lines):
        drawing["middle"] = np.percentile(lines, [25, 50, 75], axis=0).tolist()
    seen = [_at(np.array(SHARES), [math.nan if v is None else v for v in value]) for value in happened]
    if seen:
        columns = np.array(seen).T  # [shares, students]
        known = [column[np.isfinite(column)] for column in columns]
        drawing["happened"] = [float(np.median(column)) if len(column) else None for column in known]
    return drawing


def _at(shares: Array, values: Sequence[float]) -> Any:
    """A line of values at equal distances, at these shares of the run."""
    return np.interp(shares, np.linspace(0, 1, len(values)), np.array(values, float))
