"""Answers to exercises as readers write them: how the tests collect them, and how they check them.

A check draws fresh cases. Here they come from a seed, so that a verdict is the same in every run: where no known
mistake explains all of an answer, the one that is named may hang on the cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dqnkit.classroom.checking import CheckResult, check_exercise
from dqnkit.classroom.exercise import Exercise

Answer = Callable[..., Any]


def verdict(exercise: Exercise, answer: Any, seed: int = 0) -> CheckResult:
    """The result of a check whose fresh cases come from a seed."""
    return check_exercise(exercise, answer, np.random.default_rng(seed))


def collected() -> tuple[list[Answer], Callable[[Answer], Answer]]:
    """A list, and a decorator that puts functions into it."""
    answers: list[Answer] = []

    def keep(answer: Answer) -> Answer:
        answers.append(answer)
        return answer

    return answers, keep


def collected_with_names() -> tuple[list[tuple[Answer, str]], Callable[[str], Callable[[Answer], Answer]]]:
    """A list, and a decorator that puts functions into it with the name of a mistake."""
    answers: list[tuple[Answer, str]] = []

    def named(name: str) -> Callable[[Answer], Answer]:
        def keep(answer: Answer) -> Answer:
            answers.append((answer, name))
            return answer

        return keep

    return answers, named
