"""The table of presets: each is valid, its environment can be made, and the command line's help names it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from dqnkit.cli import main
from dqnkit.config import DQNConfig
from dqnkit.environments import make_env
from dqnkit.errors import MissingExtraError
from dqnkit.presets import FAMILIES, PRESETS, names_of_presets, preset

ONE_OF = {"ALE/": "ALE/Pong-v5"}  # one of each family


@pytest.mark.parametrize("env_id", [*PRESETS, *(ONE_OF[start] for start in FAMILIES)])
def test_the_settings_are_valid_and_the_environment_can_be_made(env_id: str) -> None:
    config = preset(env_id)
    settings = PRESETS.get(env_id) or next(FAMILIES[start] for start in FAMILIES if env_id.startswith(start))
    assert config == DQNConfig(env_id=env_id, **settings)
    try:
        env = make_env(config)
    except MissingExtraError as error:
        pytest.skip(str(error))
    assert env.reset(seed=0)[0] in env.observation_space
    env.close()


def test_an_entry_goes_before_its_family(monkeypatch: pytest.MonkeyPatch) -> None:
    assert preset("ALE/Pong-v5").frame_stack == 4
    assert preset("ALE/Pong-v5", frame_stack=2).frame_stack == 2
    monkeypatch.setitem(PRESETS, "ALE/Pong-v5", {"frame_stack": 3})
    assert preset("ALE/Pong-v5") == DQNConfig(env_id="ALE/Pong-v5", frame_stack=3)


def test_the_help_of_the_command_line_names_each() -> None:
    text = " ".join(CliRunner().invoke(main, ["train", "--help"]).output.split())
    assert names_of_presets() in text
    for env_id in PRESETS:
        assert env_id in text or f"{env_id.partition('/')[0]}/..." in text
    assert text.count("MinAtar/...") == 1
