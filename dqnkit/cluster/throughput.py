"""Measuring a cluster in class: so many workers, and what comes in from them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.errors import ClusterError
from dqnkit.types import PolicyWeights

PATIENCE = 60.0  # seconds for workers to come or to go


def have_workers(client: Any, count: int) -> None:
    """Let a cluster grow or shrink to so many workers, and wait until it has them and none is at work.

    Args:
        client: of a `distributed.LocalCluster`.
        count: of workers.

    Raises:
        ClusterError: it does not come to that number within a minute.
    """
    _wait_until_idle(client)  # a worker that is sent away in the middle of a task complains
    client.cluster.scale(count)
    deadline = time.monotonic() + PATIENCE
    while len(client.scheduler_info(n_workers=-1)["workers"]) != count:
        if time.monotonic() > deadline:
            there = len(client.scheduler_info(n_workers=-1)["workers"])
            raise ClusterError(f"the cluster has {there} workers after {PATIENCE:.0f} s, not {count}: start it anew")
        time.sleep(0.05)
    _wait_until_idle(client)


def _wait_until_idle(client: Any) -> None:
    """A trivial task for each thread of each worker: when they are done, nothing that was cancelled runs on."""
    for address, info in client.scheduler_info(n_workers=-1)["workers"].items():
        tasks = [client.submit(len, (), workers=[address], pure=False) for _ in range(info["nthreads"])]
        client.gather(tasks)


def steps_a_second(
    client: Any, config: DQNConfig, weights: PolicyWeights, seconds: float, task_steps: int | None = None
) -> float:
    """Environment steps that come in from a cluster in a second, without a learner.

    Args:
        client: of the cluster.
        config: environment, copies of it in an actor.
        weights: of the policy that acts, with epsilon 0.1.
        seconds: to measure; a third of it goes by before, in which the workers make their environments.
        task_steps: steps of each copy in a task; chosen by `ClusterRollouts` unless given.
    """
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
