"""A learner that learns nothing, for tests of the loop around it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from toys import linear_policy

from dqnkit.errors import DivergedError
from dqnkit.types import LearnerResult, PolicyWeights, Transition


class FakeLearner:
    """Learns nothing, but records its calls, and takes no time to compile."""

    def __init__(self, shape: tuple[int, ...] = (4,), num_actions: int = 2, fails_at: int = -1) -> None:
        self.updates, self.fails_at = 0, fails_at
        self.calls: list[tuple[Transition, Any, float, int | None]] = []
        self._policy = linear_policy(shape, num_actions)

    def update(
        self, transitions: Transition, importance: Any, *, learning_rate: float, target_period: int | None
    ) -> LearnerResult:
        if len(self.calls) == self.fails_at:
            raise DivergedError("the loss became nan")
        self.calls.append((transitions, importance, learning_rate, target_period))
        self.updates += len(transitions.action)
        td_errors = transitions.reward + self.updates
        return LearnerResult(td_errors, td_errors.mean(axis=1), 2.0)

    def get_weights(self, version: int = 0) -> PolicyWeights:
        return replace(self._policy, version=version)
