"""An experiment in forgetting: a patrol stays in one quarter of a room for long while a network learns from its steps.

The patrol walks at random whatever the network learns, so that runs differ in one thing only: the memory that the
batches are drawn from.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dqnkit.config import DQNConfig
from dqnkit.policy import q_values
from dqnkit.small_environments import GridWorld
from dqnkit.types import Array, FloatArray, IntArray, PolicyWeights, Transition

QUARTERS = {"lower right": (1, 1), "upper right": (0, 1), "upper left": (0, 0), "lower left": (1, 0)}  # in this order
BATCHES_A_CALL = 16


class QuarterWalk(NamedTuple):
    """What a patrol saw, step by step."""

    transitions: Transition  # fields [T, ...]
    states: IntArray  # [T] index of the square
    next_states: IntArray  # [T]
    episodes: IntArray  # [T] number of the episode
    quarters: IntArray  # [T] number of the quarter, in the order of QUARTERS


def walk_by_quarters(room: GridWorld, gamma: float, seed: int, steps_each: int = 2_000) -> QuarterWalk:
    """A random walk through the four quarters of a room, ``steps_each`` in each, the one with the goal first.

    A walk that leaves its quarter is truncated there: it is carried back to a random square of the quarter and begins
    anew. So the transition across the border is seen, and its discount is ``gamma``.
    """
    rng = np.random.default_rng(seed)
    walks = [_walk(room, square, steps_each, rng) for square in QUARTERS.values()]
    states, actions, next_states, begins = (np.concatenate(parts) for parts in zip(*walks, strict=True))
    observations = room.all_observations()
    transitions = Transition(
        observation=observations[states],
        action=actions,
        reward=room.rewards[states, actions, next_states].astype(np.float32),
        discount=np.where(room.terminal[next_states], 0.0, gamma).astype(np.float32),
        next_observation=observations[next_states],
    )
    quarters = np.repeat(np.arange(len(QUARTERS), dtype=np.int32), steps_each)
    return QuarterWalk(transitions, states, next_states, begins.cumsum(dtype=np.int32) - 1, quarters)


def _walk(room: GridWorld, quarter: tuple[int, int], steps: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """States, actions, next states and whether an episode begins, ``[steps]`` each."""
    inside = quarter_states(room, quarter)
    record = np.empty((steps, 4), np.int32)
    state, begins = int(rng.choice(inside)), True
    for step in range(steps):
        action = int(rng.integers(4))
        next_state = int(rng.choice(room.num_states, p=room.probabilities[state, action]))
        record[step] = state, action, next_state, begins
        begins = next_state not in inside
        state = int(rng.choice(inside)) if begins else next_state
    return tuple(record.T)


def quarter_states(room: GridWorld, quarter: tuple[int, int]) -> IntArray:
    """The squares of a quarter (its row, its column) that are not terminal."""
    rows, columns = np.divmod(np.arange(room.num_states), room.size)
    half = room.size / 2
    inside = (rows // half == quarter[0]) & (columns // half == quarter[1]) & ~room.terminal
    return np.flatnonzero(inside).astype(np.int32)


class GridNetwork:
    """A Q-network (two hidden layers of 64) that learns from batches and knows how far it is from the exact Q*.

    It has no target network of its own: with ``target_period`` 1 the target is the online network of the update before.
    Batches are collected, and learned from `BATCHES_A_CALL` at a time in one compiled call.

    Args:
        room: with observations as x, y.
        gamma: discount factor; for Q*, which the errors are measured against.
    """

    def __init__(self, room: GridWorld, gamma: float) -> None:
        from dqnkit.learner import Learner

        self.room = room
        self.exact = room.optimal_q(gamma)  # [S, A]
        self._config = DQNConfig(env_id="dqnkit/GridWorld-v0", gamma=gamma, target_period=1, loss="squared")
        self._learner = Learner(self._config)
        self._untrained = self._learner.state()
        self._waiting: list[Transition] = []

    def initialise(self, seed: int) -> None:
        """Forget everything: new random weights, a new optimizer."""
        from dqnkit.networks import build_q_network

        network = build_q_network((2,), np.dtype(np.float32), 4, DQNConfig(seed=seed))
        weights = {f"{name}/{i}": w for name in ("online", "target") for i, w in enumerate(network.get_weights())}
        self._learner.load_state({**self._untrained, **weights})
        self._waiting = []

    def update(self, batch: Transition) -> None:
        """Learn from a batch ``[B, ...]``, at the latest when `BATCHES_A_CALL` of them have come."""
        self._waiting.append(batch)
        if len(self._waiting) == BATCHES_A_CALL:
            self.update_all(Transition(*(np.stack(field) for field in zip(*self._waiting, strict=True))))
            self._waiting = []

    def update_all(self, batches: Transition) -> None:
        """Learn from K batches ``[K, B, ...]``, one after the other, in one compiled call."""
        observation, action, reward, discount, next_observation = batches
        reward, discount = (np.asarray(x, np.float32) for x in (reward, discount))
        self._learner.update(Transition(observation, np.asarray(action, np.int32), reward, discount, next_observation))

    def q_table(self) -> FloatArray:
        """The values of the network in every square ``[S, A]``, 0 in terminal ones."""
        table = q_values(self.weights, self.room.all_observations())
        return np.where(self.room.terminal[:, None], np.float32(0), table)

    @property
    def weights(self) -> PolicyWeights:
        """The network as it is now."""
        return self._learner.get_weights()

    def error(self, states: npt.ArrayLike | None = None) -> float:
        """Mean of ``|Q - Q*|`` over all actions in these squares; in all that are not terminal unless given."""
        kept = np.flatnonzero(~self.room.terminal) if states is None else np.asarray(states)
        return float(np.abs(self.q_table() - self.exact)[kept].mean())
