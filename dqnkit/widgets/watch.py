"""A live panel for any generator: a picture of how it goes, Pause, Stop and sliders that act while it runs.

A cell that is awaited lets clicks through, one that blocks does not. So the loop below runs in an awaited cell and
lets others have a turn every twentieth of a second; a click sets a flag, and the loop acts on it.
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

BREATHE_EVERY = 0.05  # seconds between turns for what else waits: clicks, messages
DRAW_EVERY = 0.25  # seconds between pictures, at least
SHARE = 0.03  # of the time may go into drawing, at most: a slow picture is drawn less often
POINTS = 1000  # values kept for a picture, at most


class Thinned(Generic[Value]):
    """Up to 1,000 values spread evenly over all that were added, the newest among them, in little memory."""

    def __init__(self, limit: int = POINTS) -> None:
        self.limit = limit
        self.count = 0  # of all that were added
        self.newest: Any = None
        self._kept: list[Value] = []
        self._stride = 1

    def add(self, value: Value) -> None:
        """Add a value; it is kept or forgotten by its turn."""
        self.newest = value
        if self.count % self._stride == 0:
            if len(self._kept) == self.limit:
                self._kept = self._kept[::2]
                self._stride *= 2
            if self.count % self._stride == 0:
                self._kept.append(value)
        self.count += 1

    def values(self) -> list[Value]:
        """Those that were kept, in the order in which they came, and the newest."""
        newest_is_kept = self.count == 0 or (self.count - 1) % self._stride == 0
        return list(self._kept) if newest_is_kept else [*self._kept, self.newest]


@dataclass(frozen=True)
class Slider:
    """What a slider may be set to, and what it starts at; ``log`` spreads powers of ten evenly."""

    low: float
    high: float
    start: float
    log: bool = False


class Sliders(dict[str, Any]):
    """Numbers that a reader changes while a generator that reads them runs: name -> the value now.

    A slider whose three numbers are whole gives whole numbers.

    >>> knobs = Sliders(alpha=(0.0, 1.0, 0.1), period=(1, 1000, 50), rate=Slider(1e-5, 1e-1, 1e-3, log=True))
    >>> knobs["alpha"], knobs["period"]
    (0.1, 50)

    Args:
        ranges: name -> (lowest, highest, at first), for names that are no Python names.
        more: the same by keyword.

    Raises:
        ConfigError: a range that is none.
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
    """Run a generator to its end and show how it goes, with Pause and Stop; await it in a cell.

    ::

        knobs = Sliders(alpha=(0.0, 1.0, 0.1))


        def learn():
            for update in range(4000):
                error = one_update(knobs["alpha"])
                yield update, error


        def draw(values):  # a list of the (update, error) so far
            updates, errors = zip(*values)
            return error_curve(updates, errors)


        last = await watch(learn(), draw, total=4000, sliders=knobs)

    Stop, or interrupting the kernel, ends it and keeps what is there: the next cell works. At the end the panel
    becomes a plain picture, which stays in the notebook. Without a browser nothing waits.

    Args:
        generator: yields values, often: what happens between two values cannot be stopped.
        draw: makes a picture of the values so far, a few times a second. It gets a list of at most about 1,000 of
            them, spread evenly over the run, the newest last; so a value says where on the x axis it belongs.
        total: where progress ends; without it none is shown.
        title: what runs.
        step: the progress that a value means; the number of values so far unless given.
        summary: a value in one line of words.
        sliders: numbers that the generator reads and the reader changes.

    Returns:
        The last value; None where none came.

    Raises:
        ConfigError: sliders that are none.
    """
    if sliders is not None and not isinstance(sliders, Sliders):
        raise ConfigError(
            f"watch takes sliders=Sliders(name=(lowest, highest, start)), which the generator reads, not {sliders!r}"
        )
    return await follow(generator, _Values(draw, total, step, summary, sliders), title)


