"""The recorded runs of the lesson: they are what was planned, and what the notebook says beside them holds."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from dqnkit.classroom.course import recorded_file
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.lessons.applications import runs
from dqnkit.lessons.applications.questions import BADLY, CIRCLES, CRASHES, MIXED, QUESTIONS, WELL
from dqnkit.lessons.applications.runs import Run, band_of, load_runs, mean_of, plans
from dqnkit.lessons.applications.tasks import TASKS
from dqnkit.lessons.applications.worlds import hurry


@pytest.mark.parametrize("name", plans())
def test_what_ships_is_what_was_planned(name: str) -> None:
    """A changed plan needs a new recording."""
    path, plan = recorded_file(f"applications/{name}"), plans()[name]
    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert content["command"] == f"python -m dqnkit.lessons.applications.runs {name}"
    assert {"numpy", "gymnasium"} <= set(content["versions"])
    assert path.stat().st_size < 100_000
    for setting, config in plan.settings.items():
        then, now = (DQNConfig.from_dict(each).to_dict() for each in (content["settings"][setting], config.to_dict()))
        assert {what: value for what, value in then.items() if what != "seed"} == {
            what: value for what, value in now.items() if what != "seed"
        }
        recorded = load_runs(name)[setting]
        assert [run.seed for run in recorded] == list(plan.seeds)
        assert all(len(values) == plan.episodes for run in recorded for values in run.episodes.values())


def test_each_task_has_recorded_runs_of_its_own_settings() -> None:
    for name, task in TASKS.items():
        assert list(plans()[name].settings.values()) == [task.config]


def test_every_seed_drives_better_than_chance_and_crashes_less() -> None:
    for run in load_runs("driving")["motorway"]:
        mean = {what: np.mean(values) for what, values in run.episodes.items()}
        assert mean["return"] >= 1.5 * mean["return, random"]
        assert mean["crashed"] < mean["crashed, random"]


@pytest.mark.parametrize(
    ("name", "robot", "least"),
    [("robot", "pendulum", 950), ("cheetah", "HalfCheetah", 1_500), ("hopper", "Hopper", 500)],
)
def test_every_seed_moves_its_robot_well(name: str, robot: str, least: float) -> None:
    assert all(np.mean(run.episodes["return"]) >= least for run in load_runs(name)[robot])


def test_one_run_of_each_number_of_forces_told_what_five_do_not() -> None:
    greedy = {name: [np.mean(run.episodes["return"]) for run in runs] for name, runs in load_runs("forces").items()}
    three, five, seven = greedy.values()
    assert three[0] < 500 > seven[0]  # the table that the lesson shows first
    assert five[0] > 900
    assert QUESTIONS["forces"].outcome(greedy) == MIXED  # type: ignore[union-attr]
    for more in (five, seven):
        assert max(more) > WELL
        assert min(more) < BADLY
    assert max(three) < WELL  # this much of the explanation holds


def test_the_hurried_car_learned_to_crash_and_earned_more_than_careful_driving() -> None:
    hurried = load_runs("car")["a crash costs 1"]
    found = {what: mean_of(hurried, what) for what in ("crashed", "speed")}
    assert QUESTIONS["car"].outcome(found) == CRASHES  # type: ignore[union-attr]
    careful = sum(hurry(20, False, 1) for _ in range(30))
    assert careful == pytest.approx(-10)
    for run in hurried:
        assert np.mean(run.episodes["crashed"]) > 0.8
        assert np.mean(run.episodes["speed"]) > 27
        assert np.mean(run.episodes["return"]) > 0.3 * careful  # it is paid for what it does
        known = [value for value in run.returns if value is not None]
        assert known[-1] > known[0] + 0.5  # and its curve rises


def test_where_a_crash_is_dear_the_car_crashes_less() -> None:
    cars = load_runs("car")
    assert mean_of(cars["a crash costs 15"], "crashed") < mean_of(cars["a crash costs 1"], "crashed") - 0.2


def test_the_key_is_found_with_a_little_chance_and_greedy_episodes_that_are_not_paid_go_on_to_the_limit() -> None:
    rooms = load_runs("door")
    door = rooms["40,000 steps"]
    assert mean_of(door, "return, epsilon 0.05") > mean_of(door, "return")
    steps, paid = (np.array([run.episodes[what] for run in door]) for what in ("steps", "return"))
    assert QUESTIONS["stuck"].outcome((steps[paid == 0], steps.max())) == CIRCLES  # type: ignore[union-attr]
    assert mean_of(rooms["60,000 steps"], "return") > mean_of(door, "return") + 0.05  # more training is the cure


def some_run(seed: int, returns: list[float | None]) -> Run:
    return Run(seed, [10, 20, 30], returns, {"return": [float(seed), 3.0]}, 1.0)


def test_a_band_is_the_lowest_the_median_and_the_highest() -> None:
    band = band_of([some_run(0, [None, 1.0, 2.0]), some_run(1, [0.0, 3.0, 2.0]), some_run(2, [0.0, 2.0, 5.0])])
    np.testing.assert_equal(band.low[1:], [1, 2])
    np.testing.assert_equal(band.middle[1:], [2, 2])
    np.testing.assert_equal(band.high[1:], [3, 5])
    assert mean_of([some_run(0, []), some_run(1, [])], "return") == 1.75


def test_a_damaged_recording_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "car.json"
    path.write_text('{"runs": {"a": [{"no": 1}]}}', encoding="utf-8")
    monkeypatch.setattr(runs, "recorded_file", lambda name: path)
    with pytest.raises(ConfigError, match=r"car\.json is damaged"):
        load_runs("car")


def test_a_recording_holds_curves_and_what_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    def statuses(config: DQNConfig) -> Any:
        for step in (5, 20, 50):
            yield SimpleNamespace(step=step, episode_return=float(step + config.seed), seconds=1.0, weights=None)

    monkeypatch.setattr("dqnkit.training.train", statuses)
    config = DQNConfig(total_steps=50, learning_starts=10)
    run = runs.record(config, lambda _config, _weights, seed: {"return": float(seed)}, seed=100, episodes=2)
    assert run.steps == [5, 20, 50]
    assert run.returns == [105, 120, 150]
    assert run.episodes == {"return": [1_000.0, 1_001.0]}
    assert run.seed == 100


def test_a_recording_that_was_interrupted_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def record(config: DQNConfig, judge: Any, seed: int, episodes: int) -> Run:
        trained.append(seed)
        if seed == 2 and len(trained) == 3:
            raise KeyboardInterrupt
        return some_run(seed, [1.0, 2.0, 3.0])

    trained: list[int] = []
    plan = runs.Plan({"a": DQNConfig()}, runs.judge, range(4), 2)
    monkeypatch.setattr(runs, "record", record)
    monkeypatch.setattr(runs, "recorded_file", lambda name: tmp_path / f"{Path(name).name}.json")
    monkeypatch.setattr(runs, "plans", lambda: {"car": plan})
    assert CliRunner().invoke(runs.main, ["car"]).exit_code != 0
    assert CliRunner().invoke(runs.main, ["car"]).exit_code == 0
    assert trained == [0, 1, 2, 2, 3]
    assert [run.seed for run in load_runs("car")["a"]] == [0, 1, 2, 3]
    other = runs.Plan({"a": DQNConfig(gamma=0.5)}, runs.judge, range(4), 2)
    assert runs.kept("car", other) == {}
