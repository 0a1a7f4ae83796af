"""The exercises of the lesson on Dask: other right solutions pass, and a loop that never ends is stopped.

`test_exercises.py` tests the solutions and the known mistakes of all exercises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dqnkit.actor import Actor
from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.course import find_exercise
from dqnkit.config import DQNConfig
from dqnkit.lessons.rollouts_on_dask.answers import rollout_task, streaming_loop
from dqnkit.lessons.rollouts_on_dask.exercises.streaming_loop import FakeArrivals, FakeCluster, Script
from dqnkit.policy import Dense
from dqnkit.types import PolicyWeights, Rollout

UNTRAINED = PolicyWeights(4, (Dense(4, 2, False),), np.zeros(10, np.float32))


def test_a_rollout_task_works_with_the_kits_actor() -> None:
    config = DQNConfig(num_envs=2, deterministic=True)

    def make_actor(sequence: int) -> Actor:
        return Actor(config, first_sequence=sequence)

    once, again = (rollout_task.rollout_task(make_actor, UNTRAINED, 0.5, 3) for _ in range(2))
    assert (once.sequence, once.weights_version) == (3, 4)
    for first, second in zip(once.transitions, again.transitions, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_stream_that_never_ends_is_ended() -> None:
    def loop(client: Any, as_completed: Any, task: Any, arguments: Any, insert: Any, **settings: int) -> int:
        arrivals = as_completed([client.submit(task, *arguments, 0, pure=False)])
        for _ in arrivals:
            arrivals.add(client.submit(task, *arguments, 0, pure=False))
        return 0

    result = check_exercise(find_exercise("streaming_loop"), loop)
    assert not result.passed
    assert "went on and on" in result.text


def test_the_fake_cluster_behaves_as_dask_does() -> None:
    """Equal arguments are the same task unless pure=False; futures arrive as they complete, but not cancelled ones."""
    cluster = FakeCluster(Script((1,), (5, 1, 3)))

    def task(number: int) -> int:
        return 10 * number

    assert cluster.submit(task, 0) is cluster.submit(task, 0)
    assert cluster.submit(task, 0, key="mine") is cluster.submit(task, 1, key="mine")
    assert cluster.submit(task, 0, pure=False) is not cluster.submit(task, 0)
    slow, quick, middle = (cluster.submit(task, number, pure=False) for number in (0, 1, 2))
    arrivals = FakeArrivals(cluster, [slow, quick, middle])
    assert slow.status == "pending"
    assert next(arrivals) is quick
    assert quick.status == "finished"
    assert quick.result() == 10
    middle.cancel()
    assert middle.status == "cancelled"
    assert list(arrivals) == [slow]
    assert cluster.clock == 5


def test_the_fake_cluster_finds_futures_where_dask_finds_them() -> None:
    """Among the arguments and in lists and tuples of them, but not in a closure."""
    cluster = FakeCluster(Script((1,), (1,)))
    weights = cluster.weights

    def kinds(*values: Any) -> str:
        return str(values)

    assert cluster.submit(kinds, weights, [weights], pure=False).result() == "('the weights', ['the weights'])"
    assert "Future" in cluster.submit(lambda: kinds(weights), pure=False).result()


@pytest.mark.slow
def test_what_the_lesson_says_of_failures_holds_on_a_real_cluster() -> None:
    """A task lost with its worker runs again, unheard of; an error, and a task that kills, come to the driver.

    So ``error`` means that the task raised, or that several workers died of it; the loop gives up after its retries.
    """
    pytest.importorskip("distributed")
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    from dqnkit.cluster.faults import kill_worker
    from dqnkit.deploy import make_cluster

    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        victim = next(iter(client.scheduler_info()["workers"]))
        future = client.submit(_nap, 1.0, pure=False, workers=[victim], allow_other_workers=True)
        kill_worker(client, victim)
        assert future.result(timeout=60) == 1.0
        killer = client.submit(_die, pure=False)
        with pytest.raises(KilledWorker, match="4 different workers"):
            killer.result(timeout=100)
        assert killer.status == "error"
        with pytest.raises(ZeroDivisionError):
            streaming_loop.streaming_loop(
                client, as_completed, _bug, (), lambda rollout: None, total=10, window=2, retries=2
            )


def _nap(seconds: float) -> float:
    import time

    time.sleep(seconds)
    return seconds


def _die() -> None:
    import os

    os._exit(1)


def _bug(sequence: int) -> float:
    return 1 / (sequence - sequence)


@pytest.mark.slow
def test_the_stream_on_a_real_cluster_gives_what_the_package_gives() -> None:
    pytest.importorskip("distributed")
    from distributed import as_completed

    from dqnkit.cluster.rollouts import ClusterRollouts
    from dqnkit.deploy import make_cluster

    config, epsilons = DQNConfig(num_envs=2, deterministic=True), np.full(2, 0.5, np.float32)
    arrived: list[Rollout] = []
    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        failed = streaming_loop.streaming_loop(
            client,
            as_completed,
            rollout_task.rollout_task,
            (_MakeActor(config), UNTRAINED, epsilons),
            arrived.append,
            total=200,
            window=4,
            retries=0,
        )
        assert failed == 0
        assert sum(rollout.steps for rollout in arrived) >= 200
        source = ClusterRollouts(client)
        source.begin(config)
        try:
            for rollout in arrived:
                [theirs] = source.collect(UNTRAINED, epsilons[None], rollout.sequence)
                for ours, packaged in zip(rollout.transitions, theirs.transitions, strict=True):
                    np.testing.assert_array_equal(ours, packaged)
        finally:
            source.close()


class _MakeActor:
    def __init__(self, config: DQNConfig) -> None:
        self.config = config

    def __call__(self, sequence: int) -> Actor:
        return Actor(self.config, first_sequence=sequence)
