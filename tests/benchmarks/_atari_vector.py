"""Worker of atari_vector.py: steps a second of a game, in one process, of both kinds of vector environment in turn."""

import argparse
import time
from collections.abc import Callable

import gymnasium
import numpy as np
import report

from dqnkit.atari import make_atari_vector
from dqnkit.config import DQNConfig
from dqnkit.environments import find_environment, make_env
from dqnkit.frames import StackedFrames

STACK = 4


def native(env_id: str, num_envs: int) -> gymnasium.vector.VectorEnv:
    """ALE's own vector version, as the kit uses it."""
    return StackedFrames(make_atari_vector(find_environment(env_id), num_envs), STACK)


def wrapped(env_id: str, num_envs: int) -> gymnasium.vector.VectorEnv:
    """Single games with Gymnasium's wrappers, one after the other."""
    return gymnasium.vector.SyncVectorEnv(
        [lambda: make_env(DQNConfig(env_id, frame_stack=STACK))] * num_envs, copy=False
    )


def stepping(envs: gymnasium.vector.VectorEnv) -> Callable[[], int]:
    """Return a function that takes one step of each copy with actions drawn before."""
    actions = iter(np.random.default_rng(0).integers(envs.single_action_space.n, size=(1_000_000, envs.num_envs)))
    envs.reset(seed=0)

    def run() -> int:
        envs.step(next(actions))
        return envs.num_envs

    return run


def speed(run: Callable[[], int], seconds: float) -> float:
    """Return steps a second of `run`, repeated for so many seconds."""
    steps, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        steps += run()
    return steps / elapsed


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--env-id", required=True)
    parser.add_argument("--num-envs", type=int, required=True)
    parser.add_argument("--repeats", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    settings = parser.parse_args()
    sides = {"native": native, "wrapped": wrapped}
    runs = {side: stepping(make(settings.env_id, settings.num_envs)) for side, make in sides.items()}
    for run in runs.values():
        speed(run, settings.seconds / 4)  # warm-up
    for _ in range(settings.repeats):
        for side, run in runs.items():
            report.emit(side=side, speed=speed(run, settings.seconds))
    report.emit(versions=report.versions())
