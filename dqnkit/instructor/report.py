"""The report: where a class stands and what it thinks, on a page that opens without a server, and in a notebook.

Verdicts are those of the grading log. Tries, minutes and predictions come from the students' progress files, which
their owners can edit: they show where to help, and prove nothing.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from dqnkit.classroom import course, rich_text
from dqnkit.classroom.question import find_question
from dqnkit.classroom.rich_text import RichText
from dqnkit.errors import DQNKitError
from dqnkit.instructor import pages, submission
from dqnkit.instructor import roster as rosters
from dqnkit.instructor import settings as class_settings
from dqnkit.instructor.grading_log import PASSED, TO_LOOK_AT
from dqnkit.instructor.marks import NOT_GRADED, NOT_HANDED_IN, Mark, marks
from dqnkit.instructor.roster import Roster
from dqnkit.instructor.settings import ClassSettings
from dqnkit.instructor.submission import TIME, Submission

FOLDER = "report"
FORMATIVE = "From progress files, which their owners can edit: it shows where to help, and proves nothing."
STUCK_TRIES = 5  # so many tries of one check without passing
COMMONEST = 5  # mistakes of each exercise that are listed
LONGEST_MINUTES = 180  # between the first try and the pass; more is a pause
BINS = 10  # of a histogram of numbers


@dataclass(frozen=True)
class Effort:
    """What progress files say of one exercise."""

    tries: float | None  # median
    minutes: float | None  # median, from the first try to the pass


def class_report(folder: str | Path, *, names: bool = False) -> RichText:
    """Return the report of a class, which shows itself as the value of a cell.

    Args:
        folder: of the class.
        names: show students' names; pseudonyms otherwise.

    Raises:
        ClassError: something in the folder cannot be read.
    """
    settings = class_settings.read(Path(folder))
    roster = rosters.read(settings)
    body = _body(settings, roster, marks(settings, roster), names)
    return RichText(f"<div>{body}</div>", f"The report of {settings.name}: open it in a browser")


def write(settings: ClassSettings, roster: Roster, found: Sequence[Mark], *, names: bool = False) -> Path:
    """Write ``report/index.html``; return its path.

    Raises:
        ClassError: something in the folder cannot be read or written.
    """
    path = settings.folder / FOLDER / "index.html"
    body = _body(settings, roster, found, names)
    pages.write(path, pages.page(f"{settings.name}: report", body))
    return path


def _body(settings: ClassSettings, roster: Roster, found: Sequence[Mark], names: bool) -> str:
    counting = submission.counting(settings)
    handed_in = {student for student, _ in counting}
    records = _records(settings, counting.values())
    parts = [
        f'<p><span class="large">{len(handed_in)}</span> of {len(roster)} students handed something in; '
        f'<span class="large">{_share(found)}</span> of their answers passed.</p>',
        "<h2>Exercises and students</h2>" + _heat_map(roster, found, handed_in, names),
        "<h2>The commonest mistakes</h2>" + _mistakes(found),
        f"<h2>Tries and minutes</h2><p class='small'>{FORMATIVE}</p>" + _efforts(settings, records),
        f"<h2>Who is stuck</h2><p class='small'>{FORMATIVE}</p>" + _stuck(roster, records, names),
        f"<h2>Predictions</h2><p class='small'>{FORMATIVE}</p>" + _predictions(records),
    ]
    return "".join(parts)


def _share(found: Iterable[Mark]) -> str:
    graded = [mark for mark in found if mark.verdict is not None]
    return f"{sum(mark.status == PASSED for mark in graded) / len(graded):.0%}" if graded else "none"


def _heat_map(roster: Roster, found: Sequence[Mark], handed_in: set[str], names: bool) -> str:
    exercises = list(dict.fromkeys(mark.exercise for mark in found))
    by_place = {(mark.student, mark.exercise): mark for mark in found}
    passed = Counter(mark.student for mark in found if mark.status == PASSED)
    rows = []
    for student in sorted(roster, key=lambda each: (-passed[each.pseudonym], each.pseudonym)):
        if student.pseudonym not in handed_in:
            continue
        cells = [_cell(by_place[student.pseudonym, exercise]) for exercise in exercises]
        rows.append([escape(student.name or student.id if names else student.pseudonym), *cells])
    head = ["student", *(f'<span style="writing-mode: vertical-rl">{escape(name)}</span>' for name in exercises)]
    legend = "✓ passed, ✗ not right, ! stopped by an error or a limit, ? for you to look at"
    legend += ", … not graded yet, · nothing written or handed in"
    return pages.table(head, rows) + f"<p class='small'>{legend}</p>" if rows else "<p>Nothing was handed in yet.</p>"


def _cell(mark: Mark) -> str:
    looks = {
        PASSED: ("✓", pages.GREEN),
        "wrong": ("✗", pages.VERMILION),
        "missing": ("·", pages.GREY),
        NOT_HANDED_IN: ("·", pages.GREY),
        NOT_GRADED: ("…", pages.GREY),
        TO_LOOK_AT: ("?", pages.ORANGE),
    }
    sign, color = looks.get(mark.status, ("!", pages.ORANGE))
    told = escape(f"{mark.exercise}: {mark.status}{f', {mark.mistake}' if mark.mistake else ''}", quote=True)
    return f'<div class="cell" title="{told}" style="background: {color}33">{sign}</div>'


def _mistakes(found: Sequence[Mark]) -> str:
    counts: dict[str, Counter[str]] = {}
    for mark in found:
        if mark.mistake:
            counts.setdefault(mark.exercise, Counter())[mark.mistake] += 1
    rows = []
    for exercise, mistakes in counts.items():
        sentences = {each.name: each.message for each in course.find_exercise(exercise).mistakes}
        for name, count in mistakes.most_common(COMMONEST):
            said = rich_text.prose(sentences.get(name, ""))
            rows.append(
                [escape(exercise), f'<span class="number">{count}</span>', f"<strong>{escape(name)}</strong>{said}"]
            )
    return pages.table(["exercise", "students", "mistake"], rows) if rows else "<p>None was named.</p>"


def _records(settings: ClassSettings, counting: Iterable[Submission]) -> dict[str, dict[str, Any]]:
    """Return a dict: student -> checks and predictions of all their progress files.

    What the course does not have is left out: a progress file can be edited, and the page may be on a projector.
    """
    exercises = {name for lesson in settings.lessons for name in lesson.points}
    found: dict[str, dict[str, Any]] = {}
    for handed_in in counting:
        record = found.setdefault(handed_in.student, {"checks": {}, "predictions": {}})
        progress = handed_in.progress or {}
        record["checks"] |= {name: each for name, each in progress.get("checks", {}).items() if name in exercises}
        given = progress.get("predictions", {})
        record["predictions"] |= {name: each for name, each in given.items() if _is_of_course(name, each)}
    return found


def _is_of_course(name: str, given: Mapping[str, Any]) -> bool:
    try:
        question = find_question(name)
    except DQNKitError:
        return False
    return question.accepts(given["value"]) and (given["happened"] is None or question.accepts(given["happened"]))


def _efforts(settings: ClassSettings, records: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for lesson in settings.lessons:
        for exercise in lesson.points:
            checks = [record["checks"][exercise] for record in records.values() if exercise in record["checks"]]
            effort = Effort(_median([check["tries"] for check in checks]), _median(list(map(_minutes, checks))))
            passed = sum(bool(check["passed"]) for check in checks)
            asked = course.find_exercise(exercise).minutes
            cells = [f"{passed} of {len(checks)}", _or_none(effort.tries), _or_none(effort.minutes), f"{asked}"]
            rows.append([escape(exercise), *(f'<div class="number">{cell}</div>' for cell in cells)])
    head = ["exercise", "check passed", "tries, median", "minutes, median", "minutes, planned"]
    return pages.table(head, rows)


def _minutes(check: Mapping[str, Any]) -> float | None:
    try:
        began, ended = (datetime.strptime(check[name], TIME).replace(tzinfo=UTC) for name in ("first_tried", "passed"))
    except (TypeError, ValueError, KeyError):
        return None
    minutes = (ended - began).total_seconds() / 60
    return minutes if 0 <= minutes <= LONGEST_MINUTES else None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _or_none(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}".removesuffix(".0")


def _stuck(roster: Roster, records: Mapping[str, Mapping[str, Any]], names: bool) -> str:
    rows = []
    for student in roster:
        checks = records.get(student.pseudonym, {"checks": {}})["checks"]
        for exercise, check in sorted(checks.items()):
            if check["tries"] >= STUCK_TRIES and not check["passed"]:
                known = {mistake.name for mistake in course.find_exercise(exercise).mistakes}
                last = next((name for name in reversed(check["mistakes"]) if name in known), "")
                who = student.name or student.id if names else student.pseudonym
                rows.append([escape(who), escape(exercise), f"{check['tries']:,}", escape(last)])
    return pages.table(["student", "exercise", "tries", "last mistake"], rows) if rows else "<p>Nobody seems to be.</p>"


def _predictions(records: Mapping[str, Mapping[str, Any]]) -> str:
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for record in records.values():
        for name, entry in record["predictions"].items():
            entries.setdefault(name, []).append(entry)
    drawn = [_histogram(find_question(name).text, given) for name, given in sorted(entries.items())]
    return "".join(drawn) or "<p>None was handed in.</p>"


def _histogram(question: str, given: Sequence[Mapping[str, Any]]) -> str:
    """Return what was predicted, as bars, with the median of what happened."""
    values = [entry["value"] for entry in given]
    counts: dict[str, int]
    if all(isinstance(value, int | float) for value in values):
        counts = _bins([float(value) for value in values])
    elif all(isinstance(value, str) for value in values):
        counts = dict(Counter(values).most_common())
    else:  # curves: their last values
        counts = _bins([float(v[-1]) for v in values if isinstance(v, list) and v and isinstance(v[-1], int | float)])
    happened = [entry["happened"] for entry in given if isinstance(entry["happened"], int | float | str)]
    told = f"happened: {_typical(happened)}" if happened else "not compared yet"
    most = max(counts.values(), default=1)
    rows = [
        [escape(name), f'<span class="bar" style="width: {12 * count / most:.1f}rem"></span> {count}']
        for name, count in counts.items()
    ]
    return f"<h3>{escape(question)}</h3><p class='small'>{escape(told)}</p>" + pages.table(["", ""], rows)


def _bins(values: Sequence[float]) -> dict[str, int]:
    if not values:
        return {}
    low, high = min(values), max(values)
    if low == high:
        return {f"{low:g}": len(values)}
    width = (high - low) / BINS
    counts = Counter(min(BINS - 1, int((value - low) / width)) for value in values)
    return {f"{low + n * width:.4g} to {low + (n + 1) * width:.4g}": counts[n] for n in range(BINS)}


def _typical(values: Sequence[Any]) -> str:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if numbers:
        return f"{statistics.median(numbers):.4g} (median)"
    return Counter(map(str, values)).most_common(1)[0][0]
