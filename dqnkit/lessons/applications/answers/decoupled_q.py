"""The answers to `decoupled_q`: a worked solution, and known mistakes."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Array


def decoupled_q(q: Array, actions: Array) -> Array:
    """Q(s, a) of combined actions, the mean over the joints of their own values (Seyde et al., 2022, equation 3).

    Args:
        q: ``[B, D, N]``: for each state and each of D joints, the values of its N forces.
        actions: ``[B, D]``: the force that each joint takes, from 0 to N - 1.

    Returns:
        ``[B]``.
    """
    return _taken(q, actions).mean(axis=1)


def _taken(q: Array, actions: Array) -> Array:
    """The values ``[B, D]`` of the forces that are taken."""
    return np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0]


def _with_first_action(q: Array, actions: Array) -> Array:
    """Every row with the actions of the first."""
    return _taken(q, np.broadcast_to(actions[:1], actions.shape)).mean(axis=1)


def _across_rows(q: Array, actions: Array) -> Array:
    """``[B, B]``: what indexing with ``q[:, joints, actions]`` gives."""
    joints = np.arange(q.shape[1])
    return q[:, joints, actions].mean(axis=2)


ANSWERS = Answers(
    solution=decoupled_q,
    mistakes=(
        Mistake(
            "sum for the mean",
            lambda q, actions: _taken(q, actions).sum(axis=1),
            "The values are added up. With the mean, a robot of ten joints has values of the same size as one of two, "
            "and the same learning rate serves both. Divide by the number of joints.",
        ),
        Mistake(
            "mean over all forces",
            lambda q, actions: q.mean(axis=(1, 2)),
            "The mean goes over all forces, and `actions` is not used: every action of a state has the same value. "
            "Pick the value of the force that was taken first.",
        ),
        Mistake(
            "the best forces",
            lambda q, actions: q.max(axis=2).mean(axis=1),
            "This takes the largest value of each joint, whatever was done. It is the value of the *best* action, "
            "which belongs into the target; here the value of `actions` is asked for.",
        ),
        Mistake(
            "the first joint only",
            lambda q, actions: _taken(q, actions)[:, 0],
            "Only the first joint counts. The others would never learn anything: take the mean over all of them.",
        ),
        Mistake(
            "the last joint only",
            lambda q, actions: _taken(q, actions)[:, -1],
            "Only the last joint counts. Does a loop write over its result each time? Take the mean over all joints.",
        ),
        Mistake(
            "the mean over the batch",
            lambda q, actions: _taken(q, actions).mean(axis=0),
            "The mean goes over the rows of the batch: `[D]` comes out. It must go over the joints, `axis=1`: `[B]`.",
        ),
        Mistake(
            "a value for each joint",
            lambda q, actions: _taken(q, actions),
            "These are the values of the joints, `[B, D]`. A TD target is one number for each row: take the mean over "
            "the joints.",
        ),
        Mistake(
            "one number for the batch",
            lambda q, actions: _taken(q, actions).mean(),
            "One number comes out for the whole batch. Each row is a state of its own: the mean goes over `axis=1` "
            "only.",
        ),
        Mistake(
            "across rows",
            _across_rows,
            "`q[:, joints, actions]` pairs every row of `q` with the actions of every row: `[B, B]`. Use "
            "`np.take_along_axis`, or index the rows as well: `q[rows, joints, actions]`.",
        ),
        Mistake(
            "the actions of the first row",
            _with_first_action,
            "Every row is read with the actions of the first one. Each row has actions of its own.",
        ),
        Mistake(
            "the smallest joint",
            lambda q, actions: _taken(q, actions).min(axis=1),
            "The smallest of the joints' values is taken. The paper takes the mean: then each joint learns from every "
            "reward.",
        ),
        Mistake(
            "the largest joint",
            lambda q, actions: _taken(q, actions).max(axis=1),
            "The largest of the joints' values is taken. Then only one joint learns from a reward. Take the mean.",
        ),
        Mistake(
            "the product",
            lambda q, actions: _taken(q, actions).prod(axis=1),
            "The values are multiplied. Values of joints are no probabilities: two bad joints, both below 0, would "
            "make a good action. Take the mean.",
        ),
        Mistake(
            "divides by the number of forces",
            lambda q, actions: _taken(q, actions).sum(axis=1) / q.shape[2],
            "The sum is divided by the number of forces, `q.shape[2]`. It goes over the joints: divide by their "
            "number, `q.shape[1]`.",
        ),
    ),
)
