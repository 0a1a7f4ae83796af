"""Clusters that are created or connected to; the package is sent to workers with another version or none."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask_processes
import numpy as np
import psutil
import pytest
from distributed import Client, LocalCluster
from toys import linear_policy, small_config

import dqnkit
from dqnkit.cluster import package, remote_eval
from dqnkit.cluster.package import mismatch, zip_package
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.security import write_certificates
from dqnkit.deploy import check_workers, connect, make_cluster, send_package, workers_that_fit
from dqnkit.errors import ClusterError, ConfigError, MissingExtraError

ELSEWHERE = "the version of another copy"
GIB = 2**30


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of a cluster with one worker; the tests do not change it."""
    with make_cluster(n_workers=1) as cluster, cluster.get_client() as client:
        yield client


# -- creating a cluster -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "memory", "workers"), [(1, 2 * GIB, 1), (4, 16 * GIB, 4), (64, 2 * GIB, 4), (2, GIB // 8, 1)]
)
def test_workers_fit_into_what_a_container_allows(cores: int, memory: int, workers: int) -> None:
    assert workers_that_fit(cores, memory) == workers


def test_a_cluster_has_what_was_asked_for_and_leaves_no_process() -> None:
    with make_cluster(n_workers=2, threads_per_worker=3) as cluster, cluster.get_client() as client:
        assert sorted(client.nthreads().values()) == [3, 3]
        processes = [psutil.Process(pid) for pid in client.run(os.getpid).values()]
        check_workers(client)
    dask_processes.assert_gone(processes)


@pytest.mark.skipif(os.name != "posix", reason="Windows sends Ctrl-C another way")
def test_ctrl_c_in_a_terminal_or_notebook_leaves_the_workers_alone(client: Client) -> None:
    workers = list(client.run(os.getpid).values())
    for pid in workers:
        os.kill(pid, signal.SIGINT)
    assert client.submit(sum, [1, 2], pure=False).result(timeout=60) == 3
    assert list(client.run(os.getpid).values()) == workers


@pytest.mark.parametrize("arguments", [{"n_workers": -1}, {"threads_per_worker": 0}])
def test_numbers_out_of_range_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="at least"):
        make_cluster(**arguments)  # type: ignore[arg-type]


def test_an_address_that_is_not_of_this_computer_is_one_sentence() -> None:
    with pytest.raises(ClusterError, match=r"no cluster can be started on nowhere\.invalid: "):
        make_cluster(n_workers=1, host="nowhere.invalid")


@pytest.mark.parametrize("place", ["aws", "gcp", "ssh"])
def test_without_the_extra_the_message_says_what_to_install(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("dqnkit.cloud.", "dqnkit.cluster.ssh"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("dask_cloudprovider", "asyncssh"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r'pip install "dqnkit\[cloud\]"'):
        make_cluster(place, n_workers=1, **({"hosts": ["127.0.0.1"]} if place == "ssh" else {}))


@pytest.mark.parametrize("where", [2, "aw", "", None])
def test_a_place_that_is_none_is_named_with_those_that_are(where: Any) -> None:
    with pytest.raises(ConfigError, match=r"local, ssh, aws, gcp, an address like tls://HOST:8786"):
        make_cluster(where)


def test_an_option_that_is_none_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="unexpected keyword argument 'colour'"):
        make_cluster(n_workers=1, colour="blue")
    with pytest.raises(ConfigError, match="say how many workers"):
        make_cluster("aws")


def test_the_readers_own_cluster_is_used_as_it_is_and_stays_open(client: Client, tried: Callable[..., None]) -> None:
    theirs: Any = client.cluster
    with make_cluster(theirs) as cluster, cluster.get_client() as other:
        assert other is not client
        assert cluster.scheduler_address == theirs.scheduler_address
        assert other.submit(sum, [1, 2], pure=False).result(timeout=30) == 3
        assert repr(cluster) == repr(theirs)
        assert "Workers" in cluster._repr_html_()
    cluster.close()
    assert theirs.status.name == "running"
    assert client.submit(sum, [1, 2], pure=False).result(timeout=30) == 3
    tried(23, "with make_cluster(cluster), then its end", "the reader's own cluster still runs")


@pytest.mark.parametrize("arguments", [{"n_workers": 2}, {"threads_per_worker": 1}, {"budget": 2.0}])
def test_a_cluster_that_runs_takes_no_arguments(
    arguments: dict[str, Any], client: Client, tried: Callable[..., None]
) -> None:
    with pytest.raises(
        ConfigError, match=f"runs already and is used as it is: leave out {next(iter(arguments))}"
    ) as no:
        make_cluster(client.cluster, **arguments)
    tried(23, f"make_cluster(cluster, {arguments})", str(no.value))
    if "budget" not in arguments:
        with pytest.raises(ConfigError, match=r"the cluster at tls://127\.0\.0\.1:8786 runs already"):
            make_cluster("tls://127.0.0.1:8786", **arguments)


# -- connecting -------------------------------------------------------------------------------------------------------


def test_connecting_to_a_scheduler_on_this_computer(client: Client) -> None:
    with connect(client.scheduler_info()["address"], security=client.security) as other:
        assert other.submit(sum, [1, 2]).result(timeout=30) == 3


def test_connecting_works_where_an_event_loop_runs_as_in_a_notebook(client: Client) -> None:
    async def cell() -> int:
        with connect(client.scheduler_info()["address"], security=client.security) as other:
            return int(other.submit(sum, [2, 3]).result(timeout=30))

    assert asyncio.run(cell()) == 5


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), 0, "soon", True])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(timeout: Any) -> None:
    with pytest.raises(ConfigError, match=r"timeout, in seconds, takes a number above 0|takes a number, not"):
        connect("tcp://127.0.0.1:9", timeout=timeout)


