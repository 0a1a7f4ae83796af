"""One episode: the loop between agent and environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise


class _TooManySteps(Exception):
    """The reader's loop goes on after the end of the episode."""


class Script:
    """An environment that plays a fixed episode and records resets and actions."""

    def __init__(self, rewards: Sequence[float], truncated: bool) -> None:
        self.rewards, self.truncated = rewards, truncated
        self.resets: list[int | None] = []
        self.actions: list[int] = []
        self.steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        self.resets.append(seed)
        self.steps = 0
        return self._observation(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.steps == len(self.rewards) + 2:
            raise _TooManySteps
        reward = self.rewards[min(self.steps, len(self.rewards) - 1)]
        self.actions.append(int(action))
        self.steps += 1
        over = self.steps == len(self.rewards)
        return self._observation(), reward, over and not self.truncated, over and self.truncated, {}

    def _observation(self) -> Any:
        return np.array([self.steps, 10.0 * self.steps], np.float32)


def fixed_cases() -> list[Case]:
    """Smallest first. The rewards differ, so that their sum is not the number of steps."""
    return [
        Case("one step, reward 2, then it terminates", ((2.0,), False, 5)),
        Case("three steps with the rewards 1, -2 and 4, then it terminates", ((1.0, -2.0, 4.0), False, 7)),
        Case("three steps with the rewards 3, 0 and 0.5, then it is truncated", ((3.0, 0.0, 0.5), True, 0)),
    ]


def observe(function: Any, case: Case) -> dict[str, Any] | None:
    """Play the fixed episode; what the policy saw, what was executed, and what was returned."""
    rewards, truncated, seed = case.arguments
    script, seen = Script(rewards, truncated), []

    def policy(observation: Any) -> int:
        seen.append([float(number) for number in np.ravel(observation)[:2]])
        return len(seen) % 2

    try:
        result = function(script, policy, seed)
    except _TooManySteps:
        return {"how it ended": "it went on after the episode was over"}
    if result is None and not script.resets:
        return None
    return {
        "how it ended": "with the episode" if script.steps == len(rewards) else "before the episode was over",
        "what it returns": result,
        "resets, with the seed": [str(number) for number in script.resets],
        "what the policy saw (number of the step in front)": np.array(seen).reshape(-1, 2),
        "what was executed": np.array(script.actions),
    }


EXERCISE = Exercise(
    name="play_episode",
    signature="play_episode(env, policy, seed) -> float",
    minutes=6,
    difficulty=1,
    fixed_cases=fixed_cases,
    hints=[
        "Before the loop: `observation, _ = env.reset(seed=seed)`, and a sum that begins at 0.",
        "In the loop, three things: ask the policy for an action, execute it, add the reward to the sum. What does "
        "`env.step(action)` give back? Five things, in this order: observation, reward, terminated, truncated, info.",
        "The loop ends when `terminated or truncated` is true. `while True:` with a `return` inside is one way.",
    ],
    observe=observe,
)
