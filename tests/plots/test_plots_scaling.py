"""Amdahl's law, its pictures, and the work that is drawn: it adds up."""

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
    def module(self):
        pytest.importorskip("ipywidgets")
        from dqnkit.lessons.rollouts_on_dask import amdahl_view

        return amdahl_view

    def test_a_barrier_follows_amdahls_law(self, module) -> None:
        for workers, driver in ((1, 0.025), (4, 0.025), (8, 0.05), (16, 0.0)):
            times = module.speedup_of(module.with_barrier(workers, driver), driver)
            assert times == pytest.approx(float(amdahl(workers, module.serial_share(driver))))

    def test_a_stream_is_limited_by_the_driver_alone(self, module) -> None:
        two, sixteen = (module.speedup_of(module.with_stream(workers, 0.05), 0.05) for workers in (2, 16))
        assert sixteen == pytest.approx(two, rel=0.1)  # the driver was already busy all the time
        assert sixteen <= 1 / module.serial_share(0.05)

    def test_no_speedup_leaves_the_axis(self, module) -> None:
        for make in (module.with_barrier, module.with_stream):
            for workers in range(1, 17):
                for driver in np.arange(0.0, 0.105, 0.005):
                    assert module.speedup_of(make(workers, driver), driver) <= 16 + 1e-9

    @pytest.mark.parametrize("way", ["with_barrier", "with_stream"])
    @pytest.mark.parametrize("workers", [1, 3, 16])
    @pytest.mark.parametrize("driver", [0.0, 0.01, 0.1])
    def test_nobody_does_two_things_at_a_time_and_all_is_done(self, module, way, workers, driver) -> None:
        work = getattr(module, way)(workers, driver)
        assert sum(piece.row > 0 for piece in work) == module.NUM_ROLLOUTS
        assert sum(piece.end - piece.begin for piece in work if piece.row == 0) == pytest.approx(
            driver * module.NUM_ROLLOUTS
        )
        for row in range(workers + 1):
            pieces = sorted(piece[1:] for piece in work if piece.row == row)
            assert all(end <= begin + 1e-9 for (_, end), (begin, _) in pairwise(pieces))

    def test_where_scripts_do_not_run_a_picture_stands_in(self, module) -> None:
        bundle = module.amdahl_view()._repr_mimebundle_()
        assert "2.5 times as fast" in bundle["text/plain"]
        assert "<img alt=" in bundle["text/html"]
