"""The answers to `replay_add`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Array, Transition


class RingBuffer:
    """A buffer of the newest ``capacity`` transitions."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.slots: list[Any] = []  # at most `capacity` transitions
        self.added = 0  # transitions added so far, including those that were overwritten

    def __len__(self) -> int:
        return len(self.slots)

    def add(self, observation: Array, action: int, reward: float, discount: float, next_observation: Array) -> None:
        """Add one transition; a full ring overwrites the oldest."""
        transition = Transition(np.array(observation), action, reward, discount, np.array(next_observation))  # type: ignore[arg-type]
        if len(self.slots) < self.capacity:
            self.slots.append(transition)
        else:
            self.slots[self.added % self.capacity] = transition
        self.added += 1


class StoresReference(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        super().add(observation, action, reward, discount, next_observation)
        place = (self.added - 1) % self.capacity
        self.slots[place] = Transition(observation, action, reward, discount, next_observation)


class CopiesOnlyTheFirst(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        super().add(observation, action, reward, discount, next_observation)
        place = (self.added - 1) % self.capacity
        self.slots[place] = self.slots[place]._replace(next_observation=next_observation)


class GrowsPastCapacity(RingBuffer):
    def add(self, *values: Any) -> None:
        self.capacity = self.added + 1
        super().add(*values)


class OverwritesNewest(RingBuffer):
    def add(self, *values: Any) -> None:
        if len(self.slots) == self.capacity:
            self.slots.pop()
        super().add(*values)


class KeepsTheFirst(RingBuffer):
    def add(self, *values: Any) -> None:
        if len(self.slots) < self.capacity:
            super().add(*values)


class NeverCounts(RingBuffer):
    def add(self, *values: Any) -> None:
        super().add(*values)
        self.added = 0


class CountsBeforeItWrites(RingBuffer):
    def add(self, *values: Any) -> None:
        self.added += 1
        super().add(*values)
        self.added -= 1


class StartsAnewWhenFull(RingBuffer):
    def add(self, *values: Any) -> None:
        if len(self.slots) == self.capacity:
            self.slots = []
        super().add(*values)


class NextIsTheSame(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        super().add(observation, action, reward, discount, observation)


class BecomesFloat(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        observation, next_observation = (np.array(x, np.float32) for x in (observation, next_observation))
        super().add(observation, action, reward, discount, next_observation)


class SwapsRewardAndDiscount(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        super().add(observation, action, discount, reward, next_observation)


ANSWERS = Answers(
    solution=RingBuffer,
    mistakes=[
        Mistake(
            "stores a reference",
            StoresReference,
            "The buffer keeps the environment's own array, not a copy. Many environments write each new observation "
            "into the same array, so in the end every transition shows the latest one (here 99). Store "
            "`np.array(observation)`, which copies.",
        ),
        Mistake(
            "copies only one of the two observations",
            CopiesOnlyTheFirst,
            "`observation` is copied, `next_observation` is not: it still belongs to the environment, which writes "
            "the next step into it. Then every bootstrap looks at the wrong state. Copy both.",
        ),
        Mistake(
            "grows past its capacity",
            GrowsPastCapacity,
            "The buffer holds more than `capacity` transitions: a full ring must let the oldest go. One that only "
            "grows fills the memory after some hours of training.",
        ),
        Mistake(
            "overwrites the newest",
            OverwritesNewest,
            "When the ring is full, the new transition replaces the newest one. All the others then stay for ever, "
            "and what the agent did lately is never learned from. The oldest must go.",
        ),
        Mistake(
            "turns new ones away",
            KeepsTheFirst,
            "Once the ring is full, new transitions are not stored at all. The agent would learn for ever from its "
            "first, clumsy steps. The oldest must make room.",
        ),
        Mistake(
            "the position never moves",
            NeverCounts,
            "Once the ring is full, every new transition goes into slot 0. Count each `add` in `self.added`: the "
            "slot of the oldest is `self.added % self.capacity`, and it moves on by one each time.",
        ),
        Mistake(
            "counts before it writes",
            CountsBeforeItWrites,
            "`self.added` goes up before the slot is computed, so the transition lands one slot too far: the oldest "
            "stays and the second oldest is lost. Write first, then count.",
        ),
        Mistake(
            "starts anew when it is full",
            StartsAnewWhenFull,
            "A full ring throws everything away and starts from nothing. Only one transition may go for each that "
            "comes: the oldest.",
        ),
        Mistake(
            "next_observation equals observation",
            NextIsTheSame,
            "`observation` is stored in both places, so every move seems to lead nowhere and each state bootstraps "
            "from itself. The last field takes `next_observation`.",
        ),
        Mistake(
            "uint8 becomes float32",
            BecomesFloat,
            "The observations change their type: whole numbers from 0 to 255 (uint8, one byte each) became float32, "
            "four bytes each. For frames of a game that is the difference between 28 and 113 gigabytes. Copy them "
            "as they are.",
        ),
        Mistake(
            "reward and discount change places",
            SwapsRewardAndDiscount,
            "Reward and discount are in each other's place. The order is that of `Transition`: observation, action, "
            "reward, discount, next_observation.",
        ),
    ],
)
