"""Clusters over ssh: a real sshd on the loopback starts a real scheduler and workers; nothing of them is left."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dask
import dask_processes
import psutil
import pytest
from clusters import Collector, within
from distributed import Client, Security

from dqnkit.cluster import ssh_host
from dqnkit.cluster.ssh import share_out, start
from dqnkit.deploy import connect, make_cluster
from dqnkit.errors import ClusterError, ConfigError

asyncssh = pytest.importorskip("asyncssh")
ssh_server = pytest.importorskip("ssh_server")
if not ssh_server.SSHD:
    pytest.skip("there is no sshd here", allow_module_level=True)

HOST, OTHER = "127.0.0.1", "127.0.0.2"  # of Linux's loopback network; one sshd listens on both


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], psutil.Process]]:
    """Options to log in to an sshd, and the sshd."""
    tests = Path(__file__).parent
    paths = os.pathsep.join([str(tests), str(tests.parent)])
    with ssh_server.sshd(tmp_path_factory.mktemp("sshd"), PYTHONPATH=paths) as (options, process):
        yield options, process


@pytest.fixture
def options(server: tuple[dict[str, Any], psutil.Process]) -> Iterator[dict[str, Any]]:
    """The same; the test fails if a program that it started over ssh is left."""
    yield server[0]
    within(30, lambda: not server[1].children(recursive=True))


def pythons(sshd: psutil.Process) -> list[psutil.Process]:
    """The Python processes that an sshd has started."""
    found = []
    for child in sshd.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [child] * ("python" in child.name())
    return found


def secrets(client: Client) -> list[str]:
    """The lines of the cluster's certificates and keys."""
    texts = client.security.get_tls_config_for_role("client").values()
    return [line for text in texts if text for line in str(text).splitlines() if len(line) > 40]


def test_a_cluster_over_ssh_makes_rollouts_and_leaves_nothing(
    server: tuple[dict[str, Any], psutil.Process], capsys: pytest.CaptureFixture[str]
) -> None:
    options, sshd = server
    with (
        make_cluster("ssh", 2, hosts=[HOST, HOST, OTHER], connect_options=options) as cluster,
        cluster.get_client() as client,
    ):
        names = {worker["name"] for worker in client.scheduler_info(-1)["workers"].values()}
        assert names == {"127.0.0.1-0-0", "127.0.0.2-1-0"}
        with Collector(client) as collector:
            collector.collect_until(lambda: len(collector.from_workers()) == 2)
        with pytest.raises(ClusterError, match="needs certificates"):
            connect(cluster.scheduler_address, security=Security())
        with pytest.raises(ClusterError, match="TLS"):
            connect(cluster.scheduler_address.replace("tls://", "tcp://"), security=Security(), timeout=2)
        with pytest.raises(ClusterError, match="start another with more"):
            cluster.scale(3)
        family = sshd.children(recursive=True)
        assert all(ip in (HOST, OTHER) for ip, _ in dask_processes.listening([sshd]))
        seen = " ".join(part for process in family for part in (*process.cmdline(), *process.environ().values()))
        # Dask passes its configuration in base64
        seen += "".join(str(b64decode(word + "=="), "latin-1") for word in re.findall(r"[\w+/=-]{100,}", seen))
        keys = secrets(client)
        assert keys
        assert not [line for line in keys if line in seen], "whoever runs ps sees the keys"
        assert len(family) > 5
    dask_processes.assert_gone(family)
    shown = "".join(capsys.readouterr())
    assert "starting a scheduler on 127.0.0.1 and 2 workers on 2 hosts" in shown
    assert "PRIVATE KEY" not in shown


