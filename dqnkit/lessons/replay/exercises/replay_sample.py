"""Draw a random batch from a ring buffer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array, Transition

DRAWN_EACH = 60  # times that each transition is drawn on average
DRAWN_TO_COUNT = 500  # the same from a full ring, where it is seen whether all come equally often
RETURNED = "what sample returned"
NUM_REPEATED = 20  # batches drawn again, to see whether they depend on the seed only


def fixed_cases() -> list[Case]:
    """A full ring, a ring that overwrote some, a ring with free slots, and a batch larger than the ring's content."""
    return [
        Case("a ring of 5 slots with 5 transitions, batches of 4", (5, 5, 4)),
        Case("a ring of 5 slots that got 8 transitions (numbers 4 to 8 are left), batches of 4", (5, 8, 4)),
        Case("a ring of 10 slots with 3 transitions, batches of 2", (10, 3, 2)),
        Case("a ring of 10 slots with 3 transitions, batches of 6: more than there are", (10, 3, 6)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: rings and batches of odd sizes, other kinds of observations, rewards of either sign."""

    def fresh(capacity: int, count: int, batch_size: int) -> Case:
        dtype, shape = (
            str(rng.choice(["float32", "uint8", "int64"])),
            (int(rng.integers(2, 5)), int(rng.integers(1, 4))),
        )
        label = f"a ring of {capacity} slots that got {count} transitions, batches of {batch_size}"
        return Case(label, (capacity, count, batch_size, dtype, shape, int(rng.choice([-1, 1]))))

    full, roomy, small = (int(number) for number in rng.integers([5, 8, 3], [10, 14, 6]))
    return [
        fresh(full, full + int(rng.integers(2, 2 * full)), int(rng.integers(3, full))),
        fresh(roomy, roomy - int(rng.integers(2, 4)), int(rng.integers(2, 5))),
        fresh(small + 5, small, small + int(rng.integers(1, 4))),
    ]


def observe(buffer_class: Any, case: Case) -> Any:
    """Draw many batches; their common properties, which are the same for every right solution."""
    capacity, count, batch_size, *kind = case.arguments
    rows = _transitions(count, *kind)
    buffer = buffer_class(capacity)
    for number in range(1, count + 1):
        buffer.add(*(field[number] for field in rows))
    kept = min(count, capacity)
    times = math.ceil((DRAWN_TO_COUNT if kept == capacity else DRAWN_EACH) * kept / batch_size)
    try:
        batches = _draw(buffer, batch_size, seed=1, times=times)
        again, others = (_draw(buffer, batch_size, seed, times=NUM_REPEATED) for seed in (1, 2))
    except (IndexError, KeyError, ValueError) as error:
        if len(buffer) < kept:
            return {RETURNED: "transitions that it took out of the ring, until none was left"}
        if count == capacity:
            raise  # not caused by free slots or large batches: the check shows the line
        return {
            RETURNED: f"nothing, but raised {type(error).__name__}: there are {count} transitions in {capacity} slots"
        }
    if not isinstance(batches[0], Transition) or not np.ndim(batches[0].action):
        return {RETURNED: _in_words(batches[0])}
    if _equal(batches, [batches[0]] * times) and _equal(batches, others):
        return {RETURNED: "the same batch in each call, whatever the seed"}
    counts = np.bincount(np.ravel([batch.action for batch in batches]), minlength=count + 1)[1:]
    fairness = {"how often each comes": _fairness(counts, kept)} if kept == capacity else {}
    return (
        _properties(batches, rows, kept)
        | fairness
        | {
            "the same seed gives the same batches": _equal(batches, again),
            "another seed gives other batches": not _equal(batches, others),
        }
    )


def _in_words(batch: Any) -> str:
    if isinstance(batch, list):
        return "a list, not one Transition of arrays"
    if isinstance(batch, Transition):
        return "one transition, without a batch axis"
    return f"a {type(batch).__name__}, not a Transition"


def _properties(batches: list[Any], rows: Transition, kept: int) -> dict[str, Any]:
    """What many batches have in common; their rows are told by their actions."""
    fields = Transition(*(np.array(field) for field in zip(*batches, strict=True)))  # [times, B, ...]
    numbers = fields.action  # of the transitions, [times, B]
    steps = np.diff(numbers, axis=1)
    from_others = [
        name
        for name, field, row in zip(Transition._fields, fields, rows, strict=True)
        if not np.array_equal(field, row[numbers])
    ]
    return {
        RETURNED: "one Transition in each call",
        "shapes of the fields": [f"{name} {list(np.shape(x))}" for name, x in batches[0]._asdict().items()],
        "type of the observations": str(fields.observation.dtype),
        "numbers drawn at least once": np.unique(numbers),
        "fields of another transition than the action": ", ".join(from_others) or "none",
        "rows of a batch are always neighbours": bool((steps % kept == 1 % kept).all()),
        "rows of a batch are always the same one": bool((steps == 0).all()),
        "a transition may come twice in a batch": bool((np.diff(np.sort(numbers, axis=1), axis=1) == 0).any()),
    }


def _fairness(counts: Array, kept: int) -> str:
    """How often the transitions were drawn, by their numbers ``[count]``, in words: chance is allowed for."""
    by_slot = np.zeros(kept)
    by_slot[(np.arange(len(counts)) % kept)[-kept:]] = counts[-kept:]
    inner, ends = by_slot[1:-1], by_slot[[0, -1]]
    if by_slot.max() < 1.5 * by_slot.min():
        return "all about equally often"
    halved = inner.max() < 1.5 * inner.min() and (np.abs(ends / inner.mean() - 0.5) < 0.2).all()
    return "the first and the last slot half as often" if halved else "some clearly more often than others"


def _transitions(count: int, dtype: str = "uint8", shape: tuple[int, ...] = (2,), sign: int = 1) -> Transition:
    """Transitions with the numbers 0 to ``count``, each field ``[count + 1, ...]``. Their actions are the numbers."""
    numbers = np.arange(count + 1, dtype=np.int32)
    observation = np.broadcast_to(numbers.reshape(-1, *(1 for _ in shape)), (count + 1, *shape)).astype(dtype)
    discount = np.where(numbers % 3, numbers / 1024, 0.0)  # some episodes have ended
    return Transition(
        observation, numbers, sign * numbers.astype(float), discount, observation + observation.dtype.type(1)
    )


def _draw(buffer: Any, batch_size: int, seed: int, times: int) -> list[Any]:
    """Draw batches; a plain tuple of five fields may stand for a transition."""
    rng = np.random.default_rng(seed)
    batches = [buffer.sample(batch_size, rng) for _ in range(times)]
    plain = type(batches[0]) is tuple and len(batches[0]) == 5 and not isinstance(batches[0][0], tuple)
    return [Transition(*batch) for batch in batches] if plain else batches


def _equal(some: list[Any], others: list[Any]) -> bool:
    """Whether the batches are equal, up to the end of the shorter list."""
    return all(np.array_equal(a.action, b.action) for a, b in zip(some, others, strict=False))


EXERCISE = Exercise(
    name="replay_sample",
    signature="ReplayBuffer(capacity).sample(batch_size, rng) -> Transition",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "Draw the slots first, then take what is in them. `rng.integers(n, size=k)` gives k whole numbers from 0 to "
        "n - 1, each with the same chance.",
        "`slots = rng.integers(len(self.slots), size=batch_size)`, then `rows = [self.slots[slot] for slot in "
        "slots]`: a list of `batch_size` transitions.",
        "`zip(*rows)` gives the five fields, each as a tuple of `batch_size` values, and `np.stack(field)` makes "
        "one array of them: `Transition(*(np.stack(field) for field in zip(*rows)))`.",
    ],
    observe=observe,
)
