"""Tests that fail if anything connects beyond this computer: the process itself, and those of simulated machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dqnkit.cloud.simulated.aws import SimulatedCloud, simulated_aws
from dqnkit.cloud.simulated.sandbox import stay_on_the_loopback


@contextmanager
def only_loopback() -> Iterator[None]:
    """Let every attempt of this process to leave the loopback raise an error, and fail at the end if there was one."""
    attempts: list[str] = []
    undo = stay_on_the_loopback(attempts.append)
    try:
        yield
    finally:
        undo()
    assert not attempts, attempts  # whoever made one may have caught the error


@contextmanager
def guarded_aws(**options: Any) -> Iterator[SimulatedCloud]:
    """A simulated cloud from which, and from this process, nothing leaves the loopback."""
    with only_loopback(), simulated_aws(**options) as cloud:
        yield cloud
        assert not cloud.violations(), cloud.violations()
