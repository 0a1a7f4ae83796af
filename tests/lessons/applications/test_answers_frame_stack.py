"""`frame_stack` as readers write it: the right answers pass in every style, the wrong ones fail."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from answers import collected, verdict

from dqnkit.classroom.course import find_exercise

STACK = find_exercise("frame_stack")
RIGHT, right = collected()
WRONG, wrong = collected()


@right
def a_deque(frames, stack):
    latest = deque([frames[0]] * stack, maxlen=stack)
    for frame in frames:
        latest.append(frame)
    return np.stack(latest)


@right
def indices_that_stop_at_the_first(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - stack, len(frames)))
    return frames[indices]


@right
def a_list_that_grows_in_front(frames, stack):
    latest = list(frames[-stack:])
    while len(latest) < stack:
        latest.insert(0, frames[0])
    return np.array(latest)


@right
def concatenate(frames, stack):
    missing = max(0, stack - len(frames))
    return np.concatenate([np.repeat(frames[:1], missing, axis=0), frames[-stack:]])


@right
def padded_first_then_cut(frames, stack):
    return np.concatenate([frames[:1]] * (stack - 1) + [frames])[-stack:]


@right
def numpy_pad(frames, stack):
    missing = max(stack - len(frames), 0)
    widths = [(missing, 0)] + [(0, 0)] * (frames.ndim - 1)
    return np.pad(frames, widths, mode="edge")[-stack:]


@right
def a_preallocated_array(frames, stack):
    observation = np.empty((stack, *frames.shape[1:]))
    for place in range(stack):
        observation[place] = frames[max(0, len(frames) - stack + place)]
    return observation


@right
def a_plain_list(frames, stack):
    return [frames[max(0, len(frames) - stack + place)] for place in range(stack)]


@right
def an_early_return(frames, stack):
    if len(frames) >= stack:
        return frames[-stack:]
    return np.stack([frames[0]] * (stack - len(frames)) + list(frames))


@right
def from_the_newest_back(frames, stack):
    latest = []
    position = len(frames) - 1
    for _ in range(stack):
        latest.append(frames[position])
        position = max(0, position - 1)
    return np.stack(latest[::-1])


@right
def vstack(frames, stack):
    return np.vstack([np.tile(frames[:1], (stack, *[1] * (frames.ndim - 1))), frames])[-stack:]


@right
def take_with_clip(frames, stack):
    return np.take(frames, range(len(frames) - stack, len(frames)), axis=0, mode="clip")


@wrong
def no_padding(frames, stack):
    return frames[-stack:]


@wrong
def zeros(frames, stack):
    latest = list(frames[-stack:])
    return np.stack([np.zeros_like(frames[0])] * (stack - len(latest)) + latest)


@wrong
def zeros_behind(frames, stack):
    latest = list(frames[-stack:])
    return np.stack(latest + [np.zeros_like(frames[0])] * (stack - len(latest)))


@wrong
def copies_of_the_newest_behind(frames, stack):
    latest = list(frames[-stack:])
    while len(latest) < stack:
        latest.append(frames[-1])
    return np.stack(latest)


@wrong
def copies_of_the_newest_in_front(frames, stack):
    latest = list(frames[-stack:])
    while len(latest) < stack:
        latest.insert(0, frames[-1])
    return np.stack(latest)


@wrong
def copies_of_the_first_behind(frames, stack):
    latest = list(frames[-stack:])
    while len(latest) < stack:
        latest.append(frames[0])
    return np.stack(latest)


@wrong
def the_first_frames(frames, stack):
    latest = list(frames[:stack])
    while len(latest) < stack:
        latest.insert(0, frames[0])
    return np.stack(latest)


@wrong
def newest_first(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - 1, len(frames) - 1 - stack, -1))
    return frames[indices]


@wrong
def negative_indices_wrap_round(frames, stack):
    return frames[np.arange(len(frames) - stack, len(frames)) % len(frames)]


@wrong
def without_the_newest(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - stack - 1, len(frames) - 1))
    return frames[indices]


@wrong
def one_too_few(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - stack + 1, len(frames)))
    return frames[indices]


@wrong
def one_too_many(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - stack - 1, len(frames)))
    return frames[indices]


@wrong
def the_newest_again_and_again(frames, stack):
    return np.stack([frames[-1]] * stack)


@wrong
def the_first_again_and_again(frames, stack):
    return np.stack([frames[0]] * stack)


@wrong
def every_second_frame(frames, stack):
    indices = np.maximum(0, len(frames) - 1 - 2 * np.arange(stack)[::-1])
    return frames[indices]


@wrong
def frames_last(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - stack, len(frames)))
    return np.stack([frames[i] for i in indices], axis=-1)


@wrong
def joined(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - stack, len(frames)))
    return np.concatenate([frames[i] for i in indices])


@wrong
def the_mean(frames, stack):
    return frames[-stack:].mean(axis=0)


@wrong
def the_maximum(frames, stack):
    return frames[-stack:].max(axis=0)


@wrong
def differences(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - stack, len(frames)))
    return np.diff(frames[indices], axis=0, prepend=frames[:1])


@wrong
def flat(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - stack, len(frames)))
    return frames[indices].reshape(-1)


@wrong
def only_when_there_are_enough(frames, stack):
    if len(frames) >= stack:
        return frames[-stack:]
    return None


@wrong
def a_random_choice(frames, stack):
    return frames[np.random.default_rng(0).integers(len(frames), size=stack)]


@wrong
def all_frames(frames, stack):
    return frames


@wrong
def at_least_two(frames, stack):
    indices = np.maximum(0, np.arange(len(frames) - max(2, stack), len(frames)))
    return frames[indices]


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.__name__)
def test_a_right_answer_passes(answer: Callable[..., Any]) -> None:
    for seed in range(3):
        result = verdict(STACK, answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG, ids=lambda answer: answer.__name__)
def test_a_wrong_answer_fails(answer: Callable[..., Any]) -> None:
    result = verdict(STACK, answer)
    assert result.status == "wrong", result.text
