"""Shared by the two workers of learner_updates.py: arguments, sizes and batches."""

import argparse

import numpy as np

HIDDEN_SIZES = (120, 84)
BATCH_SIZE = 128
LEARNING_RATE = 1e-3
TARGET_PERIOD = 500  # updates


def arguments() -> argparse.Namespace:
    """Parse the arguments that learner_updates.py gives to a worker."""
    parser = argparse.ArgumentParser()
    for name in ("updates", "repeats", "fused", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    return parser.parse_args()


def batches(count: int) -> tuple[np.ndarray, ...]:
    """Random transitions like CartPole's, the fields of a Transition in their order, [count, B, ...]."""
    rng = np.random.default_rng(0)
    observation, next_observation = rng.normal(size=(2, count, BATCH_SIZE, 4)).astype(np.float32)
    action = rng.integers(2, size=(count, BATCH_SIZE), dtype=np.int32)
    discount = np.where(rng.random((count, BATCH_SIZE)) < 0.05, 0, 0.99).astype(np.float32)
    return observation, action, np.ones_like(discount), discount, next_observation
