"""The time that code may take, and the moments at which it must not be interrupted.

Processor time is counted, so that other programs on a busy machine cost the reader nothing. A second, generous limit
of wall-clock time is for code that only waits.
"""

from __future__ import annotations

import collections
import os
import sysconfig
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FrameType

# Folders of this package, the standard library and installed packages: code in them is not the reader's.
LIBRARIES = tuple(
    os.path.join(os.path.realpath(path), "")
    for path in (str(Path(__file__).parents[1]), *map(sysconfig.get_path, ("stdlib", "purelib", "platlib")))
)
IMPORTS = "<frozen importlib"  # a module whose import is interrupted stays half loaded
# TensorFlow that is interrupted while it traces a function may stay in graph mode, and fail from then on.
TRACING = tuple(
    os.path.join("tensorflow", "python", *path)
    for path in (
        ("framework", "func_graph.py"),
        ("autograph", ""),
        ("eager", "polymorphic_function", "tracing_compilation.py"),
    )
)
SECONDS_OF_IMPORT = 300.0  # in all; TensorFlow on a busy machine may need one or two minutes
SECONDS_IN_LIBRARY = 1.0  # within which a library should return to the reader's code once the time is up


class Allowance:
    """Counts the time that code takes. Imports do not count: the first one of TensorFlow takes many seconds.

    Args:
        seconds: of processor time. If several threads work at once, it passes no faster than wall-clock time.
        wall: seconds of wall-clock time.
    """

    def __init__(self, seconds: float, wall: float) -> None:
        self.seconds, self.wall = seconds, wall
        self.used = self.passed = self.imports = 0.0  # processor time; wall-clock time; wall-clock time of imports
        self.over_since: float | None = None  # when it was used up
        self._last = self._clocks()

    @property
    def only_waited(self) -> bool:
        """Whether it was not the processor time that was used up."""
        return self.used < self.seconds

    def use_up(self) -> None:
        """Allow nothing more."""
        if self.over_since is None:
            self.over_since = time.monotonic()

    def seconds_since_look(self) -> float:
        """Seconds since the code was last asked about."""
        return time.monotonic() - self._last[1]

    def ends_here(self, frame: FrameType) -> bool:
        """Count the time since the last call, and return whether the code that is at ``frame`` must end there.

        Once the time is up, this is so in the reader's own code at once, and in a library that does not return to it a
        little later; in an import, while TensorFlow traces, or while a library frees an object only if these take far
        too long themselves.
        """
        files = [file_of(each) for each in _frames(frame)]
        importing = any(file.startswith(IMPORTS) for file in files)
        self._count(importing)
        if self.used >= self.seconds or self.passed >= self.wall:
            self.use_up()
        if importing:
            return self.imports >= SECONDS_OF_IMPORT
        if self.over_since is None:
            return False
        if any(_is_tracing(file) for file in files) or _finalizes(frame):
            return self.passed >= self.wall
        return not is_library(files[0]) or time.monotonic() - self.over_since >= SECONDS_IN_LIBRARY

    def _count(self, importing: bool) -> None:
        now = self._clocks()
        processor, wall = (new - old for new, old in zip(now, self._last, strict=True))
        self._last = now
        if importing:
            self.imports += wall
        else:
            self.used += min(processor, wall)
            self.passed += wall

    @staticmethod
    def _clocks() -> tuple[float, float]:
        return time.process_time(), time.monotonic()


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and its callers."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _finalizes(frame: FrameType) -> bool:
    """Whether a library is freeing an object: Python ignores what is raised there, and the object is half freed."""
    return any(each.f_code.co_name == "__del__" and is_library(file_of(each)) for each in _frames(frame))


def file_of(frame: FrameType) -> str:
    """The file of a frame's code; of code that was made from text, that of the module which it belongs to.

    The standard library makes the methods of named tuples and data classes in this way.
    """
    file = frame.f_code.co_filename
    if file != "<string>":
        return file
    if str(frame.f_globals.get("__name__")).startswith("namedtuple_"):
        return str(collections.__file__)
    return str(frame.f_globals.get("__file__") or file)


@cache
def is_library(file: str) -> bool:
    """Whether code in this file is a library's, not the reader's."""
    return file.startswith("<frozen") or os.path.realpath(file).startswith(LIBRARIES)


@cache
def _is_tracing(file: str) -> bool:
    return any(part in file for part in TRACING)
