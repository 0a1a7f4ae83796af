"""Probe environments: so small that every value is known, and each asks an agent one question.

All of them write every observation into one and the same array, as many environments do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dqnkit.types import Array

GAMMA = 0.8  # the discount factor of all probes
STEPS = 1_000  # for which an agent is trained on one
TOLERANCE = 0.05  # the largest error with which a probe is passed
SHORT, LONG = 5, 6  # steps until the time limit cuts an episode; squares of the corridor

Step = tuple[Array, float, bool, bool, dict[str, Any]]


class Probe:
    """What all probes share: the observations [S, N] that occur, and their exact Q-values [S, A]."""

    observations: Array
    exact_q: Array

    def __init__(self) -> None:
        self.rng = np.random.default_rng(2021)  # not the seed of an agent: its actions would follow the coin
        self.screen = np.zeros(self.observations.shape[1], np.float32)  # every observation is written here

    def show(self, *values: float) -> Array:
        """Write an observation."""
        self.screen[:] = values
        return self.screen

    def reset(self) -> tuple[Array, dict[str, Any]]:
        """Begin an episode."""
        return self.begin(), {}

    def begin(self) -> Array:
        """The first observation of an episode."""
        raise NotImplementedError

    def step(self, action: int) -> Step:
        """One step, as in Gymnasium."""
        raise NotImplementedError


class OneStep(Probe):
    """Always the same observation; whatever the agent does, it gets 1 and the episode ends."""

    observations, exact_q = np.array([[1.0]]), np.array([[1.0, 1.0]])

    def begin(self) -> Array:
        return self.show(1)

    def step(self, action: int) -> Step:
        return self.show(1), 1.0, True, False, {}


class Sees(Probe):
    """One step. The observation is 1 or -1, and the reward is the same number."""

    observations, exact_q = np.array([[-1.0], [1.0]]), np.array([[-1.0, -1.0], [1.0, 1.0]])

    def begin(self) -> Array:
        self.reward = float(self.rng.choice([-1, 1]))
        return self.show(self.reward)

    def step(self, action: int) -> Step:
        return self.show(0), self.reward, True, False, {}


class Chooses(Probe):
    """One step, always the same observation. Action 0 pays -1, action 1 pays 1."""

    observations, exact_q = np.array([[1.0]]), np.array([[-1.0, 1.0]])

    def begin(self) -> Array:
        return self.show(1)

    def step(self, action: int) -> Step:
        return self.show(0), 2.0 * action - 1, True, False, {}


class TwoSteps(Probe):
    """Two steps: the first pays nothing, the second 1."""

    observations, exact_q = np.array([[-1.0], [1.0]]), np.array([[GAMMA, GAMMA], [1.0, 1.0]])

    def begin(self) -> Array:
        self.time = 0
        return self.show(-1)

    def step(self, action: int) -> Step:
        self.time += 1
        return self.show(1), float(self.time == 2), self.time == 2, False, {}


class TwoChoices(Probe):
    """Two steps. In each a coin, -1 or 1, is seen: to choose its side pays 1, the other side -1."""

    observations = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])  # columns: which step, the coin
    exact_q = np.array([[1, -1], [-1, 1], [1, -1], [-1, 1]]) + np.array([[GAMMA], [GAMMA], [0], [0]])

    def begin(self) -> Array:
        self.time = 0
        return self._toss()

    def step(self, action: int) -> Step:
        reward = 1.0 if (action == 1) == (self.coin == 1) else -1.0
        self.time += 1
        return self._toss(), reward, self.time == 2, False, {}

    def _toss(self) -> Array:
        self.coin = int(self.rng.choice([-1, 1]))
        return self.show(-1 if self.time == 0 else 1, self.coin)


class Corridor(Probe):
    """Six squares in a row. Action 1 moves right, 0 left (at the left end: nowhere). Only the right end pays: 1."""

    observations = np.linspace(-1, 1, LONG)[: LONG - 1, None]  # where it acts: all but the right end
    exact_q = GAMMA ** np.array([[LONG - 1 - max(0, s - 1), LONG - 2 - s] for s in range(LONG - 1)])  # steps to come

    def begin(self) -> Array:
        self.square = 0
        return self._see()

    def step(self, action: int) -> Step:
        self.square = self.square + 1 if action == 1 else max(0, self.square - 1)
        arrived = self.square == LONG - 1
        return self._see(), float(arrived), arrived, False, {}

    def _see(self) -> Array:
        return self.show(2 * self.square / (LONG - 1) - 1)


class TimeLimit(Probe):
    """Every step pays 1, for ever; but after five steps the episode is truncated."""

    observations, exact_q = np.array([[1.0]]), np.full((1, 2), 1 / (1 - GAMMA))

    def begin(self) -> Array:
        self.time = 0
        return self.show(1)

    def step(self, action: int) -> Step:
        self.time += 1
        return self.show(1), 1.0, False, self.time == SHORT, {}


PROBES: dict[str, Callable[[], Probe]] = {
    "one step": OneStep,
    "sees": Sees,
    "chooses": Chooses,
    "two steps": TwoSteps,
    "two choices": TwoChoices,
    "corridor": Corridor,
    "time limit": TimeLimit,
}
