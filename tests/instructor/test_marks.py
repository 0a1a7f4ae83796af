"""Marks, feedback, report and purge, from a grading log that is written by hand."""

from __future__ import annotations

import csv
import hashlib
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from dqnkit.classroom import progress_record
from dqnkit.classroom.question import find_question
from dqnkit.cli import main
from dqnkit.instructor import export, feedback, marks, purge, report, submission
from dqnkit.instructor.grading_log import GradingLog, Row
from dqnkit.instructor.roster import Roster
from dqnkit.instructor.settings import ClassError, ClassSettings
from dqnkit.instructor.submission import Answer, Submission

MISTAKE = "jumps to the target"
Grade = Callable[..., Submission]


@pytest.fixture
def graded(class_settings: ClassSettings) -> Grade:
    """A function that hands in and grades one answer of a student."""

    def made(
        student: str,
        exercise: str = "q_update",
        status: str = "passed",
        received: str = "2026-12-01T10:00:00Z",
        notebook: str = "01_q_update",
        progress: dict[str, Any] | None = None,
        **verdict: Any,
    ) -> Submission:
        pseudonym = class_settings.pseudonym(student)
        answers = {exercise: Answer("def q_update(): ...", "q_update")}
        handed_in = Submission(
            pseudonym,
            received,
            notebook,
            answers,
            hashlib.sha256(f"{student}{received}".encode()).hexdigest(),
            progress=progress,
        )
        submission.write(class_settings.folder, handed_in)
        row = Row(
            student=pseudonym,
            notebook=notebook,
            exercise=exercise,
            submission_hash=handed_in.hash,
            received=received,
            code="x",
            code_hash="h",
            kit="0",
            exercise_version="v",
            seed="1",
            isolation="none",
            **{"status": status, "mistake": "", "message": "", "detail": "{}", "cpu_seconds": 0.0, "wall_seconds": 0.0}
            | verdict,
        )
        with GradingLog(class_settings.folder) as log:
            log.append(row)
        return handed_in

    return made


def points(settings: ClassSettings, roster: Roster) -> dict[tuple[str, str], float]:
    by_pseudonym = {student.pseudonym: student.id for student in roster}
    return {(by_pseudonym[m.student], m.exercise): m.points for m in marks.marks(settings, roster) if m.points}


def test_a_pass_is_worth_its_points_and_the_rest_nothing(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade
) -> None:
    graded("100")
    graded("101", status="wrong", mistake=MISTAKE)
    graded("zoe7", status="crashed")
    assert points(class_settings, class_roster) == {("100", "q_update"): 1.0}


@pytest.mark.parametrize(("of_all", "own", "expected"), [(0.25, {}, 0.25), (0.25, {MISTAKE: 0.5}, 0.5), (0.0, {}, 0.0)])
def test_a_known_mistake_is_worth_what_class_toml_says(
    class_settings: ClassSettings,
    class_roster: Roster,
    graded: Grade,
    of_all: float,
    own: dict[str, float],
    expected: float,
) -> None:
    graded("100", status="wrong", mistake=MISTAKE)
    lesson = replace(class_settings.lessons[0], mistakes={"q_update": own})
    settings = replace(class_settings, known_mistake=of_all, lessons=(lesson,))
    assert marks.totals(marks.marks(settings, class_roster))[settings.pseudonym("100")] == expected


@pytest.mark.parametrize(
    ("received", "free", "expected"),
    [
        ("2026-12-14T22:59:00Z", 0, 1.0),  # at the deadline, 23:59 in Berlin
        ("2026-12-14T22:59:01Z", 0, 0.9),  # a day has begun
        ("2026-12-16T22:59:00Z", 0, 0.8),
        ("2026-12-16T22:59:00Z", 1, 0.9),
        ("2026-12-16T22:59:00Z", 5, 1.0),
        ("2027-02-01T00:00:00Z", 0, 0.0),  # never below nothing
    ],
)
def test_lateness_costs_a_share_for_each_day_begun(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade, received: str, free: int, expected: float
) -> None:
    graded("100", received=received)
    deadline = datetime(2026, 12, 14, 23, 59, tzinfo=ZoneInfo("Europe/Berlin"))
    lessons = (replace(class_settings.lessons[0], deadline=deadline),)
    settings = replace(class_settings, lessons=lessons, late_per_day=0.1, late_days=free)
    assert marks.totals(marks.marks(settings, class_roster))[settings.pseudonym("100")] == pytest.approx(expected)


