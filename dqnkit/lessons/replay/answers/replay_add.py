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


class CopiesOnlyTheSecond(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        super().add(observation, action, reward, discount, next_observation)
        place = (self.added - 1) % self.capacity
        self.slots[place] = self.slots[place]._replace(observation=observation)


class GrowsPastCapacity(RingBuffer):
    def add(self, *values: Any) -> None:
        self.capacity = self.added + 1
        super().add(*values)


class OneTooMany(RingBuffer):
    def __init__(self, capacity: int) -> None:
        super().__init__(capacity + 1)


class OneTooFew(RingBuffer):
    def __init__(self, capacity: int) -> None:
        super().__init__(capacity - 1)


class CountsFreeSlots(RingBuffer):
    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.slots = [None] * capacity


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


class SkipsTheEnds(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        if discount:
            super().add(observation, action, reward, discount, next_observation)


class NextIsTheSame(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        super().add(observation, action, reward, discount, observation)


class BothAreTheNext(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        super().add(next_observation, action, reward, discount, next_observation)


class SwapsObservations(RingBuffer):
    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        super().add(next_observation, action, reward, discount, observation)


class BecomesFloat32(RingBuffer):
    kind: Any = np.float32

    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        observation, next_observation = (np.array(x, self.kind) for x in (observation, next_observation))
        super().add(observation, action, reward, discount, next_observation)


class BecomesFloat64(BecomesFloat32):
    kind = float


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
            "`np.array(observation)`, which makes a copy.",
        ),
        Mistake(
            "next_observation is not copied",
            CopiesOnlyTheFirst,
            "`observation` is copied, `next_observation` is not: it is still the environment's own array, which gets "
            "the next step's observation. Then every bootstrap uses the wrong state. Copy both.",
        ),
        Mistake(
            "observation is not copied",
            CopiesOnlyTheSecond,
            "`next_observation` is copied, `observation` is not: it is still the environment's own array, which gets "
            "the next step's observation. Then every value is learned for the wrong state. Copy both.",
        ),
        Mistake(
            "grows past its capacity",
            GrowsPastCapacity,
            "The buffer holds more than `capacity` transitions: a full ring must drop the oldest. A buffer that only "
            "grows fills the memory of the computer after some hours of training.",
        ),
        Mistake(
            "one more than its capacity",
            OneTooMany,
            "The ring holds one transition more than `capacity`. It has room as long as `len(self.slots)` is *less "
            "than* the capacity; with `<=` one more is appended to a ring that is full.",
        ),
        Mistake(
            "one fewer than its capacity",
            OneTooFew,
            "The ring holds one transition fewer than `capacity`. Slots are counted from 0, so the last one is "
            "`capacity - 1`; but the ring is full when it holds `capacity` of them.",
        ),
        Mistake(
            "free slots are counted",
            CountsFreeSlots,
            "`len(buffer)` counts free slots, too. If you make the slots in advance, as in `[None] * capacity`, then "
            "`__len__` must say how many of them are taken. Else a batch is drawn from slots that hold nothing.",
        ),
        Mistake(
            "overwrites the newest",
            OverwritesNewest,
            "When the ring is full, the new transition replaces the newest one. All the others stay for ever, so the "
            "network never learns from what the agent did lately. The oldest must go.",
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
            "A full ring drops everything and starts from nothing. Only one transition may go for each that comes: "
            "the oldest.",
        ),
        Mistake(
            "leaves out the ends of episodes",
            SkipsTheEnds,
            "Transitions with a discount of 0 are not stored. They are the last ones of their episodes, and in many "
            "environments the only ones with a reward. A discount of 0 means that nothing follows; the transition "
            "itself counts like any other.",
        ),
        Mistake(
            "next_observation equals observation",
            NextIsTheSame,
            "`observation` is stored in both places, so every move seems to lead nowhere and each state bootstraps "
            "from itself. The last field takes `next_observation`.",
        ),
        Mistake(
            "observation equals next_observation",
            BothAreTheNext,
            "`next_observation` is stored in both places, so each reward is credited to the state that it led to. "
            "The first field takes `observation`.",
        ),
        Mistake(
            "the two observations change places",
            SwapsObservations,
            "`observation` and `next_observation` are in each other's place: every move would be learned backwards. "
            "The order is that of `Transition`: observation, action, reward, discount, next_observation.",
        ),
        Mistake(
            "observations become float32",
            BecomesFloat32,
            "The observations change their type to float32. Whole numbers from 0 to 255 (uint8) take one byte each, "
            "as float32 they take four: for the frames of a game that is the difference between 56 and 226 "
            "gigabytes. Copy them in the type that they have.",
        ),
        Mistake(
            "observations become float64",
            BecomesFloat64,
            "The observations change their type to float64, which takes eight bytes a number. Whole numbers from 0 to "
            "255 (uint8) take one. Copy the observations in the type that they have: `np.array(observation)`.",
        ),
        Mistake(
            "reward and discount change places",
            SwapsRewardAndDiscount,
            "Reward and discount are in each other's place. The order is that of `Transition`: observation, action, "
            "reward, discount, next_observation.",
        ),
    ],
)
