"""Signals that ask a command to end: Ctrl-C, SIGTERM (kill, a shutdown), SIGHUP (a closed terminal, a dropped ssh).

Outside training such a signal raises `Ended` in the main thread, so that every ``with`` block ends in order: machines
of a cloud are removed. While training it is only noted, and the loop stops at the next status, where a checkpoint is
possible. What is asked twice is done once, except for Ctrl-C: the second one stops at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Ended(KeyboardInterrupt):
    """A signal asked this process to end. A KeyboardInterrupt, because libraries clean up after that."""


class _Asked:
    """What this process was asked, and whether it may be interrupted now."""

    number: int | None = None
    deferred = False


_state = _Asked()


def asked() -> int | None:
    """The number of the first signal that asked this command to end."""
    return _state.number


def exit_status() -> int:
    """128 + the number of the signal, as a shell gives it to a program that a signal has ended."""
    return 128 + (_state.number or signal.SIGINT)


def check() -> None:
    """Raise `Ended` if a signal was noted."""
    if asked():
        raise Ended


@contextmanager
def handled() -> Iterator[None]:
    """Handle these signals inside the ``with`` block; outside the main thread Python cannot, and nothing changes.

    SIGTERM and SIGHUP stay ignored where they are (``nohup``).
    """
    _state.number, _state.deferred = None, False
    before = {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
        is_ignored = {number: signal.getsignal(number) is signal.SIG_IGN for number in numbers}
        numbers = [number for number in numbers if number == signal.SIGINT or not is_ignored[number]]
        before = {number: signal.signal(number, _handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """A signal is only noted inside the ``with`` block, which asks `asked` where it can stop."""
    before, _state.deferred = _state.deferred, True
    try:
        yield
    finally:
        _state.deferred = before


@contextmanager
def at_once() -> Iterator[None]:
    """Inside `deferred`: a signal raises `Ended` again, and so does one that was noted before."""
    before, _state.deferred = _state.deferred, False
    try:
        check()
        yield
    finally:
        _state.deferred = before


def _handle(number: int, frame: FrameType | None) -> None:
    is_first = _state.number is None
    if is_first:
        _state.number = number
    if _state.deferred and is_first:
        again = "; once more to stop at once" if number == signal.SIGINT else ""
        with suppress(OSError):  # not `print`: the signal may have come in the middle of another one
            os.write(2, f"\nStopping after this step{again}\n".encode())
    elif is_first or number == signal.SIGINT:
        raise Ended
