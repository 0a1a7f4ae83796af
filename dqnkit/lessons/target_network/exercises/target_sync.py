"""The target network follows the online network, by hard copies or by small steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise
from dqnkit.types import Array

Variables = Any  # a list of Keras variables


class Script(NamedTuple):
    """The calls of the reader's function in a case."""

    updates: tuple[int, ...]  # updates after which it is called
    period: int
    tau: float | None = None  # None: not passed, so that the function's default holds
    compiled: bool = False  # called inside tf.function, as in the learner


def observe(thing: Any, case: Case) -> dict[str, Array]:
    """Call the function on two networks of two variables each; the online network moves at every update.

    Row ``i`` of each array has the variables of a network after the i-th call. The last row has them after one more
    move of the online network without a call.
    """
    from dqnkit.backend import keras, tf

    script: Script = case.arguments[0]
    online = [keras.Variable(np.array([1.0, -2.0], np.float32)), keras.Variable(np.array([4.0], np.float32))]
    target = [keras.Variable(np.array([0.0, 8.0], np.float32)), keras.Variable(np.array([-4.0], np.float32))]
    given_online, given_target = list(online), list(target)  # the function may put other variables into these lists
    more = {} if script.tau is None else {"tau": script.tau}

    def call(update: Any, period: Any) -> None:
        thing(given_online, given_target, update, period, **more)

    def held(variables: Variables) -> list[float]:
        return np.concatenate([np.ravel(variable.numpy()) for variable in variables]).tolist()

    synchronise = call
    if script.compiled:
        compiled = tf.function(call)

        def synchronise(update: Any, period: Any) -> None:
            compiled(tf.constant(update, tf.int64), tf.constant(period, tf.int64))

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


EXERCISE = Exercise(
    name="target_sync",
    signature="target_sync(online, target, update, period, tau=1.0) -> None",
    minutes=8,
    difficulty=1,
    fixed_cases=fixed_cases,
    hints=(
        "`online` and `target` are lists of variables in the same order. Which updates are due? Try 0, 1, 2, ... with "
        "period 3 on paper: 0, 3, 6. Which operator gives the remainder of a division?",
        "Go through both lists together: `for theta, theta_target in zip(online, target):`",
        "`theta_target.assign(value)` puts a value into a variable; `theta_target = value` would only change the "
        "name. The value is `tau * theta + (1 - tau) * theta_target`.",
    ),
    observe=observe,
)
