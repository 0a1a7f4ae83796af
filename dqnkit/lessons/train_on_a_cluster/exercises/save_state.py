"""What to save of a training run, so that a resumed run continues as if it had never stopped.

The check compares bit for bit: what was saved with what the run held, the run after the save with one that was never
saved, and a new run that loads the save with both.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.lessons.train_on_a_cluster.small_run import SAVED_FIELDS, SmallRun, can_be_written, field_of, read_field

AS_IT_WAS, MISSING = "saved as it was", "missing"


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """Train, save, and train on; load the save into a new run and train that on. What became of all of them."""
    seed, other_seed, before, after = case.arguments
    run, never_saved = SmallRun(seed), SmallRun(seed)
    run.train(before)
    never_saved.train(before)
    saved = thing(run)
    if saved is None:
        return None
    if not isinstance(saved, Mapping):
        return {"what was saved": f"no dict, but a {type(saved).__name__}"}
    seen = {f"{name}": _fate(saved, name, run, never_saved) for name in SAVED_FIELDS}
    others = sorted(str(name) for name in saved if name not in SAVED_FIELDS)
    seen["saved, but not for a file"] = ", ".join(others) or "nothing"
    changes = _changes(run, never_saved)
    seen["changed in the run by the save"] = changes
    kept = {name: deepcopy(saved[name]) for name in SAVED_FIELDS if can_be_written(saved.get(name))}
    run.train(after)
    never_saved.train(after)
    alike = _changes(run, never_saved) == "nothing"
    seen["the run goes on as one that was never saved"] = "yes, bit for bit" if alike else f"no (changed: {changes})"
    lacks = ", ".join(f"{name} {seen[name]}" for name in SAVED_FIELDS if seen[name] != AS_IT_WAS)
    resumed = SmallRun(other_seed)  # a new process begins with other weights
    try:
        resumed.load(kept)
        resumed.train(after)
        alike = _changes(resumed, never_saved) == "nothing"
    except Exception:  # what was saved does not fit a run
        alike = False
    seen["a resumed run goes on as one that never stopped"] = (
        "yes, bit for bit" if alike else f"no ({lacks or changes})"
    )
    return seen


def _fate(saved: Mapping[Any, Any], name: str, run: SmallRun, right: SmallRun) -> str:
    """What became of a field in the save, in words."""
    if name not in saved:
        return MISSING
    value, own = saved[name], field_of(run, name)
    if not can_be_written(value):
        return "an object that a file cannot hold"
    if value is own and isinstance(own, list):
        return "the run's own list, which goes on changing"
    if isinstance(value, np.ndarray) and isinstance(own, np.ndarray) and np.may_share_memory(value, own):
        return "the run's own array, which goes on changing"
    try:
        held, wanted = read_field(name, value), field_of(right, name)
        if np.shape(held) != np.shape(wanted):
            return f"of the shape {np.shape(held)} in place of {np.shape(wanted)}"
        if type(held) is type(wanted):
            if np.array_equal(held, wanted):
                return AS_IT_WAS
            if isinstance(wanted, np.ndarray) and np.allclose(held, wanted, rtol=0.01, atol=0.006):
                return "nearly as it was: rounded"
    except (TypeError, ValueError, IndexError):
        pass
    return "something else than what the run held"


def _changes(run: SmallRun, right: SmallRun) -> str:
    """The fields in which two runs differ."""
    differ = [name for name in SAVED_FIELDS if not np.array_equal(field_of(run, name), field_of(right, name))]
    if differ == ["replay"]:
        return "replay: transitions were removed" if len(run.replay) < len(right.replay) else "replay"
    return ", ".join(differ) or "nothing"


def fixed_cases() -> list[Case]:
    """Seeds of the run and of the new process; training steps before and after the save."""
    return [
        Case("10 steps, saved, loaded into a new run, 1 step", (3, 8, 10, 1)),
        Case("10 steps, saved, loaded into a new run, 5 steps", (3, 8, 10, 5)),
        Case("30 steps, saved, loaded into a new run, 40 steps", (3, 8, 30, 40)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: other seeds; saved before the first step, between two copies of the target, with a full buffer."""
    fresh = []
    for before in (0, 7 * int(rng.integers(1, 5)) + int(rng.integers(1, 7)), int(rng.integers(45, 90))):
        seed, other_seed = (int(number) for number in rng.choice(1_000, size=2, replace=False))
        after = int(rng.integers(8, 40))
        label = f"seed {seed}: {before} steps, saved, loaded into a new run, {after} steps"
        fresh.append(Case(label, (seed, other_seed, before, after)))
    return fresh


EXERCISE = Exercise(
    name="save_state",
    signature="save_state(run) -> dict",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "Go through the attributes in the table, one by one: if a new process began with a fresh one of these, would "
        "its next step differ? Seven of the eight have to be saved.",
        "The run goes on after the save, and changes its arrays and its list in place. So save copies: "
        "`run.online.copy()`, `list(run.replay)`. Numbers need none.",
        "A random generator is an object; what it will draw next is decided by `run.rng.bit_generator.state`, a dict.",
    ),
    observe=observe,
)
