"""Mean and deviation of all observations so far, updated batch by batch without keeping them."""

from __future__ import annotations

import numpy as np

from dqnkit.types import Array, FloatArray

NAMES = tuple(f"observations/{name}" for name in ("count", "mean", "squares"))  # of the arrays in a state
ROUNDING = 1e-6  # of float32: a deviation below this share of the mean is the error of rounding a constant


class RunningStatistics:
    """Count, mean and sum of squared differences from it (Chan, Golub and LeVeque, 1979, eq. 2.1).

    All sums are float64: the differences of a million observations would be lost in float32.

    Args:
        shape: of an observation.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self._mean = np.zeros(shape)
        self._squares = np.zeros(shape)  # sum of (x - mean)**2

    def add(self, observations: Array) -> None:
        """Take in a batch ``[B, ...]``."""
        number = len(observations)
        if number == 0:
            return
        values = observations.astype(np.float64)
        mean = values.mean(axis=0)
        difference = mean - self._mean
        total = self.count + number
        self._squares += ((values - mean) ** 2).sum(axis=0) + difference**2 * (self.count * number / total)
        self._mean += difference * (number / total)
        self.count = total

    @property
    def mean(self) -> FloatArray:
        """Of each number of an observation; 0 before the first."""
        return self._mean.astype(np.float32)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of each number; 1 where it has been the same in all observations so far."""
        deviation = np.sqrt(self._squares / max(1, self.count))
        return np.where(deviation > ROUNDING * np.abs(self._mean), deviation, 1.0).astype(np.float32)

    def state(self) -> dict[str, Array]:
        """All that it needs to go on, as plain arrays by name."""
        values = (np.array(self.count), self._mean.copy(), self._squares.copy())
        return dict(zip(NAMES, values, strict=True))

    def load_state(self, state: dict[str, Array]) -> None:
        """Go on from what `state` gave; other names in it are no matter."""
        count, mean, squares = (state[name] for name in NAMES)
        self.count, self._mean, self._squares = int(count), mean.copy(), squares.copy()
