"""`discretise` as readers write it: the right answers pass in every style, the wrong ones fail."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

from dqnkit.classroom.course import find_exercise

DISCRETISE = find_exercise("discretise")
RIGHT, right = collected()
WRONG, wrong = collected()


@right
def linspace(action, low, high, bins):
    return np.linspace(low, high, bins)[action]


@right
def a_step_first(action, low, high, bins):
    step = (high - low) / (bins - 1)
    return low + action * step


@right
def a_share_of_the_way(action, low, high, bins):
    share = action / (bins - 1)
    return (1 - share) * low + share * high


@right
def from_the_top(action, low, high, bins):
    return high - (bins - 1 - action) * (high - low) / (bins - 1)


@right
def from_the_middle(action, low, high, bins):
    middle, half = (low + high) / 2, (high - low) / 2
    return middle + half * (2 * action / (bins - 1) - 1)


@right
def a_loop(action, low, high, bins):
    force = low
    for _ in range(action):
        force += (high - low) / (bins - 1)
    return force


@right
def a_list(action, low, high, bins):
    forces = [low + i * (high - low) / (bins - 1) for i in range(bins)]
    return forces[action]


@right
def interp(action, low, high, bins):
    return np.interp(action, [0, bins - 1], [low, high])


@right
def a_numpy_scalar_of_32_bits(action, low, high, bins):
    return np.float32(low + (high - low) * np.float32(action) / (bins - 1))


@right
def the_ends_by_themselves(action, low, high, bins):
    if action == 0:
        return low
    if action == bins - 1:
        return high
    return low + action / (bins - 1) * (high - low)


@right
def an_import_inside(action, low, high, bins):
    from fractions import Fraction

    return float(low + Fraction(action, bins - 1) * Fraction(high - low))


@right
def clipped_as_well(action, low, high, bins):
    return min(high, max(low, low + action * (high - low) / (bins - 1)))


@wrong
def linspace_without_its_end(action, low, high, bins):
    return np.linspace(low, high, bins, endpoint=False)[action]


@wrong
def one_bin_more(action, low, high, bins):
    return np.linspace(low, high, bins + 1)[action]


@wrong
def middles_of_bins(action, low, high, bins):
    edges = np.linspace(low, high, bins + 1)
    return (edges[action] + edges[action + 1]) / 2


@wrong
def low_is_forgotten(action, low, high, bins):
    return action * (high - low) / (bins - 1)


@wrong
def the_width_is_high(action, low, high, bins):
    return low + action * high / (bins - 1)


@wrong
def the_brackets_are_missing(action, low, high, bins):
    return low + action * high - low / (bins - 1)


@wrong
def divided_by_bins(action, low, high, bins):
    return low + (high - low) * action / bins


@wrong
def the_wrong_brackets(action, low, high, bins):
    return low + action * (high - low) / bins - 1


@wrong
def counted_from_one(action, low, high, bins):
    return low + (action - 1) * (high - low) / (bins - 1)


@wrong
def the_next_one(action, low, high, bins):
    return low + (action + 1) * (high - low) / (bins - 1)


@wrong
def backwards(action, low, high, bins):
    return np.linspace(high, low, bins)[action]


@wrong
def between_minus_one_and_one(action, low, high, bins):
    return 2 * action / (bins - 1) - 1


@wrong
def between_zero_and_one(action, low, high, bins):
    return action / (bins - 1)


@wrong
def symmetric(action, low, high, bins):
    return -high + 2 * high * action / (bins - 1)


@wrong
def floor_division(action, low, high, bins):
    return low + action * (high - low) // (bins - 1)


@wrong
def rounded_down(action, low, high, bins):
    return math.floor(low + action * (high - low) / (bins - 1))


@wrong
def rounded_to_a_tenth(action, low, high, bins):
    return round(low + action * (high - low) / (bins - 1), 1)


@wrong
def all_forces(action, low, high, bins):
    return np.linspace(low, high, bins)


@wrong
def only_three_forces(action, low, high, bins):
    if action == 0:
        return low
    return high if action == bins - 1 else 0.0


@wrong
def only_the_step(action, low, high, bins):
    return (high - low) / (bins - 1)


@wrong
def the_sign_of_low(action, low, high, bins):
    return -low + action * (high - low) / (bins - 1)


@wrong
def a_power(action, low, high, bins):
    return low + (action / (bins - 1)) ** 2 * (high - low)


@wrong
def the_width_is_a_sum(action, low, high, bins):
    return low + action * (high + low) / (bins - 1)


@wrong
def in_a_list(action, low, high, bins):
    return [low + action * (high - low) / (bins - 1)]


@wrong
def text(action, low, high, bins):
    return f"{low + action * (high - low) / (bins - 1):.3f}"


@wrong
def high_is_left_out(action, low, high, bins):
    return low + min(action, bins - 2) * (high - low) / (bins - 1)


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    for seed in range(3):
        result = verdict(DISCRETISE, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails(answer: Callable[..., Any]) -> None:
    result = verdict(DISCRETISE, answer)
    assert result.status == "wrong", result.text
