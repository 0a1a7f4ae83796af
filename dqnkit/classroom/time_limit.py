"""A time limit for code that may never end.

In the main thread, where a notebook runs its cells, a timer's signal interrupts the code again and again and looks at
the time. Signals reach most of what waits or computes in C as well: ``sleep``, ``10**10**9``, a regular expression. On
Windows and in other threads the code runs in a thread of its own, in which an exception is raised from outside; what
is in C then cannot be ended. C code that does not look at signals cannot be ended in either case. While it lets other
threads run, like an endless loop in TensorFlow's graph, a line says so. ``sum(range(10**12))`` does not even do that:
the kernel stands still until it is restarted.

A bare ``except:`` in the reader's code would swallow the exception that ends it. So from then on, every line of the
reader's code raises another. Libraries are left to clean up after themselves.
"""

from __future__ import annotations

import contextvars
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import Any, ClassVar

from dqnkit.classroom.allowance import Allowance, file_of, is_library

SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_TO_END = 1.0  # within which code in another thread must end once it was interrupted
STUCK = (
    "The code is in a part of a library that a check cannot interrupt. If this cell does not end, restart the kernel."
)


class TimeIsUpError(Exception):
    """The code took longer than it may.

    Args:
        ended: whether the code was ended; if not, its thread still runs.
        only_waited: whether it used up the wall-clock time and not the processor time.
    """

    def __init__(self, ended: bool, only_waited: bool) -> None:
        super().__init__("the code took longer than it may")
        self.ended, self.only_waited = ended, only_waited


class Ended(BaseException):  # not an Exception, so that `except Exception` does not catch it
    """Raised in the reader's code to end it; each run has a subclass of its own.

    Whenever one is created, or deleted because the code has swallowed it, the next line is set to raise another.
    """

    run: ClassVar[_Run]

    def __init__(self) -> None:
        super().__init__()
        self.run.arm(sys._getframe())

    def __del__(self) -> None:
        self.run.arm(sys._getframe())


def run_limited(
    code: Callable[[], Any], seconds: float, wall: float | None = None, say: Callable[[str], None] | None = None
) -> Any:
    """Return what ``code()`` returns; what it raises is raised here.

    Args:
        code: the reader's.
        seconds: of processor time that it may take.
        wall: seconds of wall-clock time that it may take; as many unless given.
        say: called with a sentence, in another thread, if the code cannot be interrupted.

    Raises:
        TimeIsUpError: it took longer and was ended, or goes on if it cannot be ended.
    """
    run = _Run(code, Allowance(seconds, seconds if wall is None else wall))
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and hasattr(signal, "setitimer"):
        with nullcontext() if say is None else _told_if_stuck(run, say):
            _run_here(run)
    else:
        _run_in_thread(run)
    if run.was_ended or not run.is_out:
        raise TimeIsUpError(run.is_out, run.allowance.only_waited)
    if run.error is not None:
        raise run.error
    return run.value


class _Run:
    """The code, how it ended, and what ends it."""

    def __init__(self, code: Callable[[], Any], allowance: Allowance) -> None:
        self.code, self.allowance = code, allowance
        self.context = contextvars.copy_context()
        self.exception = type("Ended", (Ended,), {"run": self})
        self.thread = 0
        self.is_out = False  # it has left the reader's code
        self.was_ended = False  # because its time was up
        self.value: Any = None
        self.error: BaseException | None = None

    def execute(self) -> None:
        """Run the code and keep its result or its error."""
        self.thread, tracing = threading.get_ident(), sys.gettrace()
        try:
            self.value = self.context.run(self.code)
        except Ended:
            self.was_ended = True
        except BaseException as error:  # SystemExit too: a reader's exit() must not end the kernel
            self.error = error
        finally:
            self.is_out = True
            if self.allowance.over_since is not None:
                sys.settrace(tracing)

    def arm(self, frame: FrameType | None) -> None:
        """Make the next line of the reader's code raise; a raise turns tracing off, so this is done after each."""
        if self.is_out or threading.get_ident() != self.thread:
            return
        while frame is not None and frame.f_code is not _Run.execute.__code__:
            frame.f_trace = self._trace
            frame = frame.f_back
        sys.settrace(self._trace)  # of this thread only

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if self.is_out or is_library(file_of(frame)):
            return None
        if event == "line" and self.allowance.ends_here(frame):
            raise self.exception
        return self._trace


