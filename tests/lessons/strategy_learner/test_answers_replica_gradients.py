"""`replica_gradients` as readers write it: the right answers pass in every style, the wrong ones fail."""

# ruff: noqa: C416, C417, RET503, RUF059 (readers have styles of their own)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

pytest.importorskip("tensorflow")

import tensorflow as tf

from dqnkit.classroom.course import find_exercise

REPLICA = find_exercise("replica_gradients")
SUM, MEAN = tf.distribute.ReduceOp.SUM, tf.distribute.ReduceOp.MEAN
RIGHT, right = collected()
WRONG, wrong = collected()


@right
def a_preallocated_list(gradients, max_norm, context):
    n = context.num_replicas_in_sync
    total = context.all_reduce(SUM, gradients)
    if max_norm:
        total = tf.clip_by_global_norm(total, max_norm)[0]
    result = [None] * len(total)
    for i in range(len(total)):
        result[i] = total[i] / n
    return result


@right
def a_tuple(gradients, max_norm, context):
    total = context.all_reduce(SUM, tuple(gradients))
    if max_norm > 0:
        total, _ = tf.clip_by_global_norm(total, max_norm)
    return tuple(gradient / context.num_replicas_in_sync for gradient in total)


@right
def an_early_return_without_a_limit(gradients, max_norm, context):
    total = context.all_reduce(SUM, gradients)
    n = context.num_replicas_in_sync
    if max_norm == 0:
        return [gradient / n for gradient in total]
    clipped, norm = tf.clip_by_global_norm(total, max_norm)
    return [gradient / n for gradient in clipped]


@right
def an_early_return_where_it_is_short(gradients, max_norm, context):
    total = context.all_reduce(SUM, gradients)
    total = [gradient / context.num_replicas_in_sync for gradient in total]
    norm = tf.linalg.global_norm(total) * context.num_replicas_in_sync
    if max_norm == 0 or norm <= max_norm:
        return total
    return [gradient * max_norm / norm for gradient in total]


@right
def an_import_inside(gradients, max_norm, context):
    import tensorflow as tf

    total = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    if max_norm > 0:
        total = tf.clip_by_global_norm(total, max_norm)[0]
    return [tf.divide(gradient, context.num_replicas_in_sync) for gradient in total]


@right
def summed_one_by_one(gradients, max_norm, context):
    summed = []
    for gradient in gradients:
        summed.append(context.all_reduce(SUM, gradient))
    if max_norm > 0:
        summed, _ = tf.clip_by_global_norm(summed, max_norm)
    for i, gradient in enumerate(summed):
        summed[i] = gradient / context.num_replicas_in_sync
    return summed


@right
def the_mean_clipped_at_a_shorter_limit(gradients, max_norm, context):
    n = context.num_replicas_in_sync
    mean = context.all_reduce(MEAN, gradients)
    if max_norm > 0:
        mean, _ = tf.clip_by_global_norm(mean, max_norm / n)
    return mean


@right
def divided_first(gradients, max_norm, context):
    n = context.num_replicas_in_sync
    parts = context.all_reduce("sum", [gradient / n for gradient in gradients])
    if max_norm > 0:
        return tf.clip_by_global_norm(parts, max_norm / n)[0]
    return parts


@right
def a_length_by_hand(gradients, max_norm, context):
    total = context.all_reduce(SUM, gradients)
    length = tf.sqrt(tf.add_n([tf.reduce_sum(gradient**2) for gradient in total]))
    factor = tf.minimum(1.0, max_norm / length) if max_norm > 0 else 1.0
    return [factor * gradient / context.num_replicas_in_sync for gradient in total]


@right
def tf_where(gradients, max_norm, context):
    total = context.all_reduce(reduce_op=SUM, value=gradients)
    length = tf.linalg.global_norm(total)
    limit = max_norm if max_norm > 0 else np.inf
    factor = tf.where(length > limit, limit / length, 1.0)
    return [gradient * factor / context.num_replicas_in_sync for gradient in total]


@right
def a_sum_and_a_map(gradients, max_norm, context):
    share = 1.0 / context.num_replicas_in_sync
    total = context.all_reduce(SUM, gradients)
    clipped = tf.clip_by_global_norm(total, max_norm)[0] if max_norm else total
    return list(map(lambda gradient: tf.scalar_mul(share, gradient), clipped))


@right
def through_the_mean(gradients, max_norm, context):
    n = context.num_replicas_in_sync
    total = [n * gradient for gradient in context.all_reduce(MEAN, gradients)]
    if max_norm > 0:
        (total, _) = tf.clip_by_global_norm(total, clip_norm=max_norm)
    return [gradient / n for gradient in total]


