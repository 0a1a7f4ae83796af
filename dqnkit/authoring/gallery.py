"""Small animations of trained agents for the README and the last lesson: its tasks, and a robot of six joints.

    python -m dqnkit.authoring.gallery               # all; some minutes on one core
    python -m dqnkit.authoring.gallery pendulum

Each agent is trained with the settings of the lesson and seed 0, and its first greedy episode is recorded.
"""

from __future__ import annotations

import click

from dqnkit.lessons.applications.gallery import animation_path
from dqnkit.lessons.applications.tasks import TASKS
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.videos import record_video

AGENTS = {
    "pendulum": TASKS["robot"].config,
    "cheetah": preset("HalfCheetah-v5"),
    "motorway": TASKS["driving"].config,
    "breakout": TASKS["game"].config,
    "door": preset("MiniGrid-DoorKey-5x5-v0"),
}
WIDTH, FRAMES = 240, 120  # pixels, pictures at most
LARGEST = 1_000_000  # bytes


def animate(name: str) -> int:
    """Train one agent and write its animation to the pictures of the course; return its size in bytes."""
    config = AGENTS[name]
    for status in train(config):
        weights = status.weights
    path = animation_path(name)
    record_video(weights, config, path, seed=1_000, max_frames=FRAMES, width=WIDTH)
    size = path.stat().st_size
    if size > LARGEST:
        raise click.ClickException(f"{path.name} has {size:,} bytes, and at most {LARGEST:,} are wanted: lower FRAMES")
    return size


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([*AGENTS]))
def main(names: tuple[str, ...]) -> None:
    """Train and record the agents NAMES; all of them unless some are given."""
    for name in names or AGENTS:
        click.echo(f"{name}: {animate(name):,} bytes")


if __name__ == "__main__":
    main()
