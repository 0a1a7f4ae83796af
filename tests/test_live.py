"""The live panel without a browser: what it draws, what its sliders set, and how it ends."""

from __future__ import annotations

import asyncio
import io
import math
import warnings
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_training import FakeLearner
from test_watch import Page, page
from toys import small_config

from dqnkit.config import DQNConfig
from dqnkit.errors import InvalidDataError
from dqnkit.plots.training_panel import Curves, TrainingPanel, _limits
from dqnkit.training import train
from dqnkit.types import LiveSettings, TrainStatus
from dqnkit.widgets import live
from dqnkit.widgets.live import _Training
from dqnkit.widgets.panel import Panel

__all__ = ["page"]
NAN, INF = math.nan, math.inf


@dataclass
class Band:
    steps: Any
    low: Any
    middle: Any
    high: Any
    label: str = "3 recorded seeds"


BAND = Band(np.array([0, 200, 400]), np.zeros(3), np.ones(3), np.full(3, 2.0))
CONFIG = DQNConfig(learning_rate=1e-2, learning_rate_end=0.0, target_period=50, replay_capacity=1000, total_steps=400)


def status(step: int = 0, **fields: Any) -> TrainStatus:
    """A status of a run of 400 steps."""
    values: dict[str, Any] = {
        "total_steps": 400,
        "updates": step,
        "episodes": step // 10,
        "episode_returns": np.array([step / 10], np.float32),
        "episode_return": step / 20,
        "loss": 0.5,
        "mean_max_q": step / 10,
        "epsilon": 0.3,
        "weights_version": 0,
        "policy_lag": 0,
        "samples_per_insert": 2.0,
        "replay_size": step,
        "seconds": step / 100,
        "get_weights": lambda: None,
        "get_state": lambda: SimpleNamespace(config=CONFIG),
    }
    return TrainStatus(step=step, **{**values, **fields})


def test_training_ends_with_its_curves_and_the_last_status(page: Page) -> None:
    settings = LiveSettings()
    run = train(small_config(), learner=FakeLearner(), live=settings)  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last = asyncio.run(live(run, settings=settings, title="CartPole", q_bound=100.0, band=BAND, predicted=30))

    assert last is not None
    assert last.step >= 400
    for words in ("CartPole", "finished", f"Step {last.step:,} of 400", "not a score", "steps a second", "1,000"):
        assert words in page.final
    assert page.final.count("<img") == 1
    assert "The mean return of the last 100 episodes went from" in page.final
    assert run.gi_frame is None  # closed


def test_training_that_yields_nothing(page: Page) -> None:
    assert asyncio.run(live(iter(()), title="Nothing")) is None
    assert "No step taken yet." in page.final


def test_values_that_are_no_numbers_are_gaps(page: Page) -> None:
    statuses = [status(step, loss=NAN, mean_max_q=value) for step, value in ((100, NAN), (200, INF), (300, 1e30))]
    statuses.append(status(400, episode_return=NAN, epsilon=NAN))
    assert asyncio.run(live(statuses, settings=LiveSettings())) is statuses[-1]
    assert "none yet" in page.final


def view_of(settings: LiveSettings | None = None, **arguments: Any) -> _Training:
    return _Training(settings, TrainingPanel(**arguments))


def test_a_slider_sets_what_training_reads_and_is_marked_on_the_curve() -> None:
    settings = LiveSettings()
    view = view_of(settings, band=BAND)
    view.record(status(100))
    view.follow()
    epsilon, rate, period = view.knobs
    assert epsilon.slider.value == 0.3  # the value that training uses
    assert rate.slider.value == pytest.approx(0.0075)  # a quarter of the schedule has passed
    assert period.slider.value == 50
    assert settings.changes == []

    epsilon.slider.value = 0.8
    assert settings.epsilon is None  # a click only sets a flag
    view.act()
    assert settings.epsilon == 0.8
    view.record(status(300))
    period.slider.value = 7
    epsilon._reset.click()
    view.act()
    assert (settings.epsilon, settings.target_period) == (None, 7)
    assert settings.changes == [(100, "epsilon", 0.8), (300, "epsilon", None), (300, "target_period", 7)]
    assert [words for _, words in view._marks()] == ["epsilon 0.8", "epsilon as configured", "target period 7"]
    assert epsilon.slider.value == 0.3


def test_the_band_is_there_only_while_the_settings_are_the_recorded_ones() -> None:
    settings = LiveSettings()
    view = view_of(settings, band=BAND)
    view.record(status(100))
    view.draw()
    assert view._figure.band is BAND
    settings.change(100, "epsilon", 0.5)
    settings.change(110, "epsilon", None)
    view.draw()
    assert view._figure.band is None

    used = LiveSettings(changes=[(5, "epsilon", 0.5)])  # of an earlier run, and reset
    again = view_of(used, band=BAND)
    again.record(status(100))
    again.draw()
    assert again._figure.band is BAND
    assert again._marks() == []


def test_a_slider_that_is_pushed_on_and_on_leaves_one_mark() -> None:
    settings = LiveSettings()
    view = view_of(settings)
    view.record(status(100))
    view.draw()
    for step in range(100, 104):
        settings.change(step, "epsilon", step / 1000)
    settings.change(300, "epsilon", 0.9)
    assert [words for _, words in view._marks()] == ["epsilon 0.1", "epsilon 0.9"]


