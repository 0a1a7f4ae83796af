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


ANSWERS = Answers(
    solution=q_update,
    mistakes=[
        Mistake(
            "bootstraps after the end",
            _bootstraps_after_the_end,
            "The target still carries the bootstrap `gamma * max Q(s', a')` where the episode terminated. Nothing "
            "comes after the end, so the target there is the reward alone; else values leak into the last step and on "
            "to all states before it.",
        ),
        Mistake(
            "terminated the wrong way round",
            _stops_while_it_goes_on,
            "The two cases of `terminated` are swapped: the bootstrap is added at the end and left out on the way. So "
            "no reward ever reaches the states before the last one.",
        ),
        Mistake(
            "drops the reward at the end",
            _drops_the_reward_at_the_end,
            "Where the episode terminated, the target is 0. The last reward counts like every other: there the target "
            "is `r`. In a room with one goal it is the only reward there is.",
        ),
        Mistake(
            "jumps to the target",
            _jumps_to_the_target,
            "The new value is the target itself. It should move only the part `alpha` of the way; a target is one "
            "noisy sample, and with whole jumps the table remembers nothing but the last one.",
        ),
        Mistake(
            "returns the step alone",
            _returns_the_step_alone,
            "It returns the change, `alpha * TD error`, without the old value `Q(s, a)` that it is added to.",
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
            "The whole target is added, without `- Q(s, a)` in the brackets. So the value never settles: it grows "
            "even when it already equals its target.",
        ),
        Mistake(
            "mean over next actions",
            _takes_the_mean,
            "It takes the mean over the next actions. Q-learning takes the maximum: the value of going on with the "
            "best action, whatever the agent explores.",
        ),
        Mistake(
            "maximum over s",
            _looks_at_s,
            "The maximum is taken in `s`, where the agent was, not in `s_next`, where it arrived. So nothing is "
            "learned from what comes next.",
        ),
        Mistake(
            "same action again",
            _takes_the_same_action_again,
            "It takes the next state's value of the same action `a`. What the agent did before says nothing of what "
            "is best in the next state: take the maximum over its actions.",
        ),
        Mistake(
            "index for value",
            _takes_the_index,
            "It adds the number of the best action (`argmax`), not its value (`max`). Action 2 is not worth 2.",
        ),
        Mistake(
            "discounts the reward",
            _discounts_the_reward,
            "`gamma` multiplies the reward too. The reward came at once and counts in full; only what follows after "
            "it is discounted.",
        ),
        Mistake(
            "forgets gamma",
            _forgets_gamma,
            "`gamma` is missing. Without it a reward far away counts as much as one at once, and on a way without an "
            "end the values grow for ever.",
        ),
    ],
)
