"""One contract for every environment that dqnkit has settings for, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from toys import linear_policy, small_config

from dqnkit import games, opengl
from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.environment_limits import check_autoreset, check_spaces
from dqnkit.environments import make_env, make_vector_env
from dqnkit.errors import EnvironmentNotSupportedError, MissingExtraError
from dqnkit.evaluation import evaluate
from dqnkit.games import needed_package
from dqnkit.own_process import run_python
from dqnkit.presets import PRESETS, preset
from dqnkit.types import Array

KNOWN = [*PRESETS, "ALE/Pong-v5"]
# continuous actions, with so many bins
CUT = {"Pendulum-v1": 5, "test/Forces-v0": 3, "HalfCheetah-v5": 2, "Walker2d-v5": 7}
# every preset, other kinds of observations, and continuous actions
IDS = list(dict.fromkeys([*KNOWN, "FrozenLake-v1", "test/TinyVideo-v0", *CUT]))


def settings_of(env_id: str, **more: Any) -> DQNConfig:
    """What every run in this environment must set: the arguments, wrappers and bins of its preset."""
    known = preset(env_id)
    bins = CUT.get(env_id, known.action_bins)
    return DQNConfig(env_id, env_args=known.env_args, wrappers=known.wrappers, action_bins=bins, **more)


def marked(env_id: str) -> Any:
    package = needed_package(env_id)
    missing = package is not None and find_spec(package) is None
    return pytest.param(env_id, marks=pytest.mark.skipif(missing, reason=f"{package} is not installed"))


def trajectory(env: gym.Env[Any, Any], seed: int, steps: int = 25) -> tuple[Array, list[float]]:
    observations, rewards = [np.array(env.reset(seed=seed)[0])], []
    for t in range(steps):
        observation, reward, terminated, truncated, _ = env.step(np.int64(t * 7 % 5 % env.action_space.n))  # type: ignore[attr-defined]
        observations.append(np.array(observation))
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return np.stack(observations), rewards


@pytest.mark.parametrize("env_id", [marked(env_id) for env_id in IDS])
class TestContract:
    def test_observations_rewards_and_ends_have_the_right_types(self, env_id: str) -> None:
        env = make_env(settings_of(env_id))
        space = env.observation_space
        observation, info = env.reset(seed=0)
        assert isinstance(info, dict)
        for action in range(min(env.action_space.n, 100)):  # type: ignore[attr-defined]
            assert observation in space
            assert (observation.shape, observation.dtype) == (space.shape, space.dtype)
            observation, reward, terminated, truncated, info = env.step(np.int32(action))
            assert np.isfinite(float(reward))
            assert isinstance(terminated, (bool, np.bool_))
            assert isinstance(truncated, (bool, np.bool_))
            if terminated or truncated:
                observation, _ = env.reset()
        env.close()

    def test_a_seed_decides_everything_whatever_came_before(self, env_id: str) -> None:
        env = make_env(settings_of(env_id))
        first_observations, first_rewards = trajectory(env, seed=5)
        for action in (1, 0, 1, 1):
            env.reset(seed=6)
            env.step(np.int64(action))
        observations, rewards = trajectory(env, seed=5)
        env.close()
        np.testing.assert_array_equal(observations, first_observations)
        assert rewards == first_rewards

    def test_the_vector_version_agrees_with_the_single_one(self, env_id: str) -> None:
        env, envs = make_env(settings_of(env_id)), make_vector_env(settings_of(env_id), 3)
        assert envs.num_envs == 3
        assert envs.single_observation_space.shape == env.observation_space.shape
        assert envs.single_observation_space.dtype == env.observation_space.dtype
        assert envs.single_action_space == env.action_space
        observation, _ = envs.reset(seed=0)
        for _ in range(2):
            assert observation.shape == (3, *env.observation_space.shape)  # type: ignore[misc]
            assert observation.dtype == env.observation_space.dtype
            observation, reward, terminated, truncated, _ = envs.step(np.array([0, 1, 0], np.int32))
            assert reward.shape == terminated.shape == truncated.shape == (3,)
        env.close()
        envs.close()

    def test_the_vector_version_is_reproducible_and_its_copies_differ(self, env_id: str) -> None:
        def play(seed: int) -> Array:
            envs = make_vector_env(settings_of(env_id), 3)
            observations = [envs.reset(seed=seed)[0].copy()]
            observations += [envs.step(np.array([0, 1, 0], np.int32))[0].copy() for _ in range(20)]
            envs.close()
            return np.stack(observations)

        first, again = play(1), play(1)
        np.testing.assert_array_equal(first, again)
        assert not (first == first[:, :1]).all()

    def test_time_limit_and_autoreset_by_the_step_after(self, env_id: str) -> None:
        envs = make_vector_env(settings_of(env_id, max_episode_steps=4), 2)
        envs.reset(seed=[1, 2] if isinstance(envs, gym.vector.SyncVectorEnv) else 1)
        length = np.zeros(2, int)
        done = np.zeros(2, bool)
        for _ in range(20):
            _, reward, terminated, truncated, _ = envs.step(np.array([0, 1], np.int32))
            assert not reward[done].any()  # the step was a reset
            assert not (terminated | truncated)[done].any()
            length = np.where(done, 0, length + 1)
            done = terminated | truncated
            assert (length <= 4).all()
            assert truncated[(length == 4) & ~terminated].all()
        envs.close()


PICTURE = """
import numpy as np
from dqnkit.config import DQNConfig
from dqnkit.environments import make_env

