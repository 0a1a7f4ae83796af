"""The answers to `replay_sample`: a worked solution, and known mistakes."""

from __future__ import annotations

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


class NeverTheNewest(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        newest = (self.added - 1) % self.capacity
        others = [row for slot, row in enumerate(self.slots) if slot != newest]
        return _pack([others[i] for i in rng.integers(len(others), size=batch_size)])


class NeverTheLastSlot(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[slot] for slot in rng.integers(len(self.slots) - 1, size=batch_size)])


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
        slots = np.concatenate([np.arange(len(self.slots)), rng.integers(len(self.slots), size=batch_size)])
        return _pack([self.slots[slot] for slot in slots[:batch_size]])


class ConsecutiveRows(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        in_time = sorted(range(len(self.slots)), key=lambda slot: (slot - self.added) % self.capacity)
        start = rng.integers(len(self.slots))
        return _pack([self.slots[in_time[(start + i) % len(in_time)]] for i in range(batch_size)])


class OnlyTheNewest(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[(self.added - 1 - i) % len(self.slots)] for i in range(batch_size)][::-1])


class OneManyTimes(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[rng.integers(len(self.slots))]] * batch_size)


class WithoutReplacement(RingBuffer):
    def sample(self, batch_size: int, rng: np.random.Generator) -> Transition:
        return _pack([self.slots[slot] for slot in rng.choice(len(self.slots), batch_size, replace=False)])


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
            "The draw goes over `capacity` slots, but until the ring is full there are only `len(self.slots)` of "
            "them. In arrays made of zeros this goes unnoticed, and the network learns from transitions that never "
            "happened. Draw below `len(self.slots)`.",
        ),
        Mistake(
            "the newest is never drawn",
            NeverTheNewest,
            "The newest transition is never drawn. `rng.integers(n)` already stops at n - 1, so nothing has to be "
            "taken off; and what the agent has just seen for the first time is what it can learn most from.",
        ),
        Mistake(
            "the last slot is never drawn",
            NeverTheLastSlot,
            "The last slot is never drawn: `rng.integers(n)` already stops at n - 1, so nothing has to be taken "
            "off. While the ring fills, the last slot is where the newest transition lies.",
        ),
        Mistake(
            "fields from different transitions",
            FieldsFromDifferentTransitions,
            "Each field is drawn by itself, so a row has the observation of one transition and the reward of "
            "another: experience that nobody had. Draw the slots once, then take all five fields from them.",
        ),
        Mistake(
            "rng is ignored: another batch each time",
            GlobalRandomness,
            "The same seed gives other batches: the randomness comes from somewhere else than `rng` (np.random, "
            "random or a generator of your own). Then no run can be repeated, and no fault found twice. Draw with "
            "`rng.integers`.",
        ),
        Mistake(
            "rng is ignored: always the same batch",
            SameEveryTime,
            "Every seed gives the same batches: a generator that is made inside `sample` begins anew with each "
            "call. Then the network sees one batch for ever. Draw with the `rng` that is given.",
        ),
        Mistake(
            "consecutive rows",
            ConsecutiveRows,
            "The rows of a batch are neighbours in time: only the start is drawn at random. Neighbours are nearly "
            "alike, which is just what the buffer is there to break up. Draw every row by itself.",
        ),
        Mistake(
            "only the newest",
            OnlyTheNewest,
            "The batch is the newest transitions, in order. The others lie in the buffer and are never used: that is "
            "learning without replay.",
        ),
        Mistake(
            "one transition, many times",
            OneManyTimes,
            "One slot is drawn and repeated through the batch: the average over a batch of copies is a batch of "
            "one. Draw `batch_size` slots, `size=batch_size`.",
        ),
        Mistake(
            "without replacement",
            WithoutReplacement,
            "A batch larger than the buffer raises an error, for no transition may come twice. DQN draws with "
            "replacement: each draw from all that are kept. With a hundred thousand of them, twice is rare anyway.",
        ),
        Mistake(
            "a list of transitions",
            NotPacked,
            "You return a list of transitions. The learner wants one `Transition` whose fields are arrays: all "
            "observations [B, ...] in one, all actions [B] in one, and so on. `zip(*rows)` turns rows into fields.",
        ),
        Mistake(
            "the ends come half as often",
            FavoursTheMiddle,
            "All are drawn, but not equally often: rounding gives the first and the last slot half a share each. "
            "`rng.integers(len(self.slots), size=batch_size)` is fair.",
        ),
    ],
)
