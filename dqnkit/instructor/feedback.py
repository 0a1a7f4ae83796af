"""Feedback: one page for each student, and the same as JSON.

It says what passed, and of what did not the sentence of the known mistake with the smallest case that students can see.
Hidden cases are never in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from dqnkit.classroom import course, rich_text
from dqnkit.instructor import pages, submission
from dqnkit.instructor.grading_log import PASSED
from dqnkit.instructor.marks import Mark
from dqnkit.instructor.roster import Roster, Student
from dqnkit.instructor.settings import ClassSettings

FOLDER = "feedback"
FORMATIVE = "From your progress file. It is no part of your mark."
IN_WORDS = {
    "passed": "passed",
    "wrong": "not yet right",
    "error": "stopped with an error",
    "too_slow": "took too long",
    "too_much_memory": "took too much memory",
    "crashed": "ended the process that ran it",
    "flooded": "wrote too much",
    "missing": "nothing written",
    "not_python": "cannot be read as Python",
    "to_look_at": "your instructor has to look at it",
}


@dataclass(frozen=True)
class Written:
    """What a call of `write` has written."""

    folder: Path
    pages: int


def write(settings: ClassSettings, roster: Roster, found: Sequence[Mark]) -> Written:
    """Write ``feedback/ID.html`` and ``feedback/ID.json`` for each student who handed something in.

    Raises:
        ClassError: a file cannot be written.
    """
    handed_in = submission.counting(settings)
    folder = settings.folder / FOLDER
    count = 0
    for student in roster:
        own = [mark for mark in found if mark.student == student.pseudonym]
        submissions = [each for (who, _), each in handed_in.items() if who == student.pseudonym]
        if not submissions:
            continue
        content = about(settings, student, own, submissions)
        name = file_name(student.id)
        pages.write(folder / f"{name}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        pages.write(folder / f"{name}.html", _page(settings, student, content))
        count += 1
    return Written(folder, count)


def about(
    settings: ClassSettings, student: Student, own: Iterable[Mark], submissions: Iterable[submission.Submission]
) -> dict[str, Any]:
    """Return what a student's page says, as plain values."""
    exercises = []
    for mark in own:
        verdict = mark.verdict
        exercises.append(
            {
                "lesson": mark.lesson,
                "exercise": mark.exercise,
                "status": mark.status,
                "points": mark.points,
                "of": mark.of,
                "days_late": mark.days_late,
                "mistake": mark.mistake,
                "message": "" if verdict is None else verdict.message,
                "case": [] if verdict is None or mark.status == PASSED else verdict.rows,
            }
        )
    problems = [problem for each in submissions for problem in each.problems]
    return {
        "class": settings.name,
        "id": student.id,
        "exercises": exercises,
        "predictions": [row for each in submissions for row in _predictions(each)],
        "not_read": problems,
    }


def _predictions(handed_in: submission.Submission) -> list[dict[str, Any]]:
    lesson = handed_in.notebook.partition("_")[0]
    found = (handed_in.progress or {}).get("predictions", {})
    return [
        {"question": entry["question"], "predicted": entry["value"], "happened": entry["happened"]}
        for name, entry in sorted(found.items())
        if course.lesson_number_of(name) == lesson and entry["value"] is not None
    ]


def _page(settings: ClassSettings, student: Student, content: dict[str, Any]) -> str:
    body = f'<p class="large">{_sum(content, "points")} of {_sum(content, "of")} points</p>'
    for lesson in settings.lessons:
        own = [row for row in content["exercises"] if row["lesson"] == lesson.name]
        body += f"<h2>{escape(course.notebook_title(lesson.notebook))}</h2>"
        body += "".join(_exercise(row) for row in own)
    if content["not_read"]:
        body += f"<h2>What could not be read</h2><p>{'; '.join(map(escape, content['not_read']))}</p>"
    if content["predictions"]:
        rows = [
            [escape(row["question"]), escape(_value(row["predicted"])), escape(_value(row["happened"]))]
            for row in content["predictions"]
        ]
        body += f"<h2>Your predictions</h2><p class='small'>{FORMATIVE}</p>"
        body += pages.table(["question", "you predicted", "it happened"], rows)
    return pages.page(f"{settings.name}: {student.name or student.id}", body)


def _exercise(row: dict[str, Any]) -> str:
    passed = row["status"] == PASSED
    color = pages.GREEN if passed else pages.VERMILION
    points = f"{row['points']:g} of {row['of']:g} points"
    late = f", {row['days_late']} days late" if row["days_late"] else ""
    words = IN_WORDS.get(row["status"], row["status"])
    title = f"{'✓' if passed else '✗'} {row['exercise']}: {words} ({points}{late})"
    inside = "" if passed else rich_text.prose(row["message"])
    if row["case"]:
        lines = [[escape(name), f"<pre>{escape(value)}</pre>"] for name, value in row["case"]]
        inside += pages.table(["", ""], lines)
    return (
        f'<div style="border-left: 4px solid {color}; padding: .2rem 1rem; margin: .6rem 0">'
        f"<strong>{escape(title)}</strong>{inside}</div>"
    )


def _sum(content: dict[str, Any], name: str) -> str:
    return f"{sum(row[name] for row in content['exercises']):g}"


def _value(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, list):
        return "a curve: " + ", ".join(
            "…" if each is None else f"{each:g}" for each in value[:: max(1, len(value) // 5)]
        )
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def file_name(student: str) -> str:
    """A student's id as the name of a file; no two ids have the same."""
    name = "".join(char if char.isalnum() or char in "-_.@" else "_" for char in student).lstrip(".")
    return name if name == student else f"{name}-{hashlib.sha256(student.encode()).hexdigest()[:8]}"
