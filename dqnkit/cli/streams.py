"""The standard streams as a program may find them: closed, not there at all, or unable to write every character."""

from __future__ import annotations

import io
import os
import sys


def make_usable() -> None:
    """See that whatever is written to stdout and stderr does no harm.

    Of a stream that is closed (``2>&-``, pythonw) the next file that is opened would get the number, a checkpoint
    perhaps, and TensorFlow would write its log there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the program ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a question mark for what an old terminal cannot write
