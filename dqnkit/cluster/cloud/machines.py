"""What the clusters of all clouds share: limits for every wait, replacements for lost workers, nothing left behind.

Each class here goes before its counterpart of dask-cloudprovider in the bases of a cloud's own:
``class Worker(CloudMachine, EC2Worker)``.
"""

from __future__ import annotations

import asyncio
import atexit
import copy
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn, TypeVar

import dask
from dask_cloudprovider.generic.vmcluster import SchedulerMixin, VMCluster, VMInterface
from distributed.core import Status
from distributed.security import Security
from tornado.ioloop import PeriodicCallback

from dqnkit.cluster.cloud import boot
from dqnkit.cluster.cloud.leftovers import Leftover, tags
from dqnkit.cluster.cloud.meter import Meter
from dqnkit.cluster.cloud.order import Order, seconds
from dqnkit.cluster.cloud.ordering import DryRun
from dqnkit.cluster.cloud.prices import estimate, machine_price
from dqnkit.cluster.package import check_workers, send_package
from dqnkit.cluster.security import temporary_security
from dqnkit.errors import ClusterError, DQNKitError

Progress = Callable[[str], None]
Confirm = Callable[[str], bool]  # what it may cost -> whether to go on

RECONCILE_SECONDS = 5.0  # between two looks at which machines are still there
REPLACEMENTS = 3  # for each worker that was ordered, at most: where all are taken back, buying more does not help
REQUESTS_AT_ONCE = 4  # for machines: clouds grant a few a second, and refuse more
SILENT_SECONDS = 60.0  # for which the scheduler's port may be closed: its machine may outlive it
CLOSE_SECONDS = 20.0  # that workers and scheduler may take to end in order; then their machines are ended
KNOCK_SECONDS = 2.0


@dataclass
class Launch:
    """One attempt to start a cluster, from before its first machine: what is needed to take it all down again."""

    order: Order
    progress: Progress
    place: str = ""  # region or project
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    security: Security = field(default_factory=temporary_security)
    abandoned: threading.Event = field(default_factory=threading.Event)  # set: no more machines

    def __post_init__(self) -> None:
        self.cluster: CloudCluster | None = None  # from its first moment, while its constructor still waits
        self.ended = False  # nothing is left of it
        self.meter = Meter(self.order.budget)
        self.begins()

    def begins(self) -> None:
        """From now on its lifetime counts."""
        self.ends = time.time() + self.order.lifetime
        self.tags = tags(self.id, self.ends)

    def say(self, line: str) -> None:
        """Tell what happens. Whatever becomes of that must not keep machines from being taken down."""
        with suppress(Exception):
            self.progress(line)

    def scripts(self) -> tuple[str, str]:
        """The boot scripts of the scheduler's machine and of a worker's, as they are before anything is known of them.

        Raises:
            ConfigError: they are too long for a cloud.
        """
        order = self.order
        scheduler = self.script("scheduler", boot.scheduler_command(order.idle_timeout))
        address, name = f"tls://ADDRESS-OF-SCHEDULER:{boot.PORT}", f"dask-{self.id}-worker-12345678"
        patience = seconds("boot-timeout")
        worker = self.script("worker", boot.worker_command(address, name, order.threads_per_worker, patience))
        return scheduler, worker

    def script(self, role: str, command: list[str]) -> str:
        """The boot script of a scheduler's or a worker's machine."""
        return boot.script(
            image=self.order.image,
            command=command,
            settings=boot.settings(self.security, role),
            pip_packages=self.order.pip_packages,
            lifetime=self.remaining(),
            ends_itself=self.order.cloud != "gcp",  # there, a machine that shuts down is kept, and its disk paid for
        )

    def remaining(self) -> float:
        """Seconds until the end of the cluster, at which a machine that starts now ends, too."""
        return max(60.0, self.ends - time.time())


