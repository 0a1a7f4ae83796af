"""`gradient_reduction` as readers write it: the right answers pass in every style, the wrong ones fail."""

# ruff: noqa: C417 (readers have styles of their own)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

from dqnkit.classroom.course import find_exercise

REDUCTION = find_exercise("gradient_reduction")
RIGHT, right = collected()
WRONG, wrong = collected()


def length(gradients):
    return np.sqrt(sum((gradient**2).sum() for gradient in gradients))


def clip(gradients, max_norm):
    if max_norm > 0 and length(gradients) > max_norm:
        return [gradient * max_norm / length(gradients) for gradient in gradients]
    return gradients


@right
def a_preallocated_list(shares, batch_size, max_norm):
    total = [None] * len(shares[0])
    for number in range(len(shares[0])):
        total[number] = np.zeros(shares[0][number].shape)
        for share in shares:
            total[number] += share[number]
        total[number] /= batch_size
    norm = length(total)
    if max_norm != 0 and norm > max_norm:
        for number in range(len(total)):
            total[number] *= max_norm / norm
    return total


@right
def a_tuple(shares, batch_size, max_norm):
    return tuple(clip([sum(arrays) / batch_size for arrays in zip(*shares, strict=True)], max_norm))


@right
def an_early_return_where_it_is_short(shares, batch_size, max_norm):
    gradients = [np.sum(arrays, axis=0) / batch_size for arrays in zip(*shares, strict=True)]
    norm = np.sqrt(sum(np.sum(np.square(gradient)) for gradient in gradients))
    if norm <= max_norm or max_norm == 0:
        return gradients
    return [gradient / norm * max_norm for gradient in gradients]


@right
def an_early_return_without_a_limit(shares, batch_size, max_norm):
    gradients = [np.add.reduce(list(arrays)) / batch_size for arrays in zip(*shares, strict=True)]
    if not max_norm:
        return gradients
    return [gradient * min(1, max_norm / max(length(gradients), 1e-12)) for gradient in gradients]


@right
def an_import_inside(shares, batch_size, max_norm):
    import functools
    import operator

    gradients = [functools.reduce(operator.add, arrays) / batch_size for arrays in zip(*shares, strict=True)]
    return clip(gradients, max_norm)


