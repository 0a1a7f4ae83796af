"""One episode: the loop between agent and environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array

NEWEST = "before each step, the newest observation"


class _Endless(Exception):
    """The reader's loop goes on for ever."""


class ScriptedEnv:
    """An environment that plays a written episode, and notes down what is done with it.

    Args:
        rewards: of the steps of the episode.
        end: how the episode ends: "terminated", "truncated" or "both".
    """

    action_space = gym.spaces.Discrete(2)
    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)

    def __init__(self, rewards: Sequence[float], end: str) -> None:
        self.rewards, self.end = rewards, end
        self.time = 0  # steps since the last reset
        self.steps = 0  # steps in all
        self.resets: list[tuple[int, int | None]] = []  # (steps before it, its seed)
        self.asked: list[str] = []  # in words: what the policy was shown before each step
        self.obeyed: list[bool] = []  # whether each action was the policy's
        self._shown: Any = None
        self._answer = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Array, dict[str, Any]]:
        if len(self.resets) > len(self.rewards) + 2:
            raise _Endless
        self.resets.append((self.steps, seed))
        self.time = 0
        return self.observation(), {}

    def step(self, action: int) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        if self.steps == len(self.rewards) + 2:
            raise _Endless
        reward = self.rewards[min(self.time, len(self.rewards) - 1)]
        self.asked.append(self._in_words(self._shown))
        self.obeyed.append(self._shown is not None and int(action) == self._answer)
        self._shown = None
        self.time, self.steps = self.time + 1, self.steps + 1
        over = self.time == len(self.rewards)
        terminated, truncated = (over and self.end in (kind, "both") for kind in ("terminated", "truncated"))
        return self.observation(), reward, terminated, truncated, {}

    def close(self) -> None:
        """Nothing to close."""

    def policy(self, observation: Any) -> int:
        """Choose an action, the other one at every second step."""
        self._shown, self._answer = ("nothing" if observation is None else observation), self.time // 2 % 2
        return self._answer

    def observation(self) -> Array:
        """What is seen after ``time`` steps, which is its first number."""
        return np.array([self.time, 10.0 * self.time], np.float32)

    def _in_words(self, shown: Any) -> str:
        """Say what the policy was shown before this step."""
        if shown is None:
            return "it was not asked"
        if isinstance(shown, tuple) and len(shown) == 2 and isinstance(shown[1], dict):
            return "the pair (observation, info)"
        try:
            time = float(np.ravel(shown)[0])
        except (TypeError, ValueError, IndexError):
            return "no observation"
        if np.shape(shown) != (2,) or not np.allclose(shown, (time, 10 * time)):
            return "no observation"
        return "the newest observation" if time == self.time else f"the observation after {time:g} steps"


def fixed_cases() -> list[Case]:
    """Smallest first. The rewards differ, so that their sum is not the number of steps."""
    return [
        Case("one step, reward 2, then it terminates", (((2.0,), "terminated", 5),)),
        Case("three steps with the rewards 1, -2 and 4, then it terminates", (((1.0, -2.0, 4.0), "terminated", 7),)),
        Case("three steps with the rewards 3, 0 and 0.5, then it is truncated", (((3.0, 0.0, 0.5), "truncated", 0),)),
        Case("two steps with the reward -1.5; it terminates when its time is up", (((-1.5, -1.5), "both", 1),)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: short and long episodes, rewards of either sign, every kind of end."""
    fresh = []
    for end, longest in (("terminated", 9), ("truncated", 9), ("both", 9), ("terminated", 300)):
        rewards = tuple(rng.normal(0.5, 2.0, rng.integers(longest // 3, longest)).round(2).tolist())
        told = f"a fresh episode of {len(rewards)} steps ({'terminated and truncated' if end == 'both' else end})"
        fresh.append(Case(told, ((rewards, end, int(rng.integers(1_000))),)))
    return fresh


def observe(function: Callable[..., Any], case: Case) -> dict[str, Any] | None:
    """Play the written episode, and say in words what was done with it."""
    ((rewards, end, seed),) = case.arguments
    env = ScriptedEnv(rewards, end)
    try:
        result = function(env, env.policy, seed)
    except _Endless:
        again = env.steps > env.time or env.steps < len(rewards)
        return {"when the loop ends": f"never: it {'resets' if again else 'steps'} the environment again and again"}
    if result is None and not env.resets:
        return None
    return {
        "when the loop ends": "with the episode"
        if env.steps == len(rewards)
        else f"after {env.steps} of {len(rewards)} steps",
        "what it returns": result,
        "how it resets the environment": _resets(env, seed),
        "what the policy is shown": _shown(env.asked),
        "which actions it executes": "those that the policy chooses" if all(env.obeyed) else "others",
    }


def _resets(env: ScriptedEnv, seed: int) -> str:
    """Say how the episode began; a reset after its end does no harm."""
    before = [given for steps, given in env.resets if steps == 0]
    if not before:
        return "not before the first step"
    if any(0 < steps < len(env.rewards) for steps, _ in env.resets):
        return "again during the episode"
    return "with the seed" if before[-1] == seed else "without the seed" if before[-1] is None else "with another seed"


def _shown(asked: Sequence[str]) -> str:
    """Say what the policy was shown, in one line."""
    first, later = asked[:1], sorted(set(asked[1:]))
    if not first:
        return "nothing: it takes no step"
    if set(asked) == {"the newest observation"}:
        return NEWEST
    return f"before the first step: {first[0]}" + (f"; later: {' or '.join(later)}" if later else "")


EXERCISE = Exercise(
    name="play_episode",
    signature="play_episode(env, policy, seed) -> float",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "Before the loop: `observation, info = env.reset(seed=seed)`, and a sum that begins at 0.",
        "In the loop, three things: ask the policy for an action, execute it, add the reward to the sum. What does "
        "`env.step(action)` return? Five things, in this order: observation, reward, terminated, truncated, info.",
        "The loop ends when `terminated or truncated` is true. `while True:` with a `return` inside is one way.",
    ],
    observe=observe,
)
