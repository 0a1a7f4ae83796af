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
            "a mean, then clipped",
            mean_only,
            "It is right as long as nothing is clipped. But what is clipped here is the mean over the replicas, which "
            "is n times shorter than the gradient of the batch, and the optimizer makes it n times longer afterwards: "
            "steps of n times `max_norm` get through. Sum, clip, then divide.",
        ),
        Mistake(
            "each replica clips its own share",
            clips_its_share,
            "Each replica clips the gradient of its own share, and only then are they summed. Shares that cancel out "
            "are shortened for nothing, shares that agree add up to more than `max_norm`. Sum over the replicas "
            "first: `context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)`.",
        ),
        Mistake(
            "not clipped",
            not_clipped,
            "The gradient is not clipped. Between the sum and the optimizer is the only place for it: "
            "`tf.clip_by_global_norm(gradients, max_norm)` returns the gradients and their length.",
        ),
        Mistake(
            "divides a gradient that was never summed",
            share_divided,
            "Each replica's own gradient is divided by the number of replicas, but they were never brought together: "
            "the optimizer's sum of these is n times too small. `context.all_reduce` comes first.",
        ),
        Mistake(
            "clips each array by itself",
            clips_each_array,
            "Each array is clipped by its own length. The limit is on all variables together: give "
            "`tf.clip_by_global_norm` the whole list.",
        ),
        Mistake(
            "max_norm 0 stops learning",
            nothing_left,
            "With `max_norm` 0 nothing is left of the gradient. Here 0 means: never clip.",
        ),
    ],
)
