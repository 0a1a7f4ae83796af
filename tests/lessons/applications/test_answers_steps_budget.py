"""`steps_budget` as readers write it: the right answers pass in every style, the wrong ones fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

from dqnkit.classroom.course import find_exercise

BUDGET = find_exercise("steps_budget")
RIGHT, right = collected()
WRONG, wrong = collected()


@right
def two_phases(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * step_seconds
    if seconds < early:
        return int(seconds / step_seconds)
    return learning_starts + int((seconds - early) / (step_seconds + updates_per_step * update_seconds))


@right
def a_loop(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    steps = 0
    while True:
        cost = step_seconds
        if steps >= learning_starts:
            cost += updates_per_step * update_seconds
        if cost > seconds:
            return steps
        seconds -= cost
        steps += 1


@right
def floor_division(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = min(seconds // step_seconds, learning_starts)
    left = seconds - early * step_seconds
    if early < learning_starts:
        return early
    return early + left // (step_seconds + updates_per_step * update_seconds)


@right
def as_a_minimum(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    share = updates_per_step * update_seconds
    alone = seconds / step_seconds
    learning = (seconds + learning_starts * share) / (step_seconds + share)
    return math.floor(min(alone, learning)) if alone >= learning_starts else math.floor(alone)


@right
def simply_the_smaller(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    share = updates_per_step * update_seconds
    return int(min(seconds / step_seconds, (seconds + learning_starts * share) / (step_seconds + share)))


@right
def numpy_floor(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    left = seconds - learning_starts * step_seconds
    if left < 0:
        return np.floor(seconds / step_seconds)
    return np.floor(learning_starts + left / (step_seconds + update_seconds * updates_per_step))


@right
def an_inner_function(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    def cost(steps):
        return steps * step_seconds + max(0, steps - learning_starts) * updates_per_step * update_seconds

    steps = 0
    while cost(steps + 1) <= seconds:
        steps += 1
    return steps


@right
def a_bisection(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    low, high = 0, int(seconds / step_seconds) + 1
    while low < high:
        middle = (low + high + 1) // 2
        cost = middle * step_seconds + max(0, middle - learning_starts) * updates_per_step * update_seconds
        low, high = (middle, high) if cost <= seconds else (low, middle - 1)
    return low


@right
def an_import_inside(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    from math import floor

    early = step_seconds * learning_starts
    if early > seconds:
        return floor(seconds / step_seconds)
    return floor((seconds - early) / (step_seconds + updates_per_step * update_seconds)) + learning_starts


@right
def divmod_of_the_time(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    if learning_starts * step_seconds > seconds:
        whole, _ = divmod(seconds, step_seconds)
        return int(whole)
    whole, _ = divmod(seconds - learning_starts * step_seconds, step_seconds + updates_per_step * update_seconds)
    return learning_starts + int(whole)


@right
def a_rate(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    first, then = 1 / step_seconds, 1 / (step_seconds + updates_per_step * update_seconds)
    until = learning_starts / first
    steps = seconds * first if seconds < until else learning_starts + (seconds - until) * then
    return int(steps)


@wrong
def no_updates(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return int(seconds / step_seconds)


@wrong
def no_steps(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return int(seconds / max(1e-9, updates_per_step * update_seconds))


@wrong
def no_start(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return int(seconds / (step_seconds + updates_per_step * update_seconds))


@wrong
def the_start_for_nothing(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return learning_starts + int(seconds / (step_seconds + updates_per_step * update_seconds))


@wrong
def the_start_is_not_added(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return max(0, int((seconds - learning_starts * step_seconds) / (step_seconds + updates_per_step * update_seconds)))


@wrong
def the_start_is_taken_off(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return int(seconds / (step_seconds + updates_per_step * update_seconds)) - learning_starts


@wrong
def no_short_time(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    left = seconds - learning_starts * step_seconds
    return learning_starts + int(left / (step_seconds + updates_per_step * update_seconds))


@wrong
def at_least_the_start(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    left = max(0, seconds - learning_starts * step_seconds)
    return learning_starts + int(left / (step_seconds + updates_per_step * update_seconds))


@wrong
def nothing_in_a_short_time(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    left = seconds - learning_starts * step_seconds
    if left < 0:
        return 0
    return learning_starts + int(left / (step_seconds + updates_per_step * update_seconds))


@wrong
def the_maximum(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * step_seconds
    if seconds < early:
        return int(seconds / step_seconds)
    return learning_starts + int((seconds - early) / max(step_seconds, updates_per_step * update_seconds))


@wrong
def one_update_a_step(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * step_seconds
    if seconds < early:
        return int(seconds / step_seconds)
    return learning_starts + int((seconds - early) / (step_seconds + update_seconds))


@wrong
def updates_divided(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * step_seconds
    if seconds < early:
        return int(seconds / step_seconds)
    share = update_seconds / updates_per_step if updates_per_step else 0.0
    return learning_starts + int((seconds - early) / (step_seconds + share))


@wrong
def whole_updates_only(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * step_seconds
    if seconds < early:
        return int(seconds / step_seconds)
    return learning_starts + int((seconds - early) / (step_seconds + int(updates_per_step) * update_seconds))


@wrong
def rounded_up(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * step_seconds
    if seconds < early:
        return math.ceil(seconds / step_seconds)
    return learning_starts + math.ceil((seconds - early) / (step_seconds + updates_per_step * update_seconds))


@wrong
def not_rounded(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * step_seconds
    if seconds < early:
        return seconds / step_seconds
    return learning_starts + (seconds - early) / (step_seconds + updates_per_step * update_seconds)


@wrong
def in_minutes(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return two_phases(seconds * 60, step_seconds, update_seconds, updates_per_step, learning_starts)


@wrong
def in_milliseconds(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return two_phases(seconds / 1000, step_seconds, update_seconds, updates_per_step, learning_starts)


@wrong
def multiplied(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return int(seconds * step_seconds)


@wrong
def the_start_costs_updates(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * (step_seconds + updates_per_step * update_seconds)
    if seconds < early:
        return int(seconds / step_seconds)
    return learning_starts + int((seconds - early) / (step_seconds + updates_per_step * update_seconds))


@wrong
def the_start_costs_an_update_each(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    early = learning_starts * update_seconds
    if seconds < early:
        return int(seconds / step_seconds)
    return learning_starts + int((seconds - early) / (step_seconds + updates_per_step * update_seconds))


@wrong
def the_start_in_seconds(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    left = seconds - learning_starts
    return int(left / (step_seconds + updates_per_step * update_seconds))


@wrong
def a_step_more(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return two_phases(seconds, step_seconds, update_seconds, updates_per_step, learning_starts) + 1


@wrong
def a_pair(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return learning_starts, int((seconds - learning_starts * step_seconds) / (step_seconds + update_seconds))


@wrong
def the_updates(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    steps = two_phases(seconds, step_seconds, update_seconds, updates_per_step, learning_starts)
    return int((steps - learning_starts) * updates_per_step)


@wrong
def the_times_swapped(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return two_phases(seconds, update_seconds, step_seconds, updates_per_step, learning_starts)


@wrong
def text(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    return str(two_phases(seconds, step_seconds, update_seconds, updates_per_step, learning_starts))


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    for seed in range(3):
        result = verdict(BUDGET, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails(answer: Callable[..., Any]) -> None:
    result = verdict(BUDGET, answer)
    assert result.status == "wrong", result.text
