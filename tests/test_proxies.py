"""With every proxy variable set to a proxy that is dead, all that talks within this computer works as before."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest
from browser import jupyter_lab
from clusters import LIMIT, within

from dqnkit.cluster.multiworker.supervisor import _hosts

ROOT = Path(__file__).parents[1]
DEAD = "http://127.0.0.1:9"
NAMES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
PROXIES = {name: DEAD for lower in NAMES for name in (lower, lower.upper())}
Tried = Callable[[int, str, str], None]
web = build_opener(ProxyHandler({}))  # for this process, which looks on

LEARNER = """
from learner_cases import SETTINGS, batches, config_for_updates
import numpy as np
from dqnkit.cluster.multiworker import MultiWorkerLearner
from dqnkit.deploy import make_cluster

with make_cluster(n_workers=2) as cluster, cluster.get_client() as client:
    config = config_for_updates(**SETTINGS["all at once, xla"])
    with MultiWorkerLearner(client, config, 2, insecure=True, start_timeout=150.0) as learner:
        learner.update(batches(np.random.default_rng(0)))
        print("updates", learner.updates)
"""
CLOUD = """
from dqnkit.cloud.simulated.aws import simulated_aws
from dqnkit.deploy import make_cluster

with simulated_aws(), make_cluster("aws", 1, progress=lambda line: None) as cluster, cluster.get_client() as client:
    print("sum", client.submit(sum, [1, 2]).result())
"""


def environment() -> dict[str, str]:
    """The environment of a child: no exceptions from the proxy are set."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    paths = os.pathsep.join([str(ROOT / "tests" / "support"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {**kept, **PROXIES, "PYTHONPATH": paths}


def test_the_hosts_that_learner_processes_reach_without_a_proxy() -> None:
    task = {"type": "worker", "index": 0}
    there = ["127.0.0.1:1", "127.0.0.1:2", "[fd00::1]:3", "node-4:4"]
    assert _hosts({"cluster": {"worker": there}, "task": task}) == ["127.0.0.1", "fd00::1", "node-4"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "code", "printed"),
    [("multi-worker learner", LEARNER, "updates"), ("simulated cloud", CLOUD, "sum 3")],
)
def test_programs(name: str, code: str, printed: str, tmp_path: Path, tried: Tried) -> None:
    if name == "simulated cloud":
        pytest.importorskip("moto")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout
    tried(20, f"{name}, all proxy variables set to a dead proxy", f"works: {done.stdout.strip()}")


@pytest.mark.slow
def test_the_command_line_trains_on_workers(tmp_path: Path, tried: Tried) -> None:
    short = ["--total-steps=1500", "--learning-starts=100", "--hidden-sizes=16", "--no-xla", "--no-video"]
    command = [sys.executable, "-m", "dqnkit.cli", "train", "CartPole-v1", "--workers=2", "--run-dir=run", *short]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    tried(20, "dqnkit train --workers 2, a dead proxy", done.stdout.strip().splitlines()[-2])


@pytest.mark.slow
def test_jupyter_starts_and_answers(tmp_path: Path, tried: Tried) -> None:
    pytest.importorskip("jupyterlab")
    command = [sys.executable, "-u", "-m", "dqnkit.cli", "lab", "--no-browser", str(tmp_path / "course")]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=environment(), stdout=log, stderr=log)
    try:
        within(LIMIT, lambda: "?token=" in (tmp_path / "log").read_text())
        found = re.search(r"http://\S+\?token=\w+", (tmp_path / "log").read_text())
        assert found
        assert web.open(found[0], timeout=60).status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
    tried(20, "dqnkit lab, a dead proxy", "it starts, prints its address, and that answers")


CELLS = [
    "from dqnkit import doctor\n\ndoctor.examine()",
    "from dqnkit.cluster.dashboard import dashboard_link\nfrom dqnkit.deploy import make_cluster\n"
    "cluster = make_cluster(n_workers=1)\nclient = cluster.get_client()\n"
    "print('dashboard:', client.dashboard_link, dashboard_link(client))",
    "client.close()\ncluster.close()\nprint('closed', 2 + 2)",
]


@pytest.mark.slow
def test_the_browsers_way_to_the_kernel_and_to_the_dashboard(tmp_path: Path, tried: Tried) -> None:
    with jupyter_lab(tmp_path, **PROXIES) as lab:
        notebook = lab.open(CELLS)
        notebook.run(0)
        notebook.wait_for(0, r"✓ ok\s+widgets\s+a value went to the browser and came back", timeout=120)
        notebook.wait_for(0, r"✓ ok\s+Dask\s+a cluster started, worked and closed")
        notebook.run(1)
        notebook.wait_for(1, r"dashboard: http://127\.0\.0\.1:(\d+)/status /proxy/\1/status", timeout=60)
        port = re.search(r"127\.0\.0\.1:(\d+)/status", notebook.output(1).inner_text())
        assert port
        assert web.open(f"http://127.0.0.1:{port[1]}/status", timeout=30).status == 200
        assert web.open(f"{lab.url}/proxy/{port[1]}/status", timeout=30).status == 200
        notebook.run(2)
        notebook.wait_for(2, "closed 4", timeout=60)
        assert not notebook.errors
    tried(20, "the doctor's round trip, the dashboard, and it through JupyterLab; a dead proxy", "all answer")
