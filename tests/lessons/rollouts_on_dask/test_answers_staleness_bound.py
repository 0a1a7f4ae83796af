"""Right and wrong bounds on policy lag, as readers write them."""
# ruff: noqa: B007, RET503
# mypy: disable-error-code="no-untyped-def,return"

from __future__ import annotations

import numpy as np
import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise

EXERCISE = find_exercise("staleness_bound")


def in_one_line(arrivals, get_version, insert, max_policy_lag):
    return sum(1 for r in arrivals if get_version() - r.weights_version > max_policy_lag or insert(r))


def with_continue(arrivals, get_version, insert, max_policy_lag):
    dropped = 0
    for rollout in arrivals:
        if rollout.weights_version + max_policy_lag < get_version():
            dropped = dropped + 1
            continue
        insert(rollout)
    return dropped


def with_a_list(arrivals, get_version, insert, max_policy_lag):
    stale = []
    for rollout in arrivals:
        lag = get_version() - rollout.weights_version
        (insert if lag <= max_policy_lag else stale.append)(rollout)
    return len(stale)


def with_numpy(arrivals, get_version, insert, max_policy_lag):
    dropped = np.zeros((), int)
    for rollout in arrivals:
        fresh = np.subtract(get_version(), rollout.weights_version) <= max_policy_lag
        if fresh:
            insert(rollout)
        dropped += not fresh
    return dropped


def with_enumerate(arrivals, get_version, insert, max_policy_lag):
    kept = number = 0
    for number, rollout in enumerate(arrivals, start=1):
        if get_version() - rollout.weights_version <= max_policy_lag:
            insert(rollout)
            kept += 1
    return number - kept


def with_next(arrivals, get_version, insert, max_policy_lag):
    dropped = 0
    while (rollout := next(arrivals, None)) is not None:
        if get_version() - rollout.weights_version > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


def with_a_helper(arrivals, get_version, insert, max_policy_lag):
    def is_stale(rollout):
        return get_version() - rollout.weights_version > max_policy_lag

    def take(rollout):
        if is_stale(rollout):
            return 1
        insert(rollout)
        return 0

    return sum(map(take, arrivals))


def with_counter(arrivals, get_version, insert, max_policy_lag):
    from collections import Counter

    seen = Counter()
    for rollout in arrivals:
        stale = get_version() > rollout.weights_version + max_policy_lag
        seen[stale] += 1
        if not stale:
            insert(rollout)
    return seen[True]


def as_a_float(arrivals, get_version, insert, max_policy_lag):
    dropped = 0.0
    for rollout in arrivals:
        policy_lag = get_version() - rollout.weights_version
        if policy_lag > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


def that_counts_down(arrivals, get_version, insert, max_policy_lag):
    not_dropped = 0
    for rollout in arrivals:
        oldest = get_version() - max_policy_lag
        if rollout.weights_version >= oldest:
            insert(rollout)
        else:
            not_dropped -= 1
    return -not_dropped


RIGHT = {
    answer.__name__: answer
    for answer in (
        *(in_one_line, with_continue, with_a_list, with_numpy, with_enumerate, with_next, with_a_helper),
        *(with_counter, as_a_float, that_counts_down),
    )
}


def bound(
    stale=lambda version, rollout, most: version - rollout.weights_version > most,
    insert_stale=False,
    answer=lambda dropped, kept: dropped,
    item=lambda rollout: rollout,
    read=lambda arrivals: arrivals,
    stop=False,
):
    """The loop with one place replaced."""

    def of_a_reader(arrivals, get_version, insert, max_policy_lag):
        dropped = kept = 0
        for rollout in read(arrivals):
            old = stale(get_version(), rollout, max_policy_lag)
            dropped += bool(old)
            kept += not old
            if not old or insert_stale:
                insert(item(rollout))
            if old and stop:
                break
        return answer(dropped, kept)

    return of_a_reader


def version_before_the_loop(arrivals, get_version, insert, max_policy_lag):
    version, dropped = get_version(), 0
    for rollout in arrivals:
        if version - rollout.weights_version > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


def version_before_the_arrival(arrivals, get_version, insert, max_policy_lag):
    version, dropped = get_version(), 0
    for rollout in arrivals:
        if version - rollout.weights_version > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
        version = get_version()
    return dropped


def return_inside_the_loop(arrivals, get_version, insert, max_policy_lag):
    dropped = 0
    for rollout in arrivals:
        if get_version() - rollout.weights_version > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
        return dropped


def counter_reset_in_the_loop(arrivals, get_version, insert, max_policy_lag):
    dropped = 0
    for rollout in arrivals:
        dropped = 0
        if get_version() - rollout.weights_version > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


WRONG = {
    "at least": bound(lambda version, rollout, most: version - rollout.weights_version >= most),
    "one more": bound(lambda version, rollout, most: version - rollout.weights_version > most + 1),
    "reversed": bound(lambda version, rollout, most: version - rollout.weights_version <= most),
    "sign": bound(lambda version, rollout, most: rollout.weights_version - version > most),
    "distance": bound(lambda version, rollout, most: abs(rollout.weights_version - most) > version),
    "any lag": bound(lambda version, rollout, most: version != rollout.weights_version),
    "never": bound(lambda version, rollout, most: False),
    "always": bound(lambda version, rollout, most: True),
    "version above the bound": bound(lambda version, rollout, most: rollout.weights_version > most),
    "version below the bound": bound(lambda version, rollout, most: rollout.weights_version < most),
    "by sequence": bound(lambda version, rollout, most: version - rollout.sequence > most),
    "in steps": bound(lambda version, rollout, most: (version - rollout.weights_version) * rollout.steps > most),
    "by the steps of the rollout": bound(lambda version, rollout, most: rollout.steps > most),
    "inserts all": bound(insert_stale=True),
    "returns the kept": bound(answer=lambda dropped, kept: kept),
    "returns both": bound(answer=lambda dropped, kept: (dropped, kept)),
    "returns 0": bound(answer=lambda dropped, kept: 0),
    "returns a truth value": bound(answer=lambda dropped, kept: dropped > 0),
    "returns nothing": bound(answer=lambda dropped, kept: None),
    "stops at the first": bound(stop=True),
    "all of them first": bound(read=list),
    "newest first": bound(read=lambda arrivals: sorted(arrivals, key=lambda rollout: -rollout.weights_version)),
    "transitions only": bound(item=lambda rollout: rollout.transitions),
    "inserts the version": bound(item=lambda rollout: rollout.weights_version),
    "two mistakes": bound(
        lambda version, rollout, most: version - rollout.weights_version >= most, answer=lambda dropped, kept: kept
    ),
    **{
        answer.__name__: answer
        for answer in (
            version_before_the_loop,
            version_before_the_arrival,
            return_inside_the_loop,
            counter_reset_in_the_loop,
        )
    },
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_passes(name: str) -> None:
    for seed in range(3):
        result = verdict(EXERCISE, RIGHT[name], seed)
        assert result.passed, result.text


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_fails(name: str, named: list[str]) -> None:
    result = verdict(EXERCISE, WRONG[name])
    assert result.status == "wrong", result.text
    named.append(f"{name}: {result.mistake or '-'}")
