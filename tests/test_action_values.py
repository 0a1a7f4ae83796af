"""What is read off Q-values, of joint actions and of dimensions: both give the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnkit.action_values import (
    best_values,
    bins_of,
    dimensions_of,
    greedy_actions,
    joint_actions,
    number_of_actions,
    values_of,
)
from dqnkit.exploration import checked_selection, epsilon_greedy
from dqnkit.policy import JointValues, q_values
from dqnkit.types import Array, PolicyWeights

SHAPES = [(1, 1, 5), (4, 1, 3), (5, 2, 2), (3, 3, 4), (2, 6, 2), (3, 6, 3)]  # B, D, N


def joint(q: Array) -> Array:
    """Values of all joint actions ``[B, N ** D]``, written out."""
    _, dimensions, bins = q.shape
    combinations = list(itertools.product(range(bins), repeat=dimensions))
    return np.stack([np.mean([q[:, d, n] for d, n in enumerate(each)], axis=0) for each in combinations], axis=1)


def as_layer(q: Array) -> Array:
    weights = PolicyWeights(0, (JointValues(*q.shape[1:]),), np.empty(0, np.float32))
    return q_values(weights, q.reshape(len(q), -1))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_layer_gives_the_explicit_mean(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    q = rng.normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(as_layer(q), joint(q), atol=1e-6)


@given(
    shape=st.sampled_from(SHAPES),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    whole=st.booleans(),
)
def test_the_best_bins_are_the_best_joint_action(shape: tuple[int, ...], seed: int, scale: float, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    q = rng.normal(size=shape)
    q = (np.rint(q) if whole else scale * q).astype(np.float32)  # whole numbers: many are equal
    every = as_layer(q)
    rows = np.arange(len(q))
    best = greedy_actions(q)
    assert number_of_actions(q) == number_of_actions(every) == every.shape[1]
    np.testing.assert_array_equal(every[rows, best], every.max(axis=1))  # to the last bit: rounding keeps the order
    np.testing.assert_allclose(best_values(q), best_values(every), rtol=1e-5, atol=1e-6 * scale)
    actions = rng.integers(every.shape[1], size=len(q)).astype(np.int32)
    np.testing.assert_allclose(values_of(q, actions), values_of(every, actions), rtol=1e-4, atol=1e-5 * scale)
    if whole:  # then both have the same first of several best ones
        np.testing.assert_array_equal(best, greedy_actions(every))


@given(dimensions=st.integers(1, 9), bins=st.integers(2, 10), seed=st.integers(0, 1000))
def test_bins_and_actions_are_each_others_inverse(dimensions: int, bins: int, seed: int) -> None:
    most = bins**dimensions
    actions = np.random.default_rng(seed).integers(most, size=20).astype(np.int32)
    chosen = bins_of(actions, dimensions, bins)
    assert ((chosen >= 0) & (chosen < bins)).all()
    np.testing.assert_array_equal(chosen, np.stack(np.unravel_index(actions, (bins,) * dimensions), axis=1))
    np.testing.assert_array_equal(joint_actions(chosen, bins), actions)
    assert dimensions_of(most, bins) == dimensions
    assert dimensions_of(most + 1, bins) == 0


def test_the_largest_number_of_an_action() -> None:
    chosen = np.full((1, 30), 1)
    assert joint_actions(chosen, 2)[0] == 2**30 - 1
    np.testing.assert_array_equal(bins_of(np.array([2**30 - 1], np.int32), 30, 2), chosen)


class TestExploration:
    def test_epsilon_greedy_draws_from_all_joint_actions(self, rng: np.random.Generator) -> None:
        q = rng.normal(size=(4000, 3, 3)).astype(np.float32)
        counts = np.bincount(epsilon_greedy(q, 1.0, rng), minlength=27)
        assert counts.min() > 4000 / 27 * 0.6
        np.testing.assert_array_equal(epsilon_greedy(q, 0.0, rng), greedy_actions(q))

    def test_it_is_that_of_the_joint_values(self) -> None:
        q = np.random.default_rng(1).normal(size=(50, 3, 3)).astype(np.float32)
        ours, theirs = (epsilon_greedy(each, 0.5, np.random.default_rng(2)) for each in (q, as_layer(q)))
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == np.int32

    def test_a_selection_of_the_readers_own_selects_a_bin_of_each_dimension(self, rng: np.random.Generator) -> None:
        seen = []

        def select(q: Array, epsilon: Array, rng: np.random.Generator) -> Array:
            seen.append((q.shape, epsilon.tolist()))
            return q.argmin(axis=1)

        q = rng.normal(size=(2, 3, 4)).astype(np.float32)
        actions = checked_selection(select)(q, np.float32([0.5, 1.0]), rng)
        np.testing.assert_array_equal(actions, greedy_actions(-q))
        assert seen == [((6, 4), [0.5, 0.5, 0.5, 1.0, 1.0, 1.0])]
