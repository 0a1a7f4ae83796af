"""A Q-network in a grid world, and how far it is from the exact Q*."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dqnkit.config import DQNConfig
from dqnkit.policy import q_values
from dqnkit.small_environments import GridWorld
from dqnkit.types import FloatArray, PolicyWeights, Transition

BATCHES_PER_CALL = 16  # batches of one compiled call


class GridNetwork:
    """A Q-network with two hidden layers of 64 units that learns from batches, and its error against the exact Q*.

    ``target_period`` is 1, so the target network is the online network before the update.

    Args:
        room: its observations are coordinates (x, y).
        gamma: discount factor.
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
        """Start again with new random weights and a new optimizer."""
        from dqnkit.networks import build_q_network

        network = build_q_network(self.room.observation_space, 4, DQNConfig(seed=seed))
        weights = {f"{name}/{i}": w for name in ("online", "target") for i, w in enumerate(network.get_weights())}
        self._learner.load_state({**self._untrained, **weights})
        self._waiting = []

    def update(self, batch: Transition) -> None:
        """Learn from a batch ``[B, ...]``. Batches are collected until one call can take `BATCHES_PER_CALL`."""
        self._waiting.append(batch)
        if len(self._waiting) == BATCHES_PER_CALL:
            self.update_all(Transition(*(np.stack(field) for field in zip(*self._waiting, strict=True))))
            self._waiting = []

    def update_all(self, batches: Transition) -> None:
        """Learn from K batches ``[K, B, ...]`` in order, in one compiled call."""
        observation, action, reward, discount, next_observation = batches
        reward, discount = (np.asarray(x, np.float32) for x in (reward, discount))
        self._learner.update(Transition(observation, np.asarray(action, np.int32), reward, discount, next_observation))

    def q_table(self) -> FloatArray:
        """The Q-values of all squares ``[S, A]``, 0 in terminal squares."""
        table = q_values(self.weights, self.room.all_observations())
        return np.where(self.room.terminal[:, None], np.float32(0), table)

    @property
    def weights(self) -> PolicyWeights:
        """The weights of the online network."""
        return self._learner.get_weights()

    def error(self, states: npt.ArrayLike | None = None) -> float:
        """Mean of ``|Q - Q*|`` over all actions in these squares; without ``states``, in all that are not terminal."""
        kept = np.flatnonzero(~self.room.terminal) if states is None else np.asarray(states)
        return float(np.abs(self.q_table() - self.exact)[kept].mean())
