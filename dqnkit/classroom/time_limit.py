"""A time limit for code that may never end. Unlike signals, it works on every system and in every thread.

The code runs in a thread of its own. When its time is up, an exception is raised in that thread from outside. A bare
``except:`` in the reader's code would swallow it, so every further line raises it again until the thread has left the
reader's code.
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

SECONDS_TO_END = 1.0  # within which code must end once its time is up; code that waits outside Python cannot
OWN_FILES = {__file__, threading.__file__}  # lines in these never raise: they end the thread properly


class TimeIsUpError(Exception):
    """The code took longer than it may.

    Args:
        ended: whether the code was ended; if not, its thread still runs.
    """

    def __init__(self, ended: bool) -> None:
        super().__init__("the code took longer than it may")
        self.ended = ended


class Ended(BaseException):  # not an Exception, so that `except Exception` does not catch it
    """Raised in the reader's code to end it.

    Whenever one is created, or deleted because the code has swallowed it, the next line is set to raise another.
    """

    def __init__(self) -> None:
        super().__init__()
        _arm(sys._getframe())

    def __del__(self) -> None:
        _arm(sys._getframe())


def _arm(frame: FrameType | None) -> None:
    """Make the next line of this thread raise, unless it has left the reader's code; a raise turns tracing off."""
    worker = threading.current_thread()
    if not isinstance(worker, _Worker) or not worker.must_end or worker.is_out:
        return  # an exception of another thread, deleted late
    while frame is not None:
        frame.f_trace = _raise_again
        frame = frame.f_back
    sys.settrace(_raise_again)  # of this thread only


def _raise_again(frame: FrameType, event: str, argument: object) -> Any:
    if event == "line" and frame.f_code.co_filename not in OWN_FILES:
        raise Ended
    return _raise_again


class _Worker(threading.Thread):
    """A thread that runs the code and keeps its result or its error."""

    def __init__(self, code: Callable[[], Any]) -> None:
        super().__init__(daemon=True, name="a reader's code")
        self.code = code
        self.context = contextvars.copy_context()
        self.lock = threading.Lock()  # held while `over` is set or `Ended` is sent
        self.must_end = False  # its time is up
        self.was_ended = False  # it stopped because of that
        self.is_out = False  # it has left the reader's code
        self.over = (
            threading.Event()
        )  # is_alive would not do: after Ctrl-C in a join it is False while the thread runs on
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
        except Ended:  # it was sent before the lock was held and arrived after the code had returned
            self.was_ended = True
            self._leave()

    def _leave(self) -> None:
        self.is_out = True
        sys.settrace(None)
        with self.lock:
            self.over.set()
            _raise_in(self, None)

    def end(self) -> None:
        """Raise `Ended` in the code again and again until it ends, for at most `SECONDS_TO_END`."""
        self.must_end = True
        deadline = time.monotonic() + SECONDS_TO_END
        while not self.over.is_set() and time.monotonic() < deadline:
            with self.lock:
                if not self.over.is_set():
                    _raise_in(self, Ended)
            self.over.wait(0.1)


def _raise_in(thread: threading.Thread, error: type[BaseException] | None) -> None:
    """Make a thread raise an exception as soon as it can; None takes back one that is not raised yet."""
    exception = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), exception)


def run_limited(code: Callable[[], Any], seconds: float) -> Any:
    """Return what ``code()`` returns within ``seconds``; what it raises is raised here.

    Raises:
        TimeIsUpError: it took longer and was ended, or goes on if it cannot be ended.
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
