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


def _gives_the_seed_by_position(env: Any, policy: Any, seed: int) -> float:
    env.reset(seed)
    return play_episode(env, policy, seed)


def _keeps_the_pair(env: Any, policy: Any, seed: int) -> float:
    observation = env.reset(seed=seed)
    episode_return = 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        episode_return += reward
        if terminated or truncated:
            return episode_return


def _unpacks_four(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    episode_return, done = 0.0, False
    while not done:
        observation, reward, done, _ = env.step(policy(observation))
        episode_return += reward
    return episode_return


def _never_resets(env: Any, policy: Any, seed: int) -> float:
    observation, episode_return = None, 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        episode_return += reward
        if terminated or truncated:
            return episode_return


def _resets_in_the_loop(env: Any, policy: Any, seed: int) -> float:
    episode_return = 0.0
    while True:
        observation, _ = env.reset(seed=seed)
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        episode_return += reward
        if terminated or truncated:
            return episode_return


def _asks_once(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    action, episode_return = policy(observation), 0.0
    while True:
        observation, reward, terminated, truncated, _ = env.step(action)
        episode_return += reward
        if terminated or truncated:
            return episode_return


def _negates_the_first_only(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    episode_return, terminated, truncated = 0.0, False, False
    while not terminated or truncated:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        episode_return += reward
    return episode_return


def _never_begins(env: Any, policy: Any, seed: int) -> float:
    env.reset(seed=seed)
    return 0.0


def _takes_the_mean(env: Any, policy: Any, seed: int) -> float:
    observation, _ = env.reset(seed=seed)
    rewards: list[float] = []
    while True:
        observation, reward, terminated, truncated, _ = env.step(policy(observation))
        rewards.append(reward)
        if terminated or truncated:
            return sum(rewards) / len(rewards)


ANSWERS = Answers(
    solution=play_episode,
    mistakes=[
        Mistake(
            "does not end when truncated",
            _forgets_truncation,
            "It goes on when the episode was truncated, and steps an environment whose time is up. An episode is over "
            "if it was terminated or truncated: test both.",
        ),
        Mistake(
            "does not end when terminated",
            _forgets_termination,
            "It goes on when the episode was terminated: the pole has fallen, and the loop still pushes. An episode is "
            "over if it was terminated or truncated: test both.",
        ),
        Mistake(
            "waits for both",
            _needs_both,
            "It ends only if the episode was terminated and truncated at once. One of the two is enough: `or`.",
        ),
        Mistake(
            "negates the first only",
            _negates_the_first_only,
            "`not terminated or truncated` means `(not terminated) or truncated`, so the loop goes on after a "
            "truncation. Put the condition in brackets: `not (terminated or truncated)`.",
        ),
        Mistake(
            "takes no step",
            _never_begins,
            "The environment is reset, but no step is taken. If there is a `while`, its condition is false from the "
            "start: it must hold as long as the episode is neither terminated nor truncated.",
        ),
        Mistake(
            "asks the policy once",
            _asks_once,
            "The policy is asked once, and its first action is repeated to the end. Choose an action in every round of "
            "the loop: what is right depends on what is observed now.",
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
            "takes the mean",
            _takes_the_mean,
            "It returns the mean reward of a step. The return is the sum of all rewards of the episode: in CartPole "
            "the mean would be 1, however long the pole stays up.",
        ),
        Mistake(
            "counts steps",
            _counts_steps,
            "It counts the steps. In CartPole each step happens to pay 1; elsewhere rewards differ. Add up `reward`.",
        ),
        Mistake(
            "takes one step",
            _makes_one_step,
            "It takes one step only. An episode goes on, step after step, until it is terminated or truncated. Is a "
            "`return` indented too far, so that it stands inside the loop?",
        ),
        Mistake(
            "seed ignored",
            _ignores_the_seed,
            "`env.reset` is called without the seed, so the same call plays another episode each time. Call "
            "`env.reset(seed=seed)`.",
        ),
        Mistake(
            "seed by position",
            _gives_the_seed_by_position,
            "`env.reset` takes the seed by its name only: `env.reset(seed=seed)`.",
        ),
        Mistake(
            "never resets",
            _never_resets,
            "The episode never begins: `env.reset(seed=seed)` comes before the first step. It returns the first "
            "observation, for which the policy chooses the first action.",
        ),
        Mistake(
            "resets in the loop",
            _resets_in_the_loop,
            "`env.reset` stands inside the loop, so every round begins a new episode and none comes to its end. It "
            "belongs before the loop.",
        ),
        Mistake(
            "keeps the pair of reset",
            _keeps_the_pair,
            "`env.reset` returns two things, the first observation and `info`, and here both go to the policy as one. "
            "Unpack them: `observation, info = env.reset(seed=seed)`. (Older versions returned the observation alone.)",
        ),
        Mistake(
            "unpacks four things",
            _unpacks_four,
            "`env.step` returns five things: observation, reward, terminated, truncated, info. (Older versions "
            "returned four, with `done` for the two kinds of end; in those one cannot tell a fallen pole from a "
            "clock.)",
        ),
        Mistake(
            "policy ignored",
            _ignores_the_policy,
            "The policy is never asked. Let it choose every action: `action = policy(observation)`.",
        ),
    ],
)
