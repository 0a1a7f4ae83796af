"""The functions that a notebook offers its reader: checks, hints, predictions, progress.

Neither TensorFlow nor ipywidgets is imported here, and checks work without them.
"""

from __future__ import annotations

import os

from dqnkit.classroom.checking import CheckResult, check, hints, solution, use
from dqnkit.classroom.predictions import compare, predict, prediction
from dqnkit.classroom.progress_summary import download_progress, progress, upload_progress

__all__ = [
    "CheckResult",
    "check",
    "compare",
    "download_progress",
    "hints",
    "predict",
    "prediction",
    "progress",
    "sized",
    "solution",
    "upload_progress",
    "use",
]


def sized(full: int, fast: int) -> int:
    """Return ``full``, or ``fast`` if the environment variable DQNKIT_FAST is 1, as in tests: how long to train."""
    return fast if os.environ.get("DQNKIT_FAST") == "1" else full
