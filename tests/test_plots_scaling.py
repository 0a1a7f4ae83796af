"""Amdahl's law, its pictures, and the view with sliders: the drawn work adds up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from dqnkit.errors import InvalidDataError
from dqnkit.plots.scaling import Work, amdahl, speedup, task_length, who_waits


def test_amdahls_law_by_hand() -> None:
    np.testing.assert_allclose(amdahl([1, 4, 1_000_000], 0.2), [1, 2.5, 5], rtol=1e-4)
    np.testing.assert_allclose(amdahl([1, 2, 8], 0.0), [1, 2, 8])
    np.testing.assert_allclose(amdahl(16, 1.0), 1)


def test_speedup_says_in_words_what_it_draws() -> None:
    picture = speedup({"waits": {1: 1.0, 4: 3.9}, "computes": {1: 1.0, 4: 1.8}}, serial=0.2, what="look here")
    assert "waits: 1 workers 1.00 times, 4 workers 3.90 times" in picture.alt
    assert "20%" in picture.alt
    assert "look here" in picture.caption


@pytest.mark.parametrize("measured", [{}, {"a": {}}, {name: {1: 1.0} for name in "abcd"}])
def test_speedup_refuses_what_it_cannot_draw(measured: dict[str, dict[int, float]]) -> None:
    with pytest.raises(InvalidDataError):
        speedup(measured)


def test_one_worker_alone_can_be_drawn() -> None:
    assert speedup({"waits": {1: 1.0}}).png
    assert who_waits([Work(1, 0, 1), Work(0, 1, 2)], 1, 0.5, 1.0, end=2, caption="").png


def test_task_length_lists_what_was_measured() -> None:
    picture = task_length([16, 1_600], [3_000, 90_000], 0.004, 8e-6, [64, 6_400], 40_000)
    assert "16 steps: 3,000 a second" in picture.alt
    assert "4.0 ms a task" in picture.alt
    assert "6,400 at most" in picture.alt


class TestView:
    @pytest.fixture
    def view(self):
        pytest.importorskip("ipywidgets")
        from dqnkit.lessons.rollouts_on_dask.amdahl_view import AmdahlView

        return AmdahlView()

    def test_a_barrier_follows_amdahls_law(self, view) -> None:
        for workers, driver in ((1, 25), (4, 25), (8, 50), (16, 0)):
            view.workers.value, view.driver.value = workers, driver
            assert view.speedup == pytest.approx(float(amdahl(workers, view.serial)))

    def test_a_stream_is_limited_by_the_driver_alone(self, view) -> None:
        from dqnkit.lessons.rollouts_on_dask.amdahl_view import STREAM

        view.way.value, view.driver.value = STREAM, 50
        view.workers.value = 2
        two = view.speedup
        view.workers.value = 16
        assert view.speedup == pytest.approx(two, rel=0.1)  # the driver was already busy all the time
        assert view.speedup <= 1 / view.serial

    @pytest.mark.parametrize("way", ["with_barrier", "with_stream"])
    @pytest.mark.parametrize("workers", [1, 3, 16])
    @pytest.mark.parametrize("driver", [0.0, 0.01, 0.1])
    def test_nobody_does_two_things_at_a_time_and_all_is_done(self, view, way, workers, driver) -> None:
        from dqnkit.lessons.rollouts_on_dask import amdahl_view as module

        work = getattr(module, way)(workers, driver)
        assert sum(piece.row > 0 for piece in work) == module.NUM_ROLLOUTS
        assert sum(piece.end - piece.begin for piece in work if piece.row == 0) == pytest.approx(
            driver * module.NUM_ROLLOUTS
        )
        for row in range(workers + 1):
            pieces = sorted(piece[1:] for piece in work if piece.row == row)
            assert all(end <= begin + 1e-9 for (_, end), (begin, _) in pairwise(pieces))

    def test_it_says_what_it_shows_and_stands_without_widgets(self, view) -> None:
        assert "4 workers, serial share 20%: 2.5 times" in view.box.summary
        assert "at most 5.0 times" in view.box.summary
        bundle = view._repr_mimebundle_()
        assert "2.5 times as fast" in bundle["text/plain"]
        assert "application/vnd.jupyter.widget-view+json" in bundle
