"""The gradients that each replica gives to the Keras optimizer, in `tf.distribute`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise

Tensor = Any


class _NotYetKnown(Exception):
    """A replica has reached an `all_reduce` before the other replicas."""


class ReplicaContext:
    """Stands in for `tf.distribute.get_replica_context()`; the replicas run one after the other.

    Args:
        replica: number of this replica.
        num_replicas: number of all replicas.
        reduced: results of the `all_reduce` calls that all replicas have made already.
    """

    def __init__(self, replica: int, num_replicas: int, reduced: list[Any]) -> None:
        self.replica_id_in_sync_group = replica
        self.num_replicas_in_sync = num_replicas
        self._reduced = iter(reduced)
        self.op, self.given = "", None  # of the first `all_reduce` without a result

    def all_reduce(self, reduce_op: Any, value: Any, options: Any = None) -> Any:
        """The sum or the mean over all replicas, of a tensor or of each tensor in a list."""
        for result in self._reduced:
            return result
        self.op, self.given = str(getattr(reduce_op, "value", reduce_op)).upper(), value
        raise _NotYetKnown


def applied(function: Callable[..., Any], shares: list[list[Tensor]], max_norm: float) -> list[Tensor]:
    """The gradient that the Keras optimizer applies: the sum over replicas of the function's results."""
    from dqnkit.backend import tf

    reduced: list[Any] = []
    while True:
        contexts = [ReplicaContext(i, len(shares), reduced) for i in range(len(shares))]
        results = []
        for context, share in zip(contexts, shares, strict=True):
            try:
                results.append(function(list(share), max_norm, context))
            except _NotYetKnown:
                continue
        if len(results) == len(shares):
            return [tf.add_n(list(arrays)) for arrays in zip(*results, strict=True)]
        reduced.append(_reduce(contexts))


def _reduce(contexts: list[ReplicaContext]) -> Any:
    from dqnkit.backend import tf

    divisor = len(contexts) if contexts[0].op == "MEAN" else 1
    given: list[Any] = [context.given for context in contexts]
    if isinstance(given[0], (list, tuple)):
        return [tf.add_n(list(arrays)) / divisor for arrays in zip(*given, strict=True)]
    return tf.add_n(given) / divisor


def observe(function: Any, case: Case) -> Any:
    """The gradient that the optimizer applies; the results of single replicas may differ."""
    from dqnkit.backend import tf

    shares, max_norm, compiled = case.arguments
    tensors = [[tf.constant(array) for array in share] for share in shares]
    if not compiled:
        return applied(function, tensors, max_norm)
    converted = tf.autograph.to_graph(function)  # as the learner does
    return tf.function(lambda: applied(converted, tensors, max_norm), autograph=False)()


def fixed_cases() -> list[Case]:
    """Two replicas without and with clipping, and with opposite gradients; three replicas; no limit; compiled."""

    def case(label: str, shares: list[list[object]], max_norm: float, compiled: bool = False) -> Case:
        return Case(label, ([[np.array(a, np.float32) for a in share] for share in shares], max_norm, compiled))

    three = [[[[3.0, -6.0]], [1.5]], [[[1.0, 1.0]], [6.0]], [[[0.5, -1.0]], [-4.5]]]
    return [
        case("two replicas with (1, 2) and (3, -1), max_norm 10: apply (4, 1)", [[[1.0, 2.0]], [[3.0, -1.0]]], 10.0),
        case("two replicas with (3, 0) and (0, 4), max_norm 1: apply (0.6, 0.8)", [[[3.0, 0.0]], [[0.0, 4.0]]], 1.0),
        case(
            "two replicas against each other, (40, 1) and (-40, 1), max_norm 5: apply (0, 2)",
            [[[40.0, 1.0]], [[-40.0, 1.0]]],
            5.0,
        ),
        case("three replicas, a kernel and a bias, max_norm 1", three, 1.0),
        case("two replicas with (3, 0) and (0, 4), max_norm 0: never clipped", [[[3.0, 0.0]], [[0.0, 4.0]]], 0.0),
        case("three replicas once more, compiled as the learner does", three, 1.0, compiled=True),
    ]


EXERCISE = Exercise(
    name="replica_gradients",
    signature="replica_gradients(gradients, max_norm, context) -> list of tensors",
    minutes=6,
    difficulty=2,
    fixed_cases=fixed_cases,
    hints=[
        "The order of the first exercise, and one step more: sum, clip, and then undo in advance what the optimizer "
        "will do.",
        "`context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)` takes and returns the list. "
        "`gradients, _ = tf.clip_by_global_norm(gradients, max_norm)` clips it; leave that out where `max_norm` is 0.",
        "Every replica now holds the same gradient, and the optimizer adds up all of them. So each returns "
        "`gradient / context.num_replicas_in_sync` for every gradient in the list.",
    ],
    observe=observe,
)
