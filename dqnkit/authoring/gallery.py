"""Small animations of trained agents for the README, one for each task of the last lesson.

    python -m dqnkit.authoring.gallery               # all; some minutes on one core
    python -m dqnkit.authoring.gallery pendulum

Each agent is trained with its preset and seed 0, and its first greedy episode is recorded.
"""

from __future__ import annotations

import click

from dqnkit.course_folder import find_notebooks
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.videos import record_video

TASKS = {
    "pendulum": "InvertedPendulum-v5",
    "motorway": "highway-fast-v0",
    "breakout": "MinAtar/Breakout-v1",
    "door": "MiniGrid-DoorKey-5x5-v0",
}
SHORTER = {"breakout": {"total_steps": 300_000}}  # as in the lesson
WIDTH, FRAMES = 240, 120  # pixels, pictures at most
LARGEST = 1_000_000  # bytes


def animate(name: str) -> int:
    """Train one agent and write its animation to the pictures of the course; return its size in bytes."""
    config = preset(TASKS[name], **SHORTER.get(name, {}))
    for status in train(config):
        weights = status.weights
    path = find_notebooks() / "pictures" / f"{name}.gif"
    record_video(weights, config, path, seed=1_000, max_frames=FRAMES, width=WIDTH)
    size = path.stat().st_size
    if size > LARGEST:
        raise click.ClickException(f"{path.name} has {size:,} bytes, and at most {LARGEST:,} are wanted: lower FRAMES")
    return size


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*TASKS]))
def main(names: tuple[str, ...]) -> None:
    """Train and record the agents NAMES; all of them unless some are given."""
    for name in names or TASKS:
        click.echo(f"{name}: {animate(name):,} bytes")


if __name__ == "__main__":
    main()
