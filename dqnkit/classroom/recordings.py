"""Recorded runs: the learning curves of several seeds with the same settings, as small files in the lessons' folders.

One run proves little, so the notebooks draw a learning curve over a band of recorded ones. A recording states how it
was made: settings, seeds, versions and command. A lesson with recordings lists their plans in ``PLANS`` of its module
``recordings``; `dqnkit.authoring.record` makes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dqnkit.classroom.course import recorded_file, recorded_names
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.files import read_object
from dqnkit.types import Array


@dataclass(frozen=True)
class Plan:
    """The settings and the seeds of a recording."""

    config: DQNConfig
    seeds: Sequence[int]


@dataclass(frozen=True)
class Recording:
    """Learning curves of several seeds with the same settings.

    ``low``, ``middle`` and ``high`` make the band to draw: the lowest, median and highest mean return at each step.
    """

    name: str
    settings: dict[str, Any]  # fields of the DQNConfig, without the seed
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
        """The name of the band in a legend."""
        return f"{len(self.seeds)} recorded seeds (lowest, median, highest)"

    @property
    def config(self) -> DQNConfig:
        """The settings as a configuration, with the first of the seeds."""
        return DQNConfig.from_dict({**self.settings, "seed": self.seeds[0]})

    def differences(self, config: DQNConfig) -> dict[str, tuple[Any, Any]]:
        """Return the settings that differ, but for the seed: name -> (recorded value, value in ``config``)."""
        recorded, given = self.config.to_dict(), config.to_dict()
        return {
            name: (recorded[name], value) for name, value in given.items() if name != "seed" and value != recorded[name]
        }


def load_recording(name: str) -> Recording:
    """Read a recording; ``name`` is ``"lesson/name"``.

    Raises:
        ConfigError: there is none of this name; the message lists those there are. Or it is damaged.
    """
    path = recorded_file(name)
    if not path.exists():
        names = ", ".join(recorded_names()) or "none"
        raise ConfigError(f"there is no recording {name!r}; there are: {names}")
    try:
        content = read_object(path)
        for field in ("steps", "returns", "mean_max_q"):
            content[field] = np.array(content[field], dtype=np.float64)  # null becomes NaN
        recording = Recording(name=name, **content)
        if recording.returns.shape != (len(recording.seeds), len(recording.steps)):
            raise ValueError("it does not have a curve for each seed")
        DQNConfig.from_dict({**recording.settings, "seed": recording.seeds[0]})
        return recording
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise ConfigError(f"the recording {path} is damaged ({error}): install the kit again") from error


def band_for(config: DQNConfig, name: str) -> Recording | None:
    """Return the recording if its settings are those of ``config``; else print how they differ and return None."""
    recording = load_recording(name)
    differences = recording.differences(config)
    if not differences:
        return recording
    said = "; ".join(f"{setting} was {then!r}, is {now!r}" for setting, (then, now) in differences.items())
    print(f"No band of recorded seeds is drawn, for they had other settings: {said}.")
    return None
