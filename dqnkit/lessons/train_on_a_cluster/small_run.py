"""A training run that can be saved and resumed in a millisecond, for the exercise on checkpoints.

It is DQN on a table with the state of a real run: two tables, an optimizer with momentum, a replay buffer, counters and
a random generator. Only the environment has no state: each step begins at a random place. (A resumed run of dqnkit
begins new episodes.)
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from dqnkit.errors import CheckpointError
from dqnkit.exploration import linear_schedule

SAVED_FIELDS = ("online", "target", "velocity", "replay", "step", "updates", "rng")  # all state that training changes
NUM_PLACES, REPLAY_CAPACITY, BATCH_SIZE, TARGET_PERIOD = 6, 40, 4, 7
GAMMA, LEARNING_RATE, MOMENTUM = 0.9, 0.1, 0.9


class SmallRun:
    """DQN on a corridor of six places, whose right end pays 1.

    Attributes:
        online, target: Q-values of the online and the target table ``[6, 2]``.
        velocity: state of the optimizer, gradient descent with momentum ``[6, 2]``.
        replay: the newest 40 transitions, each ``(place, action, reward, next place)``.
        step: environment steps so far; epsilon falls with it from 1 to 0.1 in 60 steps.
        updates: gradient steps so far; every seventh copies the online table to the target table.
        rng: a `numpy.random.Generator`, the source of all randomness.
        client: stands for a connection to a cluster, which ends with the process.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.online = self.rng.normal(scale=0.1, size=(NUM_PLACES, 2))
        self.target = self.online.copy()
        self.velocity = np.zeros((NUM_PLACES, 2))
        self.replay: list[tuple[int, int, float, int]] = []
        self.step = self.updates = 0
        self.client: Any = object()

    def train(self, steps: int) -> None:
        """Make this many environment steps, with an update after each."""
        for _ in range(steps):
            self._act()
            self._update()

    def load(self, saved: dict[str, Any]) -> None:
        """Restore a saved state. Fields that are not in it keep their values.

        Raises:
            CheckpointError: an unknown field, or a value that cannot be written to a file.
        """
        for name, value in saved.items():
            if name not in SAVED_FIELDS:
                raise CheckpointError(f"a run has no {name!r} to load; it has {', '.join(SAVED_FIELDS)}")
            if not can_be_written(value):
                raise CheckpointError(
                    f"{name!r} is a {type(value).__name__}: a file holds arrays, numbers, text, lists"
                )
            if name == "rng":
                self.rng.bit_generator.state = read_field(name, value)
            else:
                setattr(self, name, read_field(name, value))

    def _act(self) -> None:
        place = int(self.rng.integers(NUM_PLACES - 1))
        epsilon = linear_schedule(self.step, start=1.0, end=0.1, steps=60)
        explores = self.rng.random() < epsilon
        action = int(self.rng.integers(2)) if explores else int(self.online[place].argmax())
        next_place = max(place - 1, 0) if action == 0 else place + 1
        self.replay.append((place, action, float(next_place == NUM_PLACES - 1), next_place))
        del self.replay[:-REPLAY_CAPACITY]
        self.step += 1

    def _update(self) -> None:
        gradient = np.zeros_like(self.online)
        for drawn in self.rng.integers(len(self.replay), size=BATCH_SIZE):
            place, action, reward, next_place = self.replay[drawn]
            discount = 0.0 if next_place == NUM_PLACES - 1 else GAMMA
            y = reward + discount * self.target[next_place].max()
            gradient[place, action] += (self.online[place, action] - y) / BATCH_SIZE
        self.velocity *= MOMENTUM
        self.velocity += gradient
        self.online -= LEARNING_RATE * self.velocity
        self.updates += 1
        if self.updates % TARGET_PERIOD == 0:
            self.target[:] = self.online


def can_be_written(value: Any) -> bool:
    """Whether a file without pickle can hold the value: numbers, text, arrays, and lists and dicts of these."""
    if isinstance(value, dict):
        return all(can_be_written(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(can_be_written(item) for item in value)
    return isinstance(value, (bool, int, float, str, np.ndarray, np.generic))


def field_of(run: SmallRun, name: str) -> Any:
    """A field of a run, the generator as its state."""
    return run.rng.bit_generator.state if name == "rng" else getattr(run, name)


def read_field(name: str, value: Any) -> Any:
    """A saved field as a run holds it: a copy. Lists may stand for arrays, and arrays or tuples for lists."""
    if name in ("online", "target", "velocity"):
        return np.array(value, dtype=np.float64)
    if name == "replay":
        return [(int(place), int(action), float(reward), int(end)) for place, action, reward, end in value]
    return deepcopy(value) if name == "rng" else int(value)
