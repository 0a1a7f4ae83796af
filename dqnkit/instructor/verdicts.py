"""Verdicts: an answer's outcomes, as they came out of the cage, compared with the solution's.

The solution and the known mistakes run here, outside of the cage, on the same cases. What is the same for every
student, their outcomes on the fixed cases, is computed once.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from dqnkit.classroom import checking, course, outcomes
from dqnkit.classroom.answer_sheet import NumberedCase, Recording, Seen
from dqnkit.classroom.exercise import Answers, Case, Exercise
from dqnkit.files import parse_json
from dqnkit.instructor import screening
from dqnkit.instructor.cage.cage import Job, Reply
from dqnkit.instructor.cage.limits import Limits
from dqnkit.instructor.grading_log import PASSED, TO_LOOK_AT

WRONG, ERROR, MISSING, NOT_PYTHON = "wrong", "error", "missing", "not_python"
TOO_SLOW, TOO_MUCH_MEMORY, CRASHED, FLOODED = "too_slow", "too_much_memory", "crashed", "flooded"
CLAIMED = {WRONG, ERROR, MISSING, NOT_PYTHON, TOO_SLOW, TOO_MUCH_MEMORY, FLOODED}  # what a reply may say of itself

FIXED, FRESH = 0, 1  # first number of a case's place
LONGEST_MESSAGE = 1_000  # characters
CASES_AT_THE_LIMIT = 3  # so many may take as long as one may
WALL_SECONDS, TIMES_PROCESSOR = 30.0, 4.0  # seconds that pass: some, and so many times the processor time
TENSORFLOW = ("dqnkit.backend", "tensorflow", "keras")
MENTIONS_TENSORFLOW = re.compile(r"tensorflow|keras|dqnkit\.(backend|networks|learner|training|value_learning)")
LOOK = "It has something that no answer needs, so your instructor has to look at it:"


@dataclass(frozen=True)
class Task:
    """One answer of one student that is to be graded."""

    student: str  # pseudonym
    exercise: str
    code: str
    name: str  # that the code gives to the answer
    seed: int  # of the fresh cases


@dataclass(frozen=True)
class Verdict:
    """What an answer is worth, before points."""

    status: str
    mistake: str = ""  # name of a known mistake
    message: str = ""  # for the student
    rows: tuple[tuple[str, str], ...] = ()  # about the smallest failing case, if it is one that students can see
    for_instructors: str = ""
    processor_seconds: float = 0.0
    wall_seconds: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """A job for the cage, and what should come out."""

    job: Job
    expected: tuple[Seen, ...]


@dataclass(frozen=True)
class _Remembered(Recording):
    """A known mistake that runs once on each case; `checking` asks it as it asks a recording."""

    exercise: Exercise | None = None
    wrong: Any = None
    seen: dict[tuple[int, int], Seen] = field(default_factory=dict)  # by place of the case

    def outcome_of(self, case: Case) -> Seen:
        assert isinstance(case, NumberedCase)
        assert self.exercise is not None
        if case.place not in self.seen:
            self.seen[case.place] = checking.observe_all(self.exercise, self.wrong, [case])[0]
        return self.seen[case.place]

    def forget_fresh(self) -> None:
        """Forget what belongs to one student's cases."""
        for place in [place for place in self.seen if place[0] == FRESH]:
            del self.seen[place]


@dataclass
class _Known:
    """An exercise, and what its solution gave on the fixed cases."""

    exercise: Exercise  # its mistakes remember their outcomes
    fixed: list[NumberedCase]
    expected: list[Seen]
    took: list[tuple[float, float]]
    mistakes: list[_Remembered]


