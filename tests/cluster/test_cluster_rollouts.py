"""Rollouts over a cluster of two worker processes: bounds, counts, determinism, and that nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from toys import linear_policy, small_config

pytest.importorskip("distributed")

from cluster_envs import break_tasks, get_into
from clusters import (
    WEIGHTS,
    Collector,
    StillLearner,
    assert_accounted_for,
    assert_nothing_runs_on,
    count_tasks,
    local_cluster,
    troubled_config,
    window,
)
from distributed import Client

from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.errors import ClusterError, ConfigError, InvalidDataError, RolloutError
from dqnkit.rollouts import InProcessRollouts
from dqnkit.training import train
from dqnkit.types import Rollout


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with local_cluster(2) as client:
        yield client


@pytest.fixture
def client(cluster: Client) -> Iterator[Client]:
    """The cluster, in working order; a test leaves nothing on it."""
    cluster.run(get_into)
    yield cluster
    assert_nothing_runs_on(cluster)


def equal(first: Rollout, second: Rollout) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first.transitions, second.transitions, strict=True))


def test_no_more_in_flight_than_two_for_each_thread(client: Client) -> None:
    with Collector(client) as collector:
        for _ in range(50):
            collector.collect()
            assert 0 < collector.traffic.in_flight <= window(client)
            assert sum(row.in_flight for row in collector.traffic.workers.values()) == collector.traffic.in_flight
            # results are released a moment after they were taken; the weights stay
            assert client.run_on_scheduler(count_tasks) <= 2 * window(client) + 2
        time.sleep(0.5)  # the learner is behind, so nothing is submitted
        assert client.run_on_scheduler(count_tasks) <= window(client) + 1
    assert collector.traffic.arrived == len(collector.rollouts)
    assert collector.traffic.transitions == sum(len(rollout.transitions.action) for rollout in collector.rollouts)
    assert collector.traffic.steps == sum(rollout.steps for rollout in collector.rollouts)
    assert collector.traffic.lost == collector.traffic.failed == collector.traffic.stale == 0


def test_what_is_wanted_at_once_goes_in_one_message(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    submit, sizes = client.map, []

    def counted(function: Any, configs: Any, tasks: Any, **options: Any) -> Any:
        sizes.append(len(tasks))
        return submit(function, configs, tasks, **options)

    monkeypatch.setattr(client, "map", counted)
    with Collector(client) as collector:
        for _ in range(20):
            collector.collect()
        assert sizes[0] == window(client)
        assert sum(sizes) == collector.traffic.submitted


def test_every_worker_and_every_actor_take_part_and_the_rows_say_so(client: Client) -> None:
    with Collector(client, troubled_config(num_actors=3)) as collector:
        collector.collect_until(lambda: len(collector.from_workers()) == 2 and len(collector.rollouts) > 30)
        rows = collector.traffic.workers
    assert {row.name for row in rows.values()} == {"0", "1"}
    assert all(row.threads == 1 and not row.lost and row.last_arrival > 0 for row in rows.values())
    assert all(row.has_nanny and row.in_flight == 0 for row in rows.values())
    assert sum(row.rollouts for row in rows.values()) == len(collector.rollouts)
    counts = np.bincount([rollout.actor for rollout in collector.rollouts])
    assert len(counts) == 3
    assert counts.min() > 0


def test_the_epsilon_of_each_actor_reaches_it_and_returns_of_n_steps_come_back(client: Client) -> None:
    config = troubled_config(num_actors=2, n_step=3, gamma=0.5)
    always_one = linear_policy((4,), 2)
    always_one.values[:] = [0] * 8 + [0, 1]  # kernel [4, 2], bias [2]
    with Collector(client, config, task_steps=40) as collector:
        collector.epsilons = np.array([[0, 0], [1, 1]], np.float32)
        for _ in range(6):
            collector.collect(always_one)
    for rollout in collector.rollouts:
        chosen = rollout.transitions.action == 1
        assert chosen.all() if rollout.actor == 0 else 0.2 < chosen.mean() < 0.8
        # action 1 has reward 1, so the returns of the greedy actor are 3, or the rest of an episode
        if rollout.actor == 0:
            assert set(rollout.transitions.reward.tolist()) == {1.75, 1.5, 1.0}
        assert set(rollout.transitions.discount.tolist()) == {0.125, 0.0}


def test_one_version_is_sent_once_and_versions_at_most_once_a_task_time(client: Client) -> None:
    with Collector(client) as collector:
        for _ in range(20):
            collector.collect()
        assert collector.traffic.versions_sent == 1
    client.run(get_into, seconds=0.02)
    began = time.monotonic()
    with Collector(client, troubled_config(num_envs=1)) as collector:
        for version in range(200):
            collector.collect(linear_policy((4,), 2, version=version))
            if version > 20 and time.monotonic() - began > 3:
                break
        seconds = time.monotonic() - began
    assert 2 <= collector.traffic.versions_sent <= 2 + seconds / 0.08  # a task takes 4 steps of 0.02 s
    assert len({rollout.weights_version for rollout in collector.rollouts}) > 1


def test_what_is_older_than_the_bound_is_dropped_and_counted(client: Client) -> None:
    with Collector(client, max_policy_lag=1) as collector:
        for version in range(0, 60, 5):
            for rollout in collector.collect(linear_policy((4,), 2, version=version)):
                assert version - rollout.weights_version <= 1
        assert collector.traffic.stale > 0
        assert collector.traffic.arrived == len(collector.rollouts) + collector.traffic.stale
        assert max(collector.traffic.lags) > 1
        assert {row.lag for row in collector.traffic.workers.values()} <= set(collector.traffic.lags)
        assert collector.traffic.version == 55


def test_the_length_of_a_task_adapts_to_the_environment(client: Client) -> None:
    client.run(get_into, seconds=0.01)
    with Collector(client, troubled_config(num_envs=1), task_steps=None) as collector:
        assert collector.collect()[0].steps in (3, 4)  # as configured, since nothing is measured yet
        collector.collect_until(lambda: 10 <= collector.rollouts[-1].steps <= 25)  # 0.2 s a task
        client.run(get_into, seconds=0.0)
        collector.collect_until(lambda: collector.rollouts[-1].steps > 100)


def test_a_task_is_a_small_share_of_the_run(client: Client) -> None:
    with Collector(client, troubled_config(total_steps=2_000), task_steps=None) as collector:
        for _ in range(40):
            collector.collect()
    assert max(rollout.steps for rollout in collector.rollouts) <= 2_000 / 50


@pytest.mark.parametrize(("slow_step", "slow_update"), [(0.005, 0.0), (0.0, 0.02)])
def test_samples_per_insert_keep_their_bound_with_slow_actors_and_with_a_slow_learner(
    client: Client, slow_step: float, slow_update: float
) -> None:
    client.run(get_into, seconds=slow_step)
    config = troubled_config(total_steps=600, samples_per_insert=2.0, learning_starts=50)
    source, learner = ClusterRollouts(client, task_steps=4), StillLearner(slow_update)
    a_window = window(client) * 2 * 4  # transitions: two copies, at most four steps each
    statuses = 0
    for status in train(config, rollouts=source, learner=learner):  # type: ignore[arg-type]
        counters = status.state.counters
        allowed = 2.0 * (counters.inserted - 50)
        assert counters.sampled <= max(0, allowed)
        if counters.inserted > 50 + a_window:  # not less: the learner has used all but the newest rollouts
            assert counters.sampled >= allowed - 2.0 * a_window - 4 * 16
        statuses += 1
    assert statuses > 20
    assert_accounted_for(source.traffic)
    assert source.traffic.stale == 0


def test_deterministic_rounds_are_those_of_one_process(client: Client) -> None:
    config = small_config(num_actors=5, deterministic=True, replay="prioritized", actor_priorities=True)
    here = InProcessRollouts(config)
    with Collector(client, config) as collector:
        for sequence in range(4):
            weights = linear_policy((4,), 2, seed=sequence, version=sequence)
            expected = here.collect(weights, collector.epsilons, sequence)
            there = collector.collect(weights)
            assert [(rollout.actor, rollout.sequence) for rollout in there] == [(i, sequence) for i in range(5)]
            assert all(map(equal, expected, there))
            for rollout, other in zip(expected, there, strict=True):
                np.testing.assert_array_equal(rollout.td_errors, other.td_errors)
        assert collector.traffic.versions_sent == 4
        assert collector.traffic.in_flight == 0
    here.close()


def test_an_environment_that_raises_on_one_worker_is_counted_and_training_goes_on(client: Client) -> None:
    bad, good = client.nthreads()
    client.run(get_into, raises=True, workers=[bad])
    with Collector(client) as collector:
        # the good worker is slow and the bad one fails quickly, but not all tasks fail
        client.run(get_into, seconds=0.05, workers=[good])
        collector.collect_until(lambda: collector.traffic.worker(bad).failures >= 4)
        assert collector.traffic.worker(good).failures == 0
        assert collector.from_workers() == {good}
        client.run(get_into, workers=[bad])
        collector.collect_until(lambda: bad in collector.from_workers())
    assert collector.traffic.failed == collector.traffic.worker(bad).failures


def test_an_environment_that_raises_everywhere_is_one_clear_error(client: Client) -> None:
    with Collector(client) as collector:
        collector.collect()
        client.run(get_into, raises=True)
        with pytest.raises(RolloutError, match=r"^cluster_envs:Troubled-v0 raised RuntimeError: the simulator fell ov"):
            collector.collect_until(lambda: False)
        assert collector.traffic.failed >= 3


def test_an_environment_that_raises_under_certain_seeds_is_an_error_in_deterministic_mode_too(client: Client) -> None:
    config = small_config("toys:test/Broken-v0", deterministic=True, num_actors=2, max_episode_steps=5)
    client.run(register_toys)
    source = ClusterRollouts(client, patience=20)
    source.begin(config)
    with pytest.raises(InvalidDataError, match="test/Broken-v0: copy"):
        source.collect(linear_policy((2,), 2), np.array([[0] * 4, [1] * 4], np.float32), 0)
    source.close()


def register_toys() -> None:
    """Register the toy environments on a worker."""
    import toys

    toys.register()


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        ("no_such_module:Env-v0", "the module no_such_module cannot be imported"),
        ("CartPole-v99", "there is no environment 'CartPole-v99'"),
    ],
)
def test_an_environment_that_a_worker_does_not_have_is_an_error_that_names_both(
    client: Client, env_id: str, message: str
) -> None:
    source = ClusterRollouts(client)
    source.begin(small_config(env_id))
    with pytest.raises(ClusterError, match=rf"^worker tls://127.0.0.1:\d+ cannot make the environment: .*{message}"):
        source.collect(WEIGHTS, np.zeros((1, 4), np.float32), 0)
    source.close()


def test_an_environment_that_cannot_be_made_at_the_moment_is_counted(client: Client) -> None:
    bad, _ = client.nthreads()
    client.run(get_into, cannot_be_made="no licence is free", workers=[bad])
    with Collector(client) as collector:
        collector.collect_until(lambda: collector.traffic.failed >= 2)
        client.run(get_into, cannot_be_made="no licence is free")
        collector.source.begin(collector.config)  # the workers keep no actors of an earlier run
        with pytest.raises(RolloutError, match="no licence is free"):
            collector.collect_until(lambda: False)


def test_a_worker_with_another_version_that_joined_later_is_an_error_that_says_what_to_do(client: Client) -> None:
    with Collector(client) as collector:
        collector.collect()
        client.run(break_tasks, True)
        try:
            with pytest.raises(
                ClusterError, match=r"cannot run the tasks of this run. .* install the same on all work"
            ):
                collector.collect_until(lambda: False)
        finally:
            client.run(break_tasks, False)


def test_leaving_the_loop_leaves_nothing_and_another_run_may_follow(client: Client) -> None:
    source = ClusterRollouts(client)
    client.run(get_into, seconds=0.01)
    for _ in range(3):
        loop = train(troubled_config(), rollouts=source, learner=StillLearner())  # type: ignore[arg-type]
        for _ in range(5):
            next(loop)
        loop.close()
        assert client.run_on_scheduler(count_tasks) <= 1  # at once: the running task has ended
        assert_nothing_runs_on(client)
        assert_accounted_for(source.traffic)
        assert source.traffic.cancelled > 0
    source.close()  # a second time does no harm


def test_bad_arguments_and_a_wrong_order_of_calls_are_refused(client: Client) -> None:
    for wrong, sentence in (
        ({"max_policy_lag": -1}, "max_policy_lag takes a whole number of at least 0, not -1"),
        ({"patience": 0}, "patience, in seconds, takes a number above 0, not 0"),
        ({"task_steps": 0}, "task_steps takes a whole number of at least 1, not 0"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            ClusterRollouts(client, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"call begin\(config\) before collect"):
        ClusterRollouts(client).collect(WEIGHTS, np.zeros((1, 4), np.float32), 0)


def test_an_asynchronous_client_is_refused() -> None:
    with pytest.raises(ConfigError, match="asynchronous=False"):
        ClusterRollouts(SimpleNamespace(asynchronous=True))  # type: ignore[arg-type]
