"""A run killed with SIGKILL at random moments, most of them during a save, still ends with the same result.

What a kill costs where `dqnkit train` decides when to save is measured by tests/rehearsal/kills.py.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from killed_run import CONFIG

from dqnkit.checkpoint import restore
from dqnkit.training import train

KILLS = int(os.environ.get("DQNKIT_KILLS", "10"))  # .ci/rehearse sets 50


@pytest.mark.slow
@pytest.mark.timeout(60 + 40 * KILLS)  # a restart takes four seconds, and fifteen on a busy machine
def test_a_run_killed_at_random_moments_ends_as_the_uninterrupted_one(tmp_path: Path) -> None:
    rng = np.random.default_rng()  # other moments in each run; a failure prints the folder's state
    command = [sys.executable, str(Path(__file__).parent / "support" / "killed_run.py"), str(tmp_path)]
    kills, reached = 0, []
    while kills < KILLS:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            process.wait(timeout=rng.exponential(12 / KILLS))
        except subprocess.TimeoutExpired:
            process.kill()
        ended = process.wait() == 0
        process.stdout.close()
        kills += not ended
        if list(tmp_path.glob("step-*")):
            reached.append(restore(tmp_path).counters.step)  # intact, without a warning of damage: warnings are errors
        if ended:
            break
    assert reached == sorted(reached)
    print(f"{kills} kills; steps reached: {reached}")

    state = restore(tmp_path)
    for _ in train(CONFIG, state=state):  # nothing to do if the last process finished the run
        pass
    weights = state.learner.get_weights()
    *_, whole = train(CONFIG)
    np.testing.assert_array_equal(weights.values, whole.weights.values)


@pytest.mark.slow
@pytest.mark.rehearsal
@pytest.mark.timeout(600)
def test_a_kill_costs_no_more_than_is_stated(tried: Callable[[int, str, str], None]) -> None:
    script = Path(__file__).parent / "rehearsal" / "kills.py"
    command = [sys.executable, str(script), "--env=CartPole-v1", "--kills=3", "--signals=2", "--mean=4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    lost = re.findall(r"^ *\d+  SIGKILL .* ([\d.]+) +([\d.]+)$", done.stdout, re.MULTILINE)
    assert len(lost) == 3
    now = ", ".join(f"{seconds} s of {most} s" for seconds, most in lost)
    tried(12, "CartPole killed 3 times in training: lost, and what may be", now)
    tried(11, "SIGTERM, and a closed terminal, among kills", "nothing is lost; metrics without a gap or a double")
