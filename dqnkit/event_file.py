"""A file for TensorBoard: one event for each row of numbers.

`tf.summary` writes an event for each number: some milliseconds for a row of ten. One event of ten values takes a tenth
of a millisecond.
"""

from __future__ import annotations

import itertools
import math
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NUMBERS = itertools.count()  # two files of one second and one process differ in it


class EventFile:
    """Writes rows of numbers so that TensorBoard draws each name as a curve over steps.

    What stood in the folder's other event files is not shown any more: they are removed.

    Raises:
        OSError: the file cannot be written, here and in each method.
    """

    def __init__(self, folder: Path) -> None:
        # here, so that a run's settings can be read without TensorBoard
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event: Any = Event
        self._records: Any = RecordWriter
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("events*"):
            old.unlink()
        name = f"events.out.tfevents.{time.time():.0f}.{platform.node()}.{os.getpid()}.{next(_NUMBERS)}"
        self._path = folder / name
        self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Write one row, without the values that are NaN or infinite; a reader of the file sees it at once."""
        event = self._event(wall_time=time.time(), step=step)
        for name, value in values.items():
            if math.isfinite(value):
                event.summary.value.add(tag=name, simple_value=value)
        self._add(event)

    def _add(self, event: Any) -> None:
        with self._path.open("ab") as file:
            self._records(file).write(event.SerializeToString())
