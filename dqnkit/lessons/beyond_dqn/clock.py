"""A clock that calls a function at intervals, in the kernel's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


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
