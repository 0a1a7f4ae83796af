"""A live panel for any generator: a picture of its progress, with Pause, Stop and sliders that act while it runs.

Clicks reach the kernel while an awaited cell runs, but not while a cell blocks. So the loop below is awaited and yields
to the event loop every twentieth of a second. A click sets a flag, and the loop acts on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dqnkit.errors import ConfigError, DQNKitError
from dqnkit.plots import Picture
from dqnkit.widgets.kernel_status import answer_while_cells_run
from dqnkit.widgets.panel import Knob, Panel, View

Value = TypeVar("Value")

YIELD_EVERY = 0.05  # seconds between turns of the event loop, which handles clicks and messages
DRAW_EVERY = 0.25  # least seconds between pictures
DRAWING_SHARE = 0.03  # largest share of the time for drawing: a slow picture is drawn less often
MAX_VALUES = 1000  # kept for a picture


class Thinned(Generic[Value]):
    """A sequence that keeps about ``limit`` of the values added to it, evenly spread, and always the newest.

    Args:
        limit: 1,000 unless given.
    """

    def __init__(self, limit: int = MAX_VALUES) -> None:
        self.limit = limit
        self.count = 0  # of all values added
        self.newest: Any = None
        self._kept: list[Value] = []
        self._stride = 1

    def add(self, value: Value) -> None:
        """Add a value. At the limit, every second value is dropped, and half as many are kept from then on."""
        self.newest = value
        if self.count % self._stride == 0:
            if len(self._kept) == self.limit:
                self._kept = self._kept[::2]
                self._stride *= 2
            if self.count % self._stride == 0:
                self._kept.append(value)
        self.count += 1

    def values(self) -> list[Value]:
        """Return the values kept and the newest, in the order in which they were added."""
        newest_is_kept = self.count == 0 or (self.count - 1) % self._stride == 0
        return list(self._kept) if newest_is_kept else [*self._kept, self.newest]


@dataclass(frozen=True)
class Slider:
    """The range and the first value of a slider; with ``log``, powers of ten are at equal distances."""

    low: float
    high: float
    start: float
    log: bool = False


class Sliders(dict[str, Any]):
    """The current values of sliders by name, for a generator that reads them while the reader moves the sliders.

    A slider whose three numbers are integers gives integers.

    >>> knobs = Sliders(alpha=(0.0, 1.0, 0.1), period=(1, 1000, 50), rate=Slider(1e-5, 1e-1, 1e-3, log=True))
    >>> knobs["alpha"], knobs["period"]
    (0.1, 50)

    Args:
        ranges: name -> (lowest, highest, first value), for names that are not Python identifiers.
        more: the same as keyword arguments.

    Raises:
        ConfigError: lowest is not below highest, or the first value is not between them.
    """

    def __init__(self, ranges: Mapping[str, Slider | tuple[float, float, float]] | None = None, **more: Any) -> None:
        self.ranges: dict[str, Slider] = {}
        for name, given in {**(ranges or {}), **more}.items():
            slider = given if isinstance(given, Slider) else Slider(*given)
            if not slider.low < slider.high or not slider.low <= slider.start <= slider.high:
                raise ConfigError(f"the slider {name!r} takes lowest < highest, and a start between, not {given}")
            self.ranges[name] = slider
        super().__init__({name: slider.start for name, slider in self.ranges.items()})


async def watch(
    generator: Iterable[Value],
    draw: Callable[[list[Value]], Picture],
    *,
    total: float | None = None,
    title: str = "",
    step: Callable[[Value], float] | None = None,
    summary: Callable[[Value], str] | None = None,
    sliders: Sliders | None = None,
) -> Value | None:
    """Run a generator to its end in a live panel with Pause and Stop; await it in a cell.

    ::

        knobs = Sliders(alpha=(0.0, 1.0, 0.1))


        def learn():
            for update in range(4000):
                error = one_update(knobs["alpha"])
                yield update, error


        def draw(values):  # the list of (update, error) so far
            updates, errors = zip(*values)
            return error_curve(updates, errors)


        last = await watch(learn(), draw, total=4000, sliders=knobs)

    Stop, or interrupting the kernel, ends the generator and keeps the values so far; the next cell works. At the end a
    static picture replaces the panel and stays in the notebook. Without a browser the generator runs all the same.

    Args:
        generator: yields values often, as it cannot be stopped between two values.
        draw: makes a picture of the values so far, a few times a second. It gets a list of at most about 1,000 values
            evenly spread over the run, the newest last, so each value should contain its x.
        total: the progress at the end; without it no progress is shown.
        title: of the panel.
        step: returns the progress at a value; by default the number of values so far.
        summary: returns a line of text about a value.
        sliders: numbers that the generator reads and the reader changes.

    Returns:
        The last value; None if there was none.

    Raises:
        ConfigError: ``sliders`` is not a `Sliders`.
    """
    if sliders is not None and not isinstance(sliders, Sliders):
        raise ConfigError(
            f"watch takes sliders=Sliders(name=(lowest, highest, start)), which the generator reads, not {sliders!r}"
        )
    return await follow(generator, _Values(draw, total, step, summary, sliders), title)


class _Values(View):
    """The view of `watch`: the caller's functions applied to the values so far."""

    def __init__(
        self,
        draw: Callable[[list[Any]], Picture],
        total: float | None,
        step: Callable[[Any], float] | None,
        summary: Callable[[Any], str] | None,
        sliders: Sliders | None,
    ) -> None:
        self._draw, self._total, self._step, self._summary = draw, total, step, summary
        self._values: Thinned[Any] = Thinned()
        self._sliders = sliders if sliders is not None else Sliders()
        self._knobs = {
            name: Knob(name, slider.low, slider.high, self._sliders[name], slider.log)
            for name, slider in self._sliders.ranges.items()
        }

    @property
    def knobs(self) -> list[Knob]:
        return list(self._knobs.values())

    def record(self, value: Any) -> None:
        self._values.add(value)

    def draw(self, final: bool = False) -> Picture | None:
        return self._draw(self._values.values()) if self._values.count else None

    def progress(self) -> float | None:
        if not self._total:
            return None
        if self._step is None or self._values.count == 0:
            return min(1.0, self._values.count / self._total)
        return min(1.0, max(0.0, float(self._step(self._values.newest)) / self._total))

    def summary(self) -> str:
        if self._values.count == 0:
            return "No value yet."
        if self._summary is not None:
            return self._summary(self._values.newest)
        return f"{self._values.count:,} of {self._total:,}." if self._total else f"{self._values.count:,} so far."

    def act(self) -> None:
        for name, knob in self._knobs.items():
            if knob.moved:
                wanted = knob.take()
                self._sliders[name] = self._sliders.ranges[name].start if wanted is None else wanted
                knob.follow(self._sliders[name])

    def follow(self) -> None:
        for name, knob in self._knobs.items():
            knob.follow(self._sliders[name])


