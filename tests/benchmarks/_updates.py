"""Shared by the two workers of learner_updates.py: arguments, sizes and batches."""

import argparse
from typing import NamedTuple

import numpy as np


class Size(NamedTuple):
    """Sizes of a network and of its batches."""

    observation: tuple[int, ...]  # four numbers, or four frames
    filters: tuple[int, ...]  # of each convolution
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    hidden: tuple[int, ...]
    actions: int
    batch: int


SIZES = {
    "cartpole": Size((4,), (), (), (), (120, 84), actions=2, batch=128),
    "nature": Size((4, 84, 84), (32, 64, 64), (8, 4, 3), (4, 2, 1), (512,), actions=6, batch=32),  # Mnih et al., 2015
}
LEARNING_RATE = 1e-3
TARGET_PERIOD = 500  # updates


def arguments() -> argparse.Namespace:
    """Parse the arguments that learner_updates.py gives to a worker."""
    parser = argparse.ArgumentParser()
    for name in ("updates", "repeats", "fused", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--network", choices=SIZES, required=True)
    parser.add_argument("--xla", type=int, default=1)
    return parser.parse_args()


def batches(count: int, size: Size) -> tuple[np.ndarray, ...]:
    """Random transitions like CartPole's or a game's, the fields of a Transition in their order, [count, B, ...]."""
    rng = np.random.default_rng(0)
    shape = (2, count, size.batch, *size.observation)
    if size.filters:
        observation, next_observation = rng.integers(256, size=shape, dtype=np.uint8)
    else:
        observation, next_observation = rng.normal(size=shape).astype(np.float32)
    action = rng.integers(size.actions, size=(count, size.batch), dtype=np.int32)
    discount = np.where(rng.random((count, size.batch)) < 0.05, 0, 0.99).astype(np.float32)
    return observation, action, np.ones_like(discount), discount, next_observation
