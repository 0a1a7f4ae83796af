"""A run folder: all files of one training run, in formats that other programs can read.

config.json            the settings
environment.json       versions, cores and threads: with the same ones, the same seed gives the same run
metrics.csv            a row of numbers every few hundred steps
episodes.csv           step and return of every episode
tensorboard/           the same metrics for TensorBoard
checkpoints/           see dqnkit.checkpoint
learning_curve.png, video.gif, evaluation.json     at the end
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import dqnkit
from dqnkit.checkpoint import Checkpointer
from dqnkit.config import DQNConfig
from dqnkit.environments import find_environment
from dqnkit.errors import CheckpointError, DQNKitError
from dqnkit.event_file import EventFile
from dqnkit.files import read_numbers, read_object, write_whole
from dqnkit.run_lock import RunLock
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
HEADERS = {"metrics.csv": METRICS, "episodes.csv": ("step", "return")}
OF_ENVIRONMENTS = ("ale-py", "box2d", "highway-env", "minatar", "minigrid", "mujoco")  # packages that bring them
ROWS = 500  # rows of metrics in a whole run


class RunFolder:
    """Writes the files of one run while it trains.

    Make one with `create` or `open`, then give every status to `record` and call `finish` at the end. Until the end of
    its ``with`` block no other process may use the folder.
    """

    def __init__(self, path: Path, config: DQNConfig) -> None:
        self.path = path
        self.config = config
        self._held = ExitStack()
        self.checkpointer = Checkpointer(path / "checkpoints")
        self._next_row = 0
        self._row: dict[str, float] | None = None  # waits until its step is over: updates may still come
        self._last_step = -1.0  # of the newest row in the files
        self._seconds_before = 0.0
        self._events: EventFile | None = None  # from `create` or `open` on

    @classmethod
    def create(cls, path: Path, config: DQNConfig) -> RunFolder:
        """A new run.

        Raises:
            CheckpointError: the folder holds a run already, another process uses it, or it cannot be written.
        """
        run = cls(path, config)
        with run._writing():
            path.mkdir(parents=True, exist_ok=True)
            run._hold()
            _refuse_a_second_run(path, config)
            _write_json(path / "environment.json", describe_environment())
            for name, header in HEADERS.items():
                _write_rows(path / name, header, [])
            run._open_events([])
            _write_json(path / "config.json", config.to_dict())  # last: it makes the folder a run
        return run

    @classmethod
    def open(cls, path: Path, config: DQNConfig, step: int) -> RunFolder:
        """An existing run that goes on from ``step``: rows written after it are removed.

        Raises:
            CheckpointError: another process uses the folder, or it cannot be written.
        """
        run = cls(path, config)
        with run._writing():
            run._hold()
            for name, header in HEADERS.items():
                _write_rows(path / name, header, [row for row in read_rows(path / name) if row["step"] <= step])
            if config != read_config(path):
                _write_json(path / "config.json", config.to_dict())
            rows = list(read_rows(path / "metrics.csv"))
            if rows:
                run._seconds_before, run._last_step = rows[-1]["seconds"], rows[-1]["step"]
                run._next_row = int(run._last_step) + run._row_every
            run._open_events(rows)
        return run

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *exception: object) -> None:
        self._held.close()

    def record(self, status: TrainStatus) -> None:
        """Write what is due: episodes always, a row of metrics now and then, a checkpoint if it is time."""
        with self._writing():
            if len(status.episode_returns):
                with (self.path / "episodes.csv").open("a") as file:
                    file.writelines(f"{status.step},{value:g}\n" for value in status.episode_returns)
            self._keep_row(status)
        self.checkpointer.offer(status)

    def finish(self, status: TrainStatus) -> None:
        """Write the last checkpoint and the last row."""
        self.checkpointer.save(status)
        with self._writing():
            self._next_row = status.step
            self._keep_row(status)
            self._write_row()

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
        from dqnkit.videos import record_video

        return record_video(weights, self.config, self.path / "video.gif").path

    def write_evaluation(self, returns: FloatArray, epsilon: float = 0.0) -> None:
        """Keep the returns of the final policy, and with which ``epsilon`` they were played."""
        summary = {
            "episodes": len(returns),
            "epsilon": epsilon,
            "mean": float(returns.mean()),
            "std": float(returns.std()),
        }
        with self._writing():
            _write_json(self.path / "evaluation.json", {**summary, "returns": returns.tolist()})

    @property
    def evaluated(self) -> bool:
        """Whether the run was trained to its end and its policy evaluated."""
        return (self.path / "evaluation.json").exists()

    @property
    def _row_every(self) -> int:
        """Environment steps between two rows of metrics."""
        return max(1, self.config.total_steps // ROWS)

    def _open_events(self, rows: list[dict[str, float]]) -> None:
        """Begin TensorBoard's file anew with the rows that are kept: rows written twice would be drawn as a zigzag."""
        self._events = EventFile(self.path / "tensorboard")
        for row in rows:
            self._write_event(row)

    def _write_event(self, row: dict[str, float]) -> None:
        assert self._events is not None
        self._events.write(int(row["step"]), {name: row[name] for name in METRICS[1:]})

    def _hold(self) -> None:
        self._held.enter_context(RunLock(self.path))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Say in one sentence what could not be written."""
        try:
            yield
        except OSError as error:
            if isinstance(error, DQNKitError):
                raise
            raise CheckpointError(f"the run folder {self.path} cannot be written: {error}") from error

    def _keep_row(self, status: TrainStatus) -> None:
        """Keep the row of this step if one is due, and write the one that was kept once its step is over."""
        if self._row is not None and self._row["step"] < status.step:
            self._write_row()
        if status.step >= self._next_row or self._row is not None:
            self._next_row = status.step + self._row_every
            self._row = _row(status, self._seconds_before)

    def _write_row(self) -> None:
        """Write the row that waits, unless there is one of its step already: every step has one row."""
        row, self._row = self._row, None
        if row is None or row["step"] <= self._last_step:
            return
        with (self.path / "metrics.csv").open("a", newline="") as file:
            csv.DictWriter(file, METRICS).writerow(row)
        self._write_event(row)
        self._last_step = row["step"]


def new_folder(parent: Path, name: str) -> Path:
    """Make a folder that nobody else has made: ``name``, or where that is taken ``name-2`` and so on.

    Raises:
        CheckpointError: it cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            path = parent / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                path.mkdir()
                return path
    except OSError as error:
        raise CheckpointError(f"no run can be kept in {parent}: {error}") from error
    raise AssertionError("there is always another number")


