"""A time limit for code that may never end. It works on every system and from every thread, which signals do not.

The code runs in a thread of its own. When its time is up, an exception is put into that thread from outside. Readers
write `except:` without a name, which swallows every exception, so while a thread is being ended the next line that it
runs raises once more, and once more after that, until it is out of the reader's code.
"""

from __future__ import annotations

import contextvars
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

GRACE = 1.0  # seconds in which code must end once it is told to; what waits outside Python never hears of it
OWN_FILES = {__file__, threading.__file__}  # their lines never raise: they end the thread in good order


class TimeIsUpError(Exception):
    """The code took longer than it may.

    Args:
        ended: whether it was ended; if not, its thread still runs.
    """

    def __init__(self, ended: bool) -> None:
        super().__init__("the code took longer than it may")
        self.ended = ended


class Ended(BaseException):  # no Exception: the usual `except Exception` lets it pass
    """Raised inside the reader's code. To make one, and to swallow one (it is deleted then), arms the next line."""

    def __init__(self) -> None:
        super().__init__()
        _arm(sys._getframe())

    def __del__(self) -> None:
        _arm(sys._getframe())


def _arm(frame: FrameType | None) -> None:
    """Have the next line of this thread raise, unless it is out of the reader's code. (A raise disarms.)"""
    worker = threading.current_thread()
    if not isinstance(worker, _Worker) or not worker.must_end or worker.is_out:
        return  # one from another thread, deleted late
    while frame is not None:
        frame.f_trace = _raise_again
        frame = frame.f_back
    sys.settrace(_raise_again)  # of this thread only


def _raise_again(frame: FrameType, event: str, argument: object) -> Any:
    if event == "line" and frame.f_code.co_filename not in OWN_FILES:
        raise Ended
    return _raise_again


class _Worker(threading.Thread):
    """Runs the code and keeps what came of it."""

    def __init__(self, code: Callable[[], Any]) -> None:
        super().__init__(daemon=True, name="a reader's code")
        self.code = code
        self.context = contextvars.copy_context()
        self.lock = threading.Lock()  # held by whoever says that the code has ended, or that it must
        self.must_end = False  # its time is up
        self.was_ended = False  # and so it stopped
        self.is_out = False  # of the reader's code
        self.over = threading.Event()  # (not is_alive: after Ctrl-C in a join it is false while the thread runs on)
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            try:
                self.value = self.context.run(self.code)
            except Ended:
                self.was_ended = True
            except BaseException as error:  # SystemExit too: a reader's exit() must not end the kernel
                self.error = error
            self._leave()
        except Ended:  # it was still on its way
            self.was_ended = True
            self._leave()

    def _leave(self) -> None:
        self.is_out = True
        sys.settrace(None)
        with self.lock:
            self.over.set()
            _put(self, None)

    def end(self) -> None:
        """Tell the code to stop, again and again, until it does or the grace is over."""
        self.must_end = True
        deadline = time.monotonic() + GRACE
        while not self.over.is_set() and time.monotonic() < deadline:
            with self.lock:
                if not self.over.is_set():
                    _put(self, Ended)
            self.over.wait(0.1)


def _put(thread: threading.Thread, error: type[BaseException] | None) -> None:
    """Have a thread raise an exception at its next chance; None takes back one that it has not raised yet."""
    exception = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)


def run_limited(code: Callable[[], Any], seconds: float) -> Any:
    """What ``code()`` returns, if it does so in time; whatever it raises is raised here.

    Raises:
        TimeIsUpError: it was ended (or given up, where it cannot be ended).
    """
    worker = _Worker(code)
    worker.start()
    try:
        deadline = time.monotonic() + seconds
        while not worker.over.is_set() and time.monotonic() < deadline:
            worker.over.wait(0.05)  # short, so that Ctrl-C is heard on Windows as well
    finally:
        worker.end()
    if worker.was_ended or not worker.over.is_set():
        raise TimeIsUpError(ended=worker.over.is_set())
    if worker.error is not None:
        raise worker.error
    return worker.value
