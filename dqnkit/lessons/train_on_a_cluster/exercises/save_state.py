"""What to save of a training run, so that a resumed run continues as if it had never stopped."""

from __future__ import annotations

from typing import Any

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.lessons.train_on_a_cluster.small_run import SAVED_FIELDS, SmallRun, can_be_written

SEED, OTHER_SEED = 3, 8


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """Train, save, and train on; then load the save into a new run and train that on. What the new run holds."""
    before, after = case.arguments
    run = SmallRun(SEED)
    run.train(before)
    saved = thing(run)
    if saved is None:
        return None
    run.train(after)  # must not change what was saved
    if not isinstance(saved, dict):
        return {"what was saved": saved}
    refused = [str(name) for name, value in saved.items() if name not in SAVED_FIELDS or not can_be_written(value)]
    if refused:
        return {"what a new run cannot load": sorted(refused)}
    resumed = SmallRun(OTHER_SEED)  # a new process begins with other weights
    resumed.load(saved)
    resumed.train(after)
    return {
        "environment steps": resumed.step,
        "updates": resumed.updates,
        "transitions in replay": len(resumed.replay),
        "Q of the online table": resumed.online,
        "Q of the target table": resumed.target,
        "newest transition": resumed.replay[-1],
    }


def fixed_cases() -> list[Case]:
    """Training steps before and after the save."""
    return [
        Case("10 steps, saved, loaded into a new run, 1 step", (10, 1)),
        Case("10 steps, saved, loaded into a new run, 5 steps", (10, 5)),
        Case("30 steps, saved, loaded into a new run, 40 steps", (30, 40)),
    ]


EXERCISE = Exercise(
    name="save_state",
    signature="save_state(run) -> dict",
    minutes=8,
    difficulty=2,
    fixed_cases=fixed_cases,
    hints=(
        "Go through the attributes in the table, one by one: if a new process began with a fresh one of these, would "
        "the next step be another? Seven of the eight have to be saved.",
        "The run goes on after the save, and changes its arrays and its list in place. So save copies: "
        "`run.online.copy()`, `list(run.replay)`. Numbers need none.",
        "A random generator is an object; what it will draw next is decided by `run.rng.bit_generator.state`, a dict.",
    ),
    observe=observe,
)
