"""A sum tree: draws indices in proportion to their priorities, many at once, without a Python loop over items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dqnkit.types import Array

# Leaves under one node. The tree of the paper is binary: 20 levels over a million items, and in NumPy each level costs
# some passes over the batch. Here thousands of draws share one cumulative sum over the nodes, so one level of nodes is
# enough: tests/benchmarks/replay_speed.py has the figures.
FAMILY = 16


class SumTree:
    """Priorities of ``capacity`` items in families of 16, with the sum of every family.

    To set m priorities takes O(m), to draw m items O(capacity / 16 + m log capacity), both vectorised
    (compare Schaul et al., 2016, appendix B.2.1).
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._families = np.zeros((-(-capacity // FAMILY), FAMILY))  # [F, 16]
        self._leaves = self._families.reshape(-1)  # [F * 16], a view
        self._sums = np.zeros(len(self._families))  # [F]

    @property
    def total(self) -> float:
        """Sum of all priorities."""
        return float(self._sums.sum())

    def __getitem__(self, indices: Array) -> npt.NDArray[np.float64]:
        """Priorities of the items, in the shape of ``indices``."""
        return self._leaves[indices]

    def set(self, indices: Array, priorities: Array) -> None:
        """Give the items ``[m]`` new priorities ``[m]``; of an index that occurs twice, the last counts.

        Sums are computed again, not adjusted by the difference, so that rounding errors do not add up. A family with
        several changed members is summed more than once, which costs less than finding duplicates.
        """
        self._leaves[indices] = priorities
        families = indices // FAMILY
        self._sums[families] = _sum_families(self._families.take(families, axis=0))

    def draw(self, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """The items at these positions ``[m]`` of the line on which each item is as long as its priority.

        Args:
            positions: in ``[0, 1)``, 1 being the end of the line. At least one priority must be above 0.
        """
        ends = self._sums.cumsum()  # [F]
        values = positions * ends[-1]  # [m]
        family = np.minimum(np.searchsorted(ends, values, side="right"), len(ends) - 1)  # [m]
        remaining = values - (ends[family] - self._sums[family])  # [m] distance from the family's beginning

        # All members of these families, one after the other on one line: one search finds every member.
        members = self._families.take(family, axis=0).reshape(-1)  # [m * 16]
        line = members.cumsum()
        first = np.arange(len(values)) * FAMILY
        beginning = np.concatenate([[0.0], line[FAMILY - 1 : -1 : FAMILY]])  # [m]
        member = np.searchsorted(line, beginning + remaining, side="right")
        items = family * FAMILY + np.clip(member - first, 0, FAMILY - 1)

        # By rounding, a position near a border may land on an item of priority 0, which must never be drawn.
        wrong = np.flatnonzero(self._leaves[items] <= 0)
        for index in wrong:
            nearest = np.searchsorted(ends, min(values[index], ends[-1] * (1 - 1e-12)), side="right")
            items[index] = nearest * FAMILY + self._families[nearest].argmax()
        return items

    def values(self) -> npt.NDArray[np.float64]:
        """All priorities ``[capacity]``, a view."""
        return self._leaves[: self.capacity]

    def load(self, priorities: Array) -> None:
        """Replace all priorities ``[capacity]``."""
        self._leaves[: self.capacity] = priorities
        self._sums[:] = _sum_families(self._families)


def _sum_families(families: Array) -> npt.NDArray[np.float64]:
    # A matrix product is as fast, but its rounding depends on which families are summed together: a tree that was
    # loaded would differ in the last bit from the one that was saved.
    return np.einsum("fi->f", families)
