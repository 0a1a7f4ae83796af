"""Shared by tests on clusters: a collector that checks the counts, Dask processes, a slow learner. No TensorFlow."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from cluster_envs import TROUBLED
from distributed import Client, LocalCluster
from toys import linear_policy, small_config

from dqnkit.cluster import local
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.task_length import WINDOW
from dqnkit.cluster.traffic import Traffic
from dqnkit.cluster.worker import kept_actors
from dqnkit.config import DQNConfig
from dqnkit.deploy import make_cluster
from dqnkit.types import LearnerResult, PolicyWeights, Rollout

WEIGHTS = linear_policy((4,), 2)
LIMIT = 90.0  # seconds for anything that a test waits for: a busy machine is slow


@contextmanager
def local_cluster(n_workers: int = 2, threads: int = 1, **settings: Any) -> Iterator[Client]:
    """A client of worker processes on the loopback; the settings are those of `distributed.LocalCluster`."""
    with (
        patch.object(local, "LocalCluster", partial(LocalCluster, **settings)),
        make_cluster("local", n_workers, threads) as cluster,
        cluster.get_client() as client,
    ):
        if n_workers:
            client.wait_for_workers(n_workers, timeout=LIMIT)
        yield client


class DaskProcesses:
    """A scheduler and workers, each in its own process, started by ``dask scheduler`` and ``dask worker``."""

    def __init__(self, folder: Path, n_workers: int = 2) -> None:
        self.file = folder / f"scheduler-{os.urandom(4).hex()}.json"
        self.folder = folder
        self.scheduler = self._start(
            *("scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0", "--no-show")
        )
        within(LIMIT, self.file.exists)
        worker = ("worker", "--nthreads", "1", "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")
        worker += ("--worker-port", "0", "--local-directory", str(folder))
        self.workers = [self._start(*worker) for _ in range(n_workers)]

    def __enter__(self) -> DaskProcesses:
        return self

    def __exit__(self, *error: Any) -> None:
        for process in (*self.workers, self.scheduler):  # a worker's nanny ends the worker
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in (*self.workers, self.scheduler):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()

    @contextmanager
    def client(self, n_workers: int | None = None) -> Iterator[Client]:
        """A client, after the workers have joined."""
        with Client(scheduler_file=str(self.file), timeout=LIMIT) as client:
            client.wait_for_workers(len(self.workers) if n_workers is None else n_workers, timeout=LIMIT)
            yield client

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        support = Path(__file__).parent
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(support), str(support.parents[1])])}
        command = [sys.executable, "-m", "dask", kind, *arguments]
        command += ["--host", "127.0.0.1", "--scheduler-file", str(self.file)]
        log = (self.folder / f"{kind}.log").open("ab")
        with log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def pids(client: Client) -> dict[str, int]:
    """The process id of each worker, by address."""
    return dict(client.run(os.getpid))


def troubled_config(**overrides: Any) -> DQNConfig:
    """Two copies of the environment that fails on request."""
    return small_config(TROUBLED, **{"num_envs": 2, "rollout_steps": 4, "total_steps": 10_000_000, **overrides})


class Collector:
    """Collects rollouts as the training loop does, and checks after each call what must always be true."""

    def __init__(self, client: Client, config: DQNConfig | None = None, **settings: Any) -> None:
        self.client = client
        self.config = config or troubled_config()
        self.source = ClusterRollouts(client, **{"task_steps": 4, "patience": 30.0, **settings})
        self.rollouts: list[Rollout] = []
        self.rounds = 0
        self.epsilons = np.full((self.config.num_actors, self.config.num_envs), 0.5, np.float32)

    def __enter__(self) -> Collector:
        self.source.begin(self.config)
        return self

    def __exit__(self, *error: Any) -> None:
        self.source.close()
        assert_accounted_for(self.traffic)
        assert_nothing_twice(self.rollouts)

    @property
    def traffic(self) -> Traffic:
        return self.source.traffic

    def collect(self, weights: PolicyWeights = WEIGHTS) -> list[Rollout]:
        """Call `ClusterRollouts.collect` once."""
        new = self.source.collect(weights, self.epsilons, self.rounds)
        self.rounds += 1
        self.rollouts += new
        assert new
        assert_accounted_for(self.traffic)
        return new

    def collect_until(self, what: Callable[[], bool], limit: float = LIMIT) -> None:
        """Collect until ``what`` is true; fail after ``limit`` seconds."""
        began = time.monotonic()
        while not what():
            assert time.monotonic() - began < limit, f"not within {limit:.0f} s: {self.traffic}"
            self.collect()

    def from_workers(self, since: int = 0) -> set[str]:
        """Addresses of all workers from which more than ``since`` rollouts came."""
        return {address for address, row in self.traffic.workers.items() if row.rollouts > since}


def assert_accounted_for(traffic: Traffic) -> None:
    """Check that each submitted task has ended in exactly one way."""
    ends = traffic.arrived + traffic.failed + traffic.given_up + traffic.cancelled + traffic.in_flight
    assert traffic.submitted == ends, traffic
    assert traffic.lost >= traffic.given_up - 10, traffic
    assert traffic.arrived >= traffic.stale


def assert_nothing_twice(rollouts: list[Rollout]) -> None:
    """Check that no rollout came twice, and no transition (if observations are unique)."""
    numbers = [(rollout.actor, rollout.sequence) for rollout in rollouts]
    assert len(set(numbers)) == len(numbers)
    observations = [rollout.transitions.observation for rollout in rollouts]
    if observations and observations[0].shape[1:] == (4,) and observations[0].max() > 100:  # Troubled-v0
        rows = np.concatenate(observations)
        assert len(np.unique(rows, axis=0)) == len(rows)


def assert_nothing_runs_on(client: Client) -> None:
    """Check that the scheduler has no tasks left, and the workers no actors."""
    within(LIMIT, lambda: client.run_on_scheduler(count_tasks) == 0)
    within(LIMIT, lambda: set(client.run(kept_actors).values()) == {0})


def count_tasks(dask_scheduler: Any = None) -> int:
    """Runs on the scheduler: the number of its tasks."""
    return len(dask_scheduler.tasks)


def within(seconds: float, what: Callable[[], bool]) -> None:
    """Wait until ``what`` is true; fail after some seconds."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s"
        time.sleep(0.02)


class StillLearner:
    """A learner that learns nothing and takes some seconds for each update. Needs no TensorFlow."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.updates = 0

    def update(self, transitions: Any, importance: Any, **settings: Any) -> LearnerResult:
        time.sleep(self.seconds)
        self.updates += len(importance)
        return LearnerResult(np.zeros(importance.shape, np.float32), np.zeros(len(importance), np.float32), 0.0)

    def get_weights(self, version: int = 0) -> PolicyWeights:
        return linear_policy((4,), 2, version=version)


def window(client: Client) -> int:
    """The number of tasks that may be in flight."""
    return WINDOW * sum(client.nthreads().values())


def collect_garbage() -> int:
    """Runs on a worker or the scheduler: collect garbage, and return the resident memory in bytes."""
    import psutil

    gc.collect()
    return int(psutil.Process().memory_info().rss)
