"""A cluster object that runs already: used like any other, and left running."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from typing import Any

import dask_processes
import psutil
import pytest
from clusters import within
from distributed import Client, Security

from dqnkit.cluster.running_cluster import RunningCluster
from dqnkit.cluster.security import read_certificates, write_certificates
from dqnkit.deploy import make_cluster
from dqnkit.errors import ClusterError


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Security, psutil.Process]]:
    """The address of a scheduler, its certificates and its process; it has one worker."""
    folder = tmp_path_factory.mktemp("running")
    write_certificates(folder / "tls.yaml")
    with (
        dask_processes.scheduler(folder, folder / "tls.yaml") as (address, process),
        dask_processes.worker(address, folder, "theirs", certificates=folder / "tls.yaml"),
    ):
        security = read_certificates(folder / "tls.yaml")
        with Client(address, security=security) as client:
            client.wait_for_workers(1, timeout=60)
        yield address, security, process


def test_it_is_used_like_any_cluster_and_left_running(running: tuple[str, Security, psutil.Process]) -> None:
    address, security, scheduler = running
    for _ in range(2):
        with RunningCluster(address, security) as cluster, cluster.get_client() as client:
            (worker,) = client.run(os.getpid).values()
            assert client.submit(sum, [1, 2], pure=False).result(timeout=30) == 3
            assert cluster.scheduler_address == address
            assert [info["name"] for info in cluster.scheduler_info["workers"].values()] == ["theirs"]
            assert "theirs" in cluster._repr_html_()
            assert "workers=1" in repr(cluster)
        assert cluster.status.name == "closed"
        assert dask_processes.is_alive(scheduler)
        assert dask_processes.is_alive(psutil.Process(worker))


def test_it_sees_workers_that_come_and_go() -> None:
    with make_cluster(n_workers=0) as theirs, RunningCluster(theirs.scheduler_address, theirs.security) as cluster:
        assert not cluster.scheduler_info["workers"]
        theirs.scale(1)
        within(60, lambda: len(cluster.scheduler_info["workers"]) == 1)
        # the object that started the cluster still gets the scheduler's news
        within(60, lambda: len(theirs.scheduler_info["workers"]) == 1)
        theirs.scale(0)
        within(60, lambda: not cluster.scheduler_info["workers"])
        assert not theirs.scheduler_info["workers"]


def test_a_cluster_that_is_none_of_distributeds_is_used_as_it_is() -> None:
    class GatewayCluster:
        """What `make_cluster` may know of a dask-gateway cluster, which has no base class."""

        def get_client(self) -> str:
            return "a client"

        def close(self) -> None:
            raise AssertionError("the reader's own cluster was closed")

    theirs: Any = GatewayCluster()
    with make_cluster(theirs) as cluster:
        assert cluster.get_client() == "a client"  # type: ignore[comparison-overlap]


def test_it_works_where_an_event_loop_runs_as_in_a_notebook(running: tuple[str, Security, psutil.Process]) -> None:
    address, security, _ = running

    async def cell() -> int:
        with RunningCluster(address, security) as cluster, cluster.get_client() as client:
            return int(client.submit(sum, [2, 3], pure=False).result(timeout=30))

    assert asyncio.run(cell()) == 5


def test_its_workers_are_not_ours(running: tuple[str, Security, psutil.Process]) -> None:
    address, security, _ = running
    with RunningCluster(address, security) as cluster:
        for ask in (lambda: cluster.scale(3), lambda: cluster.adapt(minimum=1)):
            with pytest.raises(ClusterError, match=f"not ours to start or stop: .*dask worker {address}"):
                ask()


def test_what_connecting_refuses_is_refused(running: tuple[str, Security, psutil.Process]) -> None:
    address, _, _ = running
    with pytest.raises(ClusterError, match="it needs certificates, and there are none here"):
        RunningCluster(address)
    with pytest.raises(ClusterError, match="reached without TLS"):
        RunningCluster("tcp://198.51.100.7:8786")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ClusterError, match="nothing listens there"):
            RunningCluster(f"tcp://127.0.0.1:{unused.getsockname()[1]}")
