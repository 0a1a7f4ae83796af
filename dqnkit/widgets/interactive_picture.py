"""What the small worlds to step by hand have in common: a picture for pages without widgets, and a clock to run by."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import ipywidgets

from dqnkit.plots import Picture
from dqnkit.widgets.browser import as_widget
from dqnkit.widgets.kernel_status import answer_while_cells_run


class InteractivePicture:
    """Widgets as the value of a cell; where nothing can be clicked (an export, GitHub), a picture in their place.

    Subclasses set ``widget`` and say what their picture is. Each kind runs by itself in one place at most: a new one
    stops the clock of the one before, so that a cell that was run twice leaves nothing running.
    """

    widget: ipywidgets.Widget
    _latest: ClassVar[dict[type, InteractivePicture]] = {}

    def __init__(self, tick: Callable[[], bool], seconds: float) -> None:
        answer_while_cells_run()
        self.clock = Clock(tick, seconds)
        earlier = self._latest.get(type(self))
        if earlier is not None:
            earlier.clock.stop()
        self._latest[type(self)] = self

    def picture(self) -> Picture:
        """What is seen now, as a picture that stands alone."""
        raise NotImplementedError

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        picture = self.picture()
        return as_widget(self.widget, picture.alt, picture.html)


class Clock:
    """Calls a function every so often, between the kernel's other work, until it returns False or the clock is stopped.

    While a cell runs that does not wait for anything, it stands still, and no calls pile up.
    """

    def __init__(self, tick: Callable[[], bool], seconds: float) -> None:
        self._tick = tick
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._task is not None

    def start(self) -> None:
        """Run, if it does not yet."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Stop at once."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        me = asyncio.current_task()
        try:
            while self._tick():
                await asyncio.sleep(self._seconds)
        finally:
            if self._task is me:
                self._task = None
