"""The clock by which machines in a cloud are paid: it cannot be set, and it goes on while this computer sleeps."""

from __future__ import annotations

import sys
import time


def paid_seconds() -> float:
    """Seconds since some moment in the past, also those in which this computer slept: machines in a cloud do not.

    ``time.time`` can be set back, which would give money back; Linux's ``time.monotonic`` stands still during sleep.
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)  # unlike macOS's time.monotonic, it counts sleep
    return time.monotonic()
