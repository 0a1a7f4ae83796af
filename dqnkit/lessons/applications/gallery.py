"""Agents that were trained for a whole run, as small animations: `python -m dqnkit.authoring.gallery` makes them."""

from __future__ import annotations

from pathlib import Path

from dqnkit.course_folder import find_notebooks
from dqnkit.videos import Animation

SHOWN = {  # file -> title and description
    "pendulum": ("robot", "a pole on a cart stays upright"),
    "cheetah": ("robot of six joints", "half a cheetah runs"),
    "motorway": ("driving", "a car overtakes others on three lanes"),
    "breakout": ("game", "a paddle returns a ball, which breaks bricks"),
    "door": ("key", "an agent takes a key, opens a door and walks to the goal"),
}


def animation_path(name: str) -> Path:
    """Where the animation of a task lies, among the pictures of the course."""
    return find_notebooks() / "pictures" / f"{name}.gif"


def trained_agents() -> dict[str, Animation]:
    """Title -> the first greedy episode of an agent trained with the settings of the lesson."""
    return {title: Animation(animation_path(name), words) for name, (title, words) in SHOWN.items()}
