"""Draw a random batch from a ring buffer."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise, Mistake
from dqnkit.lessons.replay.exercises.replay_add import RingBuffer
from dqnkit.types import Transition

NUM_BATCHES = 300  # drawn to count how often each transition comes
NUM_REPEATED = 20  # drawn again, to see whether they depend on the seed only


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


def cases() -> list[Case]:
    """A full ring, a ring that overwrote some, a ring with free slots, and a batch larger than the ring's content."""
    return [
        Case("a ring of 5 slots with 5 transitions, batches of 4", (5, 5, 4)),
        Case("a ring of 5 slots that got 8 transitions (numbers 4 to 8 are left), batches of 4", (5, 8, 4)),
        Case("a ring of 10 slots with 3 transitions, batches of 2", (10, 3, 2)),
        Case("a ring of 10 slots with 3 transitions, batches of 6: more than there are", (10, 3, 6)),
    ]


def observe(buffer_class: Any, case: Case) -> Any:
    """Draw many batches; their common properties, which are the same for every right solution."""
    capacity, count, batch_size = case.arguments
    buffer = buffer_class(capacity)
    for number in range(1, count + 1):
        frame = np.array([number, number], np.uint8)
        buffer.add(frame, number, float(number), number / 1024, frame + np.uint8(1))
    try:
        batches = _draw(buffer, batch_size, seed=1, times=NUM_BATCHES)
        again, others = (_draw(buffer, batch_size, seed, times=NUM_REPEATED) for seed in (1, 2))
    except (IndexError, KeyError, ValueError) as error:
        if count == capacity:
            raise  # not caused by free slots or large batches: the check shows the line
        return {
            "what sample did": f"it raised {type(error).__name__}: there are {count} transitions in {capacity} slots"
        }
    if isinstance(batches[0], list):
        return {"what sample returned": f"a list of {len(batches[0])}, not one Transition"}
    rewards = np.array([batch.reward for batch in batches])  # [NUM_BATCHES, B]
    counts = np.unique(rewards, return_counts=True)[1]
    return {
        "shapes of the fields": [f"{name} {list(np.shape(x))}" for name, x in batches[0]._asdict().items()],
        "type of the observations": str(np.asarray(batches[0].observation).dtype),
        "numbers drawn at least once": np.unique(rewards),
        "all fields of a row come from one transition": all(map(_belong_together, batches)),
        "the same seed gives the same batches": _equal(batches, again),
        "another seed gives other batches": not _equal(batches, others),
        "rows of a batch are always neighbours in time": _are_neighbours(rewards, count, buffer),
        "rows of a batch are always the same one": bool((rewards == rewards[:, :1]).all()),
        "each comes about equally often": bool(counts.max() < 1.5 * counts.min()),
    }


def _draw(buffer: Any, batch_size: int, seed: int, times: int) -> Any:
    rng = np.random.default_rng(seed)
    return [buffer.sample(batch_size, rng) for _ in range(times)]


def _belong_together(batch: Any) -> bool:
    number = np.asarray(batch.reward)
    fields = (batch.action, np.asarray(batch.discount) * 1024, *np.transpose(batch.observation))
    return all(np.array_equal(number, field) for field in (*fields, *(np.transpose(batch.next_observation) - 1.0)))


def _equal(some: list[Any], others: list[Any]) -> bool:
    """Whether the batches are equal, up to the end of the shorter list."""
    return all(np.array_equal(a.reward, b.reward) for a, b in zip(some, others, strict=False))


def _are_neighbours(rewards: Any, count: int, buffer: Any) -> bool:
    """Whether each row is the transition after the row before it; the oldest follows the newest."""
    kept = min(count, buffer.capacity)
    return bool((np.diff(rewards, axis=1) % kept == 1 % kept).all())


EXERCISE = Exercise(
    name="replay_sample",
    signature="ReplayBuffer(capacity).sample(batch_size, rng) -> Transition",
    minutes=8,
    difficulty=2,
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
    cases=cases,
    hints=[
        "First the slots, then what lies in them. `rng.integers(n, size=k)` gives k whole numbers from 0 to n - 1, "
        "each with the same chance.",
        "`slots = rng.integers(len(self.slots), size=batch_size)`, then `rows = [self.slots[slot] for slot in "
        "slots]`: a list of `batch_size` transitions.",
        "`zip(*rows)` gives the five fields, each as a tuple of `batch_size` values, and `np.stack(field)` makes "
        "one array of them: `Transition(*(np.stack(field) for field in zip(*rows)))`.",
    ],
    observe=observe,
)
