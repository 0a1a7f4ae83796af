"""The parts that `dqnkit.training.train` makes where none are given, and what it needs of a learner that is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from dqnkit.array_store import ArrayStore
from dqnkit.config import ENVIRONMENT_SETTINGS, DQNConfig
from dqnkit.environments import network_spaces
from dqnkit.errors import ConfigError, needs
from dqnkit.frames import FrameStore, Store
from dqnkit.observations import describe
from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer
from dqnkit.settings import require_same
from dqnkit.types import Array, FloatArray, LearnerResult, PolicyWeights, Transition

if TYPE_CHECKING:
    from dqnkit.learner import Learner

# The settings that the results of a learner depend on. Not among them are the seed (it decides only the first weights,
# and the learner may have learned already), the learning rate (the loop passes it in each call), and xla (a matter of
# speed).
LEARNER_SETTINGS = (
    *("double_q", "loss", "adam_epsilon", "max_gradient_norm", "batch_size", "target_period", "target_tau"),
    *("frame_stack", "normalize_observations", "hidden_sizes", "dueling", "conv_filters", "conv_sizes", "conv_strides"),
    *("action_bins", "decoupled"),
    "actor_priorities",  # which a learner with a loss of its own refuses
)


class AnyLearner(Protocol):
    """What the loop and checkpoints need of a learner: `dqnkit.learner.Learner`, or one over several processes.

    Where it has its settings in an attribute ``config``, they are compared with those of the run. With
    ``normalize_observations`` it needs a method ``observe(observations)``, too, see `dqnkit.learner.Learner.observe`.
    """

    updates: int  # gradient steps so far

    def update(
        self,
        transitions: Transition,
        importance: FloatArray | None = None,
        *,
        learning_rate: float | None = None,
        target_period: int | None = None,
    ) -> LearnerResult:
        """One gradient step for each of K batches, fields ``[K, B, ...]``."""
        ...

    def get_weights(self, version: int = 0) -> PolicyWeights:
        """The online network for actors."""
        ...

    def state(self) -> dict[str, Array]:
        """All that it would need to go on, as plain arrays by name."""
        ...

    def load_state(self, state: dict[str, Array]) -> None:
        """Take over what `state` gave."""
        ...


def make_learner(config: DQNConfig) -> Learner:
    """The learner that runs in this process.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    with needs("TensorFlow, which the learner needs,", "learner", "tensorflow", "keras"):
        from dqnkit.learner import Learner  # here, so that a loop with a learner in other processes needs no TensorFlow
    return Learner(config)


def make_replay(config: DQNConfig) -> ReplayBuffer:
    """The replay buffer that the settings ask for."""
    capacity = config.replay_capacity
    store: Store = FrameStore(capacity) if config.frame_stack > 1 else ArrayStore(capacity)
    if config.replay == "prioritized":
        return PrioritizedReplayBuffer(capacity, config.priority_exponent, store, config.importance_exponent)
    return ReplayBuffer(capacity, store)


def check_learner(learner: Any, config: DQNConfig) -> None:
    """See that a learner was made with the settings of the run, as far as its results depend on them.

    A learner of another environment may go on in this one if both have the same spaces.

    Raises:
        ConfigError: a setting differs; the message names it and both values.
    """
    if config.normalize_observations and not hasattr(learner, "observe"):
        raise ConfigError(
            "with normalize_observations the loop gives every observation to the learner's method "
            f"observe(observations), which {type(learner).__name__} lacks: write it, or set "
            "normalize_observations to False"
        )
    its: DQNConfig | None = getattr(learner, "config", None)
    if its is None or its == config:
        return
    require_same("the learner", its, config, LEARNER_SETTINGS)
    another = next((name for name in ENVIRONMENT_SETTINGS if getattr(its, name) != getattr(config, name)), None)
    if another is None:
        return
    own, ours = (network_spaces(each) for each in (its, config))
    if (describe(own[0], config.frame_stack), own[1]) != (describe(ours[0], config.frame_stack), ours[1]):
        raise ConfigError(
            f"the learner was made with {another} {getattr(its, another)!r}, the run has {another} "
            f"{getattr(config, another)!r}, whose spaces are others: make both with the same settings"
        )
