"""Where rollouts come from: from this process here, from a cluster in `dqnkit.cluster`. The loop is the same."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Protocol

from dqnkit.actor import Actor
from dqnkit.config import ENVIRONMENT_SETTINGS, DQNConfig
from dqnkit.exploration import SelectAction
from dqnkit.settings import require_same
from dqnkit.types import FloatArray, PolicyWeights, Rollout

# The settings that `InProcessRollouts` and its actors use
ROLLOUT_SETTINGS = (
    *ENVIRONMENT_SETTINGS,
    *("seed", "max_episode_steps", "frame_stack", "action_bins", "reward_clip", "life_loss_ends", "fire_reset"),
    *("num_actors", "num_envs", "rollout_steps", "deterministic", "overlap", "gamma", "n_step", "actor_priorities"),
)


class RolloutSource(Protocol):
    """Anything that turns weights into rollouts."""

    def begin(self, config: DQNConfig) -> None:
        """Get ready for a run with these settings. `train` calls it once, before the first `collect`."""
        ...

    def collect(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """At least one rollout, as soon as there is one.

        Args:
            weights: the newest policy, for the rollouts that begin from now on.
            epsilons: exploration rates ``[num_actors, num_envs]``.
            sequence: rounds of rollouts collected before this one.
        """
        ...

    def close(self) -> None:
        """End all outstanding work and free the environments. A later `collect` begins anew."""
        ...


class InProcessRollouts:
    """All actors in this process, one after the other, in the same order each round.

    With ``config.overlap`` a round is made in a thread while the learner updates: `collect` returns the round that the
    call before has begun, and begins the next. NumPy and TensorFlow release Python's lock while they compute.

    Args:
        config: the run's settings.
        select_action: how actors choose actions, see `Actor`; epsilon-greedy unless given.
    """

    def __init__(self, config: DQNConfig, select_action: SelectAction | None = None) -> None:
        self._config = config
        self._select_action = select_action
        self._actors: list[Actor] = []
        self._thread: ThreadPoolExecutor | None = None
        self._next: Future[list[Rollout]] | None = None

    def begin(self, config: DQNConfig) -> None:
        """See that the run has the same settings; actors are made when they are first needed.

        Raises:
            ConfigError: one that the actors use differs; the message names it and both values.
        """
        require_same("InProcessRollouts", self._config, config, ROLLOUT_SETTINGS)

    def collect(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """One rollout of each actor, see `RolloutSource`."""
        if not self._actors:
            indices = range(self._config.num_actors)
            self._actors = [Actor(self._config, index, self._select_action, sequence) for index in indices]
        if not self._config.overlap:
            return self._round(weights, epsilons, sequence)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "dqnkit-rollouts")
        done = self._next.result() if self._next else self._round(weights, epsilons, sequence)
        self._next = self._thread.submit(self._round, weights, epsilons, sequence + 1)
        return done

    def close(self) -> None:
        """Wait for the round that was begun, if any; close the environments.

        Raises:
            RolloutError: the environment raised an error of its own.
        """
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)
        self._thread = self._next = None
        with ExitStack() as closing:  # the others are closed, too, where one cannot be
            for actor in self._actors:
                closing.callback(actor.close)
            self._actors = []

    def _round(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        return [
            actor.rollout(weights, epsilon, sequence) for actor, epsilon in zip(self._actors, epsilons, strict=True)
        ]
