"""Training over a cluster from the command line: a subprocess, its exit status, its output, its files and processes."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dask_processes
import psutil
import pytest
from toys import SMALL_RUN

from dqnkit.checkpoint import restore

QUICK = ("--total-steps=1500", *SMALL_RUN)

# A user's own environment, in the folder where the command runs
MINE = """
import gymnasium as gym, numpy as np

class Mine(gym.Env):
    observation_space, action_space = gym.spaces.Box(-1, 1, (3,)), gym.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(3, np.float32), {}
    def step(self, action):
        self.time += 1
        return np.zeros(3, np.float32), float(action), self.time == 10, False, {}

gym.register("Mine-v0", Mine)
"""


def start(*arguments: str, cwd: Path, **variables: str) -> subprocess.Popen[str]:
    """Start the command line in a process group of its own, to which a terminal would send Ctrl-C."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "dqnkit.cli", *arguments],
        cwd=cwd,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def dqnkit(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end; none of its processes may be left."""
    process = start(*arguments, cwd=cwd, **variables)
    out, err = process.communicate(timeout=150)
    assert_session_is_over(process.pid)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def assert_session_is_over(leader: int) -> None:
    """No process is left of the session that ``leader`` began; the processes of Dask's workers belong to it."""
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                members.append(process)
        except OSError:  # it has ended meanwhile, or belongs to another user
            continue
    dask_processes.assert_gone(members)


def rows(path: Path) -> list[dict[str, float]]:
    if not path.exists():
        return []
    with path.open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_training_with_two_workers_on_an_environment_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "my_module.py").write_text(MINE)
    done = dqnkit("train", "my_module:Mine-v0", "--run-dir=run", *QUICK, "--workers=2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Workers: 2. Dask's dashboard: http://127.0.0.1:" in done.stdout
    assert "workers 2, policy lag" in done.stderr  # the progress line
    assert "distributed" not in done.stderr  # Dask's log
    metrics = rows(tmp_path / "run/metrics.csv")
    assert metrics[-1]["step"] >= 1_500
    assert metrics[-1]["updates"] > 0
    assert len(json.loads((tmp_path / "run/evaluation.json").read_text())["returns"]) == 100


@pytest.mark.slow
def test_a_lost_scheduler_is_told_with_the_run_and_the_command_that_goes_on(
    tmp_path: Path, tried: Callable[[int, str, str], None]
) -> None:
    long = ("--total-steps=1000000", *QUICK[1:])
    with (
        dask_processes.scheduler(tmp_path) as (address, scheduler),
        dask_processes.worker(address, tmp_path, "a"),
    ):
        process = start("train", "CartPole-v1", "--run-dir=run", f"--scheduler={address}", *long, cwd=tmp_path)
        deadline = time.monotonic() + 100
        while not [row for row in rows(tmp_path / "run/metrics.csv") if row["step"] > 1_000]:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        scheduler.kill()
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    (message,) = [line for line in err.splitlines() if line.startswith("dqnkit: ")]
    assert f"the connection to the scheduler at {address} is lost. The run on CartPole-v1" in message
    assert "Run run is saved at step " in message
    assert "Go on with: dqnkit resume run --workers 2" in message
    tried(23, "dqnkit train --scheduler, whose scheduler is killed", re.sub(r"\d{4,}", "N", message))
    done = dqnkit("resume", "run", "--total-steps=2000", "--no-video", cwd=tmp_path)
    assert "Going on from step" in done.stdout or "complete" in done.stdout, done.stderr


@pytest.mark.slow
def test_training_over_a_scheduler_with_certificates(tmp_path: Path) -> None:
    made = dqnkit("certificates", "tls.yaml", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "DASK_CONFIG=tls.yaml" in made.stdout
    file = tmp_path / "tls.yaml"
    hidden = ["dqnkit", "tensorflow", "keras"]
    command = ["train", "CartPole-v1", "--run-dir=run", *QUICK]
    with (
        dask_processes.scheduler(tmp_path, file) as (address, _),
        dask_processes.worker(address, tmp_path, "bare", hidden, file),
    ):
        command += ["--scheduler", address]
        stranger = dqnkit(*command, cwd=tmp_path)
        assert stranger.returncode == 2
        assert "it needs certificates, and there are none here: set DASK_CONFIG" in stranger.stderr
        without = dqnkit(*command, cwd=tmp_path, DASK_CONFIG=str(file))
        assert without.returncode == 2
        assert "does not have dqnkit" in without.stderr
        assert not (tmp_path / "run").exists()
        sent = dqnkit(*command, "--send-package", cwd=tmp_path, DASK_CONFIG=str(file))
        assert sent.returncode == 0, sent.stderr
    assert rows(tmp_path / "run/metrics.csv")[-1]["step"] >= 1_500


@pytest.mark.slow
@pytest.mark.parametrize("group", [True, False], ids=["terminal", "process"])
def test_ctrl_c_keeps_everything_and_leaves_no_process(tmp_path: Path, group: bool) -> None:
    settings = [*QUICK, "--total-steps=10000000", "--run-dir=run", "--workers=2"]
    process = start("train", "CartPole-v1", *settings, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while len(rows(tmp_path / "run/metrics.csv")) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    if group:
        os.killpg(process.pid, signal.SIGINT)  # a terminal sends the signal to the whole group
    else:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert_session_is_over(process.pid)
    stopped = restore(tmp_path / "run/checkpoints").counters.step
    assert f"Stopped at step {stopped:,}; nothing is lost" in out

    other = [] if group else ["--workers=1"]  # a resumed run may have another number of workers
    resumed = dqnkit("resume", "run", f"--total-steps={stopped + 500}", "--no-video", *other, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    steps = [row["step"] for row in rows(tmp_path / "run/metrics.csv")]
    assert steps == sorted(steps)
    assert steps[-1] >= stopped + 500


def test_ctrl_c_while_workers_start_leaves_no_process(tmp_path: Path) -> None:
    process = start("train", "CartPole-v1", *QUICK, "--run-dir=run", "--workers=2", cwd=tmp_path)
    deadline = time.monotonic() + 120
    while len(psutil.Process(process.pid).children()) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in err
    assert_session_is_over(process.pid)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--workers=2", "--scheduler=tcp://127.0.0.1:1"], "give one of them"),
        (["--insecure"], "go with --scheduler"),
        (["--send-package"], "go with --scheduler"),
        (["--workers=0"], "0 is not in the range"),
        (["--scheduler=tcp://198.51.100.7:8786"], "tcp://198.51.100.7:8786 is reached without TLS"),
        (["--scheduler=foo"], "is no scheduler's address"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = dqnkit("train", "CartPole-v1", "--run-dir=run", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_scheduler_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        done = dqnkit("train", "CartPole-v1", "--run-dir=run", "--scheduler", address, cwd=tmp_path)
    assert done.returncode == 2
    assert f"no connection to the scheduler at {address}: nothing listens there" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_without_dask_the_message_has_the_command(tmp_path: Path) -> None:
    variables = dask_processes.environment(tmp_path, ["distributed"])
    assert dqnkit("certificates", "tls.yaml", cwd=tmp_path, **variables).returncode == 2
    done = dqnkit("train", "CartPole-v1", "--run-dir=run", "--workers=1", cwd=tmp_path, **variables)
    assert done.returncode == 2
    assert 'pip install "dqnkit[cluster]"' in done.stderr
    assert not (tmp_path / "run").exists()