def test_recording_is_quick_and_keeps_little() -> None:
    import time

    view = view_of()
    statuses = [status(step % 400) for step in range(50)]
    view.record(statuses[0])
    began = time.perf_counter()
    for number in range(20_000):
        view.record(statuses[number % 50])
    assert (time.perf_counter() - began) / 20_000 < 100e-6
    assert len(view._curve.values()) <= 501
    assert len(view._episodes.values()) <= 501


class Bill:
    """A cost that grows by a cent at each call."""

    cents = 0

    def text(self) -> str:
        self.cents += 1
        return f"${self.cents / 100:.2f} of $2.00, $0.31 an hour"


def test_what_it_costs_is_said_on_top_and_in_what_stays(page: Page) -> None:
    bill = Bill()
    panel = Panel("CartPole", _Training(None, TrainingPanel(), cost=bill))
    panel.show()
    assert panel._note.value == "Cost: $0.01 of $2.00, $0.31 an hour"
    assert panel._note.layout.display != "none"
    panel.trip.answer.value = panel.trip.question.value  # as a browser does
    panel.show()
    assert panel._note.value.startswith("Cost: $0.02")

    asyncio.run(live([status(400)], cost=bill))
    # a notebook takes text between two bare dollar signs for a formula
    said = page.final.replace("<span>$</span>", "$")
    assert f"finished. Cost: ${bill.cents / 100:.2f} of $2.00, $0.31 an hour. Step 400" in said
    assert page.final.replace("<span>$</span>", "").count("$") == 0
    asyncio.run(live([status(400)]))
    assert "Cost" not in page.final


# ------------------------------------------------------------------------------------------------------- the figure


def pixels(picture: Any) -> Any:
    return np.asarray(Image.open(io.BytesIO(picture.png)))


def curves(scale: float = 1.0, **fields: Any) -> Curves:
    steps = np.linspace(0, 400, 50)
    return replace(Curves(steps, steps, scale * steps, list(zip(steps, steps, strict=True))), **fields)


def test_axes_are_drawn_again_only_when_they_change() -> None:
    panel = TrainingPanel(q_bound=500.0)
    panel.total_steps = 400
    panel.draw(curves())
    figure, background = panel._figure, panel._figure.background  # type: ignore[union-attr]
    panel.draw(curves(0.9))
    assert panel._figure is figure
    assert figure is not None
    assert figure.background is background
    panel.draw(curves(2.0))  # beyond the axis
    assert panel._figure is figure
    assert figure.background is not background
    panel.draw(curves(20.0))  # the values diverge
    assert panel._figure is not figure


def test_what_is_drawn_again_and_again_is_what_is_drawn_at_once() -> None:
    again, once = TrainingPanel(q_bound=500.0), TrainingPanel(q_bound=500.0)
    again.total_steps = once.total_steps = 400
    again.draw(Curves())
    again.draw(curves(0.5))
    np.testing.assert_array_equal(pixels(again.draw(curves())), pixels(once.draw(curves(), final=True)))


def test_paper_is_opaque_and_no_text_is_cut_off() -> None:
    panel = TrainingPanel("CartPole", band=BAND, predicted=[[0, 10], [1, 500]], q_bound=100.0)
    panel.total_steps = 50_000
    image = pixels(panel.draw(curves(changes=((100, "epsilon 0.2"), (45_000, "learning rate 0.0003")))))
    assert image.shape[-1] == 3
    edges = np.concatenate([image[:1].ravel(), image[-1:].ravel(), image[:, :1].ravel(), image[:, -1:].ravel()])
    assert (edges == 255).all()


@pytest.mark.parametrize(
    ("max_q", "scale"),
    [
        ([1.0, 50.0], "linear"),
        ([1.0, 1e9], "log"),
        ([-1e9, 1e9], "symlog"),
        ([-3.0, -1e30], "symlog"),
        ([NAN, INF], "linear"),
    ],
)
def test_values_that_explode_get_a_logarithmic_axis(max_q: list[float], scale: str) -> None:
    panel = TrainingPanel(q_bound=100.0)
    panel.draw(Curves([0, 1], [1, 2], max_q))
    assert panel._figure is not None
    assert panel._figure.look.scale == scale


@pytest.mark.parametrize("values", [[], [NAN], [0.0], [5.0], [-500.0, -80.0], [-3.0, 1e-9], [1e300], [-1e-300]])
def test_the_axes_hold_all_values(values: list[float]) -> None:
    low, high = _limits([np.array(values)])
    assert low < high
    assert all(low <= value <= high for value in values if math.isfinite(value))
    assert low <= 0 <= high


@pytest.mark.parametrize("predicted", [500, [10, 200, 500], [[0, 10], [1, 500]], np.array([[0, NAN], [1, 5]])])
def test_a_prediction_is_a_number_values_or_points(predicted: Any) -> None:
    assert TrainingPanel(predicted=predicted).draw(curves()).png


@pytest.mark.parametrize("predicted", ["much", [[1, 2, 3]], [7]])
def test_other_predictions_are_refused(predicted: Any) -> None:
    with pytest.raises(InvalidDataError, match="predicted takes a number"):
        TrainingPanel(predicted=predicted)
