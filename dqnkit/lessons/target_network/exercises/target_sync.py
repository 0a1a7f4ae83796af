"""The target network follows the online network, by hard copies or by small steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from dqnkit.classroom.exercise import Case, Exercise, Mistake
from dqnkit.types import Array

Variables = Any  # a list of Keras variables


class Script(NamedTuple):
    """The calls of the reader's function in a case."""

    updates: tuple[int, ...]  # updates after which it is called
    period: int
    tau: float | None = None  # None: not passed, so that the function's default holds
    compiled: bool = False  # called inside tf.function, as in the learner


def target_sync(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    """Every ``period`` updates, move the target's variables by the fraction ``tau`` to those of the online network.

    Args:
        online, target: lists of Keras variables.
        update: number of updates so far.
        period: updates between two copies.
        tau: 1 is a hard copy.
    """
    if update % period == 0:
        for theta, theta_target in zip(online, target, strict=True):
            theta_target.assign(tau * theta + (1 - tau) * theta_target)


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


def cases() -> list[Case]:
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


def _same_variables(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    if update % period == 0:
        target[:] = online


def _other_name(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    if update % period == 0:
        target = online  # noqa: F841


def _backwards(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    if update % period == 0:
        for theta, theta_target in zip(online, target, strict=True):
            theta.assign(tau * theta_target + (1 - tau) * theta)


def _begins_unequal(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    if update > 0:
        target_sync(online, target, update, period, tau)


def _tau_reversed(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    target_sync(online, target, update, period, 1.0 - tau)


def _period_ignored(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    for theta, theta_target in zip(online, target, strict=True):
        theta_target.assign(tau * theta + (1 - tau) * theta_target)


def _tau_ignored(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    target_sync(online, target, update, period)


def _one_early(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    target_sync(online, target, update + 1, period, tau)


def _upside_down(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    if update % period != 0:
        _period_ignored(online, target, update, period, tau)


def _first_only(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    target_sync(online[:1], target[:1], update, period, tau)


def _only_once(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    if update == period:
        _period_ignored(online, target, update, period, tau)


def _adds(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    if update % period == 0:
        for theta, theta_target in zip(online, target, strict=True):
            theta_target.assign_add(tau * theta)


MISTAKES = (
    Mistake(
        "one network under two names",
        _same_variables,
        "After the copy, `target` holds the online network's own variables: one network under two names. It moves with "
        "every gradient step, so the target is not still for a moment. Copy the values: `theta_target.assign(...)`.",
    ),
    Mistake(
        "the name was changed, not the network",
        _other_name,
        "The target network never changed. `target = online` only gives a name inside your function to another list; "
        "the network outside keeps its weights for ever. Write into each of its variables: `theta_target.assign(...)`.",
    ),
    Mistake(
        "copied the wrong way",
        _backwards,
        "The online network was overwritten by the target network: everything learned since the last copy is lost. "
        "The values go from online to target.",
    ),
    Mistake(
        "unequal at update 0",
        _begins_unequal,
        "At update 0 nothing was copied, so until the first period is over the TD targets come from a network that "
        "knows nothing and has other random weights. 0 % period is 0: do not treat update 0 differently.",
    ),
    Mistake(
        "tau reversed",
        _tau_reversed,
        "tau and 1 - tau are reversed. tau is the share of the ONLINE network in the mix: with tau = 1 the target "
        "becomes the online network; yours then never moves.",
    ),
    Mistake(
        "period ignored",
        _period_ignored,
        "The target moved at an update where no copy was due. With a hard copy at every update the target is the "
        "online network again, and moves as fast as it. Copy only where update % period == 0.",
    ),
    Mistake(
        "tau ignored",
        _tau_ignored,
        "Every copy goes all the way: tau is ignored. With tau = 0.25 the target takes a quarter of the online network "
        "and keeps three quarters of itself.",
    ),
    Mistake(
        "one update early",
        _one_early,
        "The copy comes one update too early. `update` already counts the one that was just made, so it is due where "
        "update % period == 0, with nothing added.",
    ),
    Mistake(
        "condition upside down",
        _upside_down,
        "You copy at every update except those where a copy is due: update % period is 0 when it is due, and 0 counts "
        "as false in Python. Compare: update % period == 0.",
    ),
    Mistake(
        "only the first layer",
        _first_only,
        "Only the first variable was copied. A network has many (a kernel and a bias for each layer), and the target "
        "then is a mix of two networks that never was trained. Look for a `return`, or a `break`, inside the loop.",
    ),
    Mistake(
        "copied once only",
        _only_once,
        "The copy comes at update = period and never again: from then on the network learns towards values that are "
        "for ever old. It is due whenever update is a multiple of the period.",
    ),
    Mistake(
        "added instead of replaced",
        _adds,
        "You add the online network to the target instead of putting it in its place, so the weights grow with every "
        "copy. The target keeps only (1 - tau) of itself.",
    ),
)

EXERCISE = Exercise(
    name="target_sync",
    signature="target_sync(online, target, update, period, tau=1.0) -> None",
    minutes=8,
    difficulty=1,
    solution=target_sync,
    mistakes=MISTAKES,
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
