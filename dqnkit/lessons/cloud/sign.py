"""A sign on whatever the lesson says of machines that are simulated."""

from __future__ import annotations

from dqnkit.cloud.simulated import aws


def sign() -> str:
    """Return "SIMULATED: " while a simulated cloud runs, else nothing."""
    return "SIMULATED: " if aws.running else ""


def say(text: str) -> None:
    """Print text, with the sign before each line that lacks it."""
    for line in text.splitlines():
        print(line if line.startswith("SIMULATED") else f"{sign()}{line}")
