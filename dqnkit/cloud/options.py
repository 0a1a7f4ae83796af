"""From the options of `make_cluster` to an order: fills in what was left out, and checks all before it costs money."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import dask
import dask_cloudprovider.config

from dqnkit.cloud.order import Order, missing_in_image
from dqnkit.cloud.prices import affordable_seconds, estimate
from dqnkit.cloud.settings import seconds
from dqnkit.cluster.package import mismatch, stock_image, versions_here
from dqnkit.cluster.time_spans import time_span
from dqnkit.errors import ConfigError

OPTIONS = ("machine", "scheduler_machine", "spot", "budget", "lifetime", "idle_timeout", "image", "pip_packages")
LEAST_SECONDS = 300.0  # for lifetime and idle time-out: a shorter time could end before the workers have booted


def make_order(
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
    """A complete and checked order.

    Args:
        cloud: one of `dqnkit.cloud.CLOUDS`.
        n_workers: machines for workers; the scheduler gets one more.
        threads_per_worker: 0: as many as the machine has virtual CPUs.
        reach: the address or network that may connect to the scheduler's port.
        machine, scheduler_machine: machine types from the price table.
        spot: workers on spot machines: cheaper, but the cloud may take them back; then others are ordered.
        budget: US dollars. The lifetime is shortened to what the budget can pay.
        lifetime: time after which every machine ends, like ``"2 hours"``, or seconds.
        idle_timeout: time without work after which the scheduler ends, and then all machines.
        image: of the container. Default: Dask's own image with the Dask and Python versions of this process.
        pip_packages: installed in the container when it starts. Default: Gymnasium, in the version of this process.

    Raises:
        ConfigError: a value is out of range, has no price, does not match the versions of this process, or the budget
            pays for a few minutes only.
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
        lifetime=seconds("lifetime") if lifetime is None else time_span("lifetime", lifetime),
        idle_timeout=seconds("idle-timeout") if idle_timeout is None else time_span("idle_timeout", idle_timeout),
        image=image,
        pip_packages=missing_in_image() if pip_packages is None else tuple(pip_packages),
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


def split(options: dict[str, Any], provider_options: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options for `make_order`, and those for dask-cloudprovider's cluster class, which takes `provider_options`.

    Raises:
        ConfigError: an option belongs to neither.
    """
    ours = {name: value for name, value in options.items() if name in OPTIONS}
    theirs = {name: value for name, value in options.items() if name not in OPTIONS}
    if unknown := sorted(set(theirs) - set(provider_options)):
        raise ConfigError(
            f"there is no option {', '.join(unknown)}. Known are reach, progress, {', '.join(OPTIONS)}, and of the "
            f"provider {', '.join(sorted(provider_options))}"
        )
    return ours, theirs


def configured(provider: str, name: str) -> Any:
    """A setting of dask-cloudprovider (``ec2`` or ``gcp``) that the reader has changed; None if it has its default."""
    default = dask_cloudprovider.config.defaults["cloudprovider"][provider].get(name)
    value = dask.config.get(f"cloudprovider.{provider}.{name}", default)
    return value if value != default else None


def check_image(image: str) -> None:
    """Check, before anything is paid for, that one of Dask's own images has the Python and Dask of this process.

    Raises:
        ConfigError: it has other versions; the message says which image to take.
    """
    if found := re.fullmatch(r"daskdev/dask:([\d.]+)-py([\d.]+)", image):
        ours = versions_here()
        if trouble := mismatch(ours, {**ours, "distributed": found[1], "Python": found[2]}):
            raise ConfigError(f"the image {image} {trouble}")
