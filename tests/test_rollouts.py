"""Rollouts in this process: every actor in each round, with or without a thread."""

from __future__ import annotations

import threading
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from toys import SpiedConfig, linear_policy, small_config

from dqnkit.actor import Actor
from dqnkit.errors import ConfigError, InvalidDataError
from dqnkit.rollouts import ROLLOUT_SETTINGS, InProcessRollouts
from dqnkit.types import Rollout

WEIGHTS = [linear_policy((4,), 2, seed=version, version=version) for version in range(6)]


def epsilons(actors: int = 2, copies: int = 4, value: float = 0.5) -> Any:
    return np.full((actors, copies), value, np.float32)


def equal(first: Rollout, second: Rollout) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first.transitions, second.transitions, strict=True))


@pytest.mark.parametrize("overlap", [False, True])
def test_a_round_has_one_rollout_of_each_actor_in_order(overlap: bool) -> None:
    source = InProcessRollouts(small_config(num_actors=3, overlap=overlap))
    for sequence in range(3):
        rollouts = source.collect(WEIGHTS[sequence], epsilons(3), sequence)
        assert [(rollout.actor, rollout.sequence) for rollout in rollouts] == [(i, sequence) for i in range(3)]
        assert all(24 <= rollout.steps <= 32 for rollout in rollouts)  # resets are not steps
    source.close()


def test_rollouts_are_those_of_actors_alone() -> None:
    config = small_config(num_actors=2)
    source, actors = InProcessRollouts(config), [Actor(config, index) for index in range(2)]
    for sequence in range(3):
        alone = [actor.rollout(WEIGHTS[sequence], 0.5, sequence) for actor in actors]
        assert all(map(equal, source.collect(WEIGHTS[sequence], epsilons(), sequence), alone))


def test_overlap_gives_the_round_that_was_begun_before_with_the_weights_of_then() -> None:
    source = InProcessRollouts(small_config(num_actors=2, overlap=True))
    versions = [source.collect(WEIGHTS[i], epsilons(), i)[0].weights_version for i in range(5)]
    assert versions == [0, 0, 1, 2, 3]
    source.close()


def test_overlap_changes_nothing_but_the_age_of_the_weights() -> None:
    together, apart = (InProcessRollouts(small_config(num_actors=2, overlap=overlap)) for overlap in (True, False))
    for sequence, version in enumerate([0, 0, 1, 2]):
        first = together.collect(WEIGHTS[sequence], epsilons(), sequence)
        second = apart.collect(WEIGHTS[version], epsilons(), sequence)
        assert all(map(equal, first, second))
    together.close()


def test_epsilon_of_each_actor_and_the_readers_own_choice_of_actions() -> None:
    seen = []

    def select(q: Any, epsilon: Any, rng: np.random.Generator) -> Any:
        seen.append(epsilon)
        return np.ones(len(q), np.int32)

    source = InProcessRollouts(small_config(num_actors=2, rollout_steps=1), select_action=select)
    rollouts = source.collect(WEIGHTS[0], np.stack([np.zeros(4), np.ones(4)]), 0)
    np.testing.assert_array_equal(seen, np.stack([np.zeros(4), np.ones(4)]))
    assert all((rollout.transitions.action == 1).all() for rollout in rollouts)


@pytest.mark.parametrize("overlap", [False, True])
def test_closing_ends_all_work_and_collecting_begins_anew(overlap: bool) -> None:
    threads = set(threading.enumerate())
    source = InProcessRollouts(small_config(num_actors=2, overlap=overlap))
    first = source.collect(WEIGHTS[0], epsilons(), 0)
    source.collect(WEIGHTS[1], epsilons(), 1)
    source.close()
    assert set(threading.enumerate()) == threads
    assert all(map(equal, first, source.collect(WEIGHTS[0], epsilons(), 0)))
    source.close()
    source.close()  # a second time does no harm


@pytest.mark.parametrize("overlap", [False, True])
def test_an_error_in_an_environment_arrives_here(overlap: bool) -> None:
    source = InProcessRollouts(small_config("test/Broken-v0", num_actors=2, overlap=overlap))
    rounds = (source.collect(linear_policy((2,), 2), epsilons(value=1.0), sequence) for sequence in range(3))
    with pytest.raises(InvalidDataError, match="test/Broken-v0: copy"):
        list(rounds)
    source.close()


OTHER: dict[str, Any] = {
    "env_id": "Acrobot-v1",
    "seed": 99,
    "max_episode_steps": 99,
    "frame_stack": 2,
    "reward_clip": 1.5,
    "life_loss_ends": True,
    "fire_reset": True,
    "num_actors": 9,
    "num_envs": 9,
    "rollout_steps": 9,
    "deterministic": True,
    "overlap": True,
    "gamma": 0.5,
    "n_step": 9,
    "actor_priorities": True,
}


@pytest.mark.parametrize("name", ROLLOUT_SETTINGS)
def test_a_run_with_another_setting_of_the_actors_is_refused_with_both_values(name: str) -> None:
    config = small_config(replay="prioritized")
    source = InProcessRollouts(replace(config, **{name: OTHER[name]}))
    message = rf"InProcessRollouts was made with {name} .*, the run has {name} "
    with pytest.raises(ConfigError, match=message) as error:
        source.begin(config)
    assert repr(OTHER[name]) in str(error.value)
    assert repr(getattr(config, name)) in str(error.value)


def test_settings_that_do_not_concern_the_actors_may_differ() -> None:
    config = small_config()
    other = replace(config, total_steps=9, hidden_sizes=(3,), learning_rate=0.5, batch_size=9, epsilon_end=0.5)
    InProcessRollouts(other).begin(config)


@pytest.mark.parametrize("deterministic", [False, True])
def test_all_settings_that_actors_read_are_compared(deterministic: bool) -> None:
    plain = small_config(max_episode_steps=20, n_step=2, deterministic=deterministic, replay="prioritized")
    config = SpiedConfig(**{spec.name: getattr(plain, spec.name) for spec in fields(plain)})
    config.seen.clear()
    source = InProcessRollouts(config)
    source.collect(WEIGHTS[0], epsilons(1), 0)
    source.close()
    assert config.seen == set(ROLLOUT_SETTINGS)