class CloudMachine(VMInterface):
    """A machine of a cluster, before its class of dask-cloudprovider."""

    cluster: Any
    role = "worker"

    async def create_vm(self) -> tuple[str, str | None]:
        """Ask for the machine and wait, within a limit, until it has addresses: inside the cloud, and outside.

        Raises:
            ClusterError: the cloud refused, or it took too long, or nobody wants the cluster any more.
        """
        launch: Launch = self.cluster.launch
        limit = seconds("request-timeout")
        try:
            async with self.cluster.requests:
                if launch.abandoned.is_set() or time.time() >= launch.ends:
                    raise ClusterError("the cluster had ended before this machine was asked for")
                addresses = await asyncio.wait_for(self.request(), limit)
        except TimeoutError as error:
            await self.destroy_vm()  # it may be there all the same
            raise ClusterError(f"the cloud did not start the {self.role}'s machine within {limit:.0f} s") from error
        if launch.abandoned.is_set():
            await self.destroy_vm()
            raise ClusterError("the cluster was given up while this machine started")
        order = launch.order
        machine = order.scheduler_machine if self.role == "scheduler" else order.machine
        launch.meter.started(self.machine_id, machine_price(order.cloud, machine, order.spot and self.role == "worker"))
        launch.say(f"{self.role}: machine {self.machine_id} ({machine}) starts")
        return addresses

    async def request(self) -> tuple[str, str | None]:
        """Ask for the machine; its two addresses."""
        raise NotImplementedError

    @property
    def machine_id(self) -> str:
        """As the cloud names it."""
        raise NotImplementedError

    async def destroy_vm(self) -> None:
        """Ask the cloud to end the machine."""
        raise NotImplementedError

    async def close(self) -> None:
        """End the machine, and what it costs."""
        await VMInterface.close(self)  # that of `GCPInstance` would not say that it is closed
        self.cluster.meter.ended(self.machine_id)


class CloudScheduler(CloudMachine):
    """The scheduler's machine."""

    role = "scheduler"
    address: str
    external_address: str | None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.command = boot.scheduler_command(self.cluster.order.idle_timeout)

    def place(self) -> tuple[str, int]:
        """Address and port at which it is reached from here."""
        host, _, port = (self.external_address or self.address).rpartition("//")[2].rpartition(":")
        return host, int(port)

    async def wait_for_scheduler(self) -> None:
        """Wait until the scheduler's port can be reached from here.

        Raises:
            ClusterError: it could not within the limit, or the machine has ended; with likely causes.
        """
        launch: Launch = self.cluster.launch
        limit, began, looked = seconds("boot-timeout"), time.monotonic(), time.monotonic()
        host, port = self.place()
        launch.say(f"scheduler: boots, and fetches the image {launch.order.image} (up to {limit / 60:.0f} minutes)")
        while not await asyncio.to_thread(is_open, host, port):
            if time.monotonic() - looked > RECONCILE_SECONDS / 2:
                looked = time.monotonic()
                if await asyncio.to_thread(self.cluster.gone, [self.machine_id]):
                    raise ClusterError(f"the scheduler's machine has ended by itself. Likely: {ended(launch.order)}")
            if time.monotonic() - began > limit:
                raise ClusterError(
                    f"the scheduler could not be reached at {host}:{port} within {limit:.0f} s. Likely: your address "
                    f"is no longer in {launch.order.reach}, to which its port is open (a VPN?); your own network lets "
                    f"no connection out to port {port} (Binder's does not); or the machine has no way to the "
                    "internet, from which it fetches Docker and the image"
                )
            await asyncio.sleep(0.2)
        launch.say(f"scheduler: up at {host}:{port}")


class CloudWorker(CloudMachine):
    """A worker's machine."""

    def __init__(self, scheduler: str, *arguments: Any, **options: Any) -> None:
        super().__init__(scheduler, *arguments, **options)
        threads, patience = self.cluster.order.threads_per_worker, seconds("boot-timeout")
        self.command = boot.worker_command(scheduler, self.name, threads, patience)


def ended(order: Order) -> str:
    """Why a machine may have ended before its time."""
    return (
        f"there is no image {order.image}; its Python or Dask failed at the start (a package that does not exist among "
        f"{', '.join(order.pip_packages) or 'none'}?); or, if it is a spot machine, it was taken back"
    )


