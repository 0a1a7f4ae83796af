"""What the clusters of both clouds share: time limits for every wait, replacements for lost workers, a clean end.

The classes come before those of dask-cloudprovider among the base classes of each cloud's own:
``class AWSWorker(CloudWorker, AWSMachine, EC2Worker)``.
"""

from __future__ import annotations

import asyncio
import copy
import socket
import time
import warnings
from collections.abc import Iterable
from typing import Any, NoReturn

import dask
from dask_cloudprovider.generic.vmcluster import SchedulerMixin, VMCluster, VMInterface
from distributed.core import Status
from distributed.deploy.spec import ProcessInterface
from tornado.ioloop import PeriodicCallback

from dqnkit.cloud import boot
from dqnkit.cloud.launch import ANSWER_SECONDS, Launch, take_down
from dqnkit.cloud.meter import Meter
from dqnkit.cloud.order import Order
from dqnkit.cloud.prices import machine_price
from dqnkit.cloud.settings import seconds
from dqnkit.cluster.package import check_workers, send_package
from dqnkit.errors import ClusterError

RECONCILE_SECONDS = 5.0  # between two checks of which machines are still there
REPLACEMENTS = 3  # at most, for each worker that was ordered: if all are taken back, buying more does not help
REQUESTS_AT_ONCE = 4  # for machines: clouds allow a few a second
SILENT_SECONDS = 60.0  # a scheduler whose port is closed for so long has ended, even if its machine runs
CLOSE_SECONDS = 20.0  # for workers and scheduler to close by themselves; then their machines are ended
CONNECT_SECONDS = 2.0  # time limit for one attempt to connect


class CloudMachine(VMInterface):
    """A machine of a cluster."""

    cluster: Any
    role = "worker"
    given_up = False  # nobody waits for it any more, so it must not stay

    async def create_vm(self) -> tuple[str, str | None]:
        """Ask for the machine, and wait until it has addresses: in the cloud's network, and on the internet.

        Raises:
            ClusterError: the cloud refused, it took too long, or the cluster was closed meanwhile.
        """
        launch: Launch = self.cluster.launch
        limit = seconds("request-timeout")
        async with self.cluster.requests:
            if launch.abandoned.is_set() or launch.left() <= 0:
                raise ClusterError("the cluster had ended before this machine was asked for")
            asking = asyncio.ensure_future(self._ask())
            launch.unanswered.add(asking)
            asking.add_done_callback(self._answered)
            try:
                await asyncio.wait({asking}, timeout=limit)
            finally:  # also if this was cancelled; the request goes on
                self.given_up = not asking.done()
        if self.given_up:
            await self.destroy_vm()  # the machine may exist although no answer came
            raise ClusterError(f"the cloud did not start the {self.role}'s machine within {limit:.0f} s")
        return asking.result()

    async def _ask(self) -> tuple[str, str | None]:
        """Make the request to its end: a machine that comes when nobody waits for it any more is ended at once."""
        launch: Launch = self.cluster.launch
        addresses = await self.request()
        order = launch.order
        machine = order.scheduler_machine if self.role == "scheduler" else order.machine
        launch.meter.started(self.machine_id, machine_price(order.cloud, machine, order.spot and self.role == "worker"))
        if self.given_up or launch.abandoned.is_set():
            await self.close()
            raise ClusterError("the cluster was given up while this machine started")
        launch.say(f"{self.role}: machine {self.machine_id} ({machine}) starts")
        return addresses

    def _answered(self, asking: asyncio.Task[Any]) -> None:
        self.cluster.launch.unanswered.discard(asking)
        if not asking.cancelled():
            asking.exception()  # asyncio logs an error that nobody has looked at

    async def request(self) -> tuple[str, str | None]:
        """Ask the cloud for the machine; its two addresses."""
        raise NotImplementedError

    @property
    def machine_id(self) -> str:
        """The cloud's name for the machine."""
        raise NotImplementedError

    async def destroy_vm(self) -> None:
        """Ask the cloud to end the machine. No error if it is gone.

        Raises:
            ClusterError: the cloud refused.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """End the machine, and stop counting its cost.

        If the cloud refuses, the machine costs on, as one that nobody holds: `CloudCluster` tries again to end it.
        """
        try:
            await self.destroy_vm()
        except ClusterError as error:
            self.cluster.launch.say(f"{self.role}: machine {self.machine_id} could not be ended yet: {error}")
        else:
            self.cluster.meter.ended(self.machine_id)
        await ProcessInterface.close(self)  # that of dask-cloudprovider's classes would end the machine again


class CloudScheduler(CloudMachine):
    """The scheduler's machine."""

    role = "scheduler"
    address: str
    external_address: str | None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.command = boot.scheduler_command(self.cluster.order.idle_timeout)

    def endpoint(self) -> tuple[str, int]:
        """Host and port at which this computer reaches the scheduler."""
        host, _, port = (self.external_address or self.address).rpartition("//")[2].rpartition(":")
        return host, int(port)

    async def wait_for_scheduler(self) -> None:
        """Wait until the scheduler's port can be reached from this computer.

        Raises:
            ClusterError: it cannot within the time limit, or the machine has ended; with likely causes.
        """
        launch: Launch = self.cluster.launch
        limit, began, looked = seconds("boot-timeout"), time.monotonic(), time.monotonic()
        host, port = self.endpoint()
        launch.say(f"scheduler: boots, and fetches the image {launch.order.image} (up to {limit / 60:.0f} minutes)")
        while not await asyncio.to_thread(is_open, host, port):
            if time.monotonic() - looked > RECONCILE_SECONDS / 2:
                looked = time.monotonic()
                if await asyncio.to_thread(self.cluster.gone, [self.machine_id]):
                    raise ClusterError(
                        f"the scheduler's machine has ended by itself. Likely: {reasons_of_end(launch.order)}"
                    )
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


