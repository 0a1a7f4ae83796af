"""A training run so small that it can be saved, ended and resumed in a millisecond: what the exercise works on.

It is DQN on a table with all that a real run carries: two tables, an optimizer that remembers, a replay buffer,
counters and a random generator. Only the environment has nothing to remember: each step begins at a random place, as
a resumed run of the kit begins new episodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.errors import CheckpointError
from dqnkit.exploration import linear_schedule

PARTS = ("online", "target", "velocity", "replay", "step", "updates", "rng")  # all that changes as it trains
PLACES, CAPACITY, BATCH, PERIOD = 6, 40, 4, 7
GAMMA, LEARNING_RATE, MOMENTUM = 0.9, 0.1, 0.9


class SmallRun:
    """Q-learning on a corridor of six places, whose right end pays 1.

    Attributes:
        online, target: Q-values ``[6, 2]`` of the online and of the target table.
        velocity: what the optimizer (gradient descent with momentum) remembers ``[6, 2]``.
        replay: the newest 40 transitions, each ``(place, action, reward, next place)``.
        step: environment steps so far; epsilon falls with it, from 1 to 0.1 in 60 steps.
        updates: gradient steps so far; at every seventh the target table becomes a copy of the online one.
        rng: a `numpy.random.Generator`, from which all chance comes.
        client: stands for the connection to a cluster. It ends with the process.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.online = self.rng.normal(scale=0.1, size=(PLACES, 2))
        self.target = self.online.copy()
        self.velocity = np.zeros((PLACES, 2))
        self.replay: list[tuple[int, int, float, int]] = []
        self.step = self.updates = 0
        self.client: Any = object()

    def train(self, steps: int) -> None:
        """So many environment steps, with an update after each."""
        for _ in range(steps):
            self._act()
            self._update()

    def load(self, saved: dict[str, Any]) -> None:
        """Take over what was saved; what is not in it stays as it is in a new run.

        Raises:
            CheckpointError: something that the run does not have, or that no file can hold.
        """
        for name, value in saved.items():
            if name not in PARTS:
                raise CheckpointError(f"a run has no {name!r} to load; it has {', '.join(PARTS)}")
            if not can_be_written(value):
                raise CheckpointError(
                    f"{name!r} is a {type(value).__name__}: a file holds arrays, numbers, text, lists"
                )
            if name == "rng":
                self.rng.bit_generator.state = value
            else:
                setattr(self, name, copied(value))

    def _act(self) -> None:
        place = int(self.rng.integers(PLACES - 1))
        epsilon = linear_schedule(self.step, start=1.0, end=0.1, steps=60)
        explores = self.rng.random() < epsilon
        action = int(self.rng.integers(2)) if explores else int(self.online[place].argmax())
        next_place = max(place - 1, 0) if action == 0 else place + 1
        self.replay.append((place, action, float(next_place == PLACES - 1), next_place))
        del self.replay[:-CAPACITY]
        self.step += 1

    def _update(self) -> None:
        gradient = np.zeros_like(self.online)
        for drawn in self.rng.integers(len(self.replay), size=BATCH):
            place, action, reward, next_place = self.replay[drawn]
            discount = 0.0 if next_place == PLACES - 1 else GAMMA
            y = reward + discount * self.target[next_place].max()
            gradient[place, action] += (self.online[place, action] - y) / BATCH
        self.velocity *= MOMENTUM
        self.velocity += gradient
        self.online -= LEARNING_RATE * self.velocity
        self.updates += 1
        if self.updates % PERIOD == 0:
            self.target[:] = self.online


def can_be_written(value: Any) -> bool:
    """Whether a file without pickle can hold it: arrays of numbers, numbers, text, and lists and dicts of these."""
    if isinstance(value, dict):
        return all(can_be_written(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(can_be_written(item) for item in value)
    return isinstance(value, (bool, int, float, str, np.ndarray, np.generic))


def copied(value: Any) -> Any:
    """The same value in other memory."""
    return value.copy() if isinstance(value, (np.ndarray, list, dict)) else value
