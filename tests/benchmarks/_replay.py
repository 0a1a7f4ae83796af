"""Shared by the two workers of replay_speed.py: the arguments, the transitions and the measurement."""

import argparse
import time
from collections.abc import Callable

import numpy as np

NUM_BATCHES = 32
BATCH_SIZE = 128


def arguments() -> argparse.Namespace:
    """Parse the arguments that replay_speed.py gives to a worker."""
    parser = argparse.ArgumentParser()
    for name in ("capacity", "repeats", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


def transitions(count: int) -> tuple[np.ndarray, ...]:
    """Random transitions like CartPole's, the fields of a Transition in their order, [count, ...]."""
    rng = np.random.default_rng(0)
    observation, next_observation = rng.normal(size=(2, count, 4)).astype(np.float32)
    action = rng.integers(2, size=count, dtype=np.int32)
    discount = np.where(rng.random(count) < 0.05, 0, 0.99).astype(np.float32)
    return observation, action, np.ones_like(discount), discount, next_observation


def speeds(draw: Callable[[], None], settings: argparse.Namespace) -> list[float]:
    """Return transitions a second of each repeat of `draw`, which draws 32 x 128; the first repeat is a warm-up."""
    result = []
    for _ in range(settings.repeats + 1):
        count, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < settings.seconds:
            draw()
            count += NUM_BATCHES * BATCH_SIZE
        result.append(count / elapsed)
    return result[1:]