env = make_env(DQNConfig.from_dict({settings}), render=True)
env.reset(seed=0)
picture = np.asarray(env.render())
env.close()
print(*picture.shape, picture.min() < picture.max())
"""


@pytest.mark.parametrize("env_id", [marked(env_id) for env_id in KNOWN])
def test_rendering_gives_a_picture_without_a_display(env_id: str) -> None:
    """In a process of its own: Mesa, with which MuJoCo may draw, and TensorFlow can crash one that holds both."""
    if find_spec("pygame") is None and not env_id.startswith("dqnkit/"):
        pytest.skip("pygame is not installed")
    if needed_package(env_id) == "mujoco" and not opengl.has_display() and opengl.way_that_works() is None:
        pytest.skip("MuJoCo cannot draw here")
    printed = run_python(PICTURE.format(settings=settings_of(env_id).to_dict()), seconds=120)
    _height, _width, colours, differs = printed.split()[-4:]
    assert (colours, differs) == ("3", "True")


@pytest.mark.skipif(find_spec("minatar") is None, reason="minatar is not installed")
def test_minatar_forgets_the_last_action_at_a_reset() -> None:
    env = make_env("MinAtar/Breakout-v1")
    observations = []
    for last_action in (1, 2):  # left, right; the first step repeats the last action with a probability of one tenth
        for seed in range(60):
            env.reset()
            env.step(np.int64(last_action))
            env.reset(seed=seed)
            observations.append(env.step(np.int64(0))[0])
    np.testing.assert_array_equal(observations[:60], observations[60:])


def test_cartpole_uses_gymnasiums_native_vector_version() -> None:
    envs = make_vector_env("CartPole-v1", 2)
    assert not isinstance(envs, gym.vector.SyncVectorEnv)
    envs.close()


@pytest.mark.parametrize("limit", [0, 7])
def test_the_native_time_limit(limit: int) -> None:
    envs = make_vector_env(DQNConfig("CartPole-v1", max_episode_steps=limit), 1)
    observation, _ = envs.reset(seed=0)
    step, over = 0, False
    while not over:
        action = observation @ [0.1, 0.3, 3.0, 1.0] > 0  # a hand-made policy that never falls
        observation, _, terminated, truncated, _ = envs.step(action.astype(int))
        step, over = step + 1, bool(terminated[0] or truncated[0])
    assert (step, bool(truncated[0])) == ((limit or 500), True)
    envs.close()


@pytest.mark.parametrize(
    ("env_id", "shape"), [("CartPole-v1", (3, 4)), ("test/TinyVideo-v0", (3, 4, 5)), ("dqnkit/GridWorld-v0", (3, 2))]
)
def test_frame_stack_shows_the_latest_and_begins_with_the_first_again_and_again(
    env_id: str, shape: tuple[int, ...]
) -> None:
    plain, stacked = make_env(env_id), make_env(DQNConfig(env_id, frame_stack=3))
    seen, _ = plain.reset(seed=1)
    stack, _ = stacked.reset(seed=1)
    assert stack.shape == stacked.observation_space.shape == shape
    np.testing.assert_array_equal(stack, np.stack([seen] * 3))
    now, _, *_ = plain.step(np.int64(0))
    stack, _, *_ = stacked.step(np.int64(0))
    np.testing.assert_array_equal(stack, np.stack([seen, seen, now]))
    envs = make_vector_env(DQNConfig(env_id, frame_stack=3), 2)
    assert envs.reset(seed=1)[0].shape == (2, *shape)


def test_discrete_observations_become_one_hot_vectors() -> None:
    env = make_env("FrozenLake-v1")
    observation, _ = env.reset(seed=0)
    assert observation.dtype == np.float32
    np.testing.assert_array_equal(observation, np.eye(16)[0])


SPACES = gym.spaces
REFUSED: dict[str, tuple[Any, Any, str]] = {
    "continuous actions": (None, SPACES.Box(-1, 1, (1,)), r"has actions Box.*: DQN needs a finite number of them"),
    "several actions": (None, SPACES.MultiDiscrete([2, 3]), r"has actions MultiDiscrete"),
    "actions from 1": (None, SPACES.Discrete(3, start=1), "start at 1: wrap it so that they start at 0"),
    "Dict": (SPACES.Dict(a=SPACES.Discrete(2)), None, r"has observations Dict\(.*: the kit handles arrays"),
    "Tuple": (SPACES.Tuple([SPACES.Discrete(2)]), None, r"has observations Tuple\("),
    "text": (SPACES.Text(5), None, r"has observations Text\("),
    "a single number": (SPACES.Box(-1, 1, ()), None, r"has observations Box"),
    "four axes": (SPACES.Box(-1, 1, (2, 2, 2, 2)), None, r"has observations Box"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("make", [make_env, lambda env_id: make_vector_env(env_id, 2)], ids=["single", "vector"])
def test_spaces_that_dqn_cannot_handle_are_refused(case: str, make: Callable[[str], Any]) -> None:
    observation_space, action_space, message = REFUSED[case]
    gym.registry["test/Bare-v0"].kwargs = {"observation_space": observation_space, "action_space": action_space}
    with pytest.raises(EnvironmentNotSupportedError, match=f"test/Bare-v0.* {message}"):
        make("test/Bare-v0")


def test_continuous_actions_are_refused_with_what_to_set() -> None:
    with pytest.raises(EnvironmentNotSupportedError, match=r"Pendulum-v1 has actions Box.*\(--action-bins 5\)"):
        make_vector_env("Pendulum-v1", 2)


@pytest.mark.parametrize(
    "space", [SPACES.Discrete(4), SPACES.MultiDiscrete([2, 3]), SPACES.MultiBinary(3), SPACES.Box(-1, 1, (2, 2))]
)
def test_spaces_that_are_handled(space: Any) -> None:
    check_spaces(space, SPACES.Discrete(2), "mine")


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("CartPol-v1", "CartPole-v1"),
        ("cartpole-v1", "CartPole-v1"),
        ("CartPole-v7", "CartPole-v1"),
        ("GridWorld-v0", "dqnkit/GridWorld-v0"),
        pytest.param("MinAtar/Brakeout-v1", "MinAtar/Breakout-v1", marks=marked("MinAtar/Breakout-v1").marks),
        pytest.param("ALE/Pingpong-v5", "ALE/Pong-v5", marks=marked("ALE/Pong-v5").marks),
    ],
)
@pytest.mark.parametrize("make", [make_env, lambda env_id: make_vector_env(env_id, 2)], ids=["single", "vector"])
def test_unknown_ids_are_refused_with_the_nearest_names(make: Callable[[str], Any], wrong: str, near: str) -> None:
    with pytest.raises(EnvironmentNotSupportedError, match=f"there is no environment '{wrong}': did you mean .*{near}"):
        make(wrong)


def test_an_id_like_no_other_is_refused_with_where_to_look() -> None:
    with pytest.raises(EnvironmentNotSupportedError, match="pprint_registry"):
        make_env("qqqqqqqqqqqqqqqqqqq")


@pytest.mark.parametrize(
    ("env_id", "package"), [("ALE/Pong-v5", "ale_py"), ("MinAtar/Breakout-v1", "minatar"), ("LunarLander-v3", "Box2D")]
)
def test_a_missing_package_is_named_with_the_command(
    env_id: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(games, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=rf"{package}, which {env_id} needs,.*pip install .dqnkit\[games\]."):
        make_env(env_id)


def test_a_package_found_missing_only_when_it_is_made_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*args: Any, **kwargs: Any) -> None:
        raise gym.error.DependencyNotInstalled("box of toys") from ModuleNotFoundError(name="Box2D.b2")

    monkeypatch.setattr(gym, "make", make)
    with pytest.raises(MissingExtraError, match=r"Box2D, which CartPole-v1 needs.*pip install .dqnkit\[games\]."):
        make_env("CartPole-v1")


LACKS = """
import gymnasium as gym
{at_import}
class Lacks(gym.Env):
    observation_space, action_space = gym.spaces.Box(-1, 1, (2,)), gym.spaces.Discrete(2)
    def __init__(self):
        {when_made}
