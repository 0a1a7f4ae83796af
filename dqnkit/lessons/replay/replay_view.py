"""Drawings under the hand: a ring buffer, a replay buffer along a run, and two treatments of truncated episodes.

The browser draws them and makes their calculations (`ring_view.js`, `replay_view.js`, `truncation_view.js`); their
data are in the page, so they need no kernel.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dqnkit.lessons.replay.replay_pictures import (
    BUFFER_CAPTION,
    RING_CAPTION,
    TRUNCATION_CAPTION,
    BufferView,
    buffer_picture,
    ring_of_slots,
    truncation_picture,
)
from dqnkit.types import Array, IntArray
from dqnkit.widgets.drawing import PageDrawing

FOLDER = Path(__file__).parent


class RingView(PageDrawing):
    """A small ring buffer with buttons to add transitions and to draw a batch.

    Args:
        capacity: number of slots.
        batch_size: transitions of a batch.
    """

    def __init__(self, capacity: int = 8, batch_size: int = 4) -> None:
        data = {"capacity": capacity, "batch_size": batch_size, "caption": RING_CAPTION}
        super().__init__(FOLDER / "ring_view.js", data, ring_of_slots([None] * capacity, next_slot=0))


class ReplayView(PageDrawing):
    """The content of a replay buffer along a run in a grid world, and a batch from it.

    Args:
        size: squares a side, at most 128.
        states, actions, next_states, episodes: for each step of the run ``[T]``.
        phases: name of a phase of the run -> the step at which it ends.
        capacities: choices of the buffer's size.
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
        now = now or max(1, len(states) * 5 // 16)
        data = {
            "size": size,
            "run": {
                # a byte each holds two numbers, in a room of 8 by 8
                "begins": packed(states * 4 + actions),
                "ends": packed(next_states * 2 + (np.diff(episodes, prepend=-1) != 0)),
            },
            "phases": list(phases.items()),
            "capacities": capacities,
            "capacity": capacity,
            "now": now,
            "batch_size": batch_size,
            "seed": seed,
            "caption": BUFFER_CAPTION,
        }
        drawn = np.random.default_rng(seed).integers(max(0, now - capacity), now, size=batch_size, dtype=np.int32)
        view = BufferView(size, states, next_states, actions, episodes, now, capacity, drawn, phases)
        super().__init__(FOLDER / "replay_view.js", data, buffer_picture(view))


class TruncationView(PageDrawing):
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
        curves = []
        for name, rows in learned.items():
            values = np.atleast_2d(np.asarray(rows, dtype=np.float64))
            lines = {"low": values.min(axis=0), "middle": np.median(values, axis=0), "high": values.max(axis=0)}
            lines["along"] = np.asarray(along[name], dtype=np.float64)
            curves.append({"name": name, **{line: _numbers(numbers) for line, numbers in lines.items()}})
        data = {
            "updates": np.asarray(updates).tolist(),
            "curves": curves,
            "references": list(references.items()),
            "gamma": gamma,
            "limit": limit,
            "caption": TRUNCATION_CAPTION,
        }
        picture = truncation_picture(updates, learned, along, references=references)
        super().__init__(FOLDER / "truncation_view.js", data, picture)


def packed(values: npt.ArrayLike) -> dict[str, str]:
    """Whole numbers from 0 to 65,535 as the page keeps them: in base64, one or two bytes for each."""
    numbers = np.asarray(values)
    kind = np.uint8 if numbers.max(initial=0) < 256 else np.dtype("<u2")
    content = numbers.astype(kind)
    return {"type": content.dtype.name, "base64": base64.b64encode(content.tobytes()).decode()}


def _numbers(values: Array) -> list[float | None]:
    """Values as JSON has them, with four digits that matter; None for what is no finite number."""
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values.tolist()]
