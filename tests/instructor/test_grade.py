"""Grading a class: verdicts, what is kept of them, going on after an interruption, other numbers of workers."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hostile import HOSTILE, RIGHT
from written_by_students import mistaken_answer, right_answer

from dqnkit.instructor import marks, submission
from dqnkit.instructor import settings as class_settings_module
from dqnkit.instructor.cage import choice, isolation
from dqnkit.instructor.cage.isolation import ISOLATIONS, IsolationError, Plain, by_name
from dqnkit.instructor.grade import How, grade
from dqnkit.instructor.grading_log import GradingLog, Row
from dqnkit.instructor.settings import ClassError, ClassSettings
from dqnkit.instructor.submission import Answer, Submission

HERE = How(by_name("bubblewrap"), workers=1)
pytestmark = pytest.mark.skipif(bool(by_name("bubblewrap").problem()), reason="there is no bubblewrap here")

HandIn = Callable[..., None]


@pytest.fixture
def one_lesson(tmp_path: Path) -> ClassSettings:
    class_settings_module.new(tmp_path / "class", "A class", ["q_update"])
    return class_settings_module.read(tmp_path / "class")


@pytest.fixture
def hand_in(one_lesson: ClassSettings) -> HandIn:
    """A function by which a student hands in an answer to `q_update`, at an hour of one day."""

    def handed_in(student: str, answer: Answer, hour: int = 12) -> None:
        received = f"2026-12-01T{hour:02d}:00:00Z"
        content = hashlib.sha256(f"{student} {hour} {answer.code}".encode()).hexdigest()
        submission.write(
            one_lesson.folder,
            Submission(student, received, "01_q_update", {"q_update": answer}, hash=content),
        )

    return handed_in


def verdicts(settings: ClassSettings) -> dict[tuple[str, str], tuple[str, str, str, str]]:
    with GradingLog(settings.folder) as log:
        return {(r.student, r.exercise): (r.status, r.mistake, r.message, r.detail) for r in log.rows()}


def rows(settings: ClassSettings) -> list[Row]:
    with GradingLog(settings.folder) as log:
        return list(log.rows())


def test_right_wrong_and_missing_answers(one_lesson: ClassSettings, hand_in: HandIn) -> None:
    hand_in("ada", right_answer("q_update"))
    hand_in("ben", mistaken_answer("q_update", 0))
    hand_in("eve", Answer(HOSTILE["ends its process"].code, "q_update"))
    graded = grade(one_lesson, HERE)
    assert graded.statuses == {"passed": 1, "wrong": 1, "crashed": 1, "missing": 3}
    found = verdicts(one_lesson)
    assert found["ada", "q_update"][0] == "passed"
    assert found["ben", "q_update"][:2] == ("wrong", "bootstraps after the end")
    assert found["eve", "epsilon_greedy"][0] == "missing"
    assert all(row.isolation == "bubblewrap" for row in rows(one_lesson))


def test_what_is_graded_is_not_graded_again(one_lesson: ClassSettings, hand_in: HandIn) -> None:
    hand_in("ada", right_answer("q_update"))
    grade(one_lesson, HERE)
    before = rows(one_lesson)
    second = grade(one_lesson, HERE)
    assert (second.before, sum(second.statuses.values())) == (2, 0)
    assert rows(one_lesson) == before
    hand_in("ada", right_answer("q_update"), hour=13)  # the same once more: the verdict is taken over, not run
    third = grade(one_lesson, HERE)
    assert third.statuses == {"passed": 1, "missing": 1}
    assert third.processor_seconds == 0
    assert len(rows(one_lesson)) == 4


def test_the_last_submission_counts(one_lesson: ClassSettings, hand_in: HandIn) -> None:
    hand_in("ada", right_answer("q_update"), hour=11)
    hand_in("ada", mistaken_answer("q_update", 1), hour=12)
    assert grade(one_lesson, HERE).statuses == {"wrong": 1, "missing": 1}


@pytest.mark.slow
def test_marks_are_the_same_in_another_order_and_with_other_numbers_of_workers(
    one_lesson: ClassSettings, hand_in: HandIn
) -> None:
    for number in range(22):
        hand_in(f"student{number:02d}", mistaken_answer("q_update", number))
    hand_in("writer", right_answer("q_update"))
    grade(one_lesson, HERE)
    alone = verdicts(one_lesson)
    grade(one_lesson, How(by_name("bubblewrap"), workers=3), again=True)
    assert verdicts(one_lesson) == alone
    grade(one_lesson, How(by_name("landlock"), workers=2), again=True)
    assert verdicts(one_lesson) == alone


def test_a_hidden_case_is_not_shown(one_lesson: ClassSettings, hand_in: HandIn) -> None:
    """An answer made for the cases that the check shows is wrong on fresh ones, and is told nothing about those."""
    code = f"{RIGHT}right = q_update\ndef q_update(q, *rest):\n    return right(q, *rest) if q.size <= 6 else 0.0\n"
    hand_in("ada", Answer(code, "q_update"))
    grade(one_lesson, HERE)
    row = next(row for row in rows(one_lesson) if row.exercise == "q_update")
    assert row.status == "wrong"
    if not row.rows:
        assert "fresh" in row.message
        assert "array" not in row.message


def test_an_answer_that_reaches_for_the_check_is_for_people_to_judge(
    one_lesson: ClassSettings, hand_in: HandIn
) -> None:
    hand_in("ada", Answer(f"import sys\nsys._getframe()\n{RIGHT}", "q_update"))
    grade(one_lesson, HERE)
    status, _, message, _ = verdicts(one_lesson)["ada", "q_update"]
    assert status == "to_look_at"
    assert "line 2: sys._getframe" in message
    marks.accept(one_lesson, "ada", "q_update")
    assert verdicts(one_lesson)["ada", "q_update"][0] == "passed"
    assert grade(one_lesson, HERE).before == 2
    assert verdicts(one_lesson)["ada", "q_update"][0] == "passed"
    with pytest.raises(ClassError, match="no graded answer to q_network"):
        marks.accept(one_lesson, "ada", "q_network")


def test_an_answer_cannot_show_the_hidden_cases_in_its_error(one_lesson: ClassSettings, hand_in: HandIn) -> None:
    code = (
        "import sys\ndef q_update(*arguments):\n    frame = sys._getframe()\n    while 'cases' not in frame.f_locals:\n"
        "        frame = frame.f_back\n    raise ValueError('LEAK ' + repr(frame.f_locals['cases'][6:]))\n"
    )
    hand_in("ada", Answer(code, "q_update"))
    grade(one_lesson, HERE)
    row = next(row for row in rows(one_lesson) if row.exercise == "q_update")
    assert row.status == "to_look_at"
    assert "LEAK" not in row.message
    assert row.rows == []


def test_a_name_of_its_own_is_no_reach_for_the_check(one_lesson: ClassSettings, hand_in: HandIn) -> None:
    hand_in("ada", Answer(f"def compile(x):\n    return x\n{RIGHT}", "q_update"))
    assert grade(one_lesson, HERE).statuses["passed"] == 1


def test_two_gradings_at_once_are_one(one_lesson: ClassSettings, hand_in: HandIn) -> None:
    hand_in("ada", Answer(RIGHT, "q_update"))
    with FileLock(one_lesson.folder / ".grades.lock"), pytest.raises(ClassError, match="another grading"):
        grade(one_lesson, HERE)
    assert grade(one_lesson, HERE).statuses["passed"] == 1


@pytest.mark.parametrize("statement", ["UPDATE verdicts SET status = 'passed'", "DELETE FROM verdicts"])
def test_the_log_only_grows(one_lesson: ClassSettings, hand_in: HandIn, statement: str) -> None:
    hand_in("ada", Answer("q_update = 5\n", "q_update"))
    grade(one_lesson, HERE)
    database = sqlite3.connect(one_lesson.folder / "grades.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        database.execute(statement)
    database.close()


def test_a_log_that_is_something_else_is_refused(one_lesson: ClassSettings) -> None:
    (one_lesson.folder / "grades.sqlite").write_text("something else, long enough to be looked at " * 9)
    with pytest.raises(ClassError, match="cannot be used"):
        GradingLog(one_lesson.folder)


def test_without_any_isolation_nothing_is_graded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bubblewrap", "landlock"):
        monkeypatch.setattr(type(ISOLATIONS[name]), "problem", lambda self: "it is not here")
    with pytest.raises(IsolationError, match="--trust-students"):
        choice.choose(None)
    with pytest.raises(IsolationError, match="landlock cannot be used here: it is not here"):
        choice.choose("landlock", trust=True)
    assert isinstance(choice.choose(None, trust=True), Plain)


def test_a_cage_that_does_not_start_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "_program", lambda: "/bin/false")
    assert choice.choose(None).name == "landlock"
    with pytest.raises(IsolationError, match="did not start"):
        choice.choose("bubblewrap")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_batch_goes_on_and_leaves_no_process(
    one_lesson: ClassSettings, hand_in: HandIn, number: signal.Signals
) -> None:
    psutil = pytest.importorskip("psutil")
    for student in range(40):
        hand_in(f"student{student:02d}", mistaken_answer("q_update", student % 22))
    command = [sys.executable, "-m", "dqnkit.cli", "class", "grade", str(one_lesson.folder), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        children: list[object] = []
        end = time.monotonic() + 200
        while time.monotonic() < end and len(rows(one_lesson)) < 45:  # 40 are missing answers to the other exercise
            children = psutil.Process(process.pid).children(recursive=True) or children
            time.sleep(0.05)
        os.kill(process.pid, number)
        process.wait(60)
    assert 45 <= len(rows(one_lesson)) < 80
    _, alive = psutil.wait_procs(children, 60)
    assert not alive
    grade(one_lesson, HERE)
    found = rows(one_lesson)
    assert len(found) == len({(row.student, row.exercise) for row in found}) == 80


@pytest.mark.slow
def test_on_a_dask_cluster_whose_workers_have_no_dqnkit(
    one_lesson: ClassSettings, hand_in: HandIn, tmp_path: Path
) -> None:
    import dask_processes

    for student in range(6):
        hand_in(f"student{student:02d}", mistaken_answer("q_update", student))
    hand_in("writer", right_answer("q_update"))
    with (
        dask_processes.scheduler(tmp_path) as (address, _),
        dask_processes.worker(address, tmp_path, "a", hidden=["dqnkit"]),
        dask_processes.worker(address, tmp_path, "b", hidden=["dqnkit"]),
    ):
        grade(one_lesson, How(by_name("bubblewrap"), 1, address))
    there = verdicts(one_lesson)
    grade(one_lesson, HERE, again=True)
    assert verdicts(one_lesson) == there
    assert sum(status == "passed" for status, *_ in there.values()) == 1
