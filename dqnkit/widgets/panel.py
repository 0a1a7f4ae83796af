"""The widgets of a live panel: state, progress and buttons above a picture, sliders beside it, text below.

A panel only shows things and records clicks; the loop, `dqnkit.widgets.watch.follow`, acts on them.
"""

from __future__ import annotations

import math
import time
from collections import deque
from html import escape
from typing import Any, Protocol

import ipywidgets

from dqnkit.plots import Picture
from dqnkit.widgets.browser import RoundTrip, as_widget, close
from dqnkit.widgets.picture_box import PictureBox

ICONS = {  # characters that every font has
    "starting": "⏳",
    "running": "▶",
    "paused": "‖",
    "stopped": "■",
    "interrupted": "■",
    "finished": "✔",
    "failed": "✖",
}
INSTEAD_OF_BUTTONS = "Interrupt (the square button) keeps what was learned"
INSTEAD_OF_SLIDERS = "sliders do not act here while a cell runs: write their values into it, and run it again"
END_TEXTS = {  # state -> text at the end; other states are their own text
    "stopped": "stopped; what was reached so far is kept",
    "interrupted": "interrupted; what was reached so far is kept",
}
ESTIMATE_FROM = 20.0  # seconds; the time left is estimated from the progress in this time


class View(Protocol):
    """What a panel shows of the values from a generator."""

    @property
    def knobs(self) -> list[Knob]:
        """The sliders."""

    @property
    def fold(self) -> str:
        """The title of the foldable part; empty if there is none."""

    @property
    def below(self) -> Below | None:
        """A part below the picture and the sliders, or None."""

    def record(self, value: Any) -> None:
        """Record a value; called for each, so it must be quick."""

    def draw(self, final: bool = False) -> Picture | None:
        """Return the picture of all values so far; None if there is nothing to draw."""

    def progress(self) -> float | None:
        """Return how much is done, 0 to 1; None if not known."""

    def note(self) -> str:
        """Return a few words for the top of the panel; may be empty."""

    def summary(self) -> str:
        """Return the state in one line of text."""

    def details(self) -> str:
        """Return the content of the foldable part, as HTML."""

    def act(self) -> None:
        """Apply the changes that the reader made with the knobs; called between two values."""

    def follow(self) -> None:
        """Show the current settings on the knobs; called with each picture."""


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
    """A slider with a note and a Reset button. Moving it sets `moved`; the loop then calls `take`.

    Args:
        label: name of the setting.
        low, high: its ends. If both and ``value`` are integers, the slider has integer values.
        value: its first value.
        log: whether powers of ten are at equal distances.
    """

    def __init__(self, label: str, low: float, high: float, value: float, log: bool = False) -> None:
        self.moved = False  # since the last call of `take`
        self.low, self.high = low, high
        self._whole = all(isinstance(number, int) for number in (low, high, value))
        self._wanted: float | None = None
        self._following = False
        self.slider = self._make_slider(label, value, log)
        self._note = ipywidgets.HTML(layout={"flex": "1 1 auto", "margin": "0 0 0 2px"})
        self._reset = ipywidgets.Button(
            description="Reset", tooltip=f"Reset {label}", layout={"width": "5em", "height": "26px"}
        )
        self.slider.observe(self._slid, "value")
        self._reset.on_click(self._was_reset)
        self.widget = ipywidgets.VBox(
            [self.slider, ipywidgets.HBox([self._note, self._reset], layout={"align_items": "center"})],
            layout={"margin": "0 0 6px 0"},
        )

    def take(self) -> Any:
        """Return the value that the reader chose last; None for Reset."""
        self.moved = False
        return self._wanted

    def note(self, text: str) -> None:
        """Write a note below the slider."""
        self._note.value = f'<span style="opacity: 0.75">{escape(text)}</span>'

    def follow(self, value: float) -> None:
        """Show a value that the reader did not set; does nothing while a change by the reader waits for `take`."""
        if self.moved or not math.isfinite(value):
            return
        self._following = True
        try:
            self.slider.value = min(self.high, max(self.low, value))
        finally:
            self._following = False

    def _make_slider(self, label: str, value: float, log: bool) -> Any:
        value = min(self.high, max(self.low, value))
        look: dict[str, Any] = {
            "description": label,
            "continuous_update": False,
            "style": {"description_width": "7em"},
            "layout": {"width": "98%", "margin": "0"},
        }
        if log:
            ends = {"min": math.log10(self.low), "max": math.log10(self.high)}
            return ipywidgets.FloatLogSlider(value, step=0.05, readout_format=".1e", **ends, **look)
        if self._whole:
            return ipywidgets.IntSlider(value, min=self.low, max=self.high, **look)
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 50))
        digits = max(0, -round(math.log10(step)))
        return ipywidgets.FloatSlider(
            value, min=self.low, max=self.high, step=step, readout_format=f".{digits}f", **look
        )

    def _slid(self, change: Any) -> None:
        if not self._following:
            self._wanted, self.moved = change["new"], True

    def _was_reset(self, _: Any) -> None:
        self._wanted, self.moved = None, True


