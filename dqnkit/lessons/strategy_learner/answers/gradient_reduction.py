"""The answers to `gradient_reduction`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Array

Gradients = Sequence[Array]  # one array for each variable


def gradient_reduction(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    """The mean gradient of the whole batch, clipped to the global norm ``max_norm``.

    Args:
        shares: for each replica, the sum of the gradients of its transitions: one array for each variable.
        batch_size: transitions of the whole batch.
        max_norm: 0 for no clipping.
    """
    gradients = [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]  # sum over replicas, then the mean
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))  # one norm over all variables
    if max_norm > 0 and norm > max_norm:
        gradients = [gradient * (max_norm / norm) for gradient in gradients]
    return gradients


def _clip(gradients: Gradients, max_norm: float) -> list[Array]:
    return gradient_reduction([gradients], 1, max_norm)


def _mean(shares: Sequence[Gradients], batch_size: float) -> list[Array]:
    return [sum(arrays) / batch_size for arrays in zip(*shares, strict=True)]


def divides_by_the_share(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _clip(_mean(shares, batch_size / len(shares)), max_norm)


def divides_twice(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _clip(_mean(shares, batch_size * len(shares)), max_norm)


def never_divides(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _clip(_mean(shares, 1), max_norm)


def divides_by_the_replicas(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _clip(_mean(shares, len(shares)), max_norm)


def clips_each_share_as_it_comes(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _mean([_clip(share, max_norm) for share in shares], batch_size)


def clips_the_mean_of_each_share(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    size = batch_size / len(shares)
    return _mean([_clip(_mean([share], size), max_norm) for share in shares], len(shares))


def clips_each_share(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _mean([_clip(_mean([share], batch_size), max_norm) for share in shares], 1)


def takes_the_first(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _clip(_mean(shares[:1], batch_size / len(shares)), max_norm)


def forgets_to_clip(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _mean(shares, batch_size)


def clips_each_array(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return [_clip([gradient], max_norm)[0] for gradient in _mean(shares, batch_size)]


def clips_by_value(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    limit = max_norm or np.inf
    return [np.clip(gradient, -limit, limit) for gradient in _mean(shares, batch_size)]


def clips_the_sum(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _mean([_clip(_mean(shares, 1), max_norm)], batch_size)


def always_scales(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    gradients = _mean(shares, batch_size)
    norm = _length(gradients)
    return [gradient * (max_norm / norm) if max_norm > 0 else gradient for gradient in gradients]


def sums_everything(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _clip([np.sum(arrays) / batch_size for arrays in zip(*shares, strict=True)], max_norm)


def returns_the_length_too(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> tuple[list[Array], float]:
    gradients = _mean(shares, batch_size)
    return _clip(gradients, max_norm), _length(gradients)


def _scales(
    length: Callable[[Gradients], float], factor: Callable[[float, float], float] = lambda norm, limit: limit / norm
) -> Callable[..., list[Array]]:
    """A wrong solution that clips by another ``length`` or scales by another ``factor(length, max_norm)``."""

    def reduction(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
        gradients = _mean(shares, batch_size)
        norm = length(gradients)
        return [gradient * (factor(norm, max_norm) if norm > max_norm > 0 else 1.0) for gradient in gradients]

    return reduction


def _length(gradients: Gradients) -> float:
    return float(np.sqrt(sum((gradient**2).sum() for gradient in gradients)))


def scales_the_short_ones(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    gradients = _mean(shares, batch_size)
    norm = _length(gradients)
    return [gradient * (max_norm / norm if norm < max_norm else 1.0) for gradient in gradients]


def nothing_left(shares: Sequence[Gradients], batch_size: int, max_norm: float) -> list[Array]:
    return _clip([gradient * (max_norm > 0) for gradient in _mean(shares, batch_size)], max_norm)


ANSWERS = Answers(
    solution=gradient_reduction,
    mistakes=[
        Mistake(
            "divides by the share's size",
            divides_by_the_share,
            "The sum is divided by the number of transitions in one share. That adds up the shares' means: with n "
            "replicas the gradient is n times too large, and each replica that you add changes the step size. Divide "
            "by the size of the whole batch.",
        ),
        Mistake(
            "divides twice",
            divides_twice,
            "The gradient is divided by the size of the whole batch and by the number of replicas as well. The batch "
            "size alone makes it the mean. Now it is n times too small with n replicas.",
        ),
        Mistake(
            "never divides",
            never_divides,
            "The shares are summed but never divided. The loss is a mean over the batch: without the division its "
            "gradient grows with the batch size.",
        ),
        Mistake(
            "divides by the number of replicas",
            divides_by_the_replicas,
            "The sum is divided by the number of replicas. That would be right if each share were a mean already; here "
            "each is the gradient of a *sum* over its transitions. Divide by the size of the whole batch.",
        ),
        Mistake(
            "clips each share",
            clips_each_share,
            "Each replica's gradient is clipped before the sum. Two long gradients that pull against each other nearly "
            "cancel, and then there is nothing to clip; and where they agree, n clipped ones add up to n times "
            "`max_norm`. Sum first, then clip once.",
        ),
        Mistake(
            "clips each share before it divides",
            clips_each_share_as_it_comes,
            "Each share is clipped first, before the sum and before the division. Shares that pull against each other "
            "are cut although little is left of them, and `max_norm` limits the sums, not the mean gradient that is "
            "applied. Sum, divide, then clip once.",
        ),
        Mistake(
            "clips the mean of each share",
            clips_the_mean_of_each_share,
            "Each share's mean is clipped, and then the mean over the replicas is taken. One replica with the whole "
            "batch would see only the mean of all, and clip that: shares that pull against each other must not be cut. "
            "Sum, divide, then clip once.",
        ),
        Mistake(
            "only the first replica",
            takes_the_first,
            "Only the first replica's gradient is used. The others compute in vain: this is training with a smaller "
            "batch.",
        ),
        Mistake(
            "not clipped",
            forgets_to_clip,
            "The gradient is not clipped. One batch with large errors then makes one very long step, which is what "
            "`max_norm` is there to prevent.",
        ),
        Mistake(
            "clips each array by itself",
            clips_each_array,
            "Each array is clipped by its own length. The limit holds for the whole gradient, all variables together. "
            "Otherwise the direction of the step changes, and the step may still be too long.",
        ),
        Mistake(
            "clips each number",
            clips_by_value,
            "Each number is cut off at `max_norm`. That changes the direction of the step. Shorten the gradient as a "
            "whole: every number times `max_norm / norm`.",
        ),
        Mistake(
            "adds up the lengths of the arrays",
            _scales(lambda gradients: float(sum(np.linalg.norm(gradient) for gradient in gradients))),
            "The lengths of the arrays are added up. The length of the whole is shorter: add up the *squares* of all "
            "numbers of all arrays, and take the root of that sum.",
        ),
        Mistake(
            "no square root",
            _scales(lambda gradients: _length(gradients) ** 2),
            "The length lacks its square root: `np.sqrt(...)` of the sum of all squares.",
        ),
        Mistake(
            "the largest number for the length",
            _scales(lambda gradients: float(max(np.abs(gradient).max() for gradient in gradients))),
            "The largest number stands for the length. The length counts all numbers of all arrays: the square root of "
            "the sum of their squares.",
        ),
        Mistake(
            "the length of one array",
            _scales(lambda gradients: float(np.linalg.norm(gradients[-1]))),
            "The length is that of the last array only. It counts the numbers of all arrays: the square root of the "
            "sum of all squares.",
        ),
        Mistake(
            "the factor upside down",
            _scales(_length, lambda norm, limit: norm / limit),
            "The factor is upside down: `norm / max_norm` makes a long gradient longer. Multiply by `max_norm / norm`.",
        ),
        Mistake(
            "clips to the length 1",
            _scales(_length, lambda norm, limit: 1 / norm),
            "A long gradient is scaled down to the length 1. It should keep the length `max_norm`: multiply by "
            "`max_norm / norm`.",
        ),
        Mistake(
            "clips before it divides",
            clips_the_sum,
            "The sum is clipped before it is divided by the batch size. `max_norm` limits the mean gradient, the one "
            "that is applied. Divide first: otherwise the gradient becomes `batch_size` times shorter than allowed.",
        ),
        Mistake(
            "scales short gradients up",
            always_scales,
            "Every gradient is given the length `max_norm`, the short ones too. Clipping only shortens: a gradient "
            "that is short, as it is near a minimum, must stay so.",
        ),
        Mistake(
            "clips the short ones",
            scales_the_short_ones,
            "The comparison is the wrong way round: gradients shorter than `max_norm` are scaled up to it, longer ones "
            "stay as they are. Clip where `norm > max_norm`.",
        ),
        Mistake(
            "one number for each variable",
            sums_everything,
            "`np.sum` adds up all numbers of all arrays, so one number is left for each variable. Add array to array: "
            "Python's `sum(arrays)`, or `np.sum(arrays, axis=0)`.",
        ),
        Mistake(
            "returns the length too",
            returns_the_length_too,
            "It returns two things, the gradients and their length. (`tf.clip_by_global_norm` does so.) Return the "
            "list of gradients alone.",
        ),
        Mistake(
            "max_norm 0 stops learning",
            nothing_left,
            "With `max_norm` 0 nothing is left of the gradient. Here 0 means: never clip.",
        ),
    ],
)
