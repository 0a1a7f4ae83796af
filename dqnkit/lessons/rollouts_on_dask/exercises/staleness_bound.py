"""A bound on policy lag: rollouts made under weights that are too old are dropped and counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Rollout, Transition


class Learner:
    """A learner that publishes new weights while rollouts arrive."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.inserted: list[Any] = []

    def get_version(self) -> int:
        """The version of the newest weights."""
        return self.version

    def insert(self, rollout: Any) -> None:
        """Record the sequence number of a rollout."""
        self.inserted.append(rollout.sequence if isinstance(rollout, Rollout) else f"a {type(rollout).__name__}")

    def arrivals(self, script: Any) -> Iterator[Rollout]:
        """The rollouts; before each, the learner publishes some versions."""
        for sequence, (acted_under, published) in enumerate(script):
            self.version += published
            yield _rollout(acted_under, sequence)


def _rollout(version: int, sequence: int) -> Rollout:
    """A rollout of 2 to 4 steps."""
    steps = 2 + sequence % 3
    column = np.zeros(steps, np.float32)
    transitions = Transition(column, column.astype(np.int32), column, column, column)
    nothing = np.empty(0, np.float32)
    return Rollout(transitions, steps, version, nothing, nothing.astype(np.int32), sequence=sequence)


def observe(thing: Any, case: Case) -> dict[str, Any] | None:
    """Let the rollouts arrive: which were inserted, and what was returned."""
    version, script, max_policy_lag = case.arguments
    learner = Learner(version)
    arrivals = learner.arrivals(script)
    returned = thing(arrivals, learner.get_version, learner.insert, max_policy_lag)
    left = sum(1 for _ in arrivals)
    if returned is None and not learner.inserted and left == len(script):
        return None
    return {
        "inserted, by sequence number": ", ".join(map(str, learner.inserted)) or "none",
        "rollouts not looked at": left,
        "returned (how many were dropped)": returned,
    }


def fixed_cases() -> list[Case]:
    """A rollout is (version that acted, number of versions that the learner publishes before it arrives)."""
    return [
        Case("the learner is at version 10, one rollout of version 8, bound 5", (10, [(8, 0)], 5)),
        Case("the learner is at version 10, rollouts of versions 4, 5, 6 (lags 6, 5, 4), bound 5", *_at(10, 4, 5, 6)),
        Case(
            "the learner publishes 3 versions before each of four rollouts of version 10, bound 5",
            (10, [(10, 3), (10, 3), (10, 3), (14, 3)], 5),
        ),
        Case("the learner is at version 3, rollouts of versions 3 and 2, bound 5", *_at(3, 3, 2)),
        Case("bound 0: only the newest weights will do", (7, [(7, 0), (6, 0), (7, 1), (8, 0)], 0)),
        Case("a large bound, rollouts in mixed order", (100, [(60, 0), (99, 1), (20, 2), (100, 0), (51, 0)], 50)),
    ]


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: lags on both sides of the bound and on it, in any order, while the learner goes on publishing."""
    fresh = []
    for bound in (0, *rng.integers(1, 40, size=3)):
        start, published = int(rng.integers(50, 500)), rng.integers(0, 4, size=int(rng.integers(8, 14)))
        published[0], published[-1] = 2, 3
        lags = rng.permutation(
            [bound, bound, bound + 1, bound + 1, *rng.integers(0, 2 * bound + 4, len(published) - 4)]
        )
        lags[:2], lags[-1] = (bound + 2, bound), bound  # a fresh one behind a stale one; the last is fresh
        versions = start + np.cumsum(published) - lags
        script = [(int(version), int(new)) for version, new in zip(versions, published, strict=True)]
        fresh.append(Case(f"{len(script)} fresh rollouts, bound {bound}", (start, script, int(bound))))
    fresh.append(Case("no rollout arrives", (int(rng.integers(100)), [], 3)))
    return fresh


def _at(version: int, *acted_under: int) -> tuple[Any, ...]:
    return ((version, [(acted, 0) for acted in acted_under], 5),)


EXERCISE = Exercise(
    name="staleness_bound",
    signature="staleness_bound(arrivals, get_version, insert, max_policy_lag) -> dropped",
    minutes=5,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "Go through `arrivals`. For each rollout, how many versions is the learner ahead of the weights that acted?",
        "`policy_lag = get_version() - rollout.weights_version`, inside the loop, for the learner goes on meanwhile.",
        "If the lag is above `max_policy_lag`, count it as dropped; else `insert(rollout)`. Return the count.",
    ),
    observe=observe,
)
