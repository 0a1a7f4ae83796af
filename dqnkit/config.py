"""Every setting of a training run, one documented line each, and the settings known to work for some environments."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import UnionType
from typing import Any, get_args, get_type_hints

import numpy as np

from dqnkit.errors import ConfigError

# Each kind of randomness has a stream of its own, so that evaluation never repeats training's episodes, and so that
# drawing one number more in one place changes nothing elsewhere.
STREAMS = ("environment", "exploration", "replay", "network", "evaluation", "rollout", "video")

NEVER = 1_000_000_000  # a target_period that no run reaches: the learner leaves the target network alone


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A field of `DQNConfig` with its documentation and the values that it takes."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True)
class DQNConfig:
    """Settings of DQN and of the run. Immutable; use ``dataclasses.replace`` or `preset` for another.

    Raises:
        ConfigError: a value of the wrong type or out of range; the message names the setting and what it takes.
    """

    # what to learn, for how long
    env_id: str = setting("CartPole-v1", "Gymnasium id of the environment")
    seed: int = setting(0, "the same seed gives the same run", low=0)
    total_steps: int = setting(50_000, "environment steps in all", low=1)
    max_episode_steps: int = setting(0, "time limit of an episode in steps; 0: the environment's own", low=0)
    frame_stack: int = setting(1, "latest frames in an observation; each is stored once", low=1, high=16)

    # acting
    num_actors: int = setting(1, "logical actors, each with environments of its own", low=1)
    num_envs: int = setting(16, "copies of the environment that an actor steps together", low=1)
    rollout_steps: int = setting(8, "steps of each copy in one rollout", low=1)
    deterministic: bool = setting(False, "rollouts are whole seeded episodes: same weights for any number of workers")
    overlap: bool = setting(False, "roll out in a thread while the learner updates, with weights one version older")
    exploration: str = setting("schedule", "one falling epsilon, or one per copy", choices=("schedule", "per_actor"))
    epsilon_start: float = setting(1.0, "exploration rate at the first step (schedule)", low=0, high=1)
    epsilon_end: float = setting(0.05, "exploration rate after epsilon_steps (schedule)", low=0, high=1)
    epsilon_steps: int = setting(10_000, "environment steps from epsilon_start to epsilon_end", low=0)
    epsilon_base: float = setting(0.4, "largest exploration rate (per_actor)", low=0, high=1)
    epsilon_exponent: float = setting(7.0, "how much less the last copy explores than the first (per_actor)", low=0)

    # the update rule
    gamma: float = setting(0.99, "discount factor of the return", low=0, high=1)
    n_step: int = setting(1, "rewards summed before the bootstrap", low=1, high=100)
    double_q: bool = setting(False, "the online network selects the next action, the target network values it")
    loss: str = setting("huber", "what is made of the TD error", choices=("huber", "squared"))
    learning_rate: float = setting(1e-3, "of Adam, at the first update", low=0, high=10)
    learning_rate_end: float = setting(-1.0, "of Adam, at the last step; below 0: no change", low=-1, high=10)
    adam_epsilon: float = setting(1e-7, "of Adam, in the denominator", low=0)
    max_gradient_norm: float = setting(10.0, "longer gradients are scaled down to this length; 0: never", low=0)
    batch_size: int = setting(64, "transitions in one gradient step", low=1)
    updates_per_call: int = setting(16, "gradient steps in one compiled call", low=1)
    target_period: int = setting(200, "updates between copies of the online network to the target network", low=1)
    target_tau: float = setting(1.0, "share of the online network in each copy; 1: a hard update", low=0, high=1)

    # the network
    hidden_sizes: tuple[int, ...] = setting((64, 64), "units of each dense hidden layer", low=1)
    dueling: bool = setting(False, "separate value and advantage streams")
    conv_filters: tuple[int, ...] = setting((16,), "filters of each convolution (image observations only)", low=1)
    conv_sizes: tuple[int, ...] = setting((3,), "kernel size of each convolution", low=1)
    conv_strides: tuple[int, ...] = setting((1,), "stride of each convolution", low=1)
    xla: bool = setting(True, "compile the update with XLA; convolutions become patches and a matrix product")

    # replay
    replay: str = setting("uniform", "how a batch is drawn", choices=("uniform", "prioritized"))
    replay_capacity: int = setting(100_000, "transitions kept", low=1)
    learning_starts: int = setting(1_000, "transitions in replay before the first update", low=1)
    samples_per_insert: float = setting(8.0, "transitions drawn for each transition put in", low=0)
    priority_exponent: float = setting(0.6, "0: uniform; 1: in proportion to the TD error", low=0, high=1)
    importance_exponent: float = setting(0.4, "correction of prioritized sampling at first; rises to 1", low=0, high=1)
    actor_priorities: bool = setting(False, "first priorities computed by the actor, not the largest so far")

    def __post_init__(self) -> None:
        hints = get_type_hints(DQNConfig)
        for spec in dataclasses.fields(self):
            object.__setattr__(self, spec.name, _checked(spec, hints[spec.name], getattr(self, spec.name)))
        _check_together(self)

    def generator(self, stream: str, *numbers: int) -> np.random.Generator:
        """A random generator of its own for one purpose (see STREAMS), and one actor, one sequence number, ..."""
        return np.random.default_rng(self.seed_sequence(stream, *numbers))

    def seed_sequence(self, stream: str, *numbers: int) -> np.random.SeedSequence:
        """The seed behind `generator`, for what takes seeds: environments, weights."""
        return np.random.SeedSequence([self.seed, STREAMS.index(stream), *numbers])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; tuples become lists."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DQNConfig:
        """The configuration that `to_dict` wrote.

        Raises:
            ConfigError: a setting that does not exist, with the nearest names.
        """
        _check_names(values)
        return cls(**values)


def preset(env_id: str, **overrides: Any) -> DQNConfig:
    """The settings known to work for ``env_id`` (the defaults, where none are), with some of them replaced.

    Raises:
        ConfigError: a setting that does not exist, or a bad value.
    """
    _check_names(overrides)
    settings = PRESETS.get(env_id, _ATARI if env_id.startswith("ALE/") else {})
    return DQNConfig(**{"env_id": env_id, **settings, **overrides})


def _check_names(values: dict[str, Any]) -> None:
    names = [spec.name for spec in dataclasses.fields(DQNConfig)]
    for name in values:
        if name not in names:
            near = get_close_matches(name, names, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else "; see help(DQNConfig) for all settings"
            raise ConfigError(f"there is no setting {name!r}{hint}")


def _checked(spec: dataclasses.Field[Any], kind: Any, value: Any) -> Any:
    if get_args(kind):  # tuple[int, ...]
        if not isinstance(value, (tuple, list)):
            raise ConfigError(f"{spec.name} takes whole numbers, like (64, 64), not {value!r}")
        return tuple(_checked_number(spec, int, item) for item in value)
    if kind in (int, float):
        return _checked_number(spec, kind, value)
    if not isinstance(value, kind) or isinstance(kind, UnionType):
        expected = {bool: "True or False", str: "text"}[kind]
        raise ConfigError(f"{spec.name} takes {expected}, not {value!r}")
    choices = spec.metadata["choices"]
    if choices and value not in choices:
        raise ConfigError(f"{spec.name} takes {' or '.join(map(repr, choices))}, not {value!r}")
    return value


def _checked_number(spec: dataclasses.Field[Any], kind: type, value: Any) -> Any:
    expected = "a whole number" if kind is int else "a number"
    number_types = (int, np.integer) if kind is int else (int, float, np.integer, np.floating)
    if isinstance(value, bool) or not isinstance(value, number_types):
        raise ConfigError(f"{spec.name} takes {expected}, not {value!r}")
    low, high = spec.metadata["low"], spec.metadata["high"]
    if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
        limits = f"from {low:g} to {high:g}" if high is not None else f"of at least {low:g}"
        raise ConfigError(f"{spec.name} takes {expected} {limits}, not {value!r}")
    return kind(value)


def _check_together(config: DQNConfig) -> None:
    if not config.hidden_sizes:
        raise ConfigError("hidden_sizes takes at least one layer, like (64, 64)")
    if not len(config.conv_filters) == len(config.conv_sizes) == len(config.conv_strides):
        raise ConfigError("conv_filters, conv_sizes and conv_strides must name the same number of layers")
    if config.learning_starts > config.replay_capacity:
        raise ConfigError(
            f"learning_starts ({config.learning_starts}) is more than replay_capacity ({config.replay_capacity}): "
            "learning would never start. Lower the one or raise the other"
        )
    if config.actor_priorities and config.replay != "prioritized":
        raise ConfigError('actor_priorities needs prioritized replay: set replay to "prioritized"')
    if config.deterministic and config.overlap:
        raise ConfigError("deterministic and overlap exclude each other: set overlap to False")


_ATARI = {
    "frame_stack": 4,
    "conv_filters": (32, 64, 64),
    "conv_sizes": (8, 4, 3),
    "conv_strides": (4, 2, 1),
    "hidden_sizes": (512,),
    "num_envs": 8,
    "rollout_steps": 4,
    "batch_size": 32,
    "learning_rate": 1e-4,
    "adam_epsilon": 1.5e-4,
    "replay_capacity": 500_000,
    "learning_starts": 20_000,
    "target_period": 2_000,
    "epsilon_end": 0.01,
    "epsilon_steps": 250_000,
    "total_steps": 2_500_000,
    "xla": False,
}

_MINATAR: dict[str, Any] = {
    "total_steps": 7_000_000,  # a step costs a hundredth of an update, and there are 8 for each
    "max_episode_steps": 10_000,  # the games have no time limit
    "num_envs": 32,
    # Patches of 4 x 4, two apart, see every square and make half the features that 16 of 3 x 3 side by side do. With
    # the small batch and the small dense layer an update costs half a millisecond: many of them beat large ones.
    "conv_filters": (32,),
    "conv_sizes": (4,),
    "conv_strides": (2,),
    "hidden_sizes": (64,),
    "batch_size": 32,
    # Found on Breakout, with these together; the usual Huber loss and 1e-3, or n = 8, ended at 20 to 25.
    "loss": "squared",
    "n_step": 3,
    "learning_rate": 5e-4,
    "learning_rate_end": 1e-5,
    "adam_epsilon": 1e-4,  # with 1e-7 Breakout ended at half the return: rare features move as far as common ones
    "double_q": True,
    "replay": "prioritized",
    "replay_capacity": 200_000,
    "learning_starts": 5_000,
    "samples_per_insert": 4.0,
    "updates_per_call": 32,
    "target_period": 1_000,
    "epsilon_end": 0.01,
    "epsilon_steps": 100_000,
}

# Found by searching on two cores; a line that looks odd was measured against the usual one.
PRESETS: dict[str, dict[str, Any]] = {
    "CartPole-v1": {
        "total_steps": 50_000,
        # Huber's slope is the same for an error of 2 and of 50, so the few terminal transitions could not hold the
        # values down against the many others: Q went past 10,000 where 100 is the most there can be.
        "loss": "squared",
        "double_q": True,
        "n_step": 8,
        "replay_capacity": 20_000,
        "learning_starts": 500,
        "samples_per_insert": 32.0,
        # One hidden layer: with two it was no better, slower, and took longer to compile.
        "hidden_sizes": (128,),
        "learning_rate": 8e-3,
        "learning_rate_end": 1e-5,
        "target_period": 20,
        "epsilon_steps": 10_000,
    },
    "LunarLander-v3": {
        "total_steps": 100_000,
        "double_q": True,
        "n_step": 3,
        "hidden_sizes": (128, 128),
        "samples_per_insert": 32.0,
        "learning_rate_end": 1e-5,
        "epsilon_steps": 12_000,
    },
    "Acrobot-v1": {"total_steps": 60_000, "n_step": 3, "double_q": True, "learning_rate_end": 1e-5},
    "MountainCar-v0": {
        "total_steps": 120_000,
        "loss": "squared",
        "gamma": 0.98,
        "n_step": 4,
        "hidden_sizes": (128, 128),
        "batch_size": 128,
        "samples_per_insert": 32.0,
        "replay_capacity": 20_000,
        "learning_rate": 4e-3,
        "learning_rate_end": 1e-5,
        "target_period": 300,
        "epsilon_end": 0.07,
        "epsilon_steps": 40_000,
    },
    "dqnkit/GridWorld-v0": {"total_steps": 20_000, "gamma": 0.9, "epsilon_end": 0.3, "epsilon_steps": 2_000},
    "dqnkit/TwoStateBias-v0": {"total_steps": 5_000, "loss": "squared", "hidden_sizes": (32,), "learning_starts": 100},
    "dqnkit/BlindCliffwalk-v0": {"total_steps": 50_000, "epsilon_end": 0.5, "replay": "prioritized"},
    "dqnkit/Catch-v0": {"total_steps": 20_000, "epsilon_steps": 5_000, "learning_starts": 500},
    "MinAtar/Breakout-v1": _MINATAR,
    "MinAtar/SpaceInvaders-v1": _MINATAR,
    "MinAtar/Freeway-v1": _MINATAR,
    "MinAtar/Asterix-v1": _MINATAR,
}
