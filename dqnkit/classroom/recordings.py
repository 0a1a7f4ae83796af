"""Recorded runs: what several seeds of one setting gave, as small files that ship with the kit.

One run proves little, so the notebooks draw a learning curve over the band of some recorded ones. A recording says
how it was made: settings, seeds, versions and command. A lesson that has some says in its module ``recordings`` how
they are made, `PLANS`; `dqnkit.authoring.record` makes them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqnkit.classroom.course import recorded_file, recorded_names
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.types import Array


@dataclass(frozen=True)
class Plan:
    """What a recording is made of."""

    config: DQNConfig
    seeds: Sequence[int]


@dataclass(frozen=True)
class Recording:
    """Curves of several seeds of one setting.

    ``low``, ``middle`` and ``high`` are the band to draw: the lowest, median and highest mean return at each step.
    """

    name: str
    settings: dict[str, Any]  # of the DQNConfig; its seed does not count
    seeds: list[int]
    steps: Array  # [T] environment steps
    returns: Array  # [S, T] mean return of the last 100 episodes; NaN before the first
    mean_max_q: Array  # [S, T]; NaN before the first update
    versions: dict[str, str]
    command: str

    @property
    def low(self) -> Array:
        """The lowest return of all seeds at each step ``[T]``."""
        return np.min(self.returns, axis=0)

    @property
    def middle(self) -> Array:
        """The median of all seeds at each step ``[T]``."""
        return np.median(self.returns, axis=0)

    @property
    def high(self) -> Array:
        """The highest return of all seeds at each step ``[T]``."""
        return np.max(self.returns, axis=0)

    @property
    def label(self) -> str:
        """What the band is, for a legend."""
        return f"{len(self.seeds)} recorded seeds (lowest, median, highest)"

    @property
    def config(self) -> DQNConfig:
        """The settings as a configuration, with the first of the seeds."""
        return DQNConfig.from_dict({**self.settings, "seed": self.seeds[0]})

    def matches(self, config: DQNConfig) -> bool:
        """Whether ``config`` has the recorded settings, so that its curve may be laid over the band."""
        return not self.differences(config)

    def differences(self, config: DQNConfig) -> dict[str, tuple[Any, Any]]:
        """Settings that are not the recorded ones: name -> (recorded, that of ``config``). The seed does not count."""
        recorded, given = self.config.to_dict(), config.to_dict()
        return {
            name: (recorded[name], value) for name, value in given.items() if name != "seed" and value != recorded[name]
        }


def load_recording(name: str) -> Recording:
    """A recording that ships with the kit.

    Raises:
        ConfigError: there is none of this name; the message lists those there are.
    """
    path = recorded_file(name)
    if not path.exists():
        names = ", ".join(recorded_names()) or "none"
        raise ConfigError(f"there is no recording {name!r}; there are: {names}")
    content = json.loads(path.read_text(encoding="utf-8"))
    for field in ("steps", "returns", "mean_max_q"):
        content[field] = np.array(content[field], dtype=np.float64)  # null becomes NaN
    return Recording(name=name, **content)


def band_for(config: DQNConfig, name: str) -> Recording | None:
    """The recording, if its settings are those of ``config``; else None, and a line that says where they differ."""
    recording = load_recording(name)
    differences = recording.differences(config)
    if not differences:
        return recording
    said = "; ".join(f"{setting} was {then!r}, is {now!r}" for setting, (then, now) in differences.items())
    print(f"No band of recorded seeds is drawn, for they had other settings: {said}.")
    return None
