"""Faults on a cluster of real processes: after each, training goes on, or it ends with one clear error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest

pytest.importorskip("distributed")

from cluster_envs import get_into
from clusters import (
    LIMIT,
    Collector,
    DaskProcesses,
    assert_accounted_for,
    assert_nothing_runs_on,
    assert_nothing_twice,
    collect_garbage,
    local_cluster,
    pids,
    troubled_config,
    within,
)
from distributed import Client
from killed_run import CONFIG as SMALL_RUN
from toys import linear_policy

from dqnkit.checkpoint import restore, save
from dqnkit.cluster import rollouts as cluster_rollouts
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.security import as_configuration
from dqnkit.cluster.worker import kept_actors
from dqnkit.config import DQNConfig
from dqnkit.errors import ClusterError
from dqnkit.rollouts import InProcessRollouts
from dqnkit.training import train
from dqnkit.types import Rollout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def client() -> Iterator[Client]:
    """Two workers with one thread each, whose environment takes a moment for a step."""
    with local_cluster(2) as client:
        client.run(get_into, seconds=0.01)
        yield client


def some_worker(client: Client) -> tuple[str, int]:
    return next(iter(pids(client).items()))


def test_a_worker_is_killed_and_another_takes_its_place(client: Client) -> None:
    address, pid = some_worker(client)
    with Collector(client) as collector:
        collector.collect_until(lambda: address in collector.from_workers())
        os.kill(pid, signal.SIGKILL)
        collector.collect_until(lambda: collector.traffic.worker(address).lost)
        assert 1 <= collector.traffic.lost <= 3  # the running task and the waiting tasks
        collector.collect_until(lambda: len(collector.from_workers()) == 3)
        assert collector.traffic.given_up == 0  # Dask ran them again
        assert sum(not row.lost for row in collector.traffic.workers.values()) == 2
    assert_nothing_runs_on(client)


def test_two_runs_on_one_client_both_notice_a_loss(client: Client) -> None:
    address, pid = some_worker(client)
    client.run(get_into, seconds=0.2)  # a task takes most of a second
    with Collector(client, patience=90.0) as first, Collector(client, patience=90.0) as second:

        def has_tasks_there(collector: Collector) -> bool:
            assert collector.source._run is not None
            return not collector.source._run.flights.keys().isdisjoint(client.processing()[address])

        while not (has_tasks_there(first) and has_tasks_there(second)):
            first.collect()
            second.collect()
        os.kill(pid, signal.SIGKILL)
        first.collect_until(lambda: first.traffic.lost > 0)
        second.collect_until(lambda: second.traffic.lost > 0)
    assert_nothing_runs_on(client)


def test_workers_join_and_leave(client: Client) -> None:
    with Collector(client) as collector:
        collector.collect_until(lambda: len(collector.from_workers()) == 2)
        client.cluster.scale(3)
        collector.collect_until(lambda: len(collector.from_workers()) == 3)
        client.cluster.scale(1)
        collector.collect_until(lambda: sum(not row.lost for row in collector.traffic.workers.values()) == 1)
        collector.collect_until(lambda: collector.traffic.in_flight <= 2)
    assert_nothing_runs_on(client)


def test_all_workers_go_and_come_back(client: Client) -> None:
    with Collector(client) as collector:
        collector.collect()
        client.cluster.scale(0)
        back = Timer(4.0, client.cluster.scale, [2])
        back.start()
        gone = set(collector.traffic.workers)
        collector.collect_until(lambda: bool(collector.from_workers() - gone))
        back.join()
    assert_nothing_runs_on(client)


def test_all_workers_go_and_stay_away(client: Client) -> None:
    with Collector(client, patience=3.0) as collector:
        collector.collect()
        client.cluster.scale(0)
        began = time.monotonic()
        with pytest.raises(
            ClusterError, match=r"no rollout arrived for 3 s \(patience\): 0 workers .* Start workers, "
        ):
            collector.collect_until(lambda: False)
        assert time.monotonic() - began < 30


def test_a_worker_that_is_stopped_is_restarted_and_its_rollouts_are_made_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_rollouts, "SILENCE", 3.0)
    address, pid = some_worker(client)
    with Collector(client) as collector:
        collector.collect_until(lambda: address in collector.from_workers())
        os.kill(pid, signal.SIGSTOP)
        collector.collect_until(lambda: collector.traffic.worker(address).lost)
        collector.collect_until(lambda: len(collector.from_workers()) == 3)
        assert 1 <= collector.traffic.lost <= 4
    assert_nothing_runs_on(client)


def test_a_worker_that_is_stopped_for_a_moment_goes_on(client: Client) -> None:
    address, pid = some_worker(client)
    with Collector(client) as collector:
        collector.collect_until(lambda: address in collector.from_workers())
        os.kill(pid, signal.SIGSTOP)
        thaw = Timer(1.5, os.kill, [pid, signal.SIGCONT])
        thaw.start()
        while thaw.is_alive():
            collector.collect()
        count = collector.traffic.worker(address).rollouts
        collector.collect_until(lambda: collector.traffic.worker(address).rollouts > count + 5)
        assert collector.traffic.lost == 0


def test_leaving_the_loop_does_not_wait_for_a_worker_that_is_stopped(client: Client) -> None:
    address, pid = some_worker(client)
    with Collector(client) as collector:
        collector.collect_until(lambda: address in collector.from_workers())
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < 20
    os.kill(pid, signal.SIGCONT)
    assert_nothing_runs_on(client)


def test_a_task_that_never_ends_is_given_up_and_made_elsewhere(client: Client) -> None:
    address, _ = some_worker(client)
    with Collector(client, patience=4.0) as collector:
        collector.collect_until(lambda: len(collector.from_workers()) == 2)
        client.run(get_into, seconds=600.0, workers=[address])
        collector.collect_until(lambda: collector.traffic.given_up > 0)
        assert collector.traffic.lost == collector.traffic.given_up


def test_tasks_that_all_take_longer_than_patience_are_an_error_that_says_so(client: Client) -> None:
    client.run(get_into, seconds=600.0)
    with (
        Collector(client, patience=2.0) as collector,
        pytest.raises(ClusterError, match=r"no rollout .* 2 workers with 2 threads, .* make patience larger"),
    ):
        collector.collect_until(lambda: False)


def test_a_worker_without_memory_is_restarted_by_its_nanny() -> None:
    with local_cluster(2, memory_limit="400 MB") as client:
        client.run(get_into, seconds=0.01)
        address, _ = some_worker(client)
        with Collector(client) as collector:
            collector.collect_until(lambda: len(collector.from_workers()) == 2)
            client.run(get_into, eats=150_000_000, workers=[address])
            collector.collect_until(lambda: collector.traffic.worker(address).lost)
            collector.collect_until(lambda: len(collector.from_workers()) == 3)
            assert collector.traffic.lost >= 1


def test_tasks_that_kill_every_worker_are_counted_and_end_in_an_error() -> None:
    with local_cluster(2, env={"DQNKIT_TEST_DIES": "yes"}) as client, Collector(client, patience=20.0) as collector:
        with pytest.raises(ClusterError, match=r"no rollout arrived for 20 s .* [Ll]ook at the.* logs"):
            collector.collect()
        assert collector.traffic.lost >= 4
        assert collector.traffic.given_up >= 1  # Dask does not retry a task that took four workers with it


def test_the_scheduler_is_killed_and_the_last_checkpoint_goes_on_elsewhere(tmp_path: Path) -> None:
    config = replace(SMALL_RUN, total_steps=1_500)
    with DaskProcesses(tmp_path) as processes, processes.client() as client:
        statuses = train(config, rollouts=ClusterRollouts(client, patience=20.0))
        while next(statuses).updates < 50:
            pass
        save(next(statuses).state, tmp_path / "run")
        processes.scheduler.kill()
        began = time.monotonic()
        with pytest.raises(ClusterError, match=r"the connection to the scheduler at tcp://\S+ is lost\. .* resume$"):
            list(statuses)
        assert time.monotonic() - began < 20
        assert not list(statuses)  # one error, then nothing
    state = restore(tmp_path / "run")
    assert 0 < state.counters.step < config.total_steps
    with local_cluster(2) as client:
        *_, last = train(config, state=state, rollouts=ClusterRollouts(client))
    *_, whole = train(config)
    np.testing.assert_array_equal(last.weights.values, whole.weights.values)


def test_a_scheduler_that_does_not_answer_is_an_error_within_the_limit(tmp_path: Path) -> None:
    with DaskProcesses(tmp_path) as processes, processes.client() as client:
        began = 0.0
        with Collector(client, patience=5.0) as collector:
            collector.collect()
            processes.scheduler.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            with pytest.raises(ClusterError, match="no rollout arrived for 5 s"):
                collector.collect_until(lambda: False)
        assert time.monotonic() - began < 40  # leaving the loop does not wait for it either
        processes.scheduler.send_signal(signal.SIGCONT)


def test_the_actors_of_a_driver_that_was_killed_are_closed_by_the_next(client: Client, tmp_path: Path) -> None:
    certificates = tmp_path / "tls.yaml"
    certificates.write_text(json.dumps(as_configuration(client.security)))
    script = str(Path(__file__).parents[1] / "support" / "killed_driver.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "DASK_CONFIG": str(certificates)}
    command = [sys.executable, script, client.scheduler.address]  # type: ignore[union-attr]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "collecting\n"
    driver.kill()
    driver.wait()
    driver.stdout.close()
    within(LIMIT, lambda: sum(client.run(kept_actors).values()) >= 1)
    with Collector(client) as collector:
        assert set(client.run(kept_actors).values()) == {0}
        for _ in range(5):
            collector.collect()
    assert_nothing_runs_on(client)


@pytest.mark.parametrize(("n_workers", "threads"), [(1, 1), (2, 1), (4, 1), (1, 4)])
def test_deterministic_training_gives_the_same_weights_for_any_number_of_workers(n_workers: int, threads: int) -> None:
    config = replace(SMALL_RUN, num_actors=3, total_steps=1_200, exploration="per_actor")
    *_, here = train(config, rollouts=InProcessRollouts(config))
    with local_cluster(n_workers, threads) as client:
        *_, there = train(config, rollouts=ClusterRollouts(client))
    np.testing.assert_array_equal(here.weights.values, there.weights.values)
    assert (here.step, here.episodes, here.updates) == (there.step, there.episodes, there.updates)


def test_deterministic_training_gives_the_same_weights_when_workers_are_killed_on_the_way() -> None:
    config = replace(SMALL_RUN, num_actors=3, total_steps=3_200)
    *_, here = train(config)
    with local_cluster(2) as client:
        source, kills = ClusterRollouts(client), 0
        for status in train(config, rollouts=source):
            if status.step > 800 * (kills + 1):
                kill_one(client, np.random.default_rng(kills))
                kills += 1
        assert kills >= 3
        assert_accounted_for(source.traffic)
    np.testing.assert_array_equal(here.weights.values, status.weights.values)


def kill_one(client: Client, rng: np.random.Generator) -> None:
    """Kill a worker with SIGKILL; workers are children of the nannies of this process.

    It kills only a worker that has started: a nanny does not restart a worker that dies while it starts.
    """
    nannies = client.cluster.workers.values()
    running = [nanny.process.pid for nanny in nannies if nanny.status.name == "running" and nanny.process.pid]
    if running:
        os.kill(int(rng.choice(running)), signal.SIGKILL)


def test_three_thousand_rollouts_leave_nothing_on_scheduler_and_workers(tmp_path: Path) -> None:
    with DaskProcesses(tmp_path) as processes, processes.client() as client:

        def used() -> dict[str, int]:
            return {**client.run(collect_garbage), "scheduler": client.run_on_scheduler(collect_garbage)}

        with Collector(client, troubled_config(num_envs=1), task_steps=1) as collector:
            collector.collect_until(lambda: collector.traffic.arrived > 500)
            before = used()
            version = 0
            while collector.traffic.arrived < 3_500:
                version += 1
                collector.source.collect(linear_policy((4,), 2, version=version), collector.epsilons, version)
            after = used()
            assert len(client.futures) <= collector.traffic.in_flight + 1
        assert collector.traffic.versions_sent > 10
        assert_nothing_runs_on(client)
        growth = {name: (after[name] - before[name]) / 2**20 for name in before}
        print(f"growth in MB over 3000 rollouts: {growth}")
        assert all(megabytes < 20 for megabytes in growth.values()), growth


class Watched:
    """A rollout source that keeps all rollouts that passed through."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.rollouts: list[Rollout] = []
        self.begin, self.close = source.begin, source.close

    def collect(self, *arguments: Any) -> list[Rollout]:
        new: list[Rollout] = self.source.collect(*arguments)
        self.rollouts += new
        return new


def test_chaos() -> None:
    """Training learns while a random worker is killed every second. tests/benchmarks/chaos.py takes longer."""
    config = DQNConfig("CartPole-v1", total_steps=20_000, hidden_sizes=(64, 64), target_period=100)
    rng = np.random.default_rng(0)
    with local_cluster(4) as client:
        source = Watched(ClusterRollouts(client))
        began, kills = time.monotonic(), 0
        for last in train(config, rollouts=source):  # noqa: B007 - looked at below
            if time.monotonic() - began > kills + 1 and kills < 15:
                kill_one(client, rng)
                kills += 1
        traffic = source.source.traffic
    assert_accounted_for(traffic)
    assert_nothing_twice(source.rollouts)
    assert last.step >= config.total_steps
    assert sum(rollout.steps for rollout in source.rollouts) == last.step
    assert last.episode_return > 60  # a random policy has 22
    print(f"{kills} kills, {traffic.lost} lost, {traffic.submitted} submitted, return {last.episode_return:.0f}")
