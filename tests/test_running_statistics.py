"""Observations normalized by their running mean and deviation: the sums, the networks, the loop and its checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learner_cases import batches, config_for_updates
from toys import linear_policy, small_config

from dqnkit.checkpoint import restore, save
from dqnkit.default_parts import make_learner
from dqnkit.environments import make_env
from dqnkit.errors import ConfigError, EnvironmentNotSupportedError
from dqnkit.learner import Learner
from dqnkit.policy import LARGEST_DEVIATION, Normalize, q_values
from dqnkit.replay import ReplayBuffer
from dqnkit.running_statistics import RunningStatistics
from dqnkit.training import train
from dqnkit.types import Array, Rollout


class Remembering(ReplayBuffer):
    """A replay buffer that keeps every observation that was put in."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.seen: list[Array] = []

    def add_rollout(self, rollout: Rollout) -> None:
        self.seen.append(rollout.transitions.observation.copy())
        super().add_rollout(rollout)


def normal(**settings: Any) -> Any:
    return config_for_updates(normalize_observations=True, **settings)


# -------------------------------------------------------------------------------------------------------------- sums


@pytest.mark.parametrize("sizes", [[7], [1, 1, 1], [3, 0, 5, 1, 100]])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_batches_give_the_mean_and_the_deviation_of_all_at_once(
    sizes: list[int], offset: float, rng: np.random.Generator
) -> None:
    parts = [(offset + rng.normal(size=(size, 2, 3)) * [1, 5, 0.1]).astype(np.float32) for size in sizes]
    statistics = RunningStatistics((2, 3))
    for part in parts:
        statistics.add(part)
    whole = np.concatenate(parts).astype(np.float64)
    assert statistics.count == len(whole)
    np.testing.assert_allclose(statistics.mean, whole.mean(axis=0), rtol=1e-6)
    if len(whole) > 1:
        np.testing.assert_allclose(statistics.deviation, whole.std(axis=0), rtol=1e-4)


def test_what_has_always_been_the_same_keeps_its_scale() -> None:
    statistics = RunningStatistics((3,))
    np.testing.assert_array_equal(statistics.deviation, [1, 1, 1])
    statistics.add(
        np.array([[0.1, 7, 0]] * 1000, np.float32) + np.array([[0, 0, 1e-5], [0, 0, -1e-5]] * 500, np.float32)
    )
    assert statistics.deviation[:2].tolist() == [1, 1]
    assert statistics.deviation[2] == pytest.approx(1e-5)


def test_a_saved_state_goes_on_bit_for_bit(rng: np.random.Generator) -> None:
    first, second = RunningStatistics((4,)), RunningStatistics((4,))
    first.add(rng.normal(size=(33, 4)))
    second.load_state({**first.state(), "more": np.zeros(1)})
    more = rng.normal(size=(5, 4))
    for statistics in (first, second):
        statistics.add(more)
    for name, values in first.state().items():
        np.testing.assert_array_equal(second.state()[name], values, err_msg=name)


# ---------------------------------------------------------------------------------------------------------- networks


def test_numbers_are_cut_and_both_forward_passes_agree(rng: np.random.Generator) -> None:
    learner = Learner(normal())
    learner.observe(rng.normal(size=(50, 4)) * [1, 10, 100, 0] + 3)
    learner.update(batches(rng))
    weights = learner.get_weights()
    assert isinstance(weights.layers[0], Normalize)
    observation = (rng.normal(size=(20, 4)) * [5, 50, 5000, 1]).astype(np.float32)
    np.testing.assert_allclose(q_values(weights, observation), learner.online(observation).numpy(), atol=1e-4)
    far, farther = np.full((1, 4), 1e6, np.float32), np.full((1, 4), 1e9, np.float32)
    np.testing.assert_array_equal(q_values(weights, far), q_values(weights, farther))
    mean, deviation = weights.arrays[:2]
    np.testing.assert_array_equal(learner.online.layers[0](far).numpy(), np.full((1, 4), LARGEST_DEVIATION))
    near = (mean + 2 * deviation)[None]
    np.testing.assert_allclose(learner.online.layers[0](near).numpy(), np.full((1, 4), 2.0), rtol=1e-4)


@pytest.mark.parametrize("settings", [{}, {"xla": True}, {"target_tau": 0.1, "target_period": 1}, {"target_period": 3}])
def test_no_update_changes_them_and_both_networks_have_the_same(
    settings: dict[str, Any], rng: np.random.Generator
) -> None:
    learner = Learner(normal(**settings))
    seen = []
    for _ in range(3):
        seen.append(rng.normal(size=(40, 4)) * 3 + 1)
        learner.observe(seen[-1])
        learner.update(batches(rng))
        whole = np.concatenate(seen)
        for network in (learner.online, learner.target):
            np.testing.assert_allclose(network.layers[0].mean.numpy(), whole.mean(axis=0), rtol=1e-5)
            np.testing.assert_allclose(network.layers[0].deviation.numpy(), whole.std(axis=0), rtol=1e-5)
    before = [variable.numpy() for variable in learner.online.layers[0].weights]
    learner.update(batches(rng))
    for values, variable in zip(before, learner.online.layers[0].weights, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)
    assert len(learner.optimizer.variables) == 2 + 2 * len(learner.online.trainable_variables)
    assert len(learner.online.weights) == 2 + len(learner.online.trainable_variables)


