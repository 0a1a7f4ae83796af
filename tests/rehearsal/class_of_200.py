"""A class of 200 that is graded: right answers in several styles, every known mistake, hostile and broken hand-ins.

    python tests/rehearsal/class_of_200.py                     # about a quarter of an hour on two cores
    python tests/rehearsal/class_of_200.py --all-exercises 0   # without the measurement of every exercise

The hand-ins are notebooks and files in a folder, which `collect` takes; `grade` runs them here and on a Dask cluster of
two workers. The table says what became of each kind. A hostile hand-in must get nothing, and change nothing: neither
the verdict on anybody else's, nor a file.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import dask_processes
from hostile import HOSTILE, RIGHT
from written_by_students import mistaken_answer, right_answer

from dqnkit.classroom import course
from dqnkit.classroom.handing_in import digest, make
from dqnkit.instructor import collect, roster, settings, submission
from dqnkit.instructor.cage.choice import choose
from dqnkit.instructor.grade import Graded, How, grade
from dqnkit.instructor.grading_log import GradingLog
from dqnkit.instructor.settings import ClassSettings

LESSON = "q_update"
STYLES = {
    "with if and else": right_answer("q_update").code,
    "in one line": (
        "def q_update(q, s, a, r, s_next, terminated, alpha, gamma):\n"
        "    return q[s, a] + alpha * (r + (not terminated) * gamma * max(q[s_next]) - q[s, a])\n"
    ),
    "with a helper and a constant": (
        "ZERO = 0.0\n"
        "def best(row):\n    largest = row[0]\n    for value in row:\n        largest = max(largest, value)\n"
        "    return largest\n"
        "def q_update(q, s, a, r, s_next, terminated, alpha, gamma):\n"
        "    follows = ZERO if terminated else gamma * best(q[s_next])\n"
        "    return (1 - alpha) * q[s, a] + alpha * (r + follows)\n"
    ),
    "as a lambda": (
        "import numpy as np\n"
        "q_update = lambda q, s, a, r, s_next, terminated, alpha, gamma: (\n"
        "    q[s, a] + alpha * (r + gamma * np.max(q[s_next]) * (1 - int(terminated)) - q[s, a]))\n"
    ),
}
NAMES = ("<script>alert(1)</script>", "=HYPERLINK(1)", "O'Brien & Søn", "名前", "a" * 200)
CORE_HOUR = 3600.0
STUDENTS = 500


@dataclass(frozen=True)
class HandIn:
    """What one student hands in."""

    kind: str
    content: bytes
    expected: frozenset[str]  # one of these is the status of `q_update`; empty: it cannot be collected
    mistake: str = ""


def hand_ins() -> Iterator[HandIn]:
    """Every kind once."""
    for style, code in STYLES.items():
        yield HandIn(f"right, {style}", notebook(code), frozenset({"passed"}))
    first, last = STYLES["with a helper and a constant"].split("def q_up")
    yield HandIn(
        "right, in cells that were split and reordered",
        notebook("check('q_update', q_update)", f"def q_up{last}", "import this", first),
        frozenset({"passed"}),
    )
    for mistake in course.find_exercise("q_update").mistakes:
        yield HandIn("a known mistake", b"", frozenset({"wrong"}), mistake.name)
    for kind, each in HOSTILE.items():
        # What a cell does besides defining is not collected; then the right answer below it counts, or there is none.
        harmless = {"passed"} if each.code.endswith(RIGHT) else {"wrong", "not collected"}
        yield HandIn(f"hostile, {kind}", notebook(each.code), each.statuses | harmless)
    yield HandIn("made with another version", file_of(STYLES["in one line"], kit="0.0.1"), frozenset({"passed"}))
    yield HandIn("a notebook that is cut off", notebook("x = 1")[:40], frozenset())
    yield HandIn("no notebook", b"%PDF-1.4 something", frozenset())
    yield HandIn("empty", b"", frozenset())
    yield HandIn("no answer", notebook("print('hello')"), frozenset())


def notebook(*cells: str) -> bytes:
    """A notebook with these code cells."""
    content = [{"cell_type": "code", "metadata": {}, "source": cell} for cell in cells]
    return json.dumps({"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def file_of(code: str, kit: str) -> bytes:
    """A file of ``hand_in()``, made with some version of the kit."""
    record = {**make(course.notebook_name(LESSON), LESSON, [code]), "kit": kit}
    return json.dumps({**record, "hash": digest(record)}).encode()


@dataclass
class Class:
    """A class in a folder, and what each of its students handed in."""

    settings: ClassSettings
    given: dict[str, HandIn]  # by pseudonym
    refused: int


def make_class(folder: Path, size: int) -> Class:
    """Begin a class, and collect what its students hand in."""
    settings.new(folder, "A class of 200", [LESSON])
    every = list(hand_ins())
    chosen = [every[number % len(every)] for number in range(size)]
    ids = [f"s{number:04d}" for number in range(size)]
    with (folder / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "name", "email"])
        rows.writerows(
            [each, NAMES[n % len(NAMES)] if n % 7 == 0 else f"Student {n}", ""] for n, each in enumerate(ids)
        )
    chosen_settings = settings.read(folder)
    handed = folder.parent / f"{folder.name}-handed-in"
    handed.mkdir()
    given = {}
    for student, each in zip(ids, chosen, strict=True):
        given[chosen_settings.pseudonym(student)] = each
        if each.kind != "a known mistake":
            (handed / f"{student}.ipynb").write_bytes(each.content)
    report = collect.collect(chosen_settings, roster.read(chosen_settings), [str(handed)], datetime.now(UTC))
    numbers = {m.name: n for n, m in enumerate(course.find_exercise("q_update").mistakes)}
    for student, each in given.items():  # the kit's own wrong functions are no notebooks
        if each.kind == "a known mistake":
            answer = mistaken_answer("q_update", numbers[each.mistake])
            found = submission.Submission(
                student, "2026-12-01T12:00:00Z", course.notebook_name(LESSON), {"q_update": answer}, hash=student * 6
            )
            submission.write(folder, found)
    return Class(chosen_settings, given, len(report.refused))


def statuses(made: Class) -> dict[str, tuple[str, str]]:
    """Status and mistake of each student's `q_update`."""
    with GradingLog(made.settings.folder) as log:
        return {row.student: (row.status, row.mistake) for row in log.rows() if row.exercise == "q_update"}


