"""A signal at any moment of a command: what was learned is kept, what costs money is removed, the status says why."""

from __future__ import annotations

import csv
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from clusters import within
from toys import SMALL_RUN

from dqnkit.checkpoint import restore
from dqnkit.cli import main, signals

QUICK = ("--run-dir=run", *SMALL_RUN)
Tried = Callable[[int, str, str], None]

# Of this environment the hundred copies of the evaluation are slow
SLOW_TO_EVALUATE = """
import time
import gymnasium as gym, numpy as np

class Slow(gym.Env):
    observation_space, action_space = gym.spaces.Box(-1, 1, (1,)), gym.spaces.Discrete(2)
    copies = 0
    def __init__(self):
        Slow.copies += 1
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(1, np.float32), {}
    def step(self, action):
        time.sleep(0.01 if Slow.copies > 50 else 0)
        self.time += 1
        return np.zeros(1, np.float32), 1.0, self.time == 50, False, {}

gym.register("Slow-v0", Slow)
"""


def start(cwd: Path, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start the command line in a session of its own."""
    command = [sys.executable, "-u", "-m", "dqnkit.cli", *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, cwd=cwd, text=True, start_new_session=True, **streams)  # type: ignore[call-overload,no-any-return]


def metrics(run: Path) -> list[float]:
    """The steps in metrics.csv."""
    if not (run / "metrics.csv").exists():
        return []
    with (run / "metrics.csv").open() as file:
        return [float(row["step"]) for row in csv.DictReader(file)]


def loads_tensorflow(process: subprocess.Popen[str]) -> bool:
    return any("tensorflow" in each.path for each in psutil.Process(process.pid).memory_maps())


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_while_tensorflow_is_loaded(tmp_path: Path, tried: Tried, name: str) -> None:
    number = getattr(signal, name)
    process = start(tmp_path, "train", "CartPole-v1", *QUICK)
    within(60, lambda: loads_tensorflow(process))
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()
    tried(11, f"{name} while TensorFlow is loaded", f"ends, status {128 + number}, no folder is left")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("workers", [0, 2])
def test_in_training(tmp_path: Path, tried: Tried, name: str, workers: int) -> None:
    number = getattr(signal, name)
    over = [f"--workers={workers}"] if workers else []
    process = start(tmp_path, "train", "CartPole-v1", *QUICK, *over, "--total-steps=10000000")
    within(120, lambda: len(metrics(tmp_path / "run")) > 1)
    os.killpg(process.pid, number)  # to the workers, too: so do a terminal and a shutdown
    os.killpg(process.pid, number)  # twice changes nothing
    out, err = process.communicate(timeout=90)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    step = restore(tmp_path / "run/checkpoints").counters.step
    assert f"Stopped at step {step:,}; nothing is lost" in out
    assert metrics(tmp_path / "run")[-1] == step
    tried(11, f"{name} to the group in training, {workers} workers", f"saved, status {128 + number}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_while_workers_start(tmp_path: Path, tried: Tried, name: str) -> None:
    number = getattr(signal, name)
    process = start(tmp_path, "train", "CartPole-v1", *QUICK, "--workers=2")
    within(60, lambda: len(psutil.Process(process.pid).children()) >= 2)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    within(30, lambda: not any(child.is_running() for child in children))
    tried(11, f"{name} while workers start", f"status {128 + number}, no process is left")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_in_the_evaluation(tmp_path: Path, tried: Tried, name: str) -> None:
    number = getattr(signal, name)
    (tmp_path / "slow.py").write_text(SLOW_TO_EVALUATE)
    process = start(tmp_path, "train", "slow:Slow-v0", *QUICK, "--total-steps=1000")
    assert process.stdout
    while not process.stdout.readline().startswith("Trained for"):
        assert process.poll() is None
    time.sleep(1.0)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert "Stopped while evaluating; the training is complete. Evaluate with: dqnkit resume run" in out
    assert sorted((tmp_path / "run/checkpoints").glob("step-*"))[-1].name > "step-000000001000"
    tried(11, f"{name} in the evaluation at the end", f"the training is kept, status {128 + number}")


@pytest.mark.slow
def test_a_terminal_that_is_closed(tmp_path: Path, tried: Tried) -> None:
    ours, its = pty.openpty()
    process = start(
        tmp_path,
        *("train", "CartPole-v1", *QUICK, "--total-steps=10000000"),
        stdin=its,
        stdout=its,
        stderr=its,
        preexec_fn=controls_a_terminal,
    )
    os.close(its)
    os.set_blocking(ours, False)
    within(120, lambda: drained(ours) and len(metrics(tmp_path / "run")) > 2)
    os.close(ours)  # the system sends SIGHUP, and writing to the terminal fails from now on
    assert process.wait(timeout=60) == 128 + signal.SIGHUP
    assert restore(tmp_path / "run/checkpoints").counters.step == metrics(tmp_path / "run")[-1]
    tried(11, "the terminal is closed", "saved, status 129, although nothing can be written to it")


def controls_a_terminal() -> None:
    """Make standard input the terminal of the session, as a shell's is."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def drained(terminal: int) -> bool:
    """Read what was written to a terminal."""
    with suppress(BlockingIOError):
        while os.read(terminal, 4096):
            pass
    return True


@pytest.mark.slow
def test_output_that_nobody_reads_stops_nothing(tmp_path: Path, tried: Tried) -> None:
    process = start(tmp_path, "train", "CartPole-v1", *QUICK, "--total-steps=3000")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    process.stderr.close()
    assert process.wait(timeout=120) == 0
    assert (tmp_path / "run/evaluation.json").exists()
    tried(11, "standard output and error are broken pipes", "the run is complete, status 0")


@pytest.mark.slow
def test_nohup_goes_on_after_sighup(tmp_path: Path, tried: Tried) -> None:
    ignored = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    process = start(tmp_path, "train", "CartPole-v1", *QUICK, "--total-steps=30000", **ignored)
    within(120, lambda: len(metrics(tmp_path / "run")) > 1)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=120)
    assert process.returncode == 0
    tried(11, "SIGHUP under nohup", "stays ignored")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_while_machines_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried, name: str) -> None:
    pytest.importorskip("dask_cloudprovider")
    from loopback import guarded_aws

    monkeypatch.chdir(tmp_path)
    number = getattr(signal, name)
    with guarded_aws() as cloud:
        cloud.boot = "never"

        def send() -> None:
            within(60, lambda: any(each.state == "running" for each in cloud.instances()))
            os.kill(os.getpid(), number)
            time.sleep(0.2)
            os.kill(os.getpid(), number)  # while the machines are removed

        sender = threading.Thread(target=send)
        sender.start()
        done = CliRunner().invoke(main, ["train", "CartPole-v1", *QUICK, "--workers=1", "--on=aws", "--yes"])
        sender.join()
        assert done.exit_code == 128 + number, done.output
        assert not [each for each in cloud.instances() if each.state != "terminated"]
        assert not cloud.groups()
    tried(11, f"{name} while the cloud's machines start, and once more", f"all are removed, status {128 + number}")


def test_a_command_in_another_thread_leaves_the_signals_alone(tried: Tried) -> None:
    before = signal.getsignal(signal.SIGTERM)
    done = []

    def in_a_thread() -> None:
        with signals.handled():
            done.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert done == [before]
    tried(11, "a command that is not on the main thread", "handles no signals, and runs")


def test_a_second_ctrl_c_stops_at_once_and_a_second_sigterm_does_not() -> None:
    with signals.handled():
        with signals.deferred():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGHUP)
            assert signals.asked() == signal.SIGTERM
            with pytest.raises(signals.Ended):
                signal.raise_signal(signal.SIGINT)
        assert signals.exit_status() == 143
    with signals.handled(), signals.deferred():
        assert signals.asked() is None
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(signals.Ended), signals.at_once():
            raise AssertionError("what was noted before is raised first")
