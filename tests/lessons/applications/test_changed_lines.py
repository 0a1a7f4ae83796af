"""The reader's `my_dqn.py` on the pendulum: three lines change, and it trains without the kit."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dqnkit.classroom import write_program
from dqnkit.course_folder import find_notebooks
from dqnkit.lessons.applications.changed_lines import PENDULUM, changed_program

WITHOUT_DQNKIT = find_notebooks().parent / "tests" / "support" / "without_dqnkit.py"


def changes(before: str, after: str) -> list[str]:
    return [line[2:] for line in difflib.ndiff(before.split("\n"), after.split("\n")) if line.startswith("+ ")]


def test_three_lines_of_the_readers_own_program_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = write_program("my_dqn.py", tmp_path)
    mine.path.write_text(mine.source.replace("GAMMA = 0.99", "GAMMA = 0.98"), encoding="utf-8")
    program = changed_program("my_dqn.py", "my_pendulum.py", PENDULUM, tmp_path)
    assert "Made of your my_dqn.py" in capsys.readouterr().out
    assert changes(mine.path.read_text(encoding="utf-8"), program.path.read_text(encoding="utf-8")) == [
        *PENDULUM.values()
    ]
    assert "GAMMA = 0.98" in program.source
    assert max(map(len, PENDULUM.values())) <= 120


def test_without_a_program_of_the_readers_it_is_the_courses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = changed_program("my_dqn.py", "my_pendulum.py", PENDULUM, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_pendulum.py"]
    assert all(line in program.source for line in PENDULUM.values())
    assert "Made of your" not in capsys.readouterr().out


def test_a_program_that_has_changed_too_much_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_dqn.py").write_text('ENV_ID = "Acrobot-v1"\n', encoding="utf-8")
    program = changed_program("my_dqn.py", "my_pendulum.py", PENDULUM, tmp_path)
    assert "has no line like these" in capsys.readouterr().out
    assert all(line in program.source for line in PENDULUM.values())
    assert (tmp_path / "my_dqn.py").read_text(encoding="utf-8") == 'ENV_ID = "Acrobot-v1"\n'


@pytest.mark.slow
def test_it_trains_where_dqnkit_is_not_installed(tmp_path: Path) -> None:
    pytest.importorskip("mujoco")
    program = changed_program("my_dqn.py", "my_pendulum.py", PENDULUM, tmp_path)
    command = [sys.executable, WITHOUT_DQNKIT, program.path, "--steps", "2_000", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "DQNKIT_REFUSED" not in done.stderr
    [found] = re.findall(r"100 greedy episodes: mean return (\d+\.\d)", done.stdout)
    assert float(found) > 5  # a random policy falls after about as many steps
