"""The charts of waiting times and of speedups with workers."""

from __future__ import annotations

import math

import pytest

from dqnkit.errors import InvalidDataError
from dqnkit.lessons.train_on_a_cluster.speedup_chart import best_speedup, speedup_chart
from dqnkit.lessons.train_on_a_cluster.waiting_chart import waiting_chart

pytest.importorskip("matplotlib")


def test_shares_are_in_the_text() -> None:
    picture = waiting_chart({"small": (9.0, 1.0), "slow": (0.5, 9.5)}, title="Who waits", what="the green part")
    assert picture.png.startswith(b"\x89PNG")
    assert picture.alt == (
        "Who waits. small: learner 90%, the actors' turns 10%; slow: learner 5%, the actors' turns 95%."
    )
    assert picture.caption == "What to look for: the green part"


@pytest.mark.parametrize("runs", [{}, {"a": (0.0, 0.0)}, {"a": (-1.0, 2.0)}, {"a": (math.nan, 1.0)}])
def test_runs_without_time_are_refused(runs: dict[str, tuple[float, float]]) -> None:
    with pytest.raises(InvalidDataError):
        waiting_chart(runs)


def test_the_slower_side_sets_the_pace() -> None:
    assert best_speedup(0.5, 1) == 2.0  # half and half, both at once
    assert best_speedup(0.5, 4) == 2.0  # the learner is the limit
    assert best_speedup(0.9, 2) == pytest.approx(1 / 0.45)
    assert best_speedup(0.9, 100) == pytest.approx(10.0)


def test_the_pace_is_in_the_text() -> None:
    picture = speedup_chart({"waits": [0.9, 1.8]}, {"waits": 0.95}, [1, 2], title="Workers", what="the slope")
    assert picture.alt == (
        "Workers. waits: with 1 0.9 times, by the formula 1.1, with 2 1.8 times, by the formula 2.1."
    )
    with pytest.raises(InvalidDataError, match="2 values for 3"):
        speedup_chart({"waits": [1.0, 2.0]}, {"waits": 0.5}, [1, 2, 4])
    with pytest.raises(InvalidDataError):
        speedup_chart({}, {}, [1, 2])
