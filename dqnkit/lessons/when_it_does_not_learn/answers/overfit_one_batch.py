"""The answers to `overfit_one_batch`: a worked solution, and known mistakes."""

from __future__ import annotations

from typing import Any

from dqnkit.classroom.exercise import Answers, Mistake
from dqnkit.types import Transition


def overfit_one_batch(agent: Any, batch: Transition, steps: int) -> list[float]:
    """Make `steps` gradient steps on one batch, towards the same targets. Return all losses."""
    y = agent.td_target(batch)  # [B], computed once
    return [agent.train_step(batch, y) for _ in range(steps)]


def _samples_again(agent: Any, batch: Any, steps: int) -> Any:
    losses = []
    for _ in range(steps):
        batch = agent.sample()
        losses.append(agent.train_step(batch, agent.td_target(batch)))
    return losses


def _samples_but_keeps_the_targets(agent: Any, batch: Any, steps: int) -> Any:
    y = agent.td_target(batch)
    return [agent.train_step(agent.sample(), y) for _ in range(steps)]


def _syncs(agent: Any, batch: Any, steps: int) -> Any:
    losses = []
    for _ in range(steps):
        losses.append(agent.train_step(batch, agent.td_target(batch)))
        agent.target_sync()
    return losses


def _syncs_first(agent: Any, batch: Any, steps: int) -> Any:
    agent.target_sync()
    return overfit_one_batch(agent, batch, steps)


def _syncs_in_vain(agent: Any, batch: Any, steps: int) -> Any:
    y = agent.td_target(batch)
    losses = []
    for _ in range(steps):
        losses.append(agent.train_step(batch, y))
        agent.target_sync()
    return losses


def _takes_rewards_as_targets(agent: Any, batch: Any, steps: int) -> Any:
    return [agent.train_step(batch, batch.reward) for _ in range(steps)]


def _returns_the_last(agent: Any, batch: Any, steps: int) -> Any:
    return overfit_one_batch(agent, batch, steps)[-1]


def _one_step_more(agent: Any, batch: Any, steps: int) -> Any:
    return overfit_one_batch(agent, batch, steps + 1)


def _one_step_less(agent: Any, batch: Any, steps: int) -> Any:
    return overfit_one_batch(agent, batch, steps - 1)


def _drops_the_first(agent: Any, batch: Any, steps: int) -> Any:
    return overfit_one_batch(agent, batch, steps)[1:]


def _one_step_only(agent: Any, batch: Any, steps: int) -> Any:
    return agent.train_step(batch, agent.td_target(batch))


def _one_loss_in_a_list(agent: Any, batch: Any, steps: int) -> Any:
    return [_one_step_only(agent, batch, steps)]


def _repeats_one_loss(agent: Any, batch: Any, steps: int) -> Any:
    return [_one_step_only(agent, batch, steps)] * steps


def _samples_once(agent: Any, batch: Any, steps: int) -> Any:
    return overfit_one_batch(agent, agent.sample(), steps)


def _takes_targets_of_another_batch(agent: Any, batch: Any, steps: int) -> Any:
    y = agent.td_target(agent.sample())
    return [agent.train_step(batch, y) for _ in range(steps)]


def _syncs_at_the_end(agent: Any, batch: Any, steps: int) -> Any:
    losses = overfit_one_batch(agent, batch, steps)
    agent.target_sync()
    return losses


def _takes_discounts_as_targets(agent: Any, batch: Any, steps: int) -> Any:
    return [agent.train_step(batch, batch.discount) for _ in range(steps)]


def _returns_shares_of_the_first(agent: Any, batch: Any, steps: int) -> Any:
    losses = overfit_one_batch(agent, batch, steps)
    return [loss / losses[0] for loss in losses]


def _returns_the_sum(agent: Any, batch: Any, steps: int) -> Any:
    return sum(overfit_one_batch(agent, batch, steps))


def _returns_the_targets_too(agent: Any, batch: Any, steps: int) -> Any:
    return overfit_one_batch(agent, batch, steps), agent.td_target(batch)


def _returns_first_and_last(agent: Any, batch: Any, steps: int) -> Any:
    losses = overfit_one_batch(agent, batch, steps)
    return losses[0], losses[-1]


def _turns_them_round(agent: Any, batch: Any, steps: int) -> Any:
    return overfit_one_batch(agent, batch, steps)[::-1]


def _returns_nothing(agent: Any, batch: Any, steps: int) -> Any:
    overfit_one_batch(agent, batch, steps)


