"""Replicas that wait for the slowest: the simulation agrees with theory."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from dqnkit.lessons.strategy_learner.stragglers_view import (
    MEAN_COMPUTE_MS,
    Settings,
    asynchronous,
    compute_times,
    exponentials,
    stragglers,
    synchronous,
)


def test_a_replica_takes_ten_ms_on_average_however_much_of_it_is_chance() -> None:
    for spread in (0.0, 2.0, 8.0):
        assert compute_times(Settings(spread=spread)).mean() == pytest.approx(MEAN_COMPUTE_MS, rel=0.05)


def test_an_update_takes_as_long_as_the_slowest() -> None:
    """The mean of the largest of n exponentials is their mean times 1 + 1/2 + ... + 1/n."""
    settings = Settings(replicas=8, spread=2.0)
    _, update, busy = synchronous(compute_times(settings), sync=1.0)
    expected = 8.0 + 2.0 * sum(1 / k for k in range(1, 9)) + 1.0
    assert update == pytest.approx(expected, rel=0.03)
    assert busy == pytest.approx(MEAN_COMPUTE_MS / expected, rel=0.03)


def test_synchronous_replicas_begin_together() -> None:
    spans, _, _ = synchronous(np.array([[1.0, 3.0], [2.0, 1.0]]), sync=0.5)
    begins = {row: [span.begin for span in spans if span.row == row and span.kind == "compute"] for row in (0, 1)}
    assert begins == {0: [0.0, 3.5], 1: [0.0, 3.5]}
    assert [(span.begin, span.end) for span in spans if span.row == 0 and span.kind == "wait"] == [
        (1.0, 3.0),
        (5.5, 5.5),
    ]


def test_asynchronous_replicas_never_wait() -> None:
    settings = Settings(replicas=4, spread=2.0)
    spans, update, busy = asynchronous(compute_times(settings), sync=0.0)
    assert {span.kind for span in spans} == {"compute", "exchange"}
    assert update == pytest.approx(MEAN_COMPUTE_MS / 4, rel=0.03)
    assert busy == pytest.approx(1.0)


def test_one_slow_replica_holds_up_all_that_wait_but_not_those_that_do_not() -> None:
    times = compute_times(Settings(replicas=4, spread=0.0, slow=2.0))
    assert synchronous(times, 0.0)[1] == pytest.approx(20.0)
    assert asynchronous(times, 0.0)[1] == pytest.approx(1 / (3 / 10 + 1 / 20))


def test_the_random_numbers_are_exponential() -> None:
    numbers = exponentials(100_000)
    assert numbers.mean() == pytest.approx(1.0, abs=0.01)
    assert np.mean(numbers > 2.0) == pytest.approx(np.exp(-2.0), abs=0.005)
    assert numbers.min() >= 0.0
    assert np.corrcoef(numbers[:-1], numbers[1:])[0, 1] == pytest.approx(0.0, abs=0.02)


def test_where_scripts_do_not_run_a_picture_and_its_averages_stand_in() -> None:
    view = stragglers(replicas=8)
    assert "14.4 ms per update (whole batch) on average; the replicas compute 69 %" in view.picture.caption
    assert "Timeline of 8 replicas" in view.picture.alt
    assert "wait" not in stragglers(waits=False).picture.alt
    bundle = view._repr_mimebundle_()
    assert "<img alt=" in bundle["text/html"]
    assert view.data["settings"] == {"replicas": 8, "spread": 2.0, "sync": 1.0, "slow": 1.0, "waits": True}
