"""The first priorities of transitions, computed by the actor that made them (Horgan et al., 2018).

Skip this at the first reading: only ``actor_priorities`` with prioritized replay uses it.
"""

from __future__ import annotations

import numpy as np

from dqnkit.action_values import best_values, values_of
from dqnkit.policy import q_values
from dqnkit.types import Array, FloatArray, PolicyWeights, Transition

TD_ERRORS_AT_ONCE = 256  # transitions: the patches of many large pictures would fill the memory


def td_errors(weights: PolicyWeights, transitions: Transition, frames: Array | None = None) -> FloatArray:
    """TD errors ``r + discount * max_a Q(s', a) - Q(s, a)`` with one network for both values.

    An actor has no target network; it takes the online network in its place for a transition's first priority (Horgan
    et al., 2018, Distributed prioritized experience replay, algorithm 1). Then Q-learning and double Q-learning give
    the same TD errors, because the network that selects the next action also values it.

    Args:
        weights: the network and its parameters.
        transitions: fields ``[B, ...]``.
        frames: where the observations are indices of stacked frames, the frames ``[F, H, W]``.

    Returns:
        ``[B]`` float32.
    """
    count = len(transitions.action)
    errors = np.empty(count, np.float32)
    for start in range(0, count, TD_ERRORS_AT_ONCE):
        part = Transition._make(values[start : start + TD_ERRORS_AT_ONCE] for values in transitions)
        observation, next_observation = part.observation, part.next_observation
        if frames is not None:
            observation, next_observation = frames[observation], frames[next_observation]  # [B, S, H, W]
        q_tm1 = q_values(weights, observation)  # [B, A]
        q_t = q_values(weights, next_observation)  # [B, A]
        chosen = values_of(q_tm1, part.action)  # [B]
        errors[start : start + len(chosen)] = part.reward + part.discount * best_values(q_t) - chosen
    return errors