class Panel:
    """A panel on the page, from `open` to `close`.

    Attributes:
        paused, stopped: whether the reader has asked for it.
    """

    def __init__(self, title: str, view: View) -> None:
        self.title, self.view = title, view
        self.paused = self.stopped = False
        self.trip = RoundTrip()
        self._handle: Any = None
        self._picture: Picture | None = None
        self._estimate = _Estimate()
        self._state = ipywidgets.HTML(layout={"margin": "0 8px 0 0", "min_width": "6em"})
        self._bar = ipywidgets.FloatProgress(min=0, max=1, layout={"flex": "1 1 120px", "width": "auto"})
        self._left = ipywidgets.HTML(layout={"margin": "0 8px", "min_width": "6.5em"})
        self._note = ipywidgets.HTML(layout={"margin": "0 8px", "display": "none"})
        self._pause = ipywidgets.Button(description="Pause", icon="pause", layout={"width": "7em"})
        self._stop = ipywidgets.Button(description="Stop", icon="stop", layout={"width": "7em"})
        self._pause.on_click(self._pause_clicked)
        self._stop.on_click(self._stop_clicked)
        self._buttons = ipywidgets.HBox([self._pause, self._stop], layout={"display": "none"})
        self._instead = ipywidgets.HTML(escape(INSTEAD_OF_BUTTONS), layout={"margin": "0 8px"})
        self._details = ipywidgets.HTML()
        self.box = PictureBox()
        self._side = self._make_side()
        self.root = self._lay_out()

    def open(self) -> None:
        """Put the panel on the page."""
        from IPython.display import display

        gone = f"{self.title or 'Training'}: a live panel whose kernel has ended. Run the cell again."
        self._handle = display(as_widget(self.root, gone, escape(gone)), raw=True, display_id=True)
        self._show_state("starting")

    def listen(self, state: str) -> None:
        """Show the state. Ask the browser for an answer until one comes, and then show the controls."""
        self._show_state(state)
        if not self.trip.works or self.trip.waiting:
            self.trip.ask()
        if self.trip.works and self._buttons.layout.display == "none":
            self._instead.layout.display, self._buttons.layout.display = "none", "flex"
            self._side.layout.display = "flex"
            if self.view.below is not None:
                self.view.below.enable()
        elif self.trip.is_in_vain and self.view.knobs:
            self._instead.value = escape(f"{INSTEAD_OF_BUTTONS}; {INSTEAD_OF_SLIDERS}")

    def show(self) -> None:
        """Show the current picture and texts, unless the browser is still busy with the last ones."""
        if not self.trip.ready:
            return
        self._picture = self.view.draw() or self._picture
        self.box.show(self._picture, self.view.summary())
        self._show_note()
        self._details.value = self.view.details()
        self.view.follow()
        if self.view.below is not None:
            self.view.below.show()
        progress = self.view.progress()
        if progress is not None:
            self._bar.value = progress
            self._left.value = "" if self.paused else self._estimate.left(progress)
        self.trip.ask()

    def close(self, state: str, error: BaseException | None = None) -> None:
        """Replace the panel on the page by a static picture and its text."""
        line = f"{ICONS[state]} {END_TEXTS.get(state, state)}"
        line += f" with {type(error).__name__}: {error}" if error is not None else "."
        below = details = ""
        try:
            self._picture = self.view.draw(final=True) or self._picture
            note = self.view.note()
            line += f" {note}." if note else ""
            line += f" {self.view.summary()}"
            details = self.view.details()
            below = self.view.below.final() if self.view.below is not None else ""
        except Exception:  # drawing failed; the last picture stays
            pass
        title = f"<div><b>{escape(self.title)}</b></div>" if self.title else ""
        picture = self._picture.html if self._picture is not None else ""
        fold = f"<details><summary>{escape(self.view.fold)}</summary>{details}</details>" if details else ""
        html = f'<div>{title}{picture}<div role="status">{_no_formula(line)}</div>{fold}{below}</div>'
        if self._handle is not None:
            self._handle.update({"text/html": html, "text/plain": f"{self.title} {line}".strip()}, raw=True)
        self.box.clear()
        if self.view.below is not None:
            self.view.below.clear()
        for widget in (self._details, self._side, self.root):  # root does not contain the first two if they are empty
            close(widget)

    def _make_side(self) -> Any:
        parts = [knob.widget for knob in self.view.knobs]
        if self.view.fold:
            fold = ipywidgets.Accordion([self._details], selected_index=None)
            fold.set_title(0, self.view.fold)
            parts.append(fold)
        # sliders stay hidden until a browser has answered
        display = "none" if self.view.knobs or not parts else "flex"
        return ipywidgets.VBox(parts, layout={"flex": "1 1 230px", "min_width": "0", "display": display})

    def _lay_out(self) -> Any:
        """Return the layout: two columns, the left twice as wide, stacked on pages narrower than about 700 pixels."""
        row = {"flex_flow": "row wrap", "width": "100%"}
        known = self.view.progress() is not None
        self._bar.layout.display = self._left.layout.display = None if known else "none"
        top = ipywidgets.HBox(
            [self._state, self._bar, self._left, self._note, self._buttons, self._instead],
            layout={"align_items": "center", **row},
        )
        self.box.layout.flex, self.box.layout.width, self.box.layout.min_width = "2 1 460px", "auto", "0"
        children = [self.box, self._side] if self._side.children else [self.box]
        middle = ipywidgets.HBox(children, layout={"align_items": "flex-start", **row})
        title = ipywidgets.HTML(f"<b>{escape(self.title)}</b>")
        title.layout.display = None if self.title else "none"
        below = [] if self.view.below is None else [self.view.below.widget]
        return ipywidgets.VBox([title, top, middle, *below, self.trip.widget], layout={"width": "100%"})

    def _show_state(self, state: str) -> None:
        if self.paused:
            self._estimate.forget()
        self._state.value = f'<b><span aria-hidden="true">{ICONS[state]}</span> {state}</b>'

    def _show_note(self) -> None:
        note = self.view.note()
        self._note.value = escape(note)
        self._note.layout.display = None if note else "none"

    def _pause_clicked(self, _: Any) -> None:
        self.paused = not self.paused
        self._pause.description, self._pause.icon = ("Resume", "play") if self.paused else ("Pause", "pause")

    def _stop_clicked(self, _: Any) -> None:
        self.stopped = True


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
