"""`my_dqn.py`, the program of the reader's own functions: it runs without the kit, and reads like a page of a book."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

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
    program = write_program("my_dqn.py")
    assert "dqnkit" not in program.source
    assert not re.search(r"^# part:", program.source, re.MULTILINE)
    assert {line.split()[1] for line in program.source.splitlines() if re.match("(import|from) ", line)} == {
        *("__future__", "argparse", "time", "collections"),
        *("gymnasium", "numpy", "tensorflow"),
    }
    assert ruff("check", program.path) == ""
    assert ruff("format", "--check", program.path) == ""


@pytest.mark.slow
def test_it_trains_where_dqnkit_is_not_installed(tmp_path: Path) -> None:
    program = write_program("my_dqn.py")
    command = [sys.executable, WITHOUT_DQNKIT, program.path, "--steps", "1_300", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "DQNKIT_REFUSED" not in done.stderr
    assert re.search(r"100 greedy episodes: mean return \d+\.\d", done.stdout), done.stdout
