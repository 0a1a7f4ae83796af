"""Arguments of an environment: values of JSON that never change, from Python, from JSON and from a command line."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

from dqnkit.arguments import Arguments, read_arguments
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.presets import PRESETS, preset

NESTED: dict[str, Any] = {"config": {"lanes_count": 3, "speeds": [20, 30.5], "action": {"type": "x"}}, "render": None}


def test_they_are_read_like_a_dict_and_cannot_be_changed() -> None:
    given = copy.deepcopy(NESTED)
    arguments = Arguments(given)
    given["config"]["speeds"].append(99)
    assert arguments["config"]["lanes_count"] == 3
    assert arguments["config"]["speeds"] == (20, 30.5)
    assert list(arguments) == ["config", "render"]
    with pytest.raises(TypeError):
        arguments["config"]["lanes_count"] = 4
    plain = arguments.plain()
    assert plain == NESTED
    plain["config"]["action"]["type"] = "y"
    assert arguments["config"]["action"]["type"] == "x"


def test_equal_values_are_one_key() -> None:
    first, second = Arguments(NESTED), Arguments(dict(reversed(NESTED.items())))
    assert first == second
    assert len({first, second, Arguments({})}) == 2
    assert len({DQNConfig(env_args=NESTED), DQNConfig(env_args=second), DQNConfig()}) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))], ids=["deepcopy", "pickle"])
def test_copies_are_equal(copied: Any) -> None:
    config = DQNConfig(env_args=Arguments(NESTED), wrappers=("a.b:C",))
    assert copied(config) == config
    assert hash(copied(config)) == hash(config)


def test_the_configuration_is_unchanged_after_a_round_trip_through_json() -> None:
    config = DQNConfig(env_args=NESTED, wrappers=["a.b:C", "d:E"])  # type: ignore[arg-type]
    assert DQNConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    older = {name: value for name, value in config.to_dict().items() if name not in ("env_args", "wrappers")}
    assert DQNConfig.from_dict(older) == DQNConfig()


def test_numbers_of_numpy_become_pythons() -> None:
    arguments = Arguments({"a": np.int64(3), "b": np.float32(0.5), "c": np.bool_(True)})
    assert json.dumps(arguments.plain()) == '{"a": 3, "b": 0.5, "c": true}'


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": object()}, r"env_args\['a'\] takes values of JSON .* not <object"),
        ({"a": {"b": [1, float("nan")]}}, r"env_args\['a'\]\['b'\]\[1\] takes values of JSON .* not nan"),
        ({"a": {"b": {1, 2}}}, r"env_args\['a'\]\['b'\] takes values of JSON"),
        ({"a": np.zeros(3)}, r"env_args\['a'\] takes values of JSON"),
        ({"a": {1: 2}}, r"env_args\['a'\] takes names \(text\) as keys, not 1"),
        ([("a", 1)], r"env_args takes a dict, like .* not \[\('a', 1\)\]"),
        ({"max_episode_steps": 5}, "not 'max_episode_steps': it is the setting max_episode_steps"),
        ({"render_mode": "human"}, "not 'render_mode': it is set where something is drawn"),
    ],
)
def test_other_values_are_refused_with_their_place(value: Any, where: str) -> None:
    with pytest.raises(ConfigError, match=where):
        DQNConfig(env_args=value)


@pytest.mark.parametrize("wrong", ["ImgObsWrapper", "minigrid.wrappers", "a b:C", "a:b:C", 3, ""])
def test_wrappers_are_named_with_their_modules(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r'^wrappers takes names like those in \("gymnasium.wrappers:Flatten'):
        DQNConfig(wrappers=(wrong,))
    with pytest.raises(ConfigError, match=r"^wrappers takes names in a tuple"):
        DQNConfig(wrappers="a:B")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["size=8"], {"size": 8}),
        (["config.lanes_count=3", "config.vehicles_count=8"], {"config": {"lanes_count": 3, "vehicles_count": 8}}),
        (["config={\"a\": 1}", "config.b=2"], {"config": {"a": 1, "b": 2}}),
        (["config.b=2", "config={\"a\": 1}"], {"config": {"a": 1, "b": 2}}),
        (["a=true", "b=True", "c=null", "d=None"], {"a": True, "b": True, "c": None, "d": None}),
        (["map=8x8", "name=", "list=[1, 2]", "a=b=c"], {"map": "8x8", "name": "", "list": [1, 2], "a": "b=c"}),
        (['text="3"', "number=0.5"], {"text": "3", "number": 0.5}),
        (["size=8", "size=9"], {"size": 9}),
    ],
)  # fmt: skip
def test_a_command_line_is_read_as_json_or_as_text(texts: list[str], expected: dict[str, Any]) -> None:
    assert read_arguments(texts) == expected


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["size"], "written NAME=VALUE, like .* not 'size'"),
        (["=3"], "written NAME=VALUE"),
        (["a..b=3"], "written NAME=VALUE"),
        (["a=3", "a.b=4"], "'a.b=4' needs a to be a dict, and another argument makes it 3"),
    ],
)
def test_what_is_no_argument_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_arguments(texts)


def test_written_arguments_are_read_back() -> None:
    arguments = Arguments({"config": {"a": 1, "b": {"c": [1, "x"]}}, "text": "word", "none": None})
    assert Arguments(read_arguments(f"{arguments}".replace(", ", ",").split())) == arguments


def test_a_preset_keeps_the_arguments_that_are_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "Mine-v0", {"env_args": {"config": {"a": 1, "b": 2}, "size": 3}, "wrappers": ("a:B",)})
    config = preset("Mine-v0", env_args={"config": {"b": 5, "c": 6}})
    assert config.env_args == Arguments({"config": {"a": 1, "b": 5, "c": 6}, "size": 3})
    assert config.wrappers == ("a:B",)
    assert preset("Mine-v0", env_args={"config": 7}).env_args == Arguments({"config": 7, "size": 3})
    with pytest.raises(ConfigError, match=r"^env_args takes a dict"):
        preset("Mine-v0", env_args=3)
