"""The offline way: a progress file that was dropped on the instructor's page, as events of a student.

The same file twice, or a later version of it, adds only what is new. A progress file is the student's own and can be
edited, so it shows how the class is doing, and proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from dqnkit.classroom.progress_record import Record, parse
from dqnkit.instructor.live.catalogue import Catalogue
from dqnkit.instructor.live.events import Event, read_event

LARGEST_FILE = 2_000_000  # bytes: ten times that of a student who has done the whole course


def read_record(content: bytes) -> Record:
    """The record in a dropped file.

    Raises:
        ValueError: it is damaged, something else, or of a newer version.
    """
    return parse(content)


def entries_of(record: Record) -> list[str]:
    """What stays the same in later versions of a file: when each prediction was made and each exercise first tried."""
    predictions = [f"{id} {entry['when']} {entry['value']}" for id, entry in record["predictions"].items()]
    return [*predictions, *(f"{name} {entry['first_tried']}" for name, entry in record["checks"].items())]


def events_of(record: Record, catalogue: Catalogue) -> list[Event]:
    """The events that led to a record, as far as the course knows its questions and exercises."""
    events = []
    for data in _told(record):
        try:
            events.append(read_event(data, catalogue))
        except ValueError:  # of another version of the course
            continue
    return events


def _told(record: Record) -> Iterator[dict[str, Any]]:
    for id, entry in record["predictions"].items():
        if entry["value"] is not None:
            yield _event("prediction", id, "", value=entry["value"])
        if entry["happened"] is not None:
            yield _event("happened", id, str(entry["happened"]), value=entry["happened"])
    for name, entry in record["checks"].items():
        for mistake in entry["mistakes"]:
            yield _event("check", name, mistake, passed=False, mistake=mistake)
        passed = bool(entry["passed"])
        yield _event("check", name, f"passed: {passed}", passed=passed)


def _event(kind: str, name: str, which: str, **content: Any) -> dict[str, Any]:
    """An event whose id follows from what it says."""
    id = hashlib.sha256(f"{kind}\0{name}\0{which}".encode(errors="replace")).hexdigest()
    return {"id": id, "kind": kind, "name": name, **content}
