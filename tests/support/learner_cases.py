"""Settings and batches with which learners are compared: in one process, under a strategy, over several processes."""

from __future__ import annotations

from typing import Any

import numpy as np
from toys import small_config

from dqnkit.config import DQNConfig
from dqnkit.learner import Learner
from dqnkit.types import Array, Transition

K, B = 3, 8


def batches(rng: np.random.Generator, k: int = K, size: int = B, scale: float = 1.0) -> Transition:
    """Random CartPole transitions ``[K, B]``, a fifth of them terminal."""
    return Transition(
        observation=rng.normal(size=(k, size, 4)).astype(np.float32),
        action=rng.integers(2, size=(k, size), dtype=np.int32),
        reward=(scale * rng.normal(size=(k, size))).astype(np.float32),
        discount=(0.9 * (rng.random((k, size)) > 0.2)).astype(np.float32),
        next_observation=rng.normal(size=(k, size, 4)).astype(np.float32),
    )


def config_for_updates(**settings: Any) -> DQNConfig:
    # a large epsilon in Adam: otherwise a gradient of 1e-9 would move a weight by a whole learning rate
    defaults = {"hidden_sizes": (8, 6), "batch_size": B, "target_period": 4, "adam_epsilon": 1e-3}
    return small_config(**{**defaults, "learning_rate": 0.01, **settings})


SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "xla": {"xla": True},
    "double": {"double_q": True},
    "dueling": {"dueling": True},
    "squared, not clipped": {"loss": "squared", "max_gradient_norm": 0.0},
    "clipped": {"max_gradient_norm": 0.05},
    "soft target": {"target_tau": 0.1, "target_period": 1},
    "all at once, xla": {"double_q": True, "dueling": True, "max_gradient_norm": 0.1, "xla": True, "target_tau": 0.5},
}


def everything(learner: Learner) -> dict[str, Array]:
    return {name: np.array(values) for name, values in learner.state().items()}
