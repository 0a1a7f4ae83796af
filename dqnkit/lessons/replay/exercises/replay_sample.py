"""Draw a random batch from a ring buffer."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise

NUM_BATCHES = 300  # drawn to count how often each transition comes


NUM_REPEATED = 20  # drawn again, to see whether they depend on the seed only


def fixed_cases() -> list[Case]:
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
    fixed_cases=fixed_cases,
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