DRIVER = """
    import json, sys, time
    from dqnkit.cluster import ssh_host
    from dqnkit.cluster.ssh import start
    ssh_host.PROGRAM = ssh_host.PROGRAM.replace(str(ssh_host.SILENCE_SECONDS), "3")
    ssh_host.PULSE_SECONDS = 1.0
    cluster = start(1, hosts=["127.0.0.1"], connect_options=json.loads(sys.argv[1]))
    print("up", flush=True)
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_what_runs_there_ends_when_the_driver_is_gone(
    how: signal.Signals, server: tuple[dict[str, Any], psutil.Process]
) -> None:
    options, sshd = server
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(DRIVER), json.dumps(options)], stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdout
        try:
            assert "up\n" in driver.stdout
            family = pythons(sshd)
            assert len(family) > 2
            os.kill(driver.pid, how)  # to the host, a stopped driver looks like a lost network
            dask_processes.assert_gone(family)
        finally:
            driver.kill()
    within(30, lambda: not sshd.children(recursive=True))


@pytest.mark.slow
def test_ctrl_c_while_it_starts_leaves_nothing(server: tuple[dict[str, Any], psutil.Process]) -> None:
    options, sshd = server
    code = textwrap.dedent(DRIVER)
    with subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as driver:
        within(60, lambda: len(pythons(sshd)) > 0)
        driver.send_signal(signal.SIGINT)
        shown, errors = driver.communicate(timeout=30)
        assert "KeyboardInterrupt" in errors
        assert "up\n" not in shown
    within(10, lambda: not sshd.children(recursive=True))


def test_a_host_that_is_not_known(options: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "none").touch()
    with pytest.raises(ClusterError, match=r"its key is not known here.*Connect once with ssh"):
        start(1, hosts=[HOST], connect_options={**options, "known_hosts": str(tmp_path / "none")})


def test_a_host_that_does_not_let_us_in(options: dict[str, Any], tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "other")
    with pytest.raises(ClusterError, match=r"does not let us in.*public key of ours"):
        start(1, hosts=[HOST], connect_options={**options, "client_keys": [str(tmp_path / "other")]})


def test_a_host_without_an_ssh_server(options: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match=r"no connection to 127\.0\.0\.3 by ssh: nothing listens there"):
        start(1, hosts=["127.0.0.3"], connect_options=options)


def test_a_host_that_says_nothing(options: dict[str, Any]) -> None:
    with socket.socket() as silent, dask.config.set({"dqnkit.ssh.connect-timeout": "0.5 s"}):
        silent.bind((HOST, 0))
        silent.listen()
        with pytest.raises(ClusterError, match="no answer within 0"):
            start(1, hosts=[HOST], connect_options={**options, "port": silent.getsockname()[1]})


def test_a_python_that_is_not_there(options: dict[str, Any]) -> None:
    with pytest.raises(ClusterError, match=r"There is no such Python: name it \(remote_python=\)"):
        start(1, hosts=[HOST], connect_options=options, remote_python="/nowhere/python")


def test_a_python_without_dask(options: dict[str, Any], tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')  # without its packages
    python.chmod(0o755)
    with pytest.raises(ClusterError, match=r"lacks a package: install distributed.*No module named 'dask'"):
        start(1, hosts=[HOST], connect_options=options, remote_python=str(python))


@pytest.mark.slow
def test_workers_that_do_not_come_take_the_scheduler_with_them(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$SSH_CONNECTION" in *{OTHER}*) sleep 60;; *) exec {sys.executable} "$@";; esac\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(ssh_host, "END_SECONDS", 1.0)
    with (
        dask.config.set({"dqnkit.ssh.boot-timeout": "4 s"}),
        pytest.raises(
            ClusterError, match=r"127\.0\.0\.2: its 1 workers did not come.*tls://127.0.0.1:\d+: does a firew"
        ),
    ):
        start(1, hosts=[HOST, OTHER], connect_options=options, remote_python=str(python))


def test_workers_are_shared_out_evenly() -> None:
    assert share_out(7, ["a", "b", "c"]) == [("a", 3), ("b", 2), ("c", 2)]
    assert share_out(2, ["a", "b", "c"]) == [("a", 1), ("b", 1)]
    assert share_out(0, ["a"]) == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"n_workers": -1, "hosts": [HOST]}, "n_workers must be at least 0"),
        ({"n_workers": 1, "hosts": []}, "hosts must be a list"),
        ({"n_workers": 1, "hosts": HOST}, "hosts must be a list"),
        ({"n_workers": 1, "hosts": [HOST], "connect_options": [{}, {}]}, "2 connect_options for 1 hosts"),
        ({"n_workers": 1, "hosts": [HOST], "security": Security(require_encryption=False)}, "require_encryption"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        start(**arguments)
