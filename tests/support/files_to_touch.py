"""The files that the kit reads and a person or a program can touch: a valid one of each kind, and what reads it."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest import mock

import dask

from dqnkit import checkpoint, course_folder, runs
from dqnkit.classroom import (
    check,
    compare,
    download_progress,
    predict,
    predictions,
    progress,
    progress_file,
    progress_record,
    progress_summary,
    recordings,
    start_page,
)
from dqnkit.classroom.course import find_exercise
from dqnkit.classroom.question import Choice, Curve, Number, Reply
from dqnkit.cloud import prices
from dqnkit.cluster import security
from dqnkit.config import DQNConfig
from dqnkit.doctor import requirements
from dqnkit.errors import CheckpointError
from dqnkit.lessons.rollouts_on_dask import policy_lag
from dqnkit.training import train

Read = Callable[[Path], object]
Kinds = dict[str, tuple[Path, Read]]
ROOT = Path(__file__).resolve().parents[2]
SMALL = {"total_steps": 64, "num_envs": 2, "learning_starts": 16, "hidden_sizes": (4,), "batch_size": 8, "xla": False}


def kinds(folder: Path) -> Kinds:
    """Kind -> the path of a valid file below ``folder``, and what reads it."""
    return {**_run_files(folder / "run"), **_course_files(folder / "course"), **_other_files(folder)}


def forget() -> None:
    """Forget what one input may leave to the next."""
    predictions.forget()


def _run_files(folder: Path) -> Kinds:
    config = DQNConfig(**SMALL)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    (folder / "metrics.csv").write_text(
        ",".join(runs.METRICS) + "\n" + "".join(f"{step},3,2,9.5,nan,0.1,1,8,0,100,{step}.5\n" for step in range(1, 6))
    )
    (folder / "episodes.csv").write_text("step,return\n1,9\n2,10.5\n")
    for status in train(config):
        state = status.state
    saved = checkpoint.save(state, folder / "checkpoints")
    segment = next((folder / "checkpoints" / "replay").glob("*.npz"))
    files = [*(saved / name for name in ("manifest.json", "counters.json", "learner.npz", "replay.npz")), segment]
    found: Kinds = {
        "config.json": (folder / "config.json", lambda path: runs.read_config(path.parent)),
        "metrics.csv": (folder / "metrics.csv", lambda path: _read_run(path.parent, config)),
        "episodes.csv": (folder / "episodes.csv", lambda path: _read_run(path.parent, config)),
    }
    for path in files:
        name = "a segment of replay" if path == segment else path.name
        found[name] = (path, lambda path: _restore(folder / "checkpoints"))
    return found


def _read_run(folder: Path, config: DQNConfig) -> None:
    """What `resume` does before it trains, but for TensorBoard's files."""
    copies = {path: path.read_bytes() for path in (folder / name for name in runs.HEADERS) if path.is_file()}
    with mock.patch.object(runs, "EventFile"):
        try:
            runs.RunFolder.open(folder, config, step=3)
        finally:
            for path, content in copies.items():
                path.write_bytes(content)


