"""Every setting of a training run, one documented line each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, get_type_hints

import numpy as np

from dqnkit.arguments import Arguments, plain
from dqnkit.errors import ConfigError
from dqnkit.settings import check_names, checked, setting

# Each use of randomness has its own stream of random numbers: evaluation never repeats training's episodes, and one
# more number drawn in one place changes nothing in the others.
STREAMS = ("environment", "exploration", "replay", "network", "evaluation", "rollout", "video")

# The settings that say which environment it is: with another value of one, it is another environment.
ENVIRONMENT_SETTINGS = ("env_id", "env_args", "wrappers")

# Arguments of `gymnasium.make` that are not the environment's: what to do instead of giving them in env_args.
RESERVED = {
    "id": "it is the setting env_id",
    "max_episode_steps": "it is the setting max_episode_steps",
    "render_mode": "it is set where something is drawn",
    "disable_env_checker": "environments are checked in another way",
}

NO_ARGUMENTS = Arguments()
NEVER = 1_000_000_000  # a target_period longer than any run: the target network stays as it is


@dataclass(frozen=True)
class DQNConfig:
    """Settings of DQN and of the run. Immutable; use ``dataclasses.replace`` or `preset` for another.

    Raises:
        ConfigError: a value of the wrong type or out of range; the message names the setting and what it takes.
    """

    # what to learn, for how long
    env_id: str = setting("CartPole-v1", "Gymnasium id of the environment")
    env_args: Arguments = setting(
        NO_ARGUMENTS,
        "an argument of its constructor, like config.lanes_count=3 (once for each)",
        example='{"size": 8, "config": {"lanes_count": 3}}',
        option="--env-arg",
    )
    wrappers: tuple[str, ...] = setting(
        (),
        "a wrapper around it, like minigrid.wrappers:ImgObsWrapper (once for each, the innermost first)",
        pattern=r"[\w.]+:\w+",
        example='("gymnasium.wrappers:FlattenObservation",)',
        option="--wrapper",
    )
    seed: int = setting(0, "the same seed gives the same run", low=0)
    total_steps: int = setting(50_000, "environment steps in all", low=1)
    max_episode_steps: int = setting(0, "time limit of an episode in steps; 0: the environment's own", low=0)
    frame_stack: int = setting(1, "latest frames in an observation; each is stored once", low=1, high=16)
    action_bins: int = setting(0, "values of each number of a continuous action; 0: it is discrete", low=0, high=1_000)
    normalize_observations: bool = setting(False, "by their running mean and deviation (vectors of decimal numbers)")
    reward_clip: float = setting(0.0, "learn from rewards between minus this and this; 0: from all as they are", low=0)
    life_loss_ends: bool = setting(False, "Atari: a lost life is an end for the learner; the game goes on")
    fire_reset: bool = setting(False, "Atari: the first action of a game and of each life is FIRE")

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
    decoupled: bool = setting(False, "one value for each bin of each number of an action; an action's is their mean")
    conv_filters: tuple[int, ...] = setting((16,), "filters of each convolution (image observations only)", low=1)
    conv_sizes: tuple[int, ...] = setting((3,), "kernel size of each convolution", low=1)
    conv_strides: tuple[int, ...] = setting((1,), "stride of each convolution", low=1)
    xla: bool = setting(True, "compile the update with XLA; convolutions become patches and a matrix product")

    # replay
    replay: str = setting("uniform", "how a batch is drawn", choices=("uniform", "prioritized"))
    replay_capacity: int = setting(100_000, "transitions kept", low=1)
    learning_starts: int = setting(1_000, "transitions in replay before the first update", low=1)
    samples_per_insert: float = setting(8.0, "transitions drawn for each transition put in; 0: only collect", low=0)
    priority_exponent: float = setting(0.6, "0: uniform; 1: in proportion to the TD error", low=0, high=1)
    importance_exponent: float = setting(0.4, "correction of prioritized sampling at first; rises to 1", low=0, high=1)
    actor_priorities: bool = setting(False, "first priorities computed by the actor, not the largest so far")

    def __post_init__(self) -> None:
        hints = get_type_hints(DQNConfig)
        for spec in dataclasses.fields(self):
            object.__setattr__(self, spec.name, checked(spec, hints[spec.name], getattr(self, spec.name)))
        _check_together(self)

    def generator(self, stream: str, *numbers: int) -> np.random.Generator:
        """The random generator for one purpose (one of `STREAMS`), and for one actor, one sequence number, ..."""
        return np.random.default_rng(self.seed_sequence(stream, *numbers))

    def seed_sequence(self, stream: str, *numbers: int) -> np.random.SeedSequence:
        """The seed of `generator`, for what takes a seed itself: environments and initial weights."""
        return np.random.SeedSequence([self.seed, STREAMS.index(stream), *numbers])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; tuples become lists."""
        return {spec.name: plain(getattr(self, spec.name)) for spec in dataclasses.fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DQNConfig:
        """The configuration that `to_dict` wrote.

        Raises:
            ConfigError: a setting that does not exist, with the nearest names.
        """
        check_names(values, [spec.name for spec in dataclasses.fields(cls)])
        return cls(**values)


def _check_together(config: DQNConfig) -> None:
    for name in RESERVED.keys() & config.env_args.keys():
        raise ConfigError(f"env_args takes arguments of the environment, not {name!r}: {RESERVED[name]}")
    if not config.hidden_sizes:
        raise ConfigError("hidden_sizes takes at least one layer, like (64, 64)")
    if not len(config.conv_filters) == len(config.conv_sizes) == len(config.conv_strides):
        raise ConfigError("conv_filters, conv_sizes and conv_strides must name the same number of layers")
    if config.action_bins == 1:
        raise ConfigError("action_bins 1 leaves no choice: set it to 2 or more, or to 0 where actions are discrete")
    if config.decoupled and not config.action_bins:
        raise ConfigError("decoupled is about the bins of continuous actions: set action_bins, for instance to 3")
    if config.decoupled and config.dueling:
        raise ConfigError("decoupled and dueling are two heads of the network: set one of them to False")
    if config.learning_starts > config.replay_capacity:
        raise ConfigError(
            f"learning_starts ({config.learning_starts}) is more than replay_capacity ({config.replay_capacity}): "
            "learning would never start. Lower the one or raise the other"
        )
    if config.actor_priorities and config.replay != "prioritized":
        raise ConfigError('actor_priorities needs prioritized replay: set replay to "prioritized"')
    if config.deterministic and config.overlap:
        raise ConfigError("deterministic and overlap exclude each other: set overlap to False")
