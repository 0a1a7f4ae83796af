"""The whole training loop of DQN, written from five given parts.

The check passes parts that record how they are called. It compares these records, not the order of the lines: for
example, the environment may be reset before or after the update.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array


class Episodes(NamedTuple):
    """The episodes of the recording environment, which come again and again: the length of each, and how it ends."""

    lengths: tuple[int, ...]
    ends: tuple[str, ...]  # "terminated", "truncated", or "both" at the same step
    reward: float = 1.0  # of the first step; twice as much at the second, and so on
    gamma: float = 0.9


@dataclass
class Recorder:
    """The five parts of the loop, which record how they are called.

    Each observation is one number: 100, 101, ... in the first episode, 200, 201, ... in the second.
    """

    episodes: Episodes
    limit: int  # environment steps after which the loop is stopped
    steps: int = 0
    episode: int = 0  # counted from 1; 0 before the first reset
    time: int = 0  # steps in this episode
    over: bool = True
    resets: list[int] = field(default_factory=list)
    stored: list[list[float]] = field(default_factory=list)
    selected: list[list[float]] = field(default_factory=list)
    stepped_after_the_end: int = 0
    sampled: int = 0
    learned: list[list[float]] = field(default_factory=list)
    synced: list[list[float]] = field(default_factory=list)

    def reset(self, **_: Any) -> tuple[Array, dict[str, Any]]:
        """Begin the next episode."""
        self.resets.append(self.steps)
        self.episode, self.time, self.over = self.episode + 1, 0, False
        return self._observation(), {}

    def step(self, action: Any) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """One step of the episode; the reward is the number of the step."""
        if self.steps == self.limit:
            raise _TooManySteps
        self.stepped_after_the_end += self.over
        self.steps, self.time = self.steps + 1, self.time + 1
        index = max(0, self.episode - 1) % len(self.episodes.lengths)
        ends = self.time >= self.episodes.lengths[index]
        how = self.episodes.ends[index] if ends else ""
        self.over = ends
        reward = self.steps * self.episodes.reward
        return self._observation(), reward, how in ("terminated", "both"), how in ("truncated", "both"), {}

    def select(self, observation: Any, epsilon: Any) -> int:
        """An action that depends on the number of calls."""
        self.selected.append([_number(observation), _number(epsilon)])
        return len(self.selected) % 3

    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        """Add one transition to the replay buffer."""
        self.stored.append([_number(x) for x in (observation, action, reward, discount, next_observation)])

    def sample(self) -> _Batch:
        """A batch from the replay buffer; it only has a number."""
        self.sampled += 1
        return _Batch(self.sampled)

    def __len__(self) -> int:
        return len(self.stored)

    def learn(self, batch: Any) -> float:
        """One gradient step."""
        self.learned.append([len(self.stored), batch.number if isinstance(batch, _Batch) else -1])
        return 0.5

    def sync(self, update: Any) -> None:
        """Move the target network, if it is due."""
        self.synced.append([_number(update), len(self.learned)])

    def _observation(self) -> Array:
        return np.array([100.0 * self.episode + self.time], np.float32)


FALLS, CUT = "terminated", "truncated"


class _Batch(NamedTuple):
    number: int


class _Environment:
    def __init__(self, recorder: Recorder) -> None:
        self.reset, self.step = recorder.reset, recorder.step


class _Replay:
    def __init__(self, recorder: Recorder) -> None:
        self.add, self.sample, self._recorder = recorder.add, recorder.sample, recorder

    def __len__(self) -> int:
        return len(self._recorder)


class _TooManySteps(Exception):
    """The loop went on after its last step."""


def _number(value: Any) -> float:
    if isinstance(value, tuple):  # what `reset` returns, not unpacked
        return float("nan")
    try:
        return float(np.asarray(value).reshape(-1)[0])
    except (TypeError, ValueError, IndexError):
        return float("nan")


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """Run the loop on the recorder: how each part was called, or None if the environment made no step."""
    episodes, steps, learning_starts = case.arguments
    recorder = Recorder(episodes, limit=steps + 3)
    settings = {
        "steps": steps,
        "learning_starts": learning_starts,
        "epsilon": lambda step: 1.0 - step / 100,
        "gamma": episodes.gamma,
    }
    try:
        returns = thing(
            _Environment(recorder), recorder.select, _Replay(recorder), recorder.learn, recorder.sync, **settings
        )
    except _TooManySteps:
        returns = "stopped: it did not end after its last step"
    if returns is None and not recorder.steps:
        return None
    return {
        "environment steps": recorder.steps,
        "resets, by the steps before each": [at for at in recorder.resets if at < steps],  # a last one is optional
        "steps taken after an episode had ended": recorder.stepped_after_the_end,
        "selected: observation, epsilon": _rows(recorder.selected, 2),
        "stored: observation, action, reward, discount, next observation": _rows(recorder.stored, 5),
        "learned: transitions in replay, number of the batch": _rows(recorder.learned, 2),
        "synced: number of the update, gradient steps so far": _rows(recorder.synced, 2),
        "returns of the episodes": returns,
    }


def _rows(values: list[list[float]], width: int) -> Array:
    return np.array(values, dtype=np.float64).reshape(-1, width)


def fixed_cases() -> list[Case]:
    """Smallest first."""
    return [
        Case("three steps of one episode, nothing learned yet", (Episodes((5,), (FALLS,)), 3, 10)),
        Case("an episode of two steps terminates, the next begins", (Episodes((2, 5), (FALLS, FALLS)), 4, 10)),
        Case("an episode of two steps is truncated, the next begins", (Episodes((2, 5), (CUT, FALLS)), 4, 10)),
        Case("it terminates at the very step at which it is truncated", (Episodes((2, 5), ("both", FALLS)), 4, 10)),
        Case("six steps, learning starts at four transitions", (Episodes((9,), (FALLS,)), 6, 4)),
        Case("twelve steps, four episodes, learning starts at three", (Episodes((3, 2), (FALLS, CUT)), 12, 3)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Episodes of every length and end, rewards of either sign, any discount factor, learning that starts anywhere."""
    drawn = []
    for sign in (-1, 1, -1):
        ends = tuple(rng.permutation([FALLS, CUT, "both"]).tolist())
        lengths = tuple(rng.integers(2, 6, size=3).tolist())
        reward, gamma = (round(float(value), 2) for value in (sign * rng.uniform(0.2, 3.0), rng.uniform(0.5, 0.99)))
        starts, steps = int(rng.integers(3, 9)), sum(lengths) + int(rng.integers(3, 9))
        label = f"{steps} steps, episodes of {lengths}, learning starts at {starts}"
        drawn.append(Case(label, (Episodes(lengths, ends, reward, gamma), steps, starts)))
    return drawn


EXERCISE = Exercise(
    name="training_loop",
    signature="training_loop(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma) -> returns",
    minutes=25,
    difficulty=3,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "Write the five operations as five comments first: initialise, select, execute, update, evaluate. Which of "
        "them stand before the loop, which inside, which inside an `if`?",
        "Initialise: `observation, _ = env.reset()`, `sync(0)`, a counter of updates, the return so far, an empty "
        "list. Then `for step in range(steps):`.",
        "Select and execute: `action = select(observation, epsilon(step))`, then "
        "`next_observation, reward, terminated, truncated, _ = env.step(action)`. The discount is 0.0 if terminated, "
        "else gamma. Store the transition before you overwrite `observation`.",
        "Update: `if len(replay) >= learning_starts:`, then `learn(replay.sample())`, count it, `sync(updates)`.",
        "At the end of an episode: `if terminated or truncated:` append the return, set it to 0, and "
        "`observation, _ = env.reset()`. At the very end return the list.",
    ),
    observe=observe,
)
