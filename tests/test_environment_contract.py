"""The contract: every environment that the kit has settings for keeps it, and each way to break it is told."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from dqnkit import environment_contract
from dqnkit.environment_contract import POINTS, contract
from dqnkit.presets import PRESETS

SMALL = [env_id for env_id in PRESETS if env_id.startswith(("dqnkit/", "CartPole", "Acrobot"))]
BOX = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
SPACES, SEED, KEPT, END = POINTS


class Keeps(gym.Env[Any, Any]):
    """Two numbers that are drawn anew in each step; over after ten."""

    observation_space, action_space = BOX, gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self.draw(), {}

    def draw(self) -> Any:
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self.draw(), self.reward(), self.steps == 10, False, {}

    def reward(self) -> float:
        return 1.0


class LeavesItsSpace(Keeps):
    def draw(self) -> Any:
        return 3 * super().draw()


class PaysInfinity(Keeps):
    def reward(self) -> float:
        return float("inf") if self.steps == 3 else 0.0


class DrawsWithoutItsSeed(Keeps):
    def draw(self) -> Any:
        return np.random.default_rng().uniform(-1, 1, 2).astype(np.float32)


class RemembersTheLastEpisode(Keeps):
    played = 0

    def draw(self) -> Any:
        self.played += 1
        return super().draw() * np.float32(0.999**self.played)


class ReturnsItsOwnArray(Keeps):
    kept = np.zeros(2, np.float32)

    def draw(self) -> Any:
        self.kept[:] = super().draw()
        return self.kept


class NeverEnds(Keeps):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, False, truncated, info


class Raises(Keeps):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        raise ValueError("out of order")


BREAKS = [
    (LeavesItsSpace, SPACES, "outside of the space|bounds"),
    (PaysInfinity, SPACES, "inf"),
    (DrawsWithoutItsSeed, SEED, r"differ at step 0.*np_random"),
    (RemembersTheLastEpisode, SEED, "differ at step"),
    (ReturnsItsOwnArray, KEPT, "return a copy"),
    (NeverEnds, END, "max_episode_steps"),
    (Raises, SPACES, "out of order"),
]


@pytest.fixture
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(environment_contract, "LONGEST", 2_000)

    def make(kind: type[gym.Env[Any, Any]]) -> str:
        name = f"test/{kind.__name__}-v0"
        gym.register(name, entry_point=kind)
        request.addfinalizer(lambda: gym.registry.pop(name))
        return name

    return make


@pytest.mark.parametrize("env_id", SMALL)
def test_the_kits_own_environments_keep_it(env_id: str) -> None:
    assert contract(env_id) == dict.fromkeys(POINTS, "")


def test_an_environment_that_keeps_it(made: Any) -> None:
    assert contract(made(Keeps)) == dict.fromkeys(POINTS, "")


@pytest.mark.parametrize(("kind", "point", "said"), BREAKS)
def test_what_is_broken_is_told_in_its_place(made: Any, kind: type[gym.Env[Any, Any]], point: str, said: str) -> None:
    import re

    problems = contract(made(kind))
    assert re.search(said, problems[point], re.DOTALL)
    if kind is not Raises:
        assert [name for name, problem in problems.items() if problem] == [point]
