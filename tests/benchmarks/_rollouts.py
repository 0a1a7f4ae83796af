"""Worker of rollout_speed.py: in one process, measures rollouts with a policy and bare environments in turn."""

import argparse
import os
import time
from collections.abc import Callable

import gymnasium
import numpy as np
import report

from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.policy import Dense, parameter_shapes
from dqnkit.types import PolicyWeights

ENV_ID = "CartPole-v1"
LAYERS = (Dense(4, 64, True), Dense(64, 64, True), Dense(64, 2, False))


def balancing_policy() -> PolicyWeights:
    """A network that balances the pole: Q(right) - Q(left) = k . observation, with two units in each hidden layer."""
    kernels = [np.zeros(shape, np.float32) for shape in parameter_shapes(LAYERS)]
    gains = np.array([0.05, 0.2, 1.0, 0.5], np.float32)  # of position, speed, angle and turn
    kernels[0][:, 0], kernels[0][:, 1] = gains, -gains
    kernels[2][[0, 1], [0, 1]] = 1
    kernels[4][[1, 0], [0, 1]] = 1
    return PolicyWeights(version=0, layers=LAYERS, values=np.concatenate([kernel.ravel() for kernel in kernels]))


def random_policy() -> PolicyWeights:
    """An untrained network: it drops the pole at once, so every tenth step is only a reset."""
    size = sum(int(np.prod(shape)) for shape in parameter_shapes(LAYERS))
    values = np.random.default_rng(0).normal(0, 0.1, size).astype(np.float32)
    return PolicyWeights(version=0, layers=LAYERS, values=values)


def policy_rollouts(weights: PolicyWeights, num_envs: int, rollout_steps: int) -> Callable[[], int]:
    """Return a function that makes one rollout and returns its number of steps. Resets count, as in `bare_steps`."""
    actor = Actor(DQNConfig(env_id=ENV_ID, num_envs=num_envs, rollout_steps=rollout_steps), 0)

    def run() -> int:
        actor.rollout(weights, epsilon=0.05)
        return num_envs * rollout_steps

    return run


def bare_steps(environment: gymnasium.vector.VectorEnv, calls: int) -> Callable[[], int]:
    """Return a function that steps the environments `calls` times with random actions that are drawn before."""
    actions = np.random.default_rng(0).integers(2, size=(calls, environment.num_envs))
    environment.reset(seed=0)

    def run() -> int:
        for action in actions:
            environment.step(action)
        return actions.size

    return run


def speed(run: Callable[[], int], seconds: float) -> float:
    """Return steps a second of `run`, repeated for so many seconds."""
    steps, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        steps += run()
    return steps / elapsed


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("num-envs", "rollout-steps", "repeats"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    settings = parser.parse_args()
    n, calls = settings.num_envs, settings.rollout_steps

    def vector(mode: str, num_envs: int = n) -> gymnasium.vector.VectorEnv:
        """Make the environments with one of Gymnasium's vectorization modes."""
        return gymnasium.make_vec(ENV_ID, num_envs=num_envs, vectorization_mode=mode)

    compared = {
        f"with a policy that balances ({n})": policy_rollouts(balancing_policy(), n, calls),
        f"with an untrained policy ({n})": policy_rollouts(random_policy(), n, calls),
        f"bare native vector ({n})": bare_steps(vector("vector_entry_point"), calls),
    }
    context = {f"bare SyncVectorEnv ({n})": bare_steps(vector("sync"), 8)}
    for group in (compared, context):
        for run in group.values():
            speed(run, settings.seconds / 4)  # warm-up
        for _ in range(settings.repeats):
            for name, run in group.items():
                report.emit(name=name, speed=speed(run, settings.seconds))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))  # AsyncVectorEnv has a process for each environment
    asynchronous = vector("async", 2)
    run = bare_steps(asynchronous, 8)
    for _ in range(settings.repeats):
        report.emit(name="bare AsyncVectorEnv (2), all cores", speed=speed(run, settings.seconds))
    asynchronous.close()
    report.emit(versions=report.versions())
