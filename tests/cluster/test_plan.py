"""The plan's arithmetic by hand, properties that hold for any measurement, and one comparison with a real run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from dqnkit.cli import main
from dqnkit.cluster.plan import Assumed, Measured, Offer, in_words, plan, predict, predict_here
from dqnkit.cluster.task_length import steps_of_a_task
from dqnkit.config import DQNConfig
from dqnkit.plots.plan import _rows_to_draw, leading, time_and_cost

# one environment whose step waits 9 ms and computes 1 ms; tasks of 0.2 s, 20 steps
WAITS = Measured(
    step=0.01,
    step_cpu=0.001,
    first=0.5,
    build=0.5,
    compile=2.0,
    call=0.1,
    insert=0.0001,
    task=0.004,
    worker_task=0.002,
    gap=0.0,
    transition_bytes=100.0,
    weights_bytes=10_000.0,
)
CONFIG = DQNConfig(
    num_envs=1, total_steps=10_000, learning_starts=1_000, samples_per_insert=1.6, batch_size=16, updates_per_call=10
)  # 900 updates in 90 calls
SMALL = Offer("aws", "small", 2, 1.0, 0.36, 0.72)


def test_a_run_by_hand_where_the_actors_are_the_limit() -> None:
    times = predict(CONFIG, WAITS, 1)
    assert times.steps_a_task == 20
    assert times.start == pytest.approx(1.0)
    # 100 steps a second; compiling takes 2 s, of which the two tasks in flight fill 0.4 s
    assert times.actors == pytest.approx(100 + 1.6)
    assert times.learner == pytest.approx(2 + 90 * 0.1)
    assert times.driver == pytest.approx(500 * 0.004 + 10_000 * 0.0001)
    assert times.before_learning == pytest.approx(10)
    assert times.total == pytest.approx(102.6)
    assert times.bottleneck == "actors"


def test_a_run_by_hand_where_the_learner_is_the_limit() -> None:
    times = predict(CONFIG, WAITS, 32)
    assert times.steps_a_task == 50  # a 200th of the run; 32 threads would have 64
    assert times.bottleneck == "learner"
    driver = 10_000 / 50 * 0.004 + 10_000 * 0.0001
    assert times.total == pytest.approx(1 + 1_000 / 3_200 + 11 + driver)


def test_threads_share_what_a_worker_computes_and_overlap_in_waiting() -> None:
    endless = replace(CONFIG, total_steps=10**6, samples_per_insert=0.0)
    one, eight, many = (predict(endless, WAITS, 1, threads=threads).actors for threads in (1, 8, 40))
    assert one / eight == pytest.approx(8)
    assert one / many == pytest.approx(10)  # 1 ms a step on one core
    half = predict(endless, WAITS, 1, speed=0.5).actors
    assert half / one == pytest.approx(1.1)  # the waiting time is equal


def test_one_computer_for_all_has_so_many_cores() -> None:
    endless = replace(CONFIG, total_steps=10**6, samples_per_insert=0.0)
    alone, shared = predict(endless, WAITS, 64), predict(endless, WAITS, 64, cores=2)
    assert shared.bottleneck == "cores"
    assert shared.total > alone.total
    assert shared.cores == pytest.approx((10**6 * (0.001 + 0.002 / shared.steps_a_task) + shared.driver) / 2)


def test_a_thin_line_is_the_limit_for_large_transitions() -> None:
    frames = replace(WAITS, transition_bytes=50_000.0)
    times = predict(CONFIG, frames, 64, assumed=Assumed(download=8.0))
    assert times.network == pytest.approx(10_000 * 50_000 / 1e6)
    assert times.bottleneck == "network"
    large = replace(WAITS, weights_bytes=10e6)
    assert predict(CONFIG, large, 1, assumed=Assumed(upload=8.0)).network == pytest.approx(500 * 10)


def test_many_tasks_are_the_drivers_limit() -> None:
    endless = replace(CONFIG, total_steps=10**7, samples_per_insert=0.0)
    times = predict(endless, WAITS, 2_000)
    assert times.bottleneck == "driver"
    assert times.total > 10**7 / times.steps_a_task * WAITS.task


def test_in_one_process_acting_and_learning_take_turns() -> None:
    assert predict_here(CONFIG, WAITS) == pytest.approx(0.5 + 10_000 * 0.0101 + 2 + 9)


def test_a_row_costs_all_machines_from_the_request_to_the_end() -> None:
    made = plan(CONFIG, WAITS, [SMALL], workers=[4], threads=1, assumed=Assumed(boot_seconds=100.0))
    (row,) = made.rows
    assert row.seconds == pytest.approx(100 + predict(CONFIG, WAITS, 4).total)
    assert row.usd == pytest.approx((4 * 0.36 + 0.72) * row.seconds / 3600)


def test_spot_machines_that_are_taken_back_make_it_longer() -> None:
    spot = replace(SMALL, spot=True, interruptions_per_hour=0.5)
    assumed = Assumed(boot_seconds=720.0)  # a fifth of an hour, so a tenth of the machines is away
    on_demand, taken = plan(CONFIG, WAITS, [SMALL, spot], workers=[1], threads=1, assumed=assumed).rows
    assert (taken.seconds - 720 - 1) / (on_demand.seconds - 720 - 1) == pytest.approx(1 / 0.9, rel=0.02)


@pytest.mark.parametrize("steps", [2_000, 50_000, 5_000_000])
@pytest.mark.parametrize("measured", [WAITS, replace(WAITS, step_cpu=0.01), replace(WAITS, step=1e-5, step_cpu=1e-5)])
def test_more_workers_are_hardly_ever_slower_and_cost_more_beyond_the_knee(steps: int, measured: Measured) -> None:
    config = replace(CONFIG, total_steps=steps)
    made = plan(config, measured, [SMALL])
    for fewer, more in pairwise(made.rows):
        assert more.seconds <= 1.01 * fewer.seconds  # longer tasks have a rounded number of steps
    knee = made.knee(SMALL)
    if knee is not None:
        beyond = made.rows[made.rows.index(knee) :]
        assert all(row.bottleneck != "actors" for row in beyond)
        assert all(more.usd > fewer.usd for fewer, more in pairwise(beyond))


def test_the_answers_of_a_plan_and_its_table() -> None:
    large = Offer("gcp", "large", 4, 1.0, 1.0, 0.72, spot=True, interruptions_per_hour=0.05)
    made = plan(CONFIG, WAITS, [SMALL, large], budget=0.12, notes=["Prices: mine."])
    assert made.offers == [SMALL, large]
    assert made.fastest.seconds <= 1.02 * min(row.seconds for row in made.rows)
    assert made.cheapest.usd <= 1.02 * min(row.usd for row in made.rows)
    assert made.best is not None
    assert made.best.usd <= 0.12
    assert all(row.usd > 0.12 for row in made.rows if row.seconds * 1.02 < made.best.seconds)
    text = str(made)
    for words in ("10,000 steps", "here, in one process", "2 min", "best for $0.12", "fastest", "cheapest"):
        assert words in text
    for words in ("(learner)", "boot in 3 min", "5% are taken back", "Prices: mine.", "as fast as one here"):
        assert words in text
    assert "Nothing in the table does it for $0.01" in str(plan(CONFIG, WAITS, [SMALL], budget=0.01))


def test_where_machines_are_slower_than_this_computer_the_plan_says_stay_here(
    tried: Callable[[int, str, str], None],
) -> None:
    quick = replace(WAITS, step=1e-5, step_cpu=1e-5, call=0.001)  # here 5 s; machines boot in 180 s
    text = str(plan(CONFIG, quick, [SMALL], budget=5.0))
    advice = text.splitlines()[1]
    assert advice.startswith("Stay here: this computer takes 4 s and costs nothing; the fastest machines in the table")
    tried(25, "plan: every machine is slower than this computer", advice)
    endless = replace(CONFIG, total_steps=10**6, samples_per_insert=0.0)
    text = str(plan(endless, WAITS, [SMALL], budget=1.5, workers=[1, 64]))
    assert "Stay here" not in text
    poor = plan(endless, replace(WAITS, step=0.003), [SMALL], budget=1.0, workers=[1, 64], threads=1)
    assert poor.best is not None
    assert poor.fastest.seconds < poor.here < poor.best.seconds
    assert "Stay here, or pay more: what $1.00 buys is slower than this computer." in str(poor)
    tried(25, "plan: what the budget buys is slower than this computer", str(poor).splitlines()[1])


def test_what_leaves_the_cloud_is_paid_for() -> None:
    paid = replace(SMALL, traffic_usd_per_gb=0.1)
    (free_row,), (row,) = (plan(CONFIG, WAITS, [offer], workers=[1]).rows for offer in (SMALL, paid))
    assert row.usd - free_row.usd == pytest.approx(CONFIG.total_steps * WAITS.transition_bytes / 1e9 * 0.1)


def test_the_length_of_a_task() -> None:
    config = replace(CONFIG, num_envs=4, rollout_steps=8, total_steps=10**6)
    assert steps_of_a_task(config, 0.0, 1) == 8  # nothing is measured yet
    assert steps_of_a_task(config, 0.01, 1) == 20
    assert steps_of_a_task(config, 0.01, 40) == 80  # 50 tasks a second from all threads together
    assert steps_of_a_task(config, 0.01, 1_000) == 200
    assert steps_of_a_task(replace(config, total_steps=8_000), 0.01, 1_000) == 10
    assert steps_of_a_task(replace(config, total_steps=8), 5.0, 1) == 1


def test_times_in_words() -> None:
    assert [in_words(seconds) for seconds in (7.4, 59, 240, 7500)] == ["7 s", "59 s", "4 min", "2 h 05 min"]


def test_the_picture_says_in_words_what_it_draws() -> None:
    spot = replace(SMALL, spot=True, usd_per_hour=0.2)
    other = replace(SMALL, machine="other", usd_per_hour=0.9)
    made = plan(CONFIG, WAITS, [SMALL, spot, other], budget=1.0)
    assert leading(made) == [spot, SMALL]
    picture = time_and_cost(made)
    assert "1 x small, spot:" in picture.alt
    assert "limit learner" in picture.alt
    assert "other" not in picture.alt
    assert "Grey" in picture.caption
    assert picture.png


def test_a_line_of_the_picture_reaches_its_fastest_point() -> None:
    """Also where that lies far behind the knee: there more workers still save time, though less each."""
    made = plan(CONFIG, WAITS, [SMALL])
    knee, fastest = made.knee(SMALL), made.fastest_of(SMALL)
    assert knee is not None
    assert fastest == made.fastest
    drawn = _rows_to_draw(made, SMALL)
    assert drawn[-1] == max(knee, fastest, key=lambda row: row.workers)
    assert all(row.seconds >= 0.98 * fastest.seconds for row in made.rows)
    assert f"fastest with {fastest.workers}: {fastest.seconds / 60:.1f} minutes" in time_and_cost(made).alt


def test_planning_needs_neither_dask_nor_tensorflow() -> None:
    code = "import sys, dqnkit.cluster.plan; print({'dask', 'distributed', 'tensorflow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"


def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []

    def measure(*arguments: Any) -> Measured:
        asked.append(arguments)
        return WAITS

    monkeypatch.setattr("dqnkit.cluster.measure.measure", measure)
    picture = tmp_path / "plan.png"
    options = ["--steps", "20000", "--seconds", "7", "--cloud", "aws", "--spot", "--budget", "1", "--save"]
    result = CliRunner().invoke(main, ["plan", "CartPole-v1", *options, str(picture)])
    assert result.exit_code == 0, result.output
    ((config, seconds, _),) = asked
    assert (config.total_steps, seconds) == (20_000, 7.0)
    assert config.samples_per_insert == 32  # the preset's
    for words in ("CartPole-v1, 20,000 steps", "best for $1.00", "c7i.large, spot", "Prices: the kit's table of 20"):
        assert words in result.output
    assert "e2-" not in result.output
    with Image.open(picture) as image:
        assert image.size[0] > 500

    result = CliRunner().invoke(main, ["plan", "NoSuch-v0"])
    assert result.exit_code == 2
    assert len(asked) == 1

    others = ["--num-envs=3", "--env-arg=sutton_barto_reward=true", "--wrapper=gymnasium.wrappers:FlattenObservation"]
    result = CliRunner().invoke(main, ["plan", "CartPole-v1", "--total-steps=30000", *others])
    assert result.exit_code == 0, result.output
    planned = asked[1][0]
    assert (planned.total_steps, planned.num_envs, planned.samples_per_insert) == (30_000, 3, 32)
    assert planned.env_args["sutton_barto_reward"] is True
    assert planned.wrappers == ("gymnasium.wrappers:FlattenObservation",)


@pytest.mark.slow
def test_what_was_predicted_is_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loosely, as other programs run beside it; tests/benchmarks/plan_accuracy.py is stricter."""
    from dqnkit.cluster.measure import measure
    from dqnkit.cluster.rollouts import ClusterRollouts
    from dqnkit.deploy import make_cluster
    from dqnkit.training import train

    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    config = DQNConfig(
        env_id="_cluster_envs:Latency-v0", num_envs=8, total_steps=3_000, learning_starts=200, hidden_sizes=(32,)
    )
    list(train(DQNConfig(total_steps=1_200)))  # the first program of a process takes longer to compile
    measured = measure(config, 6.0, lambda text: None)
    assert 0.005 < measured.step < 0.01
    for workers in (2, 4):
        with make_cluster(n_workers=workers) as cluster, cluster.get_client() as client:
            client.run(__import__, "_cluster_envs")
            began = time.perf_counter()
            *_, (took, _) = [
                (time.perf_counter() - began, status) for status in train(config, rollouts=ClusterRollouts(client))
            ]
        predicted = predict(config, measured, workers, cores=2)
        # a task usually costs 2 to 5 ms; on a machine that is much slower now, the driver may be the limit
        assert predicted.bottleneck == "actors" or measured.task > 0.01
        assert predicted.total == pytest.approx(took, rel=0.5)
