"""The answers to `play_episode`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dqnkit.classroom.exercise import Answers, Mistake


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


ANSWERS = Answers(
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
)