class _Values:
    """The view of `watch`: the reader's own functions over the values so far."""

    fold = ""
    below = None

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
            name: Knob(name, s.low, s.high, self._sliders[name], s.log) for name, s in self._sliders.ranges.items()
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

    def note(self) -> str:
        return ""

    def summary(self) -> str:
        if self._values.count == 0:
            return "No value yet."
        if self._summary is not None:
            return self._summary(self._values.newest)
        return f"{self._values.count:,} of {self._total:,}." if self._total else f"{self._values.count:,} so far."

    def details(self) -> str:
        return ""

    def act(self) -> None:
        for name, knob in self._knobs.items():
            if knob.moved:
                wanted = knob.take()
                self._sliders[name] = self._sliders.ranges[name].start if wanted is None else wanted
                knob.follow(self._sliders[name])

    def follow(self) -> None:
        for name, knob in self._knobs.items():
            knob.follow(self._sliders[name])


class Pace:
    """When it is time for what, so that the panel costs little: a turn for others, a picture."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cost = 0.0  # seconds that a picture takes: a moving mean, for now and then one takes longer
        self.next_turn = self.next_picture = clock() + BREATHE_EVERY

    def drew(self, began: float) -> None:
        """A picture was drawn, from ``began`` until now: when is the next?"""
        now = self._clock()
        self._cost += 0.2 * (now - began - self._cost)
        self.next_picture = now + max(DRAW_EVERY, self._cost / SHARE)

    def took_turn(self) -> None:
        """Others have had their turn."""
        self.next_turn = self._clock() + BREATHE_EVERY


async def follow(
    generator: Iterable[Value], view: View, title: str, clock: Callable[[], float] = time.perf_counter
) -> Value | None:
    """Run a generator under a panel that shows a view of it: what `watch` and `live` are made of.

    Args:
        generator: yields values.
        view: what is shown of them.
        title: what runs.
        clock: seconds that only grow.

    Returns:
        The last value; None where none came.
    """
    answer_while_cells_run()
    panel = Panel(title, view)
    last: Value | None = None
    state, failure = "finished", None
    try:
        panel.open()
        panel.show()
        await _turn(panel, "starting")
        pace = Pace(clock)
        for value in generator:
            last = value
            view.record(value)
            if clock() < pace.next_turn:
                continue
            if clock() >= pace.next_picture:
                began = clock()
                panel.show()
                pace.drew(began)
            await _turn(panel, "running")
            if panel.paused:
                await _wait_while_paused(panel)
            if panel.stopped:
                state = "stopped"
                break
            pace.took_turn()
    except (KeyboardInterrupt, asyncio.CancelledError):  # ipykernel cancels an awaited cell
        state = "interrupted"
        _take_back_cancellation()
    except BaseException as error:
        state, failure = "failed", error
        if isinstance(error, DQNKitError):
            _say_it_in_a_sentence(error)
        raise
    finally:
        _close(generator)
        panel.close(state, failure)
    return last


async def _turn(panel: Panel, state: str) -> None:
    """Let clicks and messages have their turn, then do what they asked for."""
    panel.listen(state)
    for _ in range(3):  # a message is read, put in a queue and acted on in turns of their own
        await asyncio.sleep(0)
    panel.view.act()


async def _wait_while_paused(panel: Panel) -> None:
    panel.show()
    while panel.paused and not panel.stopped:
        await _turn(panel, "paused")
        await asyncio.sleep(BREATHE_EVERY)
    panel.listen("running")


def _close(generator: Any) -> None:
    """Have a generator clean up now; what is not a generator has nothing to clean up."""
    if hasattr(generator, "close"):
        generator.close()


def _take_back_cancellation() -> None:
    """The cell goes on to its end: it is cancelled no longer."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _say_it_in_a_sentence(error: DQNKitError) -> None:
    """Have IPython show the kit's own error as what it is, a sentence, without a traceback through the kit."""
    error._render_traceback_ = lambda: [f"{type(error).__name__}: {error}"]  # type: ignore[attr-defined]
