"""How actors explore: epsilon-greedy actions, the schedules of epsilon, and that of the learning rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dqnkit.action_values import greedy_actions, joint_actions, number_of_actions
from dqnkit.config import DQNConfig
from dqnkit.errors import InvalidDataError
from dqnkit.types import Array, FloatArray, IntArray

SelectAction = Callable[[FloatArray, FloatArray, np.random.Generator], IntArray]  # q_values [B, A], epsilon [B]


def epsilon_greedy(q_values: FloatArray, epsilon: float | Array, rng: np.random.Generator) -> IntArray:
    """With probability epsilon a uniformly random action, otherwise the action of largest value.

    Args:
        q_values: ``[B, A]``, or ``[B, D, N]`` (see `dqnkit.action_values`).
        epsilon: a number, or one for each row ``[B]``, between 0 and 1.
        rng: source of randomness.

    Returns:
        actions ``[B]``, int32. The random action may be the greedy one too (Watkins, 1989).
    """
    batch_size, num_actions = len(q_values), number_of_actions(q_values)
    actions = greedy_actions(q_values).astype(np.int32)  # [B]
    explore = rng.random(batch_size) < epsilon  # [B]
    random_actions = rng.integers(num_actions, size=batch_size, dtype=np.int32)  # [B]
    np.copyto(actions, random_actions, where=explore)
    return actions


def checked_selection(select_action: SelectAction) -> SelectAction:
    """The reader's own selection of actions, which raises `InvalidDataError` where it returns no actions.

    Not every environment minds an action out of range, and a compiled update reads a value at random for it.

    Q-values ``[B, D, N]`` (see `dqnkit.action_values`) are shown to it as ``[B * D, N]``: it selects a bin for each
    dimension.
    """

    def select(q_values: FloatArray, epsilon: FloatArray, rng: np.random.Generator) -> IntArray:
        if q_values.ndim == 3:
            rows, dimensions, bins = q_values.shape
            chosen = select(q_values.reshape(-1, bins), np.repeat(epsilon, dimensions), rng)  # [B * D]
            return joint_actions(chosen.reshape(rows, dimensions), bins)
        batch_size, num_actions = q_values.shape
        actions = np.asarray(select_action(q_values, epsilon, rng))
        wanted = f"select_action must return {batch_size} whole numbers from 0 to {num_actions - 1}, one for each row"
        if actions.shape != (batch_size,) or not np.issubdtype(actions.dtype, np.integer):
            raise InvalidDataError(f"{wanted}; it returned {actions.dtype} of shape {actions.shape}")
        if actions.min() < 0 or actions.max() >= num_actions:
            wrong = actions[(actions < 0) | (actions >= num_actions)][0]
            raise InvalidDataError(f"{wanted}; it returned the action {wrong}")
        return actions

    return select


def linear_schedule(step: int, start: float, end: float, steps: int) -> float:
    """Straight line from ``start`` at step 0 to ``end`` at step ``steps``, constant afterwards.

    ``step`` counts the environment steps of the whole training; the line does not restart with each episode.
    """
    fraction = min(1.0, step / steps) if steps > 0 else 1.0
    return start + fraction * (end - start)


def learning_rate_at(config: DQNConfig, step: int) -> float:
    """The configured learning rate at an environment step: constant, or a straight line over the whole of training."""
    if config.learning_rate_end < 0:
        return config.learning_rate
    return linear_schedule(step, config.learning_rate, config.learning_rate_end, config.total_steps)


def schedule_changes(before: DQNConfig, after: DQNConfig, step: int) -> list[str]:
    """What another ``total_steps`` does at ``step`` to the schedules, one sentence for each.

    Epsilon has a length of its own. The learning rate and the importance exponent follow the share of the whole
    training that is done, so a longer run takes them back.
    """
    if after.exploration == "schedule":
        now = linear_schedule(step, after.epsilon_start, after.epsilon_end, after.epsilon_steps)
        sentences = [
            f"epsilon goes on as before: {now:.3g} now, {after.epsilon_end:g} from step {after.epsilon_steps:,} on"
        ]
    else:
        sentences = ["epsilon goes on as before: one constant rate for each copy of the environment"]
    was, now, end = (learning_rate_at(before, step), learning_rate_at(after, step), after.learning_rate_end)
    if end < 0:
        sentences.append(f"the learning rate stays {now:.3g}")
    else:
        sentences.append(
            f"the learning rate goes from {was:.3g} to {now:.3g}, then in a line to {end:.3g} at step "
            f"{after.total_steps:,}"
        )
    if after.replay == "prioritized":
        was, now = (linear_schedule(step, each.importance_exponent, 1.0, each.total_steps) for each in (before, after))
        sentences.append(
            f"the importance exponent goes from {was:.3g} to {now:.3g}, then in a line to 1 at step "
            f"{after.total_steps:,}"
        )
    return sentences


def actor_epsilons(num_actors: int, base: float = 0.4, exponent: float = 7.0) -> FloatArray:
    """One constant epsilon for each actor ``[num_actors]``: ``base ** (1 + exponent * i / (num_actors - 1))``.

    Some actors explore all the time and some hardly ever, so that replay always holds both kinds of data
    (Horgan et al., 2018, "Distributed Prioritized Experience Replay", section 4).
    """
    position = np.arange(num_actors) / max(1, num_actors - 1)  # [num_actors], from 0 to 1
    return (base ** (1 + exponent * position)).astype(np.float32)
