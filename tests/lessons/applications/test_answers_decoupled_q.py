"""`decoupled_q` as readers write it: the right answers pass in every style, the wrong ones fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

from dqnkit.classroom.course import find_exercise

DECOUPLED = find_exercise("decoupled_q")
RIGHT, right = collected()
WRONG, wrong = collected()


@right
def two_loops(q, actions):
    values = []
    for row in range(len(q)):
        total = 0.0
        for joint in range(q.shape[1]):
            total += q[row, joint, actions[row, joint]]
        values.append(total / q.shape[1])
    return values


@right
def take_along_axis(q, actions):
    return np.take_along_axis(q, actions[..., None], axis=-1).squeeze(-1).mean(-1)


@right
def index_arrays(q, actions):
    rows, joints = np.arange(len(q))[:, None], np.arange(q.shape[1])[None]
    return q[rows, joints, actions].mean(axis=1)


@right
def a_one_hot_mask(q, actions):
    mask = np.eye(q.shape[2])[actions]
    return (q * mask).sum(axis=2).mean(axis=1)


@right
def einsum(q, actions):
    return np.einsum("bdn,bdn->b", q, np.eye(q.shape[2])[actions]) / q.shape[1]


@right
def a_loop_over_joints(q, actions):
    total = np.zeros(len(q))
    for joint in range(actions.shape[1]):
        total += q[np.arange(len(q)), joint, actions[:, joint]]
    return total / actions.shape[1]


@right
def a_preallocated_array(q, actions):
    result = np.empty(len(q))
    for row, (values, action) in enumerate(zip(q, actions, strict=True)):
        result[row] = np.mean([values[joint][force] for joint, force in enumerate(action)])
    return result


@right
def a_comprehension(q, actions):
    return [np.mean([v[a] for v, a in zip(vs, acts, strict=True)]) for vs, acts in zip(q, actions, strict=True)]


@right
def with_choose(q, actions):
    return np.choose(actions, np.moveaxis(q, 2, 0)).mean(axis=1)


@right
def flattened(q, actions):
    batch, joints, bins = q.shape
    flat = q.reshape(batch * joints, bins)
    return flat[np.arange(batch * joints), actions.reshape(-1)].reshape(batch, joints).mean(axis=1)


@right
def in_32_bits(q, actions):
    return np.take_along_axis(q.astype(np.float32), actions[:, :, None], axis=2).mean(axis=(1, 2))


@right
def divided_before_the_sum(q, actions):
    return np.take_along_axis(q / q.shape[1], actions[:, :, np.newaxis], 2)[:, :, 0].sum(axis=1)


@wrong
def the_sum(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2).sum(axis=(1, 2))


@wrong
def the_largest(q, actions):
    return q.max(axis=2).mean(axis=1)


@wrong
def the_mean_of_all(q, actions):
    return q.mean(axis=2).mean(axis=1)


@wrong
def all_rows_with_all_actions(q, actions):
    return q[:, np.arange(q.shape[1]), actions].mean(axis=-1)


@wrong
def the_axes_are_swapped(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0].mean(axis=0)


@wrong
def a_value_for_each_joint(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0]


@wrong
def the_axis_is_kept(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2).mean(axis=1)


@wrong
def one_number(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2).mean()


@wrong
def the_first_row(q, actions):
    return np.mean([q[0, joint, force] for joint, force in enumerate(actions[0])])


@wrong
def the_first_rows_actions(q, actions):
    return [np.mean([row[joint, force] for joint, force in enumerate(actions[0])]) for row in q]


@wrong
def a_return_inside_the_loop(q, actions):
    for row, action in zip(q, actions, strict=True):
        return [np.mean([row[joint, force] for joint, force in enumerate(action)])]
    return []


@wrong
def the_last_joint(q, actions):
    for joint in range(q.shape[1]):
        result = q[np.arange(len(q)), joint, actions[:, joint]]
    return result


@wrong
def the_product(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0].prod(axis=1)


@wrong
def the_smallest(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0].min(axis=1)


@wrong
def the_median(q, actions):
    return np.median(np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0], axis=1) + 0.1


@wrong
def divided_by_the_forces(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2).sum(axis=(1, 2)) / q.shape[2]


@wrong
def divided_by_the_rows(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2).sum(axis=(1, 2)) / len(q)


@wrong
def the_next_force(q, actions):
    return np.take_along_axis(q, (actions[:, :, None] + 1) % q.shape[2], axis=2)[:, :, 0].mean(axis=1)


@wrong
def the_force_itself(q, actions):
    return actions.mean(axis=1)


@wrong
def the_value_times_the_force(q, actions):
    return (q.max(axis=2) * actions).mean(axis=1)


@wrong
def the_best_action(q, actions):
    return q.argmax(axis=2)


@wrong
def only_where_it_is_the_best(q, actions):
    taken = np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0]
    return np.where(q.argmax(axis=2) == actions, taken, 0).mean(axis=1)


@wrong
def the_actions_turned_round(q, actions):
    return np.take_along_axis(q, actions[:, ::-1, None], axis=2)[:, :, 0].mean(axis=1)


@wrong
def the_first_two_joints(q, actions):
    return np.take_along_axis(q, actions[:, :, None], axis=2)[:, :2, 0].mean(axis=1)


@wrong
def nothing_is_returned(q, actions):
    np.take_along_axis(q, actions[:, :, None], axis=2)[:, :, 0].mean(axis=1)


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    for seed in range(3):
        result = verdict(DECOUPLED, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_does_not_pass(answer: Callable[..., Any]) -> None:
    result = verdict(DECOUPLED, answer)
    assert not result.passed, result.text
