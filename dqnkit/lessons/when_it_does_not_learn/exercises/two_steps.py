"""A probe environment of two steps: the first pays nothing, the second pays the reward and ends the episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise

RESET = -1  # in a script of actions


class WrongFormError(Exception):
    """Something else was returned than Gymnasium's interface asks for."""


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """Play a script of actions and resets; what was seen, paid and ended, and the exact values."""
    gamma, reward, script = case.arguments
    env = thing(gamma, reward)
    observations: list[list[float]] = []
    rewards: list[Any] = []
    ends: list[list[bool]] = []
    for action in [RESET, *script]:
        if action == RESET:
            result = env.reset()
            if result is None and not observations:
                return None
            observations.append(_observation_of_reset(result))
            continue
        observation, paid, terminated, truncated, _ = _five(env.step(action))
        observations.append(_observation(observation))
        rewards.append(paid)
        ends.append([bool(terminated), bool(truncated)])
    return {
        "observations": np.array(observations),
        "rewards": rewards,
        "terminated, truncated": np.array(ends),
        "exact_q": _table(getattr(env, "exact_q", None)),
    }


def _observation_of_reset(result: Any) -> list[float]:
    if not (isinstance(result, (tuple, list)) and len(result) == 2 and isinstance(result[1], dict)):
        raise WrongFormError("reset() must return two things: the observation, and a dict, which may be empty")
    return _observation(result[0])


def _five(result: Any) -> Sequence[Any]:
    if not (isinstance(result, (tuple, list)) and len(result) == 5):
        raise WrongFormError("step() must return five things: observation, reward, terminated, truncated, and a dict")
    return result


def _observation(value: Any) -> list[float]:
    """The numbers of an observation, in whatever wrapping; they are copied at once."""
    numbers = [float(number) for number in np.asarray(value, dtype=np.float64).reshape(-1)]
    if len(numbers) != 1:
        raise WrongFormError(f"an observation must hold one number, not {len(numbers)}")
    return numbers


def _table(value: Any) -> Any:
    return None if value is None else np.asarray(value, dtype=np.float64)


def fixed_cases() -> list[Case]:
    """Smallest first."""
    return [
        Case("one episode: reset, then two steps", (0.8, 1.0, [0, 1])),
        Case("three episodes, with a reset after each", (0.8, 1.0, [1, 1, RESET, 0, 0, RESET, 1, 0])),
        Case("reset in the middle of an episode", (0.5, 2.0, [0, RESET, 1, 1, RESET, 0])),
        Case("a negative reward", (0.9, -3.0, [1, 0])),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: rewards of either sign, early resets, several episodes."""
    fresh = []
    for number in range(5):
        script: list[int] = []
        for _ in range(rng.integers(2, 5)):
            whole = rng.random() < 0.7
            script += [int(action) for action in rng.integers(2, size=2 if whole else 1)] + [RESET]
        script += [int(action) for action in rng.integers(2, size=2)]
        reward = float(rng.uniform(0.3, 4.0)) * (-1 if number % 2 else 1)
        label = f"{script.count(RESET) + 1} episodes, reward {reward:.2f}"
        fresh.append(Case(label, (float(rng.uniform(0.3, 0.95)), reward, script)))
    return fresh


EXERCISE = Exercise(
    name="two_steps",
    signature="TwoSteps(gamma, reward), with reset(), step(action) and exact_q [2, 2]",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "The environment must remember one thing between calls: how many steps the episode has made. `reset` sets it "
        "to 0, `step` adds 1.",
        "After the first step the episode goes on: observation 1, reward 0, nothing has ended. After the second it is "
        "over: the reward is paid, and `terminated` is True.",
        "The value of the second observation is the reward, since nothing comes after it. The first pays nothing and "
        "leads to the second: its value is `gamma` times that. The action does not matter, so both columns are equal.",
        "`step` returns five things: `np.array([1.0]), reward if last else 0.0, last, False, {}`.",
    ],
    observe=observe,
)
