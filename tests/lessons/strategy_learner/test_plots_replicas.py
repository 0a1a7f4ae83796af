"""The pictures of the lesson on strategies: replicas, the order of sum and clip, update times, a timeline."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from dqnkit.errors import InvalidDataError
from dqnkit.lessons.strategy_learner.replica_pictures import clipping_order, replicas
from dqnkit.lessons.strategy_learner.replica_timeline import Span, timeline
from dqnkit.lessons.strategy_learner.update_times_chart import update_times_chart
from dqnkit.plots import Picture


def is_drawn(picture: Picture) -> bool:
    return picture.png.startswith(b"\x89PNG") and picture.width > 300


def test_replicas_are_drawn_and_said_in_words() -> None:
    picture = replicas()
    assert is_drawn(picture)
    assert "made into one, that of the whole batch" in picture.alt
    assert picture.caption


def test_the_order_of_sum_and_clip_matters_where_gradients_cancel_out() -> None:
    picture = clipping_order([[4.0, 1.0], [-3.4, 0.6]], max_norm=2.0, what="the length")
    assert is_drawn(picture)
    assert "Sum, then clip: (0.60, 1.60)" in picture.alt  # short enough: not clipped
    first, second = np.array([4.0, 1.0]), np.array([-3.4, 0.6])
    x, y = 2 * first / np.hypot(*first) + 2 * second / np.hypot(*second)
    assert f"Clip each, then sum: ({x:.2f}, {y:.2f})" in picture.alt
    assert picture.caption == "What to look for: the length"


def test_a_sum_that_is_too_long_is_clipped() -> None:
    assert "Sum, then clip: (0.60, 0.80); Clip each, then sum: (1.00, 1.00)" in clipping_order([[3, 0], [0, 4]], 1).alt


def test_times_of_updates_are_shown_in_milliseconds() -> None:
    picture = update_times_chart(
        [64, 256], {"one": [1e-3, 2e-3]}, calculated={"two": [2e-3, 1.5e-3]}, title="Time", what="x"
    )
    assert is_drawn(picture)
    assert picture.alt == "Time, for batches of 64 to 256. one: 1 to 2 ms. two: 2 to 1.5 ms."


def test_times_must_be_as_many_as_sizes() -> None:
    with pytest.raises(InvalidDataError, match="'one' has the shape"):
        update_times_chart([64, 256], {"one": [1e-3]})


def test_a_timeline_says_what_was_done() -> None:
    spans = [Span(0, 0, 6, "compute"), Span(0, 6, 8, "wait"), Span(1, 0, 8, "compute"), Span(1, 8, 90, "exchange")]
    picture = timeline(spans, ["replica 0", "replica 1"], end=10)
    assert is_drawn(picture)
    assert picture.alt == "Timeline of 2 replicas over 10 ms: compute 78 %, wait 11 %, exchange 11 %."  # cut at 10 ms


def test_many_rows_stay_readable() -> None:
    assert is_drawn(timeline([], [f"replica {number}" for number in range(16)], end=10))