def test_free_days_go_to_the_first_deadlines(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade
) -> None:
    graded("100", received="2026-12-02T12:00:00Z")
    graded("100", "replay_add", received="2026-12-12T12:00:00Z", notebook="03_replay")
    days = {"q_update": 1, "replay": 10}
    lessons = tuple(
        replace(lesson, deadline=datetime(2026, 12, days[lesson.name], tzinfo=UTC)) for lesson in class_settings.lessons
    )
    settings = replace(class_settings, lessons=lessons[::-1], late_per_day=0.1, late_days=3)
    assert points(settings, class_roster) == {("100", "q_update"): 1.0, ("100", "replay_add"): 0.8}


def test_the_last_submission_and_its_newest_verdict_count(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade
) -> None:
    graded("100", status="passed", received="2026-12-01T10:00:00Z")
    graded("100", status="wrong", received="2026-12-02T10:00:00Z")
    assert points(class_settings, class_roster) == {}
    graded("100", status="passed", received="2026-12-02T10:00:00Z")  # regraded
    assert points(class_settings, class_roster) == {("100", "q_update"): 1.0}


def rows_of(path: Path, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter=separator))


def test_the_table_has_a_line_for_each_student_and_no_formula(class_settings: ClassSettings, graded: Grade) -> None:
    from dqnkit.instructor import roster

    class_settings.roster.write_text('id,name\n1,"=1+1"\n2,B\n', encoding="utf-8")
    students = roster.read(class_settings)
    graded("2")
    rows = rows_of(marks.write(class_settings, students, marks.marks(class_settings, students)))
    assert rows[0][:3] == ["id", "name", "email"]
    assert rows[0][-1] == "total"
    assert [(row[0], row[1], row[-1]) for row in rows[2:]] == [("1", "'=1+1", "0"), ("2", "B", "1")]


CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (4711),Final (4712)
    Points Possible,,,,,10,20
