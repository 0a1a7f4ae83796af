"""The live panel without a browser: what it draws, what its sliders set, and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
import math
import warnings
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_learner import FakeLearner
from PIL import Image
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
    for words in ("CartPole", "finished", f"Step {last.step:,} (400 were", "not a score", "steps a second", "1,000"):
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
    assert epsilon.value == 0.3  # the value that training uses
    assert rate.value == pytest.approx(0.0075)  # a quarter of the schedule has passed
    assert period.value == 50
    assert (rate.log, period.log) == (True, True)
    assert settings.changes == []

    epsilon.choose(0.8)
    assert settings.epsilon is None  # a click only sets a flag
    view.act()
    assert settings.epsilon == 0.8
    view.record(status(300))
    period.choose(7)
    epsilon.choose(None)
    view.act()
    assert (settings.epsilon, settings.target_period) == (None, 7)
    assert settings.changes == [(100, "epsilon", 0.8), (300, "epsilon", None), (300, "target_period", 7)]
    assert [words for _, words in view._marks()] == ["epsilon 0.8", "epsilon as configured", "target period 7"]
    assert epsilon.value == 0.3


def test_the_band_is_faded_while_the_settings_are_not_the_recorded_ones() -> None:
    settings = LiveSettings()
    view = view_of(settings, band=BAND)
    assert view.chart is not None
    assert view.chart["band"] == {
        "steps": [0, 200, 400],
        "low": [0] * 3,
        "middle": [1] * 3,
        "high": [2] * 3,
        "label": BAND.label,
    }
    view.record(status(100))
    assert view.more()["changed"] is False
    recorded = pixels(view.draw())
    settings.change(100, "epsilon", 0.5)
    settings.change(110, "epsilon", None)
    assert view.more()["changed"] is True
    assert (pixels(view.draw()) != recorded).any()

    used = LiveSettings(changes=[(5, "epsilon", 0.5)])  # of an earlier run, and reset
    again = view_of(used, band=BAND)
    again.record(status(100))
    assert again.more()["changed"] is False
    assert again._marks() == []


def test_the_browser_gets_new_points_only_and_all_when_it_asks() -> None:
    view = view_of(q_bound=100.0)
    assert view.news() == {}
    nobody = {"get_state": lambda: None}  # a stand-in for a run has no environment
    view.record(status(10, **nobody))
    view.record(status(20, mean_max_q=NAN))
    first = view.news()
    assert first["points"] == [[20, 1, None, 0.3]]
    assert first["episodes"] == [[10, 1], [20, 2]]
    assert first["look"]["kind"] == "words"
    view.record(status(30))
    later = view.news()
    assert (later["points"], later["episodes"]) == ([[30, 1.5, 3, 0.3]], [[30, 3]])
    assert "look" not in later
    whole = view.everything()
    assert [point[0] for point in whole["points"]] == [10, 20, 30]
    assert len(whole["episodes"]) == 3
    json.dumps(whole, allow_nan=False)
    for step in range(40, 400):
        view.record(status(step))
    assert len(view.news()["episodes"]) <= 25


def test_states_in_words() -> None:
    view = view_of(q_bound=10.0)
    assert (view.phase(), view.done()) == ("starting", "")
    assert "TensorFlow" in view.hint()
    config = replace(CONFIG, learning_starts=120)
    view.record(status(60, updates=0, get_state=lambda: SimpleNamespace(config=config)))
    assert view.phase() == "filling replay"
    assert "60 transitions of the 120 from which on it learns" in view.hint()
    view.record(status(120, updates=0, compiles_next=True))
    assert view.phase() == "compiling"
    assert "once" in view.hint()
    for step in range(130, 300):
        view.record(status(step))
    assert (view.phase(), view.done()) == ("running", "Step 299 of 400")
    last = view_of(q_bound=10.0)
    last.record(status(436))  # the last rollout is inserted whole
    assert last.done() == "Step 436 (400 were asked for)"
    assert "still rising" in view.hint()
    assert "promises more than any policy can earn, 10: overestimation" in view.hint()
    assert view.numbers() == [("14.9", ""), ("29.9", "of at most 10"), ("0.3", "")]


def test_the_time_left_counts_no_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("dqnkit.widgets.panel.time.monotonic", lambda: now)
    panel = Panel("CartPole", view_of())
    words = []
    for second, fields in ((0, {"updates": 0}), (30, {"compiles_next": True}), (60, {}), (61, {}), (62, {}), (63, {})):
        now = float(second)
        panel.view.record(status(100 + second, **fields))
        panel.listen(panel.view.phase())
        panel.trip.answer.value = panel.trip.question.value
        panel.show()
        words.append(panel.board.now["left"])
    assert words == ["", "", "", "239 s left".replace("239 s", "4 min"), "4 min left", "4 min left"]


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
    assert panel.board.now["note"] == "Cost: $0.01 of $2.00, $0.31 an hour"
    panel.trip.answer.value = panel.trip.question.value  # as a browser does
    panel.show()
    assert panel.board.now["note"].startswith("Cost: $0.02")

    asyncio.run(live([status(400)], cost=bill))
    # a notebook takes text between two bare dollar signs for a formula
    said = page.final.replace("<span>$</span>", "$")
    assert f"finished. Cost: ${bill.cents / 100:.2f} of $2.00, $0.31 an hour. Step 400" in said
    assert page.final.replace("<span>$</span>", "").count("$") == 0
    asyncio.run(live([status(400)]))
    assert "Cost" not in page.final


# ------------------------------------------------------------------------------------------------------- the figure


def pixels(picture: Any) -> Any:
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def curves(scale: float = 1.0, **fields: Any) -> Curves:
    steps = np.linspace(0, 400, 50)
    return replace(Curves(steps, steps, scale * steps, list(zip(steps, steps, strict=True))), **fields)


def test_what_stays_has_light_ink_for_dark_pages() -> None:
    picture = TrainingPanel("CartPole", q_bound=100.0).draw(curves(), 400)
    dark = np.asarray(Image.open(io.BytesIO(picture.dark)).convert("RGBA"))
    assert (dark[0, :, 3] == 0).all()  # no paper
    assert dark[dark[..., 3] == 255].mean() > 100


def test_paper_is_opaque_and_no_text_is_cut_off() -> None:
    panel = TrainingPanel("CartPole", band=BAND, predicted=[[0, 10], [1, 500]], q_bound=100.0)
    image = pixels(panel.draw(curves(changes=((100, "epsilon 0.2"), (45_000, "learning rate 0.0003"))), 50_000))
    image = image[..., :3]
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
def test_values_that_explode_get_a_logarithmic_axis(
    max_q: list[float], scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = []
    original = TrainingPanel._draw_max_q

    def drawn(panel: Any, axes: Any, *arguments: Any) -> None:
        original(panel, axes, *arguments)
        titles.append((axes.get_yscale(), axes.get_title(loc="left")))

    monkeypatch.setattr(TrainingPanel, "_draw_max_q", drawn)
    TrainingPanel(q_bound=100.0).draw(Curves([0, 1], [1, 2], max_q))
    assert titles == [(scale, "Mean max Q" if scale == "linear" else "Mean max Q explodes (logarithmic axis)")]


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
