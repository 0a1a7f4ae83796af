"""A sheet stands for the answers: what passes, passes; each known mistake is named; and no solution is in it."""

from __future__ import annotations

import gzip
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dqnkit.classroom import answer_sheet, checking, course
from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.exercise import Exercise
from dqnkit.errors import UnwrittenError
from dqnkit.instructor.release import observe

WITH_TENSORFLOW = ["td_target", "target_sync"]  # the others are recorded by every release
QUICK = ["q_update", "replay_add", "n_step_return"]  # functions and a class, without TensorFlow


@pytest.fixture
def handed_out(tmp_path: Path) -> Callable[[str], Exercise]:
    """A function that returns an exercise with a sheet in place of its answers."""

    def made(name: str, seeds: tuple[int, ...] = (1, 2)) -> Exercise:
        exercise = course.find_exercise(name)
        answer_sheet.write(tmp_path / "sheet", answer_sheet.record(exercise, seeds, observe(exercise)))
        return replace(exercise, answers=answer_sheet.read(tmp_path / "sheet"))

    return made


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in WITH_TENSORFLOW)])
def test_checks_judge_as_with_the_answers(handed_out: Callable[[str], Exercise], name: str) -> None:
    exercise = course.find_exercise(name)
    sheet = handed_out(name)
    assert check_exercise(sheet, exercise.solution, np.random.default_rng(1)).passed
    for mistake in exercise.mistakes:
        assert check_exercise(sheet, mistake.wrong, np.random.default_rng(2)).mistake == mistake.name
    assert not check_exercise(sheet, lambda *_, **__: None).passed


def test_a_stub_and_other_arguments_are_told_as_before(handed_out: Callable[[str], Exercise]) -> None:
    sheet = handed_out("q_update")
    assert check_exercise(sheet, None).status == "open"
    assert "it is called with 8" in check_exercise(sheet, lambda q: 1).text
    ring = handed_out("replay_add")
    assert "A class is wanted" in check_exercise(ring, len).text


def test_there_is_no_solution_in_it(handed_out: Callable[[str], Exercise], tmp_path: Path) -> None:
    sheet = handed_out("q_update")
    content = gzip.decompress((tmp_path / "sheet").read_bytes()).decode()
    body = [line.strip() for line in inspect.getsource(course.find_exercise("q_update").solution).splitlines()]
    assert not [line for line in body if "target" in line and line in content]
    assert sheet.source == ""
    result = check_exercise(sheet, lambda *_: 0.0)
    assert "worked solution</" not in result.html
    assert checking.NO_SOLUTION in result.html


def test_the_same_sheet_has_the_same_bytes(tmp_path: Path) -> None:
    sheet = {"format": "x", "values": [1, 2.5]}
    for name in "ab":
        answer_sheet.write(tmp_path / name, sheet)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_use_takes_the_readers_version_where_there_is_no_other(
    handed_out: Callable[[str], Exercise], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = handed_out("q_update")
    monkeypatch.setattr(course, "find_exercise", lambda name: sheet)
    monkeypatch.setattr(checking.records, "record_check", lambda *_: None)
    wrong = lambda q, s, a, r, s_next, terminated, alpha, gamma: 0.0  # noqa: E731
    assert checking.use("q_update", wrong) is wrong
    assert "is used as it is" in capsys.readouterr().out

    def unwritten(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
        # YOUR CODE HERE
        ...

    for stub in (unwritten, None, "text"):
        needed = checking.use("q_update", stub)
        assert "nothing is written that could be used" in capsys.readouterr().out
        with pytest.raises(UnwrittenError, match="needs your q_update, and none is written"):
            needed(1, 2, alpha=3)
    assert checking.NO_SOLUTION in checking.solution("q_update").text
