"""Answers to `n_step_return` as readers write them: every right one passes, every wrong one fails."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise

EXERCISE = find_exercise("n_step_return")


# --- right


def by_index(rewards, terminated, gamma):
    total = 0
    for i in range(len(rewards)):
        total += gamma**i * rewards[i]
        if terminated[i]:
            return total, 0
    return total, gamma ** len(rewards)


def by_a_flag(rewards, terminated, gamma):
    total, done = 0.0, False
    for i, reward in enumerate(rewards):
        if not done:
            total = total + gamma**i * reward
            done = bool(terminated[i])
    return (total, 0.0) if done else (total, gamma ** len(rewards))


def backwards(rewards, terminated, gamma):
    total, discount = 0.0, 1.0
    for reward, ended in zip(reversed(rewards), reversed(terminated), strict=True):
        if ended:
            total, discount = 0.0, 0.0
        total = reward + gamma * total
        discount *= gamma
    return total, discount


def cut_with_argmax(rewards, terminated, gamma):
    ended = np.any(terminated)
    n = int(np.argmax(terminated)) + 1 if ended else len(rewards)
    return np.dot(rewards[:n], gamma ** np.arange(n)), 0.0 if ended else gamma**n


def alive_by_cumprod(rewards, terminated, gamma):
    alive = np.cumprod(1 - np.concatenate([[0], terminated[:-1]]))
    powers = gamma ** np.arange(len(rewards))
    return float((rewards * powers * alive).sum()), float(gamma ** len(rewards) * (1 - np.any(terminated)))


def a_list_for_the_pair(rewards, terminated, gamma):
    return list(by_index(rewards, terminated, gamma))


def an_array_for_the_pair(rewards, terminated, gamma):
    return np.array(by_index(rewards, terminated, gamma))


def recursive(rewards, terminated, gamma):
    if len(rewards) == 0:
        return 0.0, 1.0
    if terminated[0]:
        return rewards[0], 0.0
    total, discount = recursive(rewards[1:], terminated[1:], gamma)
    return rewards[0] + gamma * total, gamma * discount


def discount_multiplied_by_not_done(rewards, terminated, gamma):
    total, discount = 0.0, 1.0
    for reward, done in zip(rewards, terminated, strict=True):
        total += discount * reward
        discount *= gamma * (1 - done)
    return total, discount


def imports_inside(rewards, terminated, gamma):
    from itertools import takewhile

    n = len(list(takewhile(lambda done: not done, terminated)))
    ended = n < len(rewards)
    n += ended
    return sum(gamma**k * r for k, r in enumerate(rewards[:n])), (not ended) * gamma**n


def breaks_with_else(rewards, terminated, gamma):
    total, power = 0.0, 1.0
    for reward, done in zip(rewards, terminated, strict=True):
        total += power * reward
        power *= gamma
        if done:
            power = 0.0
            break
    return np.float64(total), np.float32(power)


RIGHT = [
    *(by_index, by_a_flag, backwards, cut_with_argmax, alive_by_cumprod, a_list_for_the_pair, an_array_for_the_pair),
    *(recursive, discount_multiplied_by_not_done, imports_inside, breaks_with_else),
]

# --- wrong, each with the name that the check finds for it ("" where it finds none)


def sums_only_the_rewards(rewards, terminated, gamma):
    return sum(rewards), gamma ** len(rewards)


def forgets_the_discount(rewards, terminated, gamma):
    return by_index(rewards, terminated, gamma)[0]


def break_and_factor(rewards, terminated, gamma):
    total = 0.0
    for i in range(len(rewards)):
        total += gamma**i * rewards[i]
        if terminated[i]:
            break
    return total, gamma ** (i + 1)


def is_true(rewards, terminated, gamma):
    total = 0.0
    for i in range(len(rewards)):
        total += gamma**i * rewards[i]
        if terminated[i] is True:
            return total, 0.0
    return total, gamma ** len(rewards)


def checks_before_it_adds(rewards, terminated, gamma):
    total = 0.0
    for i in range(len(rewards)):
        if terminated[i]:
            return total, 0.0
        total += gamma**i * rewards[i]
    return total, gamma ** len(rewards)


def powers_from_one(rewards, terminated, gamma):
    total = 0.0
    for i in range(len(rewards)):
        total += gamma ** (i + 1) * rewards[i]
        if terminated[i]:
            return total, 0.0
    return total, gamma ** len(rewards)


def last_index_for_the_power(rewards, terminated, gamma):
    total = 0.0
    for i in range(len(rewards)):
        total += gamma**i * rewards[i]
        if terminated[i]:
            return total, 0.0
    return total, gamma**i


def one_power_too_many(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return total, discount * gamma


def only_the_last_flag(rewards, terminated, gamma):
    total = sum(gamma**i * r for i, r in enumerate(rewards))
    return total, 0.0 if terminated[-1] else gamma ** len(rewards)


def any_flag_but_the_whole_sum(rewards, terminated, gamma):
    total = sum(gamma**i * r for i, r in enumerate(rewards))
    return total, 0.0 if any(terminated) else gamma ** len(rewards)


def the_last_end_counts(rewards, terminated, gamma):
    ends = np.flatnonzero(terminated)
    n = ends[-1] + 1 if len(ends) else len(rewards)
    return sum(gamma**i * r for i, r in enumerate(rewards[:n])), 0.0 if len(ends) else gamma**n


def drops_flagged_rewards_only(rewards, terminated, gamma):
    total = sum(gamma**i * r * (1 - t) for i, (r, t) in enumerate(zip(rewards, terminated, strict=True)))
    return total, 0.0 if any(terminated) else gamma ** len(rewards)


def one_gamma(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return total, gamma if discount else 0.0


def gamma_times_n(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return total, gamma * len(rewards) if discount else 0.0


def always_three_steps(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return total, gamma**3 if discount else 0.0


def the_other_way_round(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return discount, total


def reversed_powers(rewards, terminated, gamma):
    total = 0.0
    for reward, done in zip(rewards, terminated, strict=True):
        total = gamma * total + reward
        if done:
            return total, 0.0
    return total, gamma ** len(rewards)


def flag_of_the_step_before(rewards, terminated, gamma):
    total = rewards[0]
    for i in range(1, len(rewards)):
        total += gamma**i * rewards[i]
        if terminated[i - 1]:
            return total, 0.0
    return total, 0.0 if terminated[-1] else gamma ** len(rewards)


def starts_the_sum_at_one(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return total + 1, discount


def flag_for_the_discount(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return total, float(discount > 0)


def clips_at_zero(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return max(total, 0.0), discount


def mean_of_the_rewards(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return total / len(rewards), discount


def whole_numbers(rewards, terminated, gamma):
    total, discount = by_index(rewards, terminated, gamma)
    return int(total), discount


def late_and_undiscounted(rewards, terminated, gamma):  # two mistakes
    total = 0.0
    for reward, done in zip(rewards, terminated, strict=True):
        total += reward
        if done:
            return total, gamma
    return total, gamma


def list_index(rewards, terminated, gamma):
    n = terminated.index(True) + 1 if True in terminated else len(rewards)
    return sum(gamma**i * r for i, r in enumerate(rewards[:n])), 0.0 if True in terminated else gamma**n


WRONG = {
    sums_only_the_rewards: "rewards not discounted",
    forgets_the_discount: "",
    break_and_factor: "the discount at the end is not 0",
    is_true: "the flags are never used",
    checks_before_it_adds: "the last reward is lost",
    powers_from_one: "the first reward is discounted",
    last_index_for_the_power: "one power short",
    one_power_too_many: "one power too many",
    only_the_last_flag: "looks at the last flag only",
    any_flag_but_the_whole_sum: "counts rewards after termination",
    the_last_end_counts: "",
    drops_flagged_rewards_only: "",
    one_gamma: "gamma in place of gamma**n",
    gamma_times_n: "",
    always_three_steps: "the same power for every window",
    the_other_way_round: "reward and discount change places",
    reversed_powers: "discounted backwards",
    flag_of_the_step_before: "stops one step late",
    starts_the_sum_at_one: "",
    flag_for_the_discount: "the discount is 1",
    clips_at_zero: "",
    mean_of_the_rewards: "",
    whole_numbers: "",
    late_and_undiscounted: "",
    list_index: "",
}


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Any) -> None:
    for seed in range(3):
        result = verdict(EXERCISE, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails_under_a_name_that_is_true_of_it(answer: Any) -> None:
    result = verdict(EXERCISE, answer)
    assert not result.passed
    assert result.mistake == WRONG[answer], result.text


def test_no_answer_is_tried_twice() -> None:
    names = [answer.__name__ for answer in itertools.chain(RIGHT, WRONG)]
    assert len(set(names)) == len(names)