def _returns_the_mean(agent: Any, batch: Any, steps: int) -> Any:
    return sum(overfit_one_batch(agent, batch, steps)) / steps


ANSWERS = Answers(
    solution=overfit_one_batch,
    mistakes=[
        Mistake(
            "samples a new batch in each step",
            _samples_again,
            "Each step draws another batch from replay. That is ordinary training. Here the batch stays the same, so "
            "that nothing but the gradient step is tried.",
        ),
        Mistake(
            "other batches, old targets",
            _samples_but_keeps_the_targets,
            "The targets belong to the given batch, but each step trains on another one from `agent.sample()`: the "
            "targets do not fit its transitions.",
        ),
        Mistake(
            "the target network moves",
            _syncs,
            "`agent.target_sync()` moves the targets after each step. The loss need not fall then, even if everything "
            "is right. Compute the targets once, before the loop.",
        ),
        Mistake(
            "copies first",
            _syncs_first,
            "`agent.target_sync()` is not needed here: the targets need not be good ones, only fixed. Leave the agent "
            "as it is given.",
        ),
        Mistake(
            "copies without need",
            _syncs_in_vain,
            "The targets are fixed, and yet `agent.target_sync()` is called in each step. It changes an agent that was "
            "only to be tested.",
        ),
        Mistake(
            "rewards as targets",
            _takes_rewards_as_targets,
            "The targets are the rewards alone. `agent.td_target(batch)` gives those that the agent learns from, with "
            "their bootstrap.",
        ),
        Mistake(
            "returns the last loss only",
            _returns_the_last,
            "It returns the last loss alone. Return all of them as a list: only the curve shows whether the loss still "
            "falls or has come to rest.",
        ),
        Mistake(
            "one step too many",
            _one_step_more,
            "It makes one gradient step more than `steps`.",
        ),
        Mistake(
            "one step too few",
            _one_step_less,
            "It makes one gradient step fewer than `steps`. `range(steps)` gives as many rounds as are asked for.",
        ),
        Mistake(
            "drops the first loss",
            _drops_the_first,
            "The loss of the first step is missing. It is the one with which all others are compared.",
        ),
        Mistake(
            "a single step",
            _one_step_only,
            "It makes a single gradient step. Repeat it `steps` times, on the same batch and towards the same targets.",
        ),
        Mistake(
            "returns nothing",
            _returns_nothing,
            "The steps are right, but the losses are not returned: does the function end with `return`?",
        ),
        Mistake(
            "returns the mean",
            _returns_the_mean,
            "It returns the mean loss. Return the loss of each step, as a list: the mean hides whether it falls.",
        ),
        Mistake(
            "returns after the first step",
            _one_loss_in_a_list,
            "It returns after a single gradient step. Does `return` stand inside the loop? It belongs below it.",
        ),
        Mistake(
            "one loss, repeated",
            _repeats_one_loss,
            "A single gradient step is made, and its loss is repeated in the list: `[f()] * n` calls `f` once. A "
            "comprehension, `[f() for _ in range(n)]`, calls it each time.",
        ),
        Mistake(
            "samples once",
            _samples_once,
            "It trains on a batch from `agent.sample()`, not on the `batch` that is given.",
        ),
        Mistake(
            "targets of another batch",
            _takes_targets_of_another_batch,
            "The targets are those of another batch, from `agent.sample()`. They have to be those of `batch`.",
        ),
        Mistake(
            "copies at the end",
            _syncs_at_the_end,
            "`agent.target_sync()` is called at the end. It changes an agent that was only to be tested.",
        ),
        Mistake(
            "discounts as targets",
            _takes_discounts_as_targets,
            "The targets are the discounts of the batch. `agent.td_target(batch)` gives the targets.",
        ),
        Mistake(
            "returns shares of the first loss",
            _returns_shares_of_the_first,
            "Each loss is divided by the first. Return them as they are.",
        ),
        Mistake(
            "returns the sum",
            _returns_the_sum,
            "It returns the sum of the losses. Return the loss of each step, as a list: a sum hides whether it falls.",
        ),
        Mistake(
            "returns the targets too",
            _returns_the_targets_too,
            "It returns two things, the losses and the targets. Only the list of losses is asked for.",
        ),
        Mistake(
            "returns the first and the last",
            _returns_first_and_last,
            "It returns the first and the last loss. Return all: only the curve shows whether it has come to rest.",
        ),
        Mistake(
            "turned round",
            _turns_them_round,
            "The losses are in the wrong order: the last step comes first.",
        ),
    ],
)