class Schedule:
    """The times of the next turn of the event loop and of the next picture, chosen so that drawing costs little."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cost = 0.0  # seconds for a picture: a moving mean, as single pictures may take longer
        self.next_turn = self.next_picture = clock() + YIELD_EVERY

    def drew(self, began: float) -> None:
        """Set the time of the next picture after one that was drawn from ``began`` until now."""
        now = self._clock()
        self._cost += 0.2 * (now - began - self._cost)
        self.next_picture = now + max(DRAW_EVERY, self._cost / DRAWING_SHARE)

    def took_turn(self) -> None:
        """Set the time of the next turn of the event loop."""
        self.next_turn = self._clock() + YIELD_EVERY


async def follow(
    generator: Iterable[Value], view: View, title: str, clock: Callable[[], float] = time.perf_counter
) -> Value | None:
    """Run a generator in a panel that shows a view of its values; `watch` and `live` call it.

    Args:
        generator: yields values.
        view: of the values.
        title: of the panel.
        clock: returns seconds that never decrease.

    Returns:
        The last value; None if there was none.
    """
    answer_while_cells_run()
    panel = Panel(title, view)
    last: Value | None = None
    phase = "starting"
    state, failure = "finished", None
    try:
        panel.open()
        panel.show()
        await _turn(panel, "starting")
        schedule = Schedule(clock)
        for value in generator:
            last = value
            view.record(value)
            is_new, phase = view.phase() != phase, view.phase()
            if clock() < schedule.next_turn and not is_new:
                continue
            if is_new:
                panel.listen(phase)  # the next value may take long
            if clock() >= schedule.next_picture or is_new:
                began = clock()
                panel.show()
                schedule.drew(began)
            await _turn(panel, phase)
            if panel.paused:
                await _wait_while_paused(panel)
            if panel.stopped:
                state = "stopped"
                break
            schedule.took_turn()
    except (KeyboardInterrupt, asyncio.CancelledError):  # ipykernel cancels an awaited cell
        state = "interrupted"
        _take_back_cancellation()
    except BaseException as error:
        state, failure = "failed", error
        if isinstance(error, DQNKitError):
            _hide_traceback(error)
        raise
    finally:
        _close(generator)
        panel.close(state, failure)
    return last


async def _turn(panel: Panel, state: str) -> None:
    """Let the event loop handle clicks and messages, then act on them."""
    panel.listen(state)
    for _ in range(3):  # a message is read, queued and handled in three turns of the loop
        await asyncio.sleep(0)
    panel.view.act()


async def _wait_while_paused(panel: Panel) -> None:
    panel.show()
    while panel.paused and not panel.stopped:
        await _turn(panel, "paused")
        await asyncio.sleep(YIELD_EVERY)
    panel.listen(panel.view.phase())


def _close(generator: Any) -> None:
    """Close a generator, so that it cleans up now; other iterables have nothing to clean up."""
    if hasattr(generator, "close"):
        generator.close()


def _take_back_cancellation() -> None:
    """Undo the cancellation of this task, so that the cell runs to its end."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _hide_traceback(error: DQNKitError) -> None:
    """Make IPython show an error of the kit as its message, without the traceback."""
    error._render_traceback_ = lambda: [f"{type(error).__name__}: {error}"]  # type: ignore[attr-defined]
