"""The sum tree against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqnkit.sum_tree import SumTree

PRIORITY = st.one_of(st.just(0.0), st.floats(1e-12, 1e12), st.floats(0.1, 10.0))
# a capacity, then rounds of (item, priority) pairs, the same item more than once in one round
CAPACITY_AND_ROUNDS = st.integers(1, 100).flatmap(
    lambda capacity: st.tuples(
        st.just(capacity),
        st.lists(st.lists(st.tuples(st.integers(0, capacity - 1), PRIORITY), min_size=1, max_size=40), max_size=5),
    )
)


@given(CAPACITY_AND_ROUNDS, st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=30))
def test_equals_a_list_of_priorities(case: tuple[int, list[list[tuple[int, float]]]], positions: list[float]) -> None:
    capacity, rounds = case
    tree, reference = SumTree(capacity), np.zeros(capacity)
    for pairs in rounds:
        for item, priority in pairs:
            reference[item] = priority
        items, priorities = zip(*pairs, strict=True)
        tree.set(np.array(items), np.array(priorities))
    np.testing.assert_array_equal(tree.values(), reference)
    np.testing.assert_array_equal(tree[np.arange(capacity)], reference)
    assert tree.total == pytest.approx(reference.sum(), rel=1e-12)
    if reference.any():
        drawn = tree.draw(np.array(positions))
        assert (reference[drawn] > 0).all()
        ends = reference.cumsum()
        slack = 1e-9 * ends[-1]  # a position that near to a border may fall on either side
        values = np.array(positions) * ends[-1]
        assert (values >= ends[drawn] - reference[drawn] - slack).all()
        assert (values <= ends[drawn] + slack).all()


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


def test_load_replaces_all_priorities(rng: np.random.Generator) -> None:
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
