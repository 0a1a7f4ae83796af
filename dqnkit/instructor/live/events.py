"""An event of the class, read from what a student's notebook sent. Nothing in it is trusted.

    {"id": "6f1c…", "kind": "prediction", "name": "q_update-alpha", "value": "0.1"}
    {"id": "6f1c…", "kind": "happened",   "name": "q_update-alpha", "value": "0.5"}
    {"id": "6f1c…", "kind": "check",      "name": "q_update", "passed": false, "mistake": "jumps to the target"}
    {"id": "6f1c…", "kind": "hand",       "name": "", "up": true, "note": "row 3"}

The sender makes the id, and the log keeps one event of each id: one that was sent twice is counted once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dqnkit.classroom.question import MOST_POINTS, Choice, Curve, Number, Question
from dqnkit.instructor.live.catalogue import Catalogue

ID = re.compile(r"[0-9a-f]{16,64}")
LONGEST_NOTE = 120  # characters
LARGEST = 1e300


@dataclass(frozen=True)
class Event:
    """Something that happened in the class; kinds and contents are in the module's docstring."""

    id: str
    kind: str
    name: str
    content: Mapping[str, Any]


def read_event(data: Any, catalogue: Catalogue) -> Event:
    """Read an event, and drop every field that is not known.

    Raises:
        ValueError: it is none; the message says what is wrong.
    """
    if not isinstance(data, dict) or not isinstance(data.get("id"), str) or not ID.fullmatch(data["id"]):
        raise ValueError("an event has an id of 16 to 64 hexadecimal digits")
    kind, name = data.get("kind"), data.get("name", "")
    if not isinstance(kind, str) or kind not in READERS or not isinstance(name, str):
        raise ValueError(f"kind is one of {', '.join(READERS)}, and name is text")
    return Event(data["id"], kind, name if kind != "hand" else "", READERS[kind](data, name, catalogue))


def _prediction(data: Mapping[str, Any], name: str, catalogue: Catalogue) -> dict[str, Any]:
    question, value = _question(name, catalogue), data.get("value")
    if isinstance(value, bool) or not _is_in_range(question, value):
        raise ValueError(f"this is no answer to {name}")
    return {"value": value}


def _is_in_range(question: Question, value: Any) -> bool:
    if isinstance(question, Choice):
        return isinstance(value, str) and question.accepts(value)
    low, high = question.range
    numbers = value if isinstance(question, Curve) and isinstance(value, list) else [value]
    return question.accepts(value) and all(
        isinstance(number, int | float) and low <= number <= high for number in numbers
    )


def _happened(data: Mapping[str, Any], name: str, catalogue: Catalogue) -> dict[str, Any]:
    question, value = _question(name, catalogue), data.get("value")
    if isinstance(question, Choice):
        fits = isinstance(value, str) and question.accepts(value)
    elif isinstance(question, Number):
        fits = _is_number(value)
    else:
        points = value if isinstance(value, list) else []
        fits = 0 < len(points) <= MOST_POINTS and all(number is None or _is_number(number) for number in points)
    if not fits:
        raise ValueError(f"this cannot have happened in {name}")
    return {"value": value}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _question(name: str, catalogue: Catalogue) -> Question:
    if name not in catalogue.questions:
        raise ValueError("the course has no such question")
    return catalogue.questions[name]


def _check(data: Mapping[str, Any], name: str, catalogue: Catalogue) -> dict[str, Any]:
    if name not in catalogue.exercises:
        raise ValueError("the course has no such exercise")
    passed, mistake = data.get("passed"), data.get("mistake", "")
    if not isinstance(passed, bool) or not isinstance(mistake, str):
        raise ValueError("passed is true or false, and mistake is text")
    return {"passed": passed, "mistake": mistake if mistake in catalogue.exercises[name].mistakes else ""}


def _hand(data: Mapping[str, Any], name: str, catalogue: Catalogue) -> dict[str, Any]:
    up, note = data.get("up"), data.get("note", "")
    if not isinstance(up, bool) or not isinstance(note, str):
        raise ValueError("up is true or false, and note is text")
    return {"up": up, "note": printable(note)[:LONGEST_NOTE]}


def printable(text: str) -> str:
    """A text on one line, without control characters and marks that turn the direction of writing."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())


READERS = {"prediction": _prediction, "happened": _happened, "check": _check, "hand": _hand}
