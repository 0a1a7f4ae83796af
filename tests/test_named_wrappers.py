"""Environments as their arguments and their wrappers make them, and what is said of those that do not fit."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from toys import linear_policy, small_config

from dqnkit import games
from dqnkit.actor import Actor
from dqnkit.checkpoint import restore, save
from dqnkit.config import DQNConfig
from dqnkit.default_parts import check_learner
from dqnkit.environments import has_native_vector, make_env, make_vector_env, network_spaces
from dqnkit.errors import CheckpointError, ConfigError, EnvironmentNotSupportedError, MissingExtraError, RolloutError
from dqnkit.evaluation import evaluate
from dqnkit.training import train
from dqnkit.videos import record_video

FLATTEN = "gymnasium.wrappers:FlattenObservation"
MODULE = '''
import gymnasium as gym
import numpy as np

class Pairs(gym.Env):
    """Observations in a Dict; `size` is in each of them."""
    action_space = gym.spaces.Discrete(2)

    def __init__(self, size=3, config=None, render_mode=None):
        self.size, self.config = size, {"speed": 1, **(config or {})}
        self.render_mode = render_mode
        self.observation_space = gym.spaces.Dict(
            {"place": gym.spaces.Box(-9, 9, (2,), np.float32), "size": gym.spaces.Box(-9, 9, (1,), np.float32)}
        )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return self.observation(), {}

    def step(self, action):
        self.time += 1
        return self.observation(), float(self.config["speed"]), self.time == 10, False, {}

    def observation(self):
        return {"place": np.array([self.time, 0], np.float32), "size": np.array([self.size], np.float32)}

    def render(self):
        return np.zeros((4, 4, 3), np.uint8)

    metadata = {"render_modes": ["rgb_array"]}

class Needy(Pairs):
    def __init__(self, size, **kwargs):
        super().__init__(size, **kwargs)

class Doubled(gym.ObservationWrapper):
    def observation(self, observation):
        return observation * 2

class Sealed(gym.Wrapper):
    """It reads what it gets."""
    def __init__(self, env):
        super().__init__(env)
        raise ValueError(f"no room for {env.observation_space}")

class Scaled(gym.ObservationWrapper):
    def __init__(self, env, factor):
        super().__init__(env)

def plus_one(env):
    return gym.wrappers.TransformObservation(env, lambda x: x + 1, env.observation_space)

def nothing(env):
    return None

LIMIT = 3
for kind in (Pairs, Needy):
    gym.registry.pop(f"{kind.__name__}-v0", None)
    gym.register(f"{kind.__name__}-v0", kind)
'''


@pytest.fixture
def pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DQNConfig:
    """Settings of an environment with Dict observations in a module `with_pairs`, flattened."""
    (tmp_path / "with_pairs.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "with_pairs", raising=False)
    return small_config("with_pairs:Pairs-v0", env_args={"size": 5}, wrappers=(FLATTEN,))


def test_arguments_and_wrappers_make_the_environment(pairs: DQNConfig) -> None:
    env = make_env(replace(pairs, env_args={"size": 5, "config": {"speed": 4}}))  # type: ignore[arg-type]
    observation, _ = env.reset()
    np.testing.assert_array_equal(observation, np.array([0, 0, 5], np.float32))
    assert env.step(0)[1] == 4.0
    assert network_spaces(pairs)[0].shape == (3,)


def test_the_first_wrapper_is_innermost(pairs: DQNConfig) -> None:
    for order, expected in (("Doubled", "plus_one"), 11), (("plus_one", "Doubled"), 12):
        config = replace(pairs, wrappers=(FLATTEN, *(f"with_pairs:{name}" for name in order)))
        assert make_env(config).reset()[0][2] == expected
        assert make_vector_env(config, 2).reset()[0][1, 2] == expected


def test_an_environment_may_change_its_arguments_without_changing_the_settings(pairs: DQNConfig) -> None:
    config = replace(pairs, env_args={"config": {"speed": 2}})  # type: ignore[arg-type]
    make_env(config).unwrapped.config["speed"] = 9  # type: ignore[attr-defined]
    env = make_env(config)
    env.reset()
    assert env.step(0)[1] == 2.0


def test_everything_that_makes_environments_makes_this_one(pairs: DQNConfig, tmp_path: Path) -> None:
    *_, status = train(pairs)
    save(status.state, tmp_path / "checkpoints")
    assert restore(tmp_path / "checkpoints").config == pairs
    assert set(evaluate(status.weights, pairs, 5)) == {10.0}
    assert set(evaluate(status.weights, pairs, 5, epsilon=0.5)) == {10.0}
    assert record_video(status.weights, pairs, tmp_path / "video.gif").path.exists()
    actor = Actor(pairs, 0)
    rollout = actor.rollout(status.weights, np.zeros(pairs.num_envs, np.float32))
    assert set(rollout.transitions.observation[:, 2]) == {5.0}
    actor.close()


@pytest.mark.parametrize("name", ["env_args", "wrappers"])
def test_another_environment_does_not_go_on_with_what_was_seen(pairs: DQNConfig, name: str, tmp_path: Path) -> None:
    *_, status = train(pairs)
    save(status.state, tmp_path)
    value: Any = {"env_args": {"size": 6}, "wrappers": (FLATTEN, "with_pairs:Doubled")}[name]
    other = replace(pairs, **{name: value})
    with pytest.raises(CheckpointError, match=f"was written with {name} .*, not "):
        restore(tmp_path, other)
    with pytest.raises(ConfigError, match=f"this state was made with {name} .*, the run has {name} "):
        next(train(other, state=status.state))
    check_learner(status.state.learner, other)  # the same spaces: the network may go on there


def test_a_learner_of_other_spaces_is_refused_by_what_differs(pairs: DQNConfig) -> None:
    config = replace(pairs, max_episode_steps=20)
    *_, status = train(config)
    other = replace(config, wrappers=(FLATTEN, "gymnasium.wrappers:TimeAwareObservation"))
    with pytest.raises(ConfigError, match=r"made with wrappers .*, the run has wrappers .*, whose spaces are others"):
        check_learner(status.state.learner, other)


def test_a_native_vector_version_is_used_only_where_it_makes_the_same_environment() -> None:
    assert has_native_vector(DQNConfig())
    assert not has_native_vector(DQNConfig(wrappers=(FLATTEN,)))
    sutton = DQNConfig(env_args={"sutton_barto_reward": True})  # type: ignore[arg-type]
    assert has_native_vector(sutton)
    envs = make_vector_env(sutton, 2)
    envs.reset(seed=0)
    assert not isinstance(envs, gym.vector.SyncVectorEnv)
    assert (envs.step(np.zeros(2, np.int64))[1] == 0).all()
    assert not has_native_vector(DQNConfig(env_args={"num_envs": 3}))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [make_env, lambda config: make_vector_env(config, 2)], ids=["one", "two"])
@pytest.mark.parametrize(
    ("env_id", "arguments", "message"),
    [
        (
            "CartPole-v1",
            {"suton": 1},
            r"CartPole-v1 takes no argument 'suton'\. Its constructor takes sutton_barto_rew",
        ),
        ("with_pairs:Pairs-v0", {"siz": 1}, "'siz': did you mean size. Its constructor takes size, config$"),
        ("with_pairs:Needy-v0", {}, "Needy-v0 needs a value for 'size': give --env-arg NAME=VALUE"),
        (
            "with_pairs:Needy-v0",
            {"size": 1, "sizes": 1},
            "'sizes': did you mean size. Its constructor takes size, conf",
        ),
        ("with_pairs:Pairs-v0", {"config": 3}, "raised TypeError: "),
    ],
)
def test_a_wrong_argument_is_one_sentence(
    pairs: DQNConfig, make: Any, env_id: str, arguments: dict[str, Any], message: str, tried: Any
) -> None:
    config = replace(pairs, env_id=env_id, env_args=arguments)  # type: ignore[arg-type]
    with pytest.raises((EnvironmentNotSupportedError, RolloutError), match=message) as caught:
        make(config)
    tried(21, f"{env_id} with the arguments {arguments}", str(caught.value).splitlines()[0])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.at_all:Thing", "the wrapper nowhere.at_all:Thing: the module .* there is no nowhere here"),
        ("with_pairs:Dubbled", "the module with_pairs has no Dubbled: did you mean Doubled"),
        ("with_pairs:LIMIT", "with_pairs:LIMIT is no wrapper: it must be a subclass of gymnasium.Wrapper, or a func"),
        ("with_pairs:Pairs", "with_pairs:Pairs is no wrapper"),
        ("with_pairs:nothing", "with_pairs:nothing is no wrapper: it returned a NoneType"),
        ("with_pairs:Scaled", "with_pairs:Scaled needs factor besides the environment: write a function"),
        ("with_pairs:Sealed", r"raised ValueError: no room for Dict.* \(while with_pairs:Sealed was put around it\)"),
    ],
)
def test_a_wrapper_that_cannot_be_used_is_one_sentence(pairs: DQNConfig, name: str, message: str, tried: Any) -> None:
    with pytest.raises((EnvironmentNotSupportedError, RolloutError), match=message) as caught:
        make_env(replace(pairs, wrappers=(name,)))
    tried(21, f"the wrapper {name}", str(caught.value).splitlines()[0])


def test_dict_observations_are_refused_with_the_wrapper_to_try(pairs: DQNConfig) -> None:
    with pytest.raises(EnvironmentNotSupportedError, match=f"has observations Dict.*--wrapper {FLATTEN}, in Python"):
        make_env(replace(pairs, wrappers=()))
    text = gym.spaces.Dict({"words": gym.spaces.Text(5), "many": gym.spaces.Sequence(gym.spaces.Discrete(2))})
    with pytest.raises(EnvironmentNotSupportedError, match="Write a wrapper that makes one array of them"):
        games_check(text)


def games_check(space: gym.Space[Any]) -> None:
    from dqnkit.environment_limits import check_spaces

    check_spaces(space, gym.spaces.Discrete(2), "Mine-v0")


# ------------------------------------------------------------------------------------- environments of other packages

needs_minigrid = pytest.mark.skipif(find_spec("minigrid") is None, reason="minigrid is not installed")
needs_highway = pytest.mark.skipif(find_spec("highway_env") is None, reason="highway-env is not installed")
DOORKEY = DQNConfig(env_id="MiniGrid-DoorKey-5x5-v0")


@needs_minigrid
def test_minigrid_is_found_and_its_refusal_names_the_flag() -> None:
    with pytest.raises(EnvironmentNotSupportedError, match=r"--wrapper minigrid.wrappers:ImgObsWrapper, in Python"):
        make_env(DOORKEY)
    config = replace(DOORKEY, wrappers=("minigrid.wrappers:ImgObsWrapper",), env_args={"agent_view_size": 5})  # type: ignore[arg-type]
    space, actions = network_spaces(config)
    assert (space.shape, space.dtype, actions) == ((5, 5, 3), np.uint8, 7)


@needs_minigrid
def test_grid_planes_show_the_whole_grid() -> None:
    env = make_env(replace(DOORKEY, wrappers=("dqnkit.minigrid_planes:GridPlanes",)))
    inner: Any = env.unwrapped
    observation, _ = env.reset(seed=3)
    assert observation in env.observation_space
    assert observation.shape == (5, 5, 16)
    objects: dict[str, int] = {"wall": 0, "key": 1, "goal": 4, "door": 8}
    for x in range(5):
        for y in range(5):
            there = inner.grid.get(x, y)
            planes = {plane for plane in range(9) if observation[x, y, plane]}
            assert planes == ({objects[there.type]} if there else set()), (x, y, there)
    agent = np.argwhere(observation[:, :, 9:13])
    assert agent.tolist() == [[*inner.agent_pos, inner.agent_dir]]
    assert not observation[:, :, 13:].any()
    [key] = np.argwhere(observation[:, :, 1])
    inner.carrying = inner.grid.get(*key)
    inner.grid.set(*key, None)
    after, *_ = env.step(0)
    assert not after[:, :, 1].any()
    assert after[:, :, 13].all()
    assert after[(*inner.agent_pos, 9 + inner.agent_dir)] == 1


@needs_highway
def test_highway_takes_its_dict_and_a_misspelt_name_in_it_is_refused() -> None:
    config = DQNConfig(env_id="highway-fast-v0", env_args={"config": {"vehicles_count": 4, "lanes_count": 2}})  # type: ignore[arg-type]
    env = make_env(config)
    assert env.unwrapped.config["vehicles_count"] == 4  # type: ignore[attr-defined]
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    env.close()
    with pytest.raises(
        EnvironmentNotSupportedError, match="no 'vehicle_count' in its config: did you mean vehicles_co"
    ):
        make_env(replace(config, env_args={"config": {"vehicle_count": 4}}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("env_id", "package"),
    [("MiniGrid-DoorKey-5x5-v0", "minigrid"), ("highway-fast-v0", "highway_env"), ("HalfCheetah-v5", "mujoco")],
)
def test_a_missing_package_names_the_extra(
    env_id: str, package: str, monkeypatch: pytest.MonkeyPatch, tried: Any
) -> None:
    real = games.find_spec
    monkeypatch.setattr(games, "find_spec", lambda name: None if name == package else real(name))
    with pytest.raises(
        MissingExtraError, match=rf'{package}, which {env_id} needs,.*"dqnkit\[applications\]"'
    ) as caught:
        make_env(env_id)
    tried(21, f"{env_id} without {package}", str(caught.value))


def test_the_policy_of_other_shapes_is_not_run_in_them(pairs: DQNConfig) -> None:
    """A policy made for the wrapped environment acts in it, also with epsilon, and its returns are those of a seed."""
    weights = linear_policy((3,), 2)
    first, second = (evaluate(weights, pairs, 3, seed=4, epsilon=0.3) for _ in range(2))
    np.testing.assert_array_equal(first, second)
