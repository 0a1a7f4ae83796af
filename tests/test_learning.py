"""Training runs on environments whose optimal Q-values are known: their error is measured, not only the returns.

All actions are random (epsilon is 1), so that every state and action occurs; Q-learning is off-policy.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnkit.config import DQNConfig
from dqnkit.evaluation import evaluate
from dqnkit.policy import q_values
from dqnkit.small_environments import GridWorld, TwoStateBias
from dqnkit.training import train
from dqnkit.types import PolicyWeights

if "test/ShortEpisodes-v0" not in gym.registry:  # any start, and a time limit shorter than most ways to the goal
    gym.register("test/ShortEpisodes-v0", GridWorld, max_episode_steps=3, kwargs={"observation": "xy", "start": None})

RANDOM_ACTIONS = {"epsilon_start": 1.0, "epsilon_end": 1.0}


def trained(env_id: str, **settings: Any) -> tuple[PolicyWeights, DQNConfig]:
    defaults: dict[str, Any] = {
        "num_envs": 8,
        "rollout_steps": 8,
        "learning_starts": 500,
        "updates_per_call": 32,
        "target_period": 100,
        "learning_rate": 2e-3,
        "learning_rate_end": 1e-4,
    }
    config = DQNConfig(env_id=env_id, **{**defaults, **settings})
    for status in train(config):  # noqa: B007
        pass
    return status.weights, config


@pytest.mark.parametrize(
    ("env_id", "settings"),
    [
        ("dqnkit/GridWorld-v0", {}),
        ("dqnkit/GridWorld-v0", {"double_q": True, "dueling": True, "replay": "prioritized", "target_tau": 0.5}),
        ("dqnkit/GridWorld-v0", {"deterministic": True, "loss": "squared", "xla": False}),
        ("test/ShortEpisodes-v0", {}),  # targets bootstrap at a truncation, so the values are the same
    ],
)
def test_values_in_the_grid_world(env_id: str, settings: dict[str, Any]) -> None:
    """About 2,700 updates; the largest error of four seeds was 0.02."""
    weights, _ = trained(env_id, gamma=0.9, total_steps=6_000, samples_per_insert=32.0, **RANDOM_ACTIONS, **settings)
    env = GridWorld(observation="xy")
    learned, exact = q_values(weights, env.all_observations()), env.optimal_q(0.9)
    error = np.abs(learned - exact)[~env.terminal]
    assert error.max() < 0.06
    assert error.mean() < 0.02
    # the shortest way to the goal has 8 steps: with one more, this would be 0
    in_time = DQNConfig(env_id="dqnkit/GridWorld-v0", max_episode_steps=8)
    np.testing.assert_array_equal(evaluate(weights, in_time, 3), 1.0)


@pytest.mark.parametrize("double_q", [False, True])
def test_values_where_the_maximum_misleads(double_q: bool) -> None:
    """The maximum over ten noisy values of -0.1 stays a little too high; with enough data the bias is small."""
    weights, _ = trained(
        "dqnkit/TwoStateBias-v0",
        gamma=0.9,
        total_steps=16_000,
        samples_per_insert=8.0,
        loss="squared",
        learning_rate_end=1e-5,
        double_q=double_q,
        **RANDOM_ACTIONS,
    )
    learned, exact = q_values(weights, np.eye(3, dtype=np.float32)), TwoStateBias().optimal_q(0.9)
    assert abs(learned[0, 0]) < 0.05
    assert np.abs(learned - exact)[:2].max() < 0.2
    assert np.abs(learned - exact)[:2].mean() < 0.1


def test_catch_from_pictures() -> None:
    weights, config = trained(
        "dqnkit/Catch-v0",
        gamma=0.95,
        total_steps=12_000,
        samples_per_insert=8.0,
        batch_size=32,
        updates_per_call=16,
        epsilon_steps=4_000,
        conv_filters=(8,),
        hidden_sizes=(64,),
        learning_rate=1e-3,
        learning_rate_end=-1.0,
    )
    assert evaluate(weights, config, 100).mean() > 0.9
