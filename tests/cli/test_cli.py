"""The command line as users meet it: a subprocess, its exit status, its output, its files."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from toys import SMALL_RUN

from dqnkit.checkpoint import restore
from dqnkit.config import DQNConfig

QUICK = ("--total-steps=1500", *SMALL_RUN)

# A user's own environment, whose squared rewards overflow float32
HUGE = """
import gymnasium as gym, numpy as np

class Huge(gym.Env):
    observation_space, action_space = gym.spaces.Box(-1, 1, (1,)), gym.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(1, np.float32), {}
    def step(self, action):
        self.time += 1
        return np.zeros(1, np.float32), 1e25 * (self.time > 1500), False, False, {}

gym.register("Huge-v0", Huge)
"""


def dqnkit(*arguments: str, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    command = [sys.executable, "-m", "dqnkit.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


def rows(path: Path) -> list[dict[str, float]]:
    with path.open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_a_run_leaves_everything_in_its_folder(tmp_path: Path) -> None:
    done = dqnkit("train", "CartPole-v1", "--run-dir=run", *QUICK, "--seed=3", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    assert json.loads((run / "config.json").read_text())["seed"] == 3
    assert json.loads((run / "environment.json").read_text())["versions"]["numpy"] == np.__version__
    metrics = rows(run / "metrics.csv")
    assert metrics[-1]["step"] >= 1_500
    assert metrics[-1]["updates"] > 0
    assert len(rows(run / "episodes.csv")) == metrics[-1]["episodes"]
    assert (run / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert list((run / "tensorboard").glob("events*"))
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert len(evaluation["returns"]) == 100
    assert restore(run / "checkpoints").counters.step == metrics[-1]["step"]
    assert f"{evaluation['mean']:.1f}" in done.stdout
    assert "observation: float32 vector of 4, not scaled" in done.stdout
    assert "oneDNN" not in done.stderr  # TensorFlow's start-up message, which students take for an error

    assert evaluation["epsilon"] == 0

    again = dqnkit("evaluate", "run", "--episodes=100", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert f"mean {evaluation['mean']:.1f}" in again.stdout

    complete = dqnkit("resume", "run", cwd=tmp_path)
    assert complete.returncode == 0
    assert "complete" in complete.stdout

    longer = dqnkit("resume", "run", "--total-steps=2000", "--no-video", cwd=tmp_path)
    assert longer.returncode == 0, longer.stderr
    assert "observation: float32 vector of 4, not scaled" in longer.stdout
    assert "the learning rate goes from 1e-05 to 0.00" in longer.stdout
    assert rows(run / "metrics.csv")[-1]["step"] >= 2_000

    other = dqnkit("train", "Acrobot-v1", "--run-dir=run", cwd=tmp_path)
    assert other.returncode == 2
    assert "already holds a run of CartPole-v1" in other.stderr


def test_ctrl_c_keeps_everything_and_resume_goes_on(tmp_path: Path) -> None:
    settings = [*QUICK, "--total-steps=60000", "--run-dir=run"]
    command = [sys.executable, "-u", "-m", "dqnkit.cli", "train", "CartPole-v1", *settings]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while (
        time.monotonic() < deadline
        and len(
            (tmp_path / "run/metrics.csv").read_text().splitlines() if (tmp_path / "run/metrics.csv").exists() else []
        )
        < 20
    ):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    stopped = restore(tmp_path / "run/checkpoints").counters.step
    assert f"Stopped at step {stopped:,}" in out
    assert "dqnkit resume run" in out

    resumed = dqnkit("resume", "run", f"--total-steps={stopped + 500}", "--no-video", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    steps = [row["step"] for row in rows(tmp_path / "run/metrics.csv")]
    assert steps == sorted(steps)
    assert steps[-1] >= stopped + 500


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("train CartPol-v1", "there is no environment 'CartPol-v1': did you mean CartPole-v1"),
        ("train Pendulum-v1", "DQN needs a finite number"),
        ("train Blackjack-v1", "has observations Tuple"),
        ("train CartPole-v1 --gamma 1.5", "gamma takes a number from 0 to 1, not 1.5"),
        ("train CartPole-v1 --gamma high", "'high' is not a valid float"),
        ("train CartPole-v1 --hidden-sizes 64,x", "'64,x' is not a list of whole numbers like 64,64"),
        ("train CartPole-v1 --loss cubic", "'cubic' is not one of 'huber', 'squared'"),
        ("train CartPole-v1 --gama 0.9", "No such option '?--gama'?"),
        ("train CartPole-v1 --learning-starts 200000", "learning would never start"),
        ("train CartPole-v1 --total-steps 600 --learning-starts 64 --samples-per-insert 1", "never learn: 600 steps"),
        ("train CartPole-v1 --samples-per-insert 0", "these settings never learn"),
        ("resume nowhere", "nowhere holds no run"),
        ("evaluate nowhere", "nowhere holds no run"),
        ("train dqnkit/Catch-v0 --conv-sizes 9", "too small for convolutions"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(tmp_path: Path, arguments: str, sentence: str) -> None:
    done = dqnkit(*arguments.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert re.search(sentence.replace("(", r"\("), done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("config.json"))


def test_a_loss_that_explodes_ends_with_advice_and_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_environments.py").write_text(HUGE)
    monkeypatch.syspath_prepend(tmp_path)
    settings = [*QUICK, "--loss=squared", "--total-steps=20000"]
    done = dqnkit("train", "my_environments:Huge-v0", "--run-dir=run", *settings, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert "the values explode" in done.stderr
    assert "learning_rate" in done.stderr
    assert np.isfinite(restore(tmp_path / "run/checkpoints").learner.get_weights().values).all()


@pytest.mark.slow
def test_a_run_stopped_before_its_first_checkpoint_begins_anew(tmp_path: Path) -> None:
    done = dqnkit("train", "CartPole-v1", "--run-dir=run", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(tmp_path / "run/checkpoints")
    (tmp_path / "run/evaluation.json").unlink()
    (tmp_path / "run/metrics.csv").unlink()
    again = dqnkit("resume", "run", "--no-video", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "Going on from step 0" in again.stdout
    (tmp_path / "run/evaluation.json").unlink()  # as if the process was killed after training, before the result
    result = dqnkit("resume", "run", "--no-video", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "run/evaluation.json").exists()


def test_settings_that_need_too_much_memory_are_one_sentence(tmp_path: Path) -> None:
    done = dqnkit("train", "CartPole-v1", "--run-dir=run", *QUICK, "--replay-capacity=1000000000000000", cwd=tmp_path)
    assert done.returncode == 2
    assert "need more memory than there is: lower replay_capacity" in done.stderr


def test_without_tensorflow_the_message_has_the_command(tmp_path: Path) -> None:
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow/__init__.py").write_text("raise ModuleNotFoundError('No module', name='tensorflow')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "dqnkit.cli", "train", "CartPole-v1", "--run-dir=run"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert 'pip install "dqnkit[learner]"' in done.stderr
    assert not (tmp_path / "run").exists()


def test_every_setting_is_an_option(tmp_path: Path) -> None:
    page = dqnkit("train", "--help", cwd=tmp_path).stdout
    for name in DQNConfig.__dataclass_fields__:
        if name != "env_id":
            option = {"env_args": "env-arg", "wrappers": "wrapper"}.get(
                name, name.replace("_", "-")
            )  # given repeatedly
            assert f"--{option} " in page.replace(",", " ").replace("/", " ") or f"--{option}\n" in page


def test_what_the_environment_is_stays_with_the_run(tmp_path: Path) -> None:
    """Arguments, wrappers and normalized observations: in training, its evaluation with epsilon, and when resumed."""
    what = ["--env-arg=sutton_barto_reward=true", "--wrapper=gymnasium.wrappers:FlattenObservation"]
    what += ["--normalize-observations", "--evaluation-epsilon=0.25"]
    done = dqnkit("train", "CartPole-v1", "--run-dir=run", *QUICK, *what, "--max-episode-steps=50", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    assert "observation: float32 vector of 4, normalized by their running mean and deviation" in done.stdout
    for words in (
        "env_args sutton_barto_reward=true",
        "wrappers gymnasium.wrappers:FlattenObs",
        "normalize_observations",
    ):
        assert words in done.stdout
    assert "episodes with epsilon 0.25" in done.stdout
    config = json.loads((run / "config.json").read_text())
    assert config["env_args"] == {"sutton_barto_reward": True}
    assert config["wrappers"] == ["gymnasium.wrappers:FlattenObservation"]
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["epsilon"] == 0.25
    assert set(evaluation["returns"]) <= {0.0, -1.0}  # Sutton and Barto: -1 at the end, 0 otherwise

    done = dqnkit("evaluate", "run", "--episodes=10", "--evaluation-epsilon=0.5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "10 episodes with epsilon 0.5" in done.stdout
    assert "highest -0.0" in done.stdout or "highest 0.0" in done.stdout or "highest -1.0" in done.stdout
    done = dqnkit("resume", "run", "--total-steps=2500", "--no-video", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((run / "config.json").read_text())["env_args"] == {"sutton_barto_reward": True}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--env-arg", "sutton=1"], "CartPole-v1 takes no argument 'sutton'"),
        (["--env-arg", "sutton"], "an argument is written NAME=VALUE"),
        (["--wrapper", "nowhere:Nothing"], "there is no nowhere here"),
        (["--wrapper", "Nothing"], "wrappers takes names like those in"),
    ],
)
def test_what_does_not_fit_the_environment_is_one_line_and_leaves_no_folder(
    options: list[str], message: str, tmp_path: Path
) -> None:
    done = dqnkit("train", "CartPole-v1", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
