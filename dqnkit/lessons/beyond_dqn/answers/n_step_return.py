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


def one_power_too_many(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, terminated, gamma), 0.0 if any(terminated) else gamma ** (len(rewards) + 1)


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


def keeps_the_factor_at_the_end(
    rewards: Sequence[float], terminated: Sequence[bool], gamma: float
) -> tuple[float, float]:
    total, factor = 0.0, 1.0
    for reward, ended in zip(rewards, terminated, strict=True):
        total += factor * reward
        factor *= gamma
        if ended:
            break
    return total, factor


def ignores_the_flags(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return n_step_return(rewards, [False] * len(rewards), gamma)


def stops_one_step_late(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    later = [False, *terminated[:-1]]
    return _sum_until(rewards, later, gamma), 0.0 if any(terminated) else gamma ** len(rewards)


def discount_of_one(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    return _sum_until(rewards, terminated, gamma), 0.0 if any(terminated) else 1.0


def swaps_the_two(rewards: Sequence[float], terminated: Sequence[bool], gamma: float) -> tuple[float, float]:
    total, discount = n_step_return(rewards, terminated, gamma)
    return discount, total


ANSWERS = Answers(
    solution=n_step_return,
    mistakes=[
        Mistake(
            "counts rewards after termination",
            counts_past_the_end,
            "Rewards after the termination are counted. They belong to the next episode, which no action of this one "
            "can change. The sum stops where `terminated` is True.",
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
            "The discount is gamma, but the bootstrap value is n steps away: its factor is gamma ** n. With gamma, "
            "all that comes after the window counts too much, and the values become too large.",
        ),
        Mistake(
            "the first reward is discounted",
            discounts_the_first,
            "The first reward is multiplied by gamma. It comes at once and counts in full: the powers begin with "
            "gamma ** 0.",
        ),
        Mistake(
            "bootstraps after termination",
            bootstraps_after_the_end,
            "The discount is gamma ** n although the episode terminated in the window. Nothing comes after the end, "
            "so nothing may be added to the rewards: the discount is 0.",
        ),
        Mistake(
            "the discount at the end is not 0",
            keeps_the_factor_at_the_end,
            "Where the episode terminated, the sum stops as it should, but the discount is the power of gamma reached "
            "so far. The learner would then add the value of a state of the next episode. Return the discount 0 there.",
        ),
        Mistake(
            "the flags are never used",
            ignores_the_flags,
            "The end of the episode changes nothing: neither the sum nor the discount depends on `terminated`. (The "
            "flags are NumPy values: `if ended:` works, `if ended is True:` never does.) After the end no reward "
            "counts, and the discount is 0.",
        ),
        Mistake(
            "stops one step late",
            stops_one_step_late,
            "The sum goes on for one step after the termination. The flag belongs to the step that ended the episode: "
            "the reward of that step counts, and none after it.",
        ),
        Mistake(
            "the same power for every window",
            always_three,
            "The discount is always gamma ** 3. A window may have another length (n is another number, or the episode "
            "was truncated): the power is the number of rewards in this window.",
        ),
        Mistake(
            "the discount is 1",
            discount_of_one,
            "Where the episode goes on, the discount is 1. It is the factor of a value that is n steps away: gamma ** "
            "n. With 1 the values have no bound.",
        ),
        Mistake(
            "reward and discount change places",
            swaps_the_two,
            "The two results are in each other's place: first comes the reward of the transition, then its discount.",
        ),
        Mistake(
            "one power short",
            one_power_short,
            "The discount is that of the last reward, gamma ** (n - 1). The bootstrap value comes one step after it: "
            "gamma ** n.",
        ),
        Mistake(
            "one power too many",
            one_power_too_many,
            "The discount is gamma ** (n + 1). The value is n steps away, so it is multiplied by gamma n "
            "times, where n is the number of rewards.",
        ),
        Mistake(
            "rewards not discounted",
            plain_sum,
            "The rewards are summed without gamma. A reward that comes k steps later than the first is multiplied by "
            "gamma ** k, as in the return.",
        ),
        Mistake(
            "the last reward is lost",
            drops_the_last_reward,
            "The reward of the step that terminated is left out. It was earned; only what comes after that step does "
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
