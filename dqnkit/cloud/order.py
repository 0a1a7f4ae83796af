"""An order for machines: how many of which type, for how long, for how much, reachable from where."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

import gymnasium

from dqnkit.checked_numbers import number, whole_number
from dqnkit.cloud import CLOUDS
from dqnkit.cloud.settings import seconds
from dqnkit.cluster.package import stock_image
from dqnkit.errors import ConfigError


def missing_in_image() -> tuple[str, ...]:
    """The packages that a worker needs and Dask's own image lacks, as pip takes them."""
    return (f"gymnasium=={gymnasium.__version__}",)


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order for one cluster. `dqnkit.cloud.options.make_order` makes it and checks more.

    Raises:
        ConfigError: a number is out of range, or the scheduler could be reached from the whole internet.
    """

    cloud: str  # one of CLOUDS
    machine: str  # the machine type of each worker, as the cloud names it
    scheduler_machine: str
    n_workers: int  # machines, each with one worker process
    threads_per_worker: int = 1  # 0: as many as the machine has virtual CPUs
    reach: str  # the address or network that may connect to the scheduler, like 203.0.113.7/32
    spot: bool = False  # workers on spot machines: cheaper, but the cloud may take them back at any time
    budget: float | None = None  # US dollars
    lifetime: float = field(default_factory=lambda: seconds("lifetime"))  # seconds
    idle_timeout: float = field(default_factory=lambda: seconds("idle-timeout"))  # seconds
    image: str = field(default_factory=stock_image)  # of the container
    pip_packages: tuple[str, ...] = field(default_factory=missing_in_image)  # installed when a container starts

    def __post_init__(self) -> None:
        if self.cloud not in CLOUDS:
            raise ConfigError(f"there is no cloud {self.cloud!r}: expected one of {', '.join(CLOUDS)}")
        for name in ("n_workers", "threads_per_worker"):
            whole_number(name, getattr(self, name), low=0)
        if self.budget is not None:
            number("budget, in US dollars,", self.budget, above=0)
        for name in ("lifetime", "idle_timeout"):
            number(f"{name}, in seconds,", getattr(self, name), above=0)
        if self.idle_timeout > self.lifetime:
            raise ConfigError(
                f"the lifetime ({self.lifetime:.0f} s) must be at least the idle time-out ({self.idle_timeout:.0f} s)"
            )
        try:
            network = ipaddress.ip_network(self.reach)
        except ValueError as error:
            raise ConfigError(f"reach must be an address or a network like 203.0.113.7/32: {error}") from error
        if network.prefixlen == 0:
            raise ConfigError("reach must not be the whole world: give your own address, like 203.0.113.7/32")
