"""How a Q-network reads observations is decided by their space, and data that do not fit the space are refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary
from toys import linear_policy, small_config

from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.environments import make_env, network_spaces
from dqnkit.errors import DivergedError, DQNKitError, InvalidDataError
from dqnkit.evaluation import evaluate
from dqnkit.learner import Learner
from dqnkit.networks import build_q_network
from dqnkit.observations import describe
from dqnkit.policy import q_values
from dqnkit.training import train
from dqnkit.types import PolicyWeights

Tried = Callable[[int, str, str], None]
INF = np.inf
F32, U8 = np.float32, np.uint8

# space, frame_stack, what the run says
READINGS: dict[str, tuple[Any, int, str]] = {
    "bytes of pictures": (Box(0, 255, (84, 84, 4), U8), 1, "uint8 picture 84x84x4, scaled by 1/255"),
    "floats of pictures": (Box(0, 255, (84, 84, 4), F32), 1, "float32 picture 84x84x4, scaled by 1/255"),
    "floats of pictures to 1": (Box(0, 1, (84, 84, 4), F32), 1, "float32 picture 84x84x4, not scaled"),
    "floats without bounds": (Box(-INF, INF, (84, 84, 4), F32), 1, "float32 picture 84x84x4, not scaled"),
    "16 bits": (Box(0, 65535, (9, 9, 1), np.uint16), 1, "uint16 picture 9x9x1, scaled by 1/65535"),
    "64 bits": (Box(-(2**63), 2**63 - 2, (9, 9, 1), np.int64), 1, "int64 picture 9x9x1, not scaled"),
    "few colours": (Box(0, 10, (7, 7, 3), U8), 1, "uint8 picture 7x7x3, scaled by 1/10"),
    "differences": (Box(-255, 255, (9, 9, 1), np.int16), 1, "int16 picture 9x9x1, scaled by 1/255"),
    "booleans": (Box(0, 1, (10, 10, 4), bool), 1, "bool picture 10x10x4, not scaled"),
    "small bytes": (Box(0, 4, (2,), U8), 1, "uint8 vector of 2, not scaled"),
    "small floats": (Box(0, 4, (2,), F32), 1, "float32 vector of 2, not scaled"),
    "bytes of memory": (Box(0, 255, (128,), U8), 1, "uint8 vector of 128, scaled by 1/255"),
    "the same as floats": (Box(0, 255, (128,), F32), 1, "float32 vector of 128, scaled by 1/255"),
    "bytes with bounds of their own": (
        Box(np.array([0, 0], U8), np.array([255, 1], U8), dtype=U8),
        1,
        "uint8 vector of 2, not",
    ),
    "rough bounds": (Box(-1000, 1000, (3,), F32), 1, "float32 vector of 3, not scaled"),
    "CartPole": (gym.make("CartPole-v1").observation_space, 1, "float32 vector of 4, not scaled"),
    "MultiBinary": (MultiBinary(3), 1, "int8 vector of 3, not scaled"),
    "channels first": (
        Box(0, 255, (4, 84, 84), U8),
        1,
        r"uint8 picture 84x84x4 \(transposed, the environment gives 4x84x84\), scaled by 1/255",
    ),
    "twelve channels first": (Box(0, 255, (12, 84, 84), U8), 1, r"uint8 picture 84x84x12 \(transposed"),
    "a wide picture": (Box(0, 255, (3, 210, 160), U8), 1, r"uint8 picture 210x160x3 \(transposed"),
    "more channels than rows": (Box(0, 1, (8, 8, 111), U8), 1, "uint8 picture 8x8x111, not scaled"),
    "stacked frames": (Box(0, 255, (4, 84, 84), U8), 4, "uint8 picture 84x84x4, scaled by 1/255"),
    "grey": (Box(0, 255, (84, 84), U8), 1, "uint8 picture 84x84x1, scaled by 1/255"),
    "stacked vectors of bytes": (Box(0, 255, (3, 8), U8), 3, "uint8 vector of 3x8, scaled by 1/255"),
}


@pytest.mark.parametrize("name", READINGS)
def test_what_a_run_says_of_its_observations(name: str, tried: Tried) -> None:
    space, frame_stack, expected = READINGS[name]
    line = str(describe(space, frame_stack))
    assert re.match(rf"observation: {expected}", line)
    kind = 3 if "transposed" in line or frame_stack > 1 or "channels" in name else 1
    tried(kind, f"{name}: {space.dtype} {space.shape}", line)


@pytest.mark.parametrize("dtype", [U8, F32])
def test_pictures_from_0_to_255_are_seen_alike_whatever_their_type(dtype: Any) -> None:
    config = DQNConfig(conv_filters=(2,), conv_sizes=(2,), conv_strides=(1,))
    numbers = np.random.default_rng(0).integers(0, 256, (2, 6, 6, 3))
    network = build_q_network(Box(0, 255, (6, 6, 3), dtype), 2, config)
    of_ones = build_q_network(Box(0, 1, (6, 6, 3), F32), 2, config)
    np.testing.assert_allclose(network(numbers.astype(dtype)), of_ones(numbers.astype(F32) / 255), atol=1e-6)


def test_channels_first_give_what_channels_last_give(tried: Tried) -> None:
    config = DQNConfig(conv_filters=(2,), conv_sizes=(2,), conv_strides=(1,), hidden_sizes=(8,))
    first, last = (build_q_network(Box(0, 255, shape, U8), 2, config) for shape in ((3, 8, 7), (8, 7, 3)))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 7)).astype(U8)
    np.testing.assert_allclose(first(pictures), last(np.moveaxis(pictures, 1, -1)), atol=1e-6)
    tried(3, "(3, 8, 7) and the same picture as (8, 7, 3)", "the same Q-values to 1e-6")


def register(name: str, space: Any, first: Any, then: Any = None, reward: float = 0.0) -> str:
    env_id = f"test/Says-{name}-v0"
    then = first if then is None else then
    kwargs = {"space": space, "first": first, "then": then, "reward": reward}
    gym.registry.pop(env_id, None)
    gym.register(env_id, "toys:Says", kwargs=kwargs)
    return env_id


def test_stacked_vectors_of_bytes_are_learned_from(tried: Tried) -> None:
    env_id = register("bytes", Box(0, 255, (8,), U8), np.arange(8, dtype=U8))
    config = small_config(env_id, frame_stack=3, total_steps=200)
    *_, status = train(config)
    assert status.updates > 0
    tried(3, "(8,) uint8, three of them stacked", f"trained: {status.updates} updates")


@pytest.mark.slow
def test_small_bytes_are_learned_as_well_as_the_same_numbers_in_float32(tried: Tried) -> None:
    gym.registry.pop("test/SmallFloats-v0", None)
    gym.register("test/SmallFloats-v0", "toys:SmallNumbers", kwargs={"dtype": F32})
    settings = {"gamma": 0.9, "target_period": 100, "samples_per_insert": 16.0, "epsilon_end": 0.2, "xla": False}
    for seed in range(3):
        means = []
        for env_id in ("test/SmallNumbers-v0", "test/SmallFloats-v0"):
            sizes = {"total_steps": 4_500, "learning_starts": 500, "epsilon_steps": 2_000}
            config = DQNConfig(env_id, seed=seed, **sizes, **settings)  # type: ignore[arg-type]
            *_, last = train(config)
            means.append(float(evaluate(last.weights, config).mean()))
        assert means == [1.0, 1.0]
        tried(1, f"Box(0, 4, (2,)), 4,500 steps, seed {seed}", f"uint8 {means[0]:.2f}, float32 {means[1]:.2f}")


def test_a_checkpoint_from_before_goes_on_where_the_scale_is_the_same_and_is_refused_elsewhere(tried: Tried) -> None:
    for env_id, fits in (("dqnkit/Catch-v0", True), ("CartPole-v1", True), ("test/SmallNumbers-v0", False)):
        learner = Learner(small_config(env_id))
        old = {name: values for name, values in learner.state().items() if name != "observation_scale"}
        learner.load_state(learner.state())
        if fits:
            learner.load_state(old)
            continue
        with pytest.raises(
            DQNKitError, match=r"learned from observations divided by 255, and .* now divided by 1"
        ) as e:
            learner.load_state(old)
        tried(1, "an old checkpoint of Box(0, 4, (2,), uint8)", str(e.value))


I8 = Box(-128, 127, (2,), np.int8)
GREY = Box(0, 255, (2,), U8)
# space, first observation, next observations, message
UNFIT: dict[str, tuple[Any, Any, Any, str]] = {
    "int8 that is 300": (I8, np.zeros(2, np.int8), np.array([0, 300]), "gave 300 in an observation of int64, and its"),
    "300 at once": (I8, np.array([300, 0]), np.array([0, 300]), "gave 300 in an observation of int64"),
    "a list with 300": (I8, np.zeros(2, np.int8), [0, 300], "gave 300 in an observation of int64"),
    "floats for uint8": (
        GREY,
        np.zeros(2, U8),
        np.array([0.7, 0.2], F32),
        r"gave 0\.7 in an observation of float32",
    ),
    "NaN for uint8": (GREY, np.zeros(2, U8), np.array([np.nan, 0.2], F32), "gave nan in an observation of float32"),
    "negative for uint8": (GREY, np.zeros(2, U8), np.array([-1, 0]), "gave -1 in an observation of int64"),
    "out of bounds": (Box(0, 4, (2,), U8), np.zeros(2, U8), np.array([9, 0], U8), "with 9 in it, .*declares 0 to 4"),
    "floats to 255 for 0 to 1": (
        Box(0, 1, (4, 4, 1), F32),
        np.zeros((4, 4, 1), F32),
        np.full((4, 4, 1), 200, F32),
        "with 200 in it, .*declares 0 to 1",
    ),
    "1e300 in float32": (Box(-INF, INF, (2,), F32), np.zeros(2, F32), np.array([0, 1e300]), "gave inf in the observa"),
    "1e300 in float64": (
        Box(-INF, INF, (2,), np.float64),
        np.zeros(2),
        np.array([0, 1e300]),
        r"gave 1e\+300 in the observation of step 1 .* finite in float32",
    ),
    "another shape": (GREY, np.zeros(2, U8), np.zeros(3, U8), r"an array of uint8 of the shape \(3,\) as observation"),
    "a dict": (GREY, np.zeros(2, U8), {"a": 1}, "gave a dict as observation"),
    "rows of different lengths": (GREY, np.zeros(2, U8), [[1], [1, 2]], "gave a list as observation"),
    "text": (GREY, np.zeros(2, U8), np.array(["a", "b"]), "an array of <U1 of the shape"),
    "a number that Discrete lacks": (Discrete(4), 0, 4, "gave the observation 4, and its observation_space declares"),
    "a negative Discrete": (Discrete(4), 0, -1, "gave the observation -1"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_data_that_do_not_fit_their_space_are_refused(name: str, tried: Tried) -> None:
    space, first, then, message = UNFIT[name]
    config = small_config(register("unfit", space, first, then), num_envs=2)
    actor = None
    with pytest.raises(InvalidDataError, match=message) as caught:  # noqa: PT012 - where it is noticed differs
        actor = Actor(config)
        inputs = network_spaces(config.env_id)[0].shape
        assert inputs is not None
        actor.rollout(linear_policy(inputs, 2), 0.5)
    assert "test/Says-unfit-v0" in str(caught.value)
    tried(5, name, str(caught.value))


def test_stacked_frames_are_checked_too(tried: Tried) -> None:
    env_id = register("stacked", GREY, np.zeros(2, U8), np.array([0.7, 0.2], F32))
    with pytest.raises(InvalidDataError, match=r"gave 0\.7 ") as caught:
        Actor(small_config(env_id, frame_stack=2)).rollout(linear_policy((2, 2), 2), 0.5)
    tried(5, "floats for uint8, stacked", str(caught.value))


@pytest.mark.parametrize(
    ("space", "given"),
    [
        (Box(-9, 9, (2,), F32), np.array([1.5, 2.0])),
        (Box(-9, 9, (2,), F32), [1.5, 2.0]),
        (Box(-9, 9, (2,), F32), np.array([1, 2])),
        (GREY, [3, 4]),
        (GREY, np.array([3.0, 4.0])),
        (Box(-9, 9, (2,), F32), np.array([20.0, 2.0], F32)),  # the bounds of vectors are often rough
        (Box(0, 1, (2, 2, 2), F32), np.full((2, 2, 2), 1.00001, F32)),
    ],
)
def test_what_loses_nothing_is_brought_into_the_declared_type(space: Any, given: Any) -> None:
    config = small_config(register("fit", space, given))
    env = make_env(config.env_id)
    for observation in (env.reset()[0], env.step(0)[0]):
        assert observation.dtype == space.dtype
        np.testing.assert_array_equal(observation, np.asarray(given, space.dtype))
    Actor(config).rollout(linear_policy(space.shape, 2), 0.5)


def test_a_reward_that_is_infinite_in_float32_is_refused(tried: Tried) -> None:
    env_id = register("reward", Box(-1, 1, (1,)), np.zeros(1, F32), reward=1e300)
    with pytest.raises(InvalidDataError, match=r"gave inf in the reward of step 1 .*finite in float32") as caught:
        Actor(small_config(env_id)).rollout(linear_policy((1,), 2), 0.5)
    tried(5, "a reward of 1e300", str(caught.value))


class Declares(gym.vector.VectorEnv[Any, Any, Any]):
    """A vector version of its own that gives other data than it declares."""

    def __init__(self, num_envs: int = 1, **kwargs: Any) -> None:
        self.num_envs, self.metadata = num_envs, {"autoreset_mode": gym.vector.AutoresetMode.NEXT_STEP}
        self.single_observation_space, self.single_action_space = GREY, Discrete(2)

    def reset(self, **kwargs: Any) -> Any:
        return np.full((self.num_envs, 2), 0.5, F32), {}


def test_a_vector_version_of_its_own_is_held_to_its_space(tried: Tried) -> None:
    gym.registry.pop("test/Declares-v0", None)
    gym.register("test/Declares-v0", "toys:Bare", vector_entry_point=Declares)
    with pytest.raises(InvalidDataError, match="vector version of test/Declares-v0 gave observations of float32") as e:
        Actor(small_config("test/Declares-v0"))
    tried(5, "floats where a native vector version declares uint8", str(e.value))


def test_a_policy_without_finite_values_is_never_given_a_score(tried: Tried) -> None:
    config = small_config(max_episode_steps=20)
    weights = linear_policy((4,), 2)
    broken = replace(weights, values=np.full_like(weights.values, np.nan))
    with pytest.raises(DivergedError, match="parameters are not finite") as caught:
        evaluate(broken, config, 3)
    tried(5, "evaluation of a policy of NaN", str(caught.value))
    env_id = register("nan", Box(-INF, INF, (1,)), np.array([np.nan], F32))
    with pytest.raises(InvalidDataError, match="an observation holds nan") as other:
        evaluate(linear_policy((1,), 2), small_config(env_id), 3)
    tried(5, "evaluation where the environment gives NaN", str(other.value))


def test_q_values_may_be_huge_but_not_infinite() -> None:
    weights = linear_policy((1,), 2)
    one = PolicyWeights(0, weights.layers, np.array([1, 2, 0, 0], F32))
    np.testing.assert_allclose(q_values(one, np.array([[1e30]], F32)), [[1e30, 2e30]], rtol=1e-6)
    with pytest.raises(DivergedError, match="a Q-value is inf: the observations"):
        q_values(one, np.array([[3e38]], F32))
