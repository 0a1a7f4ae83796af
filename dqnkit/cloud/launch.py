"""The steps around the start of every cluster: dry run, estimate and confirmation, and removal after an error."""

from __future__ import annotations

import atexit
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from distributed.security import Security

from dqnkit.cloud import boot
from dqnkit.cloud.leftovers import Leftover, tags
from dqnkit.cloud.meter import Meter
from dqnkit.cloud.order import Order
from dqnkit.cloud.prices import estimate
from dqnkit.cloud.settings import seconds
from dqnkit.cluster.security import temporary_security
from dqnkit.errors import ClusterError, DQNKitError

if TYPE_CHECKING:
    from dqnkit.cloud.machines import CloudCluster

Progress = Callable[[str], None]
Confirm = Callable[[str], bool]  # what it may cost -> whether to go on
Remove = Callable[[], list[Leftover]]  # removes everything of one cluster from the cloud; what that was


@dataclass
class Launch:
    """One attempt to start a cluster; it exists before the first machine, and knows all that is needed to clean up."""

    order: Order
    progress: Progress
    place: str = ""  # Amazon's region or Google's project
    shuts_down: bool = True  # each machine ends itself; False where the cloud has to delete it
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    security: Security = field(default_factory=temporary_security)
    abandoned: threading.Event = field(default_factory=threading.Event)  # set: ask for no more machines

    def __post_init__(self) -> None:
        self.cluster: CloudCluster | None = None  # set by its constructor, before any machine is asked for
        self.ended = False  # nothing is left of it
        self.meter = Meter(self.order.budget)
        self.start_lifetime()

    def start_lifetime(self) -> None:
        """Count the lifetime from now on."""
        self.ends = time.time() + self.order.lifetime
        self.tags = tags(self.id, self.ends)

    def say(self, line: str) -> None:
        """Report progress. An error in the reader's function must not keep machines from being removed."""
        with suppress(Exception):
            self.progress(line)

    def scripts(self) -> tuple[str, str]:
        """The boot scripts of the scheduler's machine and of a worker's, with a placeholder for the address.

        Raises:
            ConfigError: a script is too long for a cloud.
        """
        order = self.order
        scheduler = self.script("scheduler", boot.scheduler_command(order.idle_timeout))
        address, name = f"tls://ADDRESS-OF-SCHEDULER:{boot.PORT}", f"dask-{self.id}-worker-12345678"
        patience = seconds("boot-timeout")
        worker = self.script("worker", boot.worker_command(address, name, order.threads_per_worker, patience))
        return scheduler, worker

    def script(self, role: str, command: list[str]) -> str:
        """The boot script of the machine of a ``"scheduler"`` or ``"worker"``."""
        return boot.script(
            image=self.order.image,
            command=command,
            settings=boot.settings(self.security, role),
            pip_packages=self.order.pip_packages,
            lifetime=self.remaining(),
            shuts_down=self.shuts_down,
        )

    def remaining(self) -> float:
        """Seconds until the cluster's lifetime is over, also for a machine that starts now; at least a minute."""
        return max(60.0, self.ends - time.time())


@dataclass(frozen=True)
class DryRun:
    """What would be started, and for how much."""

    order: Order
    estimate: str  # a table
    scheduler_script: str  # what its machine runs when it boots
    worker_script: str
    lacking: list[str]  # permissions that the account does not have


def dry_run(launch: Launch, lacking: list[str]) -> DryRun:
    """What a launch would start, and for how much, in an account that lacks these permissions."""
    scheduler, worker = map(boot.without_keys, launch.scripts())
    return DryRun(launch.order, str(estimate(launch.order)), scheduler, worker, lacking)


def confirm_cost(launch: Launch, confirm: Confirm | None) -> None:
    """Report what a launch may cost and, if there is a function for it, ask whether to go on.

    Raises:
        ConfigError: a boot script is too long.
        ClusterError: the answer was no; nothing has started.
    """
    launch.scripts()
    text = f"cluster {launch.id} on {launch.order.cloud}, {launch.place}, at most:\n{estimate(launch.order)}"
    launch.say(text)
    if confirm is not None and not confirm(text):
        raise ClusterError("it was not confirmed: nothing has started, and nothing is to be paid")
    launch.start_lifetime()


Made = TypeVar("Made", bound="CloudCluster")


def start_or_remove(launch: Launch, make: Callable[[], Made], remove: Remove) -> Made:
    """Make a cluster and wait until it is ready. After any error, Ctrl-C included, remove what has started.

    Raises:
        ClusterError: it could not be started.
    """
    at_exit = partial(_remove_at_exit, launch, remove)
    atexit.register(at_exit)
    try:
        cluster = make()
        cluster.wait_for_workers()
    except BaseException as error:
        launch.abandoned.set()
        launch.say("it could not be started: what has started is taken down")
        try:
            if launch.cluster is not None:
                launch.cluster.close()
        finally:
            atexit.unregister(at_exit)
            take_down(launch, remove)
        if isinstance(error.__cause__, DQNKitError):  # Dask has wrapped it in an error of its own
            raise error.__cause__ from error
        raise
    return cluster


def take_down(launch: Launch, remove: Remove) -> None:
    """Remove everything of a launch from the cloud, check that it is gone, and report what it has cost.

    Raises:
        ClusterError: the cloud refused; the message has the command that tries again.
    """
    launch.abandoned.set()
    try:
        removed = remove()
    except ClusterError as error:
        again = f"dqnkit cloud stop {launch.id} --cloud {launch.order.cloud} --place {launch.place}"
        ends = time.strftime("%H:%M", time.localtime(launch.ends))
        raise ClusterError(f"{error}. Try again: {again}. By themselves the machines end at {ends}") from error
    launch.ended = True
    for each in removed:
        launch.meter.ended(each.id)
    launch.say(f"cluster {launch.id}: nothing of it is left; about ${launch.meter.spent():.4f} in all")


def _remove_at_exit(launch: Launch, remove: Remove) -> None:
    """When the program ends, remove a cluster that nobody has closed. Dask cannot: by then its threads are gone."""
    if not launch.ended:
        take_down(launch, remove)
