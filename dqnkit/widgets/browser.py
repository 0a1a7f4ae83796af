"""Is there a browser at the other end, and does what a reader clicks arrive while a cell runs?

It is found out by trying: a hidden widget is asked for a number, and the number either arrives or it does not. It
arrives in JupyterLab with ipykernel 7 while an awaited cell runs. It does not in Colab or with ipykernel 6, where a
running cell holds up all messages from the browser, nor where nobody looks on (tests, nbconvert, a closed tab).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import ipywidgets
from traitlets import Tuple, Unicode

from dqnkit.hosted import is_colab

ASK_EVERY = 0.5  # seconds between questions until the first answer comes,
PATIENCE = 10.0  # for so many seconds; from then on, and where answers came and come no more,
ASK_SELDOM = 5.0  # seconds between questions
LONG = 3.0  # seconds without any answer, from which on the reader is told what to do instead


class _Copier(ipywidgets.widgets.widget_link.DirectionalLink):
    """A link that works in the browser, as `ipywidgets.jsdlink` makes it, but with a view, which shows nothing.

    Colab knows only such widgets as are on the page, or hang on one that is; with a view it can be put there.
    """

    _view_module = Unicode("@jupyter-widgets/base").tag(sync=True)
    _view_module_version = Unicode(ipywidgets.Layout._view_module_version.default_value).tag(sync=True)
    _view_name = Unicode("DOMWidgetView").tag(sync=True)
    _dom_classes = Tuple().tag(sync=True)  # that view asks for them


class RoundTrip:
    """Asks the browser, through hidden widgets, whether it is there; `widget` must be on the page.

    They are two numbers and a link between them. The kernel counts the first one up, the browser copies it to the
    second, and that arrives as the answer, from ipywidgets 7 and 8 alike. Messages keep their order: an answer also
    says that all that was sent before the question has arrived.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.question, self.answer = ipywidgets.IntText(0), ipywidgets.IntText(0)
        copier = _Copier((self.question, "value"), (self.answer, "value"))
        self.widget = ipywidgets.Box([self.question, self.answer, copier], layout={"display": "none"})
        self.works = False  # an answer has arrived: what a reader does on the page acts
        self._clock = clock
        self._began = clock()
        self._asked_at = float("-inf")
        self.answer.observe(self._answered, "value")

    @property
    def waiting(self) -> bool:
        """Whether the last question is not answered yet."""
        return bool(self.answer.value < self.question.value)

    @property
    def ready(self) -> bool:
        """Whether to send a picture: not to a browser that answered before but has not taken the last one yet.

        It may be slow, or closed, and then pictures would pile up in the server.
        """
        return not (self.works and self.waiting)

    @property
    def is_in_vain(self) -> bool:
        """Whether no answer has come for so long that the reader should know what to do instead."""
        return not self.works and self._clock() - self._began > LONG

    def ask(self) -> None:
        """Ask; but while an answer is awaited, only now and then."""
        now = self._clock()
        hopeful = not self.works and now - self._began < PATIENCE
        if self.waiting and now - self._asked_at < (ASK_EVERY if hopeful else ASK_SELDOM):
            return
        self._asked_at = now
        self.question.value += 1

    def _answered(self, _: Any) -> None:
        self.works = True


async def has_browser(timeout: float = 1.0) -> bool:
    """Whether what a reader does on the page arrives while this cell runs.

    Where it does not, that takes ``timeout`` seconds to find out.
    """
    from IPython.display import display

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
    """A mimebundle that shows a widget, and words or HTML where there are none: in a saved notebook, on GitHub.

    It is written out, for ipywidgets 7 and 8 have different methods. Colab would show the HTML in the widget's place
    (seen with other packages' widgets), so there it gets none.
    """
    bundle: dict[str, Any] = {"text/plain": text}
    if html and not is_colab():
        bundle["text/html"] = html
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {**bundle, "application/vnd.jupyter.widget-view+json": view}


def close(widget: Any) -> None:
    """Close a widget and all that it is made of, here and in the browser; nothing of it is kept."""
    for child in getattr(widget, "children", ()):
        close(child)
    for part in ("layout", "style"):
        if getattr(widget, part, None) is not None:
            getattr(widget, part).close()
    widget.close()
