"""One episode: the loop between agent and environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise, Mistake


def play_episode(env: Any, policy: Callable[[Any], int], seed: int) -> float:
    """Play one episode and return its return.

    Args:
        env: a Gymnasium environment.
        policy: ``observation -> action``.
        seed: of the environment's reset.
    """
    observation, _ = env.reset(seed=seed)
    episode_return = 0.0
    while True:
        action = policy(observation)
        observation, reward, terminated, truncated, _ = env.step(action)
        episode_return += reward
        if terminated or truncated:
            return episode_return


def _forgets_truncation(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    episode_return, terminated = 0.0, False
    while not terminated:
        observation, reward, terminated, _, _ = env.step(policy(observation))
        episode_return += reward
    return episode_return


def _forgets_termination(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    episode_return, truncated = 0.0, False
    while not truncated:
        observation, reward, _, truncated, _ = env.step(policy(observation))
        episode_return += reward
    return episode_return


def _needs_both(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    episode_return = 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        episode_return += reward
        if terminated and truncated:
            return episode_return


def _never_looks_again(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    episode_return = 0.0
    while True:
        _, reward, terminated, truncated, _ = env.step(policy(observation))
        episode_return += reward
        if terminated or truncated:
            return episode_return


def _drops_the_last_reward(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    episode_return = 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        if terminated or truncated:
            return episode_return
        episode_return += reward


def _returns_the_last_reward(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        if terminated or truncated:
            return float(reward)


def _counts_steps(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    steps = 0
    while True:
        observation, _, terminated, truncated, _ = env.step(policy(observation))
        steps += 1
        if terminated or truncated:
            return steps


def _makes_one_step(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    return float(env.step(policy(observation))[1])


def _ignores_the_seed(env: Any, policy: Any, seed: int) -> float:
    return play_episode(_Reseeded(env, None), policy, seed)


def _ignores_the_policy(env: Any, policy: Any, seed: int) -> float:
    return play_episode(env, lambda observation: 1, seed)


class _Reseeded:
    """An environment that resets with its own seed, not the given one."""

    def __init__(self, env: Any, seed: int | None) -> None:
        self._env, self._seed = env, seed
        self.step = env.step

    def reset(self, *, seed: int | None = None) -> Any:
        return self._env.reset(seed=self._seed)


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


def cases() -> list[Case]:
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
    solution=play_episode,
    mistakes=[
        Mistake(
            "does not end when truncated",
            _forgets_truncation,
            "It goes on when the episode was truncated, and steps an environment whose time is up. An episode is over "
            "if it terminated or was truncated: look at both.",
        ),
        Mistake(
            "does not end when terminated",
            _forgets_termination,
            "It goes on when the episode terminated: the pole has fallen, and you still push. An episode is over if it "
            "terminated or was truncated: look at both.",
        ),
        Mistake(
            "waits for both",
            _needs_both,
            "It ends only if the episode terminated and was truncated. One of the two is enough: `or`.",
        ),
        Mistake(
            "never looks again",
            _never_looks_again,
            "The policy gets the first observation again and again. Keep what `env.step` returns as the new "
            "`observation`, so that the next action is chosen for what is seen now.",
        ),
        Mistake(
            "last reward left out",
            _drops_the_last_reward,
            "The last reward is missing: the loop ends before it is added. The last step counts like every other.",
        ),
        Mistake(
            "returns the last reward",
            _returns_the_last_reward,
            "It returns the last reward alone. The return is the sum of all rewards of the episode.",
        ),
        Mistake(
            "counts steps",
            _counts_steps,
            "It counts the steps. In CartPole each step happens to pay 1; elsewhere rewards differ. Add up `reward`.",
        ),
        Mistake(
            "makes one step",
            _makes_one_step,
            "It makes one step only. An episode goes on, step after step, until it terminates or is truncated: a loop.",
        ),
        Mistake(
            "seed ignored",
            _ignores_the_seed,
            "`env.reset` does not get the seed, so the same call plays another episode each time. Call "
            "`env.reset(seed=seed)`.",
        ),
        Mistake(
            "policy ignored",
            _ignores_the_policy,
            "The action does not come from the policy. Ask it at every step: `action = policy(observation)`.",
        ),
    ],
    cases=cases,
    hints=[
        "Before the loop: `observation, _ = env.reset(seed=seed)`, and a sum that begins at 0.",
        "In the loop, three things: ask the policy for an action, execute it, add the reward to the sum. What does "
        "`env.step(action)` give back? Five things, in this order: observation, reward, terminated, truncated, info.",
        "The loop ends when `terminated or truncated` is true. `while True:` with a `return` inside is one way.",
    ],
    observe=observe,
)
