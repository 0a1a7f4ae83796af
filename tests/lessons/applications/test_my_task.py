"""`my_task.py`, the page for a task of one's own: it runs without the kit, keeps the contract, and can be learned."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest

from dqnkit.classroom import write_program
from dqnkit.classroom.own_code import source_of
from dqnkit.classroom.progress_file import record_check
from dqnkit.course_folder import find_notebooks
from dqnkit.environment_contract import contract

REPOSITORY = find_notebooks().parent
WITHOUT_DQNKIT = REPOSITORY / "tests" / "support" / "without_dqnkit.py"


def ruff(*arguments: object) -> str:
    command = [sys.executable, "-m", "ruff", *map(str, arguments), "--config", str(REPOSITORY / "pyproject.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_it_is_a_plain_module_without_the_kit(tmp_path: Path) -> None:
    program = write_program("my_task.py", tmp_path)
    assert {line.split()[1] for line in program.source.splitlines() if re.match("(import|from) ", line)} == {
        *("__future__", "gymnasium", "gymnasium.utils.env_checker", "numpy"),
    }
    assert ruff("check", program.path) == ""
    assert ruff("format", "--check", program.path) == ""


def test_the_readers_discretise_is_in_it(tmp_path: Path) -> None:
    import mixed_reader

    def discretise(action, low, high, bins):
        step = (high - low) / (bins - 1)
        return low + step * action

    record_check("discretise", "", True, code=source_of(discretise))
    assert mixed_reader.PARTS  # another reader's parts do not matter here
    program = write_program("my_task.py", tmp_path)
    assert [part.why_not_own for part in program.parts] == [""]
    assert "step = (high - low) / (bins - 1)" in program.source


def test_it_runs_its_probe_where_dqnkit_is_not_installed(tmp_path: Path) -> None:
    program = write_program("my_task.py", tmp_path)
    command = [sys.executable, WITHOUT_DQNKIT, program.path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "DQNKIT_REFUSED" not in done.stderr
    returns = [float(value) for value in re.findall(r"mean return +(-?\d+\.\d)", done.stdout)]
    assert len(returns) == 3
    at_random, the_middle, by_a_rule = returns
    assert by_a_rule > max(at_random, the_middle) / 2  # all are below 0: the rule loses less than half of it


def test_it_keeps_the_contract_and_may_be_loaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program("my_task.py", tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("my_task")
    try:
        importlib.reload(module)
        assert not any(contract("my_task:MyTask-v0").values())
    finally:
        gym.registry.pop("MyTask-v0", None)
        del sys.modules["my_task"]
