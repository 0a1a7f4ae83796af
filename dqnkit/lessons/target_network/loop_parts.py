"""The five parts for the reader's training loop, made from the parts of dqnkit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqnkit.config import NEVER, DQNConfig
from dqnkit.default_parts import make_learner, make_replay
from dqnkit.environments import make_env
from dqnkit.exploration import epsilon_greedy
from dqnkit.policy import q_values
from dqnkit.replay import ReplayBuffer
from dqnkit.types import Array, PolicyWeights, Transition


@dataclass(frozen=True)
class LoopParts:
    """Environment, action selection, replay buffer, gradient step, and target synchronisation."""

    env: Any
    select: Callable[[Array, float], int]
    replay: OneByOne
    learn: Callable[[Transition], float]
    sync: Callable[[int], None]
    get_weights: Callable[[], PolicyWeights]  # of the online network, for evaluation


class OneByOne:
    """A replay buffer that adds single transitions and samples single batches."""

    def __init__(self, buffer: ReplayBuffer, batch_size: int, rng: np.random.Generator) -> None:
        self._buffer, self._batch_size, self._rng = buffer, batch_size, rng

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, observation: Array, action: int, reward: float, discount: float, next_observation: Array) -> None:
        """Add one transition."""
        self._buffer.add(
            Transition(
                np.asarray(observation)[None],
                np.array([action], np.int32),
                np.array([reward], np.float32),
                np.array([discount], np.float32),
                np.asarray(next_observation)[None],
            )
        )

    def sample(self) -> Transition:
        """Draw a batch ``[B, ...]``."""
        drawn = self._buffer.sample(1, self._batch_size, self._rng).transitions  # [1, B, ...]
        return Transition._make(values[0] for values in drawn)


def loop_parts(config: DQNConfig, sync: Callable[..., None]) -> LoopParts:
    """The parts for one run.

    Args:
        config: settings of the run.
        sync: moves the target network; a function like `dqnkit.networks.update_target`.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    env = make_env(config.env_id)
    env.reset(seed=int(config.seed_sequence("environment").generate_state(1)[0]))  # later resets continue it
    rng = config.generator("exploration")
    learner = make_learner(config)
    online, target = learner.online.trainable_variables, learner.target.trainable_variables

    def select(observation: Array, epsilon: float) -> int:
        values = q_values(learner.get_weights(), np.asarray(observation)[None])  # [1, A]
        return int(epsilon_greedy(values, epsilon, rng)[0])

    def learn(batch: Transition) -> float:
        one = Transition._make(values[None] for values in batch)  # K = 1
        return float(learner.update(one, target_period=NEVER).losses[0])

    def follow(update: int) -> None:
        sync(online, target, update, config.target_period, config.target_tau)

    replay = OneByOne(make_replay(config), config.batch_size, config.generator("replay"))
    return LoopParts(env, select, replay, learn, follow, learner.get_weights)
