"""The answers to `double_q_target`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

from dqnkit.classroom.course import reference
from dqnkit.classroom.exercise import Answers, Mistake

Tensor = Any


def double_q_target(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    """TD targets ``[B]``: the online network selects the next action, the target network gives its value.

    Source: van Hasselt et al. (2016), *Deep reinforcement learning with double Q-learning*.

    Args:
        r: rewards ``[B]``.
        discount: 0 where the episode terminated ``[B]``.
        q_next_target, q_next_online: Q-values of the next observations ``[B, A]``.
    """
    import tensorflow as tf

    best = tf.argmax(q_next_online, axis=1)  # [B] the online network selects
    value = tf.gather(q_next_target, best, axis=1, batch_dims=1)  # [B] the target network values
    return r + discount * value


def swapped_roles(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    return double_q_target(r, discount, q_next_online, q_next_target)


def plain_maximum(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    return double_q_target(r, discount, q_next_target, q_next_target)


def maximum_of_online(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    return double_q_target(r, discount, q_next_online, q_next_online)


def smaller_maximum(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    import tensorflow as tf

    return r + discount * tf.minimum(tf.reduce_max(q_next_target, axis=1), tf.reduce_max(q_next_online, axis=1))


def mean_of_maxima(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    import tensorflow as tf

    return r + discount * (tf.reduce_max(q_next_target, axis=1) + tf.reduce_max(q_next_online, axis=1)) / 2


def one_discount_for_all(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    import tensorflow as tf

    return double_q_target(r, tf.reduce_max(discount), q_next_target, q_next_online)


def without_discount(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    return double_q_target(r, 1.0, q_next_target, q_next_online)


def argmax_over_the_batch(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    import tensorflow as tf

    best = tf.argmax(q_next_online, axis=0)  # [A]
    return r + discount * tf.gather(q_next_target, best, axis=1, batch_dims=1)


def without_batch_dims(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    import tensorflow as tf

    return r + discount * tf.gather(q_next_target, tf.argmax(q_next_online, axis=1), axis=1)


def index_for_value(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    import tensorflow as tf

    return r + discount * tf.cast(tf.argmax(q_next_online, axis=1), tf.float32)


def smallest_value(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    return double_q_target(r, discount, q_next_target, -q_next_online)


def maximum_of_a_mask(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    import tensorflow as tf

    selected = tf.one_hot(tf.argmax(q_next_online, axis=1), q_next_online.shape[1])
    return r + discount * tf.reduce_max(q_next_target * selected, axis=1)


def without_reward(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    return double_q_target(0.0, discount, q_next_target, q_next_online)


def column_of_values(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    return r + discount * double_q_target(0.0, 1.0, q_next_target, q_next_online)[:, None]


def with_numpy(r: Tensor, discount: Tensor, q_next_target: Tensor, q_next_online: Tensor) -> Tensor:
    best = q_next_online.numpy().argmax(axis=1)
    return r + discount * q_next_target.numpy()[range(len(best)), best]


ANSWERS = Answers(
    solution=double_q_target,
    mistakes=[
        Mistake(
            "roles swapped",
            swapped_roles,
            "The target network selects and the online network values. It is the other way round: the online network "
            "selects, the target network values. The value must come from the network that stands still, else the "
            f"target moves with every update again, as it did before {reference('target_network')}.",
        ),
        Mistake(
            "plain maximum",
            plain_maximum,
            "This is the maximum over the target network's values, the target of plain DQN: the same numbers select "
            "and value. An action whose value is too high by chance is selected because of that, and its value is "
            "then believed. Let the online network select.",
        ),
        Mistake(
            "maximum of the online network",
            maximum_of_online,
            "The online network both selects and values. That is neither double Q-learning nor DQN: the target moves "
            "with every update, and the maximum overestimates as before. The online network only selects.",
        ),
        Mistake(
            "smaller of the two maxima",
            smaller_maximum,
            "The smaller of the two maxima is taken. That also lowers the target, but in each maximum the same numbers "
            "select and value. Take the target network's value of the one action that the online network selects.",
        ),
        Mistake(
            "mean of the two maxima",
            mean_of_maxima,
            "The mean of both maxima is taken. Both are too large for the same reason, so their mean is as well. "
            "Nothing is averaged in double Q-learning: one network selects, the other values.",
        ),
        Mistake(
            "terminal rows bootstrap",
            one_discount_for_all,
            "One discount is used for every row, so the bootstrap survives where the discount is 0. There the episode "
            "terminated, and the reward is all there is. Multiply row by row.",
        ),
        Mistake(
            "discount left out",
            without_discount,
            "The value is added in full: the discount is not used. Then a reward far away counts as much as one at "
            "once, and a terminated episode (discount 0) still bootstraps.",
        ),
        Mistake(
            "reward left out",
            without_reward,
            "The reward is missing. The target is `r + discount * value`: without the reward no value ever hears of "
            "what the environment paid.",
        ),
        Mistake(
            "the worst action is selected",
            smallest_value,
            "The action with the smallest value is selected. The online network selects the one with the largest: "
            "`tf.argmax`.",
        ),
        Mistake(
            "values below 0 become 0",
            maximum_of_a_mask,
            "A value below 0 becomes 0 in the target. That happens where the values of the other actions are set to 0 "
            "and the maximum of the row is taken: one of the zeros is then the largest. Sum the masked row "
            "(`tf.reduce_sum`), or use `tf.gather`.",
        ),
        Mistake(
            "argmax over the batch",
            argmax_over_the_batch,
            "The best action is looked for down the columns (axis 0): over the transitions of the batch, which have "
            "nothing to do with each other. Look for it among the actions of each row: axis=1.",
        ),
        Mistake(
            "[B, B] in place of [B]",
            without_batch_dims,
            "The values were gathered without batch_dims=1, so each row was asked for the selected actions of all "
            "rows: a table [B, B] in place of [B]. The loss would be a mean over B * B pairs, most of them "
            "meaningless.",
        ),
        Mistake(
            "a column of values",
            column_of_values,
            "The values form a column, [B, 1]. Added to `r`, which is [B], they broadcast to a table [B, B] of every "
            "reward with every value. Drop the last axis before you add: `tf.squeeze(value, axis=1)`.",
        ),
        Mistake(
            "cannot be compiled",
            with_numpy,
            "The numbers are right, but TensorFlow cannot compile the function, and the learner compiles its update: "
            "there the tensors have no numbers yet. So NumPy, `.numpy()` and a comprehension over a tensor do not "
            "work. Use TensorFlow's functions, `tf.argmax` and `tf.gather`.",
        ),
        Mistake(
            "the action's index in place of its value",
            index_for_value,
            "The number of the selected action is used as if it were its value. Action 1 is not worth 1: look up its "
            "value in `q_next_target`.",
        ),
    ],
)