"Müller, Jana",9001,100,jm,A,,7
"Nobody, At All",9002,999,x,A,3,
"Lovelace, Ada",9003,101,al,A,,
"""
MOODLE = """\
Identifier;Full name;Email address;Status;Grade;Maximum Grade;Feedback
Participant 1;Zoë Quist;zoe@example.edu;Submitted;;10;
Participant 2;Jana Müller;jana@example.edu;Submitted;;10;text
"""


@pytest.mark.parametrize(
    ("content", "column", "expected", "unknown"),
    [
        (CANVAS, "Homework 1", {2: (5, "1"), 3: (5, "3"), 4: (5, "0")}, ["line 4: Nobody, At All"]),
        (MOODLE, None, {1: (4, "0"), 2: (4, "1")}, []),
    ],
    ids=["canvas", "moodle"],
)
def test_sheets_of_platforms_keep_all_but_the_marks(
    class_settings: ClassSettings,
    class_roster: Roster,
    graded: Grade,
    tmp_path: Path,
    content: str,
    column: str | None,
    expected: dict[int, tuple[int, str]],
    unknown: list[str],
) -> None:
    graded("100")
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(content, encoding="utf-8-sig")
    found = marks.marks(class_settings, class_roster)
    path, left = marks.fill(class_settings, class_roster, found, sheet, "q_update", column)
    separator = content.partition("\n")[0][10] if ";" not in content else ";"
    before, after = list(csv.reader(content.splitlines(), delimiter=separator)), rows_of(path, separator)
    for line, (place, mark) in expected.items():
        assert after[line][place] == mark
        after[line][place] = before[line][place]
    assert after == before
    notice = "the sheet has a maximum of 10, and the class of 2 points: make them the same"
    assert left == [notice, *(f"not in the roster: {line}" for line in unknown)]


def test_no_mark_of_the_instructor_becomes_a_0(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade, tmp_path: Path
) -> None:
    graded("100")
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(CANVAS.replace('"Lovelace, Ada",9003,101,al,A,,', '"Lovelace, Ada",9003,101,al,A,8,'))
    found = marks.marks(class_settings, class_roster)
    path, _ = marks.fill(class_settings, class_roster, found, sheet, "q_update", "Homework 1")
    assert [row[5] for row in rows_of(path, ",")[2:]] == ["1", "3", "8"]


def test_a_sheet_without_the_column_says_which_it_has(
    class_settings: ClassSettings, class_roster: Roster, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text(CANVAS)
    with pytest.raises(ClassError, match=r"no column 'Homework 9'.*Homework 1 \(4711\)"):
        marks.fill(class_settings, class_roster, [], tmp_path / "x.csv", None, "Homework 9")


EVIL = '<script>alert("x")</script>'


def test_feedback_says_what_and_why_and_escapes_what_students_wrote(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade
) -> None:
    detail = json.dumps({"rows": [["case", "two states"], ["yours", EVIL]], "for_instructors": "a hidden case"})
    progress = {"checks": {}, "predictions": {"q_update-x": _prediction(EVIL, 3.0, 5.0)}}
    graded("100", status="wrong", mistake=MISTAKE, message="It jumps.", detail=detail, progress=progress)
    found = marks.marks(class_settings, class_roster)
    written = feedback.write(class_settings, class_roster, found)
    assert written.pages == 1
    page = (written.folder / "100.html").read_text(encoding="utf-8")
    assert EVIL not in page
    assert "&lt;script&gt;" in page
    assert "It jumps." in page
    assert "two states" in page
    assert "hidden case" not in page
    assert feedback.FORMATIVE in page
    assert "101" not in page
    data = json.loads((written.folder / "100.json").read_text(encoding="utf-8"))
    assert data["predictions"][0]["happened"] == 5.0
    assert stat.S_IMODE((written.folder / "100.html").stat().st_mode) == 0o600


def _prediction(question: str, value: Any, happened: Any) -> dict[str, Any]:
    return {"question": question, "kind": "number", "value": value, "when": "x", "happened": happened}


def _check(tries: int, passed: str | None, *mistakes: str) -> dict[str, Any]:
    began = "2026-12-01T10:00:00Z"
    return {
        "notebook": "01_q_update",
        "tries": tries,
        "first_tried": began,
        "last_tried": began,
        "passed": passed,
        "mistakes": list(mistakes),
    }


def test_the_report_shows_where_the_class_stands(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade
) -> None:
    for student, tries, value in (("100", 2, 1.0), ("101", 4, 3.0), ("zoe7", 9, 5.0)):
        passed = None if student == "zoe7" else "2026-12-01T10:06:00Z"
        progress = {
            "checks": {"q_update": _check(tries, passed, MISTAKE, "a rude word"), "a rude exercise": _check(9, None)},
            "predictions": {
                "q_update-rewards": _prediction("a rude question", value, 52.0),
                "q_update-alpha": _prediction("a rude question", "a rude option", None),
                "q_update-nothing": _prediction("a rude question", value, 52.0),
            },
        }
        status = "passed" if passed else "wrong"
        graded(student, status=status, mistake="" if passed else MISTAKE, progress=progress)
    found = marks.marks(class_settings, class_roster)
    page = report.write(class_settings, class_roster, found).read_text(encoding="utf-8")
    assert '<span class="large">3</span> of 3 students' in page
    assert '<span class="large">67%</span>' in page
    for words in (
        MISTAKE,
        "one noisy sample",
        find_question("q_update-rewards").text,
        "happened: 52 (median)",
        "Content-Security-Policy",
        "<td>9</td>",
    ):
        assert words in page, words
    assert "rude" not in page  # a student can write anything into a progress file
    assert "`" not in page  # code in a sentence is shown as code
    assert "Zoë Quist" not in page
    assert class_settings.pseudonym("zoe7") in page
    assert "Zoë Quist" in report.write(class_settings, class_roster, found, names=True).read_text(encoding="utf-8")
    assert "3</span> of 3" in report.class_report(class_settings.folder).html


def test_an_empty_class_has_a_report_too(class_settings: ClassSettings, class_roster: Roster) -> None:
    found = marks.marks(class_settings, class_roster)
    assert "Nothing was handed in yet" in report.write(class_settings, class_roster, found).read_text(encoding="utf-8")


def test_a_purged_student_leaves_no_trace(class_settings: ClassSettings, class_roster: Roster, graded: Grade) -> None:
    graded("100")
    graded("101")
    found = marks.marks(class_settings, class_roster)
    feedback.write(class_settings, class_roster, found)
    marks.write(class_settings, class_roster, found)
    report.write(class_settings, class_roster, found)
    assert export.export(class_settings) == {"q_update": 2}
    pseudonym = class_settings.pseudonym("100")
    deleted = purge.purge(class_settings, "100")
    assert deleted == [
        "1 submissions",
        "1 verdicts",
        "1 exported answers",
        "feedback/100.html",
        "feedback/100.json",
        "marks/ (of all students: make it again)",
        "report/ (of all students: make it again)",
    ]
    left = [path for path in class_settings.folder.rglob("*") if path.is_file() and path.name != "roster.csv"]
    assert not [path for path in left if pseudonym in str(path) or pseudonym.encode() in path.read_bytes()]
    with GradingLog(class_settings.folder) as log:
        assert [row.student for row in log.rows()] == [class_settings.pseudonym("101")]
        with pytest.raises(Exception, match="only grows"):
            log._database.execute("DELETE FROM verdicts")
    assert purge.purge(class_settings, "100") == []


def test_the_commands(class_settings: ClassSettings, graded: Grade, capsys: pytest.CaptureFixture[str]) -> None:
    graded("100")
    folder = str(class_settings.folder)

    def run(*arguments: str) -> str:
        main(["class", *arguments], standalone_mode=False)
        return capsys.readouterr().out

    assert "1 pages" in run("feedback", folder)
    assert "marks.csv" in run("marks", folder)
    assert "index.html" in run("report", folder)
    assert "q_update: 1 files" in run("export", folder)
    assert "1 submissions" in run("purge", folder, "100", "--yes")
    assert "nothing was kept of 100" in run("purge", folder, "100", "--yes")
    marked = class_settings.folder / "marks"
    run("marks", folder)
    done = CliRunner().invoke(main, ["class", "purge", folder, "1000", "--yes"])
    assert done.exit_code == 2
    assert "nobody in the roster has the id 1000" in done.stderr
    assert marked.is_dir()  # nothing was deleted


def test_what_is_handed_in_and_not_graded_is_no_0(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade, tmp_path: Path
) -> None:
    graded("100")
    graded("101")
    newer = Submission(
        class_settings.pseudonym("101"),
        "2026-12-03T10:00:00Z",
        "01_q_update",
        {"q_update": Answer("def q_update(): ...", "q_update")},
        "f" * 64,
    )
    stranger = replace(newer, student="s" * 16)
    for each in (newer, stranger):
        submission.write(class_settings.folder, each)
    found = marks.marks(class_settings, class_roster)
    told = marks.gaps(class_settings, class_roster, found)
    assert "1 answers are not graded yet: dqnkit class grade" in told[0]
    assert f"the work of 1 is of nobody in the roster, as {stranger.student}" in told[1]
    head, *_, row, _ = rows_of(marks.write(class_settings, class_roster, found), ",")
    assert row[head.index("q_update")] == ""
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(CANVAS.replace('"Lovelace, Ada",9003,101,al,A,,', '"Lovelace, Ada",9003,101,al,A,0.5,'))
    path, _ = marks.fill(class_settings, class_roster, found, sheet, "q_update", "Homework 1")
    assert next(row for row in rows_of(path, ",") if row[0] == "Lovelace, Ada")[5] == "0.5"
    feedback.write(class_settings, class_roster, found)
    assert "not graded yet" in (class_settings.folder / "feedback" / "101.html").read_text()


def test_what_is_to_be_looked_at_is_told_with_the_command_that_accepts_it(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade
) -> None:
    graded("100", status="to_look_at", message="line 2: sys._getframe")
    found = marks.marks(class_settings, class_roster)
    (told,) = marks.gaps(class_settings, class_roster, found)
    assert "100, q_update: line 2: sys._getframe" in told
    assert f"dqnkit class accept {class_settings.folder} 100 q_update" in told
    assert CliRunner().invoke(main, ["class", "accept", str(class_settings.folder), "100", "q_update"]).exit_code == 0
    assert points(class_settings, class_roster) == {("100", "q_update"): 1}
    assert marks.gaps(class_settings, class_roster, marks.marks(class_settings, class_roster)) == []


def test_a_sheet_with_another_maximum_is_noticed_and_the_own_table_is_not_replaced(
    class_settings: ClassSettings, class_roster: Roster, graded: Grade, tmp_path: Path
) -> None:
    graded("100")
    found = marks.marks(class_settings, class_roster)
    (tmp_path / "marks.csv").write_text(CANVAS)
    with pytest.raises(ClassError, match="give it another name"):
        marks.fill(class_settings, class_roster, found, tmp_path / "marks.csv", "q_update", "Homework 1")
    moodle = (
        "Identifier,Full name,Email address,Grade,Maximum Grade\nParticipant 1,Jana Müller,jana@example.edu,,100.00\n"
    )
    (tmp_path / "moodle.csv").write_text(moodle, encoding="utf-8")
    _, notes = marks.fill(class_settings, class_roster, found, tmp_path / "moodle.csv", "q_update", None)
    assert "a maximum of 100, and the class of" in notes[0]


def test_no_two_students_share_a_page_of_feedback() -> None:
    assert len({feedback.file_name(name) for name in ("a/b", "a_b", "a:b", "A_b", ".a_b", "")}) == 6


def test_progress_files_that_fit_their_format_are_what_is_tested() -> None:
    record = {**progress_record.empty(), "checks": {"q_update": _check(1, None)}}
    assert progress_record.parse(json.dumps(record))
