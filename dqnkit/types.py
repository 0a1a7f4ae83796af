"""The records that actors, replay and the learner exchange, and the status of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dqnkit.checked_numbers import number, whole_number

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]


class Transition(NamedTuple):
    """A batch of transitions, packed: every field is an array with the same leading batch axes.

    The reward is the n-step discounted sum r_1 + gamma r_2 + ... and the discount is gamma**n where the episode goes
    on and 0 where it terminated, so that the TD target is always ``reward + discount * max_a Q(next_observation, a)``.
    """

    observation: Array  # [B, ...] in the environment's own dtype
    action: IntArray  # [B]
    reward: FloatArray  # [B]
    discount: FloatArray  # [B]
    next_observation: Array  # [B, ...]


class LearnerResult(NamedTuple):
    """What K updates of a learner gave."""

    priorities: FloatArray  # [K, B] with the losses of the package, the TD errors
    losses: FloatArray  # [K]
    mean_max_q: float  # mean over all observations of max_a Q(s, a)


@dataclass(frozen=True)
class PolicyWeights:
    """One version of the online network, as much of it as an actor needs.

    ``layers`` says what the network is (see `dqnkit.policy`), ``values`` holds all of its parameters in one flat
    array, so that a version of the weights travels as one array.
    """

    version: int
    layers: tuple[Any, ...]
    values: FloatArray  # [P]

    @cached_property
    def arrays(self) -> list[FloatArray]:
        """The parameters as views of ``values``, in Keras' order, each in its own shape."""
        shapes = [shape for layer in self.layers for shape in layer.shapes]
        ends = np.cumsum([0, *(prod(shape) for shape in shapes)]).tolist()
        return [self.values[a:b].reshape(shape) for a, b, shape in zip(ends[:-1], ends[1:], shapes, strict=True)]

    def __reduce__(self) -> tuple[Any, ...]:
        return PolicyWeights, (self.version, self.layers, self.values)  # the views would be sent again


@dataclass(frozen=True)
class Rollout:
    """A run of environment steps under one version of the weights, packed for replay.

    With stacked frames, ``frames`` holds every frame once and the two observation fields of ``transitions`` are
    indices into it, ``[B, S]``; otherwise ``frames`` is None.
    """

    transitions: Transition
    steps: int  # environment steps taken: resets are not steps
    weights_version: int
    episode_returns: FloatArray  # [E] undiscounted return of each episode that ended in this rollout
    episode_lengths: IntArray  # [E] steps
    actor: int = 0
    sequence: int = 0
    frames: Array | None = None  # [F, H, W]
    td_errors: FloatArray | None = None  # [B] under the actor's own weights, where it computes the first priorities
    seconds: float = 0.0

    @property
    def observations(self) -> Array:
        """The observations of the transitions as the network sees them, ``[B, ...]``: stacked if they are."""
        indices = self.transitions.observation
        return indices if self.frames is None else self.frames[indices]


_CHECKS: dict[str, Callable[[str, Any], float]] = {  # of `LiveSettings`, as `dqnkit.config` has them
    "epsilon": partial(number, low=0, high=1),
    "learning_rate": partial(number, low=0, high=10),
    "target_period": partial(whole_number, low=1),
}


@dataclass
class LiveSettings:
    """What may change while training runs; everything else is frozen in the configuration.

    A field that is None means: as configured. ``changes`` logs ``(step, name, value)`` for the plots.

    Raises:
        ConfigError: a field is set, here or later, to something that is no number or out of range.
    """

    epsilon: float | None = None
    learning_rate: float | None = None
    target_period: int | None = None
    changes: list[tuple[int, str, float | None]] = field(default_factory=list)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _CHECKS and value is not None:
            value = _CHECKS[name](name, value)
        super().__setattr__(name, value)

    def change(self, step: int, name: str, value: float | None) -> None:
        """Set ``name`` to ``value`` from environment step ``step`` on, and log it."""
        if name not in _CHECKS:
            raise AttributeError(f"{name!r} cannot change while training runs")
        setattr(self, name, value)
        self.changes.append((step, name, value))


@dataclass(frozen=True)
class TrainStatus:
    """Where training stands. Yielded by `dqnkit.training.train` after every rollout round and every learner call."""

    step: int  # environment steps so far
    total_steps: int
    updates: int  # gradient steps so far
    episodes: int  # episodes finished so far
    episode_returns: FloatArray  # [E] returns of the episodes finished since the last status
    episode_return: float  # mean return of the last 100 finished episodes; NaN before the first
    loss: float  # mean loss of the last learner call; NaN before the first
    mean_max_q: float  # mean over the last batches of max_a Q(s, a); NaN before the first call
    epsilon: float  # mean exploration rate of the newest rollouts
    weights_version: int
    policy_lag: int  # versions between the newest weights and those that made the newest rollout
    samples_per_insert: float  # transitions drawn for each transition put in, so far
    replay_size: int
    seconds: float  # since this call of train began, without the time that whoever iterates it takes
    get_weights: Callable[[], PolicyWeights] = field(repr=False)
    get_state: Callable[[], Any] = field(repr=False)
    compiles_next: bool = False  # the next step is the learner's first, which compiles it: that may take long

    @property
    def weights(self) -> PolicyWeights:
        """The online network as it is now (not as it was when the status was made)."""
        return self.get_weights()

    @property
    def state(self) -> Any:
        """All that training needs to go on from here; `dqnkit.checkpoint.save` takes it."""
        return self.get_state()
