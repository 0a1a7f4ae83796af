"""DQN on one page: short, independent of the package, and equal to the package's algorithm step by step."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from seeds import seeds
from test_learner import batches

from dqnkit import dqn_in_one_file as page
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner

SOURCE = Path(page.__file__).read_text(encoding="utf-8")


def test_it_fits_on_a_page_and_needs_three_packages() -> None:
    assert len(SOURCE.splitlines()) <= 150
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.name for node in imports for alias in node.names}
    assert all(isinstance(node, ast.Import) for node in imports)
    assert names == {"numpy", "gymnasium", "tensorflow"}


def test_its_updates_are_those_of_the_learner(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """From equal weights, on the same batches, with terminated transitions and several copies to the target network."""
    monkeypatch.setattr(page, "TARGET_PERIOD", 4)
    config = DQNConfig(loss="squared", target_period=4, max_gradient_norm=0.0, batch_size=8, learning_rate=3e-3)
    learner = Learner(config)
    online, target = page.build_q_network(4, 2), page.build_q_network(4, 2)
    for network in (online, target):
        network.set_weights(learner.online.get_weights())
    update = page.make_update(online, target, tf.keras.optimizers.Adam(3e-3))
    for _ in range(3):  # 3 calls of 3 updates: the target network follows after 4 and 8
        data = batches(rng)
        assert set(np.unique(data.discount)) == {0.0, np.float32(0.9)}
        losses = update(list(data))
        np.testing.assert_allclose(losses, learner.update(data).losses, rtol=1e-4, atol=1e-5)
        for ours, theirs in ((online, learner.online), (target, learner.target)):
            for values, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
                np.testing.assert_allclose(values, expected, atol=2e-5)
    assert not np.array_equal(online.get_weights()[0], target.get_weights()[0])


def test_replay_keeps_the_newest_and_draws_all_of_them(rng: np.random.Generator) -> None:
    replay = page.ReplayBuffer(5, 1)
    for first in (0, 3, 6):  # 9 transitions: 4 to 8 remain
        numbers = np.arange(first, first + 3, dtype=np.float32)
        replay.add(numbers[:, None], numbers.astype(np.int32), numbers, numbers / 16, numbers[:, None] + 1)
    assert len(replay) == 5
    observation, action, reward, discount, next_observation = replay.sample(2, 500, rng)
    assert observation.shape == next_observation.shape == (2, 500, 1)
    assert action.shape == reward.shape == discount.shape == (2, 500)
    assert set(np.unique(reward)) == {4.0, 5.0, 6.0, 7.0, 8.0}
    np.testing.assert_array_equal(observation[..., 0], action)
    np.testing.assert_array_equal(next_observation[..., 0], reward + 1)
    np.testing.assert_array_equal(discount, reward / 16)


def test_epsilon_greedy(rng: np.random.Generator) -> None:
    q_values = np.tile([1.0, 3.0, 2.0], (30_000, 1))
    np.testing.assert_array_equal(page.epsilon_greedy(q_values, 0.0, rng), 1)
    shares = np.bincount(page.epsilon_greedy(q_values, 0.3, rng)) / 30_000
    np.testing.assert_allclose(shares, [0.1, 0.8, 0.1], atol=0.01)


def test_what_training_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Truncated transitions bootstrap, terminated ones do not; the reset after an episode is no transition."""
    stored = []

    class Watched(page.ReplayBuffer):
        def add(self, *transitions: np.ndarray) -> None:
            stored.append([np.array(values) for values in transitions])
            super().add(*transitions)

    monkeypatch.setattr(page, "ReplayBuffer", Watched)
    monkeypatch.setattr(page, "LEARNING_STARTS", 100_000)
    monkeypatch.setattr(page, "EPSILON_END", 1.0)
    make = page.gym.make_vec  # a time limit that random actions reach
    monkeypatch.setattr(page.gym, "make_vec", lambda *args, **kwargs: make(*args, **kwargs, max_episode_steps=15))
    page.train(total_steps=3_200)
    observation, _, reward, discount, next_observation = (np.concatenate(field) for field in zip(*stored, strict=True))
    fell = (np.abs(next_observation[:, 0]) > 2.4) | (np.abs(next_observation[:, 2]) > 12 * np.pi / 180)
    np.testing.assert_allclose(discount, np.where(fell, 0.0, page.GAMMA), rtol=1e-6)
    assert 0 < fell.sum() < len(fell) / 15  # many episodes ended at the time limit
    assert (reward == 1.0).all()
    assert len(reward) < 3_200  # steps that only reset are skipped
    moved = np.abs(next_observation[:, 0] - observation[:, 0])
    np.testing.assert_allclose(moved, np.abs(0.02 * observation[:, 1]), atol=1e-5)  # each moves by its velocity


def test_it_trains_a_little_and_prints_progress(capsys: pytest.CaptureFixture[str]) -> None:
    online = page.train(seed=3, total_steps=1_600)
    assert "epsilon" in capsys.readouterr().out
    again = page.train(seed=3, total_steps=1_600)
    for values, expected in zip(online.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(values, expected)
    returns = page.evaluate(online, num_episodes=5)
    assert returns.shape == (5,)
    assert ((returns >= 8) & (returns <= 500)).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(3))
def test_it_solves_cartpole(seed: int) -> None:
    assert page.evaluate(page.train(seed), num_episodes=100).mean() >= 475
