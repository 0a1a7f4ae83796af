"""The whole training loop of DQN, written from five given parts.

The check passes parts that record how they are called. It compares these records, not the order of the lines: for
example, the environment may be reset before or after the update.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from dqnkit.classroom.course import reference
from dqnkit.classroom.exercise import Case, Exercise, Mistake
from dqnkit.types import Array

GAMMA = 0.9  # in every case


def training_loop(
    env: Any,
    select: Callable[[Any, float], int],
    replay: Any,
    learn: Callable[[Any], Any],
    sync: Callable[[int], None],
    *,
    steps: int,
    learning_starts: int,
    epsilon: Callable[[int], float],
    gamma: float,
) -> list[float]:
    """Train for ``steps`` environment steps; returns the returns of all finished episodes.

    Args:
        env: a Gymnasium environment.
        select: ``(observation, epsilon) -> action``.
        replay: has ``add``, ``sample`` and a length.
        learn: one gradient step on a batch.
        sync: moves the target network if it is due after this many updates.
        steps: environment steps.
        learning_starts: transitions in replay before the first update.
        epsilon: schedule, ``step -> epsilon``.
        gamma: discount factor.
    """
    observation, _ = env.reset()  # initialise
    sync(0)
    updates, episode_return = 0, 0.0
    returns: list[float] = []
    for step in range(steps):
        action = select(observation, epsilon(step))  # select
        next_observation, reward, terminated, truncated, _ = env.step(action)  # execute
        discount = 0.0 if terminated else gamma
        replay.add(observation, action, reward, discount, next_observation)
        observation = next_observation
        episode_return += reward
        if len(replay) >= learning_starts:  # update
            learn(replay.sample())
            updates += 1
            sync(updates)
        if terminated or truncated:  # evaluate
            returns.append(episode_return)
            observation, _ = env.reset()
            episode_return = 0.0
    return returns


class Episodes(NamedTuple):
    """The episodes of the recording environment: the length of each, and whether it is truncated."""

    lengths: tuple[int, ...]
    truncated: tuple[bool, ...]


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
        cut = ends and self.episodes.truncated[index]
        self.over = ends
        return self._observation(), float(self.steps), ends and not cut, cut, {}

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
        "gamma": GAMMA,
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


def cases() -> list[Case]:
    """Smallest first."""
    return [
        Case("three steps of one episode, nothing learned yet", (Episodes((5,), (False,)), 3, 10)),
        Case("an episode of two steps terminates, the next begins", (Episodes((2, 5), (False, False)), 4, 10)),
        Case("an episode of two steps is truncated, the next begins", (Episodes((2, 5), (True, False)), 4, 10)),
        Case("six steps, learning starts at four transitions", (Episodes((9,), (False,)), 6, 4)),
        Case("twelve steps, four episodes, learning starts at three", (Episodes((3, 2), (False, True)), 12, 3)),
    ]


@dataclass(frozen=True)
class _Loop:
    """The loop with switches for mistakes; with the defaults it is correct."""

    discount: Callable[[bool, bool, float], float] = lambda terminated, truncated, gamma: 0.0 if terminated else gamma
    ends: Callable[[bool, bool], bool] = lambda terminated, truncated: terminated or truncated
    epsilon_by_episode: bool = False
    keeps_observation: bool = False
    stores_next_twice: bool = False
    stores_reset: bool = False
    starts_late: int = 0
    ignores_start: bool = False
    learns_newest: bool = False
    learns_before_storing: bool = False
    learns_at_ends: bool = False
    learns_without_sync: bool = False
    syncs_by_step: bool = False
    syncs_first: bool = False
    begins_without_sync: bool = False
    counts_episodes: bool = False
    stops_at_first_end: bool = False
    adds_up_returns: bool = False
    resets_each_step: bool = False

    def __call__(
        self,
        env: Any,
        select: Any,
        replay: Any,
        learn: Any,
        sync: Any,
        *,
        steps: int,
        learning_starts: int,
        epsilon: Any,
        gamma: float,
    ) -> list[float]:
        observation, _ = env.reset()
        if not self.begins_without_sync:
            sync(0)
        updates, episode_return, time, step = 0, 0.0, 0, 0
        returns: list[float] = []

        def update(ended: bool) -> None:
            nonlocal updates
            if self.learns_at_ends and not ended:
                return
            if not self.ignores_start and len(replay) + self.learns_before_storing < learning_starts + self.starts_late:
                return
            if self.syncs_first:
                sync(updates + 1)
            batch = replay.sample()
            learn((observation, action, reward, discount, next_observation) if self.learns_newest else batch)
            updates += 1
            if not (self.syncs_first or self.learns_without_sync):
                sync(step + 1 if self.syncs_by_step else updates)

        while (len(returns) if self.counts_episodes else step) < steps:
            action = select(observation, epsilon(time if self.epsilon_by_episode else step))
            next_observation, reward, terminated, truncated, _ = env.step(action)
            ended = self.ends(terminated, truncated)
            discount = self.discount(terminated, truncated, gamma)
            episode_return += reward
            if self.stores_reset and ended:
                next_observation, _ = env.reset()
            if self.learns_before_storing:
                update(ended)
            replay.add(
                next_observation if self.stores_next_twice else observation, action, reward, discount, next_observation
            )
            if not self.keeps_observation:
                observation = next_observation
            if not self.learns_before_storing:
                update(ended)
            step, time = step + 1, time + 1
            if ended:
                returns.append(episode_return)
                if self.stops_at_first_end:
                    break
                episode_return = episode_return if self.adds_up_returns else 0.0
                time = 0
            if (ended and not self.stores_reset) or self.resets_each_step:
                observation, _ = env.reset()
        return returns


CORRECT = _Loop()

MISTAKES = (
    Mistake(
        "truncation taken as termination",
        replace(CORRECT, discount=lambda terminated, truncated, gamma: 0.0 if terminated or truncated else gamma),
        "The discount is 0 where the episode was only truncated. A time limit is not the end of the world: the pole "
        "still stands, and what would have followed counts. Only `terminated` makes the discount 0.",
    ),
    Mistake(
        "bootstraps after termination",
        replace(CORRECT, discount=lambda terminated, truncated, gamma: gamma),
        "The discount is gamma even where the episode terminated, so the target still carries the bootstrap there: the "
        "network learns that falling over has a future. It is 0 if `terminated`, else gamma.",
    ),
    Mistake(
        "no reset after a truncated episode",
        replace(CORRECT, ends=lambda terminated, truncated: terminated),
        "After a truncated episode the environment was not reset, and you step on in one that has ended. An episode is "
        "over if it terminated OR was truncated.",
    ),
    Mistake(
        "the observation stands still",
        replace(CORRECT, keeps_observation=True),
        "The next action is selected for the old observation: the agent acts without looking at where its action led. "
        "After each step, `observation = next_observation`.",
    ),
    Mistake(
        "stores the next observation twice",
        replace(CORRECT, stores_next_twice=True),
        "The transition holds the next observation in both places: `observation` was overwritten before it was stored. "
        "Store first, then move on.",
    ),
    Mistake(
        "stores the reset's observation",
        replace(CORRECT, stores_reset=True),
        "At the end of an episode the transition holds, as next observation, the first one of the next episode: the "
        "environment was reset before the transition was stored. With a truncated episode the target then bootstraps "
        "from a state that never followed.",
    ),
    Mistake(
        "epsilon begins again with each episode",
        replace(CORRECT, epsilon_by_episode=True),
        "epsilon is asked for the step within the episode, so exploration begins anew each time. The schedule counts "
        "the steps of the whole of training.",
    ),
    Mistake(
        "learns before learning_starts",
        replace(CORRECT, ignores_start=True),
        "It learns from the first step on. With a handful of transitions every batch holds the same ones, and the "
        "network fits itself to them. Wait until the replay buffer holds learning_starts transitions.",
    ),
    Mistake(
        "learning starts one transition late",
        replace(CORRECT, starts_late=1),
        "The first update comes one step late: as soon as the buffer holds learning_starts transitions (>=, not >), "
        "it is time.",
    ),
    Mistake(
        "learns from the newest transition",
        replace(CORRECT, learns_newest=True),
        "`learn` got something other than what `replay.sample()` returned. Neighbouring transitions are alike; the "
        f"buffer is there so that a batch is drawn from all of them ({reference('replay')}).",
    ),
    Mistake(
        "learns before storing",
        replace(CORRECT, learns_before_storing=True),
        "The update comes before the new transition was stored, so the newest is never among those that can be drawn. "
        "Execute, store, then update.",
    ),
    Mistake(
        "learns only when an episode ends",
        replace(CORRECT, learns_at_ends=True),
        "The gradient step stands inside the `if` for the end of an episode. DQN learns after every environment step: "
        "here it would learn once in an episode, and the better it balances, the less it would learn.",
    ),
    Mistake(
        "never syncs the target",
        replace(CORRECT, learns_without_sync=True),
        "After the updates nobody calls `sync`, so the target network stays what it was at the beginning. Call "
        "`sync(updates)` after each gradient step; it knows by itself whether a copy is due.",
    ),
    Mistake(
        "syncs by environment steps",
        replace(CORRECT, syncs_by_step=True),
        "`sync` got the number of the environment step. The target's period is counted in gradient steps: count your "
        "calls of `learn`.",
    ),
    Mistake(
        "syncs before it learns",
        replace(CORRECT, syncs_first=True),
        "`sync` comes before the gradient step that it counts, so the copy is one step old. First `learn`, then "
        "`updates += 1`, then `sync(updates)`.",
    ),
    Mistake(
        "the networks begin unequal",
        replace(CORRECT, begins_without_sync=True),
        "Before the first step nobody called `sync(0)`: the target network begins with other random weights than the "
        "online network. Initialising is one of the five operations too.",
    ),
    Mistake(
        "counts episodes instead of steps",
        replace(CORRECT, counts_episodes=True),
        "The loop ran past its last step. `steps` counts environment steps, not episodes, whose length changes as the "
        "agent learns.",
    ),
    Mistake(
        "ends with the first episode",
        replace(CORRECT, stops_at_first_end=True),
        "The loop ended with the first episode. Training runs through many: at the end of one, reset and go on until "
        "`steps` steps were made.",
    ),
    Mistake(
        "the return is never set back",
        replace(CORRECT, adds_up_returns=True),
        "The return of the second episode still contains the first. Set it back to 0 where an episode ends.",
    ),
    Mistake(
        "resets after every step",
        replace(CORRECT, resets_each_step=True),
        "The environment is reset after every step, so the agent only ever sees the first moment of an episode. Reset "
        "only where the episode terminated or was truncated.",
    ),
)

EXERCISE = Exercise(
    name="training_loop",
    signature="training_loop(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma) -> returns",
    minutes=25,
    difficulty=3,
    solution=training_loop,
    mistakes=MISTAKES,
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
        "Evaluate: `if terminated or truncated:` append the return, set it to 0, and `observation, _ = env.reset()`. "
        "At the very end return the list.",
    ),
    observe=observe,
)
