"""A widget for a picture that changes, with its content in words for readers who cannot see it."""

from __future__ import annotations

import asyncio
import time
from html import escape

import ipywidgets

from dqnkit.plots import Picture

ANNOUNCE_EVERY = 5.0  # seconds, so that a screen reader can finish its sentence
SCREEN_READER_ONLY = (  # a style: read out, but not visible
    "position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap"
)


class PictureBox(ipywidgets.VBox):
    """Shows one picture after another in the same place, and a line of text below.

    The picture is in an HTML widget, as `ipywidgets.Image` has no alternative text. Screen readers announce the line
    when it changes, at most every five seconds; the last one is always announced.

    Args:
        picture: the first picture, if any.
        summary: the first line of text.
    """

    def __init__(self, picture: Picture | None = None, summary: str = "") -> None:
        self._image = ipywidgets.HTML(layout={"width": "100%", "margin": "0"})
        self._line = ipywidgets.HTML(layout={"width": "100%", "margin": "0"})
        self._spoken = ipywidgets.HTML(layout={"height": "0", "margin": "0", "overflow": "hidden"})
        self._summary = ""
        self._spoke_at = float("-inf")
        self._waiting: asyncio.TimerHandle | None = None
        # with the margin that widgets have by default, it would be wider than the page
        super().__init__([self._image, self._line, self._spoken], layout={"width": "100%", "margin": "0"})
        self.show(picture, summary)

    @property
    def summary(self) -> str:
        """The line of text that is shown."""
        return self._summary

    def show(self, picture: Picture | None = None, summary: str | None = None) -> None:
        """Show a picture, a line of text, or both; None leaves one as it is."""
        if picture is not None:
            self._image.value = picture.html
        if summary is not None and summary != self._summary:
            self._summary = summary
            self._line.value = f'<div style="line-height: 1.4">{escape(summary)}</div>'
            self._announce()

    def clear(self) -> None:
        """Show nothing, so that a notebook that stores the state of its widgets stores no picture."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        for part in (self._image, self._line, self._spoken):
            part.value = ""

    def _announce(self) -> None:
        """Have the line read out now, or five seconds after the last one."""
        if self._waiting is not None:
            return
        wait = self._spoke_at + ANNOUNCE_EVERY - time.monotonic()
        if wait <= 0:
            self._speak()
            return
        try:
            self._waiting = asyncio.get_running_loop().call_later(wait, self._speak)
        except RuntimeError:  # no event loop runs, so there is no browser
            return

    def _speak(self) -> None:
        self._waiting = None
        self._spoke_at = time.monotonic()
        self._spoken.value = (
            f'<div role="status" aria-live="polite" style="{SCREEN_READER_ONLY}">{escape(self._summary)}</div>'
        )
