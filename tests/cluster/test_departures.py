"""Each run hears of every worker that leaves, whoever else listens on its client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cluster_envs import get_into
from clusters import LIMIT, Collector, local_cluster, within
from distributed import Client

from dqnkit.cluster.dispatch import Dispatch, WorkerLeft
from dqnkit.cluster.faults import kill_worker

pytestmark = pytest.mark.slow


def plugins(dask_scheduler: Any = None) -> list[str]:
    """Runs on the scheduler: the names of our plugins there."""
    return [name for name in dask_scheduler.plugins if name.startswith("dqnkit-departures")]


def removed(client: Client) -> list[dict[str, Any]]:
    """What the scheduler itself has noted of workers that left."""
    events: Any = client.get_events("all")
    return [message for _, message in events if message.get("action") == "remove-worker"]


def test_two_runs_on_one_client_and_the_reader_each_hear_of_all(tried: Callable[[int, str, str], None]) -> None:
    heard_by_reader: list[Any] = []
    with local_cluster(3) as client:
        client.subscribe_topic("all", heard_by_reader.append)
        with Collector(client) as one:
            with Collector(client) as other:
                lose_a_worker(client, one, other)
                lost = one.traffic.lost, other.traffic.lost
                (message,) = removed(client)
                keys = [str(key) for key in message["processing-tasks"]]
                assert sum(lost) >= len([key for key in keys if key.startswith("dqnkit_rollout")]) > 0
            assert len(client.run_on_scheduler(plugins)) == 1
            lose_a_worker(client, one)  # the other has ended
            assert one.traffic.lost > lost[0]
        assert client.run_on_scheduler(plugins) == []
        within(LIMIT, lambda: len([1 for _, each in heard_by_reader if each.get("action") == "remove-worker"]) == 2)
    now = f"lost tasks counted: {lost[0]} and {lost[1]}, as the scheduler has them; the reader's handler heard of both"
    tried(23, "two trainings on one client, and a handler of the reader's; a worker is killed", now)


def lose_a_worker(client: Client, *collectors: Collector) -> None:
    """Kill a worker while it has tasks of all the collectors, and collect until it is gone."""
    client.wait_for_workers(3, timeout=LIMIT)
    client.run(get_into, seconds=0.05)
    for _ in range(4):
        for collector in collectors:
            collector.collect()
    before = len(removed(client))
    kill_worker(client, next(iter(client.nthreads())))
    for collector in collectors:
        collector.collect_until(lambda: len(removed(client)) > before)
    for collector in collectors:
        collector.collect()


def test_a_run_whose_client_has_gone_leaves_nothing_in_the_scheduler() -> None:
    with local_cluster(1) as client:
        with Client(client.cluster, set_as_default=False) as other:
            Dispatch(other)
            assert len(client.run_on_scheduler(plugins)) == 1
        within(LIMIT, lambda: client.run_on_scheduler(plugins) == [])


def test_the_departure_has_the_tasks_of_the_worker() -> None:
    with local_cluster(1) as client:
        dispatch = Dispatch(client)
        (address,) = client.nthreads()
        kill_worker(client, address)
        events: list[Any] = []
        within(LIMIT, lambda: bool(events.extend(dispatch.events(0.1)) or events))
        assert events == [WorkerLeft(address, frozenset())]
        dispatch.close([])
