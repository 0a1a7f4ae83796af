"""What the notebooks do with the reader: check what was written, record predictions, keep progress.

Importing this imports neither TensorFlow nor ipywidgets; checks work without either.
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
    """How long to train: ``full``, or ``fast`` where the environment variable DQNKIT_FAST is 1 (in tests)."""
    return fast if os.environ.get("DQNKIT_FAST") == "1" else full
