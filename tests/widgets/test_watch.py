"""The panel around any generator: its cost, what it keeps, and how it ends. For the browser see test_browser."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
from types import ModuleType
from typing import Any

import pytest

from dqnkit.errors import ConfigError, DivergedError
from dqnkit.plots import Picture
from dqnkit.plots.canvas import Canvas
from dqnkit.widgets import Slider, Sliders, watch
from dqnkit.widgets.browser import ADVISE_AFTER, ASK_OFTEN_FOR, ASK_SELDOM, LONGEST_TURN, RoundTrip, has_browser
from dqnkit.widgets.panel import KEPT, Knob, Panel, View, panel_again
from dqnkit.widgets.watch import DRAW_EVERY, DRAWING_SHARE, Schedule, Thinned

DOT = Canvas(4, 4).picture("a dot")


class Page:
    """Records what was displayed and what replaced it."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.updates: list[dict[str, str]] = []

    def display(self, bundle: Any, **_: Any) -> Page:
        self.shown.append(bundle)
        return self

    def update(self, bundle: dict[str, str], raw: bool = False) -> None:
        self.updates.append(bundle)

    @property
    def final(self) -> str:
        return self.updates[-1]["text/html"]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    found = Page()
    monkeypatch.setattr("IPython.display.display", found.display)
    return found


class Watched:
    """A generator of numbers that records whether it was closed."""

    def __init__(self, count: int, fails: BaseException | None = None, seconds: float = 0.0) -> None:
        self.closed = 0
        self.values = self._run(count, fails, seconds)

    def _run(self, count: int, fails: BaseException | None, seconds: float) -> Any:
        import time

        try:
            for number in range(count):
                time.sleep(seconds)
                yield number
            if fails is not None:
                raise fails
        finally:
            self.closed += 1


def test_it_ends_with_a_plain_picture_and_returns_the_last_value(page: Page) -> None:
    run = Watched(300)
    last = asyncio.run(
        watch(run.values, lambda values: DOT, total=300, title="Numbers <1>", summary=lambda v: f"at {v}")
    )

    assert last == 299
    assert run.closed == 1
    assert len(page.shown) == len(page.updates) == 1
    assert "application/vnd.jupyter.widget-view+json" in page.shown[0]
    assert set(page.updates[0]) == {"text/html", "text/plain"}
    for words in ("Numbers &lt;1&gt;", "finished", "at 299", 'alt="a dot"'):
        assert words in page.final


def test_a_generator_that_yields_nothing_and_a_plain_list(page: Page) -> None:
    assert asyncio.run(watch(iter(()), lambda values: DOT)) is None
    assert "finished" in page.final
    assert asyncio.run(watch([1, 2], lambda values: DOT)) == 2


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), asyncio.CancelledError()])
def test_an_interrupt_inside_the_generator_keeps_what_is_there(page: Page, interrupt: BaseException) -> None:
    run = Watched(10, fails=interrupt)
    assert asyncio.run(watch(run.values, lambda values: DOT)) == 9
    assert run.closed == 1
    assert "interrupted; what was reached so far is kept" in page.final


def test_a_cancelled_cell_goes_on_to_its_end(page: Page) -> None:
    async def cell() -> Any:
        run = Watched(100_000, seconds=0.001)
        task = asyncio.create_task(watch(run.values, lambda values: DOT))
        await asyncio.sleep(0.2)
        task.cancel()  # as ipykernel does
        value = await task
        return value, run.closed, task.cancelling()

    value, closed, cancelling = asyncio.run(cell())
    assert 0 < value < 99_999
    assert (closed, cancelling) == (1, 0)


def test_an_error_of_the_kit_is_one_sentence_and_the_last_picture_stays(page: Page) -> None:
    run = Watched(5, fails=DivergedError("the loss became nan <again>"))
    with pytest.raises(DivergedError) as caught:
        asyncio.run(watch(run.values, lambda values: DOT))
    assert caught.value._render_traceback_() == ["DivergedError: the loss became nan <again>"]  # type: ignore[attr-defined]
    assert run.closed == 1
    assert "DivergedError: the loss became nan &lt;again&gt;" in page.final
    assert 'alt="a dot"' in page.final


