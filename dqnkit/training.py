"""The training loop: rollouts go into replay, batches from replay to the learner, new weights back to the actors.

`train` is a generator: it works only while somebody iterates it (a progress bar, a plot, a test), and stops when they
leave their loop.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Generator
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dqnkit.config import ENVIRONMENT_SETTINGS, DQNConfig
from dqnkit.default_parts import AnyLearner, check_learner, make_learner, make_replay
from dqnkit.errors import CheckpointError, ConfigError, DQNKitError
from dqnkit.exploration import actor_epsilons, learning_rate_at, linear_schedule
from dqnkit.replay import Replay
from dqnkit.rollouts import InProcessRollouts, RolloutSource
from dqnkit.settings import require_same
from dqnkit.types import FloatArray, LiveSettings, PolicyWeights, Rollout, TrainStatus

Lineage = tuple[tuple[str, int], ...]
RETURNS_WINDOW = 100  # episodes in the mean return that is shown
NAN = float("nan")


@dataclass
class Counters:
    """What the loop counts. To go on it needs these, the networks, the replay buffer and the random state."""

    step: int = 0  # environment steps
    rounds: int = 0  # rollout rounds collected
    inserted: int = 0  # transitions put into replay
    sampled: int = 0  # transitions drawn from it
    episodes: int = 0
    weights_version: int = 0
    published_updates: int = 0  # updates behind that version of the weights
    recent_returns: list[float] = field(default_factory=list)  # of the last RETURNS_WINDOW episodes


@dataclass(frozen=True)
class TrainState:
    """A run at one moment: what a checkpoint holds.

    ``learner`` and ``replay`` are not copies: they change when training goes on.

    ``lineage`` says whose state it is: the calls of `train` that led here, each with an id and with the number of
    transitions when it began. The first is the run's. Two that went on from one checkpoint differ in the last.
    """

    config: DQNConfig
    counters: Counters
    learner: Any
    replay: Replay
    replay_rng: dict[str, Any]  # state of the generator that draws batches
    lineage: Lineage = ()


def train(
    config: DQNConfig,
    *,
    rollouts: RolloutSource | None = None,
    learner: AnyLearner | None = None,
    replay: Replay | None = None,
    state: TrainState | None = None,
    live: LiveSettings | None = None,
) -> Generator[TrainStatus, None, None]:
    """Train a DQN, yielding a status after every round of rollouts and every call of the learner.

    One bound keeps actors and learner together: at most ``samples_per_insert`` transitions are drawn for each one put
    in after the first ``learning_starts``. Where the bound allows it, it is the learner's turn.

    Args:
        config: the run's settings.
        rollouts: where experience comes from; this process unless given.
        learner: what learns; a `Learner` unless given. One that holds processes is closed by its maker, not here.
        replay: where experience is kept; what `make_replay` makes unless given.
        state: go on from here (see `dqnkit.checkpoint.restore`) instead of from the beginning.
        live: settings that may change while it trains.

    Raises:
        ConfigError: the rollouts or the learner were made with other settings than ``config``, as far as they use them.
            Or no update would ever be made, see `check_learns`; with ``samples_per_insert`` 0 that is the purpose.
        DQNKitError: and its other kinds, each with what to do.
    """
    loop = _Loop(config, rollouts, learner, replay, state, live or LiveSettings())
    failed = False
    try:
        loop.rollouts.begin(config)
        while not loop.finished:
            yield loop.advance()
    except Exception:
        failed = True
        raise
    finally:
        with suppress(DQNKitError) if failed else nullcontext():  # of two errors the first is the one to tell
            loop.rollouts.close()


def check_learns(config: DQNConfig) -> None:
    """Raise `ConfigError`, with the sum, where a whole run is too short for a single call of the learner."""
    # the last n - 1 steps of each copy wait for their successors; a rollout of whole episodes packs all
    waiting = 0 if config.deterministic else config.num_actors * config.num_envs * (config.n_step - 1)
    transitions = max(0, config.total_steps - waiting)
    drawn = config.samples_per_insert * max(0, transitions - config.learning_starts)
    needed = config.updates_per_call * config.batch_size
    if drawn < needed:
        raise ConfigError(
            f"these settings never learn: {config.total_steps:,} steps give {transitions:,} transitions, which allow "
            f"samples_per_insert x (transitions - learning_starts) = "
            f"{config.samples_per_insert:g} x ({transitions:,} - {config.learning_starts:,}) = "
            f"{drawn:,.0f} draws, and the first call of the learner needs updates_per_call x batch_size = "
            f"{config.updates_per_call:,} x {config.batch_size:,} = {needed:,}. Raise total_steps or "
            "samples_per_insert, or lower the others"
        )


class _Loop:
    """The state of the loop between two statuses."""

    def __init__(
        self,
        config: DQNConfig,
        rollouts: RolloutSource | None,
        learner: Any,
        replay: Replay | None,
        state: TrainState | None,
        live: LiveSettings,
    ) -> None:
        if state is not None and (learner is not None or replay is not None):
            raise ConfigError("a state brings its own learner and replay buffer: give either state, or those")
        if state is not None and state.config.env_id != config.env_id:
            raise CheckpointError(f"this state belongs to {state.config.env_id}, not to {config.env_id}")
        if state is not None:
            require_same("this state", state.config, config, ENVIRONMENT_SETTINGS)
        self.config = config
        self.live = live
        self.rollouts = rollouts or InProcessRollouts(config)
        self.rng = config.generator("replay")
        if state is not None:
            self.learner, self.replay, self.counters = state.learner, state.replay, state.counters
            self.rng.bit_generator.state = state.replay_rng
        else:
            self.learner = learner or make_learner(config)
            self.replay = make_replay(config) if replay is None else replay  # an empty one is false
            self.counters = Counters()
        check_learner(self.learner, config)
        if config.samples_per_insert > 0 and self.learner.updates == 0:
            check_learns(config)
        before = () if state is None else state.lineage
        self.lineage: Lineage = (*before, (uuid.uuid4().hex, self.counters.inserted))
        self.recent_returns = deque(self.counters.recent_returns, maxlen=RETURNS_WINDOW)
        self.weights = self.learner.get_weights(self.counters.weights_version)
        self.policy_lag = 0
        self.has_learned = False  # in this process: the first call of the learner compiles it
        self.epsilon = self.loss = self.mean_max_q = NAN
        self.seconds = 0.0
        copies = (config.num_actors, config.num_envs)
        self.actor_epsilons = actor_epsilons(
            config.num_actors * config.num_envs, config.epsilon_base, config.epsilon_exponent
        ).reshape(copies)

    @property
    def finished(self) -> bool:
        """Whether all environment steps were taken and all updates that they allow were made."""
        return self.counters.step >= self.config.total_steps and not self._may_update()

    def advance(self) -> TrainStatus:
        """One call of the learner if the bound allows it, else one round of rollouts."""
        began = time.perf_counter()
        new_returns = np.empty(0, np.float32)
        if self._may_update():
            self._update()
        else:
            new_returns = self._collect()
        self.seconds += time.perf_counter() - began
        return self._status(new_returns)

    def _may_update(self) -> bool:
        counters, config = self.counters, self.config
        drawn_after = counters.sampled + config.updates_per_call * config.batch_size
        return drawn_after <= config.samples_per_insert * (counters.inserted - config.learning_starts)

    def _collect(self) -> FloatArray:
        """Act with the newest weights, put what happened into replay; the returns of the episodes that ended."""
        counters = self.counters
        epsilons = self._epsilons()
        self.epsilon = float(epsilons.mean())
        self._publish()
        returns: list[FloatArray] = []
        for rollout in self.rollouts.collect(self.weights, epsilons, counters.rounds):
            self._insert(rollout)
            returns.append(rollout.episode_returns)
        counters.rounds += 1
        new_returns = np.concatenate(returns)
        counters.episodes += len(new_returns)
        self.recent_returns.extend(new_returns.tolist())
        return new_returns

    def _insert(self, rollout: Rollout) -> None:
        self.replay.add_rollout(rollout)
        if self.config.normalize_observations:
            self.learner.observe(rollout.observations)
        self.counters.step += rollout.steps
        self.counters.inserted += len(rollout.transitions.action)
        self.policy_lag = self.counters.weights_version - rollout.weights_version

    def _publish(self) -> None:
        """Give the actors the learner's weights, as a new version if it has learned since the last."""
        if self.learner.updates != self.counters.published_updates:
            self.counters.weights_version += 1
            self.weights = self.learner.get_weights(self.counters.weights_version)
            self.counters.published_updates = self.learner.updates

    def _update(self) -> None:
        """K batches from replay through the learner, and their TD errors back as priorities."""
        config, counters = self.config, self.counters
        self.replay.set_progress(min(1.0, counters.step / config.total_steps))
        sample = self.replay.sample(config.updates_per_call, config.batch_size, self.rng)
        result = self.learner.update(
            sample.transitions,
            sample.importance,
            learning_rate=self._learning_rate(),
            target_period=self.live.target_period,
        )
        self.has_learned = True
        self.replay.update_priorities(sample.indices, result.priorities)
        counters.sampled += sample.indices.size
        self.loss, self.mean_max_q = float(result.losses.mean()), result.mean_max_q

    def _learning_rate(self) -> float:
        if self.live.learning_rate is not None:
            return self.live.learning_rate
        return learning_rate_at(self.config, self.counters.step)

    def _epsilons(self) -> FloatArray:
        """Exploration rates ``[num_actors, num_envs]`` for the rollouts that begin now."""
        config, step = self.config, self.counters.step
        if self.live.epsilon is not None:
            return np.full(self.actor_epsilons.shape, self.live.epsilon, np.float32)
        if config.exploration == "per_actor":
            return self.actor_epsilons
        epsilon = linear_schedule(step, config.epsilon_start, config.epsilon_end, config.epsilon_steps)
        return np.full(self.actor_epsilons.shape, epsilon, np.float32)

    def _status(self, new_returns: FloatArray) -> TrainStatus:
        counters = self.counters
        return TrainStatus(
            step=counters.step,
            total_steps=self.config.total_steps,
            updates=self.learner.updates,
            episodes=counters.episodes,
            episode_returns=new_returns,
            episode_return=sum(self.recent_returns) / len(self.recent_returns) if self.recent_returns else NAN,
            loss=self.loss,
            mean_max_q=self.mean_max_q,
            epsilon=self.epsilon,
            weights_version=counters.weights_version,
            policy_lag=self.policy_lag,
            samples_per_insert=counters.sampled / max(1, counters.inserted),
            replay_size=len(self.replay),
            seconds=self.seconds,
            get_weights=self._current_weights,
            get_state=self._state,
            compiles_next=not self.has_learned and self._may_update(),
        )

    def _current_weights(self) -> PolicyWeights:
        return self.learner.get_weights(self.counters.weights_version)

    def _state(self) -> TrainState:
        counters = Counters(**{**asdict(self.counters), "recent_returns": list(self.recent_returns)})
        rng = dict(self.rng.bit_generator.state)
        return TrainState(self.config, counters, self.learner, self.replay, rng, self.lineage)
