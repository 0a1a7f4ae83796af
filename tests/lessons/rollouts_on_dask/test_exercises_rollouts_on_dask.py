"""The exercises of the lesson on Dask: other right solutions pass, and a loop that never ends is stopped.

`test_exercises.py` tests the solutions and the known mistakes of all exercises.
"""

from __future__ import annotations

from collections.abc import Callable
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


def test_an_actor_may_be_closed_by_a_with() -> None:
    from contextlib import closing

    def task(make_actor: Any, weights: Any, epsilon: Any, sequence: Any) -> Any:
        with closing(make_actor(sequence)) as actor:
            return actor.rollout(weights=weights, epsilon=epsilon, sequence=sequence)

    assert check_exercise(find_exercise("rollout_task"), task).passed


def test_a_stream_that_submits_before_it_inserts_passes() -> None:
    """Another right solution: futures in a list, the number on the future, a set to avoid duplicates."""

    def loop(client: Any, as_completed: Any, task: Any, arguments: Any, insert: Any, *, total: int, window: int) -> int:
        futures = []
        for number in range(window):
            futures.append(client.submit(task, *arguments, number, pure=False))
            futures[-1].my_number = number
        arrivals = as_completed(list(futures))
        seen: set[int] = set()
        steps, lost, fresh = 0, 0, window
        while steps < total:
            future = next(arrivals)
            futures.remove(future)
            ok = future.status == "finished"
            number = fresh if ok else future.my_number
            fresh += ok
            lost += not ok
            successor = client.submit(task, *arguments, number, pure=False)
            successor.my_number = number
            futures.append(successor)
            arrivals.add(successor)
            if ok and future.result().sequence not in seen:
                rollout = future.result()
                seen.add(rollout.sequence)
                insert(rollout)
                steps += rollout.steps
        for future in futures:
            future.cancel()
        return lost

    assert check_exercise(find_exercise("streaming_loop"), loop).passed


def test_a_stream_that_never_ends_is_ended() -> None:
    def loop(client: Any, as_completed: Any, task: Any, arguments: Any, insert: Any, *, total: int, window: int) -> int:
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

    def task() -> None: ...

    assert cluster.submit(task, 0) is cluster.submit(task, 0)
    assert cluster.submit(task, 0, pure=False) is not cluster.submit(task, 0)
    slow, quick, middle = (cluster.submit(task, number, pure=False) for number in (0, 1, 2))
    arrivals = FakeArrivals(cluster, [slow, quick, middle])
    assert slow.status == "pending"
    assert next(arrivals) is quick
    assert quick.status == "finished"
    middle.cancel()
    assert middle.status == "cancelled"
    assert list(arrivals) == [slow]
    assert cluster.clock == 5


def test_a_bound_in_one_line_passes() -> None:
    def bound(arrivals: Any, get_version: Callable[[], int], insert: Any, max_policy_lag: int) -> int:
        return sum(1 for r in arrivals if get_version() - r.weights_version > max_policy_lag or insert(r))

    assert check_exercise(find_exercise("staleness_bound"), bound).passed


@pytest.mark.slow
def test_the_stream_on_a_real_cluster_gives_what_the_package_gives() -> None:
    pytest.importorskip("distributed")
    from distributed import as_completed

    from dqnkit.cluster.rollouts import ClusterRollouts
    from dqnkit.deploy import make_cluster

    config, epsilons = DQNConfig(num_envs=2, deterministic=True), np.full(2, 0.5, np.float32)
    arrived: list[Rollout] = []
    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        lost = streaming_loop.streaming_loop(
            client,
            as_completed,
            rollout_task.rollout_task,
            (_MakeActor(config), UNTRAINED, epsilons),
            arrived.append,
            total=200,
            window=4,
        )
        assert lost == 0
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
