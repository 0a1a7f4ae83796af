"""A piece of Python in a process of its own: it cannot hang or crash the process that asks for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping

WAITED_IN_VAIN = re.compile(r"time-?out|timed out", re.IGNORECASE)  # in an error: something was awaited too long


class Failed(Exception):
    """The process did not end well; the message says why."""


class TooSlow(Failed):
    """The process was not ready in time. On a busy computer this says nothing about what it tried."""


def run_python(code: str, seconds: float, variables: Mapping[str, str] | None = None) -> str:
    """What the code prints, when run by this very Python in a process of its own, with some environment variables.

    Raises:
        TooSlow: it did not end within that many seconds, or had itself waited in vain for something.
        Failed: it ended with another error.
    """
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(variables or {})},
        )
    except subprocess.TimeoutExpired:
        raise TooSlow(f"no end within {seconds} s{_while_busy()}") from None
    if ended.returncode < 0:
        signal = -ended.returncode
        raise Failed(f"killed by signal {signal} (4: the processor lacks what it needs; 9: out of memory)")
    if ended.returncode != 0:
        message = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        if WAITED_IN_VAIN.search(message):
            raise TooSlow(f"{message}{_while_busy()}")
        raise Failed(message)
    return ended.stdout


def _while_busy() -> str:
    """How busy this computer was in the last minute, if that explains anything; empty where it is not known."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # programs that ran or waited for a core
    return f", while {load:.0f} programs shared {cores} cores" if load > cores + 1 else ""
