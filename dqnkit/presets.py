"""Settings known to work, as data: one entry for each environment, or for each family of environments.

To add a preset, add its entry here: the command line's help and the tests read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dqnkit.arguments import Arguments
from dqnkit.config import DQNConfig

# After Mnih et al. (2015); notebooks/PAPERS.md says what differs. Not tried to the end: no GPU was at hand.
_ATARI = {
    "frame_stack": 4,
    "reward_clip": 1.0,
    "life_loss_ends": True,
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
    "total_steps": 7_000_000,  # there are 8 steps for each update, and a step takes a hundredth of its time
    "max_episode_steps": 10_000,  # the games have no time limit
    "num_envs": 32,
    # Filters of 4 x 4 with stride 2 see every square and give half as many features as 16 filters of 3 x 3 with stride
    # 1. With the small batch and the small dense layer an update takes half a millisecond: many small updates did
    # better than fewer large ones.
    "conv_filters": (32,),
    "conv_sizes": (4,),
    "conv_strides": (2,),
    "hidden_sizes": (64,),
    "batch_size": 32,
    # These were found together, on Breakout. With the usual Huber loss and 1e-3, or with n = 8, the return ended at
    # 20 to 25.
    "loss": "squared",
    "n_step": 3,
    "learning_rate": 5e-4,
    "learning_rate_end": 1e-5,
    "adam_epsilon": 1e-4,  # with 1e-7 Breakout ended at half the return: weights of rare features moved too far
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

_CARTPOLE: dict[str, Any] = {
    "total_steps": 50_000,
    # The slope of the Huber loss is the same for an error of 2 and of 50, so that the few terminal transitions
    # could not keep the values low: Q went past 10,000, where 100 is the largest possible value.
    "loss": "squared",
    "double_q": True,
    "n_step": 8,
    "replay_capacity": 20_000,
    "learning_starts": 500,
    "samples_per_insert": 32.0,
    # With 16 as many as half of the seeds failed on some processors: rounding decided which. With 64 at least 37 of 40
    # reach 475 under each of three roundings, and fewer calls take less time.
    "updates_per_call": 64,
    # One hidden layer: two were slower to run and to compile, and no better.
    "hidden_sizes": (128,),
    "learning_rate": 8e-3,
    "learning_rate_end": 1e-5,
    "target_period": 20,
    "epsilon_steps": 10_000,
}

# A robot of several joints: two or three forces for each, and the decoupled head of Seyde et al. (2022).
_ROBOT: dict[str, Any] = {
    "decoupled": True,
    "normalize_observations": True,
    "double_q": True,
    "n_step": 3,
    # Small and often: an update takes a third of a millisecond. With 256 x 256 units and batches of 128 HalfCheetah
    # earned a quarter as much after as many seconds (one seed each).
    "hidden_sizes": (128, 128),
    "batch_size": 64,
    "samples_per_insert": 64.0,
    "updates_per_call": 64,
    "replay_capacity": 400_000,
    "learning_rate": 1e-3,
    "learning_rate_end": 1e-5,
    "target_period": 400,
    "epsilon_steps": 40_000,
}

# Found by searching on two cores. An unusual value was measured against the usual one and did better.
PRESETS: dict[str, dict[str, Any]] = {
    "CartPole-v1": _CARTPOLE,
    "InvertedPendulum-v5": {
        # A cart and a pole as well, but a step is 40 ms and a push is stronger: with CartPole's own values one seed of
        # five ended at 316 of 1,000. With these 12 of 12 seeds ended at 1,000; with gamma 0.97 and n_step 8 it was 11.
        **_CARTPOLE,
        "action_bins": 5,
        "n_step": 5,
        "gamma": 0.98,
        "learning_rate": 3e-3,
        "target_period": 50,
        "epsilon_end": 0.02,
    },
    "HalfCheetah-v5": {**_ROBOT, "action_bins": 2, "total_steps": 600_000},  # full force forwards or backwards
    "Hopper-v5": {**_ROBOT, "action_bins": 3, "total_steps": 600_000},
    "LunarLander-v3": {
        # Of fifteen settings tried on two to four seeds, from 1000 on, one of two that ended at 237 or more with each,
        # with half of the other's updates. With the Huber loss, or with half of the steps, some ended below 200. Of 34
        # fresh runs under three roundings 28 ended at 200 or more: which seed it is decides, more than the rounding.
        "total_steps": 200_000,
        "loss": "squared",
        "double_q": True,
        "n_step": 3,
        "hidden_sizes": (128, 128),
        "samples_per_insert": 32.0,
        "updates_per_call": 64,
        "learning_rate_end": 1e-5,
        "epsilon_steps": 20_000,
    },
    "Acrobot-v1": {
        # The best of five settings tried on four seeds. On ten fresh seeds under three roundings all 30 runs ended at
        # -95 or better; with 64-64, n = 3 and 8 samples per insert 19 of 29 did at -100 (other seeds).
        "total_steps": 60_000,
        "double_q": True,
        "n_step": 5,
        "hidden_sizes": (128, 128),
        "samples_per_insert": 32.0,
        "updates_per_call": 64,
        "learning_rate_end": 1e-5,
    },
    "MountainCar-v0": {
        # Random actions hardly ever reach the goal, and all else is worth -1 a step. What reaches it is a greedy policy
        # whose values fall where it has been: they need far to fall (gamma), slowly (target_period), with observations
        # of one size (a speed is at most 0.07), few random actions in between, and few steps between two policies
        # (num_envs): with 16 copies twelve seeds first reached it after 18,000 to 78,000 steps, with 4 after 9,000 to
        # 32,000. With gamma 0.98 and epsilon falling over 40,000 steps two of four never did.
        "total_steps": 120_000,
        "num_envs": 4,
        "normalize_observations": True,
        "loss": "squared",
        "gamma": 0.995,
        "double_q": True,
        "n_step": 3,
        "hidden_sizes": (128, 128),
        "batch_size": 64,
        "samples_per_insert": 64.0,
        "updates_per_call": 64,
        "replay_capacity": 120_000,
        "learning_rate_end": 1e-5,
        "target_period": 500,
        "epsilon_steps": 5_000,
    },
    "dqnkit/GridWorld-v0": {"total_steps": 20_000, "gamma": 0.9, "epsilon_end": 0.3, "epsilon_steps": 2_000},
    "dqnkit/TwoStateBias-v0": {"total_steps": 5_000, "loss": "squared", "hidden_sizes": (32,), "learning_starts": 100},
    "dqnkit/BlindCliffwalk-v0": {"total_steps": 50_000, "epsilon_end": 0.5, "replay": "prioritized"},
    "dqnkit/Catch-v0": {"total_steps": 20_000, "epsilon_steps": 5_000, "learning_starts": 500},
    "MiniGrid-DoorKey-5x5-v0": {
        "wrappers": ("dqnkit.minigrid_planes:GridPlanes",),  # the whole grid, not what lies in front of the agent
        "total_steps": 60_000,
        "max_episode_steps": 250,  # the environment's own limit, which it does not tell Gymnasium
        # Only the goal is rewarded, and random steps seldom reach it: what did so is drawn often, and its reward goes
        # back 5 steps at once.
        "replay": "prioritized",
        "n_step": 5,
        "double_q": True,
        "hidden_sizes": (64,),
        "batch_size": 32,
        "updates_per_call": 32,
        "learning_rate_end": 1e-5,
        "target_period": 500,
        "epsilon_steps": 30_000,
    },
    "highway-fast-v0": {
        # highway-env normalises with pandas, which takes a good part of a step's time: here the network does it.
        "env_args": {
            "config": {
                "lanes_count": 3,
                "vehicles_count": 8,  # near the start, beside the own; with the usual 20 a step takes twice as long
                "observation": {"type": "Kinematics", "normalize": False},
            }
        },
        "normalize_observations": True,
        "total_steps": 8_000,
        "num_envs": 4,
        # With the usual 0.8 a crash after some seconds is worth as much as thirty slow ones, and the greedy policy
        # crashed in 7 of 8 episodes (with n_step 1, one update a step). With these settings five fresh seeds earned
        # 20.3 to 21.8 in 20 episodes each, and crashed in 5 to 20 % of them; a random policy 11.6, and 85 %.
        "gamma": 0.95,
        "n_step": 3,
        "double_q": True,
        "hidden_sizes": (256, 256),
        "samples_per_insert": 128.0,  # two updates for each step, which takes longer than both
        "learning_starts": 300,
        "replay_capacity": 15_000,
        "learning_rate": 5e-4,
        "learning_rate_end": 1e-5,
        "target_period": 100,
        "epsilon_steps": 3_000,
    },
    "MinAtar/Breakout-v1": _MINATAR,
    "MinAtar/SpaceInvaders-v1": _MINATAR,
    "MinAtar/Freeway-v1": _MINATAR,
    "MinAtar/Asterix-v1": _MINATAR,
}

# The settings of every environment whose id begins like this, where `PRESETS` has no entry for it.
FAMILIES: dict[str, dict[str, Any]] = {"ALE/": _ATARI}


def preset(env_id: str, **overrides: Any) -> DQNConfig:
    """The settings known to work for ``env_id`` (the defaults, where none are), with some of them replaced.

    Of ``env_args`` only the arguments that are given are replaced.

    Raises:
        ConfigError: a setting that does not exist, or a bad value.
    """
    family: dict[str, Any] = next((FAMILIES[start] for start in FAMILIES if env_id.startswith(start)), {})
    known = {"env_id": env_id, **PRESETS.get(env_id, family)}
    if "env_args" in known and isinstance(overrides.get("env_args"), Mapping):
        overrides["env_args"] = Arguments(known["env_args"]).merged(overrides["env_args"])
    return DQNConfig.from_dict({**known, **overrides})


def names_of_presets() -> str:
    """Which environments have a preset, in a few words; those with a common prefix are named once: ``MinAtar/...``."""
    names = [f"{env_id.partition('/')[0]}/..." if "/" in env_id else env_id for env_id in (*PRESETS, *FAMILIES)]
    return ", ".join(dict.fromkeys(names))