def reasons_of_end(order: Order) -> str:
    """Likely reasons why a machine has ended too early."""
    return (
        f"there is no image {order.image}; its Python or Dask failed at the start (a package that does not exist among "
        f"{', '.join(order.pip_packages) or 'none'}?); or, if it is a spot machine, it was taken back"
    )


def is_open(host: str, port: int) -> bool:
    """Whether a program listens on this port."""
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


class CloudCluster(VMCluster):
    """A cluster in one cloud.

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
        self._last_open = time.monotonic()  # when the scheduler's port was last found open
        # what the last look found: ids of our machines that were not there, and of those there that nobody holds
        self._missing, self._unheld = set[str](), set[str]()
        self._closing: asyncio.Task[None] | None = None
        self.requests = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self._replacements = REPLACEMENTS * max(1, launch.order.n_workers)
        self._reconciling: PeriodicCallback | None = None
        self._comm = copy.deepcopy(dask.config.get("distributed.comm"))
        super().__init__(  # starts the cluster
            n_workers=launch.order.n_workers,
            security=launch.security,
            docker_image=launch.order.image,
            **options,
        )
        self.shutdown_on_close = False  # not by Dask when the program ends: `start_or_remove` has seen to it

    @property
    def order(self) -> Order:
        """What was ordered."""
        return self.launch.order

    @property
    def simulated(self) -> bool:
        """Whether the machines are those of a simulated cloud."""
        return self.launch.simulated

    @property
    def meter(self) -> Meter:
        """What the cluster has cost so far."""
        return self.launch.meter

    def alive(self) -> set[str]:
        """The ids of the cluster's machines that are starting or running."""
        raise NotImplementedError

    def end(self, ids: Iterable[str]) -> None:
        """Ask the cloud to end machines of this cluster.

        Raises:
            ClusterError: the cloud refused.
        """
        raise NotImplementedError

    def end_of_scheduler(self) -> str:
        """How the scheduler's machine has ended, as far as the cloud tells."""
        raise NotImplementedError

    def gone(self, ids: Iterable[str]) -> set[str]:
        """Those of the machines that neither this look nor the one before has found."""
        return self._compare(ids, self.alive())[0]

    def _compare(self, held: Iterable[str], alive: set[str]) -> tuple[set[str], set[str]]:
        """Ids of the machines that we hold and that are gone, and of those that are there and that nobody holds.

        One look is not enough: a new machine may be missing from the cloud's list for a moment.
        """
        held = set(held)
        missing, unheld = self._missing, self._unheld
        self._missing, self._unheld = held - alive, alive - held
        return missing & self._missing, unheld & self._unheld

    def _held(self) -> dict[Any, str]:
        """The name of each worker and the id of its machine; empty if it has none."""
        return {name: "" if one.given_up else one.machine_id for name, one in self.workers.items()}

    def remove(self) -> None:
        """Remove everything of this cluster from the cloud."""
        raise NotImplementedError

    def render_process_cloud_init(self, process: Any) -> str:
        """The boot script; dask-cloudprovider's own would contain all of this computer's Dask configuration."""
        role = "scheduler" if isinstance(process, SchedulerMixin) else "worker"
        return self.launch.script(role, process.command)

    async def _start(self) -> None:
        # dask-cloudprovider has put this cluster's keys there: undo it, or every later cluster would use them
        dask.config.set({"distributed.comm": self._comm})
        self.uuid = self.launch.id
        self.quiet = True  # `launch.say` reports progress instead of dask-cloudprovider
        warnings.filterwarnings("ignore", "Creating your cluster is taking")  # machines of a cloud always take minutes
        await super()._start()

    def wait_for_workers(self) -> None:
        """Wait until all workers have connected, send them the package and compare versions.

        Raises:
            ClusterError: a worker did not connect within the limit, or has other versions; with likely causes.
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
                    raise ClusterError(
                        f"{len(lost)} machines ended by themselves. Likely: {reasons_of_end(self.order)}"
                    )
            if time.monotonic() - began > limit:
                raise ClusterError(
                    f"{here} of {wanted} workers came within {limit:.0f} s. Likely: their machines cannot reach the "
                    f"scheduler's, have no way to the internet, or fetch slowly: {reasons_of_end(self.order)}"
                )
            time.sleep(0.1)
        if wanted:
            with self.get_client() as client:
                send_package(client)
                check_workers(client)
        self.launch.say(f"workers: all {wanted} are there; {self.meter.text()}")
        self.sync(self._watch)

    async def _watch(self) -> None:
        """From now on replace lost workers."""
        self._last_open = time.monotonic()
        self._reconciling = PeriodicCallback(self._reconcile, RECONCILE_SECONDS * 1000)
        self._reconciling.start()

    async def _reconcile(self) -> None:
        """Replace machines that are gone, up to a limit, and end those that nobody holds.

        If the scheduler is gone, close the cluster.
        """
        if self._busy():
            return
        try:
            alive = await asyncio.to_thread(self.alive)
            if await asyncio.to_thread(is_open, *self.scheduler.endpoint()):
                self._last_open = time.monotonic()
            if self._busy():
                return
            machines = self._held()
            gone, unheld = self._compare([self.scheduler.machine_id, *machines.values()], alive)
            if why := await self._why_it_ended(gone):
                self.launch.say(f"the cluster has ended: {why}")
                await self._close()
                await asyncio.to_thread(self._take_down)
                return
            if unheld:
                await self._end_unheld(unheld)
        except ClusterError as error:  # try again at the next check
            self.launch.say(f"the cloud does not do what it is asked for: {error}")
            return
        lost = [name for name in self.worker_spec if machines.get(name, "") in {"", *gone}]
        if lost and not self._busy():
            await self._replace(lost)

    def _busy(self) -> bool:
        """Whether machines are being started or ended, so that it is not known how many there should be."""
        return self._lock.locked() or self.status is not Status.running or self.launch.abandoned.is_set()

    async def _why_it_ended(self, gone: set[str]) -> str:
        """Why the cluster has ended; empty if it has not."""
        if self.launch.left() <= 0:
            return "its lifetime is over"
        if self.scheduler.machine_id in gone:
            return await asyncio.to_thread(self.end_of_scheduler)
        if time.monotonic() - self._last_open > SILENT_SECONDS:
            return (
                f"its scheduler has not answered for {SILENT_SECONDS:.0f} s. Likely: it had no work for its idle "
                f"time-out ({self.order.idle_timeout / 60:.0f} minutes); else it has failed, or the network is cut"
            )
        return ""

    async def _end_unheld(self, ids: set[str]) -> None:
        """End machines that carry this cluster's tag and that nobody holds: the answer to a request was lost.

        Raises:
            ClusterError: the cloud refused.
        """
        order = self.order
        for machine_id in ids:  # until it is ended, it is paid for
            self.meter.started(machine_id, machine_price(order.cloud, order.machine, order.spot))
        self.launch.say(
            f"workers: {len(ids)} machines that nobody waits for any more are ended: {', '.join(sorted(ids))}"
        )
        await asyncio.to_thread(self.end, ids)
        for machine_id in ids:
            self.meter.ended(machine_id)

    async def _replace(self, lost: list[Any]) -> None:
        """Replace lost workers, as far as budget and the limit of replacements allow."""
        for worker in [self.workers.pop(name) for name in lost if name in self.workers]:
            await worker.close()
        again = 0 if self.meter.reached() else min(len(lost), self._replacements)
        self._replacements -= again
        for name in lost[again:]:
            self.worker_spec.pop(name, None)  # it is gone if the cluster was closed meanwhile
        if self._busy():
            return
        why = "" if again == len(lost) else " (no more: the limit of replacements, or the budget, is reached)"
        gone = "1 machine was lost" if len(lost) == 1 else f"{len(lost)} machines were lost"
        self.launch.say(f"workers: {gone}, {again} {'is' if again == 1 else 'are'} replaced{why}")
        try:
            await self._correct_state()
        except ClusterError as error:
            self.launch.say(f"no replacement yet: {error}")

    def scale(self, n: int = 0, **other: Any) -> Any:
        """Change the number of workers, up to the number ordered, for which lifetime and budget were computed.

        Raises:
            ClusterError: more than were ordered.
        """
        if other or n > self.order.n_workers:
            raise ClusterError(
                f"{self.order.n_workers} workers were ordered, and the lifetime that the budget pays was reckoned for "
                "them: start a larger cluster"
            )
        return super().scale(n)

    def adapt(self, *arguments: Any, **settings: Any) -> NoReturn:
        """Not available: a cluster that costs money does not grow by itself.

        Raises:
            ClusterError: always.
        """
        raise ClusterError("a cluster that costs money does not grow by itself: start it as large as it shall be")

    def close(self, timeout: float | None = None) -> Any:
        """Close workers and scheduler, end all machines, remove the firewall, and see that nothing is left.

        After an error it may be called again, and does again what is left to do.

        Raises:
            ClusterError: the cloud refused; machines may still run, and the message has the command that ends them.
        """
        if self.asynchronous:
            return self._close_and_take_down()
        try:
            super().close(timeout)
        except Exception as error:
            self.launch.say(f"not closed in order ({type(error).__name__}: {error})")
        finally:  # after Ctrl-C, too
            self._take_down()
        return None

    async def _close_and_take_down(self) -> None:
        await self._close()
        await asyncio.to_thread(self._take_down)

    def _take_down(self) -> None:
        """End all machines, by the tags that they carry. The cluster counts as closed only then.

        Raises:
            ClusterError: the cloud refused.
        """
        try:
            take_down(self.launch, self.remove)
        except BaseException:
            self.status = Status.failed
            raise
        self.status = Status.closed

    async def _close(self) -> None:
        """Ask workers and scheduler to close, and end their machines, as far as cloud and network allow.

        Dask calls it where it gives up a start. That nothing is left is checked by `take_down`, which follows.
        """
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close_in_order())
        await asyncio.wait({self._closing})

    async def _close_in_order(self) -> None:
        self.launch.abandoned.set()
        if self._reconciling:
            self._reconciling.stop()
        try:
            if not await self._scheduler_is_there():
                self.scheduler.status, self.scheduler_comm.timeout = Status.closed, CONNECT_SECONDS
            await asyncio.wait_for(super()._close(), CLOSE_SECONDS)
        except Exception as error:  # the scheduler is gone, or the API refuses: the machines are ended all the same
            self.launch.say(f"not closed in order ({type(error).__name__}: {error})")
        self.status = Status.closed
        if waiting := set(self.launch.unanswered):
            self.launch.say(f"waiting for the cloud's answer to {len(waiting)} requests for a machine")
            await asyncio.wait(waiting, timeout=ANSWER_SECONDS)

    async def _scheduler_is_there(self) -> bool:
        """Whether the scheduler can still be asked to close."""
        if not self.scheduler_comm:  # it has never been up
            return True
        try:
            return self.scheduler.machine_id in await asyncio.to_thread(self.alive)
        except ClusterError:
            return False
