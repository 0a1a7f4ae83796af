"""The answers to `target_sync`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.lessons.target_network.exercises.target_sync import Variables


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


def _one_late(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    target_sync(online, target, update - 1, period, tau)


def _moves_away(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    if update % period == 0:
        for theta, theta_target in zip(online, target, strict=True):
            theta_target.assign(theta_target - tau * (theta - theta_target))


def _soft_at_every_update(online: Variables, target: Variables, update: Any, period: Any, tau: float = 1.0) -> None:
    target_sync(online, target, update, 1 if tau < 1 else period, tau)


MISTAKES = (
    Mistake(
        "one update late",
        _one_late,
        "The copies come one update late: the first at update 1, the next at period + 1. Updates 0, period, 2 * period "
        "are due: those that leave no remainder when divided by the period.",
    ),
    Mistake(
        "moves away",
        _moves_away,
        "The target moves away from the online network, by as much as it should move towards it. The difference is "
        "online minus target, and it is added: `theta_target + tau * (theta - theta_target)`.",
    ),
    Mistake(
        "period ignored where tau is below 1",
        _soft_at_every_update,
        "With tau below 1 it moves at every update, whatever the period is. tau says how far the target moves, and "
        "`period` says when, for soft steps too.",
    ),
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


ANSWERS = Answers(
    solution=target_sync,
    mistakes=MISTAKES,
)
