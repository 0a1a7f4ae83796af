"""A live panel: what a view says of a run, on a board that the browser draws, and the buttons and sliders on it.

A panel only shows things and records clicks; the loop, `dqnkit.widgets.watch.follow`, acts on them.
"""

from __future__ import annotations

import math
import time
from collections import deque
from html import escape
from typing import Any, Protocol

import ipywidgets

from dqnkit.hosted import is_attended, running_kernel
from dqnkit.plots import Picture
from dqnkit.widgets.board import Board
from dqnkit.widgets.browser import RoundTrip, as_widget, close
from dqnkit.widgets.run_again import ThisRun

ICONS = {"stopped": "■", "interrupted": "■", "finished": "✔", "failed": "✖"}  # characters that every font has
INSTEAD_OF_BUTTONS = "Interrupt (the square button) keeps what was learned"
INSTEAD_OF_SLIDERS = "sliders do not act here while a cell runs: write their values into it, and run it again"
END_TEXTS = {  # state -> text at the end; other states are their own text
    "stopped": "stopped; what was reached so far is kept",
    "interrupted": "interrupted; what was reached so far is kept",
}
ESTIMATE_FROM = 20.0  # seconds; the time left is estimated from the progress in this time
KEPT = 4  # panels that stay in the kernel after their end, for pages that were loaded anew meanwhile


class View:
    """What a panel shows of the values from a generator. Most parts may be left out.

    Attributes:
        fold: the title of the foldable part; empty if there is none.
        below: a part below the picture and the sliders, or None.
        chart: what the browser needs to draw the curves, as JSON can have it; None if `draw` makes the picture.
        titles: name and quantity of each large number.
        watched: whether somebody may look on; the panel says it.
    """

    fold: str = ""
    below: Below | None = None
    chart: dict[str, Any] | None = None
    titles: tuple[tuple[str, str], ...] = ()
    watched: bool = False

    @property
    def knobs(self) -> list[Knob]:
        """The sliders."""
        return []

    def prepare(self) -> None:
        """Do what would take long at the end; called once, before the first value."""

    def record(self, value: Any) -> None:
        """Record a value; called for each, so it must be quick."""

    def draw(self, final: bool = False) -> Picture | None:
        """Return the picture of all values so far; None if there is nothing to draw."""
        return None

    def progress(self) -> float | None:
        """Return how much is done, 0 to 1; None if not known."""
        return None

    def phase(self) -> str:
        """Return what is being done, in a word or two; the time left is estimated only while it is "running"."""
        return "running"

    def note(self) -> str:
        """Return a few words for the top of the panel; may be empty."""
        return ""

    def done(self) -> str:
        """Return the progress in a few words; may be empty."""
        return ""

    def numbers(self) -> list[tuple[str, str]]:
        """Return the value of each large number, and its unit or comparison."""
        return []

    def hint(self) -> str:
        """Return the sentence at the bottom."""
        return self.summary()

    def summary(self) -> str:
        """Return the state in one line of text."""
        return ""

    def last_words(self) -> str:
        """Return what is said at the end, after how it ended."""
        return f"{self.note()}. {self.summary()}" if self.note() else self.summary()

    def details(self) -> str:
        """Return the content of the foldable part, as HTML."""
        return ""

    def more(self) -> dict[str, Any]:
        """Return what else the browser's chart needs at this moment."""
        return {}

    def news(self) -> dict[str, Any]:
        """Return the points and states since the last call, for the browser's chart."""
        return {}

    def everything(self) -> dict[str, Any]:
        """Return all points, for a page that was opened later; `news` goes on from here."""
        return {}

    def act(self) -> None:
        """Apply the changes that the reader made with the knobs; called between two values."""

    def follow(self) -> None:
        """Show the current settings on the knobs; called with each picture."""

    def close(self) -> None:
        """Let go of what the view holds."""


class Below(Protocol):
    """A part of a panel below the view's own picture. The view passes the calls of `record` and `act` on to it."""

    widget: Any

    def show(self) -> None:
        """Update the widget; called with each picture."""

    def enable(self) -> None:
        """Show the controls: there is a browser, and clicks take effect."""

    def final(self) -> str:
        """Return what stays on the page at the end, as HTML."""

    def clear(self) -> None:
        """Remove the content from the widget."""


