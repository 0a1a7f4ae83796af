"""Broken agents: each differs from `Agent` in one part, by a mistake that people make.

Eight of them are the patients of the clinic. Their code stands in the notebook, for the reader to mend.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.lessons.when_it_does_not_learn.mini_dqn import Agent
from dqnkit.types import Array, Transition


class BootstrapsAfterTheEnd(Agent):
    """Its TD target ignores the discount that the transition carries."""

    def td_target(self, batch: Transition) -> Array:
        q_next = self.target(batch.next_observation)  # [B, A]
        return batch.reward + self.gamma * q_next.max(axis=1)


class GathersAcrossRows(Agent):
    """It takes the actions of all rows from every row: the TD errors are [B, B]."""

    def train_step(self, batch: Transition, y: Array) -> float:
        q = self.online(batch.observation)  # [B, A]
        td_error = y - q[:, batch.action]
        slope = np.zeros_like(q)
        slope[:, batch.action] = -td_error / len(y)
        self.learn(batch.observation, slope)
        self.max_q = float(q.max(axis=1).mean())
        return float(np.mean(td_error**2)) / 2


class TakesTheLimitForTheEnd(Agent):
    """It stores a truncated episode as a terminated one."""

    def execute(self, env: Any, observation: Array) -> tuple[Array, float, bool]:
        action = self.select(observation)
        next_observation, reward, terminated, truncated, _ = env.step(action)
        next_observation = self.look(next_observation)
        over = terminated or truncated
        discount = 0.0 if over else self.gamma
        self.replay.append((observation, action, reward, discount, next_observation))
        return next_observation, reward, over


class NeverSyncs(Agent):
    """It binds a name to a copy of the weights, and leaves the target network as it is."""

    def target_sync(self) -> None:
        if self.updates % self.period == 0:
            for theta, theta_target in zip(self.online.weights, self.target.weights, strict=True):
                theta_target = theta.copy()  # noqa: F841


class KeepsNoCopy(Agent):
    """It keeps the environment's own array, into which every later observation is written."""

    def look(self, observation: Any) -> Array:
        return np.asarray(observation, np.float32)


class StoresAnotherAction(Agent):
    """It selects twice: the action in replay is not the one that was executed."""

    def execute(self, env: Any, observation: Array) -> tuple[Array, float, bool]:
        next_observation, reward, terminated, truncated, _ = env.step(self.select(observation))
        next_observation = self.look(next_observation)
        discount = 0.0 if terminated else self.gamma
        transition = (observation, self.select(observation), reward, discount, next_observation)
        self.replay.append(transition)
        return next_observation, reward, terminated or truncated


class ExploresForEver(Agent):
    """Its epsilon begins anew with each episode."""

    def epsilon(self) -> float:
        return max(0.05, 1 - self.episode_step / self.epsilon_steps)


class MovesTheLargest(Agent):
    """It moves the largest Q-value, whatever action was taken."""

    def train_step(self, batch: Transition, y: Array) -> float:
        rows = np.arange(len(y))
        q = self.online(batch.observation)  # [B, A]
        best = q.argmax(axis=1)  # [B]
        td_error = y - q[rows, best]  # [B]
        slope = np.zeros_like(q)
        slope[rows, best] = -td_error / len(y)
        self.learn(batch.observation, slope)
        self.max_q = float(q.max(axis=1).mean())
        return float(np.mean(td_error**2)) / 2


class StepsTooFar(Agent):
    """Its learning rate is 300 times too large."""

    learning_rate = 300 * Agent.learning_rate


class SeesLargeNumbers(Agent):
    """It does not scale what it sees: its observations go up to 255, as pixels do."""

    def look(self, observation: Any) -> Array:
        return 255 * np.array(observation, np.float32)


class OverwritesTheObservation(Agent):
    """It stores the next observation as the observation."""

    def execute(self, env: Any, observation: Array) -> tuple[Array, float, bool]:
        action = self.select(observation)
        observation, reward, terminated, truncated, _ = env.step(action)
        observation = self.look(observation)
        discount = 0.0 if terminated else self.gamma
        self.replay.append((observation, action, reward, discount, observation))
        return observation, reward, terminated or truncated


class CopiesTheWrongWay(Agent):
    """It copies the target network over the online network."""

    def target_sync(self) -> None:
        if self.updates % self.period == 0:
            for theta, theta_target in zip(self.online.weights, self.target.weights, strict=True):
                theta[:] = theta_target


class NeverBootstraps(Agent):
    """Its target is the reward alone."""

    def td_target(self, batch: Transition) -> Array:
        return batch.reward


class ForgetsEachEpisode(Agent):
    """Its replay buffer is made anew in every episode."""

    def execute(self, env: Any, observation: Array) -> tuple[Array, float, bool]:
        if self.episode_step == 0:
            self.replay = []
        return super().execute(env, observation)


PATIENTS: dict[str, type[Agent]] = {
    "A": BootstrapsAfterTheEnd,
    "B": GathersAcrossRows,
    "C": NeverSyncs,
    "D": TakesTheLimitForTheEnd,
    "E": KeepsNoCopy,
    "F": StoresAnotherAction,
    "G": ExploresForEver,
    "H": MovesTheLargest,
}
FAULTS: dict[str, type[Agent]] = {
    "bootstraps after the end": BootstrapsAfterTheEnd,
    "gathers across rows": GathersAcrossRows,
    "takes the limit for the end": TakesTheLimitForTheEnd,
    "never copies to the target": NeverSyncs,
    "keeps no copy of an observation": KeepsNoCopy,
    "stores another action": StoresAnotherAction,
    "explores for ever": ExploresForEver,
    "moves the largest value": MovesTheLargest,
    "learning rate far too large": StepsTooFar,
    "observations not scaled": SeesLargeNumbers,
    "observation overwritten": OverwritesTheObservation,
    "copies the wrong way": CopiesTheWrongWay,
    "never bootstraps": NeverBootstraps,
    "replay made anew each episode": ForgetsEachEpisode,
}
