"""Continuous actions cut into bins: which force each number is, what is refused, and the table of actions."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from click.testing import CliRunner
from toys import Forces, linear_policy, small_config

from dqnkit.action_bins import ROWS, ActionBins, ActionTable, action_table
from dqnkit.actor import Actor
from dqnkit.cli import main
from dqnkit.config import DQNConfig
from dqnkit.environments import has_native_vector, make_env, make_vector_env
from dqnkit.errors import ConfigError, EnvironmentNotSupportedError

Box = gym.spaces.Box
SPACES = {
    "one number": Box(-2.0, 2.0, (1,)),
    "different bounds": Box(np.float32([-1, 0, -2]), np.float32([1, 4, 2])),
    "float64": Box(-1.0, 1.0, (2,), np.float64),
    "two axes": Box(np.float32([[0, 1], [2, 3]]), np.float32([[9, 9], [9, 9]])),
    "no axis": Box(-1.0, 1.0, ()),
    "whole numbers": Box(0, 10, (2,), np.int64),
    "bounds far apart": Box(np.float32(-3e38), np.float32(3e38), (1,)),
}


class Told(gym.Env[Any, Any]):
    """Keeps the last action."""

    observation_space = Box(-1, 1, (1,))

    def __init__(self, action_space: Any) -> None:
        self.action_space = action_space

    def step(self, action: Any) -> Any:
        self.action = action
        return np.zeros(1, np.float32), 0.0, False, False, {}


@pytest.mark.parametrize("bins", [2, 3, 4])
@pytest.mark.parametrize("name", SPACES)
def test_actions_count_like_the_wheels_of_a_counter(name: str, bins: int) -> None:
    space = SPACES[name]
    env = ActionBins(Told(space), bins, "mine")
    values = [
        np.linspace(float(low), float(high), bins)
        for low, high in zip(space.low.ravel(), space.high.ravel(), strict=True)
    ]
    assert env.action_space == gym.spaces.Discrete(bins ** len(values))
    for action, numbers in enumerate(itertools.product(*values)):
        env.step(np.int32(action))
        given = env.unwrapped.action  # type: ignore[attr-defined]
        assert given in space
        expected = np.rint(numbers) if space.dtype == np.int64 else numbers
        np.testing.assert_allclose(given.ravel(), expected, rtol=1e-6)
    assert action == env.action_space.n - 1  # type: ignore[attr-defined]


def test_two_bins_are_the_bounds() -> None:
    table = action_table(make_env(DQNConfig("test/Forces-v0", action_bins=2)))
    np.testing.assert_array_equal(table[0], Forces.action_space.low)
    np.testing.assert_array_equal(table[7], Forces.action_space.high)
    np.testing.assert_array_equal(table[1], [-1, 0, 2])  # the last number changes first


def test_an_action_out_of_range_is_no_other_action() -> None:
    env = ActionBins(Told(SPACES["different bounds"]), 3, "mine")
    for wrong in (-1, 27):
        with pytest.raises(ValueError, match="out of bounds"):
            env.step(wrong)


def test_copies_of_an_environment_get_the_forces_of_their_actions() -> None:
    config = small_config("test/Forces-v0", action_bins=3, num_envs=4, rollout_steps=30)
    actor = Actor(config)
    transitions = actor.rollout(linear_policy((4,), 27), epsilon=0.5).transitions
    table = action_table(make_env(config))
    assert len(set(transitions.action.tolist())) > 10
    assert transitions.action.dtype == np.int32
    for action, observation in zip(transitions.action, transitions.next_observation, strict=True):
        np.testing.assert_array_equal(observation[:3], table[action])  # although it scribbles over what it is given


def test_a_native_vector_version_is_not_used_with_bins() -> None:
    """It takes continuous actions, so there are copies."""
    gym.register("test/NativeForces-v0", Forces, vector_entry_point="no_such_module:Forces")
    config = DQNConfig("test/NativeForces-v0", action_bins=3)
    try:
        assert not has_native_vector(config)
        envs = make_vector_env(config, 2)
        envs.reset(seed=0)
        observation, *_ = envs.step(np.array([0, 26]))
        np.testing.assert_array_equal(observation[:, :3], [Forces.action_space.low, Forces.action_space.high])
    finally:
        del gym.registry["test/NativeForces-v0"]


@pytest.mark.parametrize(
    ("space", "bins", "kind", "message"),
    [
        (gym.spaces.Discrete(3), 5, ConfigError, "mine has 3 discrete actions already: set action_bins to 0"),
        (gym.spaces.MultiDiscrete([2, 3]), 5, EnvironmentNotSupportedError, r"mine has actions MultiDiscrete.* Wrap"),
        (Box(-1, 1, (0,)), 5, EnvironmentNotSupportedError, r"mine has actions Box.* Wrap the environment"),
        (Box(-np.inf, 1, (2,)), 5, EnvironmentNotSupportedError, r"mine has actions without bounds.*TransformAction"),
        (Box(-1, np.inf, (2,)), 5, EnvironmentNotSupportedError, "mine has actions without bounds"),
        (Box(-1, 1, (17,)), 5, ConfigError, r"make 5\*\*17 actions, more than .*: set action_bins to 3 or less"),
        (Box(-1, 1, (31,)), 3, ConfigError, "even 2 bins are too many"),
        (Box(-1, 1, (1000,)), 3, ConfigError, "even 2 bins are too many"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_what_to_do(space: Any, bins: int, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        ActionBins(Told(space), bins, "mine")


def test_the_advice_how_many_bins_is_right_at_the_limit() -> None:
    for dimensions in range(2, 31):
        with pytest.raises(ConfigError, match=r"set action_bins to (\d+) or less") as refused:
            ActionBins(Told(Box(-1, 1, (dimensions,))), 50_000, "mine")
        most = int(str(refused.value).split("action_bins to ")[1].split()[0])
        assert most**dimensions < 2**31 <= (most + 1) ** dimensions
        ActionBins(Told(Box(-1, 1, (dimensions,))), most, "mine")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"action_bins": 1}, "action_bins 1 leaves no choice: set it to 2 or more"),
        ({"decoupled": True}, "decoupled is about the bins of continuous actions: set action_bins"),
        ({"decoupled": True, "action_bins": 3, "dueling": True}, "decoupled and dueling"),
    ],
)
def test_settings_that_do_not_go_together(settings: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        DQNConfig("Pendulum-v1", **settings)


class TestTable:
    def test_all_actions_of_few(self) -> None:
        assert str(action_table(make_env(DQNConfig("Pendulum-v1", action_bins=5)))).splitlines() == [
            "actions: 5 values of one number",
            "  0:  -2",
            "  1:  -1",
            "  2:   0",
            "  3:   1",
            "  4:   2",
        ]

    def test_the_first_and_the_last_of_many(self) -> None:
        table = ActionTable(np.array([[-1.0, 1.0]] * 6))
        lines = str(table).splitlines()
        assert lines[0] == "actions: 2 values for each of 6 numbers, 2**6 = 64 actions"
        assert len(lines) == 1 + ROWS + 1
        assert lines[1].split() == ["0:", *["-1"] * 6]
        assert lines[-2].split() == ["…", "56", "more"]
        assert lines[-1].split() == ["63:", *["1"] * 6]

    @pytest.mark.parametrize("dimensions", [1, 2, 6])
    def test_in_a_notebook_it_has_the_same_rows(self, dimensions: int) -> None:
        table = ActionTable(np.array([[-1.0, 0.0, 1.0]] * dimensions))
        page = table._repr_html_()
        assert page.count("<tr>") == len(str(table).splitlines())  # a row of headings for the title
        assert page.count('scope="col"') == 1 + dimensions
        assert ("… " in page) == (dimensions > 1)

    def test_without_bins_there_is_none(self) -> None:
        with pytest.raises(ConfigError, match=r"Discrete\(2\), are not cut into bins.*action_bins=5"):
            action_table(make_env("CartPole-v1"))


def test_a_run_says_at_its_beginning_what_each_action_does(tmp_path: Any) -> None:
    command = ["train", "test/Forces-v0", "--action-bins", "2", "--run-dir", str(tmp_path / "run"), "--no-video"]
    quick = ["--total-steps", "200", "--learning-starts", "50", "--no-xla", "--evaluation-episodes", "2"]
    result = CliRunner().invoke(main, [*command, *quick, "--updates-per-call", "2", "--batch-size", "8"])
    assert result.exit_code == 0, result.output
    assert "actions: 2 values for each of 3 numbers, 2**3 = 8 actions\n  0:  -1  0  -2\n" in result.output


def test_the_command_line_says_what_to_set() -> None:
    result = CliRunner().invoke(main, ["train", "test/Forces-v0"])
    assert result.exit_code == 2
    assert "Set action_bins, for instance to 5 (--action-bins 5)" in result.output
