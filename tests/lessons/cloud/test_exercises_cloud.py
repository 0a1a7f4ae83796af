"""The exercises of the lesson on clouds: other right solutions pass, and dqnkit's own meter agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.course import find_exercise
from dqnkit.cloud.meter import Meter
from dqnkit.cluster.plan import Measured, predict
from dqnkit.lessons.cloud.answers import cluster_cost, training_seconds
from dqnkit.presets import preset

COST, SECONDS = find_exercise("cluster_cost"), find_exercise("training_seconds")


def test_a_bill_in_a_loop_passes() -> None:
    def cost(worker_seconds: Any, worker_usd: Any, scheduler_seconds: Any, scheduler_usd: Any) -> float:
        machines = [(seconds, worker_usd) for seconds in worker_seconds] + [(scheduler_seconds, scheduler_usd)]
        total = 0.0
        for seconds, usd in machines:
            if seconds < 60:
                seconds = 60
            total += usd * seconds / 60 / 60
        return total

    assert check_exercise(COST, cost).passed


def test_the_meter_counts_as_the_exercise_does() -> None:
    now = 0.0
    meter = Meter(clock=lambda: now)
    meter.started("scheduler", 0.13)
    for name in ("a", "b"):
        meter.started(name, 0.05)
    now = 20.0
    meter.ended("b")
    now = 1800.0
    assert meter.spent() == pytest.approx(cluster_cost.cluster_cost([1800, 20], 0.05, 1800, 0.13))


def test_a_run_by_the_slower_rate_passes() -> None:
    def run(
        steps: Any, n_workers: Any, steps_per_second: Any, updates_per_step: Any, seconds_per_update: Any, boot: Any
    ) -> float:
        acting, learning = n_workers * steps_per_second, 1 / (updates_per_step * seconds_per_update)
        return float(boot + steps / min(acting, learning))

    assert check_exercise(SECONDS, run).passed


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_the_plan_has_the_same_core(workers: int) -> None:
    config = preset("CartPole-v1", total_steps=1_000_000)
    config = replace(config, learning_starts=1, updates_per_call=16, batch_size=64, samples_per_insert=32.0)
    nothing = dict.fromkeys(Measured.__dataclass_fields__, 0.0)
    times = predict(config, Measured(**{**nothing, "step": 0.002, "call": 0.016}), workers)
    ours = training_seconds.training_seconds(1_000_000, workers, 500, 0.5, 0.001, 0)
    assert times.total - times.start == pytest.approx(ours, rel=1e-3)
