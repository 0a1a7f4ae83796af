"""A worker is killed on purpose: its process ends, the call does not wait, and this process is never chosen."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from typing import Any

import pytest
from clusters import StillLearner
from distributed import Client
from toys import small_config

from dqnkit.cluster.faults import _end_this_process, _identity, kill_worker
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.watched_cluster import WatchedCluster
from dqnkit.deploy import make_cluster
from dqnkit.errors import ClusterError
from dqnkit.training import train


class NeverAnswers:
    """A client whose cluster is frozen."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.release = threading.Event()

    def run(self, *_: Any, **__: Any) -> None:
        self.asked.set()
        self.release.wait(60)
        raise OSError("gone")  # and nobody is told


def test_it_does_not_wait_for_an_answer() -> None:
    client: Any = NeverAnswers()
    kill_worker(client, "tcp://127.0.0.1:1")
    assert client.asked.wait(30)
    assert not client.release.is_set()
    client.release.set()


def test_the_process_that_asks_is_never_killed() -> None:
    _end_this_process(_identity())
    with pytest.raises(ClusterError, match="inside this process"):
        kill_worker(NeverAnswers(), "inproc://10.0.0.1/123/4")  # type: ignore[arg-type]
    with Client(
        processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None, set_as_default=False
    ) as client:
        client.run(_end_this_process, _identity())
        assert client.submit(os.getpid, pure=False).result(timeout=30) == os.getpid()


@pytest.mark.slow
def test_training_goes_on_and_the_row_says_lost_until_another_worker_has_the_name() -> None:
    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        rollouts = ClusterRollouts(client)
        console = WatchedCluster(rollouts)
        before = dict(client.run(os.getpid))
        address = next(iter(before))
        config = small_config(total_steps=1_000_000_000)
        seen: list[list[bool]] = []  # whether the workers of this name were lost
        began = time.monotonic()
        with closing(train(config, rollouts=rollouts, learner=StillLearner())) as training:  # type: ignore[arg-type]
            for status in training:
                rows = console.traffic.workers
                name = rows[address].name if address in rows else ""
                states = [row.lost for row in rows.values() if name and row.name == name]
                if states != (seen or [[]])[-1]:
                    seen.append(states)
                if states == [False] and len(seen) == 1 and status.step > 1_000:
                    seen.append([])
                    console.kill(address)
                if states == [True, False]:
                    break
                assert time.monotonic() - began < 120, seen
        assert [True] in seen
        after = set(client.run(os.getpid).values())
        assert before[address] not in after
        assert len(after & set(before.values())) == 1
