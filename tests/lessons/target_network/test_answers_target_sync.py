"""Answers to `target_sync` as students write them: right ones pass, however they are written, wrong ones fail."""

from __future__ import annotations

from typing import Any

import pytest
from answers import verdict

pytest.importorskip("tensorflow")

import tensorflow as tf

from dqnkit.classroom.checking import CheckResult
from dqnkit.classroom.course import find_exercise
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner

# ruff: noqa: B905
# mypy: disable-error-code="no-untyped-def"


def early_return(online, target, update, period, tau=1.0):
    if update % period != 0:
        return
    for theta, theta_target in zip(online, target):
        theta_target.assign(tau * theta + (1 - tau) * theta_target)


def early_return_of_none_for_a_remainder(online, target, update, period, tau=1.0):
    if update % period:
        return
    for i in range(len(online)):
        target[i].assign(target[i] + tau * (online[i] - target[i]))
    return


def a_condition_with_not(online, target, update, period, tau=1.0):
    if not update % period:
        for i, theta in enumerate(online):
            target[i].assign(tau * theta + (1.0 - tau) * target[i])


def assign_add(online, target, update, period, tau=1.0):
    if update % period == 0:
        for theta, theta_target in zip(online, target):
            theta_target.assign_add(tau * (theta - theta_target))


def a_list_comprehension(online, target, update, period, tau=1.0):
    if update % period == 0:
        new = [tau * a + (1 - tau) * b for a, b in zip(online, target)]
        for variable, value in zip(target, new):
            variable.assign(value)


def a_name_for_the_condition(online, target, update, period, tau=1.0):
    is_due = update % period == 0
    if is_due:
        [b.assign(a * tau + b * (1 - tau)) for a, b in zip(online, target)]


def where_instead_of_if(online, target, update, period, tau=1.0):
    for a, b in zip(online, target):
        b.assign(tf.where(update % period == 0, tau * a + (1 - tau) * b, b))


def an_import_inside(online, target, update, period, tau=1.0):
    from tensorflow import math

    if math.equal(update % period, 0):
        for a, b in zip(online, target):
            b.assign(tau * a + (1 - tau) * b)


