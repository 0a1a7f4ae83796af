"""The answers to `replay_sample`: a worked solution, and known mistakes."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.lessons.replay.answers.replay_add import RingBuffer
from dqnkit.types import Transition


class ReplayBuffer(RingBuffer):
    """A ring buffer with `sample`."""

    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        """Transitions drawn uniformly with replacement; each field is an array ``[B, ...]``."""
        slots = rng.integers(len(self.slots), size=batch_size)  # [B]
        rows = [self.slots[slot] for slot in slots]  # B transitions
        return Transition(*(np.stack(field) for field in zip(*rows, strict=True)))


def _pack(rows: Any) -> Transition:
    return Transition(*(np.stack(field) for field in zip(*rows, strict=True)))


class DrawsEmptySlots(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[slot] for slot in rng.integers(self.capacity, size=batch_size)])


class DrawsBeyondTheRing(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[slot] for slot in rng.integers(self.added, size=batch_size)])


class NeverTheNewest(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        newest = (self.added - 1) % self.capacity
        others = [row for slot, row in enumerate(self.slots) if slot != newest]
        return _pack([others[i] for i in rng.integers(len(others), size=batch_size)])


class NeverTheLastSlot(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[slot] for slot in rng.integers(len(self.slots) - 1, size=batch_size)])


class NeverTheFirstSlot(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[1 + slot] for slot in rng.integers(len(self.slots) - 1, size=batch_size)])


class FieldsFromDifferentTransitions(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        fields = zip(*self.slots, strict=True)
        return Transition(*(np.stack(field)[rng.integers(len(self.slots), size=batch_size)] for field in fields))


class GlobalRandomness(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return ReplayBuffer.sample(self, batch_size, np.random.default_rng())  # type: ignore[arg-type]


class SameEveryTime(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        rng = np.random.default_rng(0)
        return ReplayBuffer.sample(self, batch_size, rng)  # type: ignore[arg-type]


class ConsecutiveRows(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        in_time = sorted(range(len(self.slots)), key=lambda slot: (slot - self.added) % self.capacity)
        start = rng.integers(len(self.slots))
        return _pack([self.slots[in_time[(start + i) % len(in_time)]] for i in range(batch_size)])


class OneManyTimes(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[rng.integers(len(self.slots))]] * batch_size)


class WithoutReplacement(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[slot] for slot in rng.choice(len(self.slots), batch_size, replace=False)])


class RemovesWhatItDraws(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots.pop(rng.integers(len(self.slots))) for _ in range(batch_size)])


class ShuffledAndCut(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[slot] for slot in rng.permutation(len(self.slots))[:batch_size]])


class RandomSample(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack(random.sample(self.slots, batch_size))


class ObservationsBecomeFloat(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        batch = ReplayBuffer.sample(self, batch_size, rng)  # type: ignore[arg-type]
        return Transition(*(np.array(field, np.float32) for field in batch))  # type: ignore[arg-type]


class BatchAxisLast(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        batch = ReplayBuffer.sample(self, batch_size, rng)  # type: ignore[arg-type]
        return Transition(*(np.moveaxis(field, 0, -1) for field in batch))  # type: ignore[arg-type]


class OneTransition(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Any:
        return self.slots[rng.integers(len(self.slots))]


class NotPacked(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Any:
        return [self.slots[slot] for slot in rng.integers(len(self.slots), size=batch_size)]


class FavoursTheMiddle(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        slots = np.round(rng.random(batch_size) * (len(self.slots) - 1)).astype(int)
        return _pack([self.slots[slot] for slot in slots])


ANSWERS = Answers(
    solution=ReplayBuffer,
    mistakes=[
        Mistake(
            "draws empty slots",
            DrawsEmptySlots,
            "The slots are drawn below `capacity`, but until the ring is full only `len(self.slots)` of them are "
            "taken. With arrays made of zeros nobody would notice, and the network would learn from transitions that "
            "never happened. Draw below `len(self.slots)`.",
        ),
        Mistake(
            "draws beyond the ring",
            DrawsBeyondTheRing,
            "The slots are drawn below `self.added`, which goes on counting when the ring is full: there is no slot "
            "of that number. Draw below `len(self.slots)`.",
        ),
        Mistake(
            "the newest is never drawn",
            NeverTheNewest,
            "The newest transition is never drawn. `rng.integers(n)` already stops at n - 1, so nothing has to be "
            "subtracted. The newest transition may be what the network can learn most from.",
        ),
        Mistake(
            "the last slot is never drawn",
            NeverTheLastSlot,
            "The last slot is never drawn: `rng.integers(n)` already stops at n - 1, so nothing has to be "
            "subtracted. While the ring fills, the last slot is that of the newest transition.",
        ),
        Mistake(
            "the first slot is never drawn",
            NeverTheFirstSlot,
            "The first slot is never drawn: slots are counted from 0, and `rng.integers(n)` gives 0 to n - 1. What is "
            "in slot 0 would never be learned from.",
        ),
        Mistake(
            "fields from different transitions",
            FieldsFromDifferentTransitions,
            "Slots are drawn anew for each field, so a row has the observation of one transition and the reward of "
            "another: experience that nobody had. Draw the slots once, then take all five fields from them.",
        ),
        Mistake(
            "random.sample",
            RandomSample,
            "It draws as `random.sample` does: without replacement, and not from `rng`. So a batch larger than the "
            "buffer raises an error, and no run can be repeated, since the same seed gives other batches. Draw the "
            "slots with `rng.integers(len(self.slots), size=batch_size)`.",
        ),
        Mistake(
            "rng is not used: another batch each time",
            GlobalRandomness,
            "The same seed gives other batches: the random numbers come from somewhere else than `rng` (from "
            "`np.random`, from `random`, or from a generator of your own). Then no run can be repeated, and an error "
            "that was seen once cannot be looked for. Draw with `rng.integers`.",
        ),
        Mistake(
            "always the same batch",
            SameEveryTime,
            "Every call gives the same batch, whatever the seed. It may be that of a generator that is made inside "
            "`sample` and begins anew in each call, or no draw at all, as the newest `batch_size` transitions. Then "
            "all others are stored for nothing. Draw with the `rng` that is given.",
        ),
        Mistake(
            "consecutive rows",
            ConsecutiveRows,
            "The rows of a batch are neighbours in time: only the start is drawn at random. Neighbours are nearly "
            "alike, and to mix them is what the buffer is for. Draw every row by itself.",
        ),
        Mistake(
            "one transition, many times",
            OneManyTimes,
            "One slot is drawn and repeated through the batch, so the batch says no more than one transition does. "
            "Draw `batch_size` slots: `size=batch_size`.",
        ),
        Mistake(
            "without replacement",
            WithoutReplacement,
            "The draw is without replacement: no transition comes twice in a batch, and a batch larger than the "
            "buffer raises an error. DQN draws each row from all transitions that are kept, with replacement. Among "
            "a hundred thousand of them, the same one rarely comes twice.",
        ),
        Mistake(
            "removes what it draws",
            RemovesWhatItDraws,
            "What is drawn is taken out of the ring, so each transition is learned from once and the ring runs empty. "
            "A draw leaves the ring as it is; only `add` makes room, by overwriting the oldest.",
        ),
        Mistake(
            "a shuffled buffer, cut off",
            ShuffledAndCut,
            "The slots are shuffled and the first `batch_size` of them taken. That is a draw without replacement, so "
            "a batch is too short where the buffer holds less; and it shuffles a million numbers to take 32. Draw "
            "with `rng.integers(len(self.slots), size=batch_size)`.",
        ),
        Mistake(
            "one transition only",
            OneTransition,
            "You return one of the stored transitions. A batch has `batch_size` of them: each field is an array with "
            "the batch axis first, [B, ...].",
        ),
        Mistake(
            "a list of transitions",
            NotPacked,
            "You return a list of transitions. The learner needs one `Transition` whose fields are arrays: all "
            "observations [B, ...] in one, all actions [B] in one, and so on. `zip(*rows)` turns rows into fields.",
        ),
        Mistake(
            "the batch axis is the last",
            BatchAxisLast,
            "The batch axis of the observations is the last one, [..., B]. A network expects one observation in each "
            "row, [B, ...]: `np.stack(field)`, with `axis=0`, puts the batch first.",
        ),
        Mistake(
            "observations become float32",
            ObservationsBecomeFloat,
            "The observations change their type to float32 when they are drawn. Frames of whole numbers (uint8) take "
            "one byte a number, as float32 they take four, and all of them travel to the learner. `np.stack` keeps "
            "the type that was stored.",
        ),
        Mistake(
            "the ends come half as often",
            FavoursTheMiddle,
            "All slots are drawn, but not equally often: rounding gives the first and the last slot half a share "
            "each. `rng.integers(len(self.slots), size=batch_size)` is fair.",
        ),
    ],
)
