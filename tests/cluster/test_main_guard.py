"""A script that starts a cluster without ``if __name__ == "__main__"`` is told so at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dqnkit.cluster.main_guard import is_guarded

WITHOUT = """
from dqnkit.deploy import make_cluster

def main():
    cluster = make_cluster(n_workers=2)
    print("started")

main()
"""
IMPORTED = "import dqnkit_script_that_starts_a_cluster\n"
GUARDED = WITHOUT.replace("\nmain()", "\nif __name__ == '__main__':\n    main()")


@pytest.mark.parametrize("kind", ["script", "module"])
def test_the_message_names_the_line_and_what_to_write(
    kind: str, tmp_path: Path, tried: Callable[[int, str, str], None]
) -> None:
    script = tmp_path / "mine.py"
    script.write_text(WITHOUT if kind == "script" else IMPORTED)
    (tmp_path / "dqnkit_script_that_starts_a_cluster.py").write_text(WITHOUT)
    done = run(script)
    assert done.returncode == 1
    line = 8 if kind == "script" else 1
    message = done.stderr.splitlines()[-1]
    assert f"ClusterError: mine.py starts a cluster in line {line}, and each worker imports mine.py" in message
    assert message.endswith('below if __name__ == "__main__":')
    assert "started" not in done.stdout
    tried(23, f"a {kind} without if __name__ == '__main__'", message)


@pytest.mark.slow
def test_with_the_guard_it_runs(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GUARDED)
    done = run(tmp_path / "mine.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "started\n"


def run(script: Path) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, str(script)],
        cwd=script.parent,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_which_lines_are_guarded(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text("a = 1\nif __name__ == '__main__':\n    b = 2\n    if a:\n        c = 3\nif a:\n    d = 4\n")
    assert [line for line in range(1, 8) if is_guarded(script, line)] == [2, 3, 4, 5]
    assert is_guarded(tmp_path / "nowhere.py", 1)  # nothing is known
