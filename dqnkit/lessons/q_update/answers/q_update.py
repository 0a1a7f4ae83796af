"""The answers to `q_update`: a worked solution, and known mistakes."""

from __future__ import annotations

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Array


def q_update(q: Array, s: int, a: int, r: float, s_next: int, terminated: bool, alpha: float, gamma: float) -> float:
    """The new value of Q(s, a) after one Q-update (Watkins, 1989).

    Args:
        q: the table ``[S, A]``.
        s, a, r, s_next, terminated: one transition.
        alpha: step size.
        gamma: discount factor.
    """
    if terminated:
        target = r  # nothing comes after the end
    else:
        target = r + gamma * q[s_next].max()
    return float(q[s, a] + alpha * (target - q[s, a]))


def _bootstraps_after_the_end(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q[s, a] + alpha * (r + gamma * q[s_next].max() - q[s, a])


def _stops_while_it_goes_on(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, r, s_next, not terminated, alpha, gamma)


def _drops_the_reward_at_the_end(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, 0.0 if terminated else r, s_next, terminated, alpha, gamma)


def _jumps_to_the_target(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, r, s_next, terminated, 1.0, gamma)


def _returns_the_step_alone(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, r, s_next, terminated, alpha, gamma) - q[s, a]


def _turns_the_sign(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, r, s_next, terminated, -alpha, gamma)


def _forgets_the_old_value(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q[s, a] + alpha * (r + (0.0 if terminated else gamma * q[s_next].max()))


def _takes_the_mean(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    target = r + (0.0 if terminated else gamma * q[s_next].mean())
    return q[s, a] + alpha * (target - q[s, a])


def _looks_at_s(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, r, s, terminated, alpha, gamma)


def _takes_the_same_action_again(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    target = r + (0.0 if terminated else gamma * q[s_next, a])
    return q[s, a] + alpha * (target - q[s, a])


def _takes_the_index(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    target = r + (0.0 if terminated else gamma * q[s_next].argmax())
    return q[s, a] + alpha * (target - q[s, a])


def _discounts_the_reward(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    target = gamma * (r + (0.0 if terminated else q[s_next].max()))
    return q[s, a] + alpha * (target - q[s, a])


def _forgets_gamma(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, r, s_next, terminated, alpha, 1.0)


def _takes_the_reward_whole_at_the_end(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return r if terminated else q_update(q, s, a, r, s_next, terminated, alpha, gamma)


def _returns_the_td_error(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return r + (0.0 if terminated else gamma * q[s_next].max()) - q[s, a]


def _swaps_alpha_and_gamma(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, r, s_next, terminated, gamma, alpha)


def _weighs_the_wrong_way(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q_update(q, s, a, r, s_next, terminated, 1 - alpha, gamma)


def _forgets_the_brackets(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    return q[s, a] + alpha * r + (0.0 if terminated else gamma * q[s_next].max()) - q[s, a]


def _takes_the_minimum(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    target = r + (0.0 if terminated else gamma * q[s_next].min())
    return q[s, a] + alpha * (target - q[s, a])


def _takes_the_sum(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    target = r + (0.0 if terminated else gamma * q[s_next].sum())
    return q[s, a] + alpha * (target - q[s, a])


def _takes_the_maximum_of_the_table(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    target = r + (0.0 if terminated else gamma * q.max())
    return q[s, a] + alpha * (target - q[s, a])


def _begins_the_maximum_at_zero(q, s, a, r, s_next, terminated, alpha, gamma):  # type: ignore[no-untyped-def]
    target = r + (0.0 if terminated else gamma * max(0.0, q[s_next].max()))
    return q[s, a] + alpha * (target - q[s, a])


ANSWERS = Answers(
    solution=q_update,
    mistakes=[
        Mistake(
            "bootstraps after the end",
            _bootstraps_after_the_end,
            "The target still carries the bootstrap `gamma * max Q(s', a')` where the episode terminated. Nothing "
            "comes after the end, so the target there is the reward alone; otherwise a value that nobody can earn "
            "enters the last step, and from there all states before it.",
        ),
        Mistake(
            "terminated the wrong way round",
            _stops_while_it_goes_on,
            "The two cases of `terminated` are swapped: the bootstrap is added at the end and left out before it. So "
            "no reward ever reaches the states before the last one.",
        ),
        Mistake(
            "drops the reward at the end",
            _drops_the_reward_at_the_end,
            "Where the episode terminated, the target is 0. The last reward counts like every other: there the target "
            "is `r`. In a room with one goal it is the only reward there is.",
        ),
        Mistake(
            "jumps to the reward at the end",
            _takes_the_reward_whole_at_the_end,
            "Where the episode terminated, it returns `r`. There `r` is the target, but the new value still moves only "
            "the part `alpha` of the way towards it, as everywhere else.",
        ),
        Mistake(
            "jumps to the target",
            _jumps_to_the_target,
            "The new value is the target itself. It should move only the part `alpha` of the way: a target is one "
            "noisy sample, and a table that jumps to it remembers only the last one.",
        ),
        Mistake(
            "step size the wrong way round",
            _weighs_the_wrong_way,
            "The old value and the target have each other's weight. The new value is `(1 - alpha)` times the old one "
            "plus `alpha` times the target: a small `alpha` is a small step.",
        ),
        Mistake(
            "swaps alpha and gamma",
            _swaps_alpha_and_gamma,
            "`alpha` and `gamma` are swapped. `gamma` discounts what follows, inside the target; `alpha` is the size "
            "of the step towards the target.",
        ),
        Mistake(
            "brackets missing",
            _forgets_the_brackets,
            "`alpha` multiplies the reward alone. It belongs before the whole TD error: put `r`, the discounted "
            "maximum and `- Q(s, a)` into one pair of brackets.",
        ),
        Mistake(
            "returns the TD error",
            _returns_the_td_error,
            "It returns the TD error, `y - Q(s, a)`. The new value is the old one plus `alpha` times that error.",
        ),
        Mistake(
            "returns the step alone",
            _returns_the_step_alone,
            "It returns only the change, `alpha` times the TD error. Add the old value, `Q(s, a)`.",
        ),
        Mistake(
            "sign of the TD error",
            _turns_the_sign,
            "The TD error has its sign reversed: the value moves away from the target, further with every update. It "
            "is target minus old value, `y - Q(s, a)`.",
        ),
        Mistake(
            "forgets to subtract the old value",
            _forgets_the_old_value,
            "The whole target is added, without `- Q(s, a)` in the brackets. So the value never settles: it changes "
            "even when it already equals its target.",
        ),
        Mistake(
            "mean over next actions",
            _takes_the_mean,
            "It takes the mean over the next actions. Q-learning takes the maximum: the value of going on with the "
            "best action, whatever the agent explores.",
        ),
        Mistake(
            "minimum over next actions",
            _takes_the_minimum,
            "It takes the smallest value of the next state. Q-learning takes the largest: the value of going on with "
            "the best action.",
        ),
        Mistake(
            "sum over next actions",
            _takes_the_sum,
            "It adds up the values of all next actions. The agent can take only one of them: take the largest.",
        ),
        Mistake(
            "maximum begins at 0",
            _begins_the_maximum_at_zero,
            "Where all values of the next state are negative, it takes 0 for their maximum: the search begins at 0. "
            "Values are negative wherever a reward is a cost. `q[s_next].max()` needs no starting value.",
        ),
        Mistake(
            "maximum of the whole table",
            _takes_the_maximum_of_the_table,
            "The maximum is taken over the whole table. What follows is worth the largest value in the next state: "
            "that is one row, `q[s_next]`.",
        ),
        Mistake(
            "maximum over s",
            _looks_at_s,
            "The maximum is taken in `s`, where the agent was, not in `s_next`, where it arrived. So it learns nothing "
            "from what comes next.",
        ),
        Mistake(
            "same action again",
            _takes_the_same_action_again,
            "It takes the value of the same action `a` in the next state. What the agent did before says nothing about "
            "what is best there: take the maximum over all actions.",
        ),
        Mistake(
            "index for value",
            _takes_the_index,
            "It uses the number of the best action (`argmax`), not its value (`max`). Action 2 is not worth 2.",
        ),
        Mistake(
            "discounts the reward",
            _discounts_the_reward,
            "`gamma` multiplies the reward too. The reward came at once and counts in full; only what follows it is "
            "discounted.",
        ),
        Mistake(
            "forgets gamma",
            _forgets_gamma,
            "`gamma` is missing. Without it a reward far away counts as much as one at once, and where an episode need "
            "not end, values can grow without limit.",
        ),
    ],
)
