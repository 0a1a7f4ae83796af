"""Widgets: a ring buffer, a replay buffer along a run, and two treatments of truncated episodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets
import numpy as np
import numpy.typing as npt

from dqnkit.lessons.replay.replay_pictures import (
    BUFFER_CAPTION,
    RING_CAPTION,
    BufferView,
    buffer_picture,
    buffer_room,
    buffer_times,
    ring_of_slots,
    truncation_picture,
)
from dqnkit.plots import Picture
from dqnkit.types import IntArray
from dqnkit.widgets.controls import WRAP, PlayButton, button, label_width
from dqnkit.widgets.interactive_picture import InteractivePicture
from dqnkit.widgets.picture_box import PictureBox

TICK_SECONDS = 0.2  # between two pictures while it plays
STEPS_PER_TICK = 50  # environment steps between two pictures


class RingView(InteractivePicture):
    """A small ring buffer with buttons to add transitions and to draw a batch."""

    def __init__(self, capacity: int = 8, batch_size: int = 4) -> None:
        super().__init__(lambda: False, TICK_SECONDS)
        self.capacity, self.batch_size = capacity, batch_size
        self.numbers: list[int | None] = [None] * capacity  # of the transition in each slot
        self.added = 0
        self.drawn: list[int] = []  # slots of the newest batch
        self.summary = ""
        self._rng = np.random.default_rng(0)
        self.add_button = button("Add 1", lambda clicked: self.add(1))
        self.more_button = button("Add 5", lambda clicked: self.add(5))
        self.draw_button = button(f"Draw a batch of {batch_size}", lambda clicked: self.draw())
        self.empty_button = button("Empty it", lambda clicked: self.empty())
        self._box = PictureBox()
        buttons = [self.add_button, self.more_button, self.draw_button, self.empty_button]
        caption = _caption(RING_CAPTION, "520px")
        self.widget = ipywidgets.VBox([ipywidgets.HBox(buttons, layout=WRAP), self._box, caption])
        self.empty()

    def empty(self) -> None:
        """Empty the ring."""
        self.numbers = [None] * self.capacity
        self.added = 0
        self.drawn = []
        self._rng = np.random.default_rng(0)
        self._show(f"Empty: {self.capacity} free slots.")

    def add(self, count: int) -> None:
        """Add this many transitions."""
        gone: list[int] = []
        for _ in range(count):
            slot = self.added % self.capacity
            before = self.numbers[slot]
            gone += [] if before is None else [before]
            self.numbers[slot] = self.added
            self.added += 1
        self.drawn = []
        first, last = self.added - count, self.added - 1
        came = f"Transition {last} came" if count == 1 else f"Transitions {first} to {last} came"
        left = f"{', '.join(map(str, gone))} had to go, the oldest." if gone else "nothing had to go."
        self._show(f"{came}; {left}")

    def draw(self) -> None:
        """Draw a batch, with replacement."""
        kept = min(self.added, self.capacity)
        if not kept:
            self._show("Nothing to draw from: add transitions first.")
            return
        self.drawn = self._rng.integers(kept, size=self.batch_size).tolist()
        drawn = ", ".join(str(self.numbers[slot]) for slot in self.drawn)
        self._show(f"Drawn: transitions {drawn}. They stay in the ring.")

    def picture(self) -> Picture:
        """The ring now."""
        return ring_of_slots(self.numbers, next_slot=self.added % self.capacity, drawn=self.drawn)

    def _show(self, summary: str) -> None:
        self.summary = summary
        self._box.show(replace(self.picture(), caption=""), summary)


class ReplayView(InteractivePicture):
    """The content of a replay buffer along a run in a grid world, and a batch from it.

    Args:
        size: squares a side.
        states, actions, next_states, episodes: for each step of the run ``[T]``.
        phases: name of a phase of the run -> the step at which it ends.
        capacities: choices of the slider.
        capacity: its initial value.
        now: steps so far, at first; 0 means five sixteenths of the run.
        batch_size: transitions of a batch.
        seed: of the batches.
    """

    def __init__(
        self,
        size: int,
        states: IntArray,
        actions: IntArray,
        next_states: IntArray,
        episodes: IntArray,
        phases: Mapping[str, int],
        *,
        capacities: tuple[int, ...] = (32, 100, 500, 2_000, 8_000),
        capacity: int = 500,
        now: int = 0,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        super().__init__(self._tick, TICK_SECONDS)
        self._run = {"states": states, "actions": actions, "next_states": next_states, "episodes": episodes}
        self._size, self._phases, self._batch_size = size, phases, batch_size
        self._rng = np.random.default_rng(seed)
        steps = len(states)
        self.now = ipywidgets.IntSlider(
            value=now or steps * 5 // 16, min=1, max=steps, step=1, description="steps so far", **label_width(95, 370)
        )
        self.capacity = ipywidgets.SelectionSlider(
            options=[(f"{number:,}", number) for number in capacities],
            value=capacity,
            description="capacity",
            **label_width(95, 370),
        )
        self.way = _switch([("at random", True), (f"the newest {batch_size}", False)])
        self.draw_button = button("Draw another batch", lambda clicked: self.draw())
        self.play_button = PlayButton(self.clock)
        for control in (self.now, self.capacity, self.way):
            control.observe(lambda change: self.draw(), "value")
        self._room, self._times = PictureBox(), PictureBox()
        for box in (self._room, self._times):
            box.layout.width, box.layout.flex, box.layout.max_width = "auto", "1 1 330px", "380px"
        caption = _caption(BUFFER_CAPTION, "760px")
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.now, self.capacity], layout=WRAP),
                ipywidgets.HBox([_words("a batch"), self.way, self.draw_button, self.play_button], layout=WRAP),
                ipywidgets.HBox([self._room, self._times], layout={"flex_flow": "row wrap"}),
                caption,
            ],
            layout={"max_width": "800px"},
        )
        self.view = self._view()
        self._show()

    def draw(self) -> None:
        """Draw a batch from the buffer, and show both."""
        self.view = self._view()
        self._show()

    def picture(self) -> Picture:
        """The room and the times side by side."""
        return buffer_picture(self.view)

    def _view(self) -> BufferView:
        """The buffer now, with a new batch."""
        now, capacity = self.now.value, self.capacity.value
        first = max(0, now - capacity)
        if self.way.value:
            drawn = self._rng.integers(first, now, size=self._batch_size)
        else:
            drawn = np.arange(max(first, now - self._batch_size), now)
        return BufferView(
            self._size, **self._run, now=now, capacity=capacity, drawn=drawn.astype(np.int32), phases=self._phases
        )

    def _show(self) -> None:
        self._room.show(buffer_room(self.view), "")
        self._times.show(buffer_times(self.view), self._summary())

    def _summary(self) -> str:
        kept, drawn = (len(np.unique(self._run["states"][steps])) for steps in (self.view.kept, self.view.drawn))
        return f"After step {self.view.now:,}: the buffer knows {kept} squares, the batch comes from {drawn} of them."

    def _tick(self) -> bool:
        self.now.value = min(self.now.max, self.now.value + STEPS_PER_TICK)
        if self.now.value == self.now.max:
            self.play_button.value = False
        return bool(self.play_button.value)


class TruncationView(InteractivePicture):
    """A switch between two treatments of truncated episodes, as going on or as terminated, and the learned values.

    Args:
        updates, learned, along, references: see `truncation_picture`; the first name is the right treatment.
        gamma: the discount where an episode goes on.
        limit: the step at which the episodes were truncated.
    """

    def __init__(
        self,
        updates: npt.ArrayLike,
        learned: Mapping[str, npt.ArrayLike],
        along: Mapping[str, npt.ArrayLike],
        references: Mapping[str, float],
        gamma: float,
        limit: int,
    ) -> None:
        super().__init__(lambda: False, TICK_SECONDS)
        self._curves = (updates, learned, along)
        self._references, self._gamma, self._limit = references, gamma, limit
        self.choice = _switch(list(learned))
        self.choice.observe(lambda change: self._show(), "value")
        self._table = ipywidgets.HTML()
        self._box = PictureBox()
        top = ipywidgets.HBox([_words(f"step {limit}"), self.choice], layout=WRAP)
        self.widget = ipywidgets.VBox([top, self._table, self._box], layout={"max_width": "820px"})
        self._show()

    def picture(self) -> Picture:
        """Both treatments at once."""
        return truncation_picture(*self._curves, references=self._references)

    def _show(self) -> None:
        name = self.choice.value
        last = self._gamma if name == self.choice.options[0] else 0.0
        discounts = {self._limit - 2: self._gamma, self._limit - 1: self._gamma, self._limit: last}
        rows: list[tuple[str, ...]] = [
            (f"{step}", "1", "no", "yes" if step == self._limit else "no", f"{discount:g}", _target(discount))
            for step, discount in discounts.items()
        ]
        self._table.value = _table(("step", "reward", "terminated", "truncated", "discount", "TD target"), rows)
        value = float(np.median(np.atleast_2d(np.asarray(self._curves[1][name])), axis=0)[-1])
        picture = truncation_picture(*self._curves, references=self._references, lit=name)
        self._box.show(picture, f"{name}: the values settle at about {value:.1f}.")


def _target(discount: float) -> str:
    return f"1 + {discount:g} · V(s')" if discount else "1: nothing follows"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cell = "padding: 2px 8px; text-align: right; white-space: nowrap"
    top = "".join(f'<th style="{cell}">{escape(text)}</th>' for text in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{cell}">{escape(text)}</td>' for text in row) + "</tr>" for row in rows
    )
    table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div style="overflow-x: auto; line-height: 1.4">{table}</div>'


def _switch(options: list[Any]) -> ipywidgets.ToggleButtons:
    """Buttons side by side; one is pressed."""
    switch = ipywidgets.ToggleButtons(options=options, layout={"width": "auto"})
    switch.style.button_width = "auto"
    return switch


def _words(text: str) -> ipywidgets.HTML:
    """A label for the control to its right."""
    return ipywidgets.HTML(f"{escape(text)}:", layout={"margin": "2px 6px"})


def _caption(text: str, width: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(
        f'<figcaption style="line-height: 1.4">{escape(text)}</figcaption>', layout={"max_width": width}
    )
