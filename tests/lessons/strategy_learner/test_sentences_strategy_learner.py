"""What the lesson on strategies says of stragglers, of what travels, and of Adam, is so."""

from __future__ import annotations

import numpy as np
import pytest

from dqnkit.lessons.strategy_learner.questions import QUESTIONS


def test_the_longest_of_eight_random_times_is_2_7_times_their_mean() -> None:
    longest = sum(1 / k for k in range(1, 9))  # of eight exponentials with mean 1
    assert longest == pytest.approx(2.7, abs=0.05)
    assert 8 + 2 * longest == pytest.approx(13.4, abs=0.1)
    (_, reply), *_ = reversed(QUESTIONS["straggler"].replies.items())  # type: ignore[attr-defined]
    assert "2.7 times" in reply


def test_a_ring_all_reduce_never_sends_more_than_8_bytes_for_a_weight() -> None:
    sent = [4 * 2 * (n - 1) / n for n in range(2, 1_000)]
    assert max(sent) < 8
    assert sent == sorted(sent)


def weights_after(optimizer_name: str, scale: float) -> np.ndarray:
    """Weights after 50 gradients that are the same but for their scale."""
    keras = pytest.importorskip("keras")
    weight = keras.Variable(np.zeros(20, np.float32))
    optimizer = getattr(keras.optimizers, optimizer_name)(1e-3)
    optimizer.build([weight])
    rng = np.random.default_rng(0)
    for _ in range(50):
        optimizer.apply([scale * rng.normal(0.1, 0.2, 20).astype(np.float32)], [weight])
    return weight.numpy()


def test_a_constant_cancels_in_adam_and_not_in_sgd() -> None:
    np.testing.assert_allclose(weights_after("Adam", 2.0), weights_after("Adam", 1.0), rtol=1e-3)
    np.testing.assert_allclose(weights_after("SGD", 2.0), 2 * weights_after("SGD", 1.0), rtol=1e-3)
