"""What the text of the notebook says of its runs is true of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnkit.lessons.start_here.answers.play_episode import play_episode
from dqnkit.lessons.start_here.questions import QUESTIONS
from dqnkit.presets import preset

EPISODES = 200
Policy = Callable[[Any], int]


@pytest.fixture(scope="module")
def env() -> Any:
    return gym.make("CartPole-v1")


def returns(env: Any, policy: Policy, episodes: int = EPISODES) -> Any:
    return np.array([play_episode(env, policy, seed) for seed in range(episodes)])


def by_angle(observation: Any) -> int:
    return int(observation[2] > 0)


def test_a_push_to_the_right_speeds_up_the_cart_and_turns_the_pole_to_the_left(env: Any) -> None:
    before, _ = env.reset(seed=0)
    after, *_ = env.step(1)
    assert after[1] > before[1]
    assert after[3] < before[3] < 0


def test_the_policies_that_do_not_look_reach_what_the_options_say(env: Any) -> None:
    rng = np.random.default_rng(0)
    at_random = returns(env, lambda observation: int(rng.integers(2)))
    always_right = returns(env, lambda observation: 1)
    assert "about 23" in QUESTIONS["angle"].options[1]
    assert at_random.mean() == pytest.approx(23, abs=1.5)
    assert at_random.min() < 11
    assert at_random.max() > 60
    assert "about 9" in QUESTIONS["angle"].options[0]
    assert always_right.mean() == pytest.approx(9, abs=0.5)


def test_by_angle_reaches_about_40_and_every_episode_terminates(env: Any) -> None:
    reached = returns(env, by_angle)
    assert reached.mean() == pytest.approx(40, abs=3)
    assert reached.max() < 100  # none is truncated


def test_the_pole_swings_further_each_time_under_the_policy_by_angle(env: Any) -> None:
    for seed in range(10):
        observation, _ = env.reset(seed=seed)
        angles, over = [observation[2]], False
        while not over:
            observation, _, terminated, truncated, _ = env.step(by_angle(observation))
            angles.append(observation[2])
            over = terminated or truncated
        sides = np.split(np.abs(angles), np.flatnonzero(np.diff(np.sign(angles))) + 1)
        furthest = [side.max() for side in sides][1:]  # the first begins somewhere
        assert (np.diff(furthest) > -0.01).all()
        assert furthest[-1] > furthest[0]


def test_a_rule_of_angle_and_turning_speed_can_reach_500_in_every_episode(env: Any) -> None:
    assert (returns(env, lambda observation: int(observation[2] + 0.5 * observation[3] > 0), 50) == 500).all()
    kits = returns(env, lambda observation: int(observation[2] + observation[3] > 0), 50)
    assert np.mean(kits == 500) > 0.8


def test_an_atari_agent_is_shown_four_pictures() -> None:
    stacked = preset("ALE/Pong-v5").frame_stack
    assert stacked == 4
    assert stacked * 84 * 84 == 28_224
