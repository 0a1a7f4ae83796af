"""Right and wrong answers to `q_update` as readers write them: each gets its verdict, most of the wrong ones a name."""

from __future__ import annotations

import numpy as np
import pytest
from answers import Answer, collected, collected_with_names, verdict

from dqnkit.classroom.course import find_exercise

RIGHT, right = collected()
WRONG, wrong = collected_with_names()  # of the mistake that is named, or ""
ONE_OF_THEM = "which one is named depends on the fresh cases"


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes_whatever_its_style(answer: Answer) -> None:
    for seed in range(3):
        result = verdict(find_exercise("q_update"), answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize(("answer", "named"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_answer_fails_and_is_named_where_it_can_be(answer: Answer, named: str) -> None:
    for seed in range(3):
        result = verdict(find_exercise("q_update"), answer, seed)
        assert result.status == "wrong", "it passed"
        assert named in (result.mistake, ONE_OF_THEM), result.text


@right
def returns_early_at_the_end(q, s, a, r, s_next, terminated, alpha, gamma):
    if terminated:
        return q[s, a] + alpha * (r - q[s, a])
    return q[s, a] + alpha * (r + gamma * np.max(q[s_next]) - q[s, a])


@right
def multiplies_by_not_terminated(q, s, a, r, s_next, terminated, alpha, gamma):
    return q[s, a] + alpha * (r + gamma * q[s_next].max() * (not terminated) - q[s, a])


@right
def multiplies_by_one_minus_terminated(q, s, a, r, s_next, terminated, alpha, gamma):
    target = r + (1 - terminated) * gamma * max(q[s_next])
    return (1 - alpha) * q[s, a] + alpha * target


@right
def loops_over_the_actions(q, s, a, r, s_next, terminated, alpha, gamma):
    best = q[s_next][0]
    for value in q[s_next]:
        if value > best:
            best = value
    y = r
    if not terminated:
        y += gamma * best
    error = y - q[s][a]
    return q[s][a] + alpha * error


@right
def sorts_the_row(q, s, a, r, s_next, terminated, alpha, gamma):
    best = sorted(q[s_next])[-1]
    return q[s, a] + alpha * ((r if terminated else r + gamma * best) - q[s, a])


@right
def starts_at_minus_infinity(q, s, a, r, s_next, terminated, alpha, gamma):
    best = float("-inf")
    for action in range(q.shape[1]):
        best = max(best, q[s_next, action])
    return q[s, a] + alpha * (r + (0 if terminated else gamma * best) - q[s, a])


@right
def imports_inside(q, s, a, r, s_next, terminated, alpha, gamma):
    import math

    follows = 0.0 if terminated else math.prod([gamma, np.amax(q[s_next, :])])
    return math.fsum([q[s, a], alpha * r, alpha * follows, -alpha * q[s, a]])


@right
def returns_a_numpy_number_of_32_bits(q, s, a, r, s_next, terminated, alpha, gamma):
    target = r if terminated else r + gamma * q[s_next].max()
    return np.float32(q[s, a] + alpha * (target - q[s, a]))


@right
def works_on_a_copy(q, s, a, r, s_next, terminated, alpha, gamma):
    old, q = q[s, a], q.copy()
    if terminated:
        q[s_next] = 0.0
    return old + alpha * (r + gamma * q[s_next].max() - old)


@right
def looks_up_the_index_of_the_best(q, s, a, r, s_next, terminated, alpha, gamma):
    best_action = np.argmax(q[s_next])
    bootstrap = {True: 0.0, False: gamma * q[s_next, best_action]}[bool(terminated)]
    td_error = r + bootstrap - q[s, a]
    return q[s, a] + alpha * td_error


@right
def returns_an_array_without_axes(q, s, a, r, s_next, terminated, alpha, gamma):
    target = np.where(terminated, r, r + gamma * q[s_next].max())
    return q[s, a] + alpha * (target - q[s, a])


@wrong("bootstraps after the end")
def forgets_the_flag(q, s, a, r, s_next, terminated, alpha, gamma):
    target = r + gamma * np.max(q[s_next])
    return (1 - alpha) * q[s, a] + alpha * target


@wrong("terminated the wrong way round")
def multiplies_by_terminated(q, s, a, r, s_next, terminated, alpha, gamma):
    return q[s, a] + alpha * (r + gamma * q[s_next].max() * terminated - q[s, a])


@wrong("jumps to the reward at the end")
def returns_r_at_the_end(q, s, a, r, s_next, terminated, alpha, gamma):
    if terminated:
        return r
    return q[s, a] + alpha * (r + gamma * max(q[s_next]) - q[s, a])


@wrong("returns the TD error")
def returns_the_brackets(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[s_next].max()
    return y - q[s, a]


@wrong("swaps alpha and gamma")
def takes_gamma_for_the_step(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + alpha * q[s_next].max()
    return q[s, a] + gamma * (y - q[s, a])


@wrong("step size the wrong way round")
def averages_the_wrong_way(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[s_next].max()
    return alpha * q[s, a] + (1 - alpha) * y


@wrong("brackets missing")
def writes_the_formula_without_brackets(q, s, a, r, s_next, terminated, alpha, gamma):
    follows = 0 if terminated else gamma * q[s_next].max()
    return q[s, a] + alpha * r + follows - q[s, a]


@wrong("sign of the TD error")
def subtracts_the_target(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[s_next].max()
    return q[s, a] + alpha * (q[s, a] - y)


@wrong("forgets to subtract the old value")
def adds_the_target(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[s_next].max()
    return q[s, a] + alpha * y


@wrong("mean over next actions")
def averages_the_row(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * sum(q[s_next]) / len(q[s_next])
    return q[s, a] + alpha * (y - q[s, a])


@wrong("maximum over s")
def looks_at_its_own_row(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[s].max()
    return q[s, a] + alpha * (y - q[s, a])


@wrong("maximum begins at 0")
def searches_from_zero(q, s, a, r, s_next, terminated, alpha, gamma):
    best = 0
    for value in q[s_next]:
        if value > best:
            best = value
    y = r if terminated else r + gamma * best
    return q[s, a] + alpha * (y - q[s, a])


@wrong("maximum of the whole table")
def takes_the_largest_of_all(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * np.max(q)
    return q[s, a] + alpha * (y - q[s, a])


@wrong("index for value")
def takes_argmax(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * np.argmax(q[s_next])
    return q[s, a] + alpha * (y - q[s, a])


@wrong("discounts the reward")
def discounts_everything(q, s, a, r, s_next, terminated, alpha, gamma):
    y = gamma * r if terminated else gamma * (r + q[s_next].max())
    return q[s, a] + alpha * (y - q[s, a])


@wrong("jumps to the target")
def jumps_and_bootstraps_after_the_end(q, s, a, r, s_next, terminated, alpha, gamma):
    return r + gamma * q[s_next].max()


@wrong("drops the reward at the end")
def multiplies_all_by_not_terminated(q, s, a, r, s_next, terminated, alpha, gamma):
    y = (r + gamma * q[s_next].max()) * (1 - terminated)
    return q[s, a] + alpha * (y - q[s, a])


@wrong(ONE_OF_THEM)
def drops_the_reward_and_the_maximum_is_of_s(q, s, a, r, s_next, terminated, alpha, gamma):
    y = 0 if terminated else r + gamma * q[s].max()
    return q[s, a] + alpha * (y - q[s, a])


@wrong("")
def does_nothing_at_the_end(q, s, a, r, s_next, terminated, alpha, gamma):
    if terminated:
        return q[s, a]
    return q[s, a] + alpha * (r + gamma * q[s_next].max() - q[s, a])


@wrong(ONE_OF_THEM)
def takes_the_second_largest(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * sorted(q[s_next])[-2]
    return q[s, a] + alpha * (y - q[s, a])


@wrong("")
def squares_gamma(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma**2 * q[s_next].max()
    return q[s, a] + alpha * (y - q[s, a])


@wrong("")
def rounds(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[s_next].max()
    return round(q[s, a] + alpha * (y - q[s, a]), 2)


@wrong("")
def takes_the_largest_size(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * np.abs(q[s_next]).max()
    return q[s, a] + alpha * (y - q[s, a])


@wrong(ONE_OF_THEM)
def reads_the_row_as_a_column(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[:, s_next % q.shape[1]].max()
    return q[s, a] + alpha * (y - q[s, a])


@wrong("")
def returns_the_whole_table(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[s_next].max()
    q = q.copy()
    q[s, a] += alpha * (y - q[s, a])
    return q


@wrong("changes its arguments")
def writes_into_the_table(q, s, a, r, s_next, terminated, alpha, gamma):
    y = r if terminated else r + gamma * q[s_next].max()
    q[s, a] += alpha * (y - q[s, a])
    return q[s, a]
