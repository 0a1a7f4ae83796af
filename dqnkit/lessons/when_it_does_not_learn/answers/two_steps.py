"""The answers to `two_steps`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Array


class TwoSteps:
    """Two steps: the first pays nothing, the second pays the reward."""

    observations = np.array([[-1.0], [1.0]])  # before the first step, and before the second

    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        self.reward, self.steps = reward, 0
        self.exact_q = np.array([[gamma * reward] * 2, [reward] * 2])  # [observations, actions]

    def reset(self) -> tuple[Array, dict[str, Any]]:
        """Begin an episode: the observation is -1."""
        self.steps = 0
        return np.array([-1.0]), {}

    def step(self, action: int) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """One step. The observation is 1 from here on."""
        self.steps += 1
        last = self.steps == 2
        return np.array([1.0]), self.reward if last else 0.0, last, False, {}


class _PaysTwice(TwoSteps):
    def step(self, action: int) -> Any:
        observation, _, *rest = super().step(action)
        return (observation, self.reward, *rest)


class _PaysFirst(TwoSteps):
    def step(self, action: int) -> Any:
        observation, _, last, *rest = super().step(action)
        return (observation, 0.0 if last else self.reward, last, *rest)


class _NeverEnds(TwoSteps):
    def step(self, action: int) -> Any:
        observation, reward, _, *rest = super().step(action)
        return (observation, reward, False, *rest)


class _Truncates(TwoSteps):
    def step(self, action: int) -> Any:
        observation, reward, last, _, info = super().step(action)
        return observation, reward, False, last, info


class _EndsAtOnce(TwoSteps):
    def step(self, action: int) -> Any:
        return np.array([1.0]), self.reward, True, False, {}


class _DoesNotRewind(TwoSteps):
    def reset(self) -> Any:
        return np.array([-1.0]), {}


class _LooksTheSame(TwoSteps):
    def step(self, action: int) -> Any:
        _, *rest = super().step(action)
        return (np.array([-1.0]), *rest)


class _ForgetsGamma(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(1.0, reward)


class _DiscountsTheLast(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = gamma * self.exact_q


class _AddsTheReward(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = self.exact_q + np.array([[reward], [0.0]])


class _RewardsAsValues(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = np.array([[0.0, 0.0], [reward, reward]])


class _RowsSwapped(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = self.exact_q[::-1].copy()


class _OneColumn(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = self.exact_q[:, 0].copy()


class _NoValues(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = None  # type: ignore[assignment]


class _AlwaysPaysOne(TwoSteps):
    def step(self, action: int) -> Any:
        observation, _, last, *rest = super().step(action)
        return (observation, float(last), last, *rest)


class _OnlyTheObservation(TwoSteps):
    def reset(self) -> Any:
        return super().reset()[0]


class _FourThings(TwoSteps):
    def step(self, action: int) -> Any:
        return super().step(action)[:4]


class _ForgetsToCount(TwoSteps):
    def step(self, action: int) -> Any:
        return np.array([1.0]), 0.0, False, False, {}


class _BothFlags(TwoSteps):
    def step(self, action: int) -> Any:
        observation, reward, last, _, info = super().step(action)
        return observation, reward, last, last, info


class _PaysTheValue(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.gamma = gamma

    def step(self, action: int) -> Any:
        observation, reward, *rest = super().step(action)
        return (observation, self.gamma * reward, *rest)


class _TransposedValues(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = self.exact_q.T.copy()


class _ValuesOfRewardOne(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = np.array([[gamma, gamma], [1.0, 1.0]])


class _ValuesOfOneGamma(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(0.8, reward)


class _RewardForEver(TwoSteps):
    def __init__(self, gamma: float = 0.8, reward: float = 1.0) -> None:
        super().__init__(gamma, reward)
        self.exact_q = np.full((2, 2), reward / (1 - gamma))


class _ActionsMatter(TwoSteps):
    def step(self, action: int) -> Any:
        observation, reward, *rest = super().step(action)
        return (observation, reward if action == 1 else 0.0, *rest)


class _OtherObservations(TwoSteps):
    def reset(self) -> Any:
        super().reset()
        return np.array([0.0]), {}


class _CountAsObservation(TwoSteps):
    def step(self, action: int) -> Any:
        _, *rest = super().step(action)
        return (np.array([float(self.steps)]), *rest)


class _RewindsAtTheEndOnly(TwoSteps):
    def reset(self) -> Any:
        return np.array([-1.0]), {}

    def step(self, action: int) -> Any:
        result = super().step(action)
        self.steps %= 2
        return result


ANSWERS = Answers(
    solution=TwoSteps,
    mistakes=[
        Mistake(
            "pays twice",
            _PaysTwice,
            "Both steps pay the reward. If the first one pays too, an agent that learns no bootstrap at all gets close "
            "to the exact value, and the probe no longer tells.",
        ),
        Mistake(
            "pays in the first step",
            _PaysFirst,
            "The reward comes in the first step. It must come in the second: then only an agent that bootstraps can "
            "learn the value of the first.",
        ),
        Mistake(
            "never ends",
            _NeverEnds,
            "`terminated` stays False after the second step. The agent would go on for ever, and the exact values "
            "would be others.",
        ),
        Mistake(
            "truncates",
            _Truncates,
            "The second step sets `truncated`. That means a time limit, after which an agent still bootstraps. Here "
            "the episode is over: it is `terminated`.",
        ),
        Mistake(
            "ends after one step",
            _EndsAtOnce,
            "The episode ends after its first step, which pays the reward. That is the probe of one step: it asks "
            "nothing about bootstrapping.",
        ),
        Mistake(
            "reset does not rewind",
            _DoesNotRewind,
            "`reset` does not set the count of steps back to 0. So the second episode never reaches its second step.",
        ),
        Mistake(
            "both observations are the same",
            _LooksTheSame,
            "The observation stays -1. An agent cannot tell the first step from the second, so no network can give "
            "them different values.",
        ),
        Mistake(
            "exact_q without gamma",
            _ForgetsGamma,
            "`exact_q` of the first observation is the reward itself. It comes one step later, so it counts `gamma` "
            "times as much.",
        ),
        Mistake(
            "exact_q discounts the last reward",
            _DiscountsTheLast,
            "In `exact_q` everything is multiplied by `gamma` once too often. The reward of the second step comes at "
            "once and counts in full there.",
        ),
        Mistake(
            "exact_q adds a reward",
            _AddsTheReward,
            "`exact_q` of the first observation counts the reward twice, now and later. The first step pays nothing.",
        ),
        Mistake(
            "exact_q holds rewards",
            _RewardsAsValues,
            "`exact_q` holds the rewards of the steps. A value also counts what comes later: the first observation is "
            "worth `gamma` times the second.",
        ),
        Mistake(
            "rows of exact_q swapped",
            _RowsSwapped,
            "The rows of `exact_q` are swapped. The first is that of the observation -1, before the first step.",
        ),
        Mistake(
            "exact_q has no column for each action",
            _OneColumn,
            "`exact_q` has one value for each observation. It needs one for each action too, `[2, 2]`, although the "
            "two are equal here.",
        ),
        Mistake(
            "no exact_q",
            _NoValues,
            "`self.exact_q` is missing. A probe is of use only if its exact values are known.",
        ),
        Mistake(
            "always pays 1",
            _AlwaysPaysOne,
            "The second step pays 1, not `reward`, which was given to `__init__`.",
        ),
        Mistake(
            "reset returns the observation alone",
            _OnlyTheObservation,
            "`reset` must return two things, the observation and a dict: `return observation, {}`. Whoever unpacks it "
            "takes the first number of the observation for the observation.",
        ),
        Mistake(
            "step returns four things",
            _FourThings,
            "`step` must return five things: observation, reward, terminated, truncated, and a dict. Older "
            "environments returned four, with one flag for both kinds of end.",
        ),
        Mistake(
            "steps are not counted",
            _ForgetsToCount,
            "The second step is never noticed: it neither pays nor ends the episode. Does `step` add 1 to the count?",
        ),
        Mistake(
            "both flags",
            _BothFlags,
            "The second step sets both flags. An episode that is over is `terminated`; `truncated` is for a limit of "
            "time that comes from outside.",
        ),
        Mistake(
            "discounts the reward that is paid",
            _PaysTheValue,
            "The second step pays `gamma * reward`. An environment pays the plain reward; the agent discounts.",
        ),
        Mistake(
            "exact_q transposed",
            _TransposedValues,
            "Rows and columns of `exact_q` are swapped: a row for each observation, a column for each action.",
        ),
        Mistake(
            "exact_q for a reward of 1",
            _ValuesOfRewardOne,
            "`exact_q` is right only for a reward of 1. It has to follow from the `reward` that is given.",
        ),
        Mistake(
            "exact_q for one gamma",
            _ValuesOfOneGamma,
            "`exact_q` uses a discount of 0.8, whatever `gamma` is given.",
        ),
        Mistake(
            "exact_q of a reward for ever",
            _RewardForEver,
            "`exact_q` is `reward / (1 - gamma)`, the value of a reward in each step, for ever. Here it is paid once.",
        ),
        Mistake(
            "actions matter",
            _ActionsMatter,
            "The reward depends on the action. In this probe it must not: it asks about the bootstrap alone. Other "
            "probes are there for actions.",
        ),
        Mistake(
            "another first observation",
            _OtherObservations,
            "The first observation is not -1. It has to be the first row of `observations`, or the values are compared "
            "at a place where the agent has never been.",
        ),
        Mistake(
            "the count as observation",
            _CountAsObservation,
            "The observation is the count of steps. From the first step on it stays 1, also after the end.",
        ),
        Mistake(
            "rewinds at the end only",
            _RewindsAtTheEndOnly,
            "The count goes back to 0 when an episode ends, but not in `reset`. After a reset in the middle of an "
            "episode, the next one then begins with its second step.",
        ),
    ],
)
