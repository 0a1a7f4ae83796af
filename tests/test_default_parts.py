"""A learner passed to `train` must have the run's settings, as far as its results depend on them."""

from __future__ import annotations

from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from toys import SpiedConfig, linear_policy, small_config

from dqnkit.config import DQNConfig
from dqnkit.default_parts import LEARNER_SETTINGS, check_learner, make_learner
from dqnkit.errors import ConfigError
from dqnkit.training import train
from dqnkit.types import Transition

OTHER: dict[str, Any] = {
    "double_q": True,
    "loss": "squared",
    "adam_epsilon": 0.5,
    "max_gradient_norm": 3.0,
    "batch_size": 99,
    "target_period": 99,
    "target_tau": 0.5,
    "frame_stack": 2,
    "normalize_observations": True,
    "hidden_sizes": (9, 9),
    "dueling": True,
    "conv_filters": (9,),
    "conv_sizes": (9,),
    "conv_strides": (9,),
    "actor_priorities": True,
    "action_bins": 3,
    "decoupled": True,
}
# what a setting needs to be valid
TOGETHER: dict[str, dict[str, Any]] = {"decoupled": {"action_bins": 3}}


# the environment's spaces are compared, not its name; for the others see `LEARNER_SETTINGS`
NOT_COMPARED = {
    *("env_id", "env_args", "wrappers", "life_loss_ends", "fire_reset", "max_episode_steps"),
    *("seed", "learning_rate", "xla"),
}


def made_with(config: DQNConfig) -> Any:
    """The part of a learner that is compared."""
    return SimpleNamespace(config=config, updates=0, get_weights=lambda version=0: linear_policy((4,), 2))


@pytest.mark.parametrize("name", LEARNER_SETTINGS)
def test_a_learner_with_another_setting_is_refused_with_both_values(name: str) -> None:
    config = small_config(replay="prioritized", **TOGETHER.get(name, {}))  # which actor_priorities need
    other = replace(config, **{name: OTHER[name]})
    message = rf"the learner was made with {name} .*, the run has {name} "
    with pytest.raises(ConfigError, match=message) as error:
        next(train(config, learner=made_with(other)))
    assert repr(OTHER[name]) in str(error.value)
    assert repr(getattr(config, name)) in str(error.value)


def test_settings_that_do_not_concern_the_learner_may_differ() -> None:
    config = small_config()
    other = {"seed": 5, "total_steps": 7, "learning_rate": 0.5, "xla": True, "gamma": 0.5, "learning_starts": 3}
    check_learner(made_with(replace(config, **other)), config)
    check_learner(SimpleNamespace(updates=0), config)  # a learner that does not tell its settings


def test_a_learner_may_go_on_in_another_environment_of_the_same_spaces() -> None:
    check_learner(made_with(small_config()), small_config("dqnkit/SlowCartPole-v0"))
    with pytest.raises(ConfigError, match="env_id 'Acrobot-v1', the run has env_id 'CartPole-v1', whose spaces"):
        check_learner(made_with(small_config("Acrobot-v1")), small_config())


def test_a_state_does_not_go_on_with_settings_that_its_learner_does_not_have() -> None:
    config = small_config(total_steps=96)
    *_, status = train(config)
    with pytest.raises(ConfigError, match="made with target_period 200, the run has target_period 3"):
        next(train(replace(config, target_period=3), state=status.state))


@pytest.mark.parametrize("settings", [{"xla": False}, {"xla": True, "dueling": True}])
def test_all_settings_that_a_learner_reads_are_compared(settings: dict[str, Any]) -> None:
    plain = small_config("test/TinyVideo-v0", frame_stack=3, conv_filters=(4,), max_gradient_norm=1.0, **settings)
    config = SpiedConfig(**{spec.name: getattr(plain, spec.name) for spec in fields(plain)})
    config.seen.clear()
    learner = make_learner(config)
    pictures = np.zeros((2, 16, 3, 4, 5), np.uint8)
    zeros = np.zeros((2, 16), np.float32)
    learner.update(Transition(pictures, zeros.astype(np.int32), zeros, zeros, pictures))
    assert config.seen - NOT_COMPARED == set(LEARNER_SETTINGS)
