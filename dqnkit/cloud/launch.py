"""The steps around the start of every cluster: dry run, estimate and confirmation, and removal at its end."""

from __future__ import annotations

import asyncio
import atexit
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from distributed.security import Security

from dqnkit.cloud import boot
from dqnkit.cloud.clock import paid_seconds
from dqnkit.cloud.leftovers import tags
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
Remove = Callable[[], object]  # removes everything of one cluster from the cloud
ANSWER_SECONDS = 30.0  # at the end, for requests for machines that the cloud has not answered yet


@dataclass
class Launch:
    """One attempt to start a cluster; it exists before the first machine, and knows all that is needed to clean up."""

    order: Order
    progress: Progress
    place: str = ""  # Amazon's region or Google's project
    owner: str = ""  # who the cloud says that we are
    shuts_down: bool = True  # each machine ends itself; False where the cloud has to delete it
    simulated: bool = False  # the cloud is a simulated one: every line says so
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    security: Security = field(default_factory=temporary_security)
    abandoned: threading.Event = field(default_factory=threading.Event)  # set: ask for no more machines

    def __post_init__(self) -> None:
        self.cluster: CloudCluster | None = None  # set by its constructor, before any machine is asked for
        self.ended = False  # nothing is left of it
        self.ending = threading.Lock()  # held by whoever takes it down
        self.unanswered: set[asyncio.Task[Any]] = set()  # requests for machines
        self.meter = Meter(self.order.budget, simulated=self.simulated)
        self.start_lifetime()

    def start_lifetime(self) -> None:
        """Count the lifetime from now on."""
        self._ends = paid_seconds() + self.order.lifetime
        self.ends = time.time() + self.order.lifetime  # the same moment for people and for other computers
        self.tags = tags(self.id, self.ends, self.owner)

    def say(self, line: str) -> None:
        """Report progress. An error in the reader's function must not keep machines from being removed."""
        with suppress(Exception):
            self.progress(self.marked(line))

    def marked(self, text: str) -> str:
        """The text, with SIMULATED in each line where the cloud is a simulated one."""
        if not self.simulated:
            return text
        return "\n".join(line if "SIMULATED" in line else f"SIMULATED: {line}" for line in text.splitlines())

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

    def left(self) -> float:
        """Seconds until the cluster's lifetime is over; below 0 after it."""
        return self._ends - paid_seconds()

    def remaining(self) -> float:
        """Seconds that a machine that starts now may run: until the lifetime is over, but at least a minute."""
        return max(60.0, self.left())

    def may_still_run(self) -> str:
        """That machines may still cost money, until when, and the command that ends them."""
        command = f"dqnkit cloud stop {self.id} --cloud {self.order.cloud} --place {self.place}"
        ends = time.strftime("%H:%M", time.localtime(self.ends))
        return (
            f"Machines of cluster {self.id} may still run and cost money. To end them: {command} (by themselves they "
            f"end at {ends})"
        )


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
    return DryRun(launch.order, launch.marked(str(estimate(launch.order))), scheduler, worker, lacking)


def confirm_cost(launch: Launch, confirm: Confirm | None) -> None:
    """Report what a launch may cost and, if there is a function for it, ask whether to go on.

    Raises:
        ConfigError: a boot script is too long.
        ClusterError: the answer was no; nothing has started.
    """
    launch.scripts()
    text = f"cluster {launch.id} on {launch.order.cloud}, {launch.place}, at most:\n{estimate(launch.order)}"
    launch.say(text)
    if confirm is not None and not confirm(launch.marked(text)):
        raise ClusterError("it was not confirmed: nothing has started, and nothing is to be paid")
    launch.start_lifetime()


Made = TypeVar("Made", bound="CloudCluster")


def start_or_remove(launch: Launch, make: Callable[[], Made], remove: Remove) -> Made:
    """Make a cluster and wait until it is ready. After any error, Ctrl-C included, remove what has started.

    Raises:
        ClusterError: it could not be started; or it could not be removed either, and the message has the command.
    """
    at_exit = partial(_remove_at_exit, launch, remove)
    atexit.register(at_exit)
    try:
        cluster = make()
        cluster.wait_for_workers()
    except BaseException as error:
        # Dask has wrapped an error of ours in one of its own
        cause = error.__cause__ if isinstance(error.__cause__, DQNKitError) else error
        launch.abandoned.set()
        launch.say("it could not be started: what has started is taken down")
        try:
            launch.cluster.close() if launch.cluster is not None else take_down(launch, remove)
        except ClusterError as refused:
            raise ClusterError(
                f"{str(cause) or type(cause).__name__}. Then it was not taken down: {refused}"
            ) from error
        atexit.unregister(at_exit)  # only now: until here, the end of the program would try again
        if cause is error:
            raise
        raise cause from error
    return cluster


def take_down(launch: Launch, remove: Remove) -> None:
    """Remove everything of a launch from the cloud, check that it is gone, and report what it has cost.

    It may be called again after an error, and from several threads; where nothing is left it does nothing.

    Raises:
        ClusterError: the cloud refused; the message has the command that tries again.
    """
    launch.abandoned.set()
    with launch.ending:
        if launch.ended:
            return
        try:
            _remove_all(launch, remove)
        except ClusterError as error:
            raise ClusterError(f"{error}. {launch.may_still_run()}") from error
        except BaseException:  # Ctrl-C
            launch.say(f"interrupted. {launch.may_still_run()}")
            raise
        launch.meter.all_ended()
        launch.ended = True
    launch.say(f"cluster {launch.id}: nothing of it is left; about ${launch.meter.spent():.4f} in all")


def _remove_all(launch: Launch, remove: Remove) -> None:
    """Remove what is there until nothing is, and no request for a machine could still make one."""
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        asked = len(launch.unanswered)  # before the look: what is answered now is seen
        remove()
        if not asked:
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"the cloud has not answered {asked} requests for a machine, which may still start")
        time.sleep(0.2)


def _remove_at_exit(launch: Launch, remove: Remove) -> None:
    """When the program ends, remove a cluster that nobody has closed. Dask cannot: by then its threads are gone.

    Nothing comes after it that could report an error, so it writes the last line itself, whatever interrupts it.
    """
    if launch.ended:
        return
    launch.say(f"cluster {launch.id} was not closed: it is taken down now")
    try:
        take_down(launch, remove)
    except BaseException as error:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more Ctrl-C would write a traceback below this line
        text = str(error) if isinstance(error, ClusterError) else launch.may_still_run()
        with suppress(OSError, ValueError):  # nobody listens any more
            print(f"\ndqnkit: {launch.marked(text)}", file=sys.stderr, flush=True)