def _refuse_a_second_run(path: Path, config: DQNConfig) -> None:
    if (path / "config.json").exists():
        owner = read_config(path)
        advice = "name another folder with --run-dir"
        if owner.env_id == config.env_id:
            advice = f"go on with it by `dqnkit resume {path}`, or {advice}"
        raise CheckpointError(f"{path} already holds a run of {owner.env_id}: {advice}")
    if list((path / "checkpoints").glob("step-*")):
        raise CheckpointError(f"{path} already has checkpoints of another run: name another folder with --run-dir")


def read_config(path: Path) -> DQNConfig:
    """The settings of a run.

    Raises:
        CheckpointError: the folder holds no run.
    """
    try:
        return DQNConfig.from_dict(read_object(path / "config.json"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} holds no run: name a folder that `dqnkit train` made") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"the settings of the run in {path} cannot be read: {error}") from error


def read_rows(path: Path) -> Iterator[dict[str, float]]:
    """The rows of metrics.csv or episodes.csv; what is missing in a row is NaN, and half a row is left out.

    Raises:
        CheckpointError: the file is another table, or cannot be read.
    """
    columns = HEADERS[path.name]
    try:
        yield from read_numbers(path, columns, tuple(name for name in ("step", "seconds") if name in columns))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} cannot be read: {error}. Put it back as it was, or delete it to begin it anew"
        ) from error


def describe_environment() -> dict[str, Any]:
    """What the numbers of a run depend on, besides its settings."""
    versions = {"python": sys.version.split()[0], "dqnkit": dqnkit.__version__}
    for package in (*("numpy", "gymnasium", "tensorflow", "tensorflow-cpu", "keras"), *OF_ENVIRONMENTS):
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
    write_whole(path, json.dumps(values, indent=1) + "\n")


def _write_rows(path: Path, header: tuple[str, ...], rows: list[dict[str, float]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())
