"""Answers to `two_steps` as readers write them: every right one passes, every wrong one fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from answers import verdict

from dqnkit.classroom.course import find_exercise

# Each answer is the body of the class, as a reader writes it.
HEAD = """
class TwoSteps:
    observations = np.array([[-1.0], [1.0]])
"""
INIT = """
    def __init__(self, gamma=0.8, reward=1.0):
        self.reward = reward
        self.t = 0
        self.exact_q = np.array([[gamma * reward, gamma * reward], [reward, reward]])
"""
RESET = """
    def reset(self):
        self.t = 0
        return np.array([-1.0]), {}
"""
STEP = """
    def step(self, action):
        self.t += 1
        if self.t == 1:
            return np.array([1.0]), 0.0, False, False, {}
        return np.array([1.0]), self.reward, True, False, {}
"""


def init(values: str, more: str = "self.t = 0") -> str:
    return f"""
    def __init__(self, gamma=0.8, reward=1.0):
        self.gamma, self.reward = gamma, reward
        {more}
        self.exact_q = {values}
"""


def step(*lines: str) -> str:
    return "\n    def step(self, action):\n" + "\n".join(f"        {line}" for line in lines) + "\n"


def reset(*lines: str) -> str:
    return "\n    def reset(self):\n" + "\n".join(f"        {line}" for line in lines) + "\n"


VALUES = "np.array([[gamma * reward] * 2, [reward] * 2])"
RIGHT = {
    "early return": INIT + RESET + STEP,
    "a flag in place of a count": init(VALUES, "self.second = False")
    + reset("self.second = False", "return np.array([-1.0], dtype=np.float32), {}")
    + step(
        "if not self.second:",
        "    self.second = True",
        "    return np.array([1.0]), 0, False, False, {}",
        "self.second = False",
        "return np.array([1.0]), self.reward, True, False, {}",
    ),
    "exact_q as lists": init("[[gamma * reward, gamma * reward], [reward, reward]]") + RESET + STEP,
    "exact_q as a tuple": init("((gamma * reward,) * 2, (reward,) * 2)") + RESET + STEP,
    "exact_q by outer product": init("np.outer([gamma, 1.0], [1.0, 1.0]) * reward") + RESET + STEP,
    "exact_q filled into zeros": """
    def __init__(self, gamma=0.8, reward=1.0):
        self.reward, self.t = reward, 0
        self.exact_q = np.zeros((2, 2))
        self.exact_q[1] = reward
        self.exact_q[0] = 0 + gamma * self.exact_q[1].max()
