"""The check of epsilon_greedy: any way to draw from `rng` passes, and every mistake is noticed."""

from __future__ import annotations

import numpy as np
import pytest

from dqnkit.classroom.course import find_exercise
from dqnkit.lessons.q_update.exercises.epsilon_greedy import fixed_cases, observe

EXERCISE = find_exercise("epsilon_greedy")


def seen(function):
    return [observe(function, case) for case in fixed_cases()]


def as_chances(q_values, epsilon, rng):
    chances = np.full(len(q_values), epsilon / len(q_values))
    chances[q_values.argmax()] += 1 - epsilon
    return rng.choice(len(q_values), p=chances)


def the_other_way_round(q_values, epsilon, rng):
    if rng.uniform() >= epsilon:
        return int(np.argmax(q_values))
    return rng.choice(len(q_values))


def draws_first(q_values, epsilon, rng):
    action = int(rng.random() * len(q_values))
    return action if rng.random() < epsilon else int(q_values.argmax())


@pytest.mark.parametrize("function", [as_chances, the_other_way_round, draws_first])
def test_every_right_way_passes(function):
    assert seen(function) == seen(EXERCISE.solution)


def test_every_mistake_shows_something_of_its_own():
    outcomes = {mistake.name: repr(seen(mistake.wrong)) for mistake in EXERCISE.mistakes}
    outcomes["the solution"] = repr(seen(EXERCISE.solution))
    assert len(set(outcomes.values())) == len(EXERCISE.mistakes) + 1


@pytest.mark.parametrize("seed", range(5))
def test_a_generator_made_anew_is_named_whatever_its_seed(seed):
    def function(q_values, epsilon, rng):
        return EXERCISE.solution(q_values, epsilon, np.random.default_rng(seed))

    (named,) = (mistake for mistake in EXERCISE.mistakes if mistake.name == "a new generator in every call")
    shown, of_the_mistake = seen(function), seen(named.wrong)
    assert shown[:2] == of_the_mistake[:2]


@pytest.mark.parametrize("value", [7, -1, 1.0, True, "up", np.array([1]), 0.5])
def test_what_is_no_action_is_said(value):
    shown = seen(lambda q_values, epsilon, rng: value)[0]
    assert "not the number of an action (0 to 2)" in shown["what it returns"]
