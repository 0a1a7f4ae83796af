"""The exercises of the lesson on strategies: other right solutions pass, and changed arguments are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.course import find_exercise
from dqnkit.lessons.strategy_learner.answers import gradient_reduction, replica_gradients
from dqnkit.lessons.strategy_learner.exercises.replica_gradients import applied

REDUCTION, REPLICA = find_exercise("gradient_reduction"), find_exercise("replica_gradients")


def test_each_share_divided_first_passes() -> None:
    def reduction(shares: Any, batch_size: Any, max_norm: Any) -> Any:
        total = [np.zeros_like(array) for array in shares[0]]
        for share in shares:
            for i, array in enumerate(share):
                total[i] = total[i] + array / batch_size
        length = np.linalg.norm(np.concatenate([array.ravel() for array in total]))
        scale = min(1.0, max_norm / length) if max_norm else 1.0
        return [array * scale for array in total]

    assert check_exercise(REDUCTION, reduction).passed


def test_a_sum_written_into_the_first_share_is_named() -> None:
    def reduction(shares: Any, batch_size: Any, max_norm: Any) -> Any:
        total = shares[0]
        for share in shares[1:]:
            for i, array in enumerate(share):
                total[i] += array
        return gradient_reduction.gradient_reduction([total], batch_size, max_norm)

    result = check_exercise(REDUCTION, reduction)
    assert not result.passed
    assert result.mistake == "changes its arguments"


def test_the_reduction_of_shares_is_the_gradient_of_the_whole(rng: np.random.Generator) -> None:
    """Least squares, whose gradient is known: x' (x w - y)."""
    x, y, w = rng.normal(size=(12, 3)), rng.normal(size=12), rng.normal(size=3)
    whole = x.T @ (x @ w - y) / 12
    for n in (1, 2, 3, 4):
        shares = [[a.T @ (a @ w - b)] for a, b in zip(np.split(x, n), np.split(y, n), strict=True)]
        np.testing.assert_allclose(gradient_reduction.gradient_reduction(shares, 12, 0.0)[0], whole)
        clipped = gradient_reduction.gradient_reduction(shares, 12, 0.1)[0]
        np.testing.assert_allclose(clipped, whole * 0.1 / np.linalg.norm(whole))


@pytest.fixture
def tf() -> Any:
    return pytest.importorskip("tensorflow")


def test_one_variable_at_a_time_passes(tf: Any) -> None:
    def gradients(gradients: Any, max_norm: Any, context: Any) -> Any:
        sums = [context.all_reduce("sum", gradient) for gradient in gradients]
        length = tf.linalg.global_norm(sums)
        scale = max_norm / tf.maximum(length, max_norm) if max_norm else 1.0
        return [gradient * scale / context.num_replicas_in_sync for gradient in sums]

    assert check_exercise(REPLICA, gradients).passed


def test_only_what_is_applied_counts(tf: Any) -> None:
    """The first replica returns all, the others nothing: unusual, but right."""

    def gradients(gradients: Any, max_norm: Any, context: Any) -> Any:
        mine = float(context.replica_id_in_sync_group == 0) * context.num_replicas_in_sync
        return [mine * g for g in replica_gradients.replica_gradients(gradients, max_norm, context)]

    assert check_exercise(REPLICA, gradients).passed


def test_an_if_on_a_tensor_passes(tf: Any) -> None:
    def gradients(gradients: Any, max_norm: Any, context: Any) -> Any:
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        length = tf.linalg.global_norm(gradients)
        if max_norm > 0 and length > max_norm:
            gradients = [gradient * max_norm / length for gradient in gradients]
        return [gradient / context.num_replicas_in_sync for gradient in gradients]

    assert check_exercise(REPLICA, gradients).passed


def test_what_cannot_be_compiled_is_found(tf: Any) -> None:
    def gradients(gradients: Any, max_norm: Any, context: Any) -> Any:
        gradients = context.all_reduce("SUM", gradients)
        norm = np.sqrt(sum((gradient.numpy() ** 2).sum() for gradient in gradients))
        scale = min(1.0, max_norm / norm) if max_norm else 1.0
        return [gradient * scale / context.num_replicas_in_sync for gradient in gradients]

    result = check_exercise(REPLICA, gradients)
    assert not result.passed
    assert "compiled" in result.text
    assert "`norm = np.sqrt(sum((gradient.numpy() ** 2).sum() for gradient in gradients))`" in result.text
    assert "ag__" not in result.text


def test_the_package_does_the_same(tf: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dqnkit.replicas import reduce_gradients

    def gradients(gradients: Any, max_norm: Any, context: Any) -> Any:
        monkeypatch.setattr(tf.distribute, "get_replica_context", lambda: context)
        return reduce_gradients(gradients, max_norm)

    assert check_exercise(REPLICA, gradients).passed


def test_replicas_that_take_turns_meet_twice(tf: Any) -> None:
    def gradients(gradients: Any, max_norm: Any, context: Any) -> Any:
        total = context.all_reduce("SUM", gradients)
        mean = context.all_reduce("MEAN", [total[0] * (1.0 + context.replica_id_in_sync_group)])
        return [mean[0] / context.num_replicas_in_sync]

    [result] = applied(gradients, [[tf.constant([1.0])], [tf.constant([2.0])]], 0.0)
    np.testing.assert_allclose(result, [4.5])  # 3 on both replicas; then 3 and 6, whose mean is 4.5
