"""Record runs: train every seed of a plan and save the learning curves as a small file in the lesson's folder.

    python -m dqnkit.authoring.record target_network/cartpole

The plans are in the modules ``recordings`` of the lessons. After a change to a plan, record it again.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import numpy as np

import dqnkit
from dqnkit.classroom import course
from dqnkit.classroom.recordings import Plan, Recording
from dqnkit.training import train
from dqnkit.types import Array, TrainStatus

MAX_POINTS = 100  # of a recorded curve
MEASURES = ("episode_return", "mean_max_q")  # recorded fields of TrainStatus
PACKAGES = (  # their versions are recorded
    "numpy",
    "gymnasium",
    "tensorflow",
    "tensorflow-cpu",
    "keras",
)


def plans() -> dict[str, Plan]:
    """Return the plans of all recordings of the course: ``"lesson/name"`` -> plan."""
    found: dict[str, Plan] = {}
    for lesson in course.LESSONS:
        if (course.FOLDER / lesson / "recordings.py").exists():
            of_lesson: dict[str, Plan] = import_module(f"dqnkit.lessons.{lesson}.recordings").PLANS
            found |= {f"{lesson}/{name}": plan for name, plan in of_lesson.items()}
    return found


def record(name: str, plan: Plan) -> Recording:
    """Train every seed of a plan and return the curves."""
    total = plan.config.total_steps
    points = min(MAX_POINTS, total)
    steps = np.linspace(total / points, total, points).astype(int)  # [T]
    curves = np.array([_curves(train(replace(plan.config, seed=seed)), steps) for seed in plan.seeds])  # [S, T, 2]
    settings = {setting: value for setting, value in plan.config.to_dict().items() if setting != "seed"}
    command = f"python -m dqnkit.authoring.record {name}"
    return Recording(name, settings, list(plan.seeds), steps, curves[:, :, 0], curves[:, :, 1], _versions(), command)


def write_recording(recording: Recording) -> Path:
    """Write a recording to its lesson's folder as JSON, one line for each field and each seed; return its path."""

    def plain(values: Array) -> Any:
        return [plain(row) for row in values] if values.ndim > 1 else [_rounded(value) for value in values.tolist()]

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
    path = course.recorded_file(recording.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return path


def _curves(statuses: Iterator[TrainStatus], steps: Array) -> Array:
    """Return the measures ``[T, 2]`` when training reached each of these steps ``[T]``."""
    curve: list[list[float]] = []
    last = [float("nan")] * len(MEASURES)
    for status in statuses:
        while len(curve) < len(steps) and status.step > steps[len(curve)]:
            curve.append(last)
        last = [getattr(status, measure) for measure in MEASURES]
    curve += [last] * (len(steps) - len(curve))
    return np.array(curve)


def _rounded(value: float) -> float | None:
    """Return a number with four digits, more than a plot shows; None for NaN, which JSON lacks."""
    return None if value != value else value if isinstance(value, int) else float(f"{value:.4g}")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "dqnkit": dqnkit.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@click.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(sorted(plans())))
def main(names: tuple[str, ...]) -> None:
    """Train the seeds of these plans and keep their curves."""
    for name in names:
        recording = record(name, plans()[name])
        last = ", ".join(f"{value:.0f}" for value in recording.returns[:, -1])
        path = write_recording(recording)
        click.echo(f"{path.name}: {path.stat().st_size / 1000:.0f} kB; mean returns at the end: {last}")


if __name__ == "__main__":
    main()
