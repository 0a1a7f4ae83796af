"""Answers to `replay_add` and `replay_sample` as readers write them: right ones pass, wrong ones fail.

Each class is one answer to one of the two, or right or wrong in the part that is checked.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import numpy as np
import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise
from dqnkit.lessons.replay.answers.replay_add import RingBuffer
from dqnkit.types import Transition

ADD, SAMPLE = find_exercise("replay_add"), find_exercise("replay_sample")


# --- replay_add, right


class PreallocatedList:
    def __init__(self, capacity):
        self.capacity, self.slots, self.added = capacity, [None] * capacity, 0

    def __len__(self):
        return min(self.added, self.capacity)

    def add(self, observation, action, reward, discount, next_observation):
        self.slots[self.added % self.capacity] = Transition(
            np.array(observation), action, reward, discount, np.array(next_observation)
        )
        self.added += 1

    def sample(self, batch_size, rng):
        rows = [self.slots[i] for i in rng.integers(0, len(self), batch_size)]
        return Transition(*map(np.array, zip(*rows, strict=True)))


class ArraysAtFirstAdd:
    def __init__(self, capacity):
        self.capacity, self.added = capacity, 0

    def __len__(self):
        return min(self.added, self.capacity)

    def add(self, observation, action, reward, discount, next_observation):
        if self.added == 0:
            self.observations = np.zeros((self.capacity, *observation.shape), observation.dtype)
            self.next_observations = np.zeros_like(self.observations)
            self.actions = np.zeros(self.capacity, int)
            self.rewards, self.discounts = np.zeros(self.capacity), np.zeros(self.capacity)
        i = self.added % self.capacity
        self.observations[i], self.actions[i], self.rewards[i] = observation, action, reward
        self.discounts[i], self.next_observations[i] = discount, next_observation
        self.added += 1

    def sample(self, batch_size, rng):
        i = rng.choice(len(self), size=batch_size)
        fields = self.observations, self.actions, self.rewards, self.discounts, self.next_observations
        return Transition(*(field[i] for field in fields))


class ColumnsInSlots(RingBuffer):
    def __init__(self, capacity):
        self.capacity, self.slots, self.added = capacity, [], 0

    def __len__(self):
        return min(self.added, self.capacity)

    def add(self, observation, action, reward, discount, next_observation):
        row = (observation, action, reward, discount, next_observation)
        if not self.added:
            self.slots = Transition(*(np.zeros((self.capacity, *np.shape(x)), np.asarray(x).dtype) for x in row))
        for column, value in zip(self.slots, row, strict=True):
            column[self.added % self.capacity] = value
        self.added += 1


class ShortNames(ArraysAtFirstAdd):
    def __init__(self, capacity):
        self.capacity, self.added = capacity, 0
        self._obs, self._actions, self._rewards, self._discounts, self._next_obs = ([None] * capacity for _ in range(5))

    def add(self, observation, action, reward, discount, next_observation):
        i = self.added % self.capacity
        self._obs[i], self._next_obs[i] = observation.copy(), next_observation.copy()
        self._actions[i], self._rewards[i], self._discounts[i] = action, reward, discount
        self.added += 1


class Position(RingBuffer):
    def __init__(self, capacity):
        super().__init__(capacity)
        self.position = 0

    def add(self, *values):
        row = Transition(*map(np.copy, values))
        if len(self) < self.capacity:
            self.slots.append(None)
        self.slots[self.position] = row
        self.position = (self.position + 1) % self.capacity


class PlainDeque(RingBuffer):
    def __init__(self, capacity):
        self.slots = deque(maxlen=capacity)

    def add(self, observation, action, reward, discount, next_observation):
        self.slots.append([observation.copy(), action, reward, discount, next_observation.copy()])


class DropsAfterwards(RingBuffer):
    def add(self, *values):
        self.slots.append(tuple(np.array(value) for value in values))
        if len(self.slots) > self.capacity:
            self.slots.pop(0)


class NewestFirst(RingBuffer):
    def add(self, observation, action, reward, discount, next_observation):
        new = Transition(np.array(observation), action, reward, discount, np.array(next_observation))
        self.slots = [new, *self.slots][: self.capacity]


class TupleForAnArray(RingBuffer):
    def add(self, observation, action, reward, discount, next_observation):
        import copy

        super().add(tuple(copy.deepcopy(observation)), action, reward, discount, tuple(copy.deepcopy(next_observation)))


class EarlyReturn(RingBuffer):
    def add(self, observation, action, reward, discount, next_observation):
        row = Transition(observation.copy(), action, reward, discount, next_observation.copy())
        self.added += 1
        if len(self.slots) < self.capacity:
            self.slots.append(row)
            return
        self.slots[(self.added - 1) % self.capacity] = row


class Dicts(RingBuffer):
    def add(self, observation, action, reward, discount, next_observation):
        row = {"observation": np.array(observation), "action": action, "reward": np.float32(reward)}
        row |= {"discount": np.float32(discount), "next_observation": np.array(next_observation)}
        if len(self) < self.capacity:
            self.slots.append(row)
        else:
            self.slots[self.added % self.capacity] = row
        self.added += 1


class ObjectArray(RingBuffer):
    def __init__(self, capacity):
        self.capacity, self.added = capacity, 0
        self.slots = np.empty(capacity, dtype=object)

    def __len__(self):
        return sum(slot is not None for slot in self.slots)

    def add(self, o, a, r, d, n):
        self.slots[self.added % self.capacity] = Transition(np.array(o), a, r, d, np.array(n))
        self.added += 1


RIGHT_ADD = [
    *(PreallocatedList, ArraysAtFirstAdd, ColumnsInSlots, ShortNames, Position, PlainDeque, DropsAfterwards),
    *(NewestFirst, TupleForAnArray, EarlyReturn, Dicts, ObjectArray),
]

# --- replay_add, wrong


def adds(change: Any, name: str) -> type:
    """A ring whose `add` is the given function."""
    return type(name, (RingBuffer,), {"add": change})


def put(self, row):
    if len(self.slots) < self.capacity:
        self.slots.append(row)
    else:
        self.slots[self.added % self.capacity] = row
    self.added += 1


def no_copy(self, observation, action, reward, discount, next_observation):
    put(self, Transition(observation, action, reward, discount, next_observation))


def as_array(self, observation, action, reward, discount, next_observation):
    put(self, Transition(np.asarray(observation), action, reward, discount, np.asarray(next_observation)))


def view(self, observation, action, reward, discount, next_observation):
    put(self, Transition(observation[:], action, reward, discount, next_observation[:]))


def copies_one(self, observation, action, reward, discount, next_observation):
    put(self, Transition(observation.copy(), action, reward, discount, next_observation))


def copies_the_other(self, observation, action, reward, discount, next_observation):
    put(self, Transition(observation, action, reward, discount, next_observation.copy()))


def copied(values):
    return Transition(*(np.array(value) for value in values))


def only_appends(self, *values):
    self.slots.append(copied(values))
    self.added += 1


def at_most(self, *values):
    if len(self.slots) <= self.capacity:
        self.slots.append(copied(values))
    else:
        self.slots[self.added % (self.capacity + 1)] = copied(values)
    self.added += 1


def at_least_one_free(self, *values):
    self.slots.append(copied(values))
    if len(self.slots) >= self.capacity:
        del self.slots[0]


def replaces_the_last(self, *values):
    if len(self.slots) < self.capacity:
        self.slots.append(copied(values))
    else:
        self.slots[-1] = copied(values)


def ignores_when_full(self, *values):
    if len(self.slots) >= self.capacity:
        return
    self.slots.append(copied(values))


def forgets_to_count(self, *values):
    if len(self.slots) < self.capacity:
        self.slots.append(copied(values))
    else:
        self.slots[self.added % self.capacity] = copied(values)


def counts_with_room_only(self, *values):
    if len(self.slots) < self.capacity:
        self.slots.append(copied(values))
        self.added += 1
    else:
        self.slots[self.added % self.capacity] = copied(values)


def counts_first(self, *values):
    self.added += 1
    if len(self.slots) < self.capacity:
        self.slots.append(copied(values))
    else:
        self.slots[self.added % self.capacity] = copied(values)


def by_its_length(self, *values):
    if len(self.slots) < self.capacity:
        self.slots.append(copied(values))
    else:
        self.slots[len(self.slots) % self.capacity] = copied(values)


def clears(self, *values):
    if len(self.slots) == self.capacity:
        self.slots.clear()
    self.slots.append(copied(values))


def random_slot(self, *values):
    if len(self.slots) < self.capacity:
        self.slots.append(copied(values))
    else:
        reward = values[2]  # the same slots each time: else they are now and then those of a known mistake
        self.slots[random.Random(f"1 {reward}").randrange(self.capacity)] = copied(values)


def halves_it(self, *values):
    if len(self.slots) == self.capacity:
        self.slots = self.slots[self.capacity // 2 :]
    self.slots.append(copied(values))


def next_twice(self, observation, action, reward, discount, next_observation):
    put(self, copied((next_observation, action, reward, discount, next_observation)))


def observation_twice(self, observation, action, reward, discount, next_observation):
    put(self, copied((observation, action, reward, discount, observation)))


def another_order(self, observation, action, reward, discount, next_observation):
    put(self, copied((observation, action, reward, next_observation, discount)))


def swaps_numbers(self, observation, action, reward, discount, next_observation):
    put(self, copied((observation, action, discount, reward, next_observation)))


def float32(self, observation, action, reward, discount, next_observation):
    put(self, Transition(observation.astype(np.float32), action, reward, discount, next_observation.astype(np.float32)))


def float64(self, observation, action, reward, discount, next_observation):
    put(self, Transition(observation.astype(float), action, reward, discount, next_observation.astype(float)))


def scaled(self, observation, action, reward, discount, next_observation):
    put(self, Transition(observation / 255, action, reward, discount, next_observation / 255))


def clips_rewards(self, observation, action, reward, discount, next_observation):
    put(self, Transition(np.array(observation), action, np.sign(reward), discount, np.array(next_observation)))


def skips_the_end(self, observation, action, reward, discount, next_observation):
    if discount == 0:
        return
    put(self, copied((observation, action, reward, discount, next_observation)))


def whole_rewards(self, observation, action, reward, discount, next_observation):
    put(self, Transition(np.array(observation), action, int(reward), discount, np.array(next_observation)))


def float_counts_first_of_two(self, observation, action, reward, discount, next_observation):  # two mistakes
    counts_first(self, np.float32(observation), action, reward, discount, np.float32(observation))


class LenIsCapacity(PreallocatedList):
    def __len__(self):
        return len(self.slots)


WRONG_ADD = {
    adds(change, change.__name__): name
    for change, name in {
        no_copy: "stores a reference",
        as_array: "stores a reference",
        view: "stores a reference",
        copies_one: "next_observation is not copied",
        copies_the_other: "observation is not copied",
        only_appends: "grows past its capacity",
        at_most: "one more than its capacity",
        at_least_one_free: "one fewer than its capacity",
        replaces_the_last: "overwrites the newest",
        ignores_when_full: "turns new ones away",
        forgets_to_count: "the position never moves",
        counts_with_room_only: "the position never moves",
        counts_first: "counts before it writes",
        by_its_length: "the position never moves",
        clears: "starts anew when it is full",
        random_slot: "",
        halves_it: "",
        next_twice: "observation equals next_observation",
        observation_twice: "next_observation equals observation",
        another_order: "",
        swaps_numbers: "reward and discount change places",
        float32: "observations become float32",
        float64: "observations become float64",
        scaled: "",
        clips_rewards: "",
        skips_the_end: "leaves out the ends of episodes",
        whole_rewards: "",
        float_counts_first_of_two: "counts before it writes",
    }.items()
} | {LenIsCapacity: "free slots are counted"}


# --- replay_sample


def samples(change: Any) -> type:
    """A ring whose `sample` is the given function."""
    return type(change.__name__, (RingBuffer,), {"sample": change})


def pack(rows):
    return Transition(*(np.stack(field) for field in zip(*rows, strict=True)))


def one_by_one(self, batch_size, rng):
    rows = []
    for _ in range(batch_size):
        rows.append(self.slots[rng.integers(len(self))])
    return pack(rows)


def by_choice(self, batch_size, rng):
    return pack([self.slots[i] for i in rng.choice(len(self.slots), size=batch_size, replace=True)])


def by_random(self, batch_size, rng):
    return pack([self.slots[int(u * len(self.slots))] for u in rng.random(batch_size)])


def by_floor(self, batch_size, rng):
    return pack([self.slots[i] for i in np.floor(rng.uniform(0, len(self), batch_size)).astype(int)])


def five_lists(self, batch_size, rng):
    o, a, r, d, n = [], [], [], [], []
    for i in rng.integers(0, len(self.slots), batch_size):
        t = self.slots[i]
        o.append(t.observation), a.append(t.action), r.append(t.reward)
        d.append(t.discount), n.append(t.next_observation)
    return Transition(np.array(o), np.array(a), np.array(r), np.array(d), np.array(n))


def by_name(self, batch_size, rng):
    rows = [self.slots[i] for i in rng.integers(len(self.slots), size=batch_size)]
    return Transition(**{name: np.stack([getattr(t, name) for t in rows]) for name in Transition._fields})


def tuples_for_arrays(self, batch_size, rng):
    rows = [self.slots[i] for i in rng.integers(len(self.slots), size=batch_size)]
    return Transition(*zip(*rows, strict=True))


def plain_tuple(self, batch_size, rng):
    return tuple(one_by_one(self, batch_size, rng))


def imports_inside(self, batch_size, rng):
    from dqnkit.types import Transition as Row

    indices = rng.integers(low=0, high=len(self.slots), size=(batch_size,))
    return Row(*[np.asarray(list(column)) for column in zip(*(self.slots[i] for i in indices), strict=True)])


def shuffled_with_replacement(self, batch_size, rng):
    indices = rng.integers(len(self.slots), size=batch_size)
    rng.shuffle(indices)
    return pack([self.slots[i] for i in indices])


RIGHT_SAMPLE = [
    *map(samples, (one_by_one, by_choice, by_random, by_floor, five_lists, by_name, tuples_for_arrays, plain_tuple)),
    *map(samples, (imports_inside, shuffled_with_replacement)),
    PreallocatedList,
    ArraysAtFirstAdd,
]


def below_capacity(self, batch_size, rng):
    return pack([self.slots[i] for i in rng.integers(self.capacity, size=batch_size)])


def below_added(self, batch_size, rng):
    return pack([self.slots[i] for i in rng.integers(self.added, size=batch_size)])


def without_the_last(self, batch_size, rng):
    return pack([self.slots[i] for i in rng.integers(0, len(self.slots) - 1, batch_size)])


def without_the_first(self, batch_size, rng):
    return pack([self.slots[i] for i in rng.integers(1, len(self.slots), batch_size)])


def random_sample(self, batch_size, rng):
    return pack(random.sample(self.slots, batch_size))


def random_choices(self, batch_size, rng):
    return pack(random.choices(self.slots, k=batch_size))


def numpy_random(self, batch_size, rng):
    return pack([self.slots[i] for i in np.random.randint(len(self.slots), size=batch_size)])  # noqa: NPY002


def own_generator(self, batch_size, rng):
    return by_choice(self, batch_size, np.random.default_rng())


def own_seed(self, batch_size, rng):
    return by_choice(self, batch_size, np.random.default_rng(42))


def choice_without(self, batch_size, rng):
    return pack([self.slots[i] for i in rng.choice(len(self.slots), batch_size, replace=False)])


def permutation(self, batch_size, rng):
    return pack([self.slots[i] for i in rng.permutation(len(self.slots))[:batch_size]])


def newest(self, batch_size, rng):
    return pack(self.slots[-batch_size:])


def one_start(self, batch_size, rng):
    start = rng.integers(len(self.slots) - batch_size + 1)
    return pack(self.slots[start : start + batch_size])


def one_start_round(self, batch_size, rng):
    start, n = rng.integers(len(self.slots)), len(self.slots)
    oldest = self.added % self.capacity if n == self.capacity else 0
    return pack([self.slots[(oldest + (start + i) % n) % n] for i in range(batch_size)])


def the_same_row(self, batch_size, rng):
    return pack([self.slots[rng.integers(len(self.slots))]] * batch_size)


def observations_apart(self, batch_size, rng):
    batch = by_choice(self, batch_size, rng)
    return batch._replace(observation=by_choice(self, batch_size, rng).observation)


def fields_apart(self, batch_size, rng):
    columns = zip(*self.slots, strict=True)
    return Transition(
        *(np.stack([column[i] for i in rng.integers(len(column), size=batch_size)]) for column in columns)
    )


def list_of_rows(self, batch_size, rng):
    return [self.slots[i] for i in rng.integers(len(self.slots), size=batch_size)]


def one_row(self, batch_size, rng):
    return self.slots[rng.integers(len(self.slots))]


def slots_only(self, batch_size, rng):
    return rng.integers(len(self.slots), size=batch_size)


def one_too_many(self, batch_size, rng):
    return by_choice(self, batch_size + 1, rng)


def rounded(self, batch_size, rng):
    return pack([self.slots[round(u * (len(self.slots) - 1))] for u in rng.random(batch_size)])


def favours_the_new(self, batch_size, rng):
    return pack([self.slots[int(len(self.slots) * u**0.5)] for u in rng.random(batch_size)])


def float_arrays(self, batch_size, rng):
    rows = list_of_rows(self, batch_size, rng)
    return Transition(*(np.array(field, dtype=np.float32) for field in zip(*rows, strict=True)))


def last_axis(self, batch_size, rng):
    rows = list_of_rows(self, batch_size, rng)
    return Transition(*(np.stack(field, axis=-1) for field in zip(*rows, strict=True)))


def removes_what_it_draws(self, batch_size, rng):
    return pack([self.slots.pop(rng.integers(len(self.slots))) for _ in range(batch_size)])


def swapped_fields(self, batch_size, rng):
    o, a, r, d, n = by_choice(self, batch_size, rng)
    return Transition(o, a, d, r, n)


WRONG_SAMPLE = {
    samples(change): name
    for change, name in {
        below_capacity: "draws empty slots",
        below_added: "draws beyond the ring",
        without_the_last: "the last slot is never drawn",
        without_the_first: "the first slot is never drawn",
        random_sample: "random.sample",
        random_choices: "rng is not used: another batch each time",
        numpy_random: "rng is not used: another batch each time",
        own_generator: "rng is not used: another batch each time",
        own_seed: "always the same batch",
        choice_without: "without replacement",
        permutation: "a shuffled buffer, cut off",
        newest: "always the same batch",
        one_start: "consecutive rows",
        one_start_round: "consecutive rows",
        the_same_row: "one transition, many times",
        observations_apart: "",
        fields_apart: "fields from different transitions",
        list_of_rows: "a list of transitions",
        one_row: "one transition only",
        slots_only: "",
        one_too_many: "",
        rounded: "the ends come half as often",
        favours_the_new: "",
        float_arrays: "observations become float32",
        last_axis: "the batch axis is the last",
        removes_what_it_draws: "removes what it draws",
        swapped_fields: "",
    }.items()
}


def named(answer: Any) -> str:
    return answer.__name__ if isinstance(answer, type) else answer.name


RIGHT = [(ADD, answer) for answer in RIGHT_ADD] + [(SAMPLE, answer) for answer in RIGHT_SAMPLE]
WRONG = [(ADD, answer) for answer in WRONG_ADD] + [(SAMPLE, answer) for answer in WRONG_SAMPLE]


@pytest.mark.parametrize(("exercise", "answer"), RIGHT, ids=named)
def test_a_right_answer_passes(exercise: Any, answer: Any) -> None:
    for seed in range(3):
        result = verdict(exercise, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize(("exercise", "answer"), WRONG, ids=named)
def test_a_wrong_answer_fails_under_a_name_that_is_true_of_it(exercise: Any, answer: Any) -> None:
    result = verdict(exercise, answer)
    assert not result.passed
    assert result.mistake == (WRONG_ADD | WRONG_SAMPLE)[answer], result.text