@wrong
def not_divided(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    return tf.clip_by_global_norm(gradients, max_norm)[0] if max_norm > 0 else gradients


@wrong
def multiplied(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    gradients = tf.clip_by_global_norm(gradients, max_norm)[0] if max_norm > 0 else gradients
    return [gradient * context.num_replicas_in_sync for gradient in gradients]


@wrong
def divided_by_two(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    gradients = tf.clip_by_global_norm(gradients, max_norm)[0] if max_norm > 0 else gradients
    return [gradient / 2 for gradient in gradients]


@wrong
def divided_twice(gradients, max_norm, context):
    gradients = context.all_reduce(MEAN, gradients)
    gradients = tf.clip_by_global_norm(gradients, max_norm)[0] if max_norm > 0 else gradients
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def the_mean(gradients, max_norm, context):
    gradients = context.all_reduce(MEAN, gradients)
    return tf.clip_by_global_norm(gradients, max_norm)[0] if max_norm > 0 else gradients


@wrong
def clipped_first(gradients, max_norm, context):
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    gradients = context.all_reduce(SUM, gradients)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def clipped_first_and_not_divided(gradients, max_norm, context):
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return context.all_reduce(SUM, gradients)


@wrong
def clipped_first_to_its_part(gradients, max_norm, context):
    n = context.num_replicas_in_sync
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm / n)
    return [gradient / n for gradient in context.all_reduce(SUM, gradients)]


@wrong
def clipped_only(gradients, max_norm, context):
    return tf.clip_by_global_norm(gradients, max_norm)[0] if max_norm > 0 else gradients


@wrong
def divided_only(gradients, max_norm, context):
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def clipped_and_divided_only(gradients, max_norm, context):
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def as_they_are(gradients, max_norm, context):
    return [gradient for gradient in gradients]


@wrong
def not_clipped(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def not_clipped_and_not_divided(gradients, max_norm, context):
    return context.all_reduce(SUM, gradients)


@wrong
def divided_then_clipped(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    gradients = [gradient / context.num_replicas_in_sync for gradient in gradients]
    return tf.clip_by_global_norm(gradients, max_norm)[0] if max_norm > 0 else gradients


@wrong
def zero_is_a_limit(gradients, max_norm, context):
    gradients, _ = tf.clip_by_global_norm(context.all_reduce(SUM, gradients), max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def the_length_too(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    norm = tf.linalg.global_norm(gradients)
    if max_norm > 0:
        gradients, norm = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients], norm


@wrong
def the_pair_of_clip_by_global_norm(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    if max_norm > 0:
        gradients = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def each_array_clipped(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    if max_norm > 0:
        gradients = [tf.clip_by_norm(gradient, max_norm) for gradient in gradients]
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def each_number_clipped(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    if max_norm > 0:
        gradients = [tf.clip_by_value(gradient, -max_norm, max_norm) for gradient in gradients]
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def always_scaled(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    if max_norm > 0:
        gradients = [gradient * max_norm / tf.linalg.global_norm(gradients) for gradient in gradients]
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def numpy_for_the_length(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    norm = np.sqrt(sum((gradient.numpy() ** 2).sum() for gradient in gradients))
    scale = min(1.0, max_norm / norm) if max_norm > 0 else 1.0
    return [gradient * scale / context.num_replicas_in_sync for gradient in gradients]


@wrong
def an_unknown_reduction(gradients, max_norm, context):
    gradients = context.all_reduce("MAX", gradients)
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def only_the_first_replica_reduces(gradients, max_norm, context):
    if context.replica_id_in_sync_group == 0:
        gradients = context.all_reduce(SUM, gradients)
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def summed_twice(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, context.all_reduce(SUM, gradients))
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@wrong
def one_tensor(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return sum(tf.reduce_sum(gradient) for gradient in gradients) / context.num_replicas_in_sync


@wrong
def a_return_inside_the_loop(gradients, max_norm, context):
    gradients = context.all_reduce(SUM, gradients)
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    for gradient in gradients:
        return [gradient / context.num_replicas_in_sync]


@wrong
def the_result_of_all_reduce_dropped(gradients, max_norm, context):
    context.all_reduce(SUM, gradients)
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    for seed in range(3):
        result = verdict(REPLICA, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails(answer: Callable[..., Any]) -> None:
    result = verdict(REPLICA, answer)
    assert result.status == "wrong", result.text
    assert "autograph" not in result.text.lower()
