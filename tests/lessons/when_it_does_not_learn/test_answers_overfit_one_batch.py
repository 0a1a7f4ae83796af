"""Answers to `overfit_one_batch` as readers write them: every right one passes, every wrong one fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise


def with_a_loop(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    losses = []
    for _ in range(steps):
        losses.append(agent.train_step(batch, y))
    return losses


def into_a_preallocated_array(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    losses = np.zeros(steps)
    for step in range(steps):
        losses[step] = agent.train_step(batch, y)
    return losses


def as_a_tuple(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return tuple(agent.train_step(batch, y) for _ in range(steps))


def computes_the_same_targets_each_time(agent: Any, batch: Any, steps: Any) -> Any:
    return [agent.train_step(batch, agent.td_target(batch)) for _ in range(steps)]


def copies_the_targets(agent: Any, batch: Any, steps: Any) -> Any:
    import copy

    y = copy.deepcopy(agent.td_target(batch))
    return [agent.train_step(batch, np.array(y)) for _ in range(steps)]


def with_a_while_loop(agent: Any, batch: Any, steps: Any) -> Any:
    y, losses = agent.td_target(batch), []
    while len(losses) < steps:
        losses.append(float(agent.train_step(batch, y)))
    return losses


def with_an_early_return(agent: Any, batch: Any, steps: Any) -> Any:
    y, losses = agent.td_target(batch), []
    while True:
        losses.append(agent.train_step(batch, y))
        if len(losses) == steps:
            return losses


def with_map(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return list(map(lambda _: agent.train_step(batch, y), range(steps)))  # noqa: C417


def targets_as_a_list(agent: Any, batch: Any, steps: Any) -> Any:
    y = list(agent.td_target(batch))
    return np.array([agent.train_step(batch, y) for _ in range(steps)])


def as_numpy_numbers(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return [np.float64(agent.train_step(batch, y)) for _ in range(steps)]


RIGHT = [value for value in list(globals().values()) if getattr(value, "__module__", "") == __name__]


def one_more(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return [agent.train_step(batch, y) for _ in range(steps + 1)]


def counts_from_one(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return [agent.train_step(batch, y) for _ in range(1, steps)]


def returns_inside_the_loop(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    losses = []
    for _ in range(steps):
        losses.append(agent.train_step(batch, y))
        return losses
    return None


def samples_each_time(agent: Any, batch: Any, steps: Any) -> Any:
    losses = []
    for _ in range(steps):
        drawn = agent.sample()
        losses.append(agent.train_step(drawn, agent.td_target(drawn)))
    return losses


def samples_once(agent: Any, batch: Any, steps: Any) -> Any:
    batch = agent.sample()
    y = agent.td_target(batch)
    return [agent.train_step(batch, y) for _ in range(steps)]


def rewards(agent: Any, batch: Any, steps: Any) -> Any:
    y = batch.reward
    return [agent.train_step(batch, y) for _ in range(steps)]


def discounts(agent: Any, batch: Any, steps: Any) -> Any:
    return [agent.train_step(batch, batch.discount) for _ in range(steps)]


def targets_of_a_sample(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(agent.sample())
    return [agent.train_step(batch, y) for _ in range(steps)]


def last_only(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    for _ in range(steps):
        loss = agent.train_step(batch, y)
    return loss


def sum_of_losses(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return sum(agent.train_step(batch, y) for _ in range(steps))


def mean_of_losses(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return np.mean([agent.train_step(batch, y) for _ in range(steps)])


def syncs_each_time(agent: Any, batch: Any, steps: Any) -> Any:
    losses = []
    for _ in range(steps):
        losses.append(agent.train_step(batch, agent.td_target(batch)))
        agent.target_sync()
    return losses


def syncs_before_each(agent: Any, batch: Any, steps: Any) -> Any:
    losses = []
    for _ in range(steps):
        agent.target_sync()
        losses.append(agent.train_step(batch, agent.td_target(batch)))
    return losses


def syncs_at_the_end(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    losses = [agent.train_step(batch, y) for _ in range(steps)]
    agent.target_sync()
    return losses


def one_step(agent: Any, batch: Any, steps: Any) -> Any:
    return [agent.train_step(batch, agent.td_target(batch))]


def one_step_repeated(agent: Any, batch: Any, steps: Any) -> Any:
    return [agent.train_step(batch, agent.td_target(batch))] * steps


def reversed_losses(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return [agent.train_step(batch, y) for _ in range(steps)][::-1]


def relative_losses(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    losses = np.array([agent.train_step(batch, y) for _ in range(steps)])
    return losses / losses[0]


def returns_a_pair(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    losses = [agent.train_step(batch, y) for _ in range(steps)]
    return losses, y


def arguments_swapped(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    return [agent.train_step(y, batch) for _ in range(steps)]


def stops_when_small(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    losses = []
    for _ in range(steps):
        losses.append(agent.train_step(batch, y))
        if len(losses) > 2 and losses[-1] < losses[0]:
            break
    return losses


def prints_them(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    for _ in range(steps):
        print(agent.train_step(batch, y))


def first_and_last(agent: Any, batch: Any, steps: Any) -> Any:
    y = agent.td_target(batch)
    losses = [agent.train_step(batch, y) for _ in range(steps)]
    return losses[0], losses[-1]


def moving_targets(agent: Any, batch: Any, steps: Any) -> Any:
    losses = []
    for step in range(steps):
        losses.append(agent.train_step(batch, agent.td_target(batch) + step))
    return losses


WRONG = [value for value in list(globals().values()) if getattr(value, "__module__", "") == __name__][len(RIGHT) :]


def test_there_are_enough() -> None:
    assert len(RIGHT) >= 10
    assert len(WRONG) >= 20


@pytest.mark.parametrize("answer", RIGHT)
def test_a_right_answer_passes(answer: Any) -> None:
    for seed in range(3):
        result = verdict(find_exercise("overfit_one_batch"), answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_does_not_pass(answer: Any) -> None:
    result = verdict(find_exercise("overfit_one_batch"), answer)
    assert result.status == "wrong", result.text
    assert result.message


def test_most_wrong_answers_are_named() -> None:
    exercise = find_exercise("overfit_one_batch")
    named = {answer.__name__: verdict(exercise, answer).mistake for answer in WRONG}
    print(named)
    assert sum(map(bool, named.values())) >= len(WRONG) * 0.6
