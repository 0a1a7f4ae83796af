"""The answers to `staleness_bound`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Rollout

Insert = Callable[[Rollout], None]


def staleness_bound(
    arrivals: Iterable[Rollout],
    get_version: Callable[[], int],
    insert: Insert,
    max_policy_lag: int,
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


def _always(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    return sum(1 for _ in arrivals)


def _any_lag(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    return staleness_bound(arrivals, get_version, insert, 0)


def _waits_for_all(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    return staleness_bound(list(arrivals), get_version, insert, max_policy_lag)


def _inserts_transitions(arrivals: Any, get_version: Any, insert: Any, max_policy_lag: int) -> int:
    return staleness_bound(arrivals, get_version, lambda rollout: insert(rollout.transitions), max_policy_lag)


def _drops_everything_after(arrivals: Any, get_version: Any, insert: Insert, max_policy_lag: int) -> int:
    dropped = 0
    for rollout in arrivals:
        if dropped or get_version() - rollout.weights_version > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


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


ANSWERS = Answers(
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
            "Nothing is ever dropped. If you compute the lag, it is the wrong way round: it is the learner's version "
            "minus the rollout's, how many versions the learner is ahead.",
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
            "drops everything",
            _always,
            "Every rollout is dropped, so the learner gets nothing. Insert those whose lag is at most the bound.",
        ),
        Mistake(
            "the bound ignored",
            _any_lag,
            "Every rollout that lags at all is dropped. `max_policy_lag` is how many versions it may lag.",
        ),
        Mistake(
            "waits for all of them first",
            _waits_for_all,
            "All rollouts are taken before the first is looked at (`list(arrivals)`, or a loop before the loop). By "
            "then the learner has gone on, so all of them look older than they were when they arrived; and in a real "
            "run arrivals never end. Decide on each rollout when it arrives.",
        ),
        Mistake(
            "the transitions alone",
            _inserts_transitions,
            "What is inserted is `rollout.transitions`. Insert the whole rollout, as in the last exercise.",
        ),
        Mistake(
            "all after the first stale one",
            _drops_everything_after,
            "Once a rollout was stale, all that follow are dropped as well. Each rollout has a version of its own: a "
            "fresh one may follow a stale one.",
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
)
