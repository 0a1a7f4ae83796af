"""The answers to `td_target`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake

Tensor = Any


def td_target(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    """``r + discount * max_a q_next[:, a]``: rewards ``[B]``, discounts ``[B]``, next values ``[B, A]`` -> ``[B]``."""
    from dqnkit.backend import tf

    return r + discount * tf.reduce_max(q_next, axis=1)


def without_discount(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + tf.reduce_max(q_next, axis=1)


def one_discount_for_all(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + tf.reduce_max(discount) * tf.reduce_max(q_next, axis=1)


def discount_twice(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + discount * discount * tf.reduce_max(q_next, axis=1)


def discounted_reward(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return discount * (r + tf.reduce_max(q_next, axis=1))


def maximum_over_the_batch(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + discount * tf.reduce_max(q_next, axis=0)


def maximum_over_everything(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + discount * tf.reduce_max(q_next)


def kept_axis(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r[:, None] + discount[:, None] * tf.reduce_max(q_next, axis=1, keepdims=True)


def broadcast(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + discount * tf.reduce_max(q_next, axis=1, keepdims=True)


def index_for_value(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + discount * tf.cast(tf.argmax(q_next, axis=1), tf.float32)


def mean_for_maximum(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + discount * tf.reduce_mean(q_next, axis=1)


def reward_left_out(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    return td_target(0.0, discount, q_next)


def minimum_for_maximum(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    return td_target(r, -discount, -q_next)


def one_minus_discount(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    return td_target(r, 1 - discount, q_next)


def gamma_of_the_notebook(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    return td_target(r, 0.8, q_next)


def gamma_besides(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    return td_target(r, 0.8 * discount, q_next)


def subtracted(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    return td_target(r, -discount, q_next)


def maximum_alone(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    return td_target(0.0, 1.0, q_next)


def sum_for_maximum(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return r + discount * tf.reduce_sum(q_next, axis=1)


def averaged(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    from dqnkit.backend import tf

    return tf.reduce_mean(td_target(r, discount, q_next))


def with_numpy(r: Tensor, discount: Tensor, q_next: Tensor) -> Tensor:
    return r + discount * np.max(q_next, axis=1)


ANSWERS = Answers(
    solution=td_target,
    mistakes=[
        Mistake(
            "discount left out",
            without_discount,
            "The discount is not used: the next value is added in full. So a reward would be worth as much in a "
            "hundred steps as now, and where the episode terminated (discount 0) a value is added that nobody can ever "
            "earn.",
        ),
        Mistake(
            "the bootstrap survives termination",
            one_discount_for_all,
            "One factor is used for every row, so the bootstrap survives where the discount is 0. Each row has its own "
            "discount: gamma where the episode went on, 0 where it terminated. There the reward is all there is.",
        ),
        Mistake(
            "gamma twice",
            discount_twice,
            "The next value is discounted twice. `discount` already holds gamma: multiply by it once, and by no gamma "
            "of your own, or the values come out too small.",
        ),
        Mistake(
            "the reward is discounted too",
            discounted_reward,
            "The reward is multiplied by the discount as well. It is earned now and counts in full; where the episode "
            "terminated this makes the target 0, and the goal's reward is never learned.",
        ),
        Mistake(
            "maximum over the batch",
            maximum_over_the_batch,
            "The maximum is taken down the columns (axis 0): over the transitions of the batch, which have nothing to "
            "do with each other. It must go over the actions of each row: axis=1.",
        ),
        Mistake(
            "one maximum for the whole batch",
            maximum_over_everything,
            "One maximum is taken over all transitions and actions, so every row gets the luckiest row's next value. "
            "Give the maximum an axis: over the actions of each row, axis=1.",
        ),
        Mistake(
            "[B, 1] in place of [B]",
            kept_axis,
            "The result is a column [B, 1]; it must be [B]. Subtracted from Q(s, a) of shape [B] it would be broadcast "
            "without a word to [B, B], every transition compared with every other. Leave keepdims out.",
        ),
        Mistake(
            "[B, B] by broadcasting",
            broadcast,
            "A column [B, 1] met a row [B] and became a table [B, B]: every reward with every next value. Leave "
            "keepdims out, so that the maximum has the shape [B].",
        ),
        Mistake(
            "the action's index in place of its value",
            index_for_value,
            "The number of the best action (argmax) is used as if it were its value. The target needs how good that "
            "action is: the maximum itself.",
        ),
        Mistake(
            "mean over the actions",
            mean_for_maximum,
            "The mean over the next actions is used. That is the value of acting at random from there on; Q-learning "
            "asks for the value of acting best: the maximum.",
        ),
        Mistake(
            "minimum over the actions",
            minimum_for_maximum,
            "The minimum over the next actions is used. That is the value of going on with the worst action; "
            "Q-learning asks for the best one: tf.reduce_max.",
        ),
        Mistake(
            "the reward is left out",
            reward_left_out,
            "The reward `r` is missing from the target. It is the only thing in it that comes from the environment: "
            "without it all values shrink to 0.",
        ),
        Mistake(
            "1 - discount",
            one_minus_discount,
            "The next value is multiplied by `1 - discount`. `discount` is the factor itself: gamma where the episode "
            "went on, and 0 where it terminated. (`1 - terminated` would be another way to write that 0.)",
        ),
        Mistake(
            "GAMMA in place of the discount",
            gamma_of_the_notebook,
            "`GAMMA` is used in place of `discount`, so a value is added even where the episode terminated. `discount` "
            "is gamma where it went on and 0 where it terminated.",
        ),
        Mistake(
            "GAMMA besides the discount",
            gamma_besides,
            "The next value is multiplied by `GAMMA` and by `discount`. `discount` already holds gamma: multiply by it "
            "alone, or the values come out too small.",
        ),
        Mistake(
            "minus in place of plus",
            subtracted,
            "The discounted next value is subtracted from the reward. What comes later is earned as well: add it.",
        ),
        Mistake(
            "the maximum alone",
            maximum_alone,
            "Only the maximum over the next actions is returned. The target is the reward plus the discount times this "
            "maximum.",
        ),
        Mistake(
            "sum over the actions",
            sum_for_maximum,
            "The values of the next actions are added up. The agent takes only one of them, the best: tf.reduce_max.",
        ),
        Mistake(
            "averaged over the batch",
            averaged,
            "The targets are averaged into a single number. Each transition has its own target, `[B]`; the mean is "
            "taken later, of the loss.",
        ),
        Mistake(
            "NumPy in place of TensorFlow",
            with_numpy,
            "The numbers are right, but TensorFlow cannot compile it: NumPy, `.numpy()`, `float()` and an `if` on a "
            "value need numbers, and while TensorFlow compiles there are none yet. In this notebook your function will "
            "be compiled, so use TensorFlow's operations: tf.reduce_max in place of np.max.",
        ),
    ],
)
