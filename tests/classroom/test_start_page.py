"""The start page: the notebooks in order, minutes, and what the reader has done."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dqnkit import lab
from dqnkit.classroom import check, progress_file, progress_record, start_page
from dqnkit.classroom.course import FOLDER, LESSONS, notebook_name
from dqnkit.course_folder import find_notebooks

ROOT = Path(__file__).resolve().parents[2]
CELL = {"cell_type": "code", "source": ['check("q_update", f)\n', 'check("other", g)']}
NOTEBOOK = json.dumps({"cells": [CELL], "metadata": {"dqnkit": {"idea": "the loop", "minutes": 20}}})


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of two notebooks, the first with two checks; and the progress file beside it."""
    (tmp_path / "00_start_here.ipynb").write_text(NOTEBOOK)
    (tmp_path / "01_q_update.ipynb").write_text("{ broken")
    monkeypatch.setattr(progress_file, "FILE", progress_file.ProgressFile(tmp_path))
    return tmp_path


def rows(page):
    return {found[1]: found[0] for found in re.finditer(r"\| \[.*\]\((.*)\.ipynb\).*", page)}


def test_a_new_reader_is_told_where_to_begin(course):
    page = start_page.start_page(course)
    assert "**Begin with [00 · Start here](00_start_here.ipynb).**" in page
    assert list(rows(page)) == ["00_start_here", "01_q_update"]
    assert all("○ not begun" in row for row in rows(page).values())
    assert "| 20 |" in rows(page)["00_start_here"]


def test_worked_notebooks_are_named_where_there_are_some(course):
    assert "solutions" not in start_page.start_page(course)
    (course / "solutions").mkdir()
    assert "Worked notebooks are in the folder `solutions`" in start_page.start_page(course)


def test_what_is_done_is_counted(course):
    progress_file.record_prediction("start_here-random", "?", "number", 3)
    assert "◐ begun, 0 of 2 checks" in rows(start_page.start_page(course))["00_start_here"]
    progress_file.record_check("q_update", "00_start_here", passed=True)
    progress_file.record_check("other", "00_start_here", passed=False)
    page = start_page.start_page(course)
    assert "◐ begun, 1 of 2 checks" in rows(page)["00_start_here"]
    assert "Go on with [00" in page
    progress_file.record_check("other", "00_start_here", passed=True)
    page = start_page.start_page(course)
    assert "✓ done, 2 of 2 checks" in rows(page)["00_start_here"]
    assert "Go on with [01 · Q-update]" in page
    assert "1 of 2 notebooks are done" in page


def test_a_check_writes_the_page_anew_where_there_is_one(course):
    check("q_update", lambda q, s, a, r, s_next, terminated, alpha, gamma: 0.0)
    assert not (course / start_page.NAME).exists()
    assert start_page.write_start_page(course) == course / start_page.NAME
    before = (course / start_page.NAME).read_text(encoding="utf-8")
    check("q_update", lambda q, s, a, r, s_next, terminated, alpha, gamma: 0.0)
    assert (course / start_page.NAME).read_text(encoding="utf-8") == before
    progress_file.record_check("q_update", "01_q_update", passed=True)
    assert (course / start_page.NAME).read_text(encoding="utf-8") != before


def test_a_damaged_progress_file_is_left_to_the_notebooks(course):
    (course / progress_record.NAME).write_text("{ damaged")
    assert "not begun" in start_page.start_page(course)
    assert (course / progress_record.NAME).read_text() == "{ damaged"


def test_where_the_page_cannot_be_written_a_check_goes_on(course, monkeypatch):
    start_page.write_start_page(course)

    def full(path, content):
        raise OSError("no space left")

    monkeypatch.setattr(start_page, "write_whole", full)
    start_page.refresh(course)
    progress_file.record_check("q_update", "01_q_update", passed=True)
    assert progress_file.FILE.read()["checks"]["q_update"]["passed"]


OWN = {
    "of the reader's own": lambda page: "# My notes\n",
    "of the kit with a note of the reader's": lambda page: page.replace("hours.", "hours. Exam on Friday!"),
    "that is no text": lambda page: "\ud800",
}


@pytest.mark.parametrize("given", OWN)
def test_a_page_of_the_readers_own_is_never_overwritten(course, given, tried, monkeypatch, capsys):
    path = start_page.write_start_page(course)
    path.write_bytes(OWN[given](path.read_text(encoding="utf-8")).encode("utf-8", "surrogatepass"))
    before = path.read_bytes()
    progress_file.record_check("q_update", "01_q_update", passed=True)
    monkeypatch.setattr(lab, "find_notebooks", lambda: ROOT / "notebooks")
    lab.bring_course(course)
    assert path.read_bytes() == before
    said = capsys.readouterr().out.strip().splitlines()[-1].strip()
    assert "is your own and stays as it is" in said
    tried(16, f"`dqnkit course` on a START.md {given}", said)


def test_a_page_with_other_ends_of_lines_is_still_the_kits(course):
    path = start_page.write_start_page(course)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert not start_page.is_readers_own(course)


def test_every_notebook_of_the_course_has_its_line():
    folder = find_notebooks()
    lines = rows(start_page.start_page(folder))
    assert list(lines) == [notebook_name(lesson) for lesson in LESSONS]
    for lesson, (name, line) in zip(LESSONS, lines.items(), strict=True):
        content = start_page._read(folder / f"{name}.ipynb")
        text = "\n".join("".join(cell["source"]) for cell in content["cells"])
        told = content["metadata"]["dqnkit"]
        assert f"about {told['minutes']} minutes" in text, name
        assert f"| {told['idea']} | {told['minutes']} |" in line
        assert start_page._checks_in(content) == {path.stem for path in FOLDER.glob(f"{lesson}/exercises/*.py")}, name


@pytest.mark.parametrize("page", ["README.md", "notebooks/README.md"])
def test_tables_of_the_course_elsewhere_say_the_same(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for lesson in LESSONS:
        told = start_page._read(find_notebooks() / f"{notebook_name(lesson)}.ipynb")["metadata"]["dqnkit"]
        assert re.search(rf"\| .*{notebook_name(lesson)}.* \| .* \| {told['minutes']} \|", text), lesson
