"""`my_cluster_dqn.py`, the program of the reader's own functions on Dask: it runs without the kit, and ends cleanly."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dqnkit.classroom import write_program
from dqnkit.course_folder import find_notebooks

REPOSITORY = find_notebooks().parent
WITHOUT_DQNKIT = REPOSITORY / "tests" / "support" / "without_dqnkit.py"


def ruff(*arguments: object) -> str:
    command = [sys.executable, "-m", "ruff", *map(str, arguments), "--config", str(REPOSITORY / "pyproject.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_it_is_a_plain_program_without_the_kit(tmp_path: Path) -> None:
    program = write_program("my_cluster_dqn.py", tmp_path)
    assert "dqnkit" not in program.source
    assert not re.search(r"^# part:", program.source, re.MULTILINE)
    imported = {line.split()[1] for line in program.source.splitlines() if re.match(" *(import|from) ", line)}
    assert imported == {
        *("__future__", "argparse", "collections", "logging", "time"),
        *("dask.distributed", "gymnasium", "numpy", "tensorflow"),
    }
    names = {part.name for part in program.parts}
    assert names >= {"rollout_task", "streaming_loop", "staleness_bound", "whose_turn", "q_network", "train_step"}
    assert ruff("check", program.path) == ""
    assert ruff("format", "--check", program.path) == ""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_it_trains_with_one_worker_where_dqnkit_is_not_installed(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    program = write_program("my_cluster_dqn.py", tmp_path)
    command = [sys.executable, str(WITHOUT_DQNKIT), program.path.name, "--steps", "1_300", "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "DQNKIT_REFUSED" not in done.stderr
    assert re.search(r"[1-9]\d* updates, 0 rollouts too old, 0 failed", done.stdout), done.stdout
    assert re.search(r"100 greedy episodes: mean return \d+\.\d", done.stdout), done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal to a group of processes")
def test_workers_act_without_tensorflow_and_ctrl_c_ends_them(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    program = write_program("my_cluster_dqn.py", tmp_path)
    with subprocess.Popen(
        [sys.executable, "-u", program.path.name, "--workers", "2"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("step "))
        workers = psutil.Process(process.pid).children(recursive=True)
        loaded = [path for worker in workers for path in libraries(worker)]
        assert len(workers) >= 2
        assert not [path for path in loaded if "tensorflow" in path], line
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        rest = process.stdout.read()
        assert process.wait(timeout=60) == 0, rest
    assert rest.rstrip().endswith("stopped"), rest
    deadline = time.monotonic() + 20
    while any(worker.is_running() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [worker for worker in workers if worker.is_running()]


def libraries(process: psutil.Process) -> list[str]:
    """The files that a process has mapped into its memory."""
    try:
        return [entry.path for entry in process.memory_maps()]
    except (psutil.Error, NotImplementedError):
        return []
