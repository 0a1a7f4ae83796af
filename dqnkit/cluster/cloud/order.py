"""What is asked of a cloud: how many machines of which kind, for how long, for how much, reachable from where."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

import dask
import gymnasium
from dask.utils import parse_timedelta

from dqnkit.cluster.package import stock_image
from dqnkit.errors import ConfigError

# Settings of Dask's configuration: in a file of ~/.config/dask, or as DASK_DQNKIT__CLOUD__LIFETIME and the like.
DEFAULTS = {
    "dqnkit": {
        "cloud": {
            "lifetime": "2 hours",  # then the machines end themselves, whatever happens here
            "idle-timeout": "10 minutes",  # without work, after which the scheduler ends, and with it all machines
            "request-timeout": "2 minutes",  # for what the cloud's API is asked to do
            "boot-timeout": "10 minutes",  # from the request to a machine's Dask process
            "prices": None,  # a file that replaces the table that comes with the kit
        }
    }
}
CLOUDS = ("aws", "gcp")


def setting(name: str) -> Any:
    """A setting of Dask's configuration, like ``dqnkit.cloud.lifetime``; the kit's own where nobody has set it."""
    dask.config.update_defaults(DEFAULTS)
    return dask.config.get(f"dqnkit.cloud.{name}")


def seconds(name: str) -> float:
    """A setting that is a time, like ``10 minutes``, in seconds."""
    return float(parse_timedelta(setting(name)))


def gymnasium_here() -> tuple[str, ...]:
    """What the stock image lacks, as pip takes it."""
    return (f"gymnasium=={gymnasium.__version__}",)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked of a cloud.

    Raises:
        ConfigError: a number is out of range, or the cluster would be open to the world.
    """

    cloud: str  # one of CLOUDS
    machine: str  # the type of each worker's machine, as the cloud names it
    scheduler_machine: str
    n_workers: int  # machines, each with one worker process
    threads_per_worker: int = 1  # 0: as many as the machine has virtual CPUs
    reach: str  # from where the scheduler can be reached: one address or network, like 203.0.113.7/32
    spot: bool = False  # workers on spare machines, which are cheaper and may be taken back at any time
    budget: float | None = None  # US dollars
    lifetime: float = field(default_factory=lambda: seconds("lifetime"))  # seconds
    idle_timeout: float = field(default_factory=lambda: seconds("idle-timeout"))  # seconds
    image: str = field(default_factory=stock_image)
    pip_packages: tuple[str, ...] = field(default_factory=gymnasium_here)  # installed in each container when it starts

    def __post_init__(self) -> None:
        if self.cloud not in CLOUDS:
            raise ConfigError(f"there is no cloud {self.cloud!r}: expected one of {', '.join(CLOUDS)}")
        if self.n_workers < 0 or self.threads_per_worker < 0:
            raise ConfigError("n_workers and threads_per_worker must be at least 0")
        if self.budget is not None and self.budget <= 0:
            raise ConfigError(f"a budget is an amount of US dollars above 0, not {self.budget}")
        if not 0 < self.idle_timeout <= self.lifetime:
            raise ConfigError(
                f"the lifetime ({self.lifetime:.0f} s) must be at least the idle time-out ({self.idle_timeout:.0f} s)"
            )
        try:
            network = ipaddress.ip_network(self.reach)
        except ValueError as error:
            raise ConfigError(f"reach must be an address or a network like 203.0.113.7/32: {error}") from error
        if network.prefixlen == 0:
            raise ConfigError("reach must not be the whole world: give your own address, like 203.0.113.7/32")
