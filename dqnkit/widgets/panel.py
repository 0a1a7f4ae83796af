"""What a live panel looks like: state, progress and buttons on top, a picture, sliders beside it, words below.

A panel only shows, and notes what was clicked; who runs the loop (`dqnkit.widgets.watch.follow`) acts on it.
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

ICONS = {  # such as every font has
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
KEPT = {
    "stopped": "stopped; what was reached so far is kept",
    "interrupted": "interrupted; what was reached so far is kept",
}
ESTIMATE_FROM = 20.0  # seconds: the time left is judged by what was done in the last so many


class View(Protocol):
    """What a panel shows of the values that a generator yields."""

    @property
    def knobs(self) -> list[Knob]:
        """The sliders."""

    @property
    def fold(self) -> str:
        """What stands on the fold; empty where there is none."""

    @property
    def below(self) -> Below | None:
        """What stands below the picture and the sliders, if anything."""

    def record(self, value: Any) -> None:
        """Take note of a value; called for every one, so it must be quick."""

    def draw(self, final: bool = False) -> Picture | None:
        """The picture of all so far; None while there is nothing to draw."""

    def progress(self) -> float | None:
        """How much is done, 0 to 1; None where that is not known."""

    def note(self) -> str:
        """What stands on top, in a few words; empty where there is nothing to note."""

    def summary(self) -> str:
        """All so far in one line."""

    def details(self) -> str:
        """What is under the fold, as HTML."""

    def act(self) -> None:
        """Do what was asked for with the knobs; called between two values."""

    def follow(self) -> None:
        """Have the knobs show what is set now; called with each picture."""


class Below(Protocol):
    """More of a panel, below the view's own picture; the view passes on to it what it records and acts on."""

    widget: Any

    def show(self) -> None:
        """Bring the widget up to date; called with each picture."""

    def enable(self) -> None:
        """Show the controls: there is a browser, and what is clicked acts."""

    def final(self) -> str:
        """What stays on the page at the end, as HTML."""

    def clear(self) -> None:
        """Show nothing."""


class Knob:
    """A slider with its value, a note and Reset. Moving it sets a flag; who runs the loop takes the value.

    Args:
        label: what it sets.
        low, high: its ends; whole numbers, if ``value`` is one too, make a slider of whole numbers.
        value: where it stands at first.
        log: powers of ten lie at equal distances.
    """

    def __init__(self, label: str, low: float, high: float, value: float, log: bool = False) -> None:
        self.moved = False  # since it was last taken
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
        """What the reader asked for last: a value, or None for Reset."""
        self.moved = False
        return self._wanted

    def note(self, text: str) -> None:
        """Say below the slider where its value comes from."""
        self._note.value = f'<span style="opacity: 0.75">{escape(text)}</span>'

    def follow(self, value: float) -> None:
        """Show a value that the reader did not set; one that the reader has just set stays."""
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
    """One panel on the page, from `open` to `close`.

    ``paused`` and ``stopped`` are what the reader has asked for.
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
        """Show the state; while no answer has come from a browser, ask for one, and show the controls when it comes."""
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
        """Show the picture and the words of this moment, if there is a browser that takes them."""
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
        """Take the panel off the page, and leave a plain picture and its words in its place."""
        line = f"{ICONS[state]} {KEPT.get(state, state)}"
        line += f" with {type(error).__name__}: {error}" if error is not None else "."
        below = details = ""
        try:
            self._picture = self.view.draw(final=True) or self._picture
            note = self.view.note()
            line += f" {note}." if note else ""
            line += f" {self.view.summary()}"
            details = self.view.details()
            below = self.view.below.final() if self.view.below is not None else ""
        except Exception:  # what draws has failed; the last picture that it drew stays
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
        for widget in (self._details, self._side, self.root):  # the first two are on no page where they are empty
            close(widget)

    def _make_side(self) -> Any:
        parts = [knob.widget for knob in self.view.knobs]
        if self.view.fold:
            fold = ipywidgets.Accordion([self._details], selected_index=None)
            fold.set_title(0, self.view.fold)
            parts.append(fold)
        # sliders that would not act are not shown
        display = "none" if self.view.knobs or not parts else "flex"
        return ipywidgets.VBox(parts, layout={"flex": "1 1 230px", "min_width": "0", "display": display})

    def _lay_out(self) -> Any:
        """Two columns, the left one twice as wide, that stack where there is no room (below about 700 pixels)."""
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
    """A text for the page. In an output, what stands between two dollar signs would become a formula."""
    return escape(text).replace("$", "<span>$</span>")


class _Estimate:
    """Judges how much time is left by the speed of the last twenty seconds: the first ones compile."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def forget(self) -> None:
        """Begin anew, after a pause."""
        self._seen.clear()

    def left(self, progress: float) -> str:
        """In words; empty while nothing can be said."""
        now = time.monotonic()
        self._seen.append((now, progress))
        while now - self._seen[0][0] > ESTIMATE_FROM:
            self._seen.popleft()
        began, was = self._seen[0]
        if now - began < 1 or progress <= was:
            return ""
        seconds = (now - began) * (1 - progress) / (progress - was)
        return f"{seconds:.0f} s left" if seconds < 100 else f"{seconds / 60:.0f} min left"
