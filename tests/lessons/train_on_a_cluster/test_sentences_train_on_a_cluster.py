"""What the lesson on training with a cluster says of its questions and formulas is so."""

from __future__ import annotations

import pytest

from dqnkit.classroom.question import Choice, questions_of
from dqnkit.lessons.train_on_a_cluster import questions
from dqnkit.lessons.train_on_a_cluster.speedup_chart import best_speedup


@pytest.mark.parametrize(
    ("times", "answer"),
    [(4.4, questions.FOUR_TIMES), (1.9, questions.TWICE), (0.9, questions.NO_FASTER), (None, None)],
)
def test_every_speed_of_four_workers_has_an_answer_that_says_why(times: float | None, answer: str | None) -> None:
    assert questions._four_workers(times) == answer
    asked = questions_of("train_on_a_cluster")["waits"]
    assert isinstance(asked, Choice)
    if answer is not None:
        assert asked.replies[answer].right


def test_a_learner_that_takes_nearly_all_of_the_time_leaves_hardly_a_gain() -> None:
    assert all(1 < best_speedup(0.1, workers) < 1.12 for workers in (1, 2, 4, 100))
    assert best_speedup(0.9, 4) > 4
