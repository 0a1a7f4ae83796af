"""Every listening socket of everything that the kit starts: who can connect, and what another user gets there."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import dask_processes
import psutil
import pytest
from clusters import LIMIT, within
from toys import small_config

from dqnkit.deploy import make_cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

ROOT = Path(__file__).parents[2]
EVIL = ROOT / "tests" / "support" / "evil_client.py"
TLS, WEB, OTHER = "Dask, TLS", "web server", "something else"
UNPROTECTED = {
    "learner process": "TensorFlow's gRPC, open to whoever reaches the port: started only with insecure=True",
    "kernel": "ipykernel's pipe for the output of child processes: it drops what comes without the kernel's secret",
}
Tried = Callable[[int, str, str], None]
web = build_opener(ProxyHandler({}))  # whatever proxy this computer has


@contextmanager
def local(folder: Path) -> Iterator[list[psutil.Process]]:
    with make_cluster(n_workers=2):
        yield [psutil.Process()]


@contextmanager
def command_line(folder: Path) -> Iterator[list[psutil.Process]]:
    with dqnkit(folder, "train", "CartPole-v1", "--workers=2", "--total-steps=100000000", "--no-video") as process:
        within(LIMIT, lambda: "Training on" in (folder / "log").read_text())
        yield [process]


@contextmanager
def over_ssh(folder: Path) -> Iterator[list[psutil.Process]]:
    ssh_server = pytest.importorskip("ssh_server")
    if not ssh_server.SSHD:
        pytest.skip("there is no sshd here")
    with (
        ssh_server.sshd(folder, PYTHONPATH=str(ROOT)) as (options, server),
        make_cluster("ssh", 2, hosts=["127.0.0.1", "127.0.0.2"], connect_options=options),
    ):
        yield server.children()  # without sshd itself, which is not ours


@contextmanager
def simulated_cloud(folder: Path) -> Iterator[list[psutil.Process]]:
    pytest.importorskip("moto")
    from loopback import guarded_aws

    with guarded_aws(), make_cluster("aws", 1, progress=lambda line: None):
        yield [psutil.Process()]


@contextmanager
def several_learners(folder: Path) -> Iterator[list[psutil.Process]]:
    from dqnkit.cluster.multiworker import MultiWorkerLearner

    with (
        make_cluster(n_workers=2) as cluster,
        cluster.get_client() as client,
        MultiWorkerLearner(client, small_config(), 2, insecure=True, start_timeout=200.0),
    ):
        yield [psutil.Process()]


@contextmanager
def lab(folder: Path) -> Iterator[list[psutil.Process]]:
    pytest.importorskip("jupyterlab")
    with dqnkit(folder, "lab", "--no-browser", str(folder / "course")) as process:
        within(LIMIT, lambda: "?token=" in (folder / "log").read_text())
        found = re.search(r"(http://\S+?)/lab\S*\?token=(\w+)", (folder / "log").read_text())
        assert found
        start = Request(f"{found[1]}/api/kernels", b"{}", {"Authorization": f"token {found[2]}"}, method="POST")
        with web.open(start, timeout=60) as answer:  # a kernel may listen, too
            kernel = json.load(answer)["id"]
        within(LIMIT, lambda: any(kernel in " ".join(each.cmdline()) for each in process.children(recursive=True)))
        time.sleep(3)
        yield [process]


@contextmanager
def dqnkit(folder: Path, *arguments: str) -> Iterator[psutil.Process]:
    """A command that runs until the end of the ``with`` block; what it prints is in a file named log."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "dqnkit.cli", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths},
            stdout=log,
            stderr=log,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def kind_of(host: str, port: int) -> str:
    """What answers at an address."""
    host = "127.0.0.1" if host in ("::", "0.0.0.0") else host
    if status(f"http://{host}:{port}/"):  # asked first: a web server waits long for the rest of a TLS greeting
        return WEB
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), 10) as plain, context.wrap_socket(plain):
            return TLS
    except OSError:
        return OTHER


