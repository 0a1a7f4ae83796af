"""Rows of numbers for TensorBoard, read back with TensorBoard's own reader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dqnkit.event_file import EventFile


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    board = EventAccumulator(str(folder))
    board.Reload()
    return {name: [(each.step, each.value) for each in board.Scalars(name)] for name in board.Tags()["scalars"]}


def test_every_name_is_a_curve_of_its_finite_values(tmp_path: Path) -> None:
    events = EventFile(tmp_path / "board")
    events.write(10, {"loss": float("nan"), "return": 1.5})
    events.write(20, {"loss": 0.25, "return": float("inf")})
    assert curves(tmp_path / "board") == {"return": [(10, 1.5)], "loss": [(20, 0.25)]}  # before it is closed


def test_a_new_file_takes_the_place_of_the_old_ones(tmp_path: Path) -> None:
    for step in (1, 2):
        events = EventFile(tmp_path)
        events.write(step, {"loss": 0.5})
    assert curves(tmp_path) == {"loss": [(2, 0.5)]}


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    events = EventFile(tmp_path)
    [path] = tmp_path.glob("events*")
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        events.write(1, {"loss": 0.5})


def test_it_needs_no_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from dqnkit.event_file import EventFile; "
        f"EventFile(Path({str(tmp_path)!r})).write(1, {{'loss': 0.5}}); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert curves(tmp_path) == {"loss": [(1, 0.5)]}
