"""`reward_clip` as readers write it: the right answers pass in every style, the wrong ones fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

from dqnkit.classroom.course import find_exercise

CLIP = find_exercise("reward_clip")
RIGHT, right = collected()
WRONG, wrong = collected()


@right
def numpy_clip(rewards, largest):
    return np.clip(rewards, -largest, largest)


@right
def minimum_of_maximum(rewards, largest):
    return np.minimum(np.maximum(rewards, -largest), largest)


@right
def a_comprehension(rewards, largest):
    return [max(-largest, min(largest, reward)) for reward in rewards]


@right
def a_loop_with_ifs(rewards, largest):
    clipped = []
    for reward in rewards:
        if reward > largest:
            clipped.append(largest)
        elif reward < -largest:
            clipped.append(-largest)
        else:
            clipped.append(reward)
    return clipped


@right
def nested_where(rewards, largest):
    return np.where(rewards > largest, largest, np.where(rewards < -largest, -largest, rewards))


@right
def sign_times_size(rewards, largest):
    return np.sign(rewards) * np.minimum(np.abs(rewards), largest)


@right
def a_copy_with_masks(rewards, largest):
    clipped = rewards.copy()
    clipped[clipped > largest] = largest
    clipped[clipped < -largest] = -largest
    return clipped


@right
def the_method(rewards, largest):
    return rewards.clip(min=-largest, max=largest)


@right
def in_32_bits(rewards, largest):
    return np.clip(rewards.astype(np.float32), -largest, largest)


@right
def sorted_of_three(rewards, largest):
    return np.array([sorted((-largest, reward, largest))[1] for reward in rewards])


@right
def a_tuple(rewards, largest):
    return tuple(np.clip(float(reward), -largest, largest) for reward in rewards)


@right
def half_of_a_difference(rewards, largest):
    return (np.abs(rewards + largest) - np.abs(rewards - largest)) / 2


@wrong
def only_the_top(rewards, largest):
    return np.minimum(rewards, largest)


@wrong
def only_the_bottom(rewards, largest):
    return np.maximum(rewards, -largest)


@wrong
def no_penalties(rewards, largest):
    return np.clip(rewards, 0, largest)


@wrong
def bounds_of_one(rewards, largest):
    return np.clip(rewards, -1, 1)


@wrong
def the_sign(rewards, largest):
    return np.sign(rewards)


@wrong
def the_sign_times_the_bound(rewards, largest):
    return largest * np.sign(rewards)


@wrong
def divided(rewards, largest):
    return rewards / largest


@wrong
def divided_then_clipped(rewards, largest):
    return np.clip(rewards / largest, -1, 1)


@wrong
def tanh(rewards, largest):
    return np.tanh(rewards)


@wrong
def tanh_scaled(rewards, largest):
    return largest * np.tanh(rewards / largest)


@wrong
def absolute(rewards, largest):
    return np.minimum(abs(rewards), largest)


@wrong
def swapped_bounds(rewards, largest):
    return np.clip(rewards, largest, -largest)


@wrong
def maximum_for_minimum(rewards, largest):
    return np.maximum(rewards, largest)


@wrong
def beyond_is_zero(rewards, largest):
    return np.where(abs(rewards) > largest, 0, rewards)


@wrong
def beyond_is_removed(rewards, largest):
    return [reward for reward in rewards if -largest <= reward <= largest]


@wrong
def the_return(rewards, largest):
    return np.clip(np.sum(rewards), -largest, largest)


@wrong
def the_mean(rewards, largest):
    return np.clip(np.mean(rewards), -largest, largest)


@wrong
def the_running_return(rewards, largest):
    return np.clip(np.cumsum(rewards), -largest, largest)


@wrong
def scaled_to_the_most(rewards, largest):
    return rewards / max(1e-9, abs(rewards).max()) * largest


@wrong
def unchanged(rewards, largest):
    return rewards


@wrong
def half_the_bound(rewards, largest):
    return np.clip(rewards, -largest / 2, largest / 2)


@wrong
def in_place(rewards, largest):
    rewards[rewards > largest] = largest
    rewards[rewards < -largest] = -largest
    return rewards


@wrong
def the_wrong_sign_below(rewards, largest):
    return np.where(abs(rewards) > largest, largest, rewards)


@wrong
def rounded(rewards, largest):
    return np.round(np.clip(rewards, -largest, largest))


@wrong
def whole_numbers(rewards, largest):
    return np.clip(rewards, -largest, largest).astype(int)


@wrong
def the_first_only(rewards, largest):
    for reward in rewards:
        return max(-largest, min(largest, reward))
    return 0.0


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    for seed in range(3):
        result = verdict(CLIP, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails(answer: Callable[..., Any]) -> None:
    result = verdict(CLIP, answer)
    assert result.status == "wrong", result.text