class Knob:
    """A slider with a note and a Reset button. When the reader moves it, `moved` is set; the loop then calls `take`.

    Args:
        label: name of the setting.
        low, high: its ends. If both and ``value`` are integers, the slider has integer values.
        value: its first value.
        log: whether powers of ten are at equal distances.

    Attributes:
        value: what the slider shows.
        note: a few words below it.
    """

    def __init__(self, label: str, low: float, high: float, value: float, log: bool = False) -> None:
        self.label, self.low, self.high, self.log = label, low, high, log
        self.moved = False  # since the last call of `take`
        self.note = ""
        self._whole = all(isinstance(number, int) for number in (low, high, value))
        self._wanted: float | None = None
        self.value = self._within(value)

    def look(self) -> dict[str, Any]:
        """Return what the browser needs to draw the slider."""
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 50))
        ends = {"low": self.low, "high": self.high, "value": self.value}
        return {"name": self.label, **ends, "log": self.log, "whole": self._whole, "step": step}

    def choose(self, value: float | None) -> None:
        """The reader has moved the slider to a value; None for Reset."""
        if value is not None:
            if not isinstance(value, int | float) or not math.isfinite(value):
                return
            self.value = value = self._within(value)
        self._wanted, self.moved = value, True

    def take(self) -> Any:
        """Return the value that the reader chose last; None for Reset."""
        self.moved = False
        return self._wanted

    def follow(self, value: float) -> None:
        """Show a value that the reader did not set; does nothing while a change by the reader waits for `take`."""
        if not self.moved and math.isfinite(value):
            self.value = self._within(value)

    def _within(self, value: float) -> float:
        value = min(self.high, max(self.low, value))
        return round(value) if self._whole else value


class Panel:
    """A panel on the page, from `open` to `close`.

    Attributes:
        paused: whether the reader has asked for it.
    """

    def __init__(self, title: str, view: View) -> None:
        self.title, self.view = title, view
        self.paused = self._stopped = False
        self._run = ThisRun()
        self.trip = RoundTrip()
        self.final = ""  # what stays, as HTML
        self._handle: Any = None
        self._picture: Picture | None = None
        self._estimate = _Estimate()
        self.board = Board(self._setup(), self._heard)
        below = [] if view.below is None else [view.below.widget]
        self.root = ipywidgets.VBox([self.board, *below, self.trip.widget], layout={"width": "100%"})

    @property
    def stopped(self) -> bool:
        """Whether the reader has asked for it, or has run the cell again: the new run takes the place of this one."""
        return self._stopped or self._run.is_over

    def open(self) -> None:
        """Put the panel on the page."""
        from IPython.display import display

        _opened.append(self)
        self._handle = display(self.bundle(), raw=True, display_id=True)
        self.view.prepare()

    def bundle(self) -> dict[str, Any]:
        """Return the panel by MIME type, with a sentence for where widgets do not work, as in an export."""
        gone = f"{self.title or 'Training'}: a live panel whose kernel has ended. Run the cell again."
        return as_widget(self.root, gone, escape(gone))

    def again(self) -> None:
        """Put the panel on the page once more: alive while it runs, else what stayed of it."""
        from IPython.display import display

        if self.final:
            display({"text/html": self.final, "text/plain": self.title}, raw=True)
        else:
            display(self.bundle(), raw=True)

    def listen(self, state: str) -> None:
        """Show the state. Ask the browser for an answer until one comes, and then let the controls act."""
        if state != "running":
            self._estimate.forget()
        self.board.state = state
        if not self.trip.works or self.trip.waiting:
            self.trip.ask()
        if self.trip.works and self.board.controls != "on":
            self.board.controls = "on"
            if self.view.below is not None:
                self.view.below.enable()
        elif self.trip.is_in_vain:
            self.board.controls = "off"

    def show(self) -> None:
        """Show the current numbers, points and texts, unless the browser is still busy with the last ones."""
        if not self.trip.ready:
            return
        self.view.follow()
        with self.board.hold_sync():
            self.board.now = self._now()
            self.board.settings = [{"value": knob.value, "note": knob.note} for knob in self.view.knobs]
            if self.view.chart is None:
                self._picture = self.view.draw() or self._picture
                self.board.image = "" if self._picture is None else self._picture.html
        # an answer may take long, or never come, where a cell that runs holds up the browser's messages
        self.view.watched = self.trip.works or (running_kernel() is not None and is_attended())
        if news := self.view.news():
            self.board.send(news)
        if self.view.below is not None:
            self.view.below.show()
        self.trip.ask()

    def close(self, state: str, error: BaseException | None = None) -> None:
        """Leave a static picture and its text: on the page, and in the widget for a page that was loaded anew."""
        self.board.state = state  # at once, as the picture takes a moment
        line = f"{ICONS[state]} {END_TEXTS.get(state, state)}"
        line += f" with {type(error).__name__}: {error}" if error is not None else "."
        below = details = ""
        try:
            self._picture = self.view.draw(final=True) or self._picture
            line += f" {self.view.last_words()}"
            details = self.view.details()
            below = self.view.below.final() if self.view.below is not None else ""
        except Exception:  # drawing failed; the last picture stays
            pass
        self.final = self._static(line, details, below)
        with self.board.hold_sync():  # before the page loses the widget
            self.board.image, self.board.now = "", {}
            if self.trip.works:  # else no page could be loaded anew, and a file that keeps widgets' states is small
                self.board.final = self.final
        if self._handle is not None:
            self._handle.update({"text/html": self.final, "text/plain": f"{self.title} {line}".strip()}, raw=True)
        if self.view.below is not None:
            self.view.below.clear()
        for part in self.root.children[1:]:
            close(part)
        self.root.children = (self.board,)
        self.view.close()
        if not self.trip.works or self._run.is_over:  # no page that could be loaded anew, or it has the new run
            close(self.root)
        while len(_opened) > KEPT and _opened[0].final:
            close(_opened.popleft().root)

    def _static(self, line: str, details: str, below: str) -> str:
        """Return what stays of the panel: title, large numbers, picture, the end in words, the fold, as HTML."""
        title = f"<div><b>{escape(self.title)}</b></div>" if self.title else ""
        cells = [
            f'<div style="min-width: 9em"><div>{escape(name)}</div><span style="font-size: 28px; font-weight: 600">'
            f"{escape(value)}</span> {escape(unit)}</div>"
            for (name, _), (value, unit) in zip(self.view.titles, self.view.numbers(), strict=False)
        ]
        numbers = f'<div style="display: flex; flex-wrap: wrap; gap: 0 24px">{"".join(cells)}</div>' if cells else ""
        picture = self._picture.html if self._picture is not None else ""
        fold = f"<details><summary>{escape(self.view.fold)}</summary>{details}</details>" if details else ""
        said = f'<div role="status">{_no_formula(line)}</div>'
        return f"<div>{title}{numbers}{picture}{said}{fold}{below}</div>"

    def _setup(self) -> dict[str, Any]:
        """Return what the browser needs once."""
        knobs = [knob.look() for knob in self.view.knobs]
        return {
            "title": self.title,
            "counts": self.view.progress() is not None,
            "numbers": [{"name": name, "quantity": quantity} for name, quantity in self.view.titles],
            "chart": self.view.chart,
            "knobs": knobs,
            "compact": self.view.below is not None,
            "fold": self.view.fold,
            "instead": f"{INSTEAD_OF_BUTTONS}; {INSTEAD_OF_SLIDERS}" if knobs else INSTEAD_OF_BUTTONS,
        }

    def _now(self) -> dict[str, Any]:
        """Return the numbers and words of this moment."""
        progress = self.view.progress()
        running = self.board.state == "running"
        return {
            "progress": progress,
            "left": self._estimate.left(progress) if progress is not None and running else "",
            "done": self.view.done(),
            "note": self.view.note(),
            "numbers": [{"value": value, "unit": unit} for value, unit in self.view.numbers()],
            "hint": self.view.hint(),
            "summary": self.view.summary(),
            "details": self.view.details(),
            **self.view.more(),
        }

    def _heard(self, message: dict[str, Any]) -> None:
        """Note what the reader wants; the loop acts on it."""
        if message.get("ask") == "all":
            self.board.send({"all": True, **self.view.everything()})
        elif "knob" in message:
            self.view.knobs[message["knob"]].choose(message["value"])
        else:
            self.paused = bool(message.get("paused", self.paused))
            self._stopped = self._stopped or bool(message.get("stopped"))


