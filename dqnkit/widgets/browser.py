"""Find out whether there is a browser, and whether its messages arrive while a cell runs.

The kernel asks a hidden widget for a number, and waits for the answer. It arrives in JupyterLab with ipykernel 7 while
an awaited cell runs. It does not arrive in Colab or with ipykernel 6, where a running cell holds up all messages from
the browser, nor without a browser (tests, nbconvert, a closed tab).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import ipywidgets
from traitlets import Tuple, Unicode

from dqnkit.hosted import is_attended, is_colab

ASK_OFTEN = 0.5  # seconds between questions at first, until an answer comes
ASK_OFTEN_FOR = 10.0  # seconds; after them, and when answers no longer come, ask seldom
ASK_SELDOM = 5.0  # seconds between questions then
ADVISE_AFTER = 3.0  # seconds of listening without an answer, after which the reader is told what to do instead
LONGEST_TURN = 0.5  # seconds between two questions that count as listening; in longer ones the kernel was blocked


class _Copier(ipywidgets.widgets.widget_link.DirectionalLink):
    """A link that works in the browser, as `ipywidgets.jsdlink`, but with an empty view.

    Colab knows only widgets that are on the page or part of one that is; a widget needs a view to be on the page.
    """

    _view_module = Unicode("@jupyter-widgets/base").tag(sync=True)
    _view_module_version = Unicode(ipywidgets.Layout._view_module_version.default_value).tag(sync=True)
    _view_name = Unicode("DOMWidgetView").tag(sync=True)
    _dom_classes = Tuple().tag(sync=True)  # the view reads them


class RoundTrip:
    """Messages to the browser and back, through hidden widgets.

    The widgets are two numbers and a link between them. The kernel increases the first, the browser copies it to the
    second, and the copy arrives as the answer; ipywidgets 7 and 8 both do so. Messages keep their order, so an answer
    also means that everything sent before the question has arrived.

    Attributes:
        widget: the hidden widgets; they must be on the page.
        works: whether an answer has arrived, so that clicks take effect.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.question, self.answer = ipywidgets.IntText(0), ipywidgets.IntText(0)
        copier = _Copier((self.question, "value"), (self.answer, "value"))
        self.widget = ipywidgets.Box([self.question, self.answer, copier], layout={"display": "none"})
        self.works = False
        self._clock = clock
        self._began = self._last_call = clock()
        self._listened = 0.0
        self._asked_at = float("-inf")
        self.answer.observe(self._answered, "value")

    @property
    def waiting(self) -> bool:
        """Whether the last question is not answered yet."""
        return bool(self.answer.value < self.question.value)

    @property
    def ready(self) -> bool:
        """Whether to send a picture: not if a browser that answered before has not yet received the last one.

        It may be slow or closed, and pictures would pile up in the server.
        """
        return not (self.works and self.waiting)

    @property
    def is_in_vain(self) -> bool:
        """Whether no answer has come in `ADVISE_AFTER` seconds of listening, which a blocked kernel does not do."""
        return not self.works and self._listened > ADVISE_AFTER

    def ask(self) -> None:
        """Ask, but only now and then while an answer is awaited."""
        now = self._clock()
        self._listened += min(now - self._last_call, LONGEST_TURN)
        self._last_call = now
        is_new = not self.works and now - self._began < ASK_OFTEN_FOR
        if self.waiting and now - self._asked_at < (ASK_OFTEN if is_new else ASK_SELDOM):
            return
        self._asked_at = now
        self.question.value += 1

    def _answered(self, _: Any) -> None:
        self.works = True


async def has_browser(timeout: float = 1.0) -> bool:
    """Return whether the browser's messages arrive while this cell runs; it may take ``timeout`` seconds."""
    from IPython.display import display

    if not is_attended():
        return False

    trip = RoundTrip()
    handle = display(trip.widget, display_id=True)
    until = time.monotonic() + timeout
    try:
        while not trip.works and time.monotonic() < until:
            trip.ask()
            await asyncio.sleep(0.02)
        return trip.works
    finally:
        if handle is not None:
            handle.update({"text/plain": ""}, raw=True)
        close(trip.widget)


def as_widget(widget: Any, text: str, html: str = "") -> dict[str, Any]:
    """Return a mimebundle that shows a widget, and text or HTML where widgets do not work, as on GitHub.

    ipywidgets 7 and 8 have different methods for this, so it is made by hand. In Colab the HTML is left out, as Colab
    would show it instead of the widget (seen with widgets of other packages).

    Where a program runs the notebook, the widget is left out: nbconvert keeps its state and would show it instead of
    the HTML, with scripts from a network, and without one nothing at all.
    """
    bundle: dict[str, Any] = {"text/plain": text}
    if html and not is_colab():
        bundle["text/html"] = html
    if not is_attended():
        return bundle
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {**bundle, "application/vnd.jupyter.widget-view+json": view}


def close(widget: Any) -> None:
    """Close a widget and all its parts, in the kernel and in the browser."""
    for child in getattr(widget, "children", ()):
        close(child)
    for part in ("layout", "style"):
        if getattr(widget, part, None) is not None:
            getattr(widget, part).close()
    widget.close()
