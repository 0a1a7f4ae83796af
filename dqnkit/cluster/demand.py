"""Asks an adaptive cluster (``cluster.adapt(minimum=0, maximum=8)``) for workers, and to keep those that it has.

Such a cluster counts the seconds of work that wait. Rollouts are short, and never are more in flight than the workers
can soon begin. So it would see hardly any work: it would never grow, and without workers nothing would ever begin. The
tasks here ask for a resource that no worker has. They never run, but Dask counts them as waiting.
"""

from __future__ import annotations

import math
import uuid
from typing import Any

import dask
from dask.utils import parse_timedelta
from distributed import Client, Future

NOWHERE = "dqnkit: a worker that is to come"  # the resource that no worker has
ASSUMED = "distributed.scheduler.unknown-task-duration"  # Dask's setting: duration of a task that has never run


class Demand:
    """The number of threads that a run wants of an adaptive cluster. It does nothing if the cluster is not adaptive.

    Args:
        client: of any cluster. Of a cluster that another program has started nobody here knows whether it adapts.

    Attributes:
        threads: that are asked for.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._tasks: list[Future] = []
        self.threads = 0

    def ask(self, threads: int) -> None:
        """Ask for so many threads in all, those included that are there; 0 asks for none."""
        adaptive = getattr(self._client.cluster, "_adaptive", None)
        if adaptive is None or threads == self.threads:
            return
        self.threads = threads
        needed = math.ceil(threads * adaptive.target_duration / parse_timedelta(dask.config.get(ASSUMED)))
        surplus, self._tasks = self._tasks[needed:], self._tasks[:needed]
        if surplus:
            self._client.cancel(surplus)
        keys = [f"dqnkit_demand-{uuid.uuid4().hex}" for _ in range(needed - len(self._tasks))]
        if keys:
            waiting: Any = self._client.map(len, [()] * len(keys), key=keys, pure=False, resources={NOWHERE: 1})
            self._tasks += waiting

    def __enter__(self) -> Demand:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client.status == "running":
            self.ask(0)