def status(url: str, method: str = "GET", data: bytes | None = None) -> int:
    """The status with which a web server answers; 0 if it is none."""
    try:
        with web.open(Request(url, data, method=method), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (OSError, ValueError, HTTPException):
        return 0


def owner(pid: int) -> str:
    """A word for a process."""
    words = " ".join(psutil.Process(pid).cmdline())
    for sign, name in (
        ("learner_process", "learner process"),
        ("jupyterlab", "JupyterLab"),
        ("ipykernel", "kernel"),
        ("simulated.server", "simulated cloud"),
        ("spawn_main", "worker"),
        ("dask spec", "machine"),
        ("distributed.Nanny", "worker's computer"),
        ("distributed.Scheduler", "scheduler's computer"),
    ):
        if sign in words:
            return name
    return "driver" if pid == os.getpid() or "dqnkit.cli" in words else "other process"


def listeners(roots: list[psutil.Process]) -> dict[tuple[str, int], str]:
    """(IP address, port) -> the process, of all listening sockets of these processes and their children."""
    found = {}
    for process in {each for root in roots for each in (root, *root.children(recursive=True))}:
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                found[connection.laddr.ip, connection.laddr.port] = owner(process.pid)
    return found


def evil(addresses: list[str]) -> dict[str, dict[str, str]]:
    """What the evil client gets at each address."""
    command = [sys.executable, str(EVIL), *addresses]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True, cwd="/")
    answer = json.loads(done.stdout)
    assert answer["user"] != 0
    found: dict[str, dict[str, str]] = answer["found"]
    return found


def test_the_evil_client_gets_into_a_cluster_without_tls(tmp_path: Path) -> None:
    with dask_processes.scheduler(tmp_path) as (address, _):
        where = address.removeprefix("tcp://")
        assert evil([where])[where]["without TLS"] == "ANSWERED: Scheduler"


@pytest.mark.parametrize("start", [local, command_line, over_ssh, simulated_cloud, several_learners, lab])
def test_he_is_refused_everywhere(start: Callable[..., object], tmp_path: Path, tried: Tried) -> None:
    with start(tmp_path) as roots:  # type: ignore[attr-defined]
        sockets = listeners(roots)
        assert sockets
        groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for (ip, port), process in sockets.items():
            groups[process, ip, kind_of(ip, port)].append(f"{ip}:{port}")
        encrypted = [where for (_, _, kind), addresses in groups.items() if kind == TLS for where in addresses]
        answers = evil(encrypted) if encrypted else {}
        for (process, ip, kind), addresses in sorted(groups.items()):
            given = f"{start.__name__}: {process}, {len(addresses)} at {ip}, {kind}"
            if kind == TLS:
                attempts = [attempt for where in addresses for attempt in answers[where].items()]
                got = [f"{name}: {answer.partition(':')[0]}" for name, answer in attempts]
                assert not [each for each in got if "ANSWERED" in each]
                now = f"refused to another user ({'; '.join(dict.fromkeys(got))})"
            elif kind == WEB:
                now = look_at_web_server(process, addresses)
            else:
                now = UNPROTECTED[process]  # a KeyError: nobody knows this listener
            assert ip.startswith("127.") or ip == "::1" or process == "learner process", f"{ip} is open to the network"
            tried(15, given, now)


def look_at_web_server(process: str, addresses: list[str]) -> str:
    """Check that a stranger can change nothing there; return what he can do."""
    for where in addresses:
        url = f"http://{where}"
        if process == "JupyterLab":
            assert status(f"{url}/api/kernels") == status(f"{url}/api/kernels", "POST", b"{}") == 403
        elif process == "simulated cloud":
            run_a_machine = b"Action=RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1"
            assert status(f"{url}/", "POST", run_a_machine) in (400, 401, 403)
            assert status(f"{url}/moto-api/reset", "POST", b"") >= 400
        else:  # Dask's dashboard, and those of its workers
            assert status(f"{url}/api/v1/retire_workers", "POST", b'{"workers": []}') == 404
            port = addresses[0].rpartition(":")[2]
            assert status(f"{url}/proxy/{port}/127.0.0.1/status") in (400, 404, 501)
    known = {"JupyterLab": "refused without the token", "simulated cloud": "refused without the secret key"}
    return known.get(process, "every user of this computer can read the dashboard's pages, and change nothing")
