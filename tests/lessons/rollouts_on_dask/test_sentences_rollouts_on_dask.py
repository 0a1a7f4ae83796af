"""What the lesson on Dask says of its recordings, questions and numbers is so."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dqnkit.classroom.question import questions_of
from dqnkit.errors import InvalidDataError
from dqnkit.lessons.rollouts_on_dask import questions
from dqnkit.lessons.rollouts_on_dask.lag_chart import lag_chart
from dqnkit.lessons.rollouts_on_dask.policy_lag import load_study
from dqnkit.lessons.rollouts_on_dask.task_streams import Span, load_streams, shares, task_streams, write

ASKED = questions_of("rollouts_on_dask")


def test_cartpole_is_learned_in_about_26000_steps() -> None:
    study = load_study()
    middle = np.median(study.returns[list(study.lags).index(0)], axis=0)
    assert study.steps[np.argmax(middle >= 475)] == 26_000


def test_a_lag_of_a_thousand_steps_shows_no_harm_and_many_thousand_do() -> None:
    study = load_study()
    late = dict(zip(study.lags, study.late, strict=True))
    assert late[1_000].mean() >= late[0].mean()
    assert all(late[lag].mean() < late[0].min() for lag in (5_000, 10_000, 20_000, 40_000))
    assert (late[5_000] > 475).any(), "some seeds learn as if nothing were wrong"


def test_the_first_recording_waits_in_rounds_and_the_second_for_data() -> None:
    first, second = (shares(stream) for stream in load_streams().values())
    assert questions._waits([first, second]) == questions.TRANSFERS
    assert first["transfer"] == 0
    assert second["transfer"] > 0.5
    for stream in load_streams().values():
        assert all(span.end > span.begin >= 0 for span in stream)


def test_in_the_first_recording_the_longest_task_is_on_another_worker_in_each_round() -> None:
    stream = load_streams()["Recording 1"]
    longest = sorted((span for span in stream if span.end - span.begin > 0.2), key=lambda span: span.begin)
    for one, next_one in pairwise(longest):
        assert one.worker != next_one.worker
        assert next_one.begin >= one.end - 0.02, "nobody begins a new round before it is over (clocks differ a little)"


def test_task_streams_are_drawn_and_kept(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    streams = {"one": [Span(0, "compute", 0.0, 1.0), Span(1, "transfer", 0.5, 1.0)]}
    assert shares(streams["one"]) == {"compute": 0.5, "transfer": 0.25, "white": 0.25}
    monkeypatch.setattr("dqnkit.lessons.rollouts_on_dask.task_streams.FILE", tmp_path / "streams.json")
    write(streams)
    assert load_streams() == streams
    picture = task_streams(streams, what="what?")
    assert "2 bars on 2 workers" in picture.alt
    assert picture.caption.startswith("What to look for: what?")


def test_lags_are_counted_by_whole_versions() -> None:
    picture = lag_chart([0, 0, 1, 3], bound=0)
    assert "lag 0: 2, lag 1: 1, lag 2: 0, lag 3: 1" in picture.alt
    with pytest.raises(InvalidDataError):
        lag_chart([], bound=0)


@pytest.mark.parametrize(
    ("times", "answer"),
    [
        ([3.6, 3.9], questions.BOTH),
        ([1.2, 3.8], questions.SLOW_ONLY),
        ([0.7, 2.2], questions.SLOW_ONLY),
        ([1.9, 2.0], None),
        ([float("nan"), float("nan")], None),
    ],
)
def test_the_answer_on_throughput_follows_from_the_measurement(times: list[float], answer: str | None) -> None:
    assert questions._faster(times) == answer


def test_the_bytes_of_the_weights_that_the_text_compares_with_a_network() -> None:
    with_each_task = 100 * 4 * 1_700_000  # bytes a second
    ten_gigabits = 10e9 / 8
    assert 0.5 < with_each_task / ten_gigabits < 1
    assert with_each_task > 5 * 1e9 / 8
