"""A Dask cluster on machines of Google Compute Engine, which cost money while they run.

    with make_cluster("gcp", n_workers=4, spot=True, budget=2.0) as cluster, cluster.get_client() as client:
        ...

Built on `GCPCluster` of dask-cloudprovider, and takes its settings (``cloudprovider.gcp`` in Dask's configuration). It
adds a firewall for each cluster, a time limit for every wait and a lifetime for every machine, after which Google
deletes it (``maxRunDuration``). The machines have no service account.

It has been tested with a stand-in for Google's API on the loopback: the requests, the answers and errors, and a cluster
whose machines are local processes. Nobody has tried it in Google's own cloud. So it is not known whether Google accepts
these requests, whether Ubuntu's image boots there as on EC2 (the boot script is the same), whether the role in
``dqnkit/cloud/data/gcp_role.yaml`` is enough, how long machines take to start and to end, and how quotas and spot
machines that are taken back behave. Whatever fails, what was started is removed, and Google deletes each machine after
its lifetime.
"""

from __future__ import annotations

import asyncio
import copy
import math
import os
from collections.abc import Iterable
from typing import Any

import dask
from dask_cloudprovider.gcp.instances import GCPCluster, GCPInstance
from dask_cloudprovider.generic.vmcluster import SchedulerMixin, VMCluster, WorkerMixin

from dqnkit.cloud.gce import LOOK_SECONDS, PREFIX, GCPAccount, check_reach
from dqnkit.cloud.launch import Confirm, DryRun, Launch, Progress, confirm_cost, start_or_remove
from dqnkit.cloud.launch import dry_run as dry_run_of
from dqnkit.cloud.machines import CloudCluster, CloudMachine, CloudScheduler, CloudWorker
from dqnkit.cloud.options import configured, make_order, split
from dqnkit.cloud.order import Order
from dqnkit.cloud.public_ip import public_ip
from dqnkit.cloud.settings import seconds
from dqnkit.errors import ClusterError

MACHINE = "e2-standard-2"  # default type
ZONE = "us-central1-a"  # in the region of the price table
SHUTS_DOWN = False  # a machine that shuts down is stopped but kept, and its disk is paid for: Google must delete it
IMAGE = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64"
PASSED_ON = {  # options of `GCPCluster`
    *("network", "network_projectid", "source_image", "filesystem_size", "disk_type", "on_host_maintenance"),
    *("instance_labels", "public_ingress"),
}


def start(
    n_workers: int,
    threads_per_worker: int = 1,
    *,
    project: str | None = None,
    zone: str | None = None,
    reach: str | None = None,
    service_account_credentials: dict[str, Any] | None = None,
    progress: Progress = print,
    confirm: Confirm | None = None,
    **options: Any,
) -> GCECluster:
    """Start a scheduler and workers, each on its own machine, and wait until all are up.

    Args:
        n_workers: machines for workers; the scheduler gets one more.
        threads_per_worker: 0: as many as the machine has virtual CPUs.
        project: the project's id; default: see `GCPAccount`.
        zone: default: gcloud's (CLOUDSDK_COMPUTE_ZONE), or us-central1-a.
        reach: the address or network that may connect to the scheduler's port; default: this computer's.
        service_account_credentials: the key of a service account; default: what Google's libraries find.
        progress: called with a line about each step.
        confirm: called with what it may cost, before anything is paid for; True starts the cluster.
        options: of `dqnkit.cloud.options.make_order` (machine, spot, budget, lifetime, ...), and of `GCPCluster`
            network, network_projectid, source_image, filesystem_size, disk_type, on_host_maintenance, instance_labels,
            public_ingress (False: the machines have no public addresses, and this computer is in their network).

    Raises:
        ConfigError: an option is wrong, or the budget is too small.
        ClusterError: it could not be started; with the likely cause. What had started has been removed.
    """
    ours, provider = split(options, PASSED_ON)
    account = GCPAccount(project, provider.get("network_projectid"), service_account_credentials)
    order = _order(account, n_workers, threads_per_worker, reach, ours)
    zone = zone or configured("gcp", "zone") or os.environ.get("CLOUDSDK_COMPUTE_ZONE") or ZONE
    place, owner = account.place, account.identity()
    launch = Launch(order, progress, place, owner=owner, shuts_down=SHUTS_DOWN, simulated=account.local)
    confirm_cost(launch, confirm)

    def make() -> GCECluster:
        network = provider.get("network") or dask.config.get("cloudprovider.gcp.network", "default")
        found = account.subnetwork(zone.rpartition("-")[0], network)
        account.enclose(found["network"], launch.id, order.reach, launch.tags, seconds("request-timeout"))
        return GCECluster(launch, account, zone, **provider)

    return start_or_remove(launch, make, lambda: account.remove(launch.id))


def dry_run(
    n_workers: int,
    threads_per_worker: int = 1,
    *,
    project: str | None = None,
    reach: str | None = None,
    service_account_credentials: dict[str, Any] | None = None,
    **options: Any,
) -> DryRun:
    """What `start` with the same arguments would start, and for how much. It starts nothing and costs nothing.

    The scripts are shown without the private keys.

    Raises:
        ConfigError, ClusterError: as `start` does.
    """
    ours, provider = split(options, {*PASSED_ON, "zone"})
    account = GCPAccount(project, provider.get("network_projectid"), service_account_credentials)
    order = _order(account, n_workers, threads_per_worker, reach, ours)
    launch = Launch(order, print, account.place, shuts_down=SHUTS_DOWN, simulated=account.local)
    return dry_run_of(launch, account.lacking())


