"""A run folder: whose it is, and that every step stands once in its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from toys import small_config

from dqnkit.checkpoint import restore, save
from dqnkit.errors import CheckpointError
from dqnkit.runs import RunFolder, new_folder, read_rows
from dqnkit.training import train

Tried = Callable[[int, str, str], None]


def steps_in(run: Path) -> tuple[list[float], list[float]]:
    """The steps in metrics.csv, and in TensorBoard's files."""
    board = EventAccumulator(str(run / "tensorboard"))
    board.Reload()
    return [row["step"] for row in read_rows(run / "metrics.csv")], [each.step for each in board.Scalars("updates")]


@pytest.mark.parametrize("total", [96, 300])
def test_every_step_has_one_row_after_stops_and_resumes(tmp_path: Path, tried: Tried, total: int) -> None:
    config = small_config(total_steps=total, num_envs=4)
    path = tmp_path / "run"
    statuses = train(config)
    with RunFolder.create(path, config) as run:
        for status in statuses:
            run.record(status)
            if status.step >= total // 2 and status.updates:  # in the middle of a step's updates, perhaps
                break
        run.finish(status)
    for stops in (True, False):  # stopped at once, then trained to the end
        state = restore(path / "checkpoints")
        with RunFolder.open(path, config, state.counters.step) as run:
            for status in train(config, state=state):
                run.record(status)
                if stops:
                    break
            run.finish(status)
    rows, board = steps_in(path)
    assert rows == sorted(set(rows))
    assert board == rows
    assert rows[-1] == status.step >= total
    tried(14, f"metrics.csv of {total} steps, stopped and resumed twice", f"{len(rows)} rows, no step twice")
    tried(14, f"TensorBoard's files of {total} steps, likewise", f"{len(board)} points, no step twice")


def test_a_run_resumed_at_its_end_writes_nothing_twice(tmp_path: Path) -> None:
    config = small_config(total_steps=96)
    path = tmp_path / "run"
    with RunFolder.create(path, config) as run:
        for status in train(config):
            run.record(status)
        run.finish(status)
        run.finish(status)
    before = steps_in(path)
    with RunFolder.open(path, config, status.step):
        pass
    assert steps_in(path) == before


def test_two_runs_that_begin_in_one_second_get_folders_of_their_own(tmp_path: Path, tried: Tried) -> None:
    made = [new_folder(tmp_path / "runs", "CartPole-v1-20260101-000000") for _ in range(3)]
    assert [path.name.removeprefix("CartPole-v1-20260101-000000") for path in made] == ["", "-2", "-3"]
    tried(9, "three trainings that begin in one second", ", ".join(path.name for path in made))


def test_a_run_begins_in_no_folder_with_checkpoints_of_another(tmp_path: Path) -> None:
    config = small_config()
    save(next(train(config)).state, tmp_path / "checkpoints")
    with pytest.raises(CheckpointError, match="has checkpoints of another run: name another folder"):
        RunFolder.create(tmp_path, config)


def test_the_parent_of_new_folders_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(CheckpointError, match="no run can be kept in"):
        new_folder(tmp_path / "runs", "name")


def test_a_row_is_written_as_soon_as_its_step_is_over(tmp_path: Path) -> None:
    config = small_config(total_steps=5_000)
    with RunFolder.create(tmp_path / "run", config) as run:
        for status in train(config):
            run.record(status)
            rows, board = steps_in(tmp_path / "run") if status.step > 60 else ([], [])
            if rows:
                break
    assert board == rows
    assert rows[-1] >= status.step - 2 * max(config.rollout_steps * config.num_envs, config.total_steps // 500)