@contextmanager
def _told_if_stuck(run: _Run, say: Callable[[str], None]) -> Iterator[None]:
    """Say it if the main thread has computed in C for so long that it cannot even look at the time."""

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            if run.allowance.seconds_since_look() > run.allowance.wall + SECONDS_TO_END:
                say(STUCK)
                return

    over = threading.Event()
    watcher = threading.Thread(target=watch, daemon=True, name="watches a reader's code")
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _run_here(run: _Run) -> None:
    """Run the code in this thread, the main one. Ctrl-C ends it as the end of its time does.

    Raises:
        KeyboardInterrupt: after Ctrl-C, once the code has ended.
    """
    interrupted = False

    def look(number: int, frame: FrameType | None) -> None:
        if run.is_out or frame is None or frame.f_code.co_filename == __file__:
            return
        if run.allowance.ends_here(frame):
            raise run.exception
        if run.allowance.over_since is not None:
            run.arm(frame)

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        run.allowance.use_up()
        look(number, frame)

    on_alarm, on_interrupt = signal.signal(signal.SIGALRM, look), signal.getsignal(signal.SIGINT)
    if callable(on_interrupt):
        signal.signal(signal.SIGINT, interrupt)
    began = time.monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_LOOKS)
    try:
        run.execute()
    finally:  # somebody else's timer goes on
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, on_alarm)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 1e-3), interval)
        if callable(on_interrupt):
            signal.signal(signal.SIGINT, on_interrupt)
    if interrupted:
        raise KeyboardInterrupt


def _run_in_thread(run: _Run) -> None:
    """Run the code in a thread of its own, and leave it there if it does not end."""
    worker = _Worker(run)
    worker.start()
    try:
        worker.wait()
    except KeyboardInterrupt:
        run.allowance.use_up()
        worker.wait()
        raise
    finally:
        if not worker.over.is_set():
            _catch_one(run.exception)


class _Worker(threading.Thread):
    """The thread of a run."""

    def __init__(self, code: _Run) -> None:
        super().__init__(daemon=True, name="a reader's code")
        self.code = code
        self.lock = threading.Lock()  # held while `over` is set or the exception is sent
        self.over = threading.Event()  # after Ctrl-C in a join, is_alive is False though the thread runs on
        self.first_sent = 0.0  # when the exception was first sent

    def run(self) -> None:
        try:
            self.code.execute()
            self._leave()
        except Ended:  # it was sent before the lock was held and arrived after the code had returned
            self.code.was_ended = self.code.is_out = True
            self._leave()

    def _leave(self) -> None:
        with self.lock:  # from here on nothing more is sent
            if self.first_sent:
                _catch_one(self.code.exception)  # in the place of one that has not arrived yet
            self.over.set()

    def wait(self) -> None:
        """Wait for the end of the code, and end it when its time is up; give up where that does not help."""
        while not self.over.wait(SECONDS_BETWEEN_LOOKS):  # short, so that Ctrl-C is heard on Windows as well
            self._look()
            if self.first_sent and time.monotonic() - self.first_sent >= SECONDS_TO_END:
                return

    def _look(self) -> None:
        with self.lock:
            frame = sys._current_frames().get(self.ident or 0)
            if self.over.is_set() or self.code.is_out or frame is None or frame.f_code.co_filename == __file__:
                return
            if self.code.allowance.ends_here(frame):
                _raise_in(self.ident, self.code.exception)
                self.first_sent = self.first_sent or time.monotonic()


def _raise_in(thread: int | None, error: type[BaseException]) -> None:
    """Make a thread raise an exception as soon as it can."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread or 0), ctypes.py_object(error))


def _catch_one(error: type[BaseException]) -> None:
    """Raise an exception in this thread as in another one, and catch it.

    Only then do Python 3.11 and 3.12 clear the flag that one is waiting. While it is set, code that is traced hangs.
    """
    with suppress(error):
        _raise_in(threading.get_ident(), error)
        while True:  # the exception comes at the next jump back
            pass
