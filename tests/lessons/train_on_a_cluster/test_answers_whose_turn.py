"""Right and wrong rules for whose turn it is, as readers write them."""
# ruff: noqa: RET503
# mypy: disable-error-code="no-untyped-def,return"

from __future__ import annotations

import numpy as np
import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise

EXERCISE = find_exercise("whose_turn")


def in_a_table(sampled, inserted, draws, learning_starts, samples_per_insert):
    return {True: "learner", False: "actors"}[sampled + draws <= samples_per_insert * (inserted - learning_starts)]


def with_early_returns(sampled, inserted, draws, learning_starts, samples_per_insert):
    if inserted <= learning_starts:
        return "actors"
    if samples_per_insert * (inserted - learning_starts) < sampled + draws:
        return "actors"
    return "learner"


def with_what_is_left(sampled, inserted, draws, learning_starts, samples_per_insert):
    left = samples_per_insert * (inserted - learning_starts) - sampled
    turn = "actors"
    if left >= draws:
        turn = "learner"
    return turn


def with_an_import(sampled, inserted, draws, learning_starts, samples_per_insert):
    import operator

    return "learner" if operator.le(sampled + draws, samples_per_insert * (inserted - learning_starts)) else "actors"


def with_numpy(sampled, inserted, draws, learning_starts, samples_per_insert):
    allowed = samples_per_insert * np.maximum(inserted - learning_starts, 0)
    return np.where(sampled + draws <= allowed, "learner", "actors")


def with_a_numpy_string(sampled, inserted, draws, learning_starts, samples_per_insert):
    names = np.array(["actors", "learner"])
    return names[int(sampled + draws <= samples_per_insert * (inserted - learning_starts))]


def with_names_by_position(*numbers):
    sampled, inserted, draws, learning_starts, samples_per_insert = numbers
    may = sampled + draws - samples_per_insert * (inserted - learning_starts) <= 0
    return ("actors", "learner")[may]


def with_a_loop(sampled, inserted, draws, learning_starts, samples_per_insert):
    for turn in ("learner", "actors"):
        if turn == "learner" and not sampled + draws <= samples_per_insert * (inserted - learning_starts):
            continue
        return turn


def divided(sampled, inserted, draws, learning_starts, samples_per_insert):
    return "learner" if (sampled + draws) / samples_per_insert <= inserted - learning_starts else "actors"


def multiplied_out(sampled, inserted, draws, learning_starts, samples_per_insert):
    allowed = samples_per_insert * inserted - samples_per_insert * learning_starts
    return "actors" if sampled + draws > allowed else "learner"


RIGHT = {
    answer.__name__: answer
    for answer in (
        *(in_a_table, with_early_returns, with_what_is_left, with_an_import, with_numpy, with_a_numpy_string),
        *(with_names_by_position, with_a_loop, divided, multiplied_out),
    )
}


def turn(may, learner="learner", actors="actors"):
    """An answer whose learner may draw where ``may`` of the five numbers (s, i, d, starts, ratio) says so."""

    def answer(sampled, inserted, draws, learning_starts, samples_per_insert):
        return learner if may(sampled, inserted, draws, learning_starts, samples_per_insert) else actors

    return answer


WRONG = {
    "always the learner": turn(lambda s, i, d, starts, ratio: True),
    "always the actors": turn(lambda s, i, d, starts, ratio: False),
    "swapped": turn(lambda s, i, d, starts, ratio: s + d <= ratio * (i - starts), "actors", "learner"),
    "less than": turn(lambda s, i, d, starts, ratio: s + d < ratio * (i - starts)),
    "draws forgotten": turn(lambda s, i, d, starts, ratio: s <= ratio * (i - starts)),
    "one more": turn(lambda s, i, d, starts, ratio: s + d <= ratio * (i - starts) + 1),
    "one batch more": turn(lambda s, i, d, starts, ratio: s + d <= ratio * (i - starts) + d),
    "starts forgotten": turn(lambda s, i, d, starts, ratio: s + d <= ratio * i),
    "starts off the draws": turn(lambda s, i, d, starts, ratio: s + d + starts <= ratio * i),
    "starts as a gate": turn(lambda s, i, d, starts, ratio: i > starts and s + d <= ratio * i),
    "ratio of what was drawn": turn(lambda s, i, d, starts, ratio: (s + d) * ratio <= i - starts),
    "ratio added": turn(lambda s, i, d, starts, ratio: s + d <= ratio + i - starts),
    "whole ratio": turn(lambda s, i, d, starts, ratio: s + d <= int(ratio) * (i - starts)),
    "rounded down": turn(lambda s, i, d, starts, ratio: (s + d) // ratio <= i - starts),
    "draws times ratio": turn(lambda s, i, d, starts, ratio: s + d * ratio <= i - starts),
    "the distance": turn(lambda s, i, d, starts, ratio: s + d <= ratio * abs(i - starts)),
    "two mistakes": turn(lambda s, i, d, starts, ratio: s < ratio * i),
    "a truth value": turn(lambda s, i, d, starts, ratio: s + d <= ratio * (i - starts), True, False),
    "A and L": turn(lambda s, i, d, starts, ratio: s + d <= ratio * (i - starts), "L", "A"),
    "capital letters": turn(lambda s, i, d, starts, ratio: s + d <= ratio * (i - starts), "Learner", "Actors"),
    "one actor": turn(lambda s, i, d, starts, ratio: s + d <= ratio * (i - starts), actors="actor"),
    "nothing for the actors": turn(lambda s, i, d, starts, ratio: s + d <= ratio * (i - starts), actors=None),
    "only what was drawn": turn(lambda s, i, d, starts, ratio: s < d),
    "sampled and inserted swapped": turn(lambda s, i, d, starts, ratio: i + d <= ratio * (s - starts)),
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
