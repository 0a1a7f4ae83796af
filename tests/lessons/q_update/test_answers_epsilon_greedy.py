"""Right and wrong answers to `epsilon_greedy` as readers write them: each gets its verdict, most wrong ones a name."""

from __future__ import annotations

import random

import numpy as np
import pytest
from answers import Answer, collected, collected_with_names, verdict

from dqnkit.classroom.course import find_exercise

RIGHT, right = collected()
WRONG, wrong = collected_with_names()  # of the mistake that is named, or ""


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes_whatever_its_style(answer: Answer) -> None:
    for seed in range(3):
        result = verdict(find_exercise("epsilon_greedy"), answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize(("answer", "named"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_a_wrong_answer_fails_and_is_named_where_it_can_be(answer: Answer, named: str) -> None:
    result = verdict(find_exercise("epsilon_greedy"), answer)
    assert result.status == "wrong", "it passed"
    assert result.mistake == named, result.text


@right
def draws_from_chances(q_values, epsilon, rng):
    chances = np.full(len(q_values), epsilon / len(q_values))
    chances[q_values.argmax()] += 1 - epsilon
    return rng.choice(len(q_values), p=chances)


@right
def exploits_first(q_values, epsilon, rng):
    if rng.uniform() >= epsilon:
        return np.argmax(q_values)
    return rng.choice(len(q_values))


@right
def draws_the_action_first(q_values, epsilon, rng):
    action = int(rng.random() * len(q_values))
    return action if rng.random() < epsilon else int(q_values.argmax())


@right
def loops_for_the_best(q_values, epsilon, rng):
    best, best_value = 0, q_values[0]
    for action, value in enumerate(q_values):
        if value > best_value:
            best, best_value = action, value
    if rng.random() < epsilon:
        best = rng.integers(0, q_values.size)
    return best


@right
def tosses_a_binomial_coin(q_values, epsilon, rng):
    explore = rng.binomial(1, epsilon)
    return [int(np.argmax(q_values)), int(rng.integers(len(q_values)))][explore]


@right
def takes_the_index_in_a_list(q_values, epsilon, rng):
    values = list(q_values)
    if rng.random() < epsilon:
        return rng.choice(range(len(values)))
    return values.index(max(values))


@right
def breaks_ties_at_random(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return rng.integers(len(q_values))
    return rng.choice(np.flatnonzero(q_values == q_values.max()))


@right
def explores_in_the_order_of_the_values(q_values, epsilon, rng):
    order = np.argsort(q_values)
    place = rng.integers(len(order)) if rng.random() < epsilon else -1
    return order[place]


@right
def shuffles_a_copy(q_values, epsilon, rng):
    actions = np.arange(len(q_values))
    if rng.random() < epsilon:
        rng.shuffle(actions)
        return int(actions[0])
    return max(range(len(q_values)), key=lambda action: q_values[action])


@right
def returns_an_array_without_axes(q_values, epsilon, rng):
    return np.where(rng.random() < epsilon, rng.integers(len(q_values)), q_values.argmax())


@right
def picks_from_a_permutation(q_values, epsilon, rng):
    import operator

    if epsilon > rng.random():
        return operator.index(rng.permutation(len(q_values))[0])
    return q_values.argmax().item()


@wrong("comparison reversed")
def explores_above_epsilon(q_values, epsilon, rng):
    if rng.random() > epsilon:
        return int(rng.integers(len(q_values)))
    return int(np.argmax(q_values))


@wrong("exploration leaves out the greedy action")
def explores_the_others(q_values, epsilon, rng):
    best = q_values.argmax()
    if rng.random() < epsilon:
        action = rng.integers(len(q_values))
        while action == best:
            action = rng.integers(len(q_values))
        return int(action)
    return int(best)


@wrong("last action never explored")
def takes_one_off_the_end(q_values, epsilon, rng):
    if rng.uniform(0, 1) < epsilon:
        return rng.choice(len(q_values) - 1)
    return q_values.argmax()


@wrong("first action never explored")
def counts_from_one(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return int(rng.choice(range(1, len(q_values))))
    return int(q_values.argmax())


@wrong("explores one action too many")
def counts_to_n(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return int(rng.integers(0, len(q_values), endpoint=True))
    return int(q_values.argmax())


@wrong("explores two actions only")
def knows_cartpole(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return int(rng.choice([0, 1]))
    return int(q_values.argmax())


@wrong("rng ignored")
def uses_pythons_random(q_values, epsilon, rng):
    if random.random() < epsilon:
        return random.randrange(len(q_values))
    return int(q_values.argmax())


@wrong("rng ignored")
def samples_from_pythons_random(q_values, epsilon, rng):
    if random.random() < epsilon:
        return random.sample(range(len(q_values)), 1)[0]
    return int(q_values.argmax())


@wrong("rng ignored")
def explores_from_the_global_generator(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return int(np.random.randint(len(q_values)))  # noqa: NPY002
    return int(q_values.argmax())


@wrong("a new generator in every call")
def seeds_with_42(q_values, epsilon, rng):
    rng = np.random.default_rng(42)
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return int(q_values.argmax())


@wrong("always greedy")
def forgets_to_explore(q_values, epsilon, rng):
    return int(np.argmax(q_values))


@wrong("always random")
def forgets_the_values(q_values, epsilon, rng):
    return int(rng.choice(len(q_values)))


@wrong("always action 0")
def truncates_the_random_number(q_values, epsilon, rng):
    return int(rng.random())


@wrong("smallest value")
def takes_argmin(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return int(q_values.argmin())


@wrong("search from zero")
def searches_from_zero(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    best, best_value = 0, 0
    for action, value in enumerate(q_values):
        if value > best_value:
            best, best_value = action, value
    return best


@wrong("returns the value")
def takes_max(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return rng.choice(q_values)
    return q_values.max()


@wrong("explores values")
def chooses_among_values(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return q_values[rng.integers(len(q_values))]
    return int(q_values.argmax())


@wrong("changes the values")
def shuffles_in_place(q_values, epsilon, rng):
    if rng.random() < epsilon:
        rng.shuffle(q_values)
        return int(q_values.argmax())
    return int(q_values.argmax())


@wrong("")
def reversed_and_without_the_last(q_values, epsilon, rng):
    if rng.random() > epsilon:
        return int(rng.integers(len(q_values) - 1))
    return int(q_values.argmax())


@wrong("last action never explored")
def smallest_and_without_the_last(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values) - 1))
    return int(q_values.argmin())


@wrong("changes the values")
def sorts_in_place(q_values, epsilon, rng):
    q_values.sort()
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return len(q_values) - 1


@wrong("")
def returns_the_greedy_value_only(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return q_values.max()


@wrong("")
def explores_with_half_of_epsilon(q_values, epsilon, rng):
    if rng.random() < epsilon / 2:
        return int(rng.integers(len(q_values)))
    return int(q_values.argmax())


@wrong("")
def explores_where_rounding_says_so(q_values, epsilon, rng):
    if rng.random() < round(epsilon):
        return int(rng.integers(len(q_values)))
    return int(q_values.argmax())


@wrong("")
def draws_by_softmax(q_values, epsilon, rng):
    chances = np.exp(q_values - q_values.max())
    return int(rng.choice(len(q_values), p=chances / chances.sum()))


@wrong("")
def returns_a_list(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return [int(rng.integers(len(q_values)))]
    return [int(q_values.argmax())]


@wrong("")
def returns_floats(q_values, epsilon, rng):
    if rng.random() < epsilon:
        return float(rng.integers(len(q_values)))
    return float(q_values.argmax())
