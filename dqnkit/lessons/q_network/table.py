"""The Q-update on a table, for comparison with a network."""

from __future__ import annotations

import numpy as np

from dqnkit.small_environments import GridWorld
from dqnkit.types import Array, FloatArray, Transition


def table_errors(
    room: GridWorld, q_star: Array, transitions: Transition, alpha: float = 0.5, every: int = 50
) -> FloatArray:
    """Run transitions through the Q-update in their order; the error after every ``every`` updates.

    Args:
        room: made with ``observation="xy"``.
        q_star: its exact Q-values ``[S, A]``.
        transitions: arrays with a row for each step.
        alpha: step size.
        every: updates between two errors. An error is the largest |Q - Q*|, the goals left out.
    """
    number_of = {tuple(place): number for number, place in enumerate(room.all_observations())}  # x, y -> the square
    q, errors = np.zeros_like(q_star), []
    for update, (o, a, r, discount, o_next) in enumerate(zip(*transitions, strict=True), start=1):
        s, s_next = number_of[tuple(o)], number_of[tuple(o_next)]
        q[s, a] += alpha * (r + discount * q[s_next].max() - q[s, a])
        if update % every == 0:
            errors.append(np.abs(q - q_star)[~room.terminal].max())
    return np.array(errors)