def _order(
    account: GCPAccount, n_workers: int, threads_per_worker: int, reach: str | None, ours: dict[str, Any]
) -> Order:
    """The order, with defaults filled in."""
    ours.setdefault("machine", configured("gcp", "worker_machine_type") or configured("gcp", "machine_type") or MACHINE)
    ours.setdefault("scheduler_machine", configured("gcp", "scheduler_machine_type") or MACHINE)
    ours.setdefault("image", configured("gcp", "docker_image"))
    reach = check_reach(reach or public_ip(account.local))
    return make_order("gcp", n_workers, threads_per_worker, reach=reach, **ours)


class GCEMachine(CloudMachine, GCPInstance):
    """A machine of Compute Engine."""

    name: str
    requested = False

    async def request(self) -> tuple[str, str | None]:
        """Ask for the machine and wait until it runs; its addresses in the private network and on the internet."""
        self.cloud_init = self.cluster.render_process_cloud_init(self)
        account, zone, self.requested = self.cluster.account, self.zone, True
        operation = await asyncio.to_thread(self._insert, account)
        while operation["status"] != "DONE":
            await asyncio.sleep(LOOK_SECONDS)
            operation = await asyncio.to_thread(account.look, operation)
        instance = await asyncio.to_thread(account.instance, zone, self.name)
        interface = instance["networkInterfaces"][0]
        outside = [each["natIP"] for each in interface.get("accessConfigs", ())]
        return interface["networkIP"], outside[0] if outside else None

    def _insert(self, account: GCPAccount) -> dict[str, Any]:
        """Ask for the machine, in a thread. A thread cannot be cancelled: if nobody waits any more, delete it."""
        operation = account.insert(self.zone, self.create_gcp_config())
        if self.given_up or self.cluster.launch.abandoned.is_set():
            account.delete(self.zone, self.name)
            raise ClusterError(f"the {self.role}'s machine came when nobody waited for it any more")
        return operation

    def create_gcp_config(self) -> dict[str, Any]:
        """dask-cloudprovider's request, with a lifetime, and without a service account or ports open to the world."""
        launch: Launch = self.cluster.launch
        spot = launch.order.spot and self.role == "worker"
        body: dict[str, Any] = super().create_gcp_config()
        body["tags"] = {"items": [f"{PREFIX}{launch.id}"]}
        body["serviceAccounts"] = []
        body["metadata"] = {
            "items": [
                {"key": "user-data", "value": self.cloud_init},
                {"key": "block-project-ssh-keys", "value": "true"},
            ]
        }
        # Google counts from the machine's start, and deletes it: the disk of a stopped machine would be paid for.
        body["scheduling"] = {
            "provisioningModel": "SPOT" if spot else "STANDARD",
            "instanceTerminationAction": "DELETE",
            "maxRunDuration": {"seconds": str(math.ceil(launch.remaining()))},
            "onHostMaintenance": "TERMINATE" if spot else self.on_host_maintenance.upper(),
            "automaticRestart": False,
        }
        body["disks"][0]["initializeParams"]["labels"] = self.instance_labels
        return body

    @property
    def machine_id(self) -> str:
        """The machine's name; empty before it is asked for."""
        return self.name if self.requested else ""

    async def destroy_vm(self) -> None:
        """Ask Google to delete the machine. No error if it is gone."""
        if self.requested:
            await asyncio.to_thread(self.cluster.account.delete, self.zone, self.name)


class GCEScheduler(CloudScheduler, SchedulerMixin, GCEMachine):
    """The scheduler's machine."""


class GCEWorker(CloudWorker, WorkerMixin, GCEMachine):
    """A worker's machine."""


class _Settings(GCPCluster):
    """`GCPCluster`, with its settings as an argument: its own constructor would change Dask's configuration."""

    def __init__(self, settings: dict[str, Any], options: dict[str, Any], **shared: Any) -> None:
        self.config = settings
        self.options = {"cluster": self, "config": settings, **options}
        self.scheduler_options, self.worker_options = dict(self.options), dict(self.options)
        self.scheduler_options["machine_type"] = settings["scheduler_machine_type"]
        self.worker_options["machine_type"] = settings["worker_machine_type"]
        self.scheduler_class, self.worker_class = GCEScheduler, GCEWorker
        VMCluster.__init__(self, **shared)


class GCECluster(CloudCluster, _Settings):
    """A cluster on machines of Compute Engine, made by `start`."""

    def __init__(self, launch: Launch, account: GCPAccount, zone: str, **options: Any) -> None:
        self.account, self.zone = account, zone
        settings = copy.deepcopy(dask.config.get("cloudprovider.gcp")) | options
        settings["source_image"] = options.get("source_image") or configured("gcp", "source_image") or IMAGE
        settings["worker_machine_type"] = launch.order.machine
        settings["scheduler_machine_type"] = launch.order.scheduler_machine
        network_project = account.network_project
        where = {"projectid": account.place, "zone": zone, "network_projectid": network_project}
        super().__init__(
            launch,
            settings=settings,
            options={**where, "instance_labels": launch.tags, "preemptible": launch.order.spot},
        )

    def alive(self) -> set[str]:
        """The ids of the cluster's machines that are starting or running."""
        return self.account.alive(self.zone, self.launch.id)

    def end(self, ids: Iterable[str]) -> None:
        """Ask Google to delete machines of this cluster."""
        for name in ids:
            self.account.delete(self.zone, name)

    def end_of_scheduler(self) -> str:
        """How the scheduler's machine has ended: nothing of ours deletes one before its lifetime is over."""
        return "somebody has deleted its scheduler's machine (dqnkit cloud stop, or the cloud's console)"

    def remove(self) -> None:
        """Remove everything of this cluster from Google's cloud."""
        self.account.remove(self.launch.id)
