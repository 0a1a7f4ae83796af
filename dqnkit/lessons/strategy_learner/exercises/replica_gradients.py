"""The gradients that each replica gives to the Keras optimizer, in `tf.distribute`."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise

Tensor = Any


COMPILED = "compiled"
NO_VALUES = (
    "While TensorFlow compiles, a tensor has a shape but no values yet: use TensorFlow's operations (`tf.sqrt`, "
    "`tf.minimum`, ...), not NumPy, `.numpy()` or `float()`."
)


class CannotCompileError(Exception):
    """It works when it is called directly, but TensorFlow cannot compile it."""


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
        if self.op not in ("SUM", "MEAN"):
            raise ValueError(f"all_reduce knows tf.distribute.ReduceOp.SUM and MEAN, not {reduce_op!r}")
        raise _NotYetKnown


def applied(function: Callable[..., Any], shares: list[list[Tensor]], max_norm: float) -> list[Tensor]:
    """The gradient that the Keras optimizer applies: the sum over replicas of the function's results."""
    reduced: list[Any] = []
    while True:
        contexts = [ReplicaContext(i, len(shares), reduced) for i in range(len(shares))]
        results = []
        for context, share in zip(contexts, shares, strict=True):
            try:
                results.append(function(list(share), max_norm, context))
            except _NotYetKnown:
                continue
        if results and any(context.op for context in contexts):
            raise RuntimeError(
                "some replicas call all_reduce and others do not: those that do would wait for the others for ever"
            )
        if results:
            return _sums(results)
        reduced.append(_reduce(contexts))


def _sums(results: list[Any]) -> Any:
    """The sum over the replicas of each of their gradients; what is no list stays as it is and is told by the check."""
    from dqnkit.backend import tf

    if not all(isinstance(result, (list, tuple)) for result in results):
        return results[0]
    if any(isinstance(gradient, (list, tuple)) for gradient in results[0]):  # the gradients and their length
        return tuple(results[0])
    return [tf.add_n(list(arrays)) for arrays in zip(*results, strict=True)]


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

    shares, max_norm, context = case.arguments
    tensors = [[tf.constant(array) for array in share] for share in shares]
    directly = applied(function, tensors, max_norm)
    if COMPILED not in context:
        return directly
    converted = tf.autograph.to_graph(function)  # as the learner does
    try:
        return tf.function(lambda: applied(converted, tensors, max_norm), autograph=False)()
    except Exception as error:
        raise CannotCompileError(f"{_line_of(error, converted)}{_first_line(error)} {NO_VALUES}") from None


def _line_of(error: Exception, converted: Any) -> str:
    """The reader's line at which compiling stopped, as text; empty if it is elsewhere.

    The traceback leads through code that AutoGraph wrote; ``converted`` knows from which line each of its lines came.
    """
    origins = {place.lineno: origin for place, origin in getattr(converted, "ag_source_map", {}).items()}
    written = converted.__code__.co_filename
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == written and frame.lineno in origins:
            return f"`{origins[frame.lineno].source_code_line.strip()}`: "
    return ""


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}."


def fixed_cases() -> list[Case]:
    """Two replicas without and with clipping, and with opposite gradients; three replicas; no limit; compiled."""

    def case(label: str, shares: list[list[object]], max_norm: float, how: str = "") -> Case:
        arrays = [[np.array(a, np.float32) for a in share] for share in shares]
        return Case(label, (arrays, max_norm, _in_words(len(shares), how)))

    three = [[[[3.0, -6.0]], [1.5]], [[[1.0, 1.0]], [6.0]], [[[0.5, -1.0]], [-4.5]]]
    below_0 = [[[[-3.0, -6.0]], [-1.5]], [[[-1.0, -0.5]], [-2.5]]]
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
        case("two replicas, all numbers below 0, max_norm 2.5", below_0, 2.5),
        case("three replicas once more, compiled as the learner does", three, 1.0, COMPILED),
        case("three replicas with a gradient that is not too long, compiled", three, 20.0, COMPILED),
    ]


def _in_words(replicas: int, how: str = "") -> str:
    """The context of a case, as the reader is shown it."""
    return ", ".join(filter(None, [f"{replicas} replicas", how]))


def cases(rng: np.random.Generator) -> list[Case]:
    """Fresh ones: gradients that are short, long, all of one sign, or nearly cancel out; one compiled."""
    fresh = []
    kinds = ("short", "long", "against each other", "never clipped", "long", "against each other")
    for number, kind in enumerate(kinds):
        n, columns = (int(size) for size in rng.integers(2, 5, size=2))
        shapes = [(2, columns), (columns,)] if number % 2 else [(columns, 1), (1,), (1, columns)]
        shares = [[rng.normal(rng.choice([-2.0, 0.0, 2.0]), 1.0, shape) for shape in shapes] for _ in range(n)]
        if kind == "against each other":  # the others add little to these two
            shares[1] = [0.1 * other - one for one, other in zip(shares[0], shares[1], strict=True)]
            shares[2:] = [[0.1 * array for array in share] for share in shares[2:]]
        max_norm = {"short": 50.0, "long": 0.3, "never clipped": 0.0}.get(kind, 1.5) * rng.uniform(0.8, 1.2)
        arrays = [[array.astype(np.float32) for array in share] for share in shares]
        context = _in_words(n, COMPILED if number == 2 else "")
        fresh.append(Case(f"fresh gradients: {kind}, {context}", (arrays, float(max_norm), context)))
    return fresh


EXERCISE = Exercise(
    name="replica_gradients",
    signature="replica_gradients(gradients, max_norm, context) -> list of tensors",
    minutes=6,
    difficulty=2,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=[
        "Keep the order of the first exercise, sum and clip. Then one step more: undo in advance what the optimizer "
        "will do.",
        "`context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)` takes and returns the list. "
        "`gradients, _ = tf.clip_by_global_norm(gradients, max_norm)` clips it; leave that out where `max_norm` is 0.",
        "Every replica now holds the same gradient, and the optimizer adds up all of them. So each returns "
        "`gradient / context.num_replicas_in_sync` for every gradient in the list.",
    ],
    observe=observe,
)
