"""A piece of Python in a process of its own: it cannot hang or crash the process that asks for it."""

from __future__ import annotations

import os
import subprocess
import sys


class Failed(Exception):
    """The process did not end well; the message says why."""


def run_python(code: str, seconds: float) -> str:
    """What the code prints, when run by this very Python in a process of its own.

    Raises:
        Failed: it ended with an error, or not within that many seconds.
    """
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"no end within {seconds} s") from None
    if ended.returncode < 0:
        signal = -ended.returncode
        raise Failed(f"killed by signal {signal} (4: the processor lacks what it needs; 9: out of memory)")
    if ended.returncode != 0:
        raise Failed((ended.stderr.strip().splitlines() or ["no message"])[-1])
    return ended.stdout