def table(made: Class) -> tuple[list[tuple[str, str, int, bool]], int]:
    """Rows (kind, verdict, how many, whether it is as it should be), and how many are not."""
    found = statuses(made)
    counted: Counter[tuple[str, str, bool]] = Counter()
    for student, each in made.given.items():
        status, mistake = found.get(student, ("not collected", ""))
        fits = status in each.expected and mistake == each.mistake if each.expected else status == "not collected"
        counted[each.kind, status + (" (named)" if mistake else ""), fits] += 1
    rows = [(kind, verdict, count, fits) for (kind, verdict, fits), count in sorted(counted.items())]
    return rows, sum(count for _, _, count, fits in rows if not fits)


def fingerprint(folder: Path) -> str:
    """A hash of all files of a class but the log."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "grades" not in path.name)
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


def processor_seconds() -> float:
    """Of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def measured(made: ClassSettings, how: How, again: bool = False) -> tuple[Graded, float]:
    """Grade; also the processor seconds of judges and cages together."""
    before = processor_seconds()
    graded = grade(made, how, again)
    # A cage's processes are not this one's children's children that were waited for: what they report is added.
    return graded, processor_seconds() - before + graded.processor_seconds


def all_exercises(folder: Path, students: int) -> ClassSettings:
    """A class in which everybody has handed in everything: seven of ten right, the others a known mistake."""
    settings.new(folder, "All exercises")
    made = settings.read(folder)
    for student in range(students):
        for lesson in made.lessons:
            answers = {}
            for place, exercise in enumerate(lesson.points):
                mistakes = course.find_exercise(exercise).mistakes
                wrong = (7 * student + 3 * place) % 10 < 3
                number = (11 * student + place) % len(mistakes)
                answers[exercise] = mistaken_answer(exercise, number) if wrong else right_answer(exercise)
            who = made.pseudonym(str(student))
            found = submission.Submission(who, "2026-12-01T12:00:00Z", lesson.notebook, answers, hash=f"{student:064d}")
            submission.write(folder, found)
    return made


@click.command()
@click.option("--students", default=200, show_default=True)
@click.option("--all-exercises", "whole", default=10, show_default=True, help="students who hand in every exercise")
@click.option("--workers", default=2, show_default=True)
@click.option("--isolation", default=None)
@click.option("--cluster/--no-cluster", default=True, show_default=True, help="also on two Dask workers")
@click.option("--json", "file", type=click.Path(path_type=Path), default=Path("benchmark-results/class_of_200.json"))
def main(students: int, whole: int, workers: int, isolation: str | None, cluster: bool, file: Path) -> None:
    """Make the class, grade it, and print what became of each kind."""
    how = How(choose(isolation), workers)
    result: dict[str, Any] = {"isolation": how.isolation.description, "workers": workers, "load": os.getloadavg()[0]}
    problems = 0
    with tempfile.TemporaryDirectory() as name:
        made = make_class(Path(name) / "here", students)
        before = fingerprint(made.settings.folder)
        graded, spent = measured(made.settings, how)
        rows, wrong = table(made)
        unchanged = fingerprint(made.settings.folder) == before
        problems += wrong + (not unchanged)
        for kind, verdict, count, fits in rows:
            click.echo(f"{'' if fits else 'NOT '}ok  {count:4d}  {kind:60s} {verdict}")
        click.echo(f"{graded}\nNot collected: {made.refused}. Files of the class are unchanged: {unchanged}")
        click.echo(f"{graded.seconds:.0f} s, {spent:.0f} processor seconds, load {os.getloadavg()[0]:.1f}")
        result["here"] = {"seconds": graded.seconds, "processor_seconds": spent, "table": rows, "unchanged": unchanged}
        if cluster:
            there = statuses(made)
            with (
                dask_processes.scheduler(Path(name)) as (address, _),
                dask_processes.worker(address, Path(name), "a", hidden=["dqnkit"]),
                dask_processes.worker(address, Path(name), "b", hidden=["dqnkit"]),
            ):
                graded, _ = measured(made.settings, How(how.isolation, workers, address), again=True)
            differ = sum(there[student] != verdict for student, verdict in statuses(made).items())
            problems += differ
            click.echo(f"On two Dask workers: {graded.seconds:.0f} s; verdicts that differ: {differ}")
            result["cluster"] = {"seconds": graded.seconds, "verdicts that differ": differ}
        if whole:
            graded, spent = measured(all_exercises(Path(name) / "whole", whole), how)
            for_all = spent / whole * STUDENTS
            problems += for_all > CORE_HOUR
            click.echo(
                f"{whole} students, every exercise: {spent / whole:.1f} processor seconds each "
                f"({graded.processor_seconds / whole:.1f} in the cage), {graded.seconds:.0f} s; {STUDENTS} students: "
                f"{for_all / CORE_HOUR:.2f} core-hours (target: less than 1), load {os.getloadavg()[0]:.1f}"
            )
            result["whole"] = {"students": whole, "processor_seconds_each": spent / whole, "seconds": graded.seconds}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
