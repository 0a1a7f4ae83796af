"""What goes wrong in an environment ends in one sentence, with the place in its code, wherever it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import faulty_envs
import gymnasium as gym
import numpy as np
import pytest
from fake_learner import FakeLearner
from toys import linear_policy, small_config

from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.environment_errors import CheckedEnv, telling
from dqnkit.environments import make_env, make_vector_env
from dqnkit.errors import DivergedError, DQNKitError, EnvironmentNotSupportedError, InvalidDataError, RolloutError
from dqnkit.evaluation import evaluate
from dqnkit.rollouts import InProcessRollouts
from dqnkit.training import train
from dqnkit.videos import record_video

Tried = Callable[[int, str, str], None]
FILE = faulty_envs.__file__
WEIGHTS = linear_policy((3,), 2)

# fault -> kind of error, and how its message goes on after the environment's id
IN_STEP: dict[str, tuple[type[DQNKitError], str]] = {
    "StepRaises": (
        RolloutError,
        r" raised ZeroDivisionError: .* zero \(in step\)\n(.*\n)*  FILE:\d+, in _divide: return",
    ),
    "StepExits": (
        RolloutError,
        r" raised SystemExit: sys.exit\(0\) ends the whole program \(in step\)\n(.*\n)*  FILE:",
    ),
    "WrongShape": (
        InvalidDataError,
        r" gave an array of float32 of the shape \(4,\) as observation, and its observation_space declares Box",
    ),
    "FourValues": (
        InvalidDataError,
        r": step\(\) returned 4 values; it must return .* truncated, info\)(.*\n)*  FILE:",
    ),
    "RewardIsList": (InvalidDataError, r": step\(\) returned the reward \[1.0\]; a reward must be one number"),
    "RewardIsNone": (InvalidDataError, r": step\(\) returned the reward None; a reward must be one number"),
    "TerminatedIsNone": (InvalidDataError, r": step\(\) returned terminated=None; it must be True or False"),
    "ResetRaises": (RolloutError, r" raised KeyError: 'level 7' \(in reset\)\n  FILE:\d+, in reset: raise KeyError"),
    "ResetOneValue": (InvalidDataError, r": reset\(\) returned one value of the type ndarray; it must take seed and"),
}
IN_MAKING = {
    "MakingRaises": r" raised OSError: no licence is free \(while it was made\)\n  FILE:\d+, in __init__: raise",
    "MakingExits": r" raised SystemExit: sys.exit\(0\) ends the whole program \(while it was made\)\n  FILE:",
}


@pytest.fixture(autouse=True)
def sound_at_first() -> Iterator[None]:
    faulty_envs.arm(10**9)
    yield
    faulty_envs.arm(10**9)


def pattern(fault: str, rest: str) -> str:
    return f"^faulty_envs:{fault}-v0{rest.replace('FILE', FILE)}"


@pytest.mark.parametrize("fault", IN_STEP)
def test_a_fault_in_the_midst_of_training_is_one_sentence(fault: str, tried: Tried) -> None:
    kind, rest = IN_STEP[fault]
    actor = Actor(small_config(f"faulty_envs:{fault}-v0"))
    actor.rollout(WEIGHTS, 0.5)
    faulty_envs.arm()
    with pytest.raises(kind, match=pattern(fault, rest)) as caught:
        actor.rollout(WEIGHTS, 0.5)
    tried(10, f"an actor, {fault}", str(caught.value).replace(str(Path(FILE).parent), "."))


@pytest.mark.parametrize("fault", IN_STEP)
def test_the_same_in_evaluation_and_videos(fault: str, tmp_path: Path) -> None:
    kind, rest = IN_STEP[fault]
    config = small_config(f"faulty_envs:{fault}-v0")
    faulty_envs.arm()
    with pytest.raises(kind, match=pattern(fault, rest)):
        evaluate(WEIGHTS, config, 3)
    pytest.importorskip("PIL")
    with pytest.raises(kind, match=pattern(fault, rest)):
        record_video(WEIGHTS, config, tmp_path / "video.gif")


@pytest.mark.parametrize("fault", IN_MAKING)
@pytest.mark.parametrize("make", [make_env, lambda env_id: make_vector_env(env_id, 2)], ids=["single", "vector"])
def test_a_fault_while_it_is_made(fault: str, make: Callable[[str], Any], tried: Tried) -> None:
    with pytest.raises(RolloutError, match=pattern(fault, IN_MAKING[fault])) as caught:
        make(f"faulty_envs:{fault}-v0")
    tried(10, f"the constructor, {fault}", str(caught.value).replace(str(Path(FILE).parent), "."))


def test_a_module_that_cannot_be_imported_is_a_fault_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    (tmp_path / "mistyped_env.py").write_text("def broken(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    sentence = r"^mistyped_env:Mine-v0: .* cannot be imported: SyntaxError: .*mistyped_env.py, line 1"
    with pytest.raises(EnvironmentNotSupportedError, match=sentence) as caught:
        make_env("mistyped_env:Mine-v0")
    tried(10, "the module, a syntax error", str(caught.value))


def test_a_reset_without_seed_says_what_gymnasium_asks_for(tried: Tried) -> None:
    with pytest.raises(
        RolloutError, match=r"unexpected keyword argument 'seed' .*; it must take seed and options"
    ) as caught:
        Actor(small_config("faulty_envs:ResetWithoutSeed-v0"))
    tried(10, "reset() without seed", str(caught.value))


def test_where_only_some_copies_can_be_made_the_number_is_said(tried: Tried) -> None:
    with pytest.raises(
        RolloutError, match=r"the port is in use(.|\n)*1 of 4 copies could be made: lower num_envs"
    ) as caught:
        make_vector_env("faulty_envs:Once-v0", 4)
    assert faulty_envs.Once.there == 0  # the one that was made is closed
    tried(10, "the constructor raises for the second copy", str(caught.value).splitlines()[-1])


def test_a_close_that_fails_is_told_once_and_the_others_are_closed(tried: Tried) -> None:
    config = small_config("faulty_envs:CloseRaises-v0", num_actors=2)
    rollouts = InProcessRollouts(config)
    rollouts.collect(WEIGHTS, np.zeros((2, 4), np.float32), 0)
    faulty_envs.arm()
    with pytest.raises(
        RolloutError, match=pattern("CloseRaises", r" raised RuntimeError: the simulator is gone \(in close")
    ) as caught:
        rollouts.close()
    rollouts.close()
    tried(10, "close() raises", str(caught.value).splitlines()[0])


def test_of_two_errors_the_first_is_told() -> None:
    class BothFail(InProcessRollouts):
        def collect(self, *arguments: Any) -> Any:
            raise InvalidDataError("the first")

        def close(self) -> None:
            raise RolloutError("the second")

    config = small_config()
    with pytest.raises(InvalidDataError, match="the first"):
        next(train(config, rollouts=BothFail(config), learner=FakeLearner()))  # type: ignore[arg-type]


def test_ctrl_c_and_what_the_kit_says_pass_through(tried: Tried) -> None:
    actor = Actor(small_config("faulty_envs:StepInterrupted-v0"))
    faulty_envs.arm()
    with pytest.raises(KeyboardInterrupt):
        actor.rollout(WEIGHTS, 0.5)
    for error in (DivergedError("loss"), MemoryError(), KeyboardInterrupt()):
        with pytest.raises(type(error)), telling("mine", "in step"):
            raise error
    tried(10, "KeyboardInterrupt inside step", "KeyboardInterrupt, as it was")


@pytest.mark.parametrize(
    ("reward", "end"),
    [(1, False), (np.float32(1), np.bool_(True)), (np.array(1.0), np.array(True)), (True, 0), (np.int64(2), 1)],
)
def test_other_types_of_the_same_meaning_are_taken(reward: Any, end: Any) -> None:
    class Mine(faulty_envs.Sound):
        def step(self, action: Any) -> Any:
            return np.zeros(3, np.float32), reward, end, False, {}

    env = CheckedEnv(Mine(), "mine")
    env.reset(seed=0)
    assert env.step(0)[1:3] == (reward, end)


def test_an_observation_that_is_a_list_is_taken_and_one_of_unequal_rows_is_not() -> None:
    given: list[Any] = [0.0, 0.0, 0.0]

    class Mine(faulty_envs.Sound):
        def step(self, action: Any) -> Any:
            return given, 0.0, False, False, {}

    env = CheckedEnv(Mine(), "mine")
    env.reset(seed=0)
    assert env.step(0)[0] == [0.0, 0.0, 0.0]
    given[:] = [[0.0], [0.0, 1.0]]
    with pytest.raises(InvalidDataError, match="an observation that is no array; its space has the shape"):
        env.step(0)


def test_the_wrappers_around_an_environment_are_left_out_of_its_lines() -> None:
    env = make_env(DQNConfig("faulty_envs:StepRaises-v0", max_episode_steps=5, frame_stack=3))
    env.reset(seed=0)
    faulty_envs.arm()
    with pytest.raises(RolloutError) as caught:
        env.step(0)
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(", in ")[1].split(":")[0] for line in lines] == ["step", "fault", "_divide"]
    assert str(Path(gym.__file__).parent) not in str(caught.value)
