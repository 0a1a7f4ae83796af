"""The update rules against values computed by hand: eagerly, in a graph, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from dqnkit.value_learning import double_q_learning, huber, q_learning, squared

MODES: dict[str, Callable[[Any], Any]] = {
    "eager": lambda function: function,
    "graph": tf.function,
    "xla": lambda function: tf.function(function, jit_compile=True),
}
# Two actions, three transitions: one goes on, one terminated, one of three steps with gamma 0.5
Q_TM1 = [[1.0, 2.0], [3.0, 4.0], [-1.0, 0.5]]
A_TM1 = [0, 1, 1]
R_T = [0.5, -1.0, 2.0]
DISCOUNT_T = [0.9, 0.0, 0.125]
Q_T = [[10.0, 20.0], [1000.0, -7.0], [-8.0, -16.0]]
SELECTOR = [[5.0, 1.0], [0.0, 1.0], [0.0, 3.0]]  # selects actions 0, 1, 1


@pytest.fixture(params=MODES)
def run(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return MODES[request.param]


def floats(*values: Any) -> list[Any]:
    return [tf.constant(value, tf.float32) for value in values]


def batch() -> tuple[Any, ...]:
    q_tm1, r_t, discount_t, q_t, selector = floats(Q_TM1, R_T, DISCOUNT_T, Q_T, SELECTOR)
    return q_tm1, tf.constant(A_TM1, tf.int32), r_t, discount_t, q_t, selector


def test_q_learning_by_hand(run: Callable[[Any], Any]) -> None:
    td_error = run(q_learning)(*batch()[:5])
    # 0.5 + 0.9 * 20 - 1; terminated: -1 - 4 whatever comes next; 2 + 0.125 * -8 - 0.5
    np.testing.assert_allclose(td_error, [17.5, -5.0, 0.5], rtol=1e-6)


def test_double_q_learning_by_hand(run: Callable[[Any], Any]) -> None:
    td_error = run(double_q_learning)(*batch())
    # 0.5 + 0.9 * 10 - 1; terminated; 2 + 0.125 * -16 - 0.5
    np.testing.assert_allclose(td_error, [8.5, -5.0, -0.5], rtol=1e-6)


@pytest.mark.parametrize("rule", [q_learning, double_q_learning])
def test_gradient_goes_only_into_the_value_of_the_action_taken(rule: Any, run: Callable[[Any], Any]) -> None:
    def gradients(q_tm1: Any, a_tm1: Any, *others: Any) -> Any:
        with tf.GradientTape() as tape:
            for tensor in (q_tm1, *others):
                tape.watch(tensor)
            total = tf.reduce_sum(rule(q_tm1, a_tm1, *others))
        into_q, *into_others = tape.gradient(total, [q_tm1, *others])
        assert all(gradient is None for gradient in into_others)  # reward, discount, target network, selector
        return into_q

    q_tm1, a_tm1, r_t, discount_t, q_t, selector = batch()
    others = (r_t, discount_t, q_t) if rule is q_learning else (r_t, discount_t, q_t, selector)
    np.testing.assert_array_equal(run(gradients)(q_tm1, a_tm1, *others), [[-1, 0], [0, -1], [0, -1]])


@pytest.mark.parametrize(
    ("td_error", "delta", "expected"),
    [(0.0, 1.0, 0.0), (0.5, 1.0, 0.125), (-1.0, 1.0, 0.5), (3.0, 1.0, 2.5), (-3.0, 1.0, 2.5), (3.0, 2.0, 4.0)],
)
def test_huber_by_hand(td_error: float, delta: float, expected: float, run: Callable[[Any], Any]) -> None:
    assert run(lambda x: huber(x, delta))(tf.constant(td_error)).numpy() == pytest.approx(expected)


def test_squared_by_hand(run: Callable[[Any], Any]) -> None:
    np.testing.assert_allclose(run(squared)(tf.constant([[-3.0, 0.0], [0.5, 2.0]])), [[4.5, 0.0], [0.125, 2.0]])


@pytest.mark.parametrize("td_error", [-100.0, -0.5, 0.0, 0.5, 100.0])
def test_the_gradient_of_huber_is_the_clipped_error(td_error: float, run: Callable[[Any], Any]) -> None:
    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = huber(x)
        return tape.gradient(loss, x)

    assert run(gradient)(tf.constant(td_error)).numpy() == pytest.approx(np.clip(td_error, -1, 1))


@pytest.mark.parametrize("rule", [q_learning, double_q_learning])
@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        (0, tf.ones([3]), "q_tm1 must have rank 2"),
        (1, tf.zeros([3, 1], tf.int32), "a_tm1 must have rank 1"),
        (1, tf.zeros([3]), "a_tm1 must hold integers, not float32"),
        (2, tf.ones([3, 1]), r"r_t must have rank 1, \[B\], not the shape \(3, 1\)"),  # else: a silent [3, 3]
        (3, tf.ones([3, 1]), "discount_t must have rank 1"),
        (4, tf.ones([3]), "must have rank 2"),
    ],
)
def test_ranks_and_types_are_checked(
    rule: Any, argument: int, value: Any, message: str, run: Callable[[Any], Any]
) -> None:
    arguments = list(batch()[: 5 if rule is q_learning else 6])
    arguments[argument] = value
    with pytest.raises(ValueError, match=message):
        run(rule)(*arguments)


def test_the_selector_must_have_actions(run: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="q_t_selector must have rank 2"):
        run(double_q_learning)(*batch()[:5], tf.ones([3]))


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_one_td_error_for_each_transition(batch_size: int, rng: np.random.Generator) -> None:
    q, r = rng.normal(size=(2, batch_size, 5)), rng.normal(size=batch_size)
    a = np.arange(batch_size) % 5
    td_error = q_learning(q[0], a, r, np.ones(batch_size), q[1])
    assert td_error.shape == (batch_size,)
    np.testing.assert_allclose(td_error, r + q[1].max(axis=1) - q[0][np.arange(batch_size), a])
