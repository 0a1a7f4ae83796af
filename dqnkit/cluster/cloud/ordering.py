"""An order made of what the reader says: the rest is filled in, and all is checked before it costs anything."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dask
import dask_cloudprovider.config
from dask.utils import parse_timedelta

from dqnkit.cluster.cloud.order import Order, gymnasium_here, seconds
from dqnkit.cluster.cloud.prices import affordable_seconds, estimate
from dqnkit.cluster.package import mismatch, stock_image, versions_here
from dqnkit.errors import ConfigError

OPTIONS = ("machine", "scheduler_machine", "spot", "budget", "lifetime", "idle_timeout", "image", "pip_packages")
LEAST_SECONDS = 300.0  # of a lifetime and an idle time-out: less is over before the workers are there


@dataclass(frozen=True)
class DryRun:
    """What would be started, and for how much."""

    order: Order
    estimate: str  # a table
    scheduler_script: str  # what its machine runs when it starts
    worker_script: str
    lacking: list[str]  # what the account does not allow; empty where it allows all


def place(
    cloud: str,
    n_workers: int,
    threads_per_worker: int,
    *,
    reach: str,
    machine: str,
    scheduler_machine: str,
    spot: bool = False,
    budget: float | None = None,
    lifetime: str | float | None = None,
    idle_timeout: str | float | None = None,
    image: str | None = None,
    pip_packages: Sequence[str] | None = None,
) -> Order:
    """An order that can be filled.

    Args:
        cloud: one of `dqnkit.cluster.cloud.order.CLOUDS`.
        n_workers: machines, beside the scheduler's.
        threads_per_worker: 0: as many as the machine has virtual CPUs.
        reach: the address or network from which the scheduler's port can be reached.
        machine, scheduler_machine: types, of those in the price table.
        spot: workers on spare machines: cheaper, and taken back when the cloud needs them; others are then ordered.
        budget: US dollars. The machines get a lifetime that it can pay.
        lifetime: after which every machine ends itself, like ``"2 hours"``, or seconds.
        idle_timeout: without work, after which the scheduler and then all machines end themselves.
        image: of the container; the one of Dask's makers with this Dask and this Python unless given.
        pip_packages: installed in it when it starts; Gymnasium, in the version here, unless given.

    Raises:
        ConfigError: something is out of range, has no price or does not go with what runs here, or the budget lasts
            for less than some minutes.
    """
    image = image or stock_image()
    check_image(image)
    order = Order(
        cloud=cloud,
        machine=machine,
        scheduler_machine=scheduler_machine,
        n_workers=n_workers,
        threads_per_worker=threads_per_worker,
        reach=reach,
        spot=spot,
        budget=budget,
        lifetime=seconds("lifetime") if lifetime is None else float(parse_timedelta(lifetime)),
        idle_timeout=seconds("idle-timeout") if idle_timeout is None else float(parse_timedelta(idle_timeout)),
        image=image,
        pip_packages=gymnasium_here() if pip_packages is None else tuple(pip_packages),
    )
    if order.idle_timeout < LEAST_SECONDS:
        raise ConfigError(
            f"machines need minutes to start, in which the scheduler is idle: idle_timeout must be at least "
            f"{LEAST_SECONDS:.0f} s, not {order.idle_timeout:.0f} s"
        )
    lasts = affordable_seconds(order)
    if lasts < LEAST_SECONDS:
        raise ConfigError(
            f"a budget of ${budget:.2f} lasts for {lasts:.0f} s, and machines need minutes to start. Fewer or cheaper "
            f"machines, spot=True, or a larger budget:\n{estimate(order)}"
        )
    return replace(order, lifetime=lasts, idle_timeout=min(order.idle_timeout, lasts))


def split(options: dict[str, Any], taken: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Options for `place`, and those that the provider's own class takes.

    Raises:
        ConfigError: one is of neither.
    """
    ours = {name: value for name, value in options.items() if name in OPTIONS}
    theirs = {name: value for name, value in options.items() if name not in OPTIONS}
    if unknown := sorted(set(theirs) - set(taken)):
        raise ConfigError(
            f"there is no option {', '.join(unknown)}. Known are reach, progress, {', '.join(OPTIONS)}, and of the "
            f"provider {', '.join(sorted(taken))}"
        )
    return ours, theirs


def configured(provider: str, name: str) -> Any:
    """What the reader has set for dask-cloudprovider's ``ec2`` or ``gcp``; nothing where its own default stands."""
    default = dask_cloudprovider.config.defaults["cloudprovider"][provider].get(name)
    value = dask.config.get(f"cloudprovider.{provider}.{name}", default)
    return value if value != default else None


def check_image(image: str) -> None:
    """See, before anything is paid, that an image of Dask's makers has the Python and the Dask that run here.

    Raises:
        ConfigError: it has others, and which image to take.
    """
    if found := re.fullmatch(r"daskdev/dask:([\d.]+)-py([\d.]+)", image):
        ours = versions_here()
        if trouble := mismatch(ours, {**ours, "distributed": found[1], "Python": found[2]}):
            raise ConfigError(f"the image {image} {trouble}")
