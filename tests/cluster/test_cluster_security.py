"""Who can reach a cluster: listening sockets, TLS between real processes, clients that are refused."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import dask_processes
import numpy as np
import psutil
import pytest
from distributed import Security
from toys import small_config

from dqnkit.cluster import security
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.security import (
    as_configuration,
    check_transport,
    is_loopback,
    is_private,
    read_certificates,
    refuse_plain,
    temporary_security,
    write_certificates,
)
from dqnkit.config import DQNConfig
from dqnkit.deploy import connect, make_cluster
from dqnkit.errors import ClusterError, ConfigError, MissingExtraError
from dqnkit.presets import preset
from dqnkit.training import train

ELSEWHERE = "198.51.100.7"  # an address reserved for documentation


class TLSCluster(NamedTuple):
    """A scheduler and a worker, each started by its command with the certificates in a file."""

    address: str
    certificates: Path
    processes: list[psutil.Process]


@pytest.fixture(scope="module")
def tls_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TLSCluster]:
    folder = tmp_path_factory.mktemp("tls")
    file = folder / "tls.yaml"
    write_certificates(file)
    no_tensorflow = ("tensorflow", "keras", "tensorboard")  # these and all other packages that the base install lacks
    with (
        dask_processes.scheduler(folder, file) as (address, scheduler),
        dask_processes.worker(address, folder, "a", no_tensorflow, file) as worker,
    ):
        yield TLSCluster(address, file, [scheduler, worker])


def test_every_socket_of_a_cluster_made_here_listens_on_the_loopback_only(tried: Callable[..., None]) -> None:
    with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
        check_transport(client)
        assert all(address.startswith("tls://") for address in (cluster.scheduler_address, *client.nthreads()))
        family = psutil.Process().children(recursive=True)
        seen = " ".join(part for process in family for part in (*process.cmdline(), *process.environ().values()))
        seen += "".join(str(b64decode(word + "=="), "latin-1") for word in re.findall(r"[\w+/=-]{100,}", seen))
        key = str(client.security.get_tls_config_for_role("client")["key"])
        assert not [line for line in key.splitlines() if len(line) > 40 and line in seen], "ps shows the key"
        tried(15, "make_cluster(n_workers=2): the key", "in no command line and no environment variable of a process")
        sockets = dask_processes.listening([psutil.Process()])
        assert len(sockets) >= 2 + 2 * 3  # scheduler and its dashboard; each worker with its nanny and its HTTP server
        assert {ip for ip, _ in sockets} <= {"127.0.0.1", "::1"}


def test_beyond_the_loopback_every_socket_has_tls_and_dashboards_stay() -> None:
    with make_cluster(n_workers=1, host="0.0.0.0") as cluster, cluster.get_client() as client:
        assert cluster.scheduler_address.startswith("tls://")
        check_transport(client)
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3
        beyond = [port for ip, port in dask_processes.listening([psutil.Process()]) if not is_loopback(ip)]
        assert len(beyond) == 3  # scheduler, worker, nanny, but no HTTP server
        context = client.security.get_connection_args("client")["ssl_context"]
        for port in beyond:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, context.wrap_socket(plain) as tls:
                assert tls.version() in ("TLSv1.2", "TLSv1.3")
        with pytest.raises(ClusterError, match="needs certificates"):
            connect(cluster.scheduler_address, security=Security())


def test_no_cluster_without_encryption() -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(ConfigError, match="require_encryption"):
            make_cluster(n_workers=1, host=host, security=Security(require_encryption=False))


ON_THE_WORKER = {
    "CartPole": preset(
        "CartPole-v1", total_steps=3_000, learning_starts=500, hidden_sizes=(16,), xla=False, num_envs=4
    ),
    "joint values": small_config("Pendulum-v1", total_steps=3_000, action_bins=5, decoupled=True),
    "values of dimensions": small_config("Pendulum-v1", total_steps=3_000, action_bins=300, decoupled=True),
}


@pytest.mark.parametrize("config", ON_THE_WORKER.values(), ids=ON_THE_WORKER)
def test_training_over_tls_on_a_worker_without_tensorflow(tls_cluster: TLSCluster, config: DQNConfig) -> None:
    with connect(tls_cluster.address, security=read_certificates(tls_cluster.certificates)) as client:
        check_transport(client)
        rollouts = ClusterRollouts(client)
        *_, status = train(config, rollouts=rollouts)
        assert status.step >= 3_000
        assert status.updates > 0
        assert {row.name for row in rollouts.traffic.workers.values()} == {"a"}
        assert all(address.startswith("tls://") for address in rollouts.traffic.workers)
        can_import = "__import__('importlib.util').util.find_spec('tensorflow')"
        assert list(client.run(eval, can_import).values()) == [None]
        loaded = "sorted({name.split('.')[0] for name in __import__('sys').modules})"
        for modules in client.run(eval, loaded).values():
            assert "dqnkit" in modules
            assert not {"tensorflow", "keras", "ipywidgets", "matplotlib"} & set(modules)


def test_the_commands_as_documented_listen_on_the_loopback_only(tls_cluster: TLSCluster) -> None:
    sockets = dask_processes.listening(tls_cluster.processes)
    assert len(sockets) >= 5
    assert all(ipaddress.ip_address(ip).is_loopback for ip, _ in sockets), sockets


@pytest.mark.parametrize(
    ("make_security", "what"),
    [
        (Security, "it needs certificates, and there are none here: set DASK_CONFIG"),
        (temporary_security, "its certificates and ours are not of the same cluster"),
    ],
)
def test_a_client_without_the_clusters_certificates_is_turned_away(
    tls_cluster: TLSCluster, make_security: Any, what: str
) -> None:
    with pytest.raises(ClusterError, match=what):
        connect(tls_cluster.address, security=make_security(), timeout=20)


def test_a_plain_client_is_turned_away(tls_cluster: TLSCluster) -> None:
    with pytest.raises(ClusterError, match="Then write tls:"):
        connect(tls_cluster.address.replace("tls://", "tcp://"), security=Security(), timeout=2)
    with pytest.raises(ClusterError, match="TLS is required here"):
        connect(tls_cluster.address.replace("tls://", "tcp://"), security=temporary_security(), timeout=20)


def test_a_scheduler_without_tls_says_so_to_a_client_with_certificates(tmp_path: Path) -> None:
    with dask_processes.scheduler(tmp_path) as (address, _), pytest.raises(ClusterError, match="does not speak TLS"):
        connect(address.replace("tcp://", "tls://"), security=temporary_security(), timeout=20)


def test_an_address_beyond_this_computer_needs_tls_or_to_be_asked_for_by_name() -> None:
    with pytest.raises(ClusterError, match=rf"tcp://{ELSEWHERE}:8786 is reached without TLS.* insecure=True"):
        connect(f"tcp://{ELSEWHERE}:8786")
    with pytest.raises(ClusterError, match="without TLS"):
        connect(f"{ELSEWHERE}:8786")  # Dask takes this for tcp
    refuse_plain([f"tcp://{ELSEWHERE}:8786"], insecure=True)


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("tcp://127.0.0.1:8786", True),
        ("tcp://127.3.2.1:8786", True),
        ("tcp://[::1]:8786", True),
        ("tcp://localhost:8786", True),
        ("tls://198.51.100.7:8786", True),
        ("wss://198.51.100.7:8786", True),
        ("gateway://198.51.100.7:8786", True),
        ("inproc://10.0.0.1/12/1", True),
        ("tcp://198.51.100.7:8786", False),
        ("ucx://198.51.100.7:8786", False),
        ("ws://198.51.100.7:8786", False),
        ("tcp://0.0.0.0:8786", False),
        ("tcp://[2001:db8::1]:8786", False),
        ("tcp://nowhere.invalid:8786", False),
    ],
)
def test_which_addresses_are_private(address: str, private: bool) -> None:
    assert is_private(address) == private


@pytest.mark.parametrize("who", ["scheduler", "way in", "worker"])
def test_transport_is_looked_at_on_all_sides(who: str) -> None:
    safe, plain = "tcp://127.0.0.1:8786", f"tcp://{ELSEWHERE}:8786"
    client: Any = SimpleNamespace(
        scheduler=SimpleNamespace(address=plain if who == "way in" else safe),
        scheduler_info=lambda n_workers: {"address": plain if who == "scheduler" else safe},
        nthreads=lambda: {safe: 1, plain if who == "worker" else safe: 1},
    )
    with pytest.raises(ClusterError, match=f"tcp://{ELSEWHERE}:8786"):
        check_transport(client)
    check_transport(client, insecure=True)


def test_a_worker_that_listens_wider_than_its_address_says_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with make_cluster(n_workers=1) as cluster, cluster.get_client() as client:
        (address,) = client.nthreads()
        monkeypatch.setattr(
            security, "evaluate_on_workers", lambda *_: {address: ["tcp://0.0.0.0:8786"]}
        )  # a worker without --host
        with pytest.raises(ClusterError, match=rf"{address} listens on tcp://0.0.0.0:8786.*--host 127.0.0.1"):
            check_transport(client)


def test_certificates_that_are_in_files_travel_as_what_is_in_them(tmp_path: Path) -> None:
    inside = temporary_security().get_tls_config_for_role("worker")
    for part in ("key", "cert", "ca_file"):
        (tmp_path / part).write_text(str(inside[part]))
    named = Security(
        require_encryption=True,
        tls_ca_file=str(tmp_path / "ca_file"),
        tls_worker_key=str(tmp_path / "key"),
        tls_worker_cert=str(tmp_path / "cert"),
    )
    comm = as_configuration(named)["distributed"]["comm"]
    assert comm["require-encryption"]
    assert comm["tls"]["ca-file"] == inside["ca_file"]
    assert comm["tls"]["worker"] == {"key": inside["key"], "cert": inside["cert"]}
    assert comm["tls"]["scheduler"] == {"key": None, "cert": None}


def test_certificates_are_for_their_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "tls.yaml"
    written = write_certificates(file)
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600
    for role in ("scheduler", "worker", "client"):
        assert read_certificates(file).get_tls_config_for_role(role) == written.get_tls_config_for_role(role)
    before = file.read_bytes()
    with pytest.raises(ClusterError, match="exists"):
        write_certificates(file)
    assert file.read_bytes() == before
    with pytest.raises(ClusterError, match="cannot be written"):
        write_certificates(tmp_path / "nowhere" / "tls.yaml")


@pytest.mark.parametrize("content", [None, "no json", "[1, 2]", "{}", json.dumps({"distributed": {}})])
def test_a_file_without_certificates_says_so(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "tls.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ClusterError, match="holds no certificates"):
        read_certificates(file)


def test_without_cryptography_the_message_has_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    with pytest.raises(MissingExtraError, match=r"dqnkit\[cluster\]"):
        temporary_security()


def test_the_run_over_the_cluster_is_the_run_in_one_process(tls_cluster: TLSCluster) -> None:
    config = small_config(deterministic=True, num_actors=2)
    with connect(tls_cluster.address, security=read_certificates(tls_cluster.certificates)) as client:
        *_, there = train(config, rollouts=ClusterRollouts(client))
    *_, here = train(config)
    np.testing.assert_array_equal(there.weights.values, here.weights.values)
