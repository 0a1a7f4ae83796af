"""The answers to `reward_clip`: a worked solution, and known mistakes."""

from __future__ import annotations

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Array


def reward_clip(rewards: Array, largest: float) -> Array:
    """Rewards ``[T]`` held between ``-largest`` and ``largest`` (Mnih et al., 2015, who took 1)."""
    return np.clip(rewards, -largest, largest)


def _rescaled(rewards: Array, largest: float) -> Array:
    """Rewards divided so that the largest one is ``largest``."""
    most = np.abs(rewards).max()
    return rewards * largest / most if most > 0 else rewards


ANSWERS = Answers(
    solution=reward_clip,
    mistakes=(
        Mistake(
            "only from above",
            lambda rewards, largest: np.minimum(rewards, largest),
            "Large rewards are held, large penalties are not: one of -30 still pulls thirty times as hard. Hold both "
            "sides.",
        ),
        Mistake(
            "only from below",
            lambda rewards, largest: np.maximum(rewards, -largest),
            "Penalties are held, large rewards are not. Hold both sides.",
        ),
        Mistake(
            "the sign",
            lambda rewards, largest: np.sign(rewards) * largest,
            "Every reward becomes plus or minus the bound, or 0. For Atari, whose rewards are whole numbers, that is "
            "the same; here a reward of 0.25 must stay 0.25.",
        ),
        Mistake(
            "penalties lost",
            lambda rewards, largest: np.clip(rewards, 0, largest),
            "All penalties have become 0: the agent would never learn what to avoid. The lower bound is `-largest`.",
        ),
        Mistake(
            "always between -1 and 1",
            lambda rewards, largest: np.clip(rewards, -1, 1),
            "The bounds are always 1: `largest` is not used.",
        ),
        Mistake(
            "scaled",
            lambda rewards, largest: rewards / largest,
            "The rewards are divided by `largest`: small ones become smaller, and nothing is held. That is scaling, "
            "which keeps the proportions; clipping is meant to lose them.",
        ),
        Mistake(
            "scaled to the largest seen",
            _rescaled,
            "The rewards are scaled so that the largest becomes the bound. The same reward would then be worth "
            "something else in another episode. Each reward is held by itself.",
        ),
        Mistake(
            "tanh",
            lambda rewards, largest: largest * np.tanh(rewards / largest),
            "A smooth curve (tanh) holds the rewards, but it changes the small ones as well. Within the bounds a "
            "reward stays as it is.",
        ),
        Mistake(
            "without its sign",
            lambda rewards, largest: np.minimum(np.abs(rewards), largest),
            "The sign is lost: a penalty has become a reward. Hold the value, not its size.",
        ),
        Mistake(
            "large ones left out",
            lambda rewards, largest: np.where(np.abs(rewards) <= largest, rewards, 0.0),
            "Rewards beyond the bounds have become 0: the best moments would teach nothing. They become the bound "
            "itself.",
        ),
        Mistake(
            "large ones removed",
            lambda rewards, largest: rewards[np.abs(rewards) <= largest],
            "Rewards beyond the bounds are removed, and the others no longer belong to their steps. As many must come "
            "out as go in.",
        ),
        Mistake(
            "the sum is clipped",
            lambda rewards, largest: np.clip(rewards.sum(), -largest, largest),
            "The sum is held, not each reward: one number comes out. An agent learns from every single step.",
        ),
    ),
)