def test_an_error_of_the_reader_keeps_its_traceback(page: Page) -> None:
    def fails(values: list[int]) -> Picture:
        raise ZeroDivisionError("in the reader's drawing")

    with pytest.raises(ZeroDivisionError) as caught:
        asyncio.run(watch(Watched(50, seconds=0.01).values, fails))
    assert not hasattr(caught.value, "_render_traceback_")
    assert "failed with ZeroDivisionError" in page.final


def test_nothing_is_left_of_a_panel(page: Page) -> None:
    from ipywidgets.widgets import widget

    def left() -> int:
        gc.collect()
        return len(getattr(widget, "_instances", widget.Widget.__dict__.get("widgets", {})))

    knobs = Sliders(alpha=(0.0, 1.0, 0.5))
    for _ in range(KEPT + 1):  # the last ones stay, for pages that are loaded anew
        asyncio.run(watch(Watched(10).values, lambda values: DOT, sliders=knobs))
    before = left()
    for _ in range(3):
        asyncio.run(watch(Watched(10).values, lambda values: DOT, sliders=knobs))
    assert left() == before


def test_what_stays_is_in_the_widget_too_and_comes_again(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that was loaded anew has lost the output, and shows the widget."""
    made: list[Panel] = []
    original = Panel.open

    def opened(panel: Panel) -> None:
        original(panel)
        made.append(panel)
        panel.trip.works = True  # a browser has answered

    monkeypatch.setattr(Panel, "open", opened)
    asyncio.run(watch(Watched(10).values, lambda values: DOT, title="Numbers"))
    (panel,) = made
    assert panel.board.final == page.final
    assert panel.root.children == (panel.board,)
    assert panel.board.state == "finished"
    panel_again()
    assert page.shown[-1]["text/html"] == page.final


def test_a_click_is_a_message_and_the_loop_acts_on_it(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    knobs = Sliders(alpha=(0.0, 1.0, 0.5))

    def click(panel: Panel) -> None:
        panel._heard({"knob": 0, "value": 0.25})
        panel._heard({"stopped": True})

    original = Panel.open
    monkeypatch.setattr(Panel, "open", lambda panel: (original(panel), click(panel))[0])
    last = asyncio.run(watch(Watched(1000).values, lambda values: DOT, sliders=knobs))
    assert last == 0
    assert knobs["alpha"] == 0.25
    assert "stopped; what was reached so far is kept" in page.final


def test_two_panels_at_once(page: Page) -> None:
    async def both() -> Any:
        return await asyncio.gather(
            watch(Watched(200, seconds=0.001).values, lambda values: DOT, title="one"),
            watch(Watched(100, seconds=0.001).values, lambda values: DOT, title="two"),
        )

    assert asyncio.run(both()) == [199, 99]
    assert len(page.shown) == len(page.updates) == 2


def test_sliders_are_read_while_it_runs_and_refused_where_they_are_none(page: Page) -> None:
    knobs = Sliders({"step size": (0, 10, 3)}, rate=Slider(1e-5, 1e-1, 1e-3, log=True))
    assert knobs == {"step size": 3, "rate": 1e-3}
    with pytest.raises(ConfigError, match="'alpha' takes lowest < highest"):
        Sliders(alpha=(1.0, 0.0, 0.5))
    with pytest.raises(ConfigError, match="sliders=Sliders"):
        asyncio.run(watch([1], lambda values: DOT, sliders={"alpha": (0, 1, 0.5)}))  # type: ignore[arg-type]


def test_a_knob_tells_the_reader_from_the_kit() -> None:
    knob = Knob("alpha", 0.0, 1.0, 0.5)
    knob.follow(0.75)
    assert (knob.value, knob.moved) == (0.75, False)
    knob.choose(0.25)
    assert knob.moved
    knob.follow(0.9)  # the reader's value is not overwritten before it was read
    assert knob.take() == 0.25
    assert not knob.moved
    knob.follow(float("nan"))
    knob.follow(7.0)
    assert knob.value == 1.0
    knob.choose(None)
    assert knob.moved
    assert knob.take() is None
    period = Knob("period", 1, 1000, 50, log=True)
    period.choose(77.4)
    assert period.take() == 77
    assert isinstance(period.value, int)
    for nonsense in (float("nan"), "7"):
        period.choose(nonsense)  # type: ignore[arg-type]
        assert not period.moved


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000, 1003])
def test_values_are_thinned_evenly_and_the_newest_is_there(count: int) -> None:
    thinned: Thinned[int] = Thinned(8)
    for number in range(count):
        thinned.add(number)
    values = thinned.values()
    assert thinned.count == count
    assert len(values) <= 9
    if count:
        assert (values[0], values[-1]) == (0, count - 1)
        gaps = {b - a for a, b in itertools.pairwise(values[:-1])}
        assert len(gaps) <= 1


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_slow_picture_is_drawn_less_often() -> None:
    clock = Clock()
    schedule = Schedule(clock)
    drawn = 0
    while clock.now < 100:
        clock.now += 0.01
        if clock.now >= schedule.next_picture:
            began, drawn = clock.now, drawn + 1
            clock.now += 0.2
            schedule.drew(began)
    assert DRAWING_SHARE <= 0.2 * drawn / 100 < 1.5 * DRAWING_SHARE  # a little more at first

    quick = Schedule(clock)
    quick.drew(clock.now)
    assert quick.next_picture == clock.now + DRAW_EVERY


def answer(trip: RoundTrip) -> None:
    """What the link does in a browser."""
    trip.answer.value = trip.question.value


def test_no_picture_goes_to_a_browser_that_did_not_take_the_last() -> None:
    clock = Clock()
    trip = RoundTrip(clock)
    assert trip.ready  # no browser ever replied; Colab shows what is sent
    trip.ask()
    trip.ask()
    assert trip.question.value == 1
    answer(trip)
    assert trip.works
    assert trip.ready

    trip.ask()
    assert not trip.ready
    for _ in range(100):  # the tab was closed
        clock.now += 0.1
        trip.ask()
    assert trip.question.value <= 2 + 10 / ASK_SELDOM
    trip.answer.value += 1  # an answer to an earlier question
    assert not trip.ready
    answer(trip)
    assert trip.ready


def test_who_never_answers_is_asked_seldom() -> None:
    clock = Clock()
    trip = RoundTrip(clock)
    while clock.now < ASK_OFTEN_FOR + 100:
        clock.now += 0.05
        trip.ask()
    assert trip.question.value < 2 * ASK_OFTEN_FOR + 100 / ASK_SELDOM + 3


def test_on_colab_a_widget_comes_without_html_which_would_be_shown_in_its_place(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(watch(iter([1]), lambda values: DOT))
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    asyncio.run(watch(iter([1]), lambda values: DOT))
    elsewhere, on_colab = map(set, page.shown)
    assert elsewhere - on_colab == {"text/html"}
    assert "application/vnd.jupyter.widget-view+json" in on_colab
    assert all("text/html" in update for update in page.updates)  # the plain picture at the end


def test_where_no_answer_comes_the_panel_says_what_to_do_instead_of_sliders(page: Page) -> None:
    class Bare(View):
        """A view of nothing, with or without sliders."""

        def __init__(self, *knobs: Knob) -> None:
            self._knobs = list(knobs)

        @property
        def knobs(self) -> list[Knob]:
            return self._knobs

    now = 0.0
    panels = [Panel("", Bare(*knobs)) for knobs in ((Knob("period", 1, 100, 50),), ())]
    for panel in panels:
        panel.trip = RoundTrip(lambda: now)
        panel.open()
    with_sliders, without = (panel.board.setup["instead"] for panel in panels)
    assert "write their values into it" in with_sliders
    assert without == "Interrupt (the square button) keeps what was learned"
    moments = [0.0, 60.0]  # the first value takes a minute: the kernel was blocked and did not listen
    moments += [60 + 0.05 * turn for turn in range(round((ADVISE_AFTER + 0.1) / 0.05))]
    for moment in moments:
        now = moment
        for panel in panels:
            panel.listen("running")
            assert panel.board.controls == "waiting" or now > 60 + ADVISE_AFTER - LONGEST_TURN - 0.1
    assert [panel.board.controls for panel in panels] == ["off", "off"]
    panels[0].trip.answer.value = panels[0].trip.question.value  # it answers after all
    panels[0].listen("running")
    assert panels[0].board.controls == "on"


def test_without_a_browser_it_is_found_out_in_time(page: Page) -> None:
    assert asyncio.run(has_browser(timeout=0.1)) is False
