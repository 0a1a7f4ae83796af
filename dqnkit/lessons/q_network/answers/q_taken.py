"""The answers to `q_taken`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake

Tensor = Any


def q_taken(q: Tensor, actions: Tensor) -> Tensor:
    """The value of the action taken in each row: values ``[B, A]``, actions ``[B]`` -> ``[B]``."""
    from dqnkit.backend import tf

    return tf.gather(q, actions, axis=1, batch_dims=1)


def without_batch_dims(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.gather(q, actions, axis=1)


def rows_for_columns(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.gather(q, actions)


def first_row_only(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.gather(q[0], actions)


def largest(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_max(q, axis=1)


def best_action(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.argmax(q, axis=1)


def kept_axis(q: Tensor, actions: Tensor) -> Tensor:
    return q_taken(q, actions)[:, None]


def _others_are_zero(q: Tensor, actions: Tensor) -> Tensor:
    """``[B, A]``: the value of the action taken, and 0 for the others."""
    from dqnkit.backend import tf

    return q * tf.one_hot(actions, q.shape[1])


def sum_over_rows(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_sum(_others_are_zero(q, actions), axis=0)


def sum_over_all(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_sum(_others_are_zero(q, actions))


def mean_of_one_hot(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_mean(_others_are_zero(q, actions), axis=1)


def maximum_of_one_hot(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_max(_others_are_zero(q, actions), axis=1)


def mean_of_the_row(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_mean(q, axis=1)


def averaged(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_mean(q_taken(q, actions))


def four_actions(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_sum(q * tf.one_hot(actions, 4), axis=1)


def with_numpy(q: Tensor, actions: Tensor) -> Tensor:
    return q.numpy()[np.arange(len(q)), actions.numpy()]


def without_gradient(q: Tensor, actions: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.stop_gradient(q_taken(q, actions))


ANSWERS = Answers(
    solution=q_taken,
    mistakes=[
        Mistake(
            "gather without batch_dims",
            without_batch_dims,
            "The result is [B, B] in place of [B]: from each row, the actions of *all* rows were taken. tf.gather does "
            "not know that row i of `q` belongs to entry i of `actions`; batch_dims=1 tells it.",
        ),
        Mistake(
            "rows in place of columns",
            rows_for_columns,
            "`actions` picked rows of `q`, that is whole transitions, in place of columns. tf.gather works along axis "
            "0 unless it is told otherwise; actions are columns: axis=1, and batch_dims=1 besides.",
        ),
        Mistake(
            "the first row only",
            first_row_only,
            "All values come from the first row of `q`. Each action belongs to its own row: entry i of `actions` picks "
            "from row i.",
        ),
        Mistake(
            "the maximum in place of the action taken",
            largest,
            "The largest value of each row is taken. The reward followed the action that was taken, which need not be "
            "the best one; only its value is compared with the target.",
        ),
        Mistake(
            "the index of the best action",
            best_action,
            "The result is the number of the best action in each row (argmax), not a value; and `actions` is not used.",
        ),
        Mistake(
            "the actions in place of their values",
            lambda q, actions: actions,
            "The result is the numbers of the actions, not their values in `q`. Action 2 is not worth 2.",
        ),
        Mistake(
            "[B, 1] in place of [B]",
            kept_axis,
            "The values are right, but they stand in a column [B, 1]. Subtracted from targets of shape [B] it would be "
            "broadcast to [B, B] without a word, every transition compared with every other. Use `actions` as it is, "
            "[B].",
        ),
        Mistake(
            "the other actions left in as 0",
            _others_are_zero,
            "The result is still [B, A], with 0 for the actions not taken. Add up each row: tf.reduce_sum(..., "
            "axis=1).",
        ),
        Mistake(
            "summed over the rows",
            sum_over_rows,
            "The sum goes down the columns (axis 0): one number for each action, over all transitions. Add up each "
            "row: axis=1.",
        ),
        Mistake(
            "summed over everything",
            sum_over_all,
            "The sum goes over the whole batch and leaves a single number. Give it an axis: tf.reduce_sum(..., axis=1) "
            "adds up each row.",
        ),
        Mistake(
            "mean of the one-hot row",
            mean_of_one_hot,
            "The mean over a row divides the value by the number of actions. All other entries are 0, so their sum is "
            "the value itself: tf.reduce_sum.",
        ),
        Mistake(
            "maximum of the one-hot row",
            maximum_of_one_hot,
            "The maximum over a row finds one of the zeros where the value is below 0. The sum of the row is right for "
            "every sign: tf.reduce_sum.",
        ),
        Mistake(
            "mean of the row",
            mean_of_the_row,
            "The mean of each row is taken, and `actions` is not used. Only the action that was taken is compared with "
            "the target.",
        ),
        Mistake(
            "averaged over the batch",
            averaged,
            "The values are averaged into a single number. Each transition keeps its own, `[B]`; the mean is taken "
            "later, of the loss.",
        ),
        Mistake(
            "always four actions",
            four_actions,
            "The one-hot rows have 4 entries, whatever the number of actions. CartPole has 2: take the number from "
            "`q`, `q.shape[1]`.",
        ),
        Mistake(
            "NumPy in place of TensorFlow",
            with_numpy,
            "The numbers are right, but no gradient can flow through NumPy, and TensorFlow cannot compile it: so the "
            "network would never learn. Use TensorFlow's operations: tf.gather, or tf.one_hot and tf.reduce_sum.",
        ),
        Mistake(
            "the gradient is stopped",
            without_gradient,
            "The values are right, but tf.stop_gradient keeps every gradient from them. These are the values that "
            "shall be learned; it is the target that is taken as a plain number.",
        ),
    ],
)
