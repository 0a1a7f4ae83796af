"""The answers to `training_loop`: a worked solution, and known mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dqnkit.classroom.course import reference
from dqnkit.classroom.exercise import Answers, Mistake


def training_loop(
    env: Any,
    select: Callable[[Any, float], int],
    replay: Any,
    learn: Callable[[Any], Any],
    sync: Callable[[int], None],
    *,
    steps: int,
    learning_starts: int,
    epsilon: Callable[[int], float],
    gamma: float,
) -> list[float]:
    """Train for ``steps`` environment steps; returns the returns of all finished episodes.

    Args:
        env: a Gymnasium environment.
        select: ``(observation, epsilon) -> action``.
        replay: has ``add``, ``sample`` and a length.
        learn: one gradient step on a batch.
        sync: moves the target network if it is due after this many updates.
        steps: environment steps.
        learning_starts: transitions in replay before the first update.
        epsilon: schedule, ``step -> epsilon``.
        gamma: discount factor.
    """
    observation, _ = env.reset()  # initialise
    sync(0)
    updates, episode_return = 0, 0.0
    returns: list[float] = []
    for step in range(steps):
        action = select(observation, epsilon(step))  # select
        next_observation, reward, terminated, truncated, _ = env.step(action)  # execute
        discount = 0.0 if terminated else gamma
        replay.add(observation, action, reward, discount, next_observation)
        observation = next_observation
        episode_return += reward
        if len(replay) >= learning_starts:  # update
            learn(replay.sample())
            updates += 1
            sync(updates)
        if terminated or truncated:  # note the return
            returns.append(episode_return)
            observation, _ = env.reset()
            episode_return = 0.0
    return returns


@dataclass(frozen=True)
class _Loop:
    """The loop with switches for mistakes; with the defaults it is correct."""

    discount: Callable[[bool, bool, float], float] = lambda terminated, truncated, gamma: 0.0 if terminated else gamma
    ends: Callable[[bool, bool], bool] = lambda terminated, truncated: terminated or truncated
    epsilon_by_episode: bool = False
    keeps_observation: bool = False
    stores_next_twice: bool = False
    stores_reset: bool = False
    starts_late: int = 0
    ignores_start: bool = False
    learns_newest: bool = False
    learns_before_storing: bool = False
    learns_at_ends: bool = False
    learns_without_sync: bool = False
    syncs_by_step: bool = False
    syncs_first: bool = False
    begins_without_sync: bool = False
    counts_episodes: bool = False
    stops_at_first_end: bool = False
    adds_up_returns: bool = False
    resets_each_step: bool = False
    never_resets: bool = False
    keeps_reset_whole: bool = False
    expects_four: bool = False
    epsilon_from_one: bool = False
    syncs_at_every_step: bool = False
    counts_unfinished: bool = False
    only_terminated_returns: bool = False
    ignores_reset: bool = False
    swaps_observations: bool = False
    discounts_return: bool = False
    epsilon_by_update: bool = False

    def __call__(
        self,
        env: Any,
        select: Any,
        replay: Any,
        learn: Any,
        sync: Any,
        *,
        steps: int,
        learning_starts: int,
        epsilon: Any,
        gamma: float,
    ) -> list[float]:
        first = env.reset()
        observation = first if self.keeps_reset_whole else first[0]
        if not self.begins_without_sync:
            sync(0)
        updates, episode_return, time, step = 0, 0.0, 0, 0
        returns: list[float] = []

        def update(ended: bool) -> None:
            nonlocal updates
            if self.learns_at_ends and not ended:
                return
            if self.syncs_at_every_step and len(replay) < learning_starts:
                sync(updates)
            if not self.ignores_start and len(replay) + self.learns_before_storing < learning_starts + self.starts_late:
                return
            if self.syncs_first:
                sync(updates + 1)
            batch = replay.sample()
            learn((observation, action, reward, discount, next_observation) if self.learns_newest else batch)
            updates += 1
            if not (self.syncs_first or self.learns_without_sync):
                sync(step + 1 if self.syncs_by_step else updates)

        while (len(returns) if self.counts_episodes else step) < steps:
            clock = time if self.epsilon_by_episode else updates if self.epsilon_by_update else step
            action = select(observation, epsilon(clock + self.epsilon_from_one))
            if self.expects_four:
                next_observation, reward, terminated, _ = env.step(action)
            next_observation, reward, terminated, truncated, _ = env.step(action)
            ended = self.ends(terminated, truncated)
            discount = self.discount(terminated, truncated, gamma)
            episode_return += reward * (gamma**time if self.discounts_return else 1.0)
            if self.stores_reset and ended:
                next_observation, _ = env.reset()
            if self.learns_before_storing:
                update(ended)
            stored, after = observation, next_observation
            if self.stores_next_twice:
                stored = after
            if self.swaps_observations:
                stored, after = after, stored
            replay.add(stored, action, reward, discount, after)
            if not self.keeps_observation:
                observation = next_observation
            if not self.learns_before_storing:
                update(ended)
            step, time = step + 1, time + 1
            if ended:
                if terminated or not self.only_terminated_returns:
                    returns.append(episode_return)
                if self.stops_at_first_end:
                    break
                episode_return = episode_return if self.adds_up_returns else 0.0
                time = 0
            if (ended and not (self.stores_reset or self.never_resets)) or self.resets_each_step:
                start, _ = env.reset()
                observation = next_observation if self.ignores_reset else start
        return [*returns, episode_return] if self.counts_unfinished else returns


CORRECT = _Loop()


MISTAKES = (
    Mistake(
        "truncated taken for terminated",
        replace(CORRECT, discount=lambda terminated, truncated, gamma: 0.0 if truncated else gamma),
        "The discount is 0 where the episode was truncated, and gamma where it terminated: the two are exchanged. "
        "Where the pole has fallen nothing can follow; where only the time was up, the episode would have gone on.",
    ),
    Mistake(
        "the discount is the wrong way round",
        replace(CORRECT, discount=lambda terminated, truncated, gamma: gamma if terminated else 0.0),
        "The discount is gamma where the episode terminated and 0 where it went on. It is the other way round: nothing "
        "can follow after a termination.",
    ),
    Mistake(
        "the observation of the reset is not used",
        replace(CORRECT, ignores_reset=True),
        "The environment is reset, but the next action is selected for the last observation of the old episode. "
        "`reset` returns the first observation of the new one: `observation, _ = env.reset()`.",
    ),
    Mistake(
        "observation and next observation exchanged",
        replace(CORRECT, swaps_observations=True),
        "The transition holds the two observations the wrong way round, so the network learns what leads back. First "
        "comes the observation for which the action was selected, last the one that followed.",
    ),
    Mistake(
        "the return is discounted",
        replace(CORRECT, discounts_return=True),
        "The returns are discounted. The list is for judging the agent, and there each reward counts in full: add up "
        "the rewards as they come. gamma goes into the transition's discount.",
    ),
    Mistake(
        "epsilon by updates",
        replace(CORRECT, epsilon_by_update=True),
        "epsilon is asked for the number of updates. It is a function of the environment step, so that it also falls "
        "while the buffer is being filled.",
    ),
    Mistake(
        "reset is not unpacked",
        replace(CORRECT, keeps_reset_whole=True),
        "`env.reset()` returns two things, the observation and a dict with information. The first observation of yours "
        "is the pair of both. Write `observation, _ = env.reset()`.",
    ),
    Mistake(
        "step returns five things",
        replace(CORRECT, expects_four=True),
        "`env.step(action)` returns five things: next observation, reward, terminated, truncated, information. Before "
        "2022 there were four, with one `done` for both ends, and many programs on the web are still written so.",
    ),
    Mistake(
        "never resets again",
        replace(CORRECT, never_resets=True),
        "The environment is reset once, before the loop, and never where an episode ends: you step on in an episode "
        "that is over. There, `observation, _ = env.reset()`.",
    ),
    Mistake(
        "epsilon of the next step",
        replace(CORRECT, epsilon_from_one=True),
        "epsilon is asked for the step after this one. Steps are counted from 0, so the first action is selected with "
        "`epsilon(0)`.",
    ),
    Mistake(
        "syncs while nothing is learned",
        replace(CORRECT, syncs_at_every_step=True),
        "`sync` is called at steps without a gradient step, too: with update 0 it copies again and again. It belongs "
        "behind `learn`, in the same `if`.",
    ),
    Mistake(
        "the unfinished episode is counted",
        replace(CORRECT, counts_unfinished=True),
        "The list ends with the return of an episode that had not ended when the steps were over. It is too small, and "
        "no episode's return: leave it out.",
    ),
    Mistake(
        "returns of truncated episodes are missing",
        replace(CORRECT, only_terminated_returns=True),
        "Where an episode was truncated its return is not in the list. In CartPole those are the best ones: the pole "
        "stood to the time limit.",
    ),
    Mistake(
        "truncation taken as termination",
        replace(CORRECT, discount=lambda terminated, truncated, gamma: 0.0 if terminated or truncated else gamma),
        "The discount is 0 where the episode was only truncated. A time limit is not the end of the world: the pole "
        "still stands, and what would have followed counts. Only `terminated` makes the discount 0.",
    ),
    Mistake(
        "bootstraps after termination",
        replace(CORRECT, discount=lambda terminated, truncated, gamma: gamma),
        "The discount is gamma even where the episode terminated, so the target still carries the bootstrap there: the "
        "network learns that falling over has a future. It is 0 if `terminated`, else gamma.",
    ),
    Mistake(
        "no reset after a truncated episode",
        replace(CORRECT, ends=lambda terminated, truncated: terminated),
        "After a truncated episode the environment was not reset, and you step on in one that has ended. An episode is "
        "over if it terminated OR was truncated.",
    ),
    Mistake(
        "the observation stands still",
        replace(CORRECT, keeps_observation=True),
        "The next action is selected for the old observation: the agent acts without looking at where its action led. "
        "After each step, `observation = next_observation`.",
    ),
    Mistake(
        "stores the next observation twice",
        replace(CORRECT, stores_next_twice=True),
        "The transition holds the next observation in both places: `observation` was overwritten before it was stored. "
        "Store first, then move on.",
    ),
    Mistake(
        "stores the reset's observation",
        replace(CORRECT, stores_reset=True),
        "At the end of an episode the transition holds, as next observation, the first one of the next episode: the "
        "environment was reset before the transition was stored. With a truncated episode the target then bootstraps "
        "from a state that never followed.",
    ),
    Mistake(
        "epsilon begins again with each episode",
        replace(CORRECT, epsilon_by_episode=True),
        "epsilon is asked for the step within the episode, so exploration begins anew each time. The schedule counts "
        "the steps of the whole of training.",
    ),
    Mistake(
        "learns before learning_starts",
        replace(CORRECT, ignores_start=True),
        "It learns from the first step on. With a handful of transitions every batch holds the same ones, and the "
        "network fits itself to them. Wait until the replay buffer holds learning_starts transitions.",
    ),
    Mistake(
        "learning starts one transition late",
        replace(CORRECT, starts_late=1),
        "The first update comes one step late: as soon as the buffer holds learning_starts transitions (>=, not >), "
        "it is time.",
    ),
    Mistake(
        "learns from the newest transition",
        replace(CORRECT, learns_newest=True),
        "`learn` got something other than what `replay.sample()` returned. Neighbouring transitions are alike; the "
        f"buffer is there so that a batch is drawn from all of them ({reference('replay')}).",
    ),
    Mistake(
        "learns before storing",
        replace(CORRECT, learns_before_storing=True),
        "The update comes before the new transition was stored, so the newest is never among those that can be drawn. "
        "Execute, store, then update.",
    ),
    Mistake(
        "learns only when an episode ends",
        replace(CORRECT, learns_at_ends=True),
        "The gradient step stands inside the `if` for the end of an episode. DQN learns after every environment step: "
        "here it would learn once in an episode, and the better it balances, the less it would learn.",
    ),
    Mistake(
        "never syncs the target",
        replace(CORRECT, learns_without_sync=True),
        "After the updates nobody calls `sync`, so the target network stays what it was at the beginning. Call "
        "`sync(updates)` after each gradient step; it knows by itself whether a copy is due.",
    ),
    Mistake(
        "syncs by environment steps",
        replace(CORRECT, syncs_by_step=True),
        "`sync` got the number of the environment step. The target's period is counted in gradient steps: count your "
        "calls of `learn`.",
    ),
    Mistake(
        "syncs before it learns",
        replace(CORRECT, syncs_first=True),
        "`sync` comes before the gradient step that it counts, so the copy is one step old. First `learn`, then "
        "`updates += 1`, then `sync(updates)`.",
    ),
    Mistake(
        "the networks begin unequal",
        replace(CORRECT, begins_without_sync=True),
        "Before the first step nobody called `sync(0)`: the target network begins with other random weights than the "
        "online network. Initialising is one of the five operations too.",
    ),
    Mistake(
        "counts episodes instead of steps",
        replace(CORRECT, counts_episodes=True),
        "The loop ran past its last step. `steps` counts environment steps, not episodes, whose length changes as the "
        "agent learns.",
    ),
    Mistake(
        "ends with the first episode",
        replace(CORRECT, stops_at_first_end=True),
        "The loop ended with the first episode. Training runs through many: at the end of one, reset and go on until "
        "`steps` steps were made.",
    ),
    Mistake(
        "the return is never set back",
        replace(CORRECT, adds_up_returns=True),
        "The return of the second episode still contains the first. Set it back to 0 where an episode ends.",
    ),
    Mistake(
        "resets after every step",
        replace(CORRECT, resets_each_step=True),
        "The environment is reset after every step, so the agent only ever sees the first moment of an episode. Reset "
        "only where the episode terminated or was truncated.",
    ),
)


ANSWERS = Answers(
    solution=training_loop,
    mistakes=MISTAKES,
)
