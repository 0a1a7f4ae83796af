"""Shared by the cluster benchmarks: a cluster on the loopback, and its throughput without a learner."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import report
from distributed import Client, LocalCluster

from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.default_parts import make_replay
from dqnkit.deploy import make_cluster
from dqnkit.policy import Dense
from dqnkit.types import PolicyWeights


@contextmanager
def cluster(n_workers: int, threads: int = 1, plain: bool = False) -> Iterator[Client]:
    """A cluster of worker processes that can import the environments of this folder.

    Args:
        n_workers: processes.
        threads: of each.
        plain: without TLS, which the kit's own clusters always have, to see what that costs.
    """
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(report.FOLDER), str(report.REPOSITORY), before])
    addresses = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
    try:
        with (
            (
                LocalCluster(n_workers=n_workers, threads_per_worker=threads, **addresses)
                if plain
                else make_cluster("local", n_workers, threads)
            ) as local,
            local.get_client() as client,
        ):
            client.wait_for_workers(n_workers, timeout=120)
            yield client
    finally:
        os.environ["PYTHONPATH"] = before


def network(sizes: tuple[int, ...]) -> PolicyWeights:
    """Random weights of dense layers of these sizes, from observation to actions."""
    layers = tuple(Dense(a, b, i < len(sizes) - 2) for i, (a, b) in enumerate(pairwise(sizes)))
    count = sum(a * b + b for a, b in pairwise(sizes))
    return PolicyWeights(0, layers, np.random.default_rng(0).normal(0, 0.1, count).astype(np.float32))


def speed(
    rollouts: ClusterRollouts, config: DQNConfig, weights: PolicyWeights, seconds: float, repeats: int
) -> list[float]:
    """Transitions a second that arrive in replay, for each repeat. A warm-up of at least a second comes first."""
    replay = make_replay(config)
    epsilons = np.full((config.num_actors, config.num_envs), 0.05, np.float32)
    rollouts.begin(config)
    speeds = []
    try:
        for number in range(repeats + 1):
            inserted, began = 0, time.perf_counter()
            while (took := time.perf_counter() - began) < (seconds if number else max(1.0, seconds)):
                for rollout in rollouts.collect(weights, epsilons, number):
                    replay.add_rollout(rollout)
                    inserted += len(rollout.transitions.action)
            if number:
                speeds.append(inserted / took)
    finally:
        rollouts.close()
    return speeds
