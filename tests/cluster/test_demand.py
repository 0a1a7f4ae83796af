"""Adaptive clusters grow from nothing for a run, keep their workers while it runs, and shrink after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from clusters import LIMIT, WEIGHTS, Collector, local_cluster, within
from toys import small_config

from dqnkit.cluster.demand import Demand
from dqnkit.deploy import check_workers
from dqnkit.errors import ClusterError

pytestmark = pytest.mark.slow


def demand_of(dask_scheduler: Any = None) -> int:
    """Runs on the scheduler: the number of tasks that only ask for workers."""
    return sum(str(key).startswith("dqnkit_demand") for key in dask_scheduler.tasks)


def test_it_grows_from_none_keeps_its_workers_and_shrinks_at_the_end(tried: Callable[[int, str, str], None]) -> None:
    with local_cluster(0) as client:
        cluster: Any = client.cluster
        cluster.adapt(minimum=0, maximum=3, interval="200ms")
        with Collector(client, small_config(num_envs=4, total_steps=10_000_000), task_steps=200) as collector:
            collector.collect_until(lambda: len(client.nthreads()) == 3)
            time.sleep(5)  # a long update: the adaptive cluster would take idle workers away within a second
            assert len(client.nthreads()) == 3
            collector.collect(WEIGHTS)
            assert collector.traffic.lost == 0
        within(LIMIT, lambda: client.run_on_scheduler(demand_of) == 0)
        within(LIMIT, lambda: not client.nthreads())
    tried(
        23, "adapt(minimum=0, maximum=3), then training", "0, then 3 workers; none left in a pause of 5 s; 0 at the end"
    )


def test_checking_alone_brings_a_worker(tried: Callable[[int, str, str], None]) -> None:
    with local_cluster(0) as client:
        cluster: Any = client.cluster
        cluster.adapt(minimum=0, maximum=0)
        with pytest.raises(ClusterError, match="The cluster adapts to the work: is its maximum above 0") as caught:
            check_workers(client, patience=1.0)
        tried(23, "adapt(minimum=0, maximum=0)", str(caught.value))
        cluster.adapt(minimum=0, maximum=1)
        check_workers(client)


def test_a_cluster_that_does_not_adapt_is_asked_for_nothing() -> None:
    with local_cluster(1) as client, Demand(client) as demand:
        demand.ask(5)
        assert client.run_on_scheduler(demand_of) == 0
