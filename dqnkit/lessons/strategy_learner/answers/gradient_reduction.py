"""The answers to `gradient_reduction`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Sequence

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
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    return [gradient * (max_norm / norm) if max_norm > 0 else gradient for gradient in gradients]


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
            "The gradient is divided by the size of the whole batch and by the number of replicas too. The batch size "
            "alone makes it the mean: now it is n times too small, and with more replicas the network learns more "
            "slowly.",
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
            "cancel out, and then there is nothing to clip; and where they agree, n clipped ones add up to n times "
            "`max_norm`. Sum first, then clip once.",
        ),
        Mistake(
            "only the first replica",
            takes_the_first,
            "Only the first replica's gradient is used. The others have computed for nothing: this is training with a "
            "smaller batch.",
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
            "Each array is clipped by its own length. The limit is on the length of the whole gradient, all variables "
            "together: else the step turns in another direction, and may still be too long.",
        ),
        Mistake(
            "clips each number",
            clips_by_value,
            "Each number is cut off at `max_norm`. That turns the step in another direction. Shorten the gradient as a "
            "whole: every number times `max_norm / norm`.",
        ),
        Mistake(
            "clips before it divides",
            clips_the_sum,
            "The sum is clipped before it is divided by the batch size. `max_norm` limits the mean gradient, the one "
            "that is applied: divide first, or the step becomes batch_size times shorter than allowed.",
        ),
        Mistake(
            "scales short gradients up",
            always_scales,
            "Every gradient is given the length `max_norm`, the short ones too. Clipping only shortens: a gradient "
            "that is short, as it is near a minimum, must stay so.",
        ),
        Mistake(
            "max_norm 0 stops learning",
            nothing_left,
            "With `max_norm` 0 nothing is left of the gradient. Here 0 means: never clip.",
        ),
    ],
)