def test_the_update_is_that_of_a_network_given_normalized_observations(rng: np.random.Generator) -> None:
    """With mean and deviation fixed, the first layer does what could be done to the batch before."""
    ours, theirs = Learner(normal()), Learner(config_for_updates())
    ours.observe(rng.normal(size=(100, 4)) * [1, 3, 9, 0.8] + 2)
    for _ in range(2):
        batch = batches(rng)
        ours.update(batch)
        mean, deviation = ours.get_weights().arrays[:2]
        fields = {name: (getattr(batch, name) - mean) / deviation for name in ("observation", "next_observation")}
        theirs.update(batch._replace(**fields))
    for variable, expected in zip(ours.online.trainable_variables, theirs.online.trainable_variables, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected.numpy(), atol=2e-6)


def test_a_network_of_the_readers_own_needs_the_layer() -> None:
    from dqnkit.networks import build_q_network

    def without(space: Any, actions: int, config: Any) -> Any:
        return build_q_network(space, actions, replace(config, normalize_observations=False))

    with pytest.raises(ConfigError, match=r"first layer of a network must be a dqnkit.network_layers.Normalization"):
        Learner(normal(), network=without)


# -------------------------------------------------------------------------------------------------------- the loop


@pytest.mark.parametrize("settings", [{}, {"replay_capacity": 100, "total_steps": 300, "n_step": 3}])
def test_they_are_those_of_everything_put_into_replay(settings: dict[str, Any]) -> None:
    config = small_config(normalize_observations=True, **settings)
    replay = Remembering(config.replay_capacity)
    *_, status = train(config, replay=replay)
    seen = np.concatenate(replay.seen).astype(np.float64)
    state = status.state.learner.state()
    assert int(state["observations/count"]) == len(seen) == status.state.counters.inserted
    np.testing.assert_allclose(state["observations/mean"], seen.mean(axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(state["observations/squares"] / len(seen), seen.var(axis=0), rtol=1e-9)
    stored = status.state.replay.sample(1, 16, np.random.default_rng(0)).transitions.observation
    assert any((stored[0, 0] == row).all() for row in seen.astype(np.float32))  # replay keeps them as they were


@pytest.mark.parametrize("env_id", ["CartPole-v1", "test/Scripted-v0"])
def test_stacked_vectors_are_normalized_as_they_are_stacked(env_id: str) -> None:
    config = small_config(env_id, normalize_observations=True, frame_stack=3, total_steps=200)
    *_, status = train(config)
    mean = status.weights.arrays[0]
    assert mean.shape == make_env(config).observation_space.shape
    assert np.abs(mean).max() > 0


@pytest.mark.parametrize("settings", [{}, {"deterministic": True}, {"replay": "prioritized", "actor_priorities": True}])
def test_a_resumed_run_ends_bit_for_bit_as_the_uninterrupted_one(tmp_path: Path, settings: dict[str, Any]) -> None:
    config = small_config(normalize_observations=True, **{"deterministic": True, **settings})
    *_, whole = train(config)
    loop = train(config)
    status = next(status for status in loop if status.updates >= 8)
    loop.close()
    save(status.state, tmp_path)
    *_, resumed = train(config, state=restore(tmp_path))
    expected = whole.state.learner.state()
    for name, values in resumed.state.learner.state().items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


@pytest.mark.parametrize(
    ("env_id", "settings"),
    [
        ("dqnkit/Catch-v0", {}),
        ("test/TinyVideo-v0", {}),
        ("test/SmallNumbers-v0", {}),
        ("FrozenLake-v1", {}),
        ("test/TinyVideo-v0", {"frame_stack": 3}),
    ],
)
def test_pictures_and_whole_numbers_are_refused(env_id: str, settings: dict[str, Any], tried: Any) -> None:
    config = small_config(env_id, normalize_observations=True, **settings)
    with pytest.raises(
        EnvironmentNotSupportedError, match=r"normalize_observations is for vectors of decimal"
    ) as caught:
        make_env(config)
    tried(21, f"{env_id} with normalize_observations", str(caught.value))


def test_a_learner_without_the_method_is_refused() -> None:
    class Plain:
        updates = 0

        def get_weights(self, version: int = 0) -> Any:
            return linear_policy((4,), 2)

    with pytest.raises(ConfigError, match=r"method observe\(observations\), which Plain lacks"):
        next(train(small_config(normalize_observations=True), learner=Plain()))  # type: ignore[arg-type]


def test_checkpoints_of_the_other_setting_are_refused(tmp_path: Path) -> None:
    *_, status = train(small_config(total_steps=150))
    save(status.state, tmp_path)
    with pytest.raises(ConfigError, match="saved online network does not fit"):
        restore(tmp_path, small_config(total_steps=150, normalize_observations=True))


@pytest.mark.slow
def test_observations_of_different_sizes_are_learned_from() -> None:
    """CartPole with its numbers in other units (as a wrapper gives them) is learned only when they are normalized."""
    settings = {"wrappers": ("toys:other_units",), "total_steps": 15_000, "hidden_sizes": (64,), "xla": True}
    settings |= {"samples_per_insert": 16.0, "epsilon_steps": 5_000, "learning_rate": 2e-3, "learning_starts": 500}
    returns = {}
    for normalized in (True, False):
        config = small_config(**settings, normalize_observations=normalized, batch_size=64, replay_capacity=15_000)
        *_, status = train(config)
        returns[normalized] = status.episode_return
    assert returns[True] > 2 * returns[False]


def test_make_learner_reads_the_setting() -> None:
    learner = make_learner(normal())
    assert isinstance(learner.get_weights().layers[0], Normalize)
