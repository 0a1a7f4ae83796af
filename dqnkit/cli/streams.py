"""The standard streams as a program may find them: closed, not there at all, or unable to write every character."""

from __future__ import annotations

import io
import os
import sys


class _Stream(io.TextIOWrapper):
    """A stream that goes silent where nobody reads it any more: a closed terminal, ``dqnkit train ... | head``."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            self._go_silent()
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            self._go_silent()

    def _go_silent(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())


def make_usable() -> None:
    """See that whatever is written to stdout and stderr does no harm: what a run says must not end it.

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
        elif type(stream) is io.TextIOWrapper and stream is getattr(sys, f"__{name}__"):
            usable = _Stream(
                encoding=stream.encoding,
                errors="replace",  # a question mark for what an old terminal cannot write
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
                buffer=stream.detach(),
            )
            setattr(sys, name, usable)
            setattr(sys, f"__{name}__", usable)
