"""Answers to `training_loop` as students write them: right ones pass, however they are written, wrong ones fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from answers import verdict

from dqnkit.classroom.checking import CheckResult
from dqnkit.classroom.course import find_exercise

# mypy: disable-error-code="no-untyped-def"


def a_while_loop(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    sync(0)
    obs, _ = env.reset()
    step, updates, total, returns = 0, 0, 0, []
    while step < steps:
        a = select(obs, epsilon(step))
        nxt, r, term, trunc, _ = env.step(a)
        replay.add(obs, a, r, gamma * (1 - term), nxt)
        total += r
        if term or trunc:
            returns += [total]
            total = 0
            obs, _ = env.reset()
        else:
            obs = nxt
        step += 1
        if len(replay) < learning_starts:
            continue
        learn(replay.sample())
        updates += 1
        sync(updates)
    return returns


def an_inner_loop_per_episode(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    sync(0)
    returns, step, updates = [], 0, 0
    while step < steps:
        observation, _ = env.reset()
        done, rewards = False, []
        while not done and step < steps:
            action = select(observation, epsilon(step))
            new, reward, terminated, truncated, _ = env.step(action)
            replay.add(observation, action, reward, 0 if terminated else gamma, new)
            observation, done = new, terminated or truncated
            rewards.append(reward)
            step += 1
            if len(replay) >= learning_starts:
                learn(replay.sample())
                updates += 1
                sync(updates)
        if done:
            returns.append(sum(rewards))
    return returns


def a_tuple_of_returns(*parts, steps, learning_starts, epsilon, gamma):
    return tuple(a_while_loop(*parts, steps=steps, learning_starts=learning_starts, epsilon=epsilon, gamma=gamma))


def an_array_of_returns(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    import numpy as np

    settings = {"steps": steps, "learning_starts": learning_starts, "epsilon": epsilon, "gamma": gamma}
    return np.array(a_while_loop(env, select, replay, learn, sync, **settings), dtype=float)


def counts_its_own_transitions(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    observation = env.reset()[0]
    sync(update=0)
    returns, total, updates = [], 0.0, 0
    for step in range(steps):
        action = select(observation, epsilon(step))
        result = env.step(action)
        after, reward, terminated, truncated = result[:4]
        replay.add(observation, action, reward, float(not terminated) * gamma, after)
        total = total + reward
        if step >= learning_starts - 1:
            batch = replay.sample()
            _ = learn(batch)
            updates = updates + 1
            sync(updates)
        observation = after
        if terminated | truncated:
            returns.append(total)
            total = 0.0
            observation = env.reset()[0]
    return returns


def keyword_arguments(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    observation, _ = env.reset(seed=1)
    sync(0)
    updates, total, returns = 0, 0, []
    for step in range(steps):
        action = select(observation=observation, epsilon=epsilon(step))
        new, reward, terminated, truncated, _ = env.step(action)
        discount = gamma
        if terminated:
            discount = 0
        replay.add(observation=observation, action=action, reward=reward, discount=discount, next_observation=new)
        if len(replay) >= learning_starts:
            updates += 1
            learn(replay.sample())
            sync(updates)
        total += reward
        observation = new
        if terminated or truncated:
            returns.append(total)
            total = 0
            observation, _ = env.reset()
    return returns


def a_helper_inside(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    updates = 0

    def update():
        nonlocal updates
        learn(replay.sample())
        updates += 1
        sync(updates)

    sync(0)
    observation, _ = env.reset()
    returns = [0]
    for step in range(steps):
        action = select(observation, epsilon(step))
        new, reward, terminated, truncated, _ = env.step(action)
        replay.add(observation, action, reward, gamma if not terminated else 0.0, new)
        returns[-1] += reward
        if len(replay) >= learning_starts:
            update()
        observation = new
        if terminated or truncated:
            observation = env.reset()[0]
            returns.append(0)
    return returns[:-1]


def an_update_counter_from_a_generator(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    import itertools

    counter = itertools.count()
    sync(next(counter))
    observation, _ = env.reset()
    collected, returns = [], []
    for step in range(steps):
        action = select(observation, epsilon(step))
        new, reward, terminated, truncated, _ = env.step(action)
        replay.add(observation, action, reward, gamma * (not terminated), new)
        observation = new
        collected.append(reward)
        if len(replay) >= learning_starts:
            learn(replay.sample())
            sync(next(counter))
        if any((terminated, truncated)):
            returns.append(sum(collected))
            collected = []
            observation, _ = env.reset()
    return returns


def copies_of_observations(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    sync(0)
    ended, returns, updates = True, [], 0
    for step in range(steps):
        if ended:
            observation, _ = env.reset()
            total = 0.0
        action = select(observation.copy(), epsilon(step))
        new, reward, terminated, truncated, _ = env.step(action)
        replay.add(observation.copy(), action, reward, (1.0 - terminated) * gamma, new.copy())
        total += reward
        ended = terminated or truncated
        if ended:
            returns.append(total)
        observation = new
        if step + 1 >= learning_starts:
            learn(replay.sample())
            updates += 1
            sync(updates)
    return returns


def an_early_return_at_the_last_step(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    sync(0)
    observation, _ = env.reset()
    returns, total, updates, step = [], 0.0, 0, 0
    while True:
        if step == steps:
            return returns
        action = select(observation, epsilon(step))
        new, reward, terminated, truncated, _ = env.step(action)
        replay.add(observation, action, reward, 0.0 if terminated else gamma, new)
        observation, total, step = new, total + reward, step + 1
        if not len(replay) < learning_starts:
            learn(replay.sample())
            updates += 1
            sync(updates)
        if terminated or truncated:
            returns, total, (observation, _) = [*returns, total], 0.0, env.reset()


RIGHT = [
    *(a_while_loop, an_inner_loop_per_episode, a_tuple_of_returns, an_array_of_returns, counts_its_own_transitions),
    *(keyword_arguments, a_helper_inside, an_update_counter_from_a_generator, copies_of_observations),
    an_early_return_at_the_last_step,
]


@dataclass
class Wrong:
    """A loop with one thing, or several, that students get wrong; ``what`` names it."""

    what: str

    def __call__(
        self, env: Any, select: Any, replay: Any, learn: Any, sync: Any, *, steps: Any, learning_starts: Any,
        epsilon: Any, gamma: Any,
    ) -> Any:  # fmt: skip
        w = self.what.split(", ")
        if "no sync at the start" not in w:
            sync(0)
        if "sync at the start with 1" in w:
            sync(1)
        if "reset is not unpacked" in w:
            observation = env.reset()
        else:
            observation, _ = env.reset()
        if "two resets" in w:
            env.step(0)
        returns: list[Any] = []
        total, updates = 0.0, 1 if "updates from one" in w else 0
        count = steps + ("one step more" in w) - ("one step less" in w)
        for step in range(count):
            action = select(
                observation, 0.1 if "epsilon is fixed" in w else epsilon(updates if "epsilon of updates" in w else step)
            )
            if "four results" in w:
                new, reward, _done, _ = env.step(action)
            new, reward, terminated, truncated, _ = env.step(action)
            discount = 0.0 if terminated else gamma
            if "gamma to the power" in w:
                discount **= 2
            if "done for terminated" in w:
                discount = 0.0 if terminated or truncated else gamma
            if "truncated for terminated" in w:
                discount = 0.0 if truncated else gamma
            if "always gamma" in w or ("gamma where both" in w and truncated):
                discount = gamma
            if "discount reversed" in w:
                discount = gamma if terminated else 0.0
            if "flag for discount" in w:
                discount = float(terminated)
            if "moves on first" in w:
                observation = new
            stored = new if "swapped observations" in w else observation
            after = observation if "swapped observations" in w else new
            if not ("skips the last transition" in w and (terminated or truncated)):
                replay.add(stored, action, reward * gamma if "discounted reward" in w else reward, discount, after)
            if "old observation" not in w:
                observation = new
            total += gamma**step * reward if "discounted return" in w else reward
            if len(replay) > learning_starts if "one late" in w else len(replay) >= learning_starts:
                for _ in range(2 if "two updates" in w else 1):
                    learn(replay.sample())
                if "no count" not in w:
                    updates += 1
                if "no sync" not in w:
                    sync(step if "sync of steps" in w else updates)
            if terminated or (truncated and "no reset when truncated" not in w):
                returns.append(total if "total in the end" not in w else len(returns))
                if "keeps the total" not in w:
                    total = 0.0
                if "never resets" not in w:
                    start, _ = env.reset()
                    observation = new if "reset is not used" in w else start
        return sum(returns) if "one number" in w else returns


WRONG = [
    *("no sync at the start", "sync at the start with 1", "reset is not unpacked", "two resets", "updates from one"),
    *("one step more", "one step less", "epsilon is fixed", "epsilon of updates", "four results", "gamma to the power"),
    *("done for terminated", "truncated for terminated", "always gamma", "gamma where both", "discount reversed"),
    *("flag for discount", "moves on first", "swapped observations", "skips the last transition", "discounted reward"),
    *("old observation", "discounted return", "one late", "two updates", "no count", "no sync", "sync of steps"),
    *("no reset when truncated", "total in the end", "keeps the total", "never resets", "reset is not used"),
    *("one number", "done for terminated, no sync", "always gamma, keeps the total, old observation"),
]


def checked(answer: Any, seed: int = 0) -> CheckResult:
    return verdict(find_exercise("training_loop"), answer, seed)


@pytest.mark.parametrize("answer", RIGHT)
def test_a_right_answer_passes(answer: Any) -> None:
    for seed in range(3):
        result = checked(answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_answer_fails(what: str) -> None:
    result = checked(Wrong(what))
    assert result.status == "wrong"
    print("named" if result.mistake else "UNNAMED", what, "->", result.mistake or result.message)


def test_the_loop_that_is_made_wrong_is_right_otherwise() -> None:
    assert checked(Wrong("")).passed