_opened: deque[Panel] = deque()  # the newest last


def panel_again() -> None:
    """Show the newest live panel once more, in this cell's output: as it runs, or what stayed of it.

    For a page that has lost its place: it was loaded anew before the notebook was saved. While a cell trains, this cell
    waits for its end; the page shows such a panel at its lower edge by itself.
    """
    if _opened:
        _opened[-1].again()
    else:
        print("No panel was shown since this kernel began.")


def _no_formula(text: str) -> str:
    """Return text as HTML in which dollar signs do not begin a formula, as they would in an output."""
    return escape(text).replace("$", "<span>$</span>")


class _Estimate:
    """Estimates the time left from the speed of the last 20 seconds, as the first ones go into compiling."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def forget(self) -> None:
        """Start over, after a pause."""
        self._seen.clear()

    def left(self, progress: float) -> str:
        """Return the time left in words; empty if there is no estimate yet."""
        now = time.monotonic()
        self._seen.append((now, progress))
        while now - self._seen[0][0] > ESTIMATE_FROM:
            self._seen.popleft()
        began, was = self._seen[0]
        if now - began < 1 or progress <= was:
            return ""
        seconds = (now - began) * (1 - progress) / (progress - was)
        return f"{seconds:.0f} s left" if seconds < 100 else f"{seconds / 60:.0f} min left"
