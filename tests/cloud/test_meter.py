"""The meter counts money as the clouds do, and training ends before the budget does."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from toys import small_config

from dqnkit.checkpoint import restore
from dqnkit.cloud.meter import LEAST_SECONDS, TAKE_DOWN_SECONDS, Meter, within_budget
from dqnkit.default_parts import make_replay
from dqnkit.errors import CheckpointError
from dqnkit.training import train


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_machines_are_paid_by_the_second_after_the_first_minute(clock: Clock) -> None:
    meter = Meter(clock=clock)
    assert meter.spent() == meter.hourly == 0
    meter.started("a", 3.6)  # a tenth of a cent a second
    assert meter.spent() == pytest.approx(0.001 * LEAST_SECONDS)
    clock.now += 30
    meter.started("b", 7.2)
    clock.now += 70
    assert meter.spent() == pytest.approx(0.001 * 100 + 0.002 * 70)
    assert meter.hourly == pytest.approx(10.8)
    meter.ended("a")
    clock.now += 1000
    assert meter.spent() == pytest.approx(0.001 * 100 + 0.002 * 1070)
    assert meter.hourly == pytest.approx(7.2)


def test_each_machine_has_a_minute_of_its_own(clock: Clock) -> None:
    meter = Meter(clock=clock)
    for name in ("a", "b", "c"):  # spot machines that are reclaimed at once
        meter.started(name, 3.6)
        clock.now += 1
        meter.ended(name)
    assert meter.spent() == pytest.approx(3 * 0.001 * LEAST_SECONDS)


def test_what_is_said_twice_counts_once_and_an_unknown_end_is_nothing(clock: Clock) -> None:
    meter = Meter(clock=clock)
    meter.ended("never")
    meter.started("a", 3.6)
    clock.now += 100
    meter.started("a", 3.6)
    clock.now += 100
    meter.ended("a")
    meter.ended("a")
    assert meter.spent() == pytest.approx(0.2)
    meter.started("a", 3.6)  # the name of a machine that ended, used again
    clock.now += 100
    assert meter.spent() == pytest.approx(0.3)


def test_the_budget_is_reached_while_there_is_money_to_take_the_machines_down(clock: Clock) -> None:
    meter = Meter(budget=1.0, clock=clock)
    assert not meter.reached()
    meter.started("a", 3.6)
    clock.now += 1000 - TAKE_DOWN_SECONDS - 1
    assert not meter.reached()
    clock.now += 1
    assert meter.reached()
    clock.now += TAKE_DOWN_SECONDS
    meter.ended("a")
    assert meter.spent() == pytest.approx(1.0)


def test_where_nothing_is_left_nothing_costs_on(clock: Clock) -> None:
    meter = Meter(clock=clock)
    meter.started("held", 3.6)
    meter.started("found in the cloud, held by nobody", 3.6)
    clock.now += 100
    meter.all_ended()
    meter.started("seen before the end, told after it", 3.6)
    clock.now += 100
    assert meter.hourly == 0
    assert meter.spent() == pytest.approx(0.2)


def test_without_a_budget_nothing_is_reached(clock: Clock) -> None:
    meter = Meter(clock=clock)
    meter.started("a", 1000)
    clock.now += 1e6
    assert not meter.reached()


def test_in_words(clock: Clock) -> None:
    meter = Meter(budget=2.0, clock=clock)
    meter.started("a", 0.31)
    clock.now += 465
    assert meter.text() == "$0.0400 of $2.00, $0.31 an hour"
    clock.now += 3600
    assert meter.text() == "$0.35 of $2.00, $0.31 an hour"
    free = Meter(clock=clock)
    assert free.text() == "$0.0000, $0.00 an hour"


def test_another_thread_starts_and_ends_machines_while_this_one_reads(clock: Clock) -> None:
    meter, done = Meter(budget=1.0, clock=clock), threading.Event()

    def cluster() -> None:
        for number in range(2000):
            meter.started(str(number), 3.6)
            meter.ended(str(number))
        done.set()

    thread = threading.Thread(target=cluster)
    thread.start()
    while not done.is_set():
        assert meter.spent() >= 0
        assert meter.text()
    thread.join()
    assert meter.spent() == pytest.approx(2000 * 0.06)


def test_training_ends_at_the_budget_with_a_checkpoint_that_goes_on(clock: Clock, tmp_path: Path) -> None:
    config, said = small_config(total_steps=400), list[str]()
    meter = Meter(budget=1.0, clock=clock)
    meter.started("a", 3.6)  # the budget lasts 1000 seconds, less the cost of taking the machines down
    seen = []
    for status in within_budget(train(config), meter, tmp_path, said.append):
        seen.append(status)
        clock.now += 100
    assert 0 < seen[-1].step < 400
    assert 700 <= clock.now - 1000 <= 1000
    assert len(said) == 1
    assert f"step {seen[-1].step}" in said[0]
    assert "$0.90 of $1.00" in said[0]

    state = restore(tmp_path)
    assert state.counters.step == seen[-1].step
    assert str(tmp_path) in said[0]
    rest = list(train(config, state=state))
    assert rest[-1].step >= 400


def test_a_run_that_cannot_be_saved_is_refused_at_once(clock: Clock, tmp_path: Path) -> None:
    replay: Any = make_replay(small_config())
    methods = ("__len__", "add_rollout", "sample", "update_priorities", "set_progress")
    own = type("Own", (), {name: lambda self, *a, name=name, **k: getattr(replay, name)(*a, **k) for name in methods})()
    run = within_budget(train(small_config(), replay=own), Meter(clock=clock), tmp_path)
    with pytest.raises(CheckpointError, match=r"\(Own\) cannot be saved"):
        next(run)


def test_a_run_within_its_budget_is_left_alone(clock: Clock, tmp_path: Path) -> None:
    config, said = small_config(total_steps=100), list[str]()
    meter = Meter(budget=1000.0, clock=clock)
    meter.started("a", 3.6)
    *_, last = within_budget(train(config), meter, tmp_path, said.append)
    assert last.step >= 100
    assert not said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ends", ["left", "reached"])
def test_what_makes_the_statuses_is_closed_in_any_case(ends: str, clock: Clock, tmp_path: Path) -> None:
    meter = Meter(budget=1.0 if ends == "reached" else None, clock=clock)
    meter.started("a", 1000)
    statuses: Any = train(small_config(total_steps=10**6))
    guarded = within_budget(statuses, meter, tmp_path, lambda text: None)
    next(guarded)
    if ends == "left":
        guarded.close()
    else:
        assert list(guarded) == []
    with pytest.raises(StopIteration):
        next(statuses)


def test_the_cost_of_simulated_machines_says_so() -> None:
    assert Meter(1.0, lambda: 0.0, simulated=True).text() == "SIMULATED $0.0000 of $1.00, $0.00 an hour"