@right
def tensorflow_clips(shares, batch_size, max_norm):
    import tensorflow as tf

    gradients = [tf.add_n(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return gradients


@right
def one_long_vector(shares, batch_size, max_norm):
    flat = sum(np.concatenate([array.ravel() for array in share]) for share in shares) / batch_size
    norm = np.linalg.norm(flat)
    if 0 < max_norm < norm:
        flat = flat * max_norm / norm
    pieces = np.split(flat, np.cumsum([array.size for array in shares[0]])[:-1])
    return [piece.reshape(array.shape) for piece, array in zip(pieces, shares[0], strict=True)]


@right
def each_share_divided_first(shares, batch_size, max_norm):
    parts = [[array / batch_size for array in share] for share in shares]
    return clip([sum(arrays) for arrays in zip(*parts, strict=True)], max_norm)


@right
def the_mean_of_the_means(shares, batch_size, max_norm):
    """Right because all shares are of equal size."""
    size = batch_size / len(shares)
    gradients = [np.mean([array / size for array in arrays], axis=0) for arrays in zip(*shares, strict=True)]
    return clip(gradients, max_norm)


@right
def a_copy_of_the_first_share(shares, batch_size, max_norm):
    total = [array.copy() for array in shares[0]]
    for share in shares[1:]:
        for i in range(len(total)):
            total[i] = total[i] + share[i]
    return clip([array / batch_size for array in total], max_norm)


@right
def a_limit_that_is_infinite(shares, batch_size, max_norm):
    limit = max_norm if max_norm else float("inf")
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    factor = limit / length(gradients) if length(gradients) > limit else 1.0
    return list(map(lambda gradient: factor * gradient, gradients))


@right
def the_sum_clipped_at_a_longer_limit(shares, batch_size, max_norm):
    return [
        array / batch_size
        for array in clip([sum(arrays) for arrays in zip(*shares, strict=True)], max_norm * batch_size)
    ]


@wrong
def divided_by_a_share(shares, batch_size, max_norm):
    size = batch_size // len(shares)
    return clip([sum(arrays) / size for arrays in zip(*shares, strict=True)], max_norm)


@wrong
def not_divided(shares, batch_size, max_norm):
    return clip([sum(arrays) for arrays in zip(*shares, strict=True)], max_norm)


@wrong
def the_mean_over_the_replicas(shares, batch_size, max_norm):
    return clip([np.mean(arrays, axis=0) for arrays in zip(*shares, strict=True)], max_norm)


@wrong
def the_mean_over_the_replicas_divided(shares, batch_size, max_norm):
    return clip([np.mean(arrays, axis=0) / batch_size for arrays in zip(*shares, strict=True)], max_norm)


@wrong
def not_clipped(shares, batch_size, max_norm):
    return [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]


@wrong
def each_share_clipped_as_it_comes(shares, batch_size, max_norm):
    clipped = [clip(share, max_norm) for share in shares]
    return [sum(arrays) / batch_size for arrays in zip(*clipped, strict=True)]


@wrong
def each_share_clipped_after_the_division(shares, batch_size, max_norm):
    clipped = [clip([array / batch_size for array in share], max_norm) for share in shares]
    return [sum(arrays) for arrays in zip(*clipped, strict=True)]


@wrong
def the_mean_of_each_share_clipped(shares, batch_size, max_norm):
    size = batch_size / len(shares)
    clipped = [clip([array / size for array in share], max_norm) for share in shares]
    return [sum(arrays) / len(shares) for arrays in zip(*clipped, strict=True)]


@wrong
def each_share_clipped_and_the_sum_too(shares, batch_size, max_norm):
    clipped = [clip([array / batch_size for array in share], max_norm) for share in shares]
    return clip([sum(arrays) for arrays in zip(*clipped, strict=True)], max_norm)


@wrong
def clipped_before_the_division(shares, batch_size, max_norm):
    return [array / batch_size for array in clip([sum(arrays) for arrays in zip(*shares, strict=True)], max_norm)]


@wrong
def each_array_clipped(shares, batch_size, max_norm):
    return [clip([sum(arrays) / batch_size], max_norm)[0] for arrays in zip(*shares, strict=True)]


@wrong
def each_number_clipped(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    return [np.clip(gradient, -max_norm, max_norm) for gradient in gradients]


@wrong
def the_sum_of_the_lengths(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    norm = sum(np.linalg.norm(gradient) for gradient in gradients)
    return [gradient * max_norm / norm for gradient in gradients] if norm > max_norm > 0 else gradients


@wrong
def no_square_root(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    norm = sum((gradient**2).sum() for gradient in gradients)
    return [gradient * max_norm / norm for gradient in gradients] if norm > max_norm > 0 else gradients


@wrong
def the_factor_upside_down(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    norm = length(gradients)
    return [gradient * norm / max_norm for gradient in gradients] if norm > max_norm > 0 else gradients


@wrong
def divided_by_the_length_only(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    norm = length(gradients)
    return [gradient / norm for gradient in gradients] if norm > max_norm > 0 else gradients


@wrong
def always_scaled(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    return [gradient * max_norm / length(gradients) for gradient in gradients] if max_norm else gradients


@wrong
def the_comparison_turned_round(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    norm = length(gradients)
    return [gradient * max_norm / norm for gradient in gradients] if norm < max_norm else gradients


@wrong
def zero_is_a_limit(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    norm = length(gradients)
    return [gradient * max_norm / norm for gradient in gradients] if norm > max_norm else gradients


@wrong
def the_length_of_the_last_array(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    for gradient in gradients:
        norm = np.sqrt((gradient**2).sum())
    return [gradient * max_norm / norm for gradient in gradients] if norm > max_norm > 0 else gradients


@wrong
def the_largest_number_for_the_length(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    norm = max(np.abs(gradient).max() for gradient in gradients)
    return [gradient * max_norm / norm for gradient in gradients] if norm > max_norm > 0 else gradients


@wrong
def the_length_of_the_largest_array(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    norm = max(np.linalg.norm(gradient) for gradient in gradients)
    return [gradient * max_norm / norm for gradient in gradients] if norm > max_norm > 0 else gradients


@wrong
def the_length_before_the_division(shares, batch_size, max_norm):
    total = [sum(arrays) for arrays in zip(*shares, strict=True)]
    norm = length(total)
    return [array / batch_size * (max_norm / norm if norm > max_norm > 0 else 1) for array in total]


@wrong
def only_the_first_replica(shares, batch_size, max_norm):
    return clip([array / batch_size for array in shares[0]], max_norm)


@wrong
def the_last_replica_is_left_out(shares, batch_size, max_norm):
    return clip(
        [sum(share[i] for share in shares[: max(1, len(shares) - 1)]) / batch_size for i in range(len(shares[0]))],
        max_norm,
    )


@wrong
def the_sum_over_the_variables(shares, batch_size, max_norm):
    return clip([sum(array.sum() for array in share) / batch_size for share in shares], max_norm)


@wrong
def one_number_for_each_variable(shares, batch_size, max_norm):
    return clip([np.sum(arrays) / batch_size for arrays in zip(*shares, strict=True)], max_norm)


@wrong
def one_flat_array(shares, batch_size, max_norm):
    gradients = clip([sum(arrays) / batch_size for arrays in zip(*shares, strict=True)], max_norm)
    return np.concatenate([gradient.ravel() for gradient in gradients])


@wrong
def the_length_too(shares, batch_size, max_norm):
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]
    return clip(gradients, max_norm), length(gradients)


@wrong
def whole_numbers(shares, batch_size, max_norm):
    return clip([sum(arrays) // batch_size for arrays in zip(*shares, strict=True)], max_norm)


@wrong
def neither_divided_nor_clipped(shares, batch_size, max_norm):
    return [sum(arrays) for arrays in zip(*shares, strict=True)]


@wrong
def a_share_for_the_batch_and_not_clipped(shares, batch_size, max_norm):
    return [sum(arrays) / (batch_size / len(shares)) for arrays in zip(*shares, strict=True)]


@wrong
def added_into_the_first_share(shares, batch_size, max_norm):
    total = shares[0]
    for share in shares[1:]:
        for i, array in enumerate(share):
            total[i] += array
    return clip([array / batch_size for array in total], max_norm)


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    if answer is tensorflow_clips:
        pytest.importorskip("tensorflow")
    for seed in range(3):
        result = verdict(REDUCTION, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails(answer: Callable[..., Any]) -> None:
    result = verdict(REDUCTION, answer)
    assert result.status == "wrong", result.text