def is_open(host: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((host, port), KNOCK_SECONDS).close()
    except OSError:
        return False
    return True


class CloudCluster(VMCluster):
    """A cluster of one cloud, before its class of dask-cloudprovider.

    Attributes:
        launch: its order, tags and certificates.
    """

    workers: dict[Any, Any]
    worker_spec: dict[Any, Any]
    scheduler: Any
    scheduler_comm: Any
    scheduler_info: dict[str, Any]
    status: Status

    def __init__(self, launch: Launch, **options: Any) -> None:
        self.launch = launch
        launch.cluster = self
        self._heard = time.monotonic()  # when the scheduler's port was last seen open
        self._missing: set[str] = set()  # ids of machines, in the last look
        self.requests = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._replacements = REPLACEMENTS * max(1, launch.order.n_workers)
        self._reconciling: PeriodicCallback | None = None
        self._comm = copy.deepcopy(dask.config.get("distributed.comm"))
        super().__init__(  # starts it
            n_workers=launch.order.n_workers,
            security=launch.security,
            docker_image=launch.order.image,
            **options,
        )

    @property
    def order(self) -> Order:
        """What was asked for."""
        return self.launch.order

    @property
    def meter(self) -> Meter:
        """What it has cost so far."""
        return self.launch.meter

    def alive(self) -> set[str]:
        """The ids of the cluster's machines that start or run."""
        raise NotImplementedError

    def gone(self, ids: Iterable[str]) -> set[str]:
        """Those of the machines that were not there in this look, nor in the one before.

        One look is not enough: a cloud's list may lag behind what it has just started.
        """
        missing = set(ids) - self.alive()
        before, self._missing = self._missing, missing
        return missing & before

    def remove(self) -> list[Leftover]:
        """Remove whatever the cloud has of this cluster; what that was."""
        raise NotImplementedError

    def render_process_cloud_init(self, process: Any) -> str:
        """The boot script, for dask-cloudprovider, whose own would hold all of Dask's configuration here."""
        role = "scheduler" if isinstance(process, SchedulerMixin) else "worker"
        return self.launch.script(role, process.command)

    async def _start(self) -> None:
        # dask-cloudprovider has put this cluster's keys there, for every later cluster of this process
        dask.config.set({"distributed.comm": self._comm})
        self.uuid = self.launch.id
        self.quiet = True  # it would print what happens in words of its own
        await super()._start()

    def wait_for_workers(self) -> None:
        """Wait until all workers have come, give them the package and compare versions.

        Raises:
            ClusterError: one did not come within the limit, or cannot do the work; with likely causes.
        """
        limit, began, looked, seen = seconds("boot-timeout"), time.monotonic(), time.monotonic(), -1
        wanted = self.order.n_workers
        while (here := len(self.scheduler_info["workers"])) < wanted:
            if here != seen:
                self.launch.say(f"workers: {here} of {wanted} are there")
                seen = here
            if time.monotonic() - looked > RECONCILE_SECONDS / 2:
                looked = time.monotonic()
                if lost := self.gone([each.machine_id for each in self.workers.values()]):
                    raise ClusterError(f"{len(lost)} machines ended by themselves. Likely: {ended(self.order)}")
            if time.monotonic() - began > limit:
                raise ClusterError(
                    f"{here} of {wanted} workers came within {limit:.0f} s. Likely: their machines cannot reach the "
                    f"scheduler's, have no way to the internet, or fetch slowly: {ended(self.order)}"
                )
            time.sleep(0.1)
        if wanted:
            with self.get_client() as client:
                send_package(client)
                check_workers(client)
        self.launch.say(f"workers: all {wanted} are there; {self.meter.text()}")
        self.sync(self._watch)

    async def _watch(self) -> None:
        """From now on replace workers that are lost."""
        self._heard = time.monotonic()
        self._reconciling = PeriodicCallback(self._reconcile, RECONCILE_SECONDS * 1000)
        self._reconciling.start()

    async def _reconcile(self) -> None:
        """Find the machines that are gone, and order others in their place, up to a limit. Without a scheduler, end."""
        if self._lock.locked() or self.status is not Status.running:  # machines are being started or ended
            return
        machines = {name: worker.machine_id for name, worker in self.workers.items()}
        try:
            gone = await asyncio.to_thread(self.gone, [self.scheduler.machine_id, *machines.values()])
        except ClusterError as error:  # the next look may be luckier
            self.launch.say(f"cannot see which machines are there: {error}")
            return
        if await asyncio.to_thread(is_open, *self.scheduler.place()):
            self._heard = time.monotonic()
        silent = time.monotonic() - self._heard > SILENT_SECONDS
        if silent or self.scheduler.machine_id in gone or time.time() >= self.launch.ends:
            self.launch.say("the cluster has ended (its lifetime, or without work for its idle time-out)")
            await self._close()
            return
        lost = [name for name in self.worker_spec if machines.get(name, "") in {"", *gone}]
        if not lost or self._lock.locked() or self.status is not Status.running:
            return
        for worker in [self.workers.pop(name) for name in lost if name in self.workers]:
            await worker.close()
        again = 0 if self.meter.reached() else min(len(lost), self._replacements)
        self._replacements -= again
        for name in lost[again:]:
            del self.worker_spec[name]
        why = "" if again == len(lost) else " (no more: the limit of replacements, or the budget, is reached)"
        self.launch.say(f"workers: {len(lost)} machines were lost, {again} are replaced{why}")
        try:
            await self._correct_state()
        except ClusterError as error:
            self.launch.say(f"no replacement yet: {error}")

    def scale(self, n: int = 0, **other: Any) -> Any:
        """Have so many workers, as many as were ordered at most: lifetime and budget were reckoned for them.

        Raises:
            ClusterError: there would be more.
        """
        if other or n > self.order.n_workers:
            raise ClusterError(
                f"{self.order.n_workers} workers were ordered, and the lifetime that the budget pays was reckoned for "
                "them: start a larger cluster"
            )
        return super().scale(n)

    def adapt(self, *arguments: Any, **settings: Any) -> NoReturn:
        """Not here.

        Raises:
            ClusterError: always.
        """
        raise ClusterError("a cluster that costs money does not grow by itself: start it as large as it shall be")

    async def _close(self) -> None:
        """End workers, scheduler and machines, and remove what was made for them; in order where that is possible."""
        if self.status is Status.closed:
            return
        self.launch.abandoned.set()
        if self._reconciling:
            self._reconciling.stop()
        try:
            if not await self._scheduler_is_there():
                self.scheduler.status, self.scheduler_comm.timeout = Status.closed, KNOCK_SECONDS
            await asyncio.wait_for(super()._close(), CLOSE_SECONDS)
        except Exception as error:  # of a scheduler that is gone, of an API that refuses: the machines end all the same
            self.launch.say(f"not closed in order ({type(error).__name__}: {error})")
        finally:
            await asyncio.to_thread(take_down, self.launch, self.remove)
            self.status = Status.closed

    async def _scheduler_is_there(self) -> bool:
        """Whether it makes sense to say goodbye to it."""
        if not self.scheduler_comm:  # it never came
            return True
        try:
            return self.scheduler.machine_id in await asyncio.to_thread(self.alive)
        except ClusterError:
            return False


def take_down(launch: Launch, remove: Callable[[], list[Leftover]]) -> None:
    """Remove whatever a cloud has of a launch, see that it is gone, and say what it has cost.

    Raises:
        ClusterError: the cloud refused; with the command that tries again.
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


Made = TypeVar("Made", bound=CloudCluster)


def rehearsed(order: Order, lacking: list[str]) -> DryRun:
    """What an order would start, and for how much, in an account that lacks some permissions."""
    scheduler, worker = map(boot.without_keys, Launch(order, lambda line: None).scripts())
    return DryRun(order, str(estimate(order)), scheduler, worker, lacking)


def announced(launch: Launch, confirm: Confirm | None) -> None:
    """Say what a launch may cost, and ask whether it shall be, where there is somebody to ask.

    Raises:
        ConfigError: the machines' scripts are too long.
        ClusterError: the answer was no; nothing has started.
    """
    launch.scripts()
    text = f"cluster {launch.id} on {launch.order.cloud}, {launch.place}, at most:\n{estimate(launch.order)}"
    launch.say(text)
    if confirm is not None and not confirm(text):
        raise ClusterError("it was not confirmed: nothing has started, and nothing is to be paid")
    launch.begins()


def started(launch: Launch, make: Callable[[], Made], remove: Callable[[], list[Leftover]]) -> Made:
    """Make a cluster and wait until it is ready; if anything goes wrong, Ctrl-C too, take down what has started.

    Raises:
        ClusterError: it could not be started.
    """
    at_exit = partial(_left_at_exit, launch, remove)
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
        if isinstance(error.__cause__, DQNKitError):  # Dask has wrapped it
            raise error.__cause__ from error
        raise
    return cluster


def _left_at_exit(launch: Launch, remove: Callable[[], list[Leftover]]) -> None:
    """At the end of the program take down a cluster that nobody has closed. Dask cannot: by then it has no threads."""
    if not launch.ended:
        take_down(launch, remove)
