"""The static figure of a cluster: what it shows and says."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from dqnkit.plots import PALETTE
from dqnkit.plots.cluster import BINS, OTHERS, WORKERS, ClusterCurves, bin_width, cluster_picture, worker_style

SECONDS = np.arange(0.5, 20, 0.5)


def curves(workers: int = 2, **fields: Any) -> ClusterCurves:
    transitions = {f"worker {i}": np.full(len(SECONDS), 1000.0 * (i + 1)) for i in range(workers)}
    values: dict[str, Any] = {
        "seconds": SECONDS,
        "transitions": transitions,
        "busy": np.linspace(0, 1, len(SECONDS)),
        "samples_per_insert": np.linspace(0, 8, len(SECONDS)),
        "lags": [0, 1, 1, 7],
    }
    return ClusterCurves(**{**values, **fields})


def test_what_is_seen_is_said() -> None:
    alt = cluster_picture(curves(lost=[3.0, 9.5]), 8.0).alt
    for words in (
        "worker 0 1,000, worker 1 2,000",
        "last 4 rollouts: median 1, largest 7 versions",
        "Learner utilisation now 100 %",
        "Samples per insert now 8",
        "Workers lost so far: 2",
    ):
        assert words in alt


@pytest.mark.parametrize("workers", [0, 1, 40])
def test_any_number_of_workers_is_drawn(workers: int) -> None:
    assert cluster_picture(curves(workers, lags=[123_456])).png


def test_nothing_yet_gives_empty_axes() -> None:
    assert "none yet" in cluster_picture(ClusterCurves()).alt


@pytest.mark.parametrize("largest", [0, 1, 19, 20, 99, 1_000, 123_456])
def test_all_policy_lags_have_a_bin(largest: int) -> None:
    assert bin_width(largest) * BINS > largest
    assert bin_width(largest) >= 1


def test_each_worker_keeps_a_look_of_its_own() -> None:
    looks = [worker_style(number) for number in range(len(WORKERS))]
    assert len({look["color"] for look in looks}) == len(looks)
    assert not {look["color"] for look in looks} & {look["color"] for look in PALETTE.values()}
    neighbours = itertools.pairwise(looks)
    assert all(str(one["linestyle"]) != str(other["linestyle"]) for one, other in neighbours)
    assert worker_style(len(WORKERS)) == worker_style(500) == OTHERS
