"""What is read off Q-values: the greedy action, its value, and the values of the actions that were taken.

There is one Q-value for each action, ``[B, A]``. With ``decoupled`` and so many actions that this would be slow, there
is one for each of the N bins of each of the D dimensions of an action, ``[B, D, N]``: the value of an action is the
mean of the values of its bins, so the best action has the best bin of each dimension (Seyde et al., 2022, Solving
continuous control via Q-learning). An action is one number in both cases; `dqnkit.action_bins` says how it counts.

A first reading can skip the second kind.
"""

from __future__ import annotations

import numpy as np

from dqnkit.types import Array, FloatArray, IntArray

# With more joint actions than this, a decoupled network gives [B, D, N]. Measured on one core with layers of 64-64
# units and batches of 64: joint values of 64 actions cost nothing; of 729 an update took 3 times as long, of 7,776 20.
MOST_JOINT_VALUES = 256


def number_of_actions(q_values: FloatArray) -> int:
    """A, or N ** D."""
    if q_values.ndim == 2:
        return q_values.shape[1]
    _, dimensions, bins = q_values.shape
    return int(bins**dimensions)


def greedy_actions(q_values: FloatArray) -> IntArray:
    """The action of largest value for each row, ``[B]``."""
    if q_values.ndim == 2:
        return q_values.argmax(axis=1)
    return joint_actions(q_values.argmax(axis=2), q_values.shape[2])


def best_values(q_values: FloatArray) -> FloatArray:
    """The largest value of each row, ``[B]``."""
    best: FloatArray = q_values.max(axis=-1)  # [B] or [B, D]
    return best if q_values.ndim == 2 else best.mean(axis=1)


def values_of(q_values: FloatArray, actions: IntArray) -> FloatArray:
    """The value of one action for each row, ``[B]``."""
    if q_values.ndim == 2:
        return np.take_along_axis(q_values, actions[:, None], axis=1)[:, 0]
    bins = bins_of(actions, *q_values.shape[1:])  # [B, D]
    mean: FloatArray = np.take_along_axis(q_values, bins[:, :, None], axis=2)[:, :, 0].mean(axis=1)
    return mean


def bins_of(actions: Array, dimensions: int, bins: int) -> Array:
    """The bin of each dimension, ``[B, D]``, of actions ``[B]``; of the tensors of TensorFlow, too."""
    return actions[:, None] // _place_values(dimensions, bins) % bins


def joint_actions(chosen: Array, bins: int) -> IntArray:
    """The actions ``[B]`` that have the bins ``chosen [B, D]`` of ``bins`` each."""
    return chosen @ _place_values(chosen.shape[1], bins)


def dimensions_of(num_actions: int, bins: int) -> int:
    """D, where there are ``bins ** D`` actions; 0 if no D gives this number."""
    dimensions = 0
    while bins**dimensions < num_actions:
        dimensions += 1
    return dimensions if bins**dimensions == num_actions else 0


def _place_values(dimensions: int, bins: int) -> IntArray:
    """What one bin further in each dimension adds to the number of an action, ``[D]``."""
    return (bins ** np.arange(dimensions - 1, -1, -1)).astype(np.int32)
