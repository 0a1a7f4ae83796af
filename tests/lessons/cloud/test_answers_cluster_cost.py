"""`cluster_cost` as readers write it: the right answers pass in every style, the wrong ones fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

from dqnkit.classroom.course import find_exercise

COST = find_exercise("cluster_cost")
RIGHT, right = collected()
WRONG, wrong = collected()


@right
def one_loop_with_an_if(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    total = 0
    for seconds in worker_seconds:
        if seconds < 60:
            total += 60 * worker_usd / 3600
        else:
            total += seconds * worker_usd / 3600
    if scheduler_seconds < 60:
        scheduler_seconds = 60
    return total + scheduler_seconds * scheduler_usd / 3600


@right
def numpy_maximum(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    paid = np.maximum(np.array(worker_seconds, dtype=float), 60).sum()
    return (paid * worker_usd + np.maximum(scheduler_seconds, 60) * scheduler_usd) / 3600


@right
def an_inner_function(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    def cost(seconds, usd):
        return max(60, seconds) / 60 / 60 * usd

    return cost(scheduler_seconds, scheduler_usd) + sum(cost(seconds, worker_usd) for seconds in worker_seconds)


@right
def the_scheduler_as_one_more_pair(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    machines = [(seconds, worker_usd) for seconds in worker_seconds]
    machines.append((scheduler_seconds, scheduler_usd))
    return sum(max(seconds, 60) * usd for seconds, usd in machines) / 3600


@right
def an_import_inside(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    import math as arithmetic

    workers = arithmetic.fsum(max(seconds, 60.0) for seconds in worker_seconds)
    return arithmetic.fsum([workers * worker_usd, max(scheduler_seconds, 60.0) * scheduler_usd]) / 3600


@right
def an_early_return_without_workers(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    scheduler = max(scheduler_seconds, 60) * (scheduler_usd / 3600)
    if not worker_seconds:
        return scheduler
    return scheduler + sum(max(seconds, 60) for seconds in worker_seconds) * (worker_usd / 3600)


@right
def a_preallocated_array(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    bill = np.zeros(len(worker_seconds) + 1)
    for number, seconds in enumerate(worker_seconds):
        bill[number] = max(seconds, 60) * worker_usd
    bill[-1] = max(scheduler_seconds, 60) * scheduler_usd
    return bill.sum() / 3600


@right
def the_missing_seconds_added(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    missing = sum(60 - seconds for seconds in worker_seconds if seconds < 60)
    workers = (sum(worker_seconds) + missing) * worker_usd
    return (workers + scheduler_usd * (scheduler_seconds if scheduler_seconds > 60 else 60)) / 3600


@right
def a_numpy_scalar_of_32_bits(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    workers = sum(max(seconds, 60) for seconds in worker_seconds)
    return np.float32(workers / 3600 * worker_usd + max(scheduler_seconds, 60) / 3600 * scheduler_usd)


@right
def sorted_first(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    total, hour = 0.0, 60**2
    for seconds in sorted(worker_seconds, reverse=True):
        total += worker_usd * (seconds if seconds >= 60 else 60) / hour
    return total + scheduler_usd * max([scheduler_seconds, 60]) / hour


@right
def a_map_and_a_lambda(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    at_least = lambda seconds: max(seconds, 60)  # noqa: E731
    return (sum(map(at_least, worker_seconds)) * worker_usd + at_least(scheduler_seconds) * scheduler_usd) / 3600.0


@wrong
def no_scheduler(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return sum(max(seconds, 60) for seconds in worker_seconds) * worker_usd / 3600


@wrong
def no_workers(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return max(scheduler_seconds, 60) * scheduler_usd / 3600


@wrong
def no_division(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return sum(max(s, 60) for s in worker_seconds) * worker_usd + max(scheduler_seconds, 60) * scheduler_usd


@wrong
def the_scheduler_is_not_divided(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return sum(max(s, 60) for s in worker_seconds) * worker_usd / 3600 + max(scheduler_seconds, 60) * scheduler_usd


@wrong
def the_workers_are_not_divided(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return sum(max(s, 60) for s in worker_seconds) * worker_usd + max(scheduler_seconds, 60) * scheduler_usd / 3600


@wrong
def divided_by_60(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (sum(max(s, 60) for s in worker_seconds) * worker_usd + max(scheduler_seconds, 60) * scheduler_usd) / 60


@wrong
def no_minimum(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (sum(worker_seconds) * worker_usd + scheduler_seconds * scheduler_usd) / 3600


@wrong
def a_minimum_of_all_together(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return max(60, sum(worker_seconds)) * worker_usd / 3600 + max(60, scheduler_seconds) * scheduler_usd / 3600


@wrong
def a_minimum_of_the_whole_cluster(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    if sum(worker_seconds) + scheduler_seconds < 60:
        return (60 * len(worker_seconds) * worker_usd + 60 * scheduler_usd) / 3600
    return (sum(worker_seconds) * worker_usd + scheduler_seconds * scheduler_usd) / 3600


@wrong
def min_for_max(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (sum(min(s, 60) for s in worker_seconds) * worker_usd + min(scheduler_seconds, 60) * scheduler_usd) / 3600


@wrong
def min_for_max_at_the_workers(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (sum(min(s, 60) for s in worker_seconds) * worker_usd + max(scheduler_seconds, 60) * scheduler_usd) / 3600


@wrong
def an_hour_at_least(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (
        sum(max(s, 3600) for s in worker_seconds) * worker_usd + max(scheduler_seconds, 3600) * scheduler_usd
    ) / 3600


@wrong
def a_second_at_least(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (sum(max(s, 1) for s in worker_seconds) * worker_usd + max(scheduler_seconds, 1) * scheduler_usd) / 3600


@wrong
def less_than_a_minute_is_free(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    workers = sum(s for s in worker_seconds if s >= 60) * worker_usd
    return (workers + (scheduler_seconds if scheduler_seconds >= 60 else 0) * scheduler_usd) / 3600


@wrong
def a_minute_on_top(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (sum(s + 60 for s in worker_seconds) * worker_usd + (scheduler_seconds + 60) * scheduler_usd) / 3600


@wrong
def the_longest_worker(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    longest = max(worker_seconds, default=0)
    return (max(longest, 60) * worker_usd * bool(worker_seconds) + max(scheduler_seconds, 60) * scheduler_usd) / 3600


@wrong
def all_as_long_as_the_longest(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    workers = len(worker_seconds) * max([60, *worker_seconds]) * worker_usd
    return (workers + max(scheduler_seconds, 60) * scheduler_usd) / 3600


@wrong
def the_mean_of_the_workers(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    paid = np.mean([max(s, 60) for s in worker_seconds]) if worker_seconds else 0
    return (paid * worker_usd + max(scheduler_seconds, 60) * scheduler_usd) / 3600


@wrong
def one_price_for_all(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return sum(max(s, 60) for s in [*worker_seconds, scheduler_seconds]) * worker_usd / 3600


@wrong
def swapped_prices(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (sum(max(s, 60) for s in worker_seconds) * scheduler_usd + max(scheduler_seconds, 60) * worker_usd) / 3600


@wrong
def the_scheduler_for_each_worker(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    total = 0.0
    for seconds in worker_seconds:
        total += max(seconds, 60) * worker_usd / 3600
        total += max(scheduler_seconds, 60) * scheduler_usd / 3600
    return total


@wrong
def whole_minutes(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    minutes = sum(max(1, math.ceil(s / 60)) for s in worker_seconds)
    return (minutes * worker_usd + max(1, math.ceil(scheduler_seconds / 60)) * scheduler_usd) / 60


@wrong
def whole_minutes_rounded_down(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    minutes = sum(max(1, s // 60) for s in worker_seconds)
    return (minutes * worker_usd + max(1, scheduler_seconds // 60) * scheduler_usd) / 60


@wrong
def rounded_to_cents(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    workers = sum(max(s, 60) for s in worker_seconds) * worker_usd
    return round((workers + max(scheduler_seconds, 60) * scheduler_usd) / 3600, 2)


@wrong
def whole_hours(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    hours = sum(math.ceil(s / 3600) for s in worker_seconds)
    return hours * worker_usd + math.ceil(scheduler_seconds / 3600) * scheduler_usd


@wrong
def text_for_a_number(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    workers = sum(max(s, 60) for s in worker_seconds) * worker_usd
    return f"{(workers + max(scheduler_seconds, 60) * scheduler_usd) / 3600:.4f}"


@wrong
def a_return_inside_the_loop(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    total = max(scheduler_seconds, 60) * scheduler_usd / 3600
    for seconds in worker_seconds:
        total += max(seconds, 60) * worker_usd / 3600
        return total
    return total


@wrong
def no_scheduler_and_no_minimum(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return sum(worker_seconds) * worker_usd / 3600


@wrong
def no_minimum_and_minutes_for_hours(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    return (sum(worker_seconds) * worker_usd + scheduler_seconds * scheduler_usd) / 60


@wrong
def the_list_is_changed(worker_seconds, worker_usd, scheduler_seconds, scheduler_usd):
    worker_seconds.append(scheduler_seconds)
    *workers, scheduler = (max(s, 60) for s in worker_seconds)
    return (sum(workers) * worker_usd + scheduler * scheduler_usd) / 3600


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    for seed in range(3):
        result = verdict(COST, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails(answer: Callable[..., Any]) -> None:
    result = verdict(COST, answer)
    assert result.status == "wrong", result.text
