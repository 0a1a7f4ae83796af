"""A run folder: all that one training run leaves on disk, in files that other programs can read.

config.json            the settings
environment.json       versions, cores and threads: what "the same seed gives the same run" depends on
metrics.csv            a row of numbers every few hundred steps
episodes.csv           step and return of every episode
tensorboard/           the same metrics for TensorBoard
checkpoints/           see dqnkit.checkpoint
learning_curve.png, video.gif, evaluation.json     at the end
"""

from __future__ import annotations

import csv
import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import dqnkit
from dqnkit.checkpoint import Checkpointer
from dqnkit.config import DQNConfig
from dqnkit.environments import find_environment
from dqnkit.errors import CheckpointError, MissingExtraError
from dqnkit.types import FloatArray, PolicyWeights, TrainStatus

METRICS = (
    "step",
    "episodes",
    "updates",
    "episode_return",
    "loss",
    "mean_max_q",
    "epsilon",
    "samples_per_insert",
    "policy_lag",
    "steps_per_second",
    "seconds",
)
ROWS = 500  # rows of metrics in a whole run


class RunFolder:
    """Writes the files of one run while it trains.

    Make one with `create` or `open`, then give every status to `record` and call `finish` at the end.
    """

    def __init__(self, path: Path, config: DQNConfig) -> None:
        self.path = path
        self.config = config
        self.checkpointer = Checkpointer(path / "checkpoints")
        self._next_row = 0
        self._seconds_before = 0.0
        self._tensorboard: Any = None

    @classmethod
    def create(cls, path: Path, config: DQNConfig) -> RunFolder:
        """A new run.

        Raises:
            CheckpointError: the folder holds a run already, or cannot be written.
        """
        if (path / "config.json").exists():
            owner = read_config(path)
            advice = "name another folder with --run-dir"
            if owner.env_id == config.env_id:
                advice = f"go on with it by `dqnkit resume {path}`, or {advice}"
            raise CheckpointError(f"{path} already holds a run of {owner.env_id}: {advice}")
        run = cls(path, config)
        try:
            path.mkdir(parents=True, exist_ok=True)
            _write_json(path / "config.json", config.to_dict())
            _write_json(path / "environment.json", describe_environment())
            for name, header in (("metrics.csv", METRICS), ("episodes.csv", ("step", "return"))):
                (path / name).write_text(",".join(header) + "\n")
        except OSError as error:
            raise CheckpointError(f"the run folder {path} cannot be written: {error}") from error
        run._open_tensorboard([])
        return run

    @classmethod
    def open(cls, path: Path, config: DQNConfig, step: int) -> RunFolder:
        """An existing run that goes on from ``step``: what was written after it is taken back."""
        run = cls(path, config)
        rows: list[dict[str, float]] = []
        for name in ("metrics.csv", "episodes.csv"):
            kept = [row for row in read_rows(path / name) if row["step"] <= step]
            header = list(METRICS) if name == "metrics.csv" else ["step", "return"]
            with (path / name).open("w", newline="") as file:
                writer = csv.DictWriter(file, header)
                writer.writeheader()
                writer.writerows(kept)
            rows = kept if name == "metrics.csv" else rows
        _write_json(path / "config.json", config.to_dict())
        run._seconds_before = rows[-1]["seconds"] if rows else 0.0
        run._open_tensorboard(rows)
        return run

    def record(self, status: TrainStatus) -> None:
        """Write what is due: episodes always, a row of metrics now and then, a checkpoint if it is time."""
        try:
            if len(status.episode_returns):
                with (self.path / "episodes.csv").open("a") as file:
                    file.writelines(f"{status.step},{value:g}\n" for value in status.episode_returns)
            if status.step >= self._next_row:
                self._next_row = status.step + max(1, status.total_steps // ROWS)
                self._write_row(status)
        except OSError as error:
            raise CheckpointError(f"the metrics in {self.path} cannot be written: {error}") from error
        self.checkpointer.offer(status)

    def finish(self, status: TrainStatus) -> None:
        """Write the last row and the last checkpoint."""
        self._write_row(status)
        self.checkpointer.save(status)
        if self._tensorboard is not None:
            self._tensorboard.close()

    def draw_curve(self) -> Path:
        """Draw learning_curve.png from the files.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from dqnkit.plots import learning_curve, to_png

        rows = list(read_rows(self.path / "metrics.csv"))
        episodes = list(read_rows(self.path / "episodes.csv"))
        metrics = {name: [row[name] for row in rows] for name in METRICS}
        figure = learning_curve(
            metrics,
            title=f"{self.config.env_id}, seed {self.config.seed}",
            threshold=find_environment(self.config.env_id).reward_threshold,
            episodes=([row["step"] for row in episodes], [row["return"] for row in episodes]),
        )
        to_png(figure, self.path / "learning_curve.png")
        return self.path / "learning_curve.png"

    def draw_video(self, weights: PolicyWeights) -> Path:
        """Record video.gif, an episode of the trained policy.

        Raises:
            MissingExtraError: Pillow, or what the environment draws with, is not installed.
        """
        from dqnkit.evaluation import record_video

        return record_video(weights, self.config, self.path / "video.gif").path

    def write_evaluation(self, returns: FloatArray, seed: int | None = None) -> None:
        """Keep the returns of the final policy."""
        summary = {"episodes": len(returns), "mean": float(returns.mean()), "std": float(returns.std()), "seed": seed}
        _write_json(self.path / "evaluation.json", {**summary, "returns": returns.tolist()})

    def _write_row(self, status: TrainStatus) -> None:
        row = _row(status, self._seconds_before)
        with (self.path / "metrics.csv").open("a", newline="") as file:
            csv.DictWriter(file, METRICS).writerow(row)
        self._write_tensorboard(row)

    def _open_tensorboard(self, rows: list[dict[str, float]]) -> None:
        """A fresh log with the rows that were kept: TensorBoard draws what was written twice as a zigzag."""
        import tensorflow as tf

        for old in (self.path / "tensorboard").glob("events*"):
            old.unlink()
        self._tensorboard = tf.summary.create_file_writer(str(self.path / "tensorboard"))
        for row in rows:
            self._write_tensorboard(row)

    def _write_tensorboard(self, row: dict[str, float]) -> None:
        import tensorflow as tf

        with self._tensorboard.as_default():
            for name in METRICS[1:]:
                if np.isfinite(row[name]):
                    tf.summary.scalar(name, row[name], step=int(row["step"]))
        self._tensorboard.flush()


def read_config(path: Path) -> DQNConfig:
    """The settings of a run.

    Raises:
        CheckpointError: the folder holds no run.
    """
    try:
        return DQNConfig.from_dict(json.loads((path / "config.json").read_text()))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} holds no run: name a folder that `dqnkit train` made") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the settings of the run in {path} cannot be read: {error}") from error


def read_rows(path: Path) -> Iterator[dict[str, float]]:
    """The rows of a CSV file; a last line that a killed process left half written is passed over."""
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                yield {name: float(value) for name, value in row.items()}
            except (TypeError, ValueError):
                continue


def describe_environment() -> dict[str, Any]:
    """What the exact numbers of a run depend on besides its settings."""
    versions = {"python": sys.version.split()[0], "dqnkit": dqnkit.__version__}
    for package in ("numpy", "gymnasium", "tensorflow", "tensorflow-cpu", "keras"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    threads = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "XLA_FLAGS")}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"versions": versions, "platform": platform.platform(), "cores": cores, "threads": threads}


def _row(status: TrainStatus, seconds_before: float) -> dict[str, float]:
    values = {name: getattr(status, name) for name in METRICS if name != "steps_per_second"}
    values["seconds"] = round(seconds_before + status.seconds, 3)
    values["steps_per_second"] = round(status.step / max(values["seconds"], 1e-9), 1)
    return {name: float(values[name]) for name in METRICS}


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1) + "\n")


def require_learner() -> None:
    """Import the learner's packages; raise `MissingExtraError` where one is missing."""
    for package, name in (("tensorflow", "TensorFlow"), ("tensorboard", "TensorBoard"), ("tqdm", "tqdm")):
        try:
            __import__(package)
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"{name}, which training needs,", "learner") from error
