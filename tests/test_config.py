"""The settings: documented, checked, frozen, and unchanged after a round trip through JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from dqnkit.config import STREAMS, DQNConfig
from dqnkit.errors import ConfigError, DQNKitError
from dqnkit.presets import PRESETS, preset

FIELDS = {spec.name: spec for spec in dataclasses.fields(DQNConfig)}


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_documented_on_one_line(name: str) -> None:
    assert 5 < len(FIELDS[name].metadata["help"]) < 120
    assert "\n" not in FIELDS[name].metadata["help"]


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_the_wrong_type_is_refused_by_name(name: str) -> None:
    for wrong in (None, object(), {0: 1}):
        with pytest.raises(ConfigError, match=rf"^{name} takes .* not "):
            DQNConfig(**{name: wrong})


BOUNDED = [
    (name, bound + sign)
    for name, spec in FIELDS.items()
    for bound, sign in ((spec.metadata["low"], -1), (spec.metadata["high"], +1))
    if bound is not None
]


@pytest.mark.parametrize(("name", "value"), BOUNDED)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    wrong = (value,) if isinstance(FIELDS[name].default, tuple) else value
    with pytest.raises(ConfigError, match=rf"^{name} takes .* (of at least|from) "):
        DQNConfig(**{name: wrong})


@pytest.mark.parametrize("name", [name for name, spec in FIELDS.items() if spec.metadata["choices"]])
def test_a_word_that_is_no_choice_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name} takes '.*' or '.*', not 'nonsense'"):
        DQNConfig(**{name: "nonsense"})
    for choice in FIELDS[name].metadata["choices"]:
        assert getattr(DQNConfig(**{name: choice}), name) == choice


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_envs": True}, "num_envs takes a whole number"),
        ({"num_envs": 2.0}, "num_envs takes a whole number"),
        ({"double_q": 1}, "double_q takes True or False"),
        ({"learning_rate": "0.1"}, "learning_rate takes a number"),
        ({"gamma": float("nan")}, "gamma takes a number from 0 to 1, not nan"),
        ({"adam_epsilon": float("inf")}, "adam_epsilon takes a number of at least 0"),
        ({"hidden_sizes": 64}, "hidden_sizes takes whole numbers, like"),
        ({"hidden_sizes": (64, 0)}, "hidden_sizes takes a whole number of at least 1, not 0"),
        ({"hidden_sizes": ()}, "hidden_sizes takes at least one layer"),
        ({"conv_filters": (8, 8)}, "conv_filters, conv_sizes and conv_strides must name the same number"),
        ({"learning_starts": 11, "replay_capacity": 10}, "learning would never start"),
        ({"actor_priorities": True}, "actor_priorities needs prioritized replay: set replay to "),
        ({"deterministic": True, "overlap": True}, "deterministic and overlap exclude each other"),
    ],
)
def test_other_bad_values(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DQNConfig(**settings)


def test_config_errors_are_the_kits_own_and_value_errors() -> None:
    assert issubclass(ConfigError, DQNKitError)
    assert issubclass(ConfigError, ValueError)


@pytest.mark.parametrize("make", [DQNConfig.from_dict, lambda values: preset("CartPole-v1", **values)])
@pytest.mark.parametrize(
    ("name", "hint"), [("learning_rat", "did you mean learning_rate or "), ("zzz", r"see help\(DQNConfig\)")]
)
def test_an_unknown_setting_is_refused_with_the_nearest_names(make: Any, name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"there is no setting '{name}'; {hint}"):
        make({name: 1})


def test_round_trip_through_json() -> None:
    config = DQNConfig(hidden_sizes=(1, 2, 3), double_q=True, gamma=0.5, env_id="Acrobot-v1", frame_stack=2)
    assert DQNConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_configuration_written_before_a_setting_existed_has_its_default() -> None:
    written = {name: value for name, value in DQNConfig(gamma=0.5).to_dict().items() if name != "actor_priorities"}
    assert DQNConfig.from_dict(written) == DQNConfig(gamma=0.5, actor_priorities=False)


def test_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DQNConfig().gamma = 0.5  # type: ignore[misc]


def test_numbers_become_pythons_own() -> None:
    config = DQNConfig(num_envs=np.int64(3), gamma=np.float32(0.5), learning_rate=1, hidden_sizes=[8, np.int32(4)])  # type: ignore[arg-type]
    assert [type(value) for value in (config.num_envs, config.gamma, config.learning_rate)] == [int, float, float]
    assert config.hidden_sizes == (8, 4)


@pytest.mark.parametrize("env_id", PRESETS)
def test_every_preset_is_a_valid_configuration(env_id: str) -> None:
    config = preset(env_id)
    assert config.env_id == env_id
    assert preset(env_id, total_steps=7).total_steps == 7


def test_without_a_preset_the_defaults_hold() -> None:
    assert preset("Somebodys/Env-v0") == DQNConfig(env_id="Somebodys/Env-v0")


def test_streams_of_randomness_are_their_own() -> None:
    draws = {
        tuple(DQNConfig(seed=seed).generator(stream, *numbers).integers(1 << 62, size=2))
        for seed in (0, 1)
        for stream in STREAMS
        for numbers in ((), (0,), (1,), (0, 1), (1, 0))
    }
    # NumPy pads entropy with zeros: no number equals the number 0, and 1 equals (1, 0)
    assert len(draws) == 2 * len(STREAMS) * 3
    again = DQNConfig().generator("replay", 5)
    assert again.random() == DQNConfig().generator("replay", 5).random()
