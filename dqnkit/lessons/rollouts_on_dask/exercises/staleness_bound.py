"""A bound on policy lag: rollouts made under weights that are too old are dropped and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise, Mistake
from dqnkit.types import Rollout, Transition

Insert = Callable[[Rollout], None]


def staleness_bound(
    arrivals: Iterable[Rollout], get_version: Callable[[], int], insert: Insert, max_policy_lag: int
) -> int:
    """Insert the rollouts whose policy lag is at most ``max_policy_lag``; returns how many were dropped.

    Args:
        arrivals: rollouts, as they arrive.
        get_version: the learner's newest weights version.
        insert: puts a rollout into replay.
        max_policy_lag: in weights versions.
    """
    dropped = 0
    for rollout in arrivals:
        policy_lag = get_version() - rollout.weights_version
        if policy_lag > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


class Learner:
    """A learner that publishes new weights while rollouts arrive."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.inserted: list[int] = []

    def get_version(self) -> int:
        """The version of the newest weights."""
        return self.version

    def insert(self, rollout: Any) -> None:
        """Record the sequence number of a rollout."""
        self.inserted.append(rollout.sequence)

    def arrivals(self, script: Any) -> Iterator[Rollout]:
        """The rollouts; before each, the learner publishes some versions."""
        for sequence, (acted_under, published) in enumerate(script):
            self.version += published
            yield _rollout(acted_under, sequence)


def _rollout(version: int, sequence: int) -> Rollout:
    """A rollout of 4 steps."""
    column = np.zeros(4, np.float32)
    transitions = Transition(column, column.astype(np.int32), column, column, column)
    nothing = np.empty(0, np.float32)
    return Rollout(transitions, 4, version, nothing, nothing.astype(np.int32), sequence=sequence)


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


def cases() -> list[Case]:
    """A rollout is (version that acted, number of versions that the learner publishes before it arrives)."""
    return [
        Case("the learner is at version 10, one rollout of version 8, bound 5", (10, [(8, 0)], 5)),
        Case("the learner is at version 10, rollouts of versions 4, 5, 6 (lags 6, 5, 4), bound 5", *_at(10, 4, 5, 6)),
        Case(
            "the learner publishes 3 versions before each of four rollouts of version 10, bound 5",
            (10, [(10, 3), (10, 3), (10, 3), (14, 3)], 5),
        ),
        Case("bound 0: only the newest weights will do", (7, [(7, 0), (6, 0), (7, 1), (8, 0)], 0)),
        Case("a large bound, rollouts in mixed order", (100, [(60, 0), (99, 1), (20, 2), (100, 0), (51, 0)], 50)),
    ]


def _at(version: int, *acted_under: int) -> tuple[Any, ...]:
    return ((version, [(acted, 0) for acted in acted_under], 5),)


def _reversed(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    dropped = 0
    for rollout in arrivals:
        if get_version() - rollout.weights_version > max_policy_lag:
            insert(rollout)
        else:
            dropped += 1
    return dropped


def _sign(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    dropped = 0
    for rollout in arrivals:
        if rollout.weights_version - get_version() > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


def _at_the_bound(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    return staleness_bound(arrivals, get_version, insert, max_policy_lag - 1)


def _one_late(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    return staleness_bound(arrivals, get_version, insert, max_policy_lag + 1)


def _version_of_the_beginning(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    version = get_version()
    return staleness_bound(arrivals, lambda: version, insert, max_policy_lag)


def _counts_steps(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    dropped = 0
    for rollout in arrivals:
        if (get_version() - rollout.weights_version) * rollout.steps > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


def _by_sequence(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    dropped = 0
    for rollout in arrivals:
        if get_version() - rollout.sequence > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


def _silently(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    staleness_bound(arrivals, get_version, insert, max_policy_lag)
    return 0


def _returns_nothing(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> None:
    staleness_bound(arrivals, get_version, insert, max_policy_lag)


def _counts_kept(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    rollouts = 0

    def count(rollout: Rollout) -> None:
        nonlocal rollouts
        rollouts += 1
        insert(rollout)

    staleness_bound(arrivals, get_version, count, max_policy_lag)
    return rollouts


def _ends_at_the_first(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    for rollout in arrivals:
        if get_version() - rollout.weights_version > max_policy_lag:
            return 1
        insert(rollout)
    return 0


def _counts_but_inserts(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    dropped = 0
    for rollout in arrivals:
        dropped += get_version() - rollout.weights_version > max_policy_lag
        insert(rollout)
    return dropped


EXERCISE = Exercise(
    name="staleness_bound",
    signature="staleness_bound(arrivals, get_version, insert, max_policy_lag) -> dropped",
    minutes=5,
    difficulty=1,
    solution=staleness_bound,
    mistakes=[
        Mistake(
            "the stale ones are kept",
            _reversed,
            "The comparison is reversed: the stale rollouts are inserted and the fresh ones dropped. What is dropped "
            "is what lags by more than the bound.",
        ),
        Mistake(
            "the lag's sign reversed",
            _sign,
            "The lag is the wrong way round, so it is never above 0 and nothing is ever dropped. It is the learner's "
            "version minus the rollout's: how many versions the learner is ahead.",
        ),
        Mistake(
            "drops at the bound",
            _at_the_bound,
            "A rollout whose lag equals the bound is dropped. The bound is the largest lag that is allowed: with a "
            "bound of 0 yours would drop even those made under the newest weights. Drop where the lag is above it.",
        ),
        Mistake(
            "one version too many",
            _one_late,
            "A rollout that lags by one version more than the bound is still inserted. Drop as soon as the lag is "
            "above the bound.",
        ),
        Mistake(
            "measured before it arrived",
            _version_of_the_beginning,
            "The learner's version is read once, at the beginning. But it learns on while rollouts are under way: what "
            "was fresh when it was submitted may be stale when it arrives. Call `get_version()` for each rollout.",
        ),
        Mistake(
            "counts steps",
            _counts_steps,
            "The lag is counted in environment steps. Policy lag is a number of versions of the weights: the learner's "
            "minus the rollout's. How long a rollout is does not make it older.",
        ),
        Mistake(
            "takes the sequence number for the version",
            _by_sequence,
            "The lag is computed from the rollout's sequence number. That says which rollout it is; which weights "
            "acted is `rollout.weights_version`.",
        ),
        Mistake(
            "drops silently",
            _silently,
            "Rollouts are dropped, and 0 is returned. A cluster that throws half of its work away then looks healthy. "
            "Count every one.",
        ),
        Mistake(
            "returns nothing",
            _returns_nothing,
            "The function ends without `return`, so nobody hears how many rollouts were dropped. Count them and return "
            "the number.",
        ),
        Mistake(
            "counts what it keeps",
            _counts_kept,
            "It returns how many were inserted. What is asked for is how many were dropped: the work that was for "
            "nothing.",
        ),
        Mistake(
            "ends at the first stale one",
            _ends_at_the_first,
            "It returns at the first stale rollout, and those after it are never looked at. Rollouts arrive in any "
            "order: a fresh one may follow a stale one.",
        ),
        Mistake(
            "counted, but inserted",
            _counts_but_inserts,
            "The stale rollouts are counted, and inserted all the same. Insert only the others: `else:`.",
        ),
    ],
    cases=cases,
    hints=(
        "Go through `arrivals`. For each rollout, how many versions is the learner ahead of the weights that acted?",
        "`policy_lag = get_version() - rollout.weights_version`, inside the loop, for the learner goes on meanwhile.",
        "If the lag is above `max_policy_lag`, count it as dropped; else `insert(rollout)`. Return the count.",
    ),
    observe=observe,
)
