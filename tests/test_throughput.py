"""Measuring a cluster in class: it grows and shrinks as asked, and the rollouts are counted."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("distributed")

from dqnkit.cluster import throughput
from dqnkit.config import DQNConfig
from dqnkit.deploy import make_cluster
from dqnkit.errors import ClusterError
from dqnkit.policy import Dense
from dqnkit.types import PolicyWeights

UNTRAINED = PolicyWeights(0, (Dense(4, 2, False),), np.zeros(10, np.float32))


@pytest.mark.slow
def test_a_cluster_grows_and_shrinks_and_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    with make_cluster(n_workers=1) as cluster, cluster.get_client() as client:
        for count in (2, 1):
            throughput.have_workers(client, count)
            assert len(client.scheduler_info()["workers"]) == count
        rate = throughput.steps_a_second(client, DQNConfig(num_envs=2), UNTRAINED, 0.3, task_steps=20)
        assert rate > 0
        monkeypatch.setattr(throughput, "RESIZE_SECONDS", 0.0)
        with pytest.raises(ClusterError, match="not 3"):
            throughput.have_workers(client, 3)
