"""Let an agent learn one fixed batch by heart: the loss must fall to nearly 0.

The check passes an agent that records how it is called.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array, Transition


class RecordingAgent:
    """An agent whose TD targets depend on its target network, and whose loss depends on all that it is given."""

    def __init__(self, offset: float, batch: Transition) -> None:
        self.offset, self.given = offset, batch
        self.updates = 0
        self.copies = 0  # of the target network
        self.steps: list[list[float]] = []  # batch, first and last target

    def td_target(self, batch: Transition) -> Array:
        """Targets of the batch; they change with each copy of the target network."""
        return batch.reward + batch.discount * (self.offset + self.copies)

    def train_step(self, batch: Transition, y: Any) -> float:
        """One gradient step; returns its loss."""
        y = np.asarray(y, dtype=np.float64).reshape(-1)
        self.steps.append([_mark(batch), float(y[0]), float(y[-1])])
        return float(np.mean(y**2)) / len(self.steps) + abs(_mark(batch))

    def target_sync(self) -> None:
        """Copy the online network to the target network."""
        self.copies += 1

    def sample(self) -> Transition:
        """Another batch from replay."""
        return self.given._replace(reward=self.given.reward + 1.0 + len(self.steps))


def _mark(batch: Any) -> float:
    """A number by which a batch is known."""
    return float(np.sum(np.asarray(batch.reward) * np.arange(1, len(batch.reward) + 1)))


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """What the function returns, and which steps the agent made."""
    offset, batch, steps = case.arguments
    agent = RecordingAgent(offset, batch)
    losses = thing(agent, batch, steps)
    if losses is None and not agent.steps:
        return None
    return {
        "losses": losses,
        "gradient steps": len(agent.steps),
        "what each was given: batch, first and last target": np.array(agent.steps).reshape(-1, 3),
        "copies of the target network": agent.copies,
    }


def _batch(rng: np.random.Generator, size: int) -> Transition:
    observation, next_observation = rng.normal(size=(2, size, 3))
    action: Any = rng.integers(2, size=size)
    reward: Any = rng.normal(0, 2, size)
    discount: Any = np.where(rng.random(size) < 0.3, 0.0, rng.uniform(0.5, 0.99, size))
    return Transition(observation, action, reward, discount, next_observation)


def fixed_cases() -> list[Case]:
    """Smallest first."""
    rng = np.random.default_rng(0)
    return [
        Case("two transitions, one step", (0.5, _batch(rng, 2), 1)),
        Case("three transitions, four steps", (-1.0, _batch(rng, 3), 4)),
        Case("five transitions, seven steps", (2.0, _batch(rng, 5), 7)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: batches of odd sizes, values of either sign."""
    fresh = []
    for _ in range(4):
        size, steps = int(rng.integers(2, 8)), int(rng.integers(3, 12))
        fresh.append(Case(f"{size} transitions, {steps} steps", (float(rng.normal(0, 3)), _batch(rng, size), steps)))
    return fresh


EXERCISE = Exercise(
    name="overfit_one_batch",
    signature="(agent, batch, steps) -> list of losses",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "Targets that move can never be reached. So compute them once, before the first step: "
        "`y = agent.td_target(batch)`.",
        "Then the same gradient step again and again: `agent.train_step(batch, y)` returns its loss. Collect the "
        "losses in a list, and return the list.",
        "Neither `agent.sample()` nor `agent.target_sync()` belongs here: nothing may change but the online network.",
    ],
    observe=observe,
)
