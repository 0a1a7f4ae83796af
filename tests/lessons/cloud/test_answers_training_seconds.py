"""`training_seconds` as readers write it: the right answers pass in every style, the wrong ones fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

from dqnkit.classroom.course import find_exercise

SECONDS = find_exercise("training_seconds")
RIGHT, right = collected()
WRONG, wrong = collected()


@right
def in_one_line(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps / n_workers / steps_per_second, steps * updates_per_step * seconds_per_update)


@right
def an_if_for_the_maximum(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    acting = steps / (steps_per_second * n_workers)
    learning = updates_per_step * steps * seconds_per_update
    if acting > learning:
        return acting + boot_seconds
    return learning + boot_seconds


@right
def numpy_maximum(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    times = np.array([steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update])
    return times.max() + boot_seconds


@right
def the_slower_rate(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    learned_per_second = 1 / (updates_per_step * seconds_per_update)
    return boot_seconds + steps / min(n_workers * steps_per_second, learned_per_second)


@right
def each_step(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + steps * max(1 / (n_workers * steps_per_second), updates_per_step * seconds_per_update)


@right
def a_share_for_each_worker(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    share = steps / n_workers
    longest = sorted([share / steps_per_second, updates_per_step * steps * seconds_per_update])[-1]
    return longest + boot_seconds


@right
def boot_in_both(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    actors = boot_seconds + steps / (n_workers * steps_per_second)
    learner = boot_seconds + steps * updates_per_step * seconds_per_update
    return max(actors, learner)


@right
def an_import_inside(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    from fractions import Fraction

    updates = Fraction(updates_per_step) * Fraction(steps)
    return float(
        max(Fraction(steps) / (n_workers * Fraction(steps_per_second)), updates * Fraction(seconds_per_update))
        + Fraction(boot_seconds)
    )


@right
def a_numpy_scalar_of_32_bits(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    acting = np.float32(steps / (n_workers * steps_per_second))
    return np.maximum(acting, np.float32(steps * updates_per_step * seconds_per_update)) + np.float32(boot_seconds)


@right
def the_excess_added(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    acting = steps / (n_workers * steps_per_second)
    behind = steps * updates_per_step * seconds_per_update - acting  # of the learner, when all has been acted
    return boot_seconds + acting + (behind if behind > 0 else 0)


@right
def functions_inside(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    def acting():
        return steps / (n_workers * steps_per_second)

    def learning():
        return steps * updates_per_step * seconds_per_update

    return sum([boot_seconds, max(acting(), learning())])


@wrong
def whole_seconds_down(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps // (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update)


@wrong
def whole_seconds_up(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    longest = max(steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update)
    return boot_seconds + math.ceil(longest)


@wrong
def rounded(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    longest = max(steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update)
    return round(boot_seconds + longest)


@wrong
def whole_updates(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    updates = steps * int(updates_per_step)
    return boot_seconds + max(steps / (n_workers * steps_per_second), updates * seconds_per_update)


@wrong
def whole_steps_for_each_worker(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps // n_workers / steps_per_second, steps * updates_per_step * seconds_per_update)


@wrong
def the_sum(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + steps / (n_workers * steps_per_second) + steps * updates_per_step * seconds_per_update


@wrong
def the_minimum(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + min(steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update)


@wrong
def the_mean(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + (steps / (n_workers * steps_per_second) + steps * updates_per_step * seconds_per_update) / 2


@wrong
def no_boot(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return max(steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update)


@wrong
def boot_for_the_actors_only(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    acting = boot_seconds + steps / (n_workers * steps_per_second)
    return max(acting, steps * updates_per_step * seconds_per_update)


@wrong
def boot_in_the_maximum(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return max(boot_seconds, steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update)


@wrong
def boot_one_after_the_other(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    times = steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update
    return n_workers * boot_seconds + max(times)


@wrong
def boot_divided(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    acting = (boot_seconds + steps / steps_per_second) / n_workers
    return max(acting, boot_seconds / n_workers + steps * updates_per_step * seconds_per_update)


@wrong
def boot_in_minutes(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    times = steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update
    return boot_seconds / 60 + max(times)


@wrong
def boot_and_the_scheduler(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    times = steps / (n_workers * steps_per_second), steps * updates_per_step * seconds_per_update
    return 2 * boot_seconds + max(times)


@wrong
def a_single_worker(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps / steps_per_second, steps * updates_per_step * seconds_per_update)


@wrong
def multiplied_by_the_workers(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(n_workers * steps / steps_per_second, steps * updates_per_step * seconds_per_update)


@wrong
def a_rate_for_a_time(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps * steps_per_second / n_workers, steps * updates_per_step * seconds_per_update)


@wrong
def everything_divided(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps / steps_per_second, steps * updates_per_step * seconds_per_update) / n_workers


@wrong
def no_learner(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + steps / (n_workers * steps_per_second)


@wrong
def no_actors(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + steps * updates_per_step * seconds_per_update


@wrong
def the_learner_without_the_steps(
    steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds
):
    return boot_seconds + max(steps / (n_workers * steps_per_second), updates_per_step * seconds_per_update)


@wrong
def the_learner_in_updates(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps / (n_workers * steps_per_second), steps * updates_per_step)


@wrong
def an_update_for_each_step(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps / (n_workers * steps_per_second), steps * seconds_per_update)


@wrong
def steps_for_each_update(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps / (n_workers * steps_per_second), steps / updates_per_step * seconds_per_update)


@wrong
def updates_for_each_second(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + max(steps / (n_workers * steps_per_second), steps * updates_per_step / seconds_per_update)


@wrong
def n_learners(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return boot_seconds + steps / n_workers * max(1 / steps_per_second, updates_per_step * seconds_per_update)


@wrong
def the_learner_in_milliseconds(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    learning = steps * updates_per_step * seconds_per_update / 1000
    return boot_seconds + max(steps / (n_workers * steps_per_second), learning)


@wrong
def the_learner_waits_for_all_steps(
    steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds
):
    acting = steps / (n_workers * steps_per_second)
    return boot_seconds + max(acting, acting + steps * updates_per_step * seconds_per_update)


@wrong
def no_boot_and_the_sum(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return steps / (n_workers * steps_per_second) + steps * updates_per_step * seconds_per_update


@wrong
def no_boot_and_no_learner(steps, n_workers, steps_per_second, updates_per_step, seconds_per_update, boot_seconds):
    return steps / (n_workers * steps_per_second)


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    for seed in range(3):
        result = verdict(SECONDS, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails(answer: Callable[..., Any]) -> None:
    result = verdict(SECONDS, answer)
    assert result.status == "wrong", result.text
