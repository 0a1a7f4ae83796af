"""Answers to `double_q_target` as readers write them: every right one passes, every wrong one fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from answers import verdict

pytest.importorskip("tensorflow")

import tensorflow as tf

from dqnkit.classroom.course import find_exercise

EXERCISE = find_exercise("double_q_target")


# --- right


def gather_by_batch(r, discount, q_next_target, q_next_online):
    best = tf.argmax(q_next_online, axis=-1)
    return r + discount * tf.gather(q_next_target, best, batch_dims=1)


def one_hot_and_sum(r, discount, q_next_target, q_next_online):
    chosen = tf.one_hot(tf.argmax(q_next_online, axis=1), q_next_target.shape[-1])
    return r + discount * tf.reduce_sum(chosen * q_next_target, axis=1)


def gather_nd(r, discount, q_next_target, q_next_online):
    best = tf.argmax(q_next_online, axis=1, output_type=tf.int32)
    rows = tf.range(tf.shape(best)[0])
    return r + discount * tf.gather_nd(q_next_target, tf.stack([rows, best], axis=1))


def early_return(r, discount, q_next_target, q_next_online):
    if tf.reduce_all(discount == 0):
        return r
    best = tf.argmax(q_next_online, axis=1)
    return r + discount * tf.gather(q_next_target, best, axis=1, batch_dims=1)


def stops_the_gradient(r, discount, q_next_target, q_next_online):
    value = tf.gather(q_next_target, tf.argmax(q_next_online, axis=1), axis=1, batch_dims=1)
    return tf.stop_gradient(r + discount * value)


def where_terminated(r, discount, q_next_target, q_next_online):
    value = tf.gather(q_next_target, tf.argmax(q_next_online, axis=1), axis=1, batch_dims=1)
    return tf.where(discount > 0, r + discount * value, r)


def python_loop_with_known_size(r, discount, q_next_target, q_next_online):
    targets = []
    for i in range(r.shape[0]):
        best = tf.argmax(q_next_online[i])
        targets.append(r[i] + discount[i] * q_next_target[i, best])
    return tf.stack(targets)


def keeps_and_squeezes(r, discount, q_next_target, q_next_online):
    best = tf.expand_dims(tf.argmax(q_next_online, axis=1), 1)
    value = tf.squeeze(tf.gather(q_next_target, best, axis=1, batch_dims=1), axis=1)
    return tf.add(r, tf.multiply(discount, value))


def mask_of_the_maximum(r, discount, q_next_target, q_next_online):
    is_best = tf.cast(q_next_online == tf.reduce_max(q_next_online, axis=1, keepdims=True), tf.float32)
    return r + discount * tf.reduce_sum(q_next_target * is_best, axis=1)


def boolean_mask(r, discount, q_next_target, q_next_online):
    best = tf.math.argmax(q_next_online, 1)
    chosen = tf.one_hot(best, tf.shape(q_next_target)[1], on_value=True, off_value=False, dtype=tf.bool)
    return discount * tf.boolean_mask(q_next_target, chosen) + r


def imports_inside(r, discount, q_next_target, q_next_online):
    import tensorflow as own

    q = own.gather(q_next_target, own.argmax(q_next_online, axis=1), axis=1, batch_dims=1)
    q = q * discount
    q += r
    return q


def einsum(r, discount, q_next_target, q_next_online):
    chosen = tf.one_hot(tf.argmax(q_next_online, axis=1), q_next_target.shape[1])
    return r + discount * tf.einsum("ba,ba->b", chosen, q_next_target)


def whole_numbers_inside(r, discount, q_next_target, q_next_online):
    rows = range(len(r))
    return tf.stack([r[i] + discount[i] * q_next_target[i, int(tf.argmax(q_next_online[i]))] for i in rows])


RIGHT = [
    whole_numbers_inside,
    *(gather_by_batch, one_hot_and_sum, gather_nd, early_return, stops_the_gradient, where_terminated),
    *(python_loop_with_known_size, keeps_and_squeezes, mask_of_the_maximum, boolean_mask, imports_inside, einsum),
]

# --- wrong, each with the name that the check finds for it ("" where it finds none)


def value(q_next_target, q_next_online):
    return tf.gather(q_next_target, tf.argmax(q_next_online, axis=1), axis=1, batch_dims=1)


def roles(r, discount, q_next_target, q_next_online):
    return r + discount * value(q_next_online, q_next_target)


def dqn(r, discount, q_next_target, q_next_online):
    return r + discount * tf.reduce_max(q_next_target, axis=1)


def online_only(r, discount, q_next_target, q_next_online):
    return r + discount * tf.reduce_max(q_next_online, axis=-1)


def twin_minimum(r, discount, q_next_target, q_next_online):
    return r + discount * tf.reduce_max(tf.minimum(q_next_target, q_next_online), axis=1)


def minimum_of_both_values(r, discount, q_next_target, q_next_online):
    chosen = value(q_next_target, q_next_online), value(q_next_online, q_next_online)
    return r + discount * tf.minimum(*chosen)


def mean_of_both_values(r, discount, q_next_target, q_next_online):
    return r + discount * (value(q_next_target, q_next_online) + value(q_next_online, q_next_online)) / 2


def argmax_without_axis(r, discount, q_next_target, q_next_online):
    return r + discount * tf.gather(q_next_target, tf.argmax(q_next_online), axis=1, batch_dims=1)


def gather_without_batch(r, discount, q_next_target, q_next_online):
    return r + discount * tf.gather(q_next_target, tf.argmax(q_next_online, axis=1), axis=1)


def gather_of_rows(r, discount, q_next_target, q_next_online):
    return r + discount * tf.gather(q_next_target, tf.argmax(q_next_online, axis=1))


def index(r, discount, q_next_target, q_next_online):
    return r + discount * tf.cast(tf.argmax(q_next_online, axis=1), r.dtype)


def numpy_inside(r, discount, q_next_target, q_next_online):
    best = np.argmax(q_next_online, axis=1)
    return r + discount * np.array(q_next_target)[np.arange(len(best)), best]


def comprehension(r, discount, q_next_target, q_next_online):
    best = tf.argmax(q_next_online, axis=1)
    return r + discount * tf.stack([row[b] for row, b in zip(q_next_target, best, strict=True)])


def masked_maximum(r, discount, q_next_target, q_next_online):
    chosen = tf.one_hot(tf.argmax(q_next_online, axis=1), q_next_target.shape[-1])
    return r + discount * tf.reduce_max(chosen * q_next_target, axis=1)


def column(r, discount, q_next_target, q_next_online):
    best = tf.argmax(q_next_online, axis=1)[:, None]
    return r + discount * tf.gather(q_next_target, best, axis=1, batch_dims=1)


def no_reward(r, discount, q_next_target, q_next_online):
    return discount * value(q_next_target, q_next_online)


def no_discount(r, discount, q_next_target, q_next_online):
    return r + value(q_next_target, q_next_online)


def fixed_gamma(r, discount, q_next_target, q_next_online):
    return r + 0.99 * value(q_next_target, q_next_online)


def gamma_twice(r, discount, q_next_target, q_next_online):
    return r + 0.99 * discount * value(q_next_target, q_next_online)


def discounts_the_reward(r, discount, q_next_target, q_next_online):
    return discount * (r + value(q_next_target, q_next_online))


def worst_action(r, discount, q_next_target, q_next_online):
    return r + discount * value(q_next_target, -q_next_online)


def minus(r, discount, q_next_target, q_next_online):
    return r - discount * value(q_next_target, q_next_online)


def nothing_below_zero(r, discount, q_next_target, q_next_online):
    return r + discount * tf.nn.relu(value(q_next_target, q_next_online))


def mean_over_the_batch(r, discount, q_next_target, q_next_online):
    return tf.reduce_mean(r + discount * value(q_next_target, q_next_online))


def forgets_to_return(r, discount, q_next_target, q_next_online):
    y = r + discount * value(q_next_target, q_next_online)  # noqa: F841


def swapped_and_without_discount(r, discount, q_next_target, q_next_online):  # two mistakes
    return r + value(q_next_online, q_next_target)


WRONG = {
    roles: "roles swapped",
    dqn: "plain maximum",
    online_only: "maximum of the online network",
    twin_minimum: "",
    minimum_of_both_values: "",
    mean_of_both_values: "",
    argmax_without_axis: "argmax over the batch",
    gather_without_batch: "[B, B] in place of [B]",
    gather_of_rows: "",
    index: "the action's index in place of its value",
    numpy_inside: "cannot be compiled",
    comprehension: "cannot be compiled",
    masked_maximum: "values below 0 become 0",
    column: "a column of values",
    no_reward: "reward left out",
    no_discount: "discount left out",
    fixed_gamma: "",
    gamma_twice: "",
    discounts_the_reward: "",
    worst_action: "the worst action is selected",
    minus: "",
    nothing_below_zero: "values below 0 become 0",
    mean_over_the_batch: "",
    forgets_to_return: "",
    swapped_and_without_discount: "",
}


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Any) -> None:
    for seed in range(3):
        result = verdict(EXERCISE, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails_under_a_name_that_is_true_of_it(answer: Any) -> None:
    result = verdict(EXERCISE, answer)
    assert not result.passed
    assert result.mistake == WRONG[answer], result.text
    assert "AutoGraph" not in result.text
