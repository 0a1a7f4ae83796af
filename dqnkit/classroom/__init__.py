"""The functions that a notebook offers its reader: checks, hints, predictions, progress, a program.

Neither TensorFlow nor ipywidgets is imported here, and checks work without them.
"""

from __future__ import annotations

from dqnkit.classroom.checking import CheckResult, check, hints, solution, use
from dqnkit.classroom.own_program import write_program
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
    "solution",
    "upload_progress",
    "use",
    "write_program",
]
