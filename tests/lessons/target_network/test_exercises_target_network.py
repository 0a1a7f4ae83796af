"""The exercises of the lesson on the target network: mistakes are caught and named, other right solutions pass."""

from __future__ import annotations

import pytest

from dqnkit.classroom.checking import check_exercise
from dqnkit.classroom.course import find_exercise

pytest.importorskip("tensorflow")

EXERCISES = {name: find_exercise(name) for name in ("target_sync", "training_loop")}
MISTAKES = [(name, mistake) for name, exercise in EXERCISES.items() for mistake in exercise.mistakes]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_solution_passes(name):
    assert check_exercise(EXERCISES[name], EXERCISES[name].solution).passed


@pytest.mark.parametrize(("name", "mistake"), MISTAKES, ids=[f"{name}: {m.name}" for name, m in MISTAKES])
def test_each_mistake_is_named(name, mistake):
    result = check_exercise(EXERCISES[name], mistake.wrong)
    assert not result.passed
    assert result.mistake == mistake.name


def test_the_packages_own_update_of_the_target_passes():
    from dqnkit.networks import update_target

    assert check_exercise(EXERCISES["target_sync"], update_target).passed


def test_what_cannot_be_compiled_is_found():
    def sync(online, target, update, period, tau=1.0):
        if int(update) % period == 0:  # a symbolic tensor has no int()
            for theta, theta_target in zip(online, target, strict=True):
                theta_target.assign(tau * theta + (1 - tau) * theta_target)

    result = check_exercise(EXERCISES["target_sync"], sync)
    assert not result.passed
    assert "compiled" in result.text


def test_the_loop_in_another_order_passes():
    """The reset comes first in an iteration, the update last: the parts are called in the same way."""

    def loop(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
        sync(0)
        returns, updates, ended, total = [], 0, True, 0.0
        for step in range(steps):
            if ended:
                observation, _ = env.reset(seed=step)
                total = 0.0
            action = select(observation, epsilon(step))
            new, reward, terminated, truncated, _ = env.step(action)
            replay.add(observation, action, reward, gamma * (1 - terminated), new)
            observation, ended, total = new, terminated or truncated, total + reward
            if ended:
                returns.append(total)
            if step + 1 >= learning_starts:
                updates += 1
                learn(replay.sample())
                sync(updates)
        return returns

    assert check_exercise(EXERCISES["training_loop"], loop).passed


def test_an_endless_loop_is_stopped_by_the_environment():
    def loop(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
        env.reset()
        while True:
            env.step(0)

    result = check_exercise(EXERCISES["training_loop"], loop)
    assert not result.passed