class Judge:
    """Prepares jobs and judges their replies; it knows the answers, and stays outside."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def prepare(self, task: Task) -> Prepared:
        """Return the job of a task, with limits that follow from what the solution takes."""
        known = self._find(task.exercise)
        exercise = known.exercise
        expected, took = checking.observe_solution(exercise, _fresh(exercise, task.seed))
        took = [*known.took, *took]
        seconds = CASES_AT_THE_LIMIT * exercise.seconds + checking.TIMES_THE_SOLUTION * sum(min(each) for each in took)
        job = Job(
            exercise=task.exercise,
            seed=task.seed,
            code=task.code,
            name=task.name,
            form=exercise.form,
            took=took,
            modules=TENSORFLOW if needs_tensorflow(task.exercise) or MENTIONS_TENSORFLOW.search(task.code) else (),
            limits=Limits(seconds, WALL_SECONDS + TIMES_PROCESSOR * seconds),
        )
        return Prepared(job, (*known.expected, *expected))

    def judge(self, task: Task, expected: Sequence[Seen], reply: Reply) -> Verdict:
        """Return the verdict on what came out of the cage."""
        verdict = self._verdict(task, expected, reply)
        # What it says itself may be a case that is hidden.
        says_own = not (reply.ended or verdict.status == CRASHED or verdict.mistake)
        if says_own and (found := screening.reaches(task.code)):
            was = f"{verdict.status}: {verdict.message}"
            found_in_words = "; ".join(found)[:LONGEST_MESSAGE]
            verdict = Verdict(TO_LOOK_AT, message=f"{LOOK} {found_in_words}", for_instructors=was[:LONGEST_MESSAGE])
        return replace(verdict, processor_seconds=reply.processor_seconds, wall_seconds=reply.wall_seconds)

    def _find(self, name: str) -> _Known:
        if name not in self._known:
            exercise = course.find_exercise(name)
            mistakes = [_Remembered((), exercise=exercise, wrong=mistake.wrong) for mistake in exercise.mistakes]
            named = [replace(old, wrong=new) for old, new in zip(exercise.mistakes, mistakes, strict=True)]
            fixed = [NumberedCase(c.label, c.arguments, place=(FIXED, n)) for n, c in enumerate(exercise.fixed_cases())]
            checking.observe_solution(exercise, fixed[:1])  # so that imports are in nobody's time
            expected, took = checking.observe_solution(exercise, fixed)
            known = replace(exercise, answers=Answers(exercise.solution, named))
            self._known[name] = _Known(known, fixed, expected, took, mistakes)
        return self._known[name]

    def _verdict(self, task: Task, expected: Sequence[Seen], reply: Reply) -> Verdict:
        if reply.ended:
            return Verdict(reply.ended, message=reply.note)
        known = self._find(task.exercise)
        try:
            table = parse_json(reply.content)
            if not isinstance(table, dict):
                raise ValueError("it is no table")
            if "status" in table:
                return _claimed(table, known)
            packed = table["outcomes"]
            if len(table) != 1 or not isinstance(packed, list) or len(packed) != len(expected):
                raise ValueError("there are more or fewer outcomes than cases")
            seen = [*map(outcomes.unpack, packed)]
        except (ValueError, KeyError, RecursionError) as error:
            return Verdict(
                CRASHED, message="It wrote something else than its results.", for_instructors=str(error)[:200]
            )
        cases = [*known.fixed, *_fresh(known.exercise, task.seed)]
        result = checking.judge(known.exercise, cases, expected, seen)
        for mistake in known.mistakes:
            mistake.forget_fresh()
        return _of_result(result, known, cases, expected, seen)


def _fresh(exercise: Exercise, seed: int) -> list[NumberedCase]:
    drawn = exercise.cases(np.random.default_rng(seed))
    return [NumberedCase(case.label, case.arguments, place=(FRESH, number)) for number, case in enumerate(drawn)]


def _claimed(table: dict[str, Any], known: _Known) -> Verdict:
    """A verdict from what a reply says of itself. It cannot say that it has passed."""
    status, message, line, case = (table.get(name) for name in ("status", "message", "line", "case"))
    if status not in CLAIMED or not isinstance(message, str):
        raise ValueError("its status is none that it can have")
    rows: tuple[tuple[str, str], ...] = ()
    if type(case) is int and 0 <= case < len(known.fixed):
        rows = checking.case_rows(known.exercise, known.fixed[case])
    if isinstance(line, str) and line:
        rows += (("where", line[:LONGEST_MESSAGE]),)
    return Verdict(str(status), message=message[:LONGEST_MESSAGE], rows=rows)


def _of_result(
    result: checking.CheckResult,
    known: _Known,
    cases: Sequence[NumberedCase],
    expected: Sequence[Seen],
    seen: Sequence[Seen],
) -> Verdict:
    """A verdict from a check's result. What it says of a fresh case stays with the instructor."""
    if result.passed:
        return Verdict(PASSED, message=result.message)
    failing = [n for n in range(len(cases)) if not checking.same(expected[n], seen[n])]
    names = dict(result.rows)
    status = ERROR if not result.mistake and "error" in names else WRONG
    visible = not failing or failing[0] < len(known.fixed)
    rows = result.rows if visible and names.get(checking.CASE) in {case.label for case in known.fixed} else ()
    if visible or result.mistake:
        return Verdict(status, result.mistake, result.message[:LONGEST_MESSAGE], rows)
    count = len(cases) - len(known.fixed)
    wrong = sum(number >= len(known.fixed) for number in failing)
    message = f"It is right on the cases that the check shows, and wrong on {wrong} of {count} fresh ones."
    return Verdict(status, message=message, for_instructors=result.text[:LONGEST_MESSAGE])


@cache
def needs_tensorflow(name: str) -> bool:
    """Whether an exercise or its solution imports TensorFlow."""
    exercise = course.find_exercise(name)
    modules = {exercise.fixed_cases.__module__, exercise.solution.__module__}
    return any(MENTIONS_TENSORFLOW.search(inspect.getsource(sys.modules[module])) for module in modules)
