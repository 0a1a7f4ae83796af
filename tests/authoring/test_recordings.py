"""Recorded runs: each file is what its plan says, and a band belongs to one configuration only."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from dqnkit.authoring import record as authoring
from dqnkit.authoring.record import plans, record, write_recording
from dqnkit.classroom import course
from dqnkit.classroom.recordings import Plan, Recording, band_for, load_recording
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.lessons.applications import runs as runs_of_applications
from dqnkit.types import TrainStatus

CONFIG = DQNConfig(total_steps=50, learning_starts=10)
OTHER_DATA = {"rollouts_on_dask/policy_lag", "rollouts_on_dask/task_streams"}  # recorded by other commands
OTHER_DATA |= {f"applications/{name}" for name in (*runs_of_applications.plans(), "tasks")}
RECORDED = set(course.recorded_names()) - OTHER_DATA


def some_recording(**changes):
    fields = {
        "name": "replay/some",
        "settings": {name: value for name, value in CONFIG.to_dict().items() if name != "seed"},
        "seeds": [3, 4, 5],
        "steps": np.array([10.0, 20.0]),
        "returns": np.array([[np.nan, 30.0], [12.0, 10.0], [15.0, 20.0]]),
        "mean_max_q": np.array([[np.nan, np.nan], [1.0, 2.0], [1.5, 2.123456]]),
        "versions": {"python": "3"},
        "command": "python -m dqnkit.authoring.record replay/some",
    }
    return Recording(**{**fields, **changes})


def test_the_band_is_lowest_median_and_highest():
    recording = some_recording()
    np.testing.assert_equal(recording.low, [np.nan, 10])
    np.testing.assert_equal(recording.middle, [np.nan, 20])
    np.testing.assert_equal(recording.high, [np.nan, 30])
    assert "3 recorded seeds" in recording.label


def test_what_is_written_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "FOLDER", tmp_path)
    path = write_recording(some_recording())
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)  # no NaN, which is not valid JSON
    again = load_recording("replay/some")
    np.testing.assert_allclose(again.returns, some_recording().returns)
    np.testing.assert_allclose(again.mean_max_q, some_recording().mean_max_q, rtol=1e-3)
    assert again.settings == some_recording().settings
    assert again.seeds == [3, 4, 5]
    assert not again.differences(CONFIG)


def test_the_seed_does_not_count_but_every_other_setting_does():
    recording = some_recording()
    assert not recording.differences(replace(CONFIG, seed=99))
    assert recording.differences(replace(CONFIG, target_period=7))
    assert recording.differences(replace(CONFIG, target_period=7)) == {"target_period": (200, 7)}


def test_a_setting_that_came_later_has_its_default():
    settings = dict(some_recording().settings)
    del settings["dueling"]
    assert not some_recording(settings=settings).differences(CONFIG)


def test_a_band_of_other_settings_is_not_drawn_and_it_says_why(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(course, "FOLDER", tmp_path)
    write_recording(some_recording())
    assert band_for(CONFIG, "replay/some") is not None
    assert capsys.readouterr().out == ""
    assert band_for(replace(CONFIG, gamma=0.5), "replay/some") is None
    assert "gamma was 0.99, is 0.5" in capsys.readouterr().out


def test_a_missing_recording_names_those_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "FOLDER", tmp_path)
    write_recording(some_recording())
    with pytest.raises(ConfigError, match="'replay/other'; there are: replay/some"):
        load_recording("replay/other")


def statuses(config):
    """Three statuses of an invented run: the mean return is the step."""
    nothing = dict.fromkeys(TrainStatus.__dataclass_fields__)
    for step in (5, 20, 50):
        yield TrainStatus(**{**nothing, "step": step, "episode_return": float(step + config.seed), "mean_max_q": 1.0})


def test_a_curve_holds_what_was_known_at_each_step(monkeypatch):
    monkeypatch.setattr(authoring, "train", statuses)
    recording = record("replay/some", Plan(CONFIG, (0, 100)))
    assert recording.returns.shape == (2, 50)
    at = {step: recording.returns[:, step - 1].tolist() for step in (4, 5, 19, 20, 49, 50)}
    assert np.isnan(at[4]).all()
    assert at == {4: at[4], 5: [5, 105], 19: [5, 105], 20: [20, 120], 49: [20, 120], 50: [50, 150]}
    assert {"python", "dqnkit", "numpy"} <= set(recording.versions)
    assert recording.command == "python -m dqnkit.authoring.record replay/some"


def test_the_command_trains_and_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(authoring, "train", statuses)
    name = "target_network/cartpole"
    monkeypatch.setattr(authoring, "plans", lambda: {name: Plan(CONFIG, (0, 1))})
    monkeypatch.setattr(course, "FOLDER", tmp_path)
    result = CliRunner().invoke(authoring.main, [name])
    assert "cartpole.json" in result.output
    assert (tmp_path / "target_network" / "recorded" / "cartpole.json").exists()


@pytest.mark.parametrize("name", sorted({*plans(), *RECORDED}))
def test_what_ships_is_what_was_planned(name):
    """A changed plan needs a new recording, and every file needs a plan."""
    path, recording = course.recorded_file(name), load_recording(name)
    assert not recording.differences(plans()[name].config)
    assert recording.seeds == list(plans()[name].seeds)
    assert len(recording.seeds) >= 5
    assert path.stat().st_size < 100_000
    assert recording.returns.shape == recording.mean_max_q.shape == (len(recording.seeds), len(recording.steps))
    assert np.isfinite(recording.returns[:, -1]).all()
