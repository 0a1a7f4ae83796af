"""A sign on whatever the lesson says of machines that are simulated."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from dqnkit.cluster.security import is_loopback


def sign() -> str:
    """Return "SIMULATED: " while Amazon's libraries call a simulated cloud on this computer, else nothing."""
    host = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname
    return "SIMULATED: " if host and is_loopback(host) else ""


def say(text: str) -> None:
    """Print text, with the sign before each line that lacks it."""
    for line in text.splitlines():
        print(line if "SIMULATED" in line else f"{sign()}{line}")
