"""Recorded runs: what several seeds of one setting gave, as small files that ship with the kit.

One run proves little, so the notebooks draw a learning curve over the band of some recorded ones. A recording says
how it was made: settings, seeds, versions and command. It is made again, after a change of its entry in `PLANS`, by

    python -m dqnkit.classroom.recordings NAME
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import dqnkit
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.types import Array, TrainStatus

DATA = Path(dqnkit.__file__).parent / "data"
POINTS = 100  # of a recorded curve
MEASURES = ("episode_return", "mean_max_q")  # fields of TrainStatus that are recorded
PACKAGES = ("numpy", "gymnasium", "tensorflow", "tensorflow-cpu", "keras")


@dataclass(frozen=True)
class Plan:
    """What a recording is made of."""

    config: DQNConfig
    seeds: Sequence[int]


# Name -> how it is made. The name begins with the notebook that draws it.
PLANS: dict[str, Plan] = {}

# 04: the DQN of the notebook on CartPole. The same without a target network: period 1 copies it after every update.
CARTPOLE = preset(
    "CartPole-v1",
    total_steps=120_000,
    hidden_sizes=(64, 64),
    n_step=1,
    double_q=False,
    gamma=0.98,
    learning_rate=3e-3,
    target_period=50,
    epsilon_end=0.02,
)
PLANS |= {
    "04_cartpole": Plan(CARTPOLE, range(8)),
    "04_cartpole_no_target": Plan(replace(CARTPOLE, target_period=1), range(8)),
}

# 05: what each part of a better DQN adds. A short run with few updates, with none of the four parts, with one, with
# all, and with all but one; without XLA, which takes longer to compile than these few updates take to run.
PARTS: dict[str, dict[str, Any]] = {
    "double": {"double_q": True},
    "n_step": {"n_step": 3},
    "prioritized": {"replay": "prioritized"},
    "dueling": {"dueling": True},
}


def with_parts(*parts: str) -> DQNConfig:
    """The settings of 05's short run with some of its `PARTS` switched on."""
    settings = DQNConfig(total_steps=20_000, loss="squared", epsilon_steps=5_000, learning_starts=500, xla=False)
    for part in parts:
        settings = replace(settings, **PARTS[part])
    return settings


def name_of_parts(parts: Collection[str]) -> str:
    """The name of the recording with these parts on, if there is one."""
    left_out = [part for part in PARTS if part not in parts]
    if len(parts) <= 1:
        return "05_" + "".join(parts or ["none"])
    return "05_all" + "".join(f"_but_{part}" for part in left_out)


PLANS |= {
    name_of_parts(parts): Plan(with_parts(*parts), range(5))
    for parts in [
        [],
        *([part] for part in PARTS),
        list(PARTS),
        *([part for part in PARTS if part != left_out] for left_out in PARTS),
    ]
}


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
    path = DATA / f"{name}.json"
    if not path.exists():
        names = ", ".join(sorted(file.stem for file in DATA.glob("*.json"))) or "none"
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


def record(name: str, plan: Plan) -> Recording:
    """Train every seed of a plan and keep its curves."""
    total = plan.config.total_steps
    points = min(POINTS, total)
    steps = np.linspace(total / points, total, points).astype(int)  # [T]
    curves = np.array([_curves(train(replace(plan.config, seed=seed)), steps) for seed in plan.seeds])  # [S, T, 2]
    settings = {setting: value for setting, value in plan.config.to_dict().items() if setting != "seed"}
    command = f"python -m dqnkit.classroom.recordings {name}"
    return Recording(name, settings, list(plan.seeds), steps, curves[:, :, 0], curves[:, :, 1], _versions(), command)


def write_recording(recording: Recording, folder: Path = DATA) -> Path:
    """Write a recording as JSON, one line for each field and each seed."""

    def plain(values: Array) -> Any:
        return [plain(row) for row in values] if values.ndim > 1 else [_short(value) for value in values.tolist()]

    fields = {
        "command": recording.command,
        "versions": recording.versions,
        "settings": recording.settings,
        "seeds": recording.seeds,
        "steps": plain(recording.steps),
        "returns": plain(recording.returns),
        "mean_max_q": plain(recording.mean_max_q),
    }
    lines = [f'"{field}": {json.dumps(value)}'.replace("], [", "],\n[") for field, value in fields.items()]
    path = folder / f"{recording.name}.json"
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return path


def _curves(statuses: Iterator[TrainStatus], steps: Array) -> Array:
    """The measures when training had come to each of these steps ``[T, 2]``."""
    curve: list[list[float]] = []
    last = [float("nan")] * len(MEASURES)
    for status in statuses:
        while len(curve) < len(steps) and status.step > steps[len(curve)]:
            curve.append(last)
        last = [getattr(status, measure) for measure in MEASURES]
    curve += [last] * (len(steps) - len(curve))
    return np.array(curve)


def _short(value: float) -> float | None:
    """Four digits are more than a plot shows; JSON has no NaN."""
    return None if value != value else value if isinstance(value, int) else float(f"{value:.4g}")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "dqnkit": dqnkit.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Record what is named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m dqnkit.classroom.recordings", description="Train the seeds of a plan, keep their curves."
    )
    parser.add_argument("name", choices=sorted(PLANS), nargs="+", help="which recordings to make")
    for name in parser.parse_args(arguments).name:
        recording = record(name, PLANS[name])
        last = ", ".join(f"{value:.0f}" for value in recording.returns[:, -1])
        path = write_recording(recording)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB; mean returns at the end: {last}")


if __name__ == "__main__":
    main()
