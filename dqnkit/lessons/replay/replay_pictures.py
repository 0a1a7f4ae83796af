"""Pictures of a replay buffer and a batch from it: the ring of slots, squares of a room, times of the steps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dqnkit.plots.canvas import INK, Canvas, Point, blend
from dqnkit.plots.style import PALETTE, Picture, styled_figure
from dqnkit.types import IntArray

STORED = PALETTE["replay"]["color"]
NOW = PALETTE["environment"]["color"]
GREY = "#6A6A6A"
SQUARE = 40  # pixels a side, in a room of 8 by 8
PANEL_WIDTH, ROOM_HEIGHT, TIMES_HEIGHT = 376, 376, 214  # pixels

RING_CAPTION = (
    "What to look for: the mark + shows where the next transition goes. While the ring fills, that is a free slot; "
    "after that it is always the slot of the oldest."
)
BUFFER_CAPTION = (
    "What to look for: from which squares do the moves in the buffer come? The more come from a square, the bluer it "
    "is (the number says how many); from those without a number come none. Arrows are the moves in the batch (a dot: "
    "into a wall), the green circle is the patrol. Of the steps of the run, those in the buffer are blue, those in the "
    "batch thin lines."
)


def ring_of_slots(numbers: Sequence[int | None], *, next_slot: int, drawn: Sequence[int] = ()) -> Picture:
    """A ring buffer: the transition in each slot, the slot of the next one, the slots that were drawn.

    Args:
        numbers: for each slot, the number of its transition, or None if it is free.
        next_slot: the slot of the next transition.
        drawn: the slots of a batch, repeated as often as they were drawn.
    """
    canvas = Canvas(330, 300)
    middle, outer, inner = (165.0, 150.0), 132.0, 70.0
    turn = 2 * math.pi / len(numbers)
    newest = max((number for number in numbers if number is not None), default=0)
    for slot, number in enumerate(numbers):
        begin = slot * turn - math.pi / 2
        corners = [_around(middle, outer, begin + turn * part / 8) for part in range(9)]
        corners += [_around(middle, inner, begin + turn * part / 8) for part in range(8, -1, -1)]
        canvas.polygon(corners, "#F1F1F1" if number is None else _shade(1 - 0.8 * (newest - number) / len(numbers)))
        canvas.line([*corners, corners[0]], "white", 3)
        center = _around(middle, (outer + inner) / 2, begin + turn / 2)
        canvas.text(center, "free" if number is None else f"{number}", 13, GREY if number is None else INK, bold=True)
    for slot, times in Counter(drawn).items():
        place = _around(middle, outer + 6, (slot + 0.5) * turn - math.pi / 2)
        canvas.circle(place, 11, INK, "white", 2)
        canvas.text(place, f"×{times}" if times > 1 else "✓", 9.5 if times > 1 else 11, "white", bold=True)
    mark = _around(middle, inner - 14, (next_slot + 0.5) * turn - math.pi / 2)
    canvas.circle(mark, 11, "white", INK, 2)
    canvas.text(mark, "+", 15, bold=True)
    canvas.text((middle[0], middle[1] - 9), "next goes", 12)
    canvas.text((middle[0], middle[1] + 9), f"into slot {next_slot}", 12, bold=True)
    kept = [number for number in numbers if number is not None]
    alt = f"A ring of {len(numbers)} slots, {len(kept)} of them taken"
    alt += f" by transitions {min(kept)} to {max(kept)}" if kept else ""
    alt += f"; the next goes into slot {next_slot}."
    if drawn:
        alt += f" Drawn: transitions {', '.join(str(numbers[slot]) for slot in drawn)}."
    return canvas.picture(alt, RING_CAPTION)


@dataclass(frozen=True)
class BufferView:
    """A replay buffer at one moment of a run in a grid world, and a batch from it.

    A transition is identified by the number of its step.
    """

    size: int  # squares a side
    states: IntArray  # [T] for each step of the whole run
    next_states: IntArray  # [T]
    actions: IntArray  # [T]
    episodes: IntArray  # [T]
    now: int  # steps taken so far
    capacity: int
    drawn: IntArray  # [B] steps of the batch
    phases: Mapping[str, int]  # name of a phase of the run -> the step at which it ends

    @cached_property
    def kept(self) -> IntArray:
        """The steps in the buffer."""
        return np.arange(max(0, self.now - self.capacity), self.now, dtype=np.int32)

    def facts(self) -> list[tuple[str, ...]]:
        """Rows of a table: name of a quantity, its value for the buffer, its value for the batch."""
        return [
            ("transitions", f"{len(self.kept):,} of {self.capacity:,} slots", f"{len(self.drawn)}"),
            ("age in steps", *(self._ages(steps) for steps in (self.kept, self.drawn))),
            ("episodes", *(f"{len(np.unique(self.episodes[steps])):,}" for steps in (self.kept, self.drawn))),
            ("different moves", *(self._different(steps) for steps in (self.kept, self.drawn))),
        ]

    def _ages(self, steps: IntArray) -> str:
        ages = self.now - 1 - steps
        return f"{ages.min():,} to {ages.max():,}, mean {ages.mean():,.0f}" if len(ages) else "–"

    def _different(self, steps: IntArray) -> str:
        moves = set(zip(self.states[steps].tolist(), self.actions[steps].tolist(), strict=True))
        return f"{len(moves):,} ({len(steps) - len(moves):,} duplicates)"


def buffer_picture(view: BufferView) -> Picture:
    """The room and the times side by side, for pages without widgets."""
    canvas = Canvas(2 * PANEL_WIDTH + 20, ROOM_HEIGHT, sharpness=1)  # the notebook has the data of the run as well
    _draw_room(canvas, view, 0)
    _draw_times(canvas, view, PANEL_WIDTH + 20)
    return canvas.picture(f"{_room_alt(view)} {_times_alt(view)}", BUFFER_CAPTION)


def truncation_picture(
    updates: npt.ArrayLike,
    learned: Mapping[str, npt.ArrayLike],
    along: Mapping[str, npt.ArrayLike],
    *,
    references: Mapping[str, float],
) -> Picture:
    """Values learned with each treatment of truncated episodes: over the updates, and along one episode.

    Args:
        updates: ``[N]``.
        learned: name of the treatment -> mean value of the stored states, ``[N]`` or ``[seeds, N]``.
        along: name of the treatment -> final values along one episode ``[T]``.
        references: name -> theoretical value; dotted lines.
    """
    styles = (PALETTE["environment"], PALETTE["target network"])
    with styled_figure(8.0, 3.3) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        for (name, rows), style in zip(learned.items(), styles, strict=True):
            values = np.atleast_2d(np.asarray(rows, dtype=np.float64))
            left.plot(updates, np.median(values, axis=0), **style)
            left.fill_between(updates, values.min(axis=0), values.max(axis=0), color=style["color"], alpha=0.15, lw=0)
            right.plot(np.arange(len(np.asarray(along[name]))), along[name], label=name, **style)
        for axes in (left, right):
            for name, value in references.items():
                axes.axhline(value, linewidth=1.4, **PALETTE["reference"])
                if axes is left:
                    place = axes.get_yaxis_transform()
                    axes.text(0.98, value, f"{name} = {value:.1f}", ha="right", va="bottom", transform=place)
        left.set(title="While it learns", xlabel="updates", ylabel="value V\n(discounted sum of rewards)")
        right.set(title="Along one episode of 50 steps", xlabel="step in the episode")
        drawn = [value for line in left.lines + right.lines for value in line.get_ydata() if np.isfinite(value)]
        left.set_ylim(min(0.0, *drawn), max(1.12 * max(references.values()), *drawn))
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    ends = {name: float(np.median(np.atleast_2d(np.asarray(rows)), axis=0)[-1]) for name, rows in learned.items()}
    alt = "Learned values over updates, and along an episode. " + " ".join(
        f"{name}: {value:.1f} at the end." for name, value in ends.items()
    )
    return Picture.of(figure, alt, TRUNCATION_CAPTION)


TRUNCATION_CAPTION = (
    "What to look for: to which dotted line each line goes, and whether it is there. The rule, the steps and the "
    "rewards are the same; only the discount of one transition in fifty differs."
)


def _around(middle: Point, radius: float, angle: float) -> Point:
    return middle[0] + radius * math.cos(angle), middle[1] + radius * math.sin(angle)


def _shade(share: float) -> str:
    """Return a colour from nearly white (0) to that of stored transitions (1)."""
    return blend(share, "#FAFAFA", STORED)


def _draw_room(canvas: Canvas, view: BufferView, left: float) -> None:
    side, top, corner = view.size, 24.0, left + 36.0
    square = SQUARE * 8 / side
    counts = np.bincount(view.states[view.kept], minlength=side * side)
    canvas.text((corner, 11), "Where: moves kept from each square", 13, anchor="lm", bold=True)
    for state in range(side * side):
        row, column = divmod(state, side)
        x, y = corner + column * square, top + row * square
        count = counts[state]
        shade = "white" if count == 0 else _shade(0.15 + 0.85 * math.sqrt(count / counts.max()))
        canvas.rectangle((x, y), (x + square - 1, y + square - 1), "#DDDDDD")
        canvas.rectangle((x + 1, y + 1), (x + square - 1, y + square - 1), shade)
        if count:
            canvas.text((x + square - 4, y + 8), f"{count}", 9, GREY, anchor="rm")
    half = corner + side / 2 * square, top + side / 2 * square
    canvas.line([(half[0], top), (half[0], top + side * square)], GREY, 1.5)
    canvas.line([(corner, half[1]), (corner + side * square, half[1])], GREY, 1.5)
    _draw_moves(canvas, view, (corner, top), square)
    canvas.text((corner + side * square / 2, top + side * square + 22), "column", 12)
    canvas.upright_text((left + 10, top + side * square / 2), "row", 12)
    for number in range(side):
        canvas.text((corner + (number + 0.5) * square, top + side * square + 8), f"{number}", 10)
        canvas.text((corner - 8, top + (number + 0.5) * square), f"{number}", 10)


def _draw_moves(canvas: Canvas, view: BufferView, corner: Point, square: float) -> None:
    def place(state: int) -> Point:
        """The lower left of a square: its count is in the upper right."""
        row, column = divmod(state, view.size)
        return corner[0] + (column + 0.32) * square, corner[1] + (row + 0.68) * square

    goal = corner[0] + (view.size - 0.5) * square, corner[1] + (view.size - 0.5) * square
    canvas.text(goal, "goal", 11, NOW, bold=True)
    if view.now:
        canvas.circle(place(int(view.states[view.now - 1])), 0.24 * square, "white", NOW, 3)
    for step in np.unique(view.drawn):
        begin, end = place(int(view.states[step])), place(int(view.next_states[step]))
        if begin == end:
            canvas.circle(begin, 4, INK, "white", 1)
        else:
            canvas.arrows(begin, [((end[0] - begin[0]) * 0.62, (end[1] - begin[1]) * 0.62)], 2.4)


def _draw_times(canvas: Canvas, view: BufferView, left: float) -> None:
    begin, end, top, bottom = left + 6.0, left + PANEL_WIDTH - 8.0, 40.0, 78.0
    total = len(view.states)

    def x(step: float) -> float:
        return begin + (end - begin) * step / total

    canvas.text((begin, 11), "When: which steps of the run are kept", 13, anchor="lm", bold=True)
    canvas.rectangle((begin, top), (end, bottom), "#F1F1F1")
    if len(view.kept):
        canvas.rectangle((x(view.kept[0]), top), (x(view.now), bottom), STORED)
    start = 0
    for name, stop in view.phases.items():
        canvas.text((x((start + stop) / 2), top - 9), name, 11, GREY)
        canvas.line([(x(stop), top - 5), (x(stop), bottom)], GREY, 1)
        canvas.text((x(stop), bottom + 9), f"{stop:,}", 10, GREY, anchor="rm")
        start = stop
    for step in view.drawn:
        canvas.line([(x(step), top + 4), (x(step), bottom - 4)], INK, 1.5)
    canvas.line([(x(view.now), top - 3), (x(view.now), bottom + 3)], NOW, 3)
    canvas.text(((begin + end) / 2, bottom + 24), "step of the run (green: now)", 12)
    for row, (name, kept, drawn) in enumerate([("", "in the buffer", "in the batch"), *view.facts()]):
        y = bottom + 50 + 19 * row
        for place, text in ((0, name), (96, kept), (238, drawn)):
            canvas.text((begin + place, y), text, 11, INK if row and place else GREY, anchor="lm")


def _room_alt(view: BufferView) -> str:
    squares = len(np.unique(view.states[view.kept]))
    return f"A room of {view.size} by {view.size} squares: the buffer holds moves from {squares} of them."


def _times_alt(view: BufferView) -> str:
    facts = "; ".join(f"{name}: {kept} in the buffer, {drawn} in the batch" for name, kept, drawn in view.facts())
    return f"After step {view.now:,}. {facts}."
