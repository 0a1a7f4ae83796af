"""Learning on a table, watched while it runs: the table beside the exact one, and the errors of several settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dqnkit.plots import Picture, error_curves, q_table
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array
from dqnkit.widgets import watch

WHAT = "where does the table on the left fill first, and which of its triangles stay light?"
Reached = tuple[int, Array, float]  # (updates so far, table [S, A], error), as the notebook's `learn` yields them


async def watch_table(learning: Iterable[Reached], env: GridWorld, exact: Array, updates: int) -> Reached | None:
    """Show the table that learns beside the exact one, with Pause and Stop; return what it reached."""

    def draw(values: Sequence[Reached]) -> Picture:
        update, q, _ = values[-1]
        tables = {f"Learned, after {update:,} updates": q, "The exact Q*": exact}
        return q_table(tables, goals=env.goals, caption=f"What to look for: {WHAT}")

    return await watch(
        learning,
        draw,
        total=updates,
        step=lambda reached: reached[0],
        summary=lambda reached: f"{reached[0]:,} updates, error {reached[2]:.3f}",
        title="Q-learning in the room",
    )


async def watch_alphas(found: Iterable[Mapping[float, list[list[Reached]]]], total: int) -> Any:
    """Show the errors of several step sizes, with Pause and Stop; return what was found.

    Args:
        found: yields alpha -> a list of runs, each a list of what it reached, as far as they have come.
        total: how often it yields.
    """

    def draw(values: Sequence[Mapping[float, list[list[Reached]]]]) -> Picture:
        longest = max(len(run) for runs in values[-1].values() for run in runs)
        return error_curves(
            {f"alpha = {alpha:g}": _errors(runs, longest) for alpha, runs in values[-1].items()},
            x=50 * np.arange(longest),
            title="Three step sizes",
            what="which line comes down first, and where does each of them stand at the end: at rest, or on its way?",
        )

    return await watch(
        found,
        draw,
        total=total,
        summary=lambda found: f"{sum(map(len, found.values()))} runs",
        title="Q-learning on a slippery floor",
    )


def _errors(runs: Sequence[Sequence[Reached]], length: int) -> Array:
    """The errors of some runs ``[runs, length]``; NaN where a run has not come so far."""
    errors = np.full((max(1, len(runs)), length), np.nan)
    for row, run in zip(errors, runs, strict=False):
        row[: len(run)] = [error for _, _, error in run]
    return errors