def floor_division(online, target, update, period, tau=1.0):
    if (update // period) * period == update:
        for a, b in zip(online, target):
            b.assign(tau * a + (1 - tau) * b)


def nested_returns(online, target, update, period, tau=1.0):
    """Two cases apart."""
    if update == 0:
        pass
    elif update % period != 0:
        return
    for a, b in zip(online, target):
        b.assign(b * (1 - tau) + a * tau)


RIGHT = [
    *(early_return, early_return_of_none_for_a_remainder, a_condition_with_not, assign_add, a_list_comprehension),
    *(a_name_for_the_condition, where_instead_of_if, an_import_inside, floor_division, nested_returns),
]


def moved(online, target, tau):
    for a, b in zip(online, target):
        b.assign(tau * a + (1 - tau) * b)


def copies_when_not_due(online, target, update, period, tau=1.0):
    if update % period != 0:
        moved(online, target, tau)


def counts_from_one(online, target, update, period, tau=1.0):
    if (update + 1) % period == 0:
        moved(online, target, tau)


def one_late(online, target, update, period, tau=1.0):
    if update % period == 1:
        moved(online, target, tau)


def not_at_zero(online, target, update, period, tau=1.0):
    if update and update % period == 0:
        moved(online, target, tau)


def at_every_update(online, target, update, period, tau=1.0):
    moved(online, target, tau)


def only_at_the_period(online, target, update, period, tau=1.0):
    if update in (0, period):
        moved(online, target, tau)


def divides_the_wrong_way(online, target, update, period, tau=1.0):
    if update == 0 or period % update == 0:
        moved(online, target, tau)


def always_hard(online, target, update, period, tau=1.0):
    if update % period == 0:
        moved(online, target, 1.0)


def the_shares_swapped(online, target, update, period, tau=1.0):
    if update % period == 0:
        moved(online, target, 1 - tau)


def into_the_online_network(online, target, update, period, tau=1.0):
    if update % period == 0:
        moved(target, online, tau)


def both_towards_each_other(online, target, update, period, tau=1.0):
    if update % period == 0:
        moved(online, target, tau)
        moved(target, online, tau)


def a_new_name(online, target, update, period, tau=1.0):
    if update % period == 0:
        target = [tau * a + (1 - tau) * b for a, b in zip(online, target)]


def a_new_name_in_the_loop(online, target, update, period, tau=1.0):
    if update % period == 0:
        for a, b in zip(online, target):
            b = tau * a + (1 - tau) * b


def puts_values_into_the_list(online, target, update, period, tau=1.0):
    if update % period == 0:
        for i in range(len(online)):
            target[i] = tau * online[i] + (1 - tau) * target[i]


def shares_the_variables(online, target, update, period, tau=1.0):
    if update % period == 0:
        for i in range(len(online)):
            target[i] = online[i]


def only_kernels(online, target, update, period, tau=1.0):
    if update % period == 0:
        moved(online[::2], target[::2], tau)


def leaves_out_the_last(online, target, update, period, tau=1.0):
    if update % period == 0:
        moved(online[:-1], target[:-1], tau)


def adds_without_weight(online, target, update, period, tau=1.0):
    if update % period == 0:
        for a, b in zip(online, target):
            b.assign(b + tau * a)


def wrong_sign(online, target, update, period, tau=1.0):
    if update % period == 0:
        for a, b in zip(online, target):
            b.assign(b - tau * (a - b))


def returns_before_the_loop(online, target, update, period, tau=1.0):
    if update % period == 0:
        return
    moved(online, target, tau)


def soft_between_the_copies(online, target, update, period, tau=1.0):
    if tau < 1 or update % period == 0:
        moved(online, target, tau)


WRONG = [
    *(copies_when_not_due, counts_from_one, one_late, not_at_zero, at_every_update, only_at_the_period),
    *(divides_the_wrong_way, always_hard, the_shares_swapped, into_the_online_network, both_towards_each_other),
    *(a_new_name, a_new_name_in_the_loop, puts_values_into_the_list, shares_the_variables, only_kernels),
    *(leaves_out_the_last, adds_without_weight, wrong_sign, returns_before_the_loop, soft_between_the_copies),
]


def checked(answer: Any, seed: int = 0) -> CheckResult:
    return verdict(find_exercise("target_sync"), answer, seed)


@pytest.mark.parametrize("answer", RIGHT)
def test_a_right_answer_passes(answer: Any) -> None:
    for seed in range(3):
        result = checked(answer, seed)
        assert result.passed, result.text


@pytest.mark.parametrize("answer", WRONG)
def test_a_wrong_answer_fails(answer: Any) -> None:
    result = checked(answer)
    assert result.status == "wrong"
    assert "tf__" not in result.message
    print("named" if result.mistake else "UNNAMED", answer.__name__, "->", result.mistake or result.message)


@pytest.mark.parametrize("answer", RIGHT[:3])
def test_the_learner_takes_an_early_return_too(answer: Any) -> None:
    """As notebook 04 compares it with the kit's own function."""
    config = DQNConfig(env_id="CartPole-v1", hidden_sizes=(4,), batch_size=2, n_step=1, xla=False, target_period=3)
    mine, kits = Learner(config, sync=answer), Learner(config)
    mine.load_state(kits.state())
    rng = __import__("numpy").random.default_rng(0)
    from dqnkit.types import Transition

    observations = rng.normal(size=(2, 4, 2, 4)).astype("float32")
    action, ones = rng.integers(2, size=(4, 2)).astype("int32"), rng.normal(size=(2, 4, 2)).astype("float32")
    batches = Transition(observations[0], action, ones[0], abs(ones[1]), observations[1])
    for learner in (mine, kits):
        learner.update(batches)
    one, other = ([v.numpy() for v in learner.target.trainable_variables] for learner in (mine, kits))
    assert all((a == b).all() for a, b in zip(one, other))
