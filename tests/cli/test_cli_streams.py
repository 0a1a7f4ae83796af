"""Standard streams as they may be: closed, not there, full, read by nobody, without most characters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Tried = Callable[[int, str, str], None]
SAY = """
import sys
from dqnkit.cli.streams import make_usable
make_usable()
for number in range(3):
    print("ünï → done", number, flush=True)
    print("ünï → done", number, file=sys.stderr, flush=True)
with open("result", "w") as file:
    assert file.fileno() > 2
    file.write("whole")
"""
CASES = {
    "stderr is closed": "2>&-",
    "stdout is closed": ">&-",
    "all three are closed": "<&- >&- 2>&-",
    "stdout is full": ">/dev/full",
    "stderr is full": "2>/dev/full",
    "nobody reads stdout any more": "| true",
}
linux_shell = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a shell and /dev/full")


def run(redirection: str, cwd: Path, arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = f"set -o pipefail; {sys.executable} {arguments} {redirection}"
    environment = {**os.environ, **variables}
    return subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@linux_shell
@pytest.mark.parametrize("case", CASES)
def test_what_is_said_ends_nothing(case: str, tmp_path: Path, tried: Tried) -> None:
    (tmp_path / "say.py").write_text(SAY, encoding="utf-8")
    done = run(CASES[case], tmp_path, "say.py")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "result").read_text() == "whole"
    tried(25, case, "status 0, and the program goes on")


@linux_shell
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_an_encoding_lacks_becomes_a_question_mark(encoding: str, tmp_path: Path, tried: Tried) -> None:
    (tmp_path / "say.py").write_text(SAY, encoding="utf-8")
    script = f"{sys.executable} say.py > out 2> err"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, timeout=60, check=False)
    assert done.returncode == 0
    for name in ("out", "err"):
        assert "? done 0" in (tmp_path / name).read_bytes().decode(encoding)
    tried(25, f"PYTHONIOENCODING={encoding}", "status 0, question marks for what it lacks")


@linux_shell
@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_whole_run_with_such_streams(case: str, tmp_path: Path, tried: Tried) -> None:
    options = "--total-steps 300 --learning-starts 64 --hidden-sizes 8 --num-envs 4 --no-xla --no-video"
    done = run(CASES[case], tmp_path, f"-m dqnkit.cli train CartPole-v1 --run-dir run {options}", LANG="C")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/evaluation.json").exists()
    tried(25, f"train, {case}", "status 0, evaluated")