def test_nothing_listens_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but not listening
        port = unused.getsockname()[1]
        with pytest.raises(
            ClusterError, match=rf"nothing listens there.*dask scheduler --host 127.0.0.1 --port {port}"
        ):
            connect(f"tcp://127.0.0.1:{port}")


def test_what_listens_there_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ClusterError, match=r"did not answer within 0\.5 s"):
            connect(f"tcp://127.0.0.1:{silent.getsockname()[1]}", timeout=0.5)


@pytest.mark.parametrize("address", ["", "foo", "tcp://127.0.0.1", "http://127.0.0.1:8786", "tcp://127.0.0.1:x"])
def test_what_is_no_address_says_what_one_looks_like(address: str) -> None:
    with pytest.raises(ClusterError, match=r"[Ee]xpected one like tls://HOST:8786"):
        connect(address)


def test_a_name_that_no_computer_has_is_not_connected_to() -> None:
    with pytest.raises(ClusterError, match=r"no computer of the name nowhere\.invalid"):
        connect("tcp://nowhere.invalid:8786", insecure=True)


# -- the package on the workers ---------------------------------------------------------------------------------------


def test_no_worker_comes() -> None:
    with make_cluster(n_workers=0) as cluster, cluster.get_client() as client, pytest.raises(ClusterError) as caught:
        check_workers(client, patience=0.2)
    assert "Start some: cluster.scale(2)" in str(caught.value)
    with (
        make_cluster(n_workers=0) as cluster,
        connect(cluster.scheduler_address, security=cluster.security) as client,
        pytest.raises(ClusterError) as caught,
    ):
        check_workers(client, patience=0.2)
    command = f"DASK_CONFIG=FILE dask worker {cluster.scheduler_address} --host 127.0.0.1"
    assert f"Start some: {command}" in str(caught.value)


OURS = {"Python": "3.12.1", "dqnkit": "0.1.0", "numpy": "2.1.0", "gymnasium": "1.4.0", "distributed": "2026.8.0"}


@pytest.mark.parametrize(
    ("theirs", "what"),
    [
        ({}, ""),
        ({"distributed": "2026.8.1"}, ""),
        ({"distributed": "2026.7.1"}, "pip install distributed==2026.8.0 there; in a container, take the image"),
        ({"Python": "3.12.9", "numpy": "2.4.0", "gymnasium": "1.3.0"}, ""),
        ({"Python": "3.11.9"}, "has Python 3.11.9, this process 3.12.1"),
        ({"dqnkit": ""}, "pip install dqnkit==0.1.0"),
        ({"dqnkit": ""}, "--send-package"),
        ({"dqnkit": "0.2.0"}, "has dqnkit 0.2.0, this process 0.1.0"),
        ({"gymnasium": ""}, "pip install gymnasium"),
        ({"gymnasium": "", "numpy": ""}, "pip install numpy gymnasium"),
        ({"numpy": "1.26.4"}, 'pip install "numpy==2.*"'),
    ],
)
def test_what_keeps_a_worker_from_making_rollouts(theirs: dict[str, str], what: str) -> None:
    found = mismatch(OURS, {**OURS, **theirs})
    assert what in found
    assert bool(found) == bool(what)


def test_a_worker_with_another_version_is_found_and_mended() -> None:
    with make_cluster(n_workers=1) as cluster, cluster.get_client() as client:
        check_workers(client)
        client.run(setattr, dqnkit, "__version__", ELSEWHERE)
        with pytest.raises(ClusterError, match=rf"worker tls://127.0.0.1:\d+ has dqnkit {ELSEWHERE}"):
            check_workers(client)
        with pytest.raises(ClusterError, match=ELSEWHERE):
            ClusterRollouts(client).begin(small_config())
        send_package(client)
        check_workers(client)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="Windows has no SIGSTOP")
