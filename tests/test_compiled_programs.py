"""Compiled programs on the disk: loaded instead of compiled, never lines on stderr, never an error of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dqnkit import compiled_programs
from dqnkit.compiled_programs import FLAG, forget, keep


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    return tmp_path / "cache"


def folder() -> Path:
    [flag] = os.environ["TF_XLA_FLAGS"].split()
    assert flag.startswith(FLAG)
    return Path(flag.removeprefix(FLAG))


def test_each_machine_and_each_flag_has_a_folder_of_its_own(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    first = folder()
    assert first.is_dir()
    assert cache in first.parents
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_max_isa=SSE4_2")  # a child of this process, with another one
    keep()
    assert folder() != first
    monkeypatch.delenv("XLA_FLAGS")
    monkeypatch.setattr(compiled_programs, "version", lambda package: "99.0")
    keep()
    assert folder() != first


def test_the_folder_that_a_reader_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for flags in (f"{FLAG}/elsewhere", f"--tf_xla_auto_jit=1 {FLAG}/elsewhere"):
        monkeypatch.setenv("TF_XLA_FLAGS", flags)
        keep()
        assert os.environ["TF_XLA_FLAGS"] == flags


def test_where_tensorflow_is_there_already_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", object())
    keep()
    assert os.environ["TF_XLA_FLAGS"] == ""


def test_where_no_folder_can_be_made_nothing_is_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_text("a file")
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=1")
    keep()
    assert os.environ["TF_XLA_FLAGS"] == "--tf_xla_auto_jit=1"
    assert not forget()


def test_a_user_without_a_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", home)
    keep()
    assert os.environ["TF_XLA_FLAGS"] == ""
    assert not forget()


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    for age, name in enumerate(("new", "older", "oldest")):
        (folder() / name).write_bytes(bytes(400))
        os.utime(folder() / name, (1e9 - age, 1e9 - age))
    monkeypatch.setattr(compiled_programs, "LARGEST", 1_000)
    keep()
    assert {path.name for path in folder().iterdir()} == {"new", "older"}
    assert forget()
    assert not list(folder().iterdir())


TRAINED = """
import time
import numpy as np
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner
from dqnkit.types import Transition
values = np.random.default_rng(0).random((2, 8, 4)).astype(np.float32)
numbers = values[..., 0]
batch = Transition(values, np.zeros((2, 8), np.int32), numbers, numbers, values)
for _ in range(2):
    learner = Learner(DQNConfig("CartPole-v1", xla=True, hidden_sizes=(8,)))
    print(learner.update(batch).losses)
"""


@pytest.mark.slow
def test_a_program_from_the_disk_gives_the_same_and_prints_nothing(cache: Path) -> None:
    def losses() -> str:
        environment = {name: text for name, text in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
        done = subprocess.run(
            [sys.executable, "-c", TRAINED], capture_output=True, text=True, env=environment, timeout=120, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert len(set(re.findall(r"\[.*\]", done.stdout))) == 1, done.stdout  # both learners
        return done.stdout

    compiled = losses()
    files = list(cache.glob("dqnkit/xla/*/*.pb"))
    assert files
    dates = {path: path.stat().st_mtime_ns for path in files}
    assert losses() == compiled
    assert {path: path.stat().st_mtime_ns for path in cache.glob("dqnkit/xla/*/*.pb")} == dates
    for path in files:
        path.write_bytes(path.read_bytes()[:1_000])  # a disk that was full
    assert losses() == compiled