"""
    + RESET
    + STEP,
    "observations from the class": INIT
    + reset("self.t = 0", "return self.observations[0], {}")
    + step(
        "self.t += 1",
        "done = self.t >= 2",
        "return self.observations[1], float(done) * self.reward, done, False, {}",
    ),
    "one array that is written again": init(VALUES, "self.seen = np.zeros(1)")
    + reset("self.t = 0", "self.seen[0] = -1", "return self.seen, {}")
    + step("self.t += 1", "self.seen[0] = 1", "return self.seen, self.reward * (self.t == 2), self.t == 2, False, {}"),
    "NumPy's booleans and numbers": INIT
    + RESET
    + step(
        "self.t += 1",
        "last = np.bool_(self.t == 2)",
        "return np.array([1.0]), np.where(last, self.reward, 0.0), last, np.bool_(False), {}",
    ),
    "a list for an observation": INIT
    + reset("self.t = 0", "return [-1.0], {}")
    + step("self.t += 1", "return [1.0], self.reward if self.t == 2 else 0.0, self.t == 2, False, {}"),
    "seed and options as in Gymnasium": INIT
    + "\n    def reset(self, *, seed=None, options=None):\n        self.t = 0\n        return np.array([-1.0]), {}\n"
    + STEP,
    "an iterator of the steps": INIT
    + reset("self.rest = iter([(0.0, False), (self.reward, True)])", "return np.array([-1.0]), {'t': 0}")
    + step(
        "import math",
        "reward, over = next(self.rest)",
        "return np.array([math.cos(0.0)]), reward, over, False, {'t': 1}",
    ),
}
WRONG = {
    "pays in both": INIT + RESET + step("self.t += 1", "return np.array([1.0]), self.reward, self.t == 2, False, {}"),
    "pays in the first": INIT
    + RESET
    + step("self.t += 1", "return np.array([1.0]), self.reward * (self.t == 1), self.t == 2, False, {}"),
    "pays 1": INIT + RESET + step("self.t += 1", "return np.array([1.0]), 1.0 * (self.t == 2), self.t == 2, False, {}"),
    "pays the discounted reward": init(VALUES)
    + RESET
    + step(
        "self.t += 1",
        "return np.array([1.0]), self.gamma * self.reward * (self.t == 2), self.t == 2, False, {}",
    ),
    "count from one": INIT
    + reset("self.t = 1", "return np.array([-1.0]), {}")
    + step("self.t += 1", "last = self.t == 2", "return np.array([1.0]), self.reward * last, last, False, {}"),
    "ends after three": INIT
    + RESET
    + step("last = self.t == 2", "self.t += 1", "return np.array([1.0]), self.reward * last, last, False, {}"),
    "forgets to rewind": INIT + reset("return np.array([-1.0]), {}") + STEP,
    "rewinds when it ends only": INIT
    + reset("return np.array([-1.0]), {}")
    + step(
        "self.t += 1",
        "last = self.t == 2",
        "if last:",
        "    self.t = 0",
        "return np.array([1.0]), self.reward * last, last, False, {}",
    ),
    "forgets to count": INIT
    + RESET
    + step("last = self.t == 2", "return np.array([1.0]), self.reward * last, last, False, {}"),
    "both flags": INIT
    + RESET
    + step("self.t += 1", "last = self.t == 2", "return np.array([1.0]), self.reward * last, last, last, {}"),
    "truncated": INIT
    + RESET
    + step("self.t += 1", "last = self.t == 2", "return np.array([1.0]), self.reward * last, False, last, {}"),
    "four things": INIT
    + RESET
    + step("self.t += 1", "last = self.t == 2", "return np.array([1.0]), self.reward * last, last, {}"),
    "three things": INIT
    + RESET
    + step("self.t += 1", "last = self.t == 2", "return np.array([1.0]), self.reward * last, last"),
    "reset without info": INIT + reset("self.t = 0", "return np.array([-1.0])") + STEP,
    "reset returns None": INIT + reset("self.t = 0") + STEP,
    "observation 0 at the start": INIT + reset("self.t = 0", "return np.array([0.0]), {}") + STEP,
    "the count as observation": INIT
    + RESET
    + step("self.t += 1", "last = self.t == 2", "return np.array([self.t]), self.reward * last, last, False, {}"),
    "-1 again after the end": INIT
    + RESET
    + step(
        "self.t += 1",
        "last = self.t == 2",
        "return np.array([-1.0 if last else 1.0]), self.reward * last, last, False, {}",
    ),
    "actions matter": INIT
    + RESET
    + step(
        "self.t += 1",
        "last = self.t == 2",
        "return np.array([1.0]), self.reward * last * (action == 1), last, False, {}",
    ),
    "two numbers in an observation": INIT + reset("self.t = 0", "return np.array([-1.0, 0.0]), {}") + STEP,
    "values without gamma": init("np.full((2, 2), reward)") + RESET + STEP,
    "gamma twice": init("np.array([[gamma**2 * reward] * 2, [gamma * reward] * 2])") + RESET + STEP,
    "values of the rewards": init("np.array([[0.0, 0.0], [reward, reward]])") + RESET + STEP,
    "first value is a sum": init("np.array([[reward + gamma * reward] * 2, [reward] * 2])") + RESET + STEP,
    "values transposed": init("np.array([[gamma * reward, reward], [gamma * reward, reward]])") + RESET + STEP,
    "rows swapped": init("np.array([[reward] * 2, [gamma * reward] * 2])") + RESET + STEP,
    "values of one action": init("np.array([gamma * reward, reward])") + RESET + STEP,
    "values of reward 1": init("np.array([[gamma] * 2, [1.0] * 2])") + RESET + STEP,
    "gamma is 0.8": init("np.array([[0.8 * reward] * 2, [reward] * 2])") + RESET + STEP,
    "for ever": init("np.full((2, 2), reward / (1 - gamma))") + RESET + STEP,
    "no values": """
    def __init__(self, gamma=0.8, reward=1.0):
        self.reward, self.t = reward, 0
"""
    + RESET
    + STEP,
    "ends at once": INIT + RESET + step("return np.array([1.0]), self.reward, True, False, {}"),
    "never ends": INIT
    + RESET
    + step("self.t += 1", "return np.array([1.0]), self.reward * (self.t == 2), False, False, {}"),
    "two mistakes: never rewinds, no gamma": init("np.full((2, 2), reward)")
    + reset("return np.array([-1.0]), {}")
    + STEP,
}


def made(body: str) -> Any:
    namespace: dict[str, Any] = {"np": np}
    exec(HEAD + body, namespace)
    return namespace["TwoSteps"]


def test_there_are_enough() -> None:
    assert len(RIGHT) >= 10
    assert len(WRONG) >= 20


@pytest.mark.parametrize("answer", RIGHT)
def test_a_right_answer_passes(answer: str) -> None:
    for seed in range(3):
        result = verdict(find_exercise("two_steps"), made(RIGHT[answer]), seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_does_not_pass(answer: str) -> None:
    result = verdict(find_exercise("two_steps"), made(WRONG[answer]))
    assert result.status == "wrong", result.text
    assert result.message


def test_most_wrong_answers_are_named() -> None:
    exercise = find_exercise("two_steps")
    named = {name: verdict(exercise, made(body)).mistake for name, body in WRONG.items()}
    print(named)
    assert sum(map(bool, named.values())) >= len(WRONG) * 0.6
