"""Whether a run has room in memory, asked before it begins: a program that takes too much is killed without a word."""

from __future__ import annotations

import math
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import gymnasium as gym
import numpy as np

from dqnkit.config import DQNConfig
from dqnkit.doctor.resources import used_by_container
from dqnkit.errors import ConfigError

GB = 1e9
NUMBERS = 12  # bytes of a transition besides its observations: action, reward, discount
SHARE_TO_WARN = 0.5  # of the free memory


def check_memory(config: DQNConfig, observation_space: gym.Space[Any], root: Path = Path("/")) -> None:
    """Warn where replay will take much of the free memory.

    Raises:
        ConfigError: it will take more than there is.
    """
    needed, free = replay_bytes(config, observation_space), free_memory(root)
    if free is None or needed < SHARE_TO_WARN * free:
        return
    if needed > free:
        fitting = int(config.replay_capacity * SHARE_TO_WARN * free / needed)
        raise ConfigError(
            f"these settings need more memory than there is: lower replay_capacity, to {fitting:,} for instance. "
            f"Replay would grow to {needed / GB:.1f} GB, and {free / GB:.1f} GB are free"
        )
    click.secho(
        f"Replay will grow to {needed / GB:.1f} GB of the {free / GB:.1f} GB of memory that are free; a smaller "
        "--replay-capacity takes less",
        fg="yellow",
        err=True,
    )


def replay_bytes(config: DQNConfig, observation_space: gym.Space[Any]) -> int:
    """What replay will hold when it is full, or at the end of a shorter run."""
    assert observation_space.shape is not None
    item = np.dtype(observation_space.dtype).itemsize
    if config.frame_stack > 1:  # each frame once, and for both observations the numbers of their frames
        observations = item * math.prod(observation_space.shape[1:]) + 2 * 8 * config.frame_stack
    else:
        observations = 2 * item * math.prod(observation_space.shape)
    return min(config.replay_capacity, config.total_steps) * (observations + NUMBERS)


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process may still take, in a container too; None where that is not known."""
    known = []
    if match := re.search(r"^MemAvailable:\s+(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE):
        known.append(1024 * int(match[1]))
    elif find_spec("psutil") is not None:  # not on Linux; it comes with Dask
        import psutil

        known.append(int(psutil.virtual_memory().available))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # control groups of version 2 and 1
        limit = _read(root / "sys/fs/cgroup" / name).strip()
        if limit.isdigit():
            known.append(max(0, int(limit) - used_by_container(root)))
    return min(known, default=None)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
