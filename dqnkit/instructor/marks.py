"""Marks: verdicts times points, less what lateness and mistakes cost; and the sheets of learning platforms filled in.

The same log, ``class.toml`` and submissions give the same marks.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from dqnkit.files import write_whole
from dqnkit.instructor import submission
from dqnkit.instructor.grading_log import PASSED, TO_LOOK_AT, GradingLog, Row
from dqnkit.instructor.roster import Roster, Student, is_nobody
from dqnkit.instructor.settings import ClassError, ClassSettings, Lesson

FOLDER, OWN = "marks", "marks.csv"
NOT_HANDED_IN, NOT_GRADED = "not handed in", "not graded yet"  # where there is no verdict
DAY = 24 * 3600
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a cell that begins so for a formula
GRADES = ("grade", "note", "bewertung")  # Moodle's column of marks
MAXIMA = ("maximum grade", "höchstnote", "beste bewertung")  # Moodle's column of the largest one
POSSIBLE = "points possible"  # how Canvas' line of largest marks begins


@dataclass(frozen=True)
class Mark:
    """What one student got for one exercise."""

    student: str  # pseudonym
    lesson: str
    exercise: str
    of: float  # points it is worth
    points: float
    status: str  # of the verdict; `NOT_HANDED_IN` or `NOT_GRADED` where there is none
    mistake: str = ""
    days_late: int = 0  # days begun after the deadline, less the free ones
    verdict: Row | None = None


def marks(settings: ClassSettings, roster: Roster) -> list[Mark]:
    """Return a mark for each student of the roster and each exercise, in the order of the roster and of the class.

    Raises:
        ClassError: a submission or the log cannot be read.
    """
    counting = submission.counting(settings)
    with GradingLog(settings.folder) as log:
        verdicts = log.newest()
    found = []
    for student in roster:
        late = _days_late(settings, student.pseudonym, counting)
        for lesson in settings.lessons:
            handed_in = counting.get((student.pseudonym, lesson.notebook))
            for exercise, of in lesson.points.items():
                key = (student.pseudonym, exercise, handed_in.hash if handed_in else "")
                if (verdict := verdicts.get(key)) is not None:
                    found.append(_mark(settings, lesson, exercise, of, verdict, student, late[lesson.name]))
                else:
                    status = NOT_GRADED if handed_in and exercise in handed_in.answers else NOT_HANDED_IN
                    found.append(Mark(student.pseudonym, lesson.name, exercise, of, 0.0, status))
    return found


def accept(settings: ClassSettings, student: str, exercise: str) -> Row:
    """Let an answer count as passed, whatever its verdict was; return that verdict. The log keeps both.

    Args:
        settings: of the class.
        student: pseudonym.
        exercise: whose answer it is.

    Raises:
        ClassError: the student has no graded answer to it.
    """
    notebooks = [lesson.notebook for lesson in settings.lessons if exercise in lesson.points]
    handed_in = submission.counting(settings).get((student, notebooks[0])) if notebooks else None
    with GradingLog(settings.folder) as log:
        row = log.newest().get((student, exercise, handed_in.hash if handed_in else ""))
        if row is None or not row.code:
            raise ClassError(f"there is no graded answer to {exercise} of this student")
        detail = json.dumps({"rows": [], "for_instructors": f"it was {row.status}: {row.message}"})
        log.append(replace(row, status=PASSED, mistake="", message="Your instructor has accepted it.", detail=detail))
    return row


def gaps(settings: ClassSettings, roster: Roster, found: Sequence[Mark]) -> list[str]:
    """What marks do not count yet though it was handed in, in sentences for the instructor.

    Raises:
        ClassError: a submission cannot be read.
    """
    told = []
    if ungraded := sum(mark.status == NOT_GRADED for mark in found):
        told.append(f"{ungraded} answers are not graded yet: dqnkit class grade {settings.folder}")
    known = roster.by_pseudonym()
    for mark in found:
        if mark.status == TO_LOOK_AT and mark.verdict is not None:
            who = known[mark.student].id
            command = f"dqnkit class accept {settings.folder} {who} {mark.exercise}"
            told.append(f"{who}, {mark.exercise}: {mark.verdict.message}. No points unless you say: {command}")
    if strangers := {student for student, _ in submission.counting(settings)} - known.keys():
        told.append(
            f"the work of {len(strangers)} is of nobody in the roster, as {min(strangers)}: was an id in it changed?"
        )
    return told


def _mark(
    settings: ClassSettings,
    lesson: Lesson,
    exercise: str,
    of: float,
    verdict: Row,
    student: Student,
    days_late: int,
) -> Mark:
    share = 1.0 if verdict.status == PASSED else 0.0
    if verdict.mistake:
        share = lesson.mistakes.get(exercise, {}).get(verdict.mistake, settings.known_mistake)
    kept = max(0.0, 1 - settings.late_per_day * days_late)
    points = round(of * share * kept, 4)
    return Mark(
        student.pseudonym, lesson.name, exercise, of, points, verdict.status, verdict.mistake, days_late, verdict
    )


def _days_late(
    settings: ClassSettings, student: str, counting: Mapping[tuple[str, str], submission.Submission]
) -> dict[str, int]:
    """Return a dict: lesson -> days that cost something. The free days go to the first deadlines."""
    free = settings.late_days
    late = {}
    latest = datetime.max.replace(tzinfo=UTC)
    for lesson in sorted(settings.lessons, key=lambda lesson: lesson.deadline or latest):
        handed_in = counting.get((student, lesson.notebook))
        days = 0
        if handed_in is not None and lesson.deadline is not None:
            days = max(0, math.ceil((handed_in.when - lesson.deadline).total_seconds() / DAY))
        used = min(free, days)
        free -= used
        late[lesson.name] = days - used
    return late


def totals(found: Iterable[Mark]) -> dict[str, float]:
    """Return a dict: student -> points."""
    sums: dict[str, float] = {}
    for mark in found:
        sums[mark.student] = round(sums.get(mark.student, 0.0) + mark.points, 4)
    return sums


def write(settings: ClassSettings, roster: Roster, found: Sequence[Mark]) -> Path:
    """Write ``marks/marks.csv``, one line for each student, with names; return its path.

    What is not graded yet has no number.

    Raises:
        ClassError: it cannot be written.
    """
    exercises = list(dict.fromkeys((mark.lesson, mark.exercise) for mark in found))
    graded = (mark for mark in found if mark.status != NOT_GRADED)
    points = {(mark.student, mark.exercise): _number(mark.points) for mark in graded}
    total = totals(found)
    head = ["id", "name", "email", *(exercise for _, exercise in exercises), "total"]
    rows = [head, ["", "", "points", *(_number(_worth(found, name)) for _, name in exercises), ""]]
    for student in roster:
        given = [points.get((student.pseudonym, exercise), "") for _, exercise in exercises]
        who = [_plain(text) for text in (student.id, student.name, student.email)]
        rows.append([*who, *given, _number(total.get(student.pseudonym, 0.0))])
    return _save(settings.folder / FOLDER / OWN, _csv(rows))


def fill(
    settings: ClassSettings, roster: Roster, found: Sequence[Mark], sheet: Path, lesson: str | None, column: str | None
) -> tuple[Path, list[str]]:
    """Fill marks into a sheet that Canvas or Moodle exported; all else in it stays as it is.

    Who handed nothing in gets 0 where there was no mark before. The mark of whose work is not all graded stays.

    Args:
        settings, roster, found: of the class.
        sheet: the exported CSV file.
        lesson: whose points; of all lessons unless given.
        column: where the marks go: the name of an assignment. Moodle's is the column *Grade*.

    Returns:
        the filled sheet, ``marks/NAME``, and what is to be looked at, in words: lines whose student is not in the
        roster, and another maximum than the class has.

    Raises:
        ClassError: the sheet cannot be read, has no such column, or has the name of the class's own table.
    """
    if sheet.name == OWN:
        raise ClassError(f"{sheet} would take the place of {FOLDER}/{OWN}, the class's own: give it another name")
    try:
        text = sheet.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ClassError(f"{sheet} cannot be read ({error})") from error
    separator = max(",;\t", key=text.partition("\n")[0].count)
    rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    place = _column(rows[0] if rows else [], column, sheet)
    asked = [mark for mark in found if lesson in (None, mark.lesson)]
    sums, notes = totals(asked), []
    handed_in = {mark.student for mark in asked if mark.verdict is not None}
    ungraded = {mark.student for mark in asked if mark.status == NOT_GRADED}
    worth = sum({(mark.lesson, mark.exercise): mark.of for mark in asked}.values())
    maxima = _maxima(rows, place)
    if maxima and maxima != {worth}:
        most = ", ".join(_number(each) for each in sorted(maxima))
        notes.append(f"the sheet has a maximum of {most}, and the class of {_number(worth)} points: make them the same")
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row) or any(map(is_nobody, row)):
            continue
        student = _student_of(dict(zip(rows[0], row, strict=False)), roster)
        if student is None:
            notes.append(f"not in the roster: line {number}: {row[0]}")
            continue
        if student.pseudonym in ungraded:
            continue
        row += [""] * (place + 1 - len(row))
        if student.pseudonym in handed_in or not row[place].strip():  # no mark of the instructor's becomes a 0
            row[place] = _number(sums.get(student.pseudonym, 0.0))
    return _save(settings.folder / FOLDER / sheet.name, _csv(rows, separator)), notes


def _maxima(rows: Sequence[Sequence[str]], place: int) -> set[float]:
    """The largest marks that a sheet allows: Canvas' line of points possible, or Moodle's column of maximum grades."""
    head = [name.strip().casefold() for name in rows[0]] if rows else []
    columns = [number for number, name in enumerate(head) if name in MAXIMA]
    cells = [row[number] for row in rows[1:] for number in columns if number < len(row)]
    cells += [row[place] for row in rows[1:] if place < len(row) and row[0].strip().casefold().startswith(POSSIBLE)]
    return {float(cell.replace(",", ".")) for cell in cells if re.fullmatch(r"\s*\d+([.,]\d+)?\s*", cell)}


def _column(head: Sequence[str], wanted: str | None, sheet: Path) -> int:
    names = [name.strip().casefold() for name in head]
    for name in [each.casefold() for each in ((wanted,) if wanted else GRADES)]:
        exact = [place for place, each in enumerate(names) if each == name]
        numbered = [place for place, each in enumerate(names) if each.startswith(f"{name} (")]  # Canvas adds (1234)
        for places in (exact, numbered):
            if len(places) == 1:
                return places[0]
    raise ClassError(
        f"{sheet} has no column {wanted or 'Grade'!r}: name the assignment's with --column. Its columns are "
        f"{', '.join(head)}"
    )


def _student_of(cells: Mapping[str, str], roster: Roster) -> Student | None:
    by_name = {name.strip().casefold(): cell.strip() for name, cell in cells.items()}
    order = (
        *("sis user id", "sis login id", "id number", "student id", "username", "email address", "email", "id"),
        *("identifier", "full name", "student", "name"),
    )
    for name in order:
        if by_name.get(name) and (student := roster.find(by_name[name])) is not None:
            return student
    return None


def _worth(found: Iterable[Mark], exercise: str) -> float:
    return next((mark.of for mark in found if mark.exercise == exercise), 0.0)


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(rows: Sequence[Sequence[str]], separator: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _save(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        write_whole(path, text)
        path.chmod(0o600)
    except OSError as error:
        raise ClassError(f"{path} cannot be written ({error})") from error
    return path
