"""Measures the throughput of a cluster, with as many workers as a lesson asks for."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from dqnkit.checked_numbers import number, whole_number
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.errors import ClusterError
from dqnkit.types import PolicyWeights

RESIZE_SECONDS = 60.0  # for workers to start or to stop


def have_workers(client: Any, count: int) -> None:
    """Scale a cluster to ``count`` workers, and wait until it has them and all are idle.

    Args:
        client: of a `distributed.LocalCluster`.
        count: number of workers.

    Raises:
        ClusterError: the cluster does not reach this number within a minute.
    """
    whole_number("count", count, low=0)
    _wait_until_idle(client)  # a worker that is stopped in the middle of a task logs an error
    client.cluster.scale(count)
    deadline = time.monotonic() + RESIZE_SECONDS
    while len(client.scheduler_info(n_workers=-1)["workers"]) != count:
        if time.monotonic() > deadline:
            there = len(client.scheduler_info(n_workers=-1)["workers"])
            raise ClusterError(
                f"the cluster has {there} workers after {RESIZE_SECONDS:.0f} s, not {count}: start it anew"
            )
        time.sleep(0.05)
    _wait_until_idle(client)


def _wait_until_idle(client: Any) -> None:
    """Run a trivial task on each thread of each worker: when all have returned, no cancelled task is still running."""
    for address, info in client.scheduler_info(n_workers=-1)["workers"].items():
        tasks = [client.submit(len, (), workers=[address], pure=False) for _ in range(info["nthreads"])]
        client.gather(tasks)


def steps_a_second(
    client: Any, config: DQNConfig, weights: PolicyWeights, seconds: float, task_steps: int | None = None
) -> float:
    """Environment steps per second that arrive from a cluster, without a learner.

    Args:
        client: of the cluster.
        config: defines the environment and its number of copies.
        weights: of the policy; it acts with epsilon 0.1.
        seconds: duration of the measurement. It follows a warm-up of a third of it, in which environments are made.
        task_steps: steps of each copy in a task; by default `ClusterRollouts` chooses.
    """
    number("seconds", seconds, above=0)
    source = ClusterRollouts(client, task_steps=task_steps)
    source.begin(config)
    epsilons = np.full((config.num_actors, config.num_envs), 0.1, np.float32)

    def collect(seconds: float) -> float:
        before, began = source.traffic.steps, time.perf_counter()
        while time.perf_counter() - began < seconds:
            source.collect(weights, epsilons, 0)
        return (source.traffic.steps - before) / (time.perf_counter() - began)

    try:
        collect(seconds / 3)
        return collect(seconds)
    finally:
        source.close()
