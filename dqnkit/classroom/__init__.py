"""The functions that a notebook offers its reader: checks, hints, predictions, progress, a program.

Neither TensorFlow nor ipywidgets is imported here, and checks work without them.
"""

from __future__ import annotations

from dqnkit.classroom.checking import CheckResult, check, hints, solution, use
from dqnkit.classroom.handing_in import hand_in
from dqnkit.classroom.live_class import join, leave, lower_hand, raise_hand
from dqnkit.classroom.own_program import write_program
from dqnkit.classroom.predictions import compare, predict, prediction
from dqnkit.classroom.progress_summary import download_progress, progress, upload_progress

__all__ = [
    "CheckResult",
    "check",
    "compare",
    "download_progress",
    "hand_in",
    "hints",
    "join",
    "leave",
    "lower_hand",
    "predict",
    "prediction",
    "progress",
    "raise_hand",
    "solution",
    "upload_progress",
    "use",
    "write_program",
]