def _restore(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(CheckpointError):
            checkpoint.restore(folder, set_aside=False)


def _course_files(folder: Path) -> Kinds:
    folder.mkdir(parents=True)
    notebook, record = folder / "01_q_update.ipynb", folder / progress_record.NAME
    told = {"dqnkit": {"idea": "the update", "minutes": 30}}
    cells = [{"cell_type": "code", "source": ['check("q_update", f)\n'], "outputs": []}, {"cell_type": "markdown"}]
    notebook.write_text(json.dumps({"cells": cells, "metadata": told, "nbformat": 4}))
    upload = folder / "upload.json"
    for path in (record, upload):
        path.write_text(json.dumps(RECORD))
    offered = folder / "copy"
    course_folder.copy_course(_source(folder.parent / "source"), offered)
    start_page.write_start_page(folder)

    def read_page(path: Path) -> None:
        start_page.is_readers_own(path.parent)
        start_page.refresh(path.parent)

    def copy_again(path: Path) -> None:
        course_folder.copy_course(folder.parent / "source", offered)

    return {
        progress_record.NAME: (record, _read_progress),
        "an upload": (upload, _read_upload),
        "a notebook": (notebook, lambda path: start_page.start_page(path.parent)),
        "START.md": (folder / start_page.NAME, read_page),
        course_folder.MANIFEST: (offered / course_folder.MANIFEST, copy_again),
        "a notebook to update": (offered / "01_q_update.ipynb", copy_again),
    }


ENTRY = {"notebook": "01_q_update", "tries": 3, "first_tried": "2026-11-23T09:30:00Z", "passed": None}
ANSWER = {"question": "?", "when": "2026-11-23T09:32:10Z"}
RECORD = {
    **progress_record.empty(),
    "checks": {"q_update": {**ENTRY, "last_tried": "2026-11-23T09:41:07Z", "mistakes": ["jumps to the target"]}},
    "predictions": {
        "01-number": {**ANSWER, "kind": "number", "value": 40.0, "happened": 52.0},
        "01-curve": {**ANSWER, "kind": "curve", "value": [0, 1, 2.5, 3, 4], "happened": [0, None, 2, 3, 4]},
        "01-choice": {**ANSWER, "kind": "choice", "value": "more", "happened": "less"},
    },
}


def _read_progress(path: Path) -> None:
    """A reader's notebook: a check, its questions, the comparisons, the summary and the download."""
    with mock.patch.object(progress_file, "FILE", progress_file.ProgressFile(path.parent)):
        check("q_update", find_exercise("q_update").solution)
        predict("01-number", Number("?", "", (0, 100))).__repr__()
        predict("01-curve", Curve("?", "", (0, 5))).__repr__()
        more_or_less = {"more": Reply(wrong="no"), "less": Reply(right="yes")}
        predict("01-choice", Choice("?", more_or_less, lambda option: option)).__repr__()
        compare("01-number", 3.0)
        compare("01-curve", [1, 2, 3])
        compare("01-choice", "less")
        progress()
        download_progress()
        start_page.start_page(path.parent)
    for aside in path.parent.glob("*set-aside*"):
        aside.unlink() if aside.is_file() else aside.rmdir()


def _read_upload(path: Path) -> None:
    with mock.patch.object(progress_file, "FILE", progress_file.ProgressFile(path.parent / "copy")):
        if path.is_file():
            progress_summary._merge_upload(path.read_bytes())
            progress()


def _source(folder: Path) -> Path:
    folder.mkdir()
    (folder / "01_q_update.ipynb").write_text(json.dumps({"cells": [], "metadata": {}}))
    (folder / "README.md").write_text("The course\n")
    return folder


def _other_files(folder: Path) -> Kinds:
    table, certificates = folder / "prices.json", folder / "tls.json"
    table.write_bytes(prices.TABLE.read_bytes())
    security.write_certificates(certificates)
    name = "target_network/cartpole"
    recording, study = folder / "recording.json", folder / "policy_lag.json"
    recording.write_bytes(recordings.recorded_file(name).read_bytes())
    study.write_bytes(policy_lag.FILE.read_bytes())
    data = folder / "data"
    data.mkdir()
    (data / "constraints.txt").write_bytes((ROOT / "binder" / "constraints.txt").read_bytes())
    project = folder / "pyproject.toml"
    project.write_bytes((ROOT / "pyproject.toml").read_bytes())

    def read_table(path: Path) -> None:
        with dask.config.set({"dqnkit.cloud.prices": str(path)}):
            prices.offers(["aws", "gcp"], [False, True])
            prices.dated()

    def read_recording(path: Path) -> None:
        with mock.patch.object(recordings, "recorded_file", return_value=path):
            recording = recordings.load_recording(name)
            recordings.band_for(recording.config, name)
            _ = recording.low, recording.middle, recording.high

    def read_study(path: Path) -> None:
        with mock.patch.object(policy_lag, "FILE", path):
            policy_lag.load_study()

    def read_constraints(path: Path) -> None:
        with mock.patch.object(requirements, "PACKAGE", folder):
            requirements.tested_versions()

    return {
        "a price table": (table, read_table),
        "certificates": (certificates, security.read_certificates),
        "a recording": (recording, read_recording),
        "the study of policy lag": (study, read_study),
        "constraints.txt": (data / "constraints.txt", read_constraints),
        "pyproject.toml": (project, requirements._requires_of_checkout),
    }
