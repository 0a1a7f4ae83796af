"""Epsilon-greedy actions, and the values of epsilon."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dqnkit.config import DQNConfig
from dqnkit.exploration import actor_epsilons, epsilon_greedy, learning_rate_at, linear_schedule, schedule_changes
from dqnkit.presets import preset


def test_epsilon_0_is_greedy(rng: np.random.Generator) -> None:
    q = rng.normal(size=(500, 4)).astype(np.float32)
    actions = epsilon_greedy(q, 0.0, rng)
    assert actions.dtype == np.int32
    np.testing.assert_array_equal(actions, q.argmax(axis=1))


def test_epsilon_1_draws_every_action_equally_often_the_last_too(rng: np.random.Generator) -> None:
    q = np.tile([0.0, 0.0, 9.0, 0.0, 0.0], (50_000, 1))
    shares = np.bincount(epsilon_greedy(q, 1.0, rng), minlength=5) / 50_000
    np.testing.assert_allclose(shares, 0.2, atol=0.01)


@pytest.mark.parametrize("greedy", [0, 1, 3])
def test_the_greedy_action_is_drawn_when_exploring_too(greedy: int, rng: np.random.Generator) -> None:
    q = np.tile(np.eye(4)[greedy], (50_000, 1))
    shares = np.bincount(epsilon_greedy(q, 0.4, rng), minlength=4) / 50_000
    expected = np.full(4, 0.1)
    expected[greedy] += 0.6
    np.testing.assert_allclose(shares, expected, atol=0.01)


def test_one_epsilon_for_each_row(rng: np.random.Generator) -> None:
    q = np.tile([1.0, 0.0], (10_000, 1))
    actions = epsilon_greedy(q, np.repeat([0.0, 1.0], 5_000), rng)
    assert not actions[:5_000].any()
    assert actions[5_000:].mean() == pytest.approx(0.5, abs=0.03)


def test_the_same_generator_gives_the_same_actions() -> None:
    q = np.zeros((100, 3))
    first, again, other = (epsilon_greedy(q, 0.5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("step", "epsilon"), [(0, 1.0), (25, 0.775), (50, 0.55), (100, 0.1), (10_000, 0.1)])
def test_linear_schedule(step: int, epsilon: float) -> None:
    assert linear_schedule(step, 1.0, 0.1, 100) == pytest.approx(epsilon)


def test_schedule_of_no_steps_is_its_end() -> None:
    assert linear_schedule(0, 1.0, 0.1, 0) == pytest.approx(0.1)


def test_the_learning_rate_is_constant_or_a_line_over_the_whole_of_training() -> None:
    config = DQNConfig(learning_rate=1e-2, total_steps=400)
    assert learning_rate_at(config, 100) == 1e-2
    falling = DQNConfig(learning_rate=1e-2, learning_rate_end=0.0, total_steps=400)
    assert [learning_rate_at(falling, step) for step in (0, 100, 500)] == pytest.approx([1e-2, 7.5e-3, 0.0])


def test_what_another_end_does_to_the_schedules(tried: Any) -> None:
    before = preset("CartPole-v1", total_steps=10_000, replay="prioritized", learning_rate=1e-2, learning_rate_end=1e-3)
    after = replace(before, total_steps=40_000)
    assert schedule_changes(before, after, 10_000) == [
        "epsilon goes on as before: 0.05 now, 0.05 from step 10,000 on",
        "the learning rate goes from 0.001 to 0.00775, then in a line to 0.001 at step 40,000",
        "the importance exponent goes from 1 to 0.55, then in a line to 1 at step 40,000",
    ]
    tried(6, "resume --total-steps of a finished run", "; ".join(schedule_changes(before, after, 10_000)))
    constant = DQNConfig(exploration="per_actor")
    assert schedule_changes(constant, replace(constant, total_steps=10**6), 50_000) == [
        "epsilon goes on as before: one constant rate for each copy of the environment",
        "the learning rate stays 0.001",
    ]


def test_actor_epsilons_end_where_the_paper_says() -> None:
    epsilons = actor_epsilons(8, 0.4, 7.0)
    assert epsilons.shape == (8,)
    assert epsilons[0] == pytest.approx(0.4)
    assert epsilons[-1] == pytest.approx(0.4**8)
    np.testing.assert_allclose(epsilons[1:] / epsilons[:-1], 0.4, rtol=1e-5)  # exponent / (N - 1) is 1 here
    np.testing.assert_allclose(actor_epsilons(1, 0.4), [0.4])
