"""The reader's replay buffer: other right solutions pass. (Its mistakes: `test_exercises.py`.)"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest

from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.course import find_exercise
from dqnkit.lessons.replay.answers.replay_add import RingBuffer
from dqnkit.types import Transition

EXERCISES = ADD, SAMPLE = find_exercise("replay_add"), find_exercise("replay_sample")


class KeptInADeque:
    """Another right solution: a deque drops the oldest, and transitions are plain tuples."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.slots: deque[tuple[Any, ...]] = deque(maxlen=capacity)

    def __len__(self) -> int:
        return len(self.slots)

    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        self.slots.append((observation.copy(), action, reward, discount, next_observation.copy()))

    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        rows = [self.slots[slot] for slot in rng.choice(len(self), batch_size)]
        return Transition(*(np.array(field) for field in zip(*rows, strict=True)))


class Shifts(RingBuffer):
    """Another right solution: a list whose oldest element is removed."""

    def add(self, *values: Any) -> None:
        if len(self.slots) == self.capacity:
            del self.slots[0]
        self.slots.append(Transition(*(np.copy(value) for value in values)))


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_another_right_way_passes(exercise: Any) -> None:
    assert check_exercise(exercise, KeptInADeque).passed


def test_the_oldest_may_be_taken_off_the_front() -> None:
    assert check_exercise(ADD, Shifts).passed


def test_a_slip_is_shown_with_its_line() -> None:
    class Slip(RingBuffer):
        def sample(self, batch_size: int, rng: np.random.Generator) -> Any:
            return self.slotz[0]  # type: ignore[attr-defined]

    result = check_exercise(SAMPLE, Slip)
    assert result.status == "wrong"
    assert "slotz" in result.text
