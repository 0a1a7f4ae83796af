"""The answers to `replica_gradients`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.lessons.strategy_learner.exercises.replica_gradients import Tensor


def replica_gradients(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    """Sum the gradients over the replicas, clip, and divide by the number of replicas, since the optimizer sums again.

    Args:
        gradients: of this replica's share, each scaled by the size of the whole batch; one tensor for each variable.
        max_norm: global norm to clip to; 0 for no clipping.
        context: `tf.distribute.ReplicaContext` of this replica.
    """
    from dqnkit.backend import tf

    gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    if max_norm > 0:
        gradients, _ = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


def _clip(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    from dqnkit.backend import tf

    return list(tf.clip_by_global_norm(gradients, max_norm)[0]) if max_norm > 0 else gradients


def _divide(gradients: list[Tensor], number: int) -> list[Tensor]:
    return [gradient / number for gradient in gradients]


def not_divided(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return _clip(context.all_reduce("SUM", gradients), max_norm)


def mean_divided(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return _divide(_clip(context.all_reduce("MEAN", gradients), max_norm), context.num_replicas_in_sync)


def mean_only(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return _clip(context.all_reduce("MEAN", gradients), max_norm)


def clips_its_share(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return _clip(gradients, max_norm)


def not_clipped(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return gradients


def share_divided(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return _divide(_clip(gradients, max_norm), context.num_replicas_in_sync)


def clips_each_array(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    whole = context.all_reduce("SUM", gradients)
    return _divide([_clip([gradient], max_norm)[0] for gradient in whole], context.num_replicas_in_sync)


def nothing_left(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    from dqnkit.backend import tf

    clipped, _ = tf.clip_by_global_norm(context.all_reduce("SUM", gradients), max_norm)
    return _divide(list(clipped), context.num_replicas_in_sync)


def clips_each_number(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    from dqnkit.backend import tf

    whole = context.all_reduce("SUM", gradients)
    if max_norm > 0:
        whole = [tf.clip_by_value(gradient, -max_norm, max_norm) for gradient in whole]
    return _divide(whole, context.num_replicas_in_sync)


def always_scales(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    from dqnkit.backend import tf

    whole = context.all_reduce("SUM", gradients)
    if max_norm > 0:
        whole = [gradient * max_norm / tf.linalg.global_norm(whole) for gradient in whole]
    return _divide(whole, context.num_replicas_in_sync)


def multiplies(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return [gradient * context.num_replicas_in_sync for gradient in not_divided(gradients, max_norm, context)]


def divides_by_two(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return _divide(not_divided(gradients, max_norm, context), 2)


def clips_its_share_and_sums_twice(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return list(context.all_reduce("SUM", _clip(gradients, max_norm)))


def sums_only(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return list(context.all_reduce("SUM", gradients))


def sums_twice(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return replica_gradients(context.all_reduce("SUM", gradients), max_norm, context)


def divides_only(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    return _divide(gradients, context.num_replicas_in_sync)


def keeps_the_pair(gradients: list[Tensor], max_norm: float, context: Any) -> list[Tensor]:
    from dqnkit.backend import tf

    gradients = context.all_reduce("SUM", gradients)
    if max_norm > 0:
        gradients = tf.clip_by_global_norm(gradients, max_norm)
    return [gradient / context.num_replicas_in_sync for gradient in gradients]


def returns_the_length_too(gradients: list[Tensor], max_norm: float, context: Any) -> tuple[list[Tensor], Tensor]:
    from dqnkit.backend import tf

    whole = context.all_reduce("SUM", gradients)
    return _divide(_clip(whole, max_norm), context.num_replicas_in_sync), tf.linalg.global_norm(whole)


ANSWERS = Answers(
    solution=replica_gradients,
    mistakes=[
        Mistake(
            "the optimizer sums once more",
            not_divided,
            "The gradient that is applied is n times too large, n being the number of replicas. After `all_reduce` "
            "every replica holds the whole sum, and Keras' optimizer adds those n sums up once more. Divide by "
            "`context.num_replicas_in_sync`.",
        ),
        Mistake(
            "a mean, and divided",
            mean_divided,
            "The gradient that is applied is n times too small where nothing is clipped. The loss was divided by the "
            "size of the whole batch, so the shares must be summed: `tf.distribute.ReduceOp.SUM`, not MEAN.",
        ),
        Mistake(
            "divided, but never summed",
            divides_only,
            "Each replica divides its own gradient by the number of replicas. The optimizer adds these up, and the "
            "result is n times too small. Sum first with `context.all_reduce`, clip, then divide.",
        ),
        Mistake(
            "divided by 2",
            divides_by_two,
            "It divides by 2, whatever the number of replicas is. That number is `context.num_replicas_in_sync`.",
        ),
        Mistake(
            "multiplied",
            multiplies,
            "It multiplies by the number of replicas. The optimizer adds up the gradients of all n replicas, which is "
            "a factor of n already: divide by `context.num_replicas_in_sync`.",
        ),
        Mistake(
            "a mean, then clipped",
            mean_only,
            "It is right as long as nothing is clipped. But what is clipped here is the mean over the replicas, which "
            "is n times shorter than the gradient of the batch, and the optimizer makes it n times longer afterwards: "
            "gradients of n times `max_norm` get through. Sum, clip, then divide.",
        ),
        Mistake(
            "each replica clips its own share",
            clips_its_share,
            "Each replica clips the gradient of its own share first, and the sum comes after it. Shares that cancel "
            "are shortened for nothing, shares that agree add up to more than `max_norm`. Sum over the replicas first: "
            "`context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)`.",
        ),
        Mistake(
            "clips its share first, and the optimizer sums once more",
            clips_its_share_and_sums_twice,
            "Each replica clips the gradient of its own share first, and the sum comes after it: shares that cancel "
            "are shortened for nothing. And nothing is divided: the optimizer adds up n sums. Sum, clip, then divide "
            "by `context.num_replicas_in_sync`.",
        ),
        Mistake(
            "not clipped",
            not_clipped,
            "The gradient is not clipped. Between the sum and the optimizer is the only place for it: "
            "`tf.clip_by_global_norm(gradients, max_norm)` returns the gradients and their length.",
        ),
        Mistake(
            "only summed",
            sums_only,
            "It sums, and no more: the gradient is not clipped, and the optimizer adds up the sums of all n replicas "
            "once more. Clip after the sum, and divide by `context.num_replicas_in_sync`.",
        ),
        Mistake(
            "divides a gradient that was never summed",
            share_divided,
            "Each replica clips its own gradient and divides it by the number of replicas, but the gradients of the "
            "replicas were never summed: what the optimizer adds up is n times too small. `context.all_reduce` comes "
            "first.",
        ),
        Mistake(
            "sums twice",
            sums_twice,
            "`all_reduce` is called twice. After the first call every replica holds the sum over all; the second adds "
            "up n such sums. Call it once.",
        ),
        Mistake(
            "clips each array by itself",
            clips_each_array,
            "Each array is clipped by its own length. The limit holds for all variables together: give "
            "`tf.clip_by_global_norm` the whole list.",
        ),
        Mistake(
            "clips each number",
            clips_each_number,
            "Each number is cut off at `max_norm`, which changes the direction of the step. "
            "`tf.clip_by_global_norm` shortens the gradient as a whole.",
        ),
        Mistake(
            "scales short gradients up",
            always_scales,
            "Every gradient is given the length `max_norm`, the short ones too. Clipping only shortens: "
            "`tf.clip_by_global_norm` leaves a short gradient as it is.",
        ),
        Mistake(
            "takes the pair for the gradients",
            keeps_the_pair,
            "`tf.clip_by_global_norm` returns two things, the clipped list and the length before. Take the first: "
            "`gradients, _ = tf.clip_by_global_norm(gradients, max_norm)`.",
        ),
        Mistake(
            "returns the length too",
            returns_the_length_too,
            "It returns two things, the gradients and their length. Return the list of gradients alone.",
        ),
        Mistake(
            "max_norm 0 stops learning",
            nothing_left,
            "With `max_norm` 0 nothing is left of the gradient. Here 0 means: never clip.",
        ),
    ],
)
