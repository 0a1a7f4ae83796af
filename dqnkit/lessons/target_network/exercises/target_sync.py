"""The target network follows the online network, by hard copies or by small steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dqnkit.autograph_ready import autograph_ready
from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array

Variables = Any  # a list of Keras variables


START = (([1.0, -2.0], [4.0]), ([0.0, 8.0], [-4.0]))  # variables of the online and of the target network


class Script(NamedTuple):
    """The calls of the reader's function in a case."""

    updates: tuple[int, ...]  # updates after which it is called
    period: int
    tau: float | None = None  # None: not passed, so that the function's default holds
    compiled: bool = False  # called inside tf.function, as in the learner
    variables: Any = START


def observe(thing: Any, case: Case) -> dict[str, Array]:
    """Call the function on two networks of a few variables each; the online network moves at every update.

    Row ``i`` of each array has the variables of a network after the i-th call. The last row has them after one more
    move of the online network without a call.
    """
    from dqnkit.backend import keras, tf

    script: Script = case.arguments[0]
    online, target = ([keras.Variable(np.array(v, np.float32)) for v in network] for network in script.variables)
    given_online, given_target = list(online), list(target)  # the function may put other variables into these lists
    more = {} if script.tau is None else {"tau": script.tau}

    function = autograph_ready(thing) if script.compiled else thing

    def call(update: Any, period: Any) -> None:
        function(given_online, given_target, update, period, **more)

    def held(variables: Variables) -> list[float]:
        return np.concatenate([np.ravel(variable.numpy()) for variable in variables]).tolist()

    synchronise = call
    if script.compiled:
        compiled = tf.function(call)

        def synchronise(update: Any, period: Any) -> None:
            try:
                compiled(tf.constant(update, tf.int64), tf.constant(period, tf.int64))
            except Exception as error:
                raise _explained(error) from None

    rows: dict[str, list[list[float]]] = {"online network": [], "target network": []}
    for update in (*script.updates, None):
        if update is not None:
            synchronise(update, script.period)
        rows["online network"].append(held(given_online))
        rows["target network"].append(held(given_target))
        for variable in online:
            variable.assign(variable + 2.0)
    rows["target network"][-1] = held(given_target)
    return {name: np.array(values) for name, values in rows.items()}


class CannotCompile(Exception):
    """The learner cannot use this function."""


def _explained(error: Exception) -> CannotCompile:
    """Return the error in words that a reader can use; TensorFlow's come with its own files and lines."""
    reason = [line.strip() for line in str(error).splitlines() if line.strip()][-1]
    return CannotCompile(
        f"{reason}\nThe learner compiles this function: TensorFlow runs it once with tensors that have no values yet, "
        "and records what it does. So `update` and `period` cannot become Python numbers (`int()`, `.numpy()`, "
        "`range()`); an `if` on `update % period`, and `assign`, are fine."
    )


def fixed_cases() -> list[Case]:
    """Smallest first. In all cases the two networks begin unequal."""
    scripts = {
        "update 0, before any gradient step: the two networks must begin equal": Script((0,), period=10),
        "update 3, period 3, hard: a copy is due": Script((3,), period=3),
        "update 2, period 3: no copy is due": Script((2,), period=3),
        "updates 1 to 6, period 2, hard": Script((1, 2, 3, 4, 5, 6), period=2),
        "update 1, period 1, tau 0.25: a quarter of the way": Script((1,), period=1, tau=0.25),
        "updates 1 to 4, period 2, tau 0.5": Script((1, 2, 3, 4), period=2, tau=0.5),
        "updates 0 to 3, period 3, compiled as the learner does": Script((0, 1, 2, 3), period=3, compiled=True),
    }
    return [Case(label, (script,)) for label, script in scripts.items()]


def cases(rng: np.random.Generator) -> list[Case]:
    """Networks of other sizes; other periods and values of tau, updates from the first and from much later ones."""

    def variables() -> Any:
        shapes = [rng.integers(1, 4, size=rng.integers(1, 3)) for _ in range(rng.integers(2, 5))]
        return tuple([rng.normal(scale=3.0, size=shape) for shape in shapes] for _ in range(2))

    period, later = int(rng.integers(2, 5)), int(rng.integers(5, 300))
    tau, small = round(float(rng.uniform(0.3, 0.9)), 2), round(float(rng.uniform(0.005, 0.3)), 3)
    first, around = tuple(range(2 * period + 2)), tuple(range(later * period - 1, later * period + 3))
    scripts = {
        f"updates 0 to {first[-1]}, period {period}, hard": Script(first, period),
        f"updates {around[0]} to {around[-1]}, period {period}, tau {tau}": Script(around, period, tau),
        f"updates 1 to 3, period 1, tau {small}": Script((1, 2, 3), 1, small),
        f"updates 0 to {period}, period {period}, compiled as the learner does": Script(
            first[: period + 1], period, compiled=True
        ),
        f"updates {around[0]} to {around[1]}, period {period}, tau {small}, compiled as the learner does": Script(
            around[:2], period, small, compiled=True
        ),
    }
    return [Case(label, (script._replace(variables=variables()),)) for label, script in scripts.items()]


EXERCISE = Exercise(
    name="target_sync",
    signature="target_sync(online, target, update, period, tau=1.0) -> None",
    minutes=8,
    difficulty=1,
    fixed_cases=fixed_cases,
    cases=cases,
    hints=(
        "`online` and `target` are lists of variables in the same order. Which updates are due? Try 0, 1, 2, ... with "
        "period 3 on paper: 0, 3, 6. Which operator gives the remainder of a division?",
        "Go through both lists together: `for theta, theta_target in zip(online, target):`",
        "`theta_target.assign(value)` puts a value into a variable; `theta_target = value` would only change the "
        "name. The value is `tau * theta + (1 - tau) * theta_target`.",
    ),
    observe=observe,
)
