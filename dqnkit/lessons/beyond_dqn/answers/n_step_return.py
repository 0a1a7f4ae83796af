"""The answers to `n_step_return`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Sequence

from dqnkit.classroom.exercise import Answers, Mistake


def n_step_return(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    """The discounted sum of the rewards up to the end of the episode, and the discount of the bootstrap value.

    Args:
        rewards: of consecutive steps.
        terminated: for each step, whether the episode terminated with it.
        gamma: discount factor of one step.
    """
    total, factor = 0.0, 1.0
    for reward, ended in zip(rewards, terminated, strict=True):
        total += factor * reward
        factor *= gamma
        if ended:
            return total, 0.0  # what follows belongs to the next episode
    return total, factor


def _sum_until(rewards: Sequence[float], terminated: Sequence[bool], gamma: float, power: int = 0) -> float:
    """The right sum, multiplied by ``gamma ** power``."""
    return gamma**power * n_step_return(rewards, terminated, gamma)[0]


def counts_past_the_end(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, [False] * len(rewards), gamma), n_step_return(rewards, terminated, gamma)[1]


def looks_at_the_last_flag(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    total = _sum_until(rewards, [False] * len(rewards), gamma)
    return total, 0.0 if terminated[-1] else gamma ** len(rewards)


def gamma_of_one_step(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, terminated, gamma), 0.0 if any(terminated) else gamma


def discounts_the_first(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, terminated, gamma, power=1), n_step_return(rewards, terminated, gamma)[1]


def bootstraps_after_the_end(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, terminated, gamma), gamma ** len(rewards)


def always_three(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, terminated, gamma), 0.0 if any(terminated) else gamma**3


def one_power_short(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, terminated, gamma), 0.0 if any(terminated) else gamma ** (len(rewards) - 1)


def plain_sum(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, terminated, 1.0), n_step_return(rewards, terminated, gamma)[1]


def drops_the_last_reward(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    total, factor = 0.0, 1.0
    for reward, ended in zip(rewards, terminated, strict=True):
        if ended:
            return total, 0.0
        total += factor * reward
        factor *= gamma
    return total, factor


def discounts_backwards(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    total = 0.0
    for reward, ended in zip(rewards, terminated, strict=True):
        total = gamma * total + reward
        if ended:
            return total, 0.0
    return total, gamma ** len(rewards)


ANSWERS = Answers(
    solution=n_step_return,
    mistakes=[
        Mistake(
            "counts rewards after termination",
            counts_past_the_end,
            "Rewards after the termination are counted. They belong to the next episode, which no action of this one "
            "can change; stop summing where `terminated` is True.",
        ),
        Mistake(
            "looks at the last flag only",
            looks_at_the_last_flag,
            "Only the last of the `terminated` flags is looked at. The episode may end anywhere in the window: then "
            "the sum stops there, and the discount is 0.",
        ),
        Mistake(
            "gamma in place of gamma**n",
            gamma_of_one_step,
            "The discount is gamma, but the bootstrap value lies n steps ahead: its factor is gamma ** n. With gamma "
            "everything after the window counts too much, and the values come out too large.",
        ),
        Mistake(
            "the first reward is discounted",
            discounts_the_first,
            "The first reward is already multiplied by gamma. It comes at once and counts in full: the powers begin "
            "with gamma ** 0.",
        ),
        Mistake(
            "bootstraps after termination",
            bootstraps_after_the_end,
            "The discount is not 0 although the episode terminated in the window. Nothing comes after the end, so "
            "nothing may be added to the rewards; the discount is how the learner is told.",
        ),
        Mistake(
            "the same power for every window",
            always_three,
            "The discount is always gamma ** 3. A window may be shorter (n is another number, or the episode was "
            "truncated): the power is the number of rewards in this window.",
        ),
        Mistake(
            "one power short",
            one_power_short,
            "The discount is that of the last reward, gamma ** (n - 1). The bootstrap value comes one step after it: "
            "gamma ** n.",
        ),
        Mistake(
            "rewards not discounted",
            plain_sum,
            "The rewards are summed without gamma. The k-th of them comes k steps later and counts gamma ** k, as it "
            "does in the return.",
        ),
        Mistake(
            "the last reward is lost",
            drops_the_last_reward,
            "The reward of the step that terminated is left out. It was earned: only what comes after that step does "
            "not count. In a grid world it is the only reward there is.",
        ),
        Mistake(
            "discounted backwards",
            discounts_backwards,
            "The powers of gamma run the wrong way: the last reward counts in full and the first one least. The sooner "
            "a reward comes, the more it counts.",
        ),
    ],
)