gym.register("{module}-v0", Lacks)
"""


@pytest.mark.parametrize(
    ("at_import", "when_made", "sentence"),
    [
        (
            "import simulator_x.core",
            "pass",
            "the module lacks_.* cannot be imported: it needs simulator_x, which",
        ),
        ("", "import simulator_x.core", "needs the module simulator_x, which is not installed: install the package"),
        ("", "from math import nothing", "cannot be made: cannot import name 'nothing' from 'math'"),
        ("1 / 0", "pass", "the module lacks_.* cannot be imported: ZeroDivisionError: division by zero"),
        ("(", "pass", "the module lacks_.* cannot be imported: SyntaxError"),
        (
            "",
            "raise gym.error.DependencyNotInstalled('install y') from ImportError('y', name='y')",
            "cannot be made: install y",
        ),
    ],
)
def test_a_readers_own_environment_that_lacks_a_module_is_told_which(
    at_import: str, when_made: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Any
) -> None:
    module = f"lacks_{abs(hash((at_import, when_made)))}"
    (tmp_path / f"{module}.py").write_text(LACKS.format(module=module, at_import=at_import, when_made=when_made))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EnvironmentNotSupportedError, match=sentence) as caught:
        make_env(f"{module}:{module}-v0")
    assert "dqnkit[games]" not in str(caught.value)
    tried(21, f"an environment with {at_import or when_made}", str(caught.value).replace(module, "mine"))


@pytest.mark.parametrize("make", [make_env, lambda env_id: make_vector_env(env_id, 2)], ids=["single", "vector"])
@pytest.mark.skipif(find_spec("jax") is not None, reason="jax is installed")
def test_gymnasiums_own_environments_name_what_they_need(make: Callable[[str], Any], tried: Any) -> None:
    with pytest.raises(EnvironmentNotSupportedError, match="needs the module jax, which is not installed") as caught:
        make("phys2d/CartPole-v1")
    tried(21, "phys2d/CartPole-v1 without jax", str(caught.value))


def test_another_autoreset_mode_is_refused() -> None:
    with pytest.raises(EnvironmentNotSupportedError, match=r"test/SameStep-v0 resets by .*only .*NEXT_STEP"):
        make_vector_env("test/SameStep-v0", 2)
    for mode in (gym.vector.AutoresetMode.SAME_STEP, gym.vector.AutoresetMode.DISABLED):
        envs = gym.vector.SyncVectorEnv([lambda: gym.make("CartPole-v1")], autoreset_mode=mode)
        with pytest.raises(EnvironmentNotSupportedError, match="mine resets by"):
            check_autoreset(envs, "mine")


def test_pictures_with_channels_are_not_stacked() -> None:
    with pytest.raises(EnvironmentNotSupportedError, match=r"Catch-v0 has pictures \(8, 6, 1\).*frame_stack to 1"):
        make_env(DQNConfig("dqnkit/Catch-v0", frame_stack=4))


@pytest.mark.parametrize("frame_stack", [1, 3])
def test_an_environment_that_returns_one_array_again_and_again_is_seen_like_any_other(
    frame_stack: int, tried: Callable[[int, str, str], None]
) -> None:
    plain_env, same_env = (
        make_env(DQNConfig(f"test/{name}-v0", frame_stack=frame_stack)) for name in ("TinyVideo", "OneArrayVideo")
    )
    for env in (plain_env, same_env):
        env.reset(seed=3)
        env.step(0)
    np.testing.assert_array_equal(same_env.step(0)[0], plain_env.step(0)[0])
    config = small_config("test/TinyVideo-v0", frame_stack=frame_stack, num_envs=2, rollout_steps=12)
    weights = linear_policy((4, 5) if frame_stack == 1 else (frame_stack, 4, 5), 2)
    plain = Actor(config).rollout(weights, 0.3)
    same = Actor(replace(config, env_id="test/OneArrayVideo-v0")).rollout(weights, 0.3)
    for expected, values in zip(plain.transitions, same.transitions, strict=True):
        np.testing.assert_array_equal(values, expected)
    if frame_stack > 1:
        np.testing.assert_array_equal(same.frames, plain.frames)
    returns, others = (
        evaluate(weights, replace(config, env_id=f"test/{name}-v0"), episodes=5)
        for name in ("TinyVideo", "OneArrayVideo")
    )
    np.testing.assert_array_equal(others, returns)
    tried(
        2,
        f"one array that changes in place, {frame_stack} frames in an observation",
        "training and evaluation see what they see of an environment that returns new arrays",
    )