def test_a_worker_that_does_not_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_eval, "ANSWER_SECONDS", 2.0)
    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        stopped = psutil.Process(next(iter(client.run(os.getpid).values())))
        stopped.suspend()
        try:
            check_workers(client)
            monkeypatch.setattr(package, "SEND_SECONDS", 1.0)
            with pytest.raises(ClusterError, match="did not reach the scheduler and all workers"):
                send_package(client)
        finally:
            stopped.kill()


def test_the_package_is_sent_to_workers_that_lack_it_now_and_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    hidden = ["dqnkit", "tensorflow"]
    with (
        dask_processes.scheduler(tmp_path) as (address, _),
        connect(address) as client,
        dask_processes.worker(address, tmp_path, "first", hidden),
    ):
        with pytest.raises(ClusterError, match=r"does not have dqnkit.*pip install dqnkit==.*--send-package"):
            check_workers(client)
        send_package(client)
        check_workers(client)
        with dask_processes.worker(address, tmp_path, "second", hidden):
            client.wait_for_workers(2, timeout=60)
            check_workers(client)
            first = next(worker for worker, name in names(client).items() if name == "first")
            client.restart_workers([first], timeout=60)
            check_workers(client)
            assert_all_make_rollouts(client, 2)
            homes = client.run(eval, "__import__('dqnkit').__file__")
            assert len(homes) == 2
            assert all(home.startswith(str(tmp_path)) and ".zip" in home for home in homes.values())
    assert not list((tmp_path / "temporary").glob("**/*.zip"))


def test_a_cluster_can_be_made_with_the_package_for_all_who_join(tmp_path: Path) -> None:
    file = tmp_path / "tls.yaml"
    with (
        make_cluster(n_workers=0, send_package=True, security=write_certificates(file)) as cluster,
        cluster.get_client() as client,
        dask_processes.worker(cluster.scheduler_address, tmp_path, "guest", ["dqnkit"], file),
    ):
        check_workers(client)
        assert_all_make_rollouts(client, 1)


def test_threads_of_this_process_need_no_package() -> None:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        cluster.get_client() as client,
        pytest.raises(ClusterError, match="nothing to send"),
    ):
        send_package(client)


def test_the_zip_is_all_that_a_worker_needs(tmp_path: Path) -> None:
    path = zip_package(tmp_path)
    assert path.stat().st_size < 1_000_000
    code = (
        f"import sys; sys.path.insert(0, {str(path)!r})\n"
        "import numpy as np, dqnkit, dqnkit.cluster.worker as worker\n"
        "from dqnkit import config, policy, types\n"
        "weights = types.PolicyWeights(0, (policy.Dense(4, 2, False),), np.zeros(10, np.float32))\n"
        "task = worker.RolloutTask('run', 0, 0, np.ones(1, np.float32))\n"
        "print(worker.make_rollout(config.DQNConfig(num_envs=1), task, weights).steps, dqnkit.__file__)"
    )
    variables = dask_processes.environment(tmp_path, ["dqnkit"])
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    steps, home = done.stdout.split(maxsplit=1)
    assert int(steps) > 0
    assert home.startswith(str(path))


def test_of_an_installed_wheel_the_notebooks_stay_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ("__init__.py", "cluster/worker.py", "data/prices.json", "course/source/00_start_here.py")
    for name in files:
        (tmp_path / "dqnkit" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dqnkit" / name).write_text("x = 1")
    monkeypatch.setattr(dqnkit, "__file__", str(tmp_path / "dqnkit/__init__.py"))
    with zipfile.ZipFile(zip_package(tmp_path)) as file:
        assert file.namelist() == ["dqnkit/__init__.py", "dqnkit/cluster/worker.py"]


def names(client: Client) -> dict[str, str]:
    return {address: str(worker["name"]) for address, worker in client.scheduler_info(-1)["workers"].items()}


def assert_all_make_rollouts(client: Client, workers: int) -> None:
    """Rollouts arrive from this many workers."""
    rollouts, config = ClusterRollouts(client, task_steps=8), small_config()
    rollouts.begin(config)
    try:
        for sequence in range(200):
            for rollout in rollouts.collect(linear_policy((4,), 2), np.ones((1, 4), np.float32), sequence):
                assert rollout.steps > 0
            if sum(worker.rollouts > 0 for worker in rollouts.traffic.workers.values()) == workers:
                return
    finally:
        rollouts.close()
    raise AssertionError(f"after 200 rollouts: {rollouts.traffic.workers}")
