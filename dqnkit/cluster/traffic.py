"""Counts of what travels between driver and workers: for the live view, the tests and the benchmarks."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

LAGS_KEPT = 10_000  # number of newest policy lags, for the histogram


@dataclass
class WorkerRow:
    """The counts of one worker.

    Attributes:
        rollouts, transitions: numbers that arrived from it.
        busy_seconds: time that it spent on those rollouts.
        failures: number of its tasks that raised an error.
        lost: whether it left the cluster.
        last_arrival: `time.perf_counter` of the newest rollout; 0 before the first.
        threads: number of tasks that it runs at the same time.
        in_flight: tasks that were sent to it and have not ended.
        lag: policy lag of its newest rollout, in versions of the weights.
        has_nanny: whether a process watches over it, and starts a new worker when it dies.
    """

    address: str
    name: str = ""
    threads: int = 1
    rollouts: int = 0
    transitions: int = 0
    busy_seconds: float = 0.0
    failures: int = 0
    lost: bool = False
    last_arrival: float = 0.0
    in_flight: int = 0
    lag: int = 0
    has_nanny: bool = False


@dataclass
class Traffic:
    """All counts of `ClusterRollouts`.

    Each submitted task ends in exactly one way. If its work must be repeated, it is submitted again and counts again:

        submitted = arrived + failed + given_up + cancelled + in_flight

    A rollout that arrived was either inserted into replay or dropped as stale, because its policy lag was too large.
    In addition, ``lost`` counts each loss of work: a worker left with the task (Dask then runs the same task on another
    worker), or the task was given up. No rollout is inserted twice, because a task that was given up cannot return one.
    """

    submitted: int = 0
    arrived: int = 0  # returned a rollout
    failed: int = 0  # returned the error that the environment raised
    given_up: int = 0  # took too long, or too many workers died while running them
    cancelled: int = 0  # were in flight when training ended
    in_flight: int = 0
    lost: int = 0
    stale: int = 0
    steps: int = 0  # environment steps that arrived
    transitions: int = 0
    versions_sent: int = 0
    version: int = 0  # of the learner's weights, when rollouts were last collected
    waiting_seconds: float = 0.0  # time in which the driver only waited for rollouts
    lags: deque[int] = field(default_factory=lambda: deque(maxlen=LAGS_KEPT))  # in versions of the weights, at insert
    workers: dict[str, WorkerRow] = field(default_factory=dict)  # by address
    began: float = field(default_factory=time.perf_counter)

    def worker(self, address: str) -> WorkerRow:
        """The counts of a worker; new ones if it was not known."""
        return self.workers.setdefault(address, WorkerRow(address))
