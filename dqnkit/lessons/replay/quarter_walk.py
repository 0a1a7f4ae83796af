"""A random walk that stays in one quarter of a room for a long time: data for an experiment on forgetting.

The walk does not depend on what a network learns from it, so runs differ only in the buffer that batches are drawn
from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dqnkit.small_environments import GridWorld
from dqnkit.types import Array, IntArray, Transition

# name -> (row, column) of the quarter, in the order of the walk
QUARTERS = {"lower right": (1, 1), "upper right": (0, 1), "upper left": (0, 0), "lower left": (1, 0)}


class QuarterWalk(NamedTuple):
    """The record of a walk, step by step."""

    transitions: Transition  # fields [T, ...]
    states: IntArray  # [T] index of the square
    next_states: IntArray  # [T]
    episodes: IntArray  # [T] number of the episode
    quarters: IntArray  # [T] number of the quarter, in the order of QUARTERS


def walk_by_quarters(room: GridWorld, gamma: float, seed: int, steps_each: int = 2_000) -> QuarterWalk:
    """A random walk of ``steps_each`` steps in each quarter of a room, beginning with the quarter of the goal.

    A step out of the quarter truncates the episode; the next one begins at a random square of the quarter. So the
    record has the transitions across the border, with discount ``gamma``.
    """
    rng = np.random.default_rng(seed)
    walks = [_walk(room, square, steps_each, rng) for square in QUARTERS.values()]
    states, actions, next_states, begins = (np.concatenate(parts) for parts in zip(*walks, strict=True))
    observations = room.all_observations()
    transitions = Transition(
        observation=observations[states],
        action=actions,
        reward=room.rewards[states, actions, next_states].astype(np.float32),
        discount=np.where(room.terminal[next_states], 0.0, gamma).astype(np.float32),
        next_observation=observations[next_states],
    )
    quarters = np.repeat(np.arange(len(QUARTERS), dtype=np.int32), steps_each)
    return QuarterWalk(transitions, states, next_states, begins.cumsum(dtype=np.int32) - 1, quarters)


def _walk(room: GridWorld, quarter: tuple[int, int], steps: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """States, actions, next states, and whether an episode begins with the step; each ``[steps]``."""
    inside = quarter_states(room, quarter)
    record = np.empty((steps, 4), np.int32)
    state, begins = int(rng.choice(inside)), True
    for step in range(steps):
        action = int(rng.integers(4))
        next_state = int(rng.choice(room.num_states, p=room.probabilities[state, action]))
        record[step] = state, action, next_state, begins
        begins = next_state not in inside
        state = int(rng.choice(inside)) if begins else next_state
    return tuple(record.T)


def quarter_states(room: GridWorld, quarter: tuple[int, int]) -> IntArray:
    """The squares of a quarter, given as (row, column), that are not terminal."""
    rows, columns = np.divmod(np.arange(room.num_states), room.size)
    half = room.size / 2
    inside = (rows // half == quarter[0]) & (columns // half == quarter[1]) & ~room.terminal
    return np.flatnonzero(inside).astype(np.int32)
