"""Every exercise of the course: the solution passes, the stub fails, each known mistake is caught and named.

At the end of the run, `conftest.py` prints a table of the checks and the mistakes.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from html import unescape
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from dqnkit.classroom import course
from dqnkit.classroom.checking import Raised, check_exercise, find_mistake, hints, observe_all, same, solution
from dqnkit.classroom.comparison import normalise
from dqnkit.classroom.exercise import Exercise, Mistake
from dqnkit.classroom.plain_source import plain
from dqnkit.course_folder import find_notebooks

NAMES = course.exercise_names()
MUTANTS = [(name, mistake) for name in NAMES for mistake in course.find_exercise(name).mistakes]
SOURCES = find_notebooks() / "source"


@cache
def shown_by(name: str, mistake: str = "") -> tuple[Any, ...]:
    """The results of the cases for the solution or a mistake."""
    exercise = course.find_exercise(name)
    wrong = {known.name: known.wrong for known in exercise.mistakes}
    return tuple(observe_all(exercise, wrong[mistake] if mistake else exercise.solution, exercise.fixed_cases()))


def equal(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(map(same, one, other))


@pytest.mark.parametrize("lesson", course.LESSONS)
def test_a_notebook_checks_the_exercises_of_its_lesson_and_no_others(lesson: str) -> None:
    checked = set(re.findall(r'^check\("(\w+)"', (SOURCES / f"{lesson}.py").read_text("utf-8"), flags=re.MULTILINE))
    assert checked == {name for name in NAMES if course.find_exercise(name).notebook == course.notebook_name(lesson)}


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_passes(name: str) -> None:
    exercise = course.find_exercise(name)
    result = check_exercise(exercise, exercise.solution)
    assert result.passed, result.text
    assert not result.printed


@pytest.mark.parametrize("name", NAMES)
def test_the_stub_fails(name: str) -> None:
    exercise = course.find_exercise(name)
    stubs: list[Any] = [None, lambda *arguments, **named: None]
    if inspect.isclass(exercise.solution):
        stubs[1] = type("Stub", (exercise.solution,), dict.fromkeys(methods(exercise.solution), stubs[1]))
    for stub in stubs:
        result = check_exercise(exercise, stub)
        assert result.status == "open", result.text
        assert "not written yet" in result.title


def methods(thing: type) -> list[str]:
    return [name for name, value in vars(thing).items() if inspect.isfunction(value)]


@pytest.mark.parametrize("name", NAMES)
def test_something_that_does_nothing_but_is_no_stub_fails_too(name: str) -> None:
    exercise = course.find_exercise(name)

    def nothing(*arguments: Any, **named: Any) -> None:
        len(arguments)

    attempt: Any = nothing
    if inspect.isclass(exercise.solution):
        attempt = type("Nothing", (exercise.solution,), dict.fromkeys(methods(exercise.solution), nothing))
    result = check_exercise(exercise, attempt)
    assert result.status == "wrong", result.text
    assert result.message


@pytest.mark.parametrize(("name", "mistake"), MUTANTS, ids=lambda value: getattr(value, "name", value))
def test_a_known_mistake_is_caught_and_named(name: str, mistake: Mistake, mutants: dict[str, dict[str, bool]]) -> None:
    mutants.setdefault(name, {})[mistake.name] = False
    result = check_exercise(course.find_exercise(name), mistake.wrong)
    assert result.status == "wrong", "it is not caught"
    assert result.mistake == mistake.name, result.text
    assert mistake.message.split("`")[0] in result.text
    mutants[name][mistake.name] = True


@pytest.mark.parametrize("name", NAMES)
def test_mistakes_differ_from_the_solution_and_from_each_other(name: str) -> None:
    exercise = course.find_exercise(name)
    mistakes = [mistake.name for mistake in exercise.mistakes]
    assert len(mistakes) >= 5
    assert len(set(mistakes)) == len(mistakes)
    for mistake in mistakes:
        assert not equal(shown_by(name), shown_by(name, mistake)), f"{mistake} shows what the solution shows"
    for one, other in combinations(mistakes, 2):
        assert not equal(shown_by(name, one), shown_by(name, other)), f"{one} and {other} show the same"


@pytest.mark.parametrize("name", NAMES)
def test_what_the_cases_show_is_the_same_each_time(name: str) -> None:
    exercise = course.find_exercise(name)
    again = observe_all(exercise, exercise.solution, exercise.fixed_cases())
    assert equal(shown_by(name), tuple(again))
    assert find_mistake(exercise, exercise.fixed_cases(), again) is None


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_is_described(name: str) -> None:
    exercise: Exercise = course.find_exercise(name)
    assert exercise.name == name
    assert re.fullmatch(r"\d\d_\w+", exercise.notebook)
    assert 1 <= exercise.difficulty <= 3
    assert exercise.minutes > 0
    assert len(exercise.hints) >= 2
    assert len({case.label for case in exercise.fixed_cases()}) == len(exercise.fixed_cases())
    for mistake in exercise.mistakes:
        assert len(mistake.message) > 40, "it says what is wrong and why it matters"
        assert mistake.message.rstrip().endswith((".", "?", "!", "`", ")"))
    assert f"{exercise.minutes} minutes" in hints(name).html


@pytest.mark.parametrize("name", NAMES)
def test_a_worked_solution_is_shown_whole_as_a_reader_would_write_it(name: str) -> None:
    shown, code = solution(name), plain(inspect.getsource(course.find_exercise(name).solution))
    lines = re.findall(r'<div style="padding-left: \d+ch; text-indent: -\d+ch">(.*?)</div>', shown.html)
    assert "\n".join(unescape(line).replace("<br>", "") for line in lines) == code
    assert shown.text.endswith(code)
    assert "white-space: pre;" not in shown.html, "a long line is cut at the right of the page"
    assert "type: ignore" not in code


@pytest.mark.parametrize("name", NAMES)
def test_the_public_part_of_an_exercise_knows_no_answer(name: str) -> None:
    exercise = course.find_exercise(name)
    module = inspect.getmodule(exercise.fixed_cases)
    assert module is not None
    source = inspect.getsource(module)
    assert module.__name__.endswith(f".exercises.{name}")
    assert ".answers" not in source
    assert exercise.solution.__name__ not in vars(module)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_fresh_cases_give_the_same_verdicts_as_the_fixed_ones(name: str, seed: int) -> None:
    exercise = course.find_exercise(name)
    fresh = exercise.cases(np.random.default_rng(seed))
    assert len(fresh) >= 2
    right = observe_all(exercise, exercise.solution, fresh)
    assert not any(isinstance(result.outcome, Raised) for result in right)
    for mistake in exercise.mistakes:
        caught = not equal(tuple(right), tuple(observe_all(exercise, mistake.wrong, fresh)))
        assert caught, f"{mistake.name} is caught by the fixed cases only"


@pytest.mark.parametrize("name", NAMES)
def test_each_check_gets_other_fresh_cases(name: str) -> None:
    exercise = course.find_exercise(name)
    one, other = (
        [normalise(case.arguments) for case in exercise.cases(np.random.default_rng(seed))] for seed in (0, 1)
    )
    assert repr(one) != repr(other)


def test_of_two_mistakes_at_once_the_first_that_can_be_told_is_told() -> None:
    def two_mistakes(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
        return r + gamma * q[s_next].max()  # the whole way, and beyond the end

    result = check_exercise(course.find_exercise("q_update"), two_mistakes)
    assert result.mistake == "jumps to the target"
    assert result.message.startswith("More than one thing is wrong. The first: The new value is the target itself.")


def test_a_wrong_answer_that_no_mistake_explains_is_not_named() -> None:
    exercise = course.find_exercise("q_update")
    for wrong in (lambda q, *rest: q.sum(), lambda q, s, a, *rest: q[s, a], lambda *rest: 0.0):
        assert not check_exercise(exercise, _with_names(wrong)).mistake


def _with_names(function: Any) -> Any:
    def named(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
        return function(q, s, a, r, s_next, terminated, alpha, gamma)

    return named
