"""Collecting: every file ends in one of three lists, and nothing of it runs or is unpacked."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from conftest import RIGHT

from dqnkit.classroom import handing_in
from dqnkit.instructor import submission
from dqnkit.instructor.collect import Collected, collect, find_student
from dqnkit.instructor.roster import Roster, Student
from dqnkit.instructor.settings import ClassError, ClassSettings

Made = Callable[..., bytes]


@pytest.fixture
def take(class_settings: ClassSettings, class_roster: Roster) -> Callable[..., Collected]:
    """A function that collects from sources into the class."""
    return lambda *sources, **named: collect(class_settings, class_roster, [str(each) for each in sources], **named)


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("100.ipynb", "100"),
        ("100/01_q_update.ipynb", "100"),
        ("100_01_q_update.ipynb", "100"),
        ("zoe7-01_q_update-hand-in.json", "zoe7"),
        ("term/zoe7/any.ipynb", "zoe7"),
        ("Jana Müller_123456_assignsubmission_file_/01_q_update.ipynb", "100"),
        ("Jana Müller_123456_assignsubmission_file_01_q_update.ipynb", "100"),
        ("mullerjana_12345_67890_01_q_update.ipynb", "100"),
        ("lovelaceada_LATE_101_67890_01_q_update-1.ipynb", "101"),
        ("Quist, Zoë/notebook.ipynb", "zoe7"),
        ("C:\\work\\ada@example.edu\\x.ipynb", "101"),
        ("01_q_update_zoe7.ipynb", "zoe7"),
        ("hand-ins/week 1/q_update-ZOE7-final.ipynb", "zoe7"),
        ("100 q_update.ipynb", "100"),
        ("01_q_update_100.ipynb", None),  # so short a number may be anything
        ("Jana Schmidt_124_assignsubmission_file_/01_q_update.ipynb", None),  # jana@example.edu is another Jana
        ("Jana Schmidt_01_q_update.ipynb", None),
        ("somebody.ipynb", None),
        ("01_q_update.ipynb", None),
    ],
)
def test_a_student_is_found_by_what_platforms_write(class_roster: Roster, name: str, student: str | None) -> None:
    found = find_student(name, class_roster)
    assert (found.id if found else None) == student


def test_the_number_of_a_notebook_is_nobodys_id() -> None:
    roster = Roster((Student("01", "p"),))
    assert find_student("01_q_update.ipynb", roster) is None
    assert find_student("01/01_q_update.ipynb", roster) is roster.students[0]
    assert find_student("01-work.ipynb", roster) is roster.students[0]


def test_a_folder_is_collected_once(take: Callable[..., Collected], tmp_path: Path, notebook_of: Made) -> None:
    (tmp_path / "in" / "100").mkdir(parents=True)
    file = tmp_path / "in" / "100" / "any name.ipynb"
    file.write_bytes(notebook_of("import numpy as np", RIGHT))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    (made,) = take(tmp_path / "in").new
    assert made.received == "2023-11-14T22:13:20Z"
    assert made.notebook == "01_q_update"
    assert made.answers["q_update"].code == RIGHT.rstrip()
    again = take(tmp_path / "in")
    assert (again.new, again.before, again.refused) == ([], ["100/any name.ipynb"], [])


def test_what_is_kept_has_no_name_and_only_its_owner_reads_it(
    take: Callable[..., Collected], class_settings: ClassSettings, tmp_path: Path, notebook_of: Made
) -> None:
    (tmp_path / "100.ipynb").write_bytes(notebook_of(RIGHT))
    take(tmp_path / "100.ipynb")
    (file,) = (class_settings.folder / "collected").rglob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "100" not in file.parent.name
    assert "Jana" not in file.read_text()
    (read,) = submission.read_all(class_settings)
    assert read.student == class_settings.pseudonym("100")


def test_a_zip_of_a_platform_is_read_without_unpacking(
    take: Callable[..., Collected], tmp_path: Path, notebook_of: Made
) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        entry = zipfile.ZipInfo("mullerjana_1_2_01_q_update.ipynb", (2026, 12, 14, 20, 0, 0))
        archive.writestr(entry, notebook_of(RIGHT))
        archive.writestr("../../101.ipynb", notebook_of(RIGHT, "1"))
        archive.writestr("__MACOSX/._101.ipynb", "x")
        archive.writestr("zoe7/notes.txt", "hello")
    report = take(tmp_path / "all.zip")
    assert [made.received for made in report.new][:1] == ["2026-12-14T20:00:00Z"]
    assert len(report.new) == 2
    assert report.refused == [("zoe7/notes.txt", "it is not a notebook (.ipynb) or a file of hand_in() (.json)")]
    assert not (tmp_path.parent / "101.ipynb").exists()


def test_a_zip_inside_of_a_folder_and_a_time_for_all(
    take: Callable[..., Collected], tmp_path: Path, notebook_of: Made
) -> None:
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "zoe7.zip", "w") as archive:
        archive.writestr("01_q_update.ipynb", notebook_of(RIGHT))
    (made,) = take(tmp_path / "in", received=datetime(2026, 1, 2, tzinfo=UTC)).new
    assert made.received == "2026-01-02T00:00:00Z"


def test_zip_files_in_a_zip_are_read_and_every_file_is_in_a_list(
    take: Callable[..., Collected], tmp_path: Path, notebook_of: Made
) -> None:
    inner = BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("work/01_q_update.ipynb", notebook_of(RIGHT))
    with zipfile.ZipFile(tmp_path / "moodle.zip", "w") as archive:
        archive.writestr("Zoë Quist_7_assignsubmission_file_/work.zip", inner.getvalue())
        archive.writestr("Jana Müller_8_assignsubmission_file_/broken.zip", b"PK no zip")
        archive.writestr("Jana Müller_8_assignsubmission_file_/q_update.py", RIGHT)
        archive.writestr("Jana Müller_8_assignsubmission_file_/.DS_Store", b"x")
    report = take(tmp_path / "moodle.zip")
    assert len(report.new) == 1
    assert {name.rpartition("/")[2]: reason for name, reason in report.refused} == {
        "broken.zip": "it is not a zip file that can be read",
        "q_update.py": "it is not a notebook (.ipynb) or a file of hand_in() (.json)",
    }


def test_a_notebook_counts_for_its_own_lesson(
    take: Callable[..., Collected], tmp_path: Path, notebook_of: Made
) -> None:
    """What the notebook of a later lesson takes from the kit is no answer to an earlier one."""
    later = "from dqnkit.replay import replay_sample\nhand_in('target_network')"
    (tmp_path / "100-later.ipynb").write_bytes(notebook_of(later))
    (tmp_path / "100-own.ipynb").write_bytes(notebook_of(RIGHT, "hand_in('q_update')"))
    (tmp_path / "100-other.ipynb").write_bytes(notebook_of(RIGHT, "hand_in('replay')"))
    assert [made.notebook for made in take(tmp_path / "100-own.ipynb").new] == ["01_q_update"]
    assert "of target_network, which this class does not do" in take(tmp_path / "100-later.ipynb").refused[0][1]
    assert "no answer" in take(tmp_path / "100-other.ipynb").refused[0][1]


def test_a_version_that_is_handed_in_again_counts_again(
    take: Callable[..., Collected], class_settings: ClassSettings, tmp_path: Path, notebook_of: Made
) -> None:
    file = tmp_path / "100.ipynb"
    for day, content in ((1, notebook_of(RIGHT)), (2, notebook_of(RIGHT, "2")), (3, notebook_of(RIGHT))):
        file.write_bytes(content)
        os.utime(file, (day * 86_400, day * 86_400))
        assert len(take(file).new) == 1
    assert take(file).new == []
    (counts,) = submission.counting(class_settings).values()
    assert counts.received == "1970-01-04T00:00:00Z"


def git(folder: Path, *arguments: str, when: str = "2026-12-01T10:00:00+01:00") -> None:
    """Run git in a folder."""
    who = {f"GIT_{role}_{what}": "x@y" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **who, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when}
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, env=environment, timeout=60)


def test_git_by_folder_and_by_branch(take: Callable[..., Collected], tmp_path: Path, notebook_of: Made) -> None:
    repository = tmp_path / "class.repo"
    (repository / "100").mkdir(parents=True)
    git(repository, "init", "--initial-branch", "main")
    (repository / "100" / "01_q_update.ipynb").write_bytes(notebook_of(RIGHT))
    git(repository, "add", "--all")
    git(repository, "commit", "-m", "x")
    git(repository, "checkout", "-b", "zoe7")
    git(repository, "mv", "100", "work")
    (repository / "work" / "01_q_update.ipynb").write_bytes(notebook_of(RIGHT, "2"))
    git(repository, "commit", "-am", "y", when="2026-12-02T10:00:00+01:00")
    (repository / "work" / "link.ipynb").symlink_to("/etc/passwd")
    git(repository, "add", "--all")
    git(repository, "commit", "-m", "z")
    (repository / ".git" / "hooks" / "post-checkout").write_text("#!/bin/sh\ntouch hooked\n")
    report = take(repository)
    assert sorted(made.received for made in report.new) == ["2026-12-01T09:00:00Z", "2026-12-02T09:00:00Z"]
    assert report.refused == [("zoe7/work/link.ipynb", "it is a link to another place")]


def test_each_file_that_is_not_collected_has_its_reason(
    take: Callable[..., Collected], tmp_path: Path, notebook_of: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dqnkit.instructor.collect.LARGEST_FILE", 5_000)
    made = tmp_path / "in"
    made.mkdir()
    contents: dict[str, bytes] = {
        "somebody.ipynb": notebook_of(RIGHT),
        "100.ipynb": b"",
        "100-a.ipynb": b"{ broken",
        "100-b.ipynb": b"\xff\xfe\x00",
        "100-c.ipynb": b"[1, 2]",
        "100-d.ipynb": notebook_of("x = 1", "def g(:"),
        "100-e.json": b'{"format": "dqnkit-progress", "version": 1}',
        "100-f.json": b'{"format": "dqnkit-hand-in", "version": 99}',
        "100-g.ipynb": notebook_of("#" * 6_000),
    }
    for name, content in contents.items():
        (made / name).write_bytes(content)
    (made / "100-h.ipynb").symlink_to("/etc/passwd")
    report = take(made)
    reasons = dict(report.refused)
    assert reasons.keys() == {*contents, "100-h.ipynb"}
    assert report.new == []
    for name, words in {
        "somebody.ipynb": "names nobody",
        "100.ipynb": "empty",
        "100-a.ipynb": "not JSON",
        "100-b.ipynb": "not text",
        "100-c.ipynb": "neither a notebook nor",
        "100-d.ipynb": "no answer to an exercise of this class; code cell 2, line 1 is not Python",
        "100-e.json": "a progress file, which holds no answers",
        "100-f.json": "made by a newer dqnkit",
        "100-g.ipynb": "more than 5,000 bytes",
        "100-h.ipynb": "a link to another place",
    }.items():
        assert words in reasons[name], (name, reasons[name])


def test_a_zip_that_unpacks_to_more_than_it_says(
    take: Callable[..., Collected], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dqnkit.instructor.collect.LARGEST_FILE", 100_000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("100.ipynb", b" " * 50_000_000)
    assert dict(take(tmp_path / "bomb.zip").refused) == {"100.ipynb": "it has more than 100,000 bytes"}


def test_a_source_that_there_is_not_is_an_error(take: Callable[..., Collected], tmp_path: Path) -> None:
    with pytest.raises(ClassError, match="neither a file, nor a folder"):
        take(tmp_path / "nowhere")
    with pytest.raises(ClassError, match="git clone failed"):
        take(f"file://{tmp_path}/nowhere.git")


def handed_in(**changes: Any) -> bytes:
    """What hand_in() writes for a right answer, with changes, and a hash that fits."""
    record = {**handing_in.make("01_q_update", "q_update", [RIGHT]), **changes}
    return json.dumps({**record, "hash": handing_in.digest(record)}).encode()


def test_a_file_of_hand_in_brings_versions_and_progress(
    take: Callable[..., Collected], class_settings: ClassSettings, tmp_path: Path
) -> None:
    (tmp_path / "zoe7-01_q_update-hand-in.json").write_bytes(handed_in())
    report = take(tmp_path / "zoe7-01_q_update-hand-in.json")
    (made,) = report.new
    assert made.kit == class_settings.kit
    assert made.progress is not None
    assert report.warnings == []


def test_another_version_of_the_kit_or_of_an_exercise_is_a_warning(
    take: Callable[..., Collected], tmp_path: Path
) -> None:
    (tmp_path / "zoe7.json").write_bytes(handed_in(kit="0.0.9", exercises={"q_update": "x" * 12}))
    report = take(tmp_path / "zoe7.json")
    assert len(report.new) == 1
    told = "; ".join(text for _, text in report.warnings)
    assert "made with dqnkit 0.0.9" in told
    assert "other versions of q_update" in told


def test_a_file_that_was_changed_on_the_way_is_refused(take: Callable[..., Collected], tmp_path: Path) -> None:
    (tmp_path / "zoe7.json").write_bytes(handed_in().replace(b"alpha * (y", b"alpha + (y"))
    assert "its hash does not fit" in dict(take(tmp_path / "zoe7.json").refused)["zoe7.json"]


def test_the_last_one_received_counts(
    take: Callable[..., Collected], class_settings: ClassSettings, tmp_path: Path, notebook_of: Made
) -> None:
    for day, cell in ((2, "1"), (5, "2"), (3, "3")):
        (tmp_path / "100.ipynb").write_bytes(notebook_of(RIGHT, cell))
        take(tmp_path / "100.ipynb", received=datetime(2026, 1, day, tzinfo=UTC))
    counts = submission.counting(class_settings)
    assert [made.received for made in counts.values()] == ["2026-01-05T00:00:00Z"]
