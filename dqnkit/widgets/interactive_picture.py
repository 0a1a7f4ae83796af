"""The base of the interactive pictures: a static picture for pages without widgets, and a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import ipywidgets

from dqnkit.plots import Picture
from dqnkit.widgets.browser import as_widget
from dqnkit.widgets.kernel_status import answer_while_cells_run


class InteractivePicture:
    """Widgets as the value of a cell; a static picture where widgets do not work (an export, GitHub).

    Subclasses set ``widget`` and define `picture`. A new object stops the clock of the previous one of its class, so
    nothing keeps running when a cell is run twice.

    Args:
        tick: called by the clock; returns whether to continue.
        seconds: between two calls.
    """

    widget: ipywidgets.Widget
    _latest: ClassVar[dict[type, InteractivePicture]] = {}  # class -> its newest object

    def __init__(self, tick: Callable[[], bool], seconds: float) -> None:
        answer_while_cells_run()
        self.clock = Clock(tick, seconds)
        earlier = self._latest.get(type(self))
        if earlier is not None:
            earlier.clock.stop()
        self._latest[type(self)] = self

    def picture(self) -> Picture:
        """Return what is shown now as a static picture."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        picture = self.picture()
        return as_widget(self.widget, picture.alt, picture.html)


class Clock:
    """Calls a function at intervals until it returns False or the clock is stopped.

    It is a task of the kernel's event loop. While a cell that does not await runs, the clock pauses; missed calls are
    not made up for.

    Args:
        tick: the function.
        seconds: from the end of one call to the next.
    """

    def __init__(self, tick: Callable[[], bool], seconds: float) -> None:
        self._tick = tick
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the clock runs."""
        return self._task is not None

    def start(self) -> None:
        """Start the clock unless it runs."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Stop the clock at once."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        this_task = asyncio.current_task()
        try:
            while self._tick():
                await asyncio.sleep(self._seconds)
        finally:
            if self._task is this_task:
                self._task = None
