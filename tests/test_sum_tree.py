"""The sum tree against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnkit.sum_tree import SumTree

PRIORITY = st.one_of(st.just(0.0), st.floats(1e-12, 1e12), st.floats(0.1, 10.0))


@given(
    capacity=st.integers(1, 60),
    pairs=st.lists(st.tuples(st.integers(0, 59), PRIORITY), min_size=1, max_size=30),
    seed=st.integers(0, 1000),
)
def test_equals_a_list_of_priorities(capacity: int, pairs: list[tuple[int, float]], seed: int) -> None:
    tree, reference = SumTree(capacity), np.zeros(capacity)
    for start in range(0, len(pairs), 7):  # the same item may occur twice among seven; the last one counts
        for item, priority in pairs[start : start + 7]:
            reference[item % capacity] = priority
        items, priorities = np.array(pairs[start : start + 7]).T
        tree.set(items.astype(int) % capacity, priorities)
    np.testing.assert_array_equal(tree.values(), reference)
    np.testing.assert_array_equal(tree[np.arange(capacity)], reference)
    assert tree.total == pytest.approx(reference.sum(), rel=1e-12)
    if reference.any():
        positions = np.append(np.random.default_rng(seed).random(30), [0.0, np.nextafter(1.0, 0.0)])
        drawn, ends = tree.draw(positions), reference.cumsum()
        assert (reference[drawn] > 0).all()
        values = positions * ends[-1]
        expected = np.searchsorted(ends, values, side="right")
        near_a_border = np.abs(values[:, None] - ends).min(axis=1) < 1e-9 * ends[-1]  # rounding decides near a border
        np.testing.assert_array_equal(drawn[~near_a_border], expected[~near_a_border])


def test_draws_by_hand() -> None:
    tree = SumTree(40)
    tree.set(np.array([0, 17, 39]), np.array([1.0, 2.0, 1.0]))
    positions = np.array([0.0, 0.24, 0.26, 0.5, 0.74, 0.76, 0.999])
    np.testing.assert_array_equal(tree.draw(positions), [0, 0, 17, 17, 17, 39, 39])
    np.testing.assert_array_equal(tree.draw(np.full(3, 0.6)), [17, 17, 17])


def test_an_item_of_priority_0_is_never_drawn(rng: np.random.Generator) -> None:
    tree = SumTree(1000)
    priorities = rng.random(1000) * (rng.random(1000) < 0.02)
    tree.set(np.arange(1000), priorities)
    drawn = tree.draw(np.append(rng.random(20_000), [0.0, np.nextafter(1.0, 0.0)]))
    assert (priorities[drawn] > 0).all()


def test_frequencies_are_in_proportion_to_priorities(rng: np.random.Generator) -> None:
    tree = SumTree(50)
    priorities = rng.random(50)
    tree.set(np.arange(50), priorities)
    shares = np.bincount(tree.draw(rng.random(200_000)), minlength=50) / 200_000
    np.testing.assert_allclose(shares, priorities / priorities.sum(), atol=0.003)


def test_a_tree_that_was_loaded_is_the_one_that_was_saved_to_the_last_bit(rng: np.random.Generator) -> None:
    tree, other = SumTree(37), SumTree(37)
    priorities = rng.random(37)
    tree.set(np.arange(37), np.ones(37))
    tree.load(priorities)
    other.set(np.arange(37), priorities)
    assert tree.total == other.total
    positions = rng.random(100)
    np.testing.assert_array_equal(tree.draw(positions), other.draw(positions))


def test_rounding_errors_do_not_pile_up(rng: np.random.Generator) -> None:
    tree = SumTree(64)
    for _ in range(2_000):
        tree.set(rng.integers(64, size=8), 10.0 ** rng.uniform(-9, 9, size=8))
    tree.set(np.arange(64), np.ones(64))
    assert tree.total == 64.0
