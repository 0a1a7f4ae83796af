"""What goes between the driver and the workers, counted: for the live view, the tests and the benchmarks."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

LAGS_KEPT = 1_000  # newest policy lags, for the histogram


@dataclass
class WorkerRow:
    """One worker as the driver knows it.

    Attributes:
        rollouts, transitions: that arrived from it.
        busy_seconds: that it spent on those rollouts.
        failures: tasks that raised on it.
        lost: whether it left the cluster.
        last_arrival: `time.perf_counter` of the newest rollout; 0 before the first.
        threads: tasks that it runs at a time.
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


@dataclass
class Traffic:
    """All that `ClusterRollouts` counts.

    Each task that is submitted has one end, and a task that has to be made again is submitted again:

        submitted = arrived + failed + given_up + cancelled + in_flight

    A rollout that arrived was inserted, or was stale: dropped, because its policy lag passed the bound. Beside these,
    ``lost`` counts every time that work was lost: with the worker that had it (then Dask runs the same task on another
    worker), or because it was given up. No rollout is inserted twice: what was given up cannot arrive any more.
    """

    submitted: int = 0
    arrived: int = 0  # brought a rollout
    failed: int = 0  # brought the error that the environment raised
    given_up: int = 0  # did not come within their time, or took too many workers with them
    cancelled: int = 0  # in flight when the loop was left
    in_flight: int = 0
    lost: int = 0
    stale: int = 0
    steps: int = 0  # environment steps that arrived
    transitions: int = 0
    versions_sent: int = 0
    waiting_seconds: float = 0.0  # in which the driver had nothing to do but wait for rollouts
    lags: deque[int] = field(default_factory=lambda: deque(maxlen=LAGS_KEPT))  # versions, at insert
    workers: dict[str, WorkerRow] = field(default_factory=dict)  # by address
    began: float = field(default_factory=time.perf_counter)

    def worker(self, address: str) -> WorkerRow:
        """The row of a worker, made when it is first seen."""
        return self.workers.setdefault(address, WorkerRow(address))
