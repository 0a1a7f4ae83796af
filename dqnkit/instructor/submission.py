"""A submission: what one student handed in of one notebook, as the class keeps it.

Files are ``collected/PSEUDONYM/RECEIVED-HASH.json``, readable by their owner only. They hold a pseudonym, never a name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dqnkit.classroom import course, handing_in, progress_record, written_answers
from dqnkit.files import parse_json, write_whole
from dqnkit.instructor.settings import ClassError, ClassSettings, Lesson

FORMAT, VERSION = "dqnkit-submission", 1
FOLDER = "collected"
TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Answer:
    """The code of one answer."""

    code: str  # with what it uses; it is never run outside of the cage
    name: str  # that the code binds the answer to


@dataclass(frozen=True)
class Submission:
    """What one student handed in of one notebook."""

    student: str  # pseudonym
    received: str  # UTC, as 2026-12-14T20:01:00Z
    notebook: str
    answers: Mapping[str, Answer]  # of each exercise that has one
    hash: str  # SHA-256 of what was handed in
    kit: str | None = None  # version of dqnkit it was made with; None: a plain notebook does not say
    exercises: Mapping[str, str] = field(default_factory=dict)  # exercise -> version; empty: not said
    progress: Mapping[str, Any] | None = None  # formative evidence only: its owner can edit it
    problems: tuple[str, ...] = ()  # what could not be read

    @property
    def when(self) -> datetime:
        """When it was received."""
        return datetime.strptime(self.received, TIME).replace(tzinfo=UTC)


def from_content(content: bytes, lessons: tuple[Lesson, ...], student: str, received: datetime) -> list[Submission]:
    """Return the submissions in a file: one of ``hand_in()``, or a notebook, for each lesson that it answers.

    Raises:
        ValueError: it is neither; the message says why, in words that fit behind "it cannot be read:".
    """
    if not content.strip():
        raise ValueError("it is empty")
    if len(content) > handing_in.LARGEST * 4:
        raise ValueError(f"it has more than {4 * handing_in.LARGEST:,} bytes")
    values = parse_json(content)
    stamp = received.astimezone(UTC).strftime(TIME)
    own: dict[str, Any] = {"student": student, "received": stamp, "hash": hashlib.sha256(content).hexdigest()}
    if isinstance(values, dict) and values.get("format") == handing_in.FORMAT:
        return _of_hand_in(handing_in.parse(content), lessons, own)
    if isinstance(values, dict) and values.get("format") == progress_record.FORMAT:
        raise ValueError("it is a progress file, which holds no answers")
    try:
        cells = handing_in.code_cells(values)
    except (LookupError, TypeError, AttributeError):
        raise ValueError("it is neither a notebook nor a file of hand_in()") from None
    named = _named(cells)
    if named and not named & {lesson.name for lesson in lessons}:
        raise ValueError(f"it is of {', '.join(sorted(named))}, which this class does not do")
    found = [(lesson, _found(cells, lesson)) for lesson in lessons if not named or lesson.name in named]
    answered = [(lesson, answers) for lesson, answers in found if answers.answers]
    if not answered:
        problems = found[0][1].problems if found else ()
        raise ValueError("; ".join(["it has no answer to an exercise of this class", *problems]))
    return [_submission(lesson, answers, own) for lesson, answers in answered]


def _named(cells: list[str]) -> set[str]:
    """The lessons that ``hand_in("LESSON")`` names in a notebook; what it shares with others is no answer to them."""
    found = (re.findall(r"""^\s*hand_in\(\s*["'](\w+)["']""", cell, re.MULTILINE) for cell in cells)
    return {name for names in found for name in names}


def _of_hand_in(record: dict[str, Any], lessons: tuple[Lesson, ...], own: dict[str, Any]) -> list[Submission]:
    lesson = next((lesson for lesson in lessons if lesson.notebook == record["notebook"]), None)
    if lesson is None:
        raise ValueError(f"it is of {record['notebook']}, which this class does not do")
    found = _found(record["cells"], lesson)
    try:
        progress = progress_record.parse(json.dumps(record.get("progress")))
    except ValueError:
        progress = None
    own |= {"kit": record["kit"], "exercises": record["exercises"], "progress": progress}
    return [_submission(lesson, found, own)]


def _found(cells: list[str], lesson: Lesson) -> written_answers.Found:
    signatures = {name: course.find_exercise(name).signature for name in lesson.points}
    return written_answers.find(cells, signatures)


def _submission(lesson: Lesson, found: written_answers.Found, own: dict[str, Any]) -> Submission:
    answers = {name: Answer(written.code, written.name) for name, written in found.answers.items()}
    lacks = [
        f"{name} uses {', '.join(written.lacks)}, which is not in it as it was in the notebook"
        for name, written in found.answers.items()
        if written.lacks
    ]
    return Submission(notebook=lesson.notebook, answers=answers, problems=(*found.problems, *lacks), **own)


def path_of(folder: Path, submission: Submission) -> Path:
    """Return where a submission is kept; the same content received at the same time has one place."""
    stamp = submission.received.replace(":", "").replace("-", "")
    return folder / FOLDER / submission.student / f"{stamp}-{submission.notebook}-{submission.hash[:12]}.json"


def write(folder: Path, submission: Submission, again: bool = False) -> bool:
    """Keep a submission; return whether it is new. What was collected before keeps its first time.

    Args:
        folder: of the class.
        submission: to be kept.
        again: it was handed in anew if it is younger than another version that came after it.

    Raises:
        OSError: it cannot be written.
    """
    path = path_of(folder, submission)
    of_notebook = sorted(path.parent.glob(f"*-{submission.notebook}-*.json"))  # the newest last: names begin with times
    same = [each for each in of_notebook if each.stem.endswith(f"-{submission.hash[:12]}")]
    if same and not (again and of_notebook[-1] not in same and path.name > of_notebook[-1].name):
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = {"format": FORMAT, "version": VERSION, **asdict(submission)}
    path.touch(mode=0o600)
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    path.chmod(0o600)
    return True


def read_all(settings: ClassSettings) -> list[Submission]:
    """Return all submissions of a class, the oldest first.

    Raises:
        ClassError: a file among them is no submission; it was changed or damaged.
    """
    return sorted(_read_each(settings.folder / FOLDER), key=lambda each: (each.received, each.student, each.notebook))


def _read_each(folder: Path) -> Iterator[Submission]:
    for path in sorted(folder.glob("*/*.json")):
        try:
            yield read(path)
        except (OSError, ValueError) as error:
            raise ClassError(f"{path} cannot be read: {error}. Collect it again, or move it away") from error


def read(path: Path) -> Submission:
    """Return the submission in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is something else or damaged.
    """
    values = parse_json(path.read_bytes())
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT or values.pop("version", 0) != VERSION:
        raise ValueError("it is no submission of this version")
    try:
        values["answers"] = {name: Answer(**answer) for name, answer in values["answers"].items()}
        values["problems"] = tuple(values.get("problems", ()))
        submission = Submission(**values)
        _ = submission.when
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("it is damaged") from error
    return submission


def counting(settings: ClassSettings) -> dict[tuple[str, str], Submission]:
    """Return a dict: (student, notebook) -> the submission that counts, which is the last one received."""
    return {(each.student, each.notebook): each for each in read_all(settings)}
