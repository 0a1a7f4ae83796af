"""One fixed batch for an agent to learn by heart."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.types import Transition

PAIRS = 16  # observations, each with both actions


def hand_made_batch(seed: int = 0) -> Transition:
    """32 transitions of random numbers: 16 observations, each with action 0 and with action 1."""
    rng = np.random.default_rng(seed)
    observation = np.repeat(rng.normal(size=(PAIRS, 4)), 2, axis=0)
    action = np.tile([0, 1], PAIRS)
    reward: Any = rng.normal(size=2 * PAIRS)
    discount: Any = np.full(2 * PAIRS, 0.8)
    return Transition(observation, action, reward, discount, rng.normal(size=(2 * PAIRS, 4)))
