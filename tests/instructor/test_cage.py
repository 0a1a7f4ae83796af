"""The cage, from outside: hostile answers get nothing, and the next answer is graded as if they had not been there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hostile import HOSTILE, RIGHT
from written_by_students import mistaken_answer, right_answer

from dqnkit.classroom import course
from dqnkit.instructor.cage import kit, landlock, seccomp
from dqnkit.instructor.cage.cage import Cage, Reply
from dqnkit.instructor.cage.isolation import by_name
from dqnkit.instructor.verdicts import Judge, Task, Verdict

Grade = Callable[..., Verdict]
KINDS = ("bubblewrap", "landlock")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.build(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module", params=KINDS)
def cage(request: pytest.FixtureRequest, folder: Path) -> Iterator[Cage]:
    os.environ["DQNKIT_TEST_SECRET"] = "what a cloud's client keeps there"
    kind = by_name(request.param)
    if problem := kind.problem():
        pytest.skip(problem)
    with Cage(kind, folder, [Path(__file__).parent]) as made:
        yield made


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


@pytest.fixture
def grade(cage: Cage, judge: Judge) -> Grade:
    """A function that grades an answer to `q_update`, or to another exercise."""

    def graded(code: str, exercise: str = "q_update", name: str = "q_update", seed: int = 1) -> Verdict:
        task = Task("somebody", exercise, code, name, seed)
        prepared = judge.prepare(task)
        return judge.judge(task, prepared.expected, cage.ask(prepared.job))

    return graded


@pytest.mark.parametrize("kind", [name for name, each in HOSTILE.items() if not each.is_slow])
def test_a_hostile_answer_gets_nothing_and_the_next_one_is_graded(grade: Grade, cage: Cage, kind: str) -> None:
    assert grade(RIGHT).status == "passed"
    starts = cage.starts
    verdict = grade(HOSTILE[kind].code)
    assert verdict.status in HOSTILE[kind].statuses, verdict
    assert grade(RIGHT).status == "passed"
    assert cage.starts == starts, "it broke the cage"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [name for name, each in HOSTILE.items() if each.is_slow])
def test_an_answer_that_does_not_end_is_ended(grade: Grade, kind: str) -> None:
    began = time.monotonic()
    verdict = grade(HOSTILE[kind].code)
    assert verdict.status in HOSTILE[kind].statuses, verdict
    assert time.monotonic() - began < 120
    assert grade(RIGHT).status == "passed"


def test_an_endless_answer_in_c_is_ended_by_the_kernel(cage: Cage, judge: Judge) -> None:
    task = Task("somebody", "q_update", HOSTILE["endless in C"].code, "q_update", 1)
    job = judge.prepare(task).job
    reply = cage.ask(replace(job, limits=replace(job.limits, processor_seconds=1.0)))
    assert reply.ended == "too_slow"
    assert reply.processor_seconds < 4


def test_the_kit_in_the_cage_has_nothing_private(folder: Path) -> None:
    assert not [*folder.rglob("answers")]
    assert not [path for path in folder.rglob("*.py") if "ANSWERS = Answers(" in path.read_text(encoding="utf-8")]
    assert not (folder / "dqnkit/instructor/grade.py").exists()


@pytest.mark.slow
@pytest.mark.parametrize("cage", KINDS[:1], indirect=True)
@pytest.mark.parametrize("exercise", course.exercise_names())
def test_every_solution_passes_and_known_mistakes_are_named(grade: Grade, exercise: str) -> None:
    right = right_answer(exercise)
    assert grade(right.code, exercise, right.name).status == "passed"
    for number, mistake in list(enumerate(course.find_exercise(exercise).mistakes))[::5]:
        wrong = mistaken_answer(exercise, number)
        verdict = grade(wrong.code, exercise, wrong.name)
        assert (verdict.status, verdict.mistake) == ("wrong", mistake.name)


def test_a_cage_that_was_killed_is_replaced(grade: Grade, cage: Cage) -> None:
    assert grade(RIGHT).status == "passed"
    assert cage._started is not None
    os.killpg(cage._started.process.pid, 9)
    assert grade(RIGHT).status == "crashed"
    assert grade(RIGHT).status == "passed"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"outcomes": []}', b'{"outcomes": 5}', b'{"status": "passed", "message": ""}', b"[" * 10**5],
)
def test_a_reply_that_is_none_is_a_crash(judge: Judge, content: bytes) -> None:
    task = Task("somebody", "q_update", RIGHT, "q_update", 1)
    assert judge.judge(task, judge.prepare(task).expected, Reply(content, "")).status == "crashed"


def test_a_filter_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "machine", lambda: None)
    assert "x86_64" in by_name("bubblewrap").problem()
    with pytest.raises(OSError, match="no filter"):
        seccomp.apply()


def test_landlock_says_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert "Landlock" in by_name("landlock").problem()
