"""Output that may break: the terminal was closed, the other end of a pipe has ended, the disk of a log is full."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Lasting(io.FileIO):
    """Drops what cannot be written: a run must not be lost because nobody reads its progress."""

    def write(self, data: Any) -> int:
        """Write, and say that all was written."""
        size = memoryview(data).nbytes
        try:
            written = super().write(data)
        except OSError:
            return size
        return size if written is None else written


@contextmanager
def lasting() -> Iterator[None]:
    """Inside the ``with`` block writing to standard output and standard error never raises an OSError."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_lasting(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        sys.stdout, sys.stderr = before


def _lasting(stream: Any) -> Any:
    """The same stream, without errors; one that is no file of the system (a test's, none at all) stays as it is."""
    if os.name != "posix" or not isinstance(stream, io.TextIOWrapper):
        return stream
    try:
        stream.flush()
        raw = _Lasting(stream.fileno(), "w", closefd=False)
    except OSError:
        return stream
    return io.TextIOWrapper(
        raw if isinstance(stream.buffer, io.RawIOBase) else io.BufferedWriter(raw),  # the first with `python -u`
        encoding=stream.encoding,
        errors=stream.errors,
        newline="\n",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
