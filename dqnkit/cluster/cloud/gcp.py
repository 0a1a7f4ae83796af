"""A Dask cluster on machines of Google Compute Engine, through dask-cloudprovider: they cost money while they run.

    with make_cluster("gcp", n_workers=4, spot=True, budget=2.0) as cluster, cluster.get_client() as client:
        ...

What dask-cloudprovider calls `GCPCluster`, with its settings (``cloudprovider.gcp`` in Dask's configuration), and with
what it leaves open: a firewall of the cluster's own, limits for every wait, an end for every machine, which Google
itself sees to (``maxRunDuration``), and no account of Google's on the machines.

It has been tried against a stand-in for Google's API on the loopback: which requests are sent, what becomes of answers
and failures, and a cluster whose machines are local processes. Nobody has tried it with Google's own cloud, so it is
not known whether Google takes these requests as they are, whether Ubuntu's image boots there as it does on EC2 (the
boot script is the same), whether the role in ``dqnkit/data/cloud/gcp_role.yaml`` is enough, how long machines take to
start and to be gone, and what comes of spot machines that are taken back and of quotas. Whatever fails, what was
started is removed, and Google ends each machine after its lifetime.
"""

from __future__ import annotations

import asyncio
import copy
import math
import os
from typing import Any

import dask
from dask_cloudprovider.gcp.instances import GCPCluster, GCPInstance
from dask_cloudprovider.generic.vmcluster import SchedulerMixin, VMCluster, WorkerMixin

from dqnkit.cluster.cloud import ordering
from dqnkit.cluster.cloud.gce import LOOK_SECONDS, PREFIX, GCPAccount, check_reach
from dqnkit.cluster.cloud.leftovers import Leftover
from dqnkit.cluster.cloud.machines import (
    CloudCluster,
    CloudMachine,
    CloudScheduler,
    CloudWorker,
    Confirm,
    Launch,
    Progress,
    announced,
    rehearsed,
    started,
)
from dqnkit.cluster.cloud.order import Order, seconds
from dqnkit.cluster.cloud.ordering import configured
from dqnkit.cluster.cloud.own_address import own_address

MACHINE = "e2-standard-2"
ZONE = "us-central1-a"  # of the region whose prices the table has
IMAGE = "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64"
# Options of `GCPCluster` that are passed on.
TAKEN = {
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
    """Start a scheduler and workers, each on a machine of its own, and wait until all are there.

    Args:
        n_workers: machines, beside the scheduler's.
        threads_per_worker: 0: as many as the machine has virtual CPUs.
        project: its id; see `GCPAccount` for where it is found unless given.
        zone: us-central1-a unless given, here or to gcloud (CLOUDSDK_COMPUTE_ZONE).
        reach: the address or network from which the scheduler's port can be reached; your own unless given.
        service_account_credentials: the key of a service account; Google's libraries look for others unless given.
        progress: is told in a line what happens.
        confirm: is asked, with what it may cost, before anything is paid for.
        options: of `dqnkit.cluster.cloud.ordering.place` (machine, spot, budget, lifetime, ...), and of `GCPCluster`
            network, network_projectid, source_image, filesystem_size, disk_type, on_host_maintenance, instance_labels,
            public_ingress (False: the machines have no public addresses, and this computer is in their network).

    Raises:
        ConfigError: something in the order is wrong, or the budget is too small for it.
        ClusterError: it could not be started; with the likely cause. What had started is gone.
    """
    ours, provider = ordering.split(options, TAKEN)
    account = GCPAccount(project, provider.get("network_projectid"), service_account_credentials)
    order = _order(account, n_workers, threads_per_worker, reach, ours)
    zone = zone or configured("gcp", "zone") or os.environ.get("CLOUDSDK_COMPUTE_ZONE") or ZONE
    launch = Launch(order, progress, account.place)
    announced(launch, confirm)

    def make() -> GCECluster:
        network = provider.get("network") or dask.config.get("cloudprovider.gcp.network", "default")
        found = account.subnetwork(zone.rpartition("-")[0], network)
        account.enclose(found["network"], launch.id, order.reach, launch.tags, seconds("request-timeout"))
        return GCECluster(launch, account, zone, **provider)

    return started(launch, make, lambda: account.remove(launch.id))


def dry_run(
    n_workers: int,
    threads_per_worker: int = 1,
    *,
    project: str | None = None,
    reach: str | None = None,
    service_account_credentials: dict[str, Any] | None = None,
    **options: Any,
) -> ordering.DryRun:
    """Everything that comes before the purchase, and nothing that is paid for: `start` with the same arguments.

    In the scripts a word stands for the private keys.

    Raises:
        ConfigError, ClusterError: as `start` does.
    """
    ours, provider = ordering.split(options, {*TAKEN, "zone"})
    account = GCPAccount(project, provider.get("network_projectid"), service_account_credentials)
    order = _order(account, n_workers, threads_per_worker, reach, ours)
    return rehearsed(order, account.lacking())


def _order(
    account: GCPAccount, n_workers: int, threads_per_worker: int, reach: str | None, ours: dict[str, Any]
) -> Order:
    """What is asked for, with what was not said filled in."""
    ours.setdefault("machine", configured("gcp", "worker_machine_type") or configured("gcp", "machine_type") or MACHINE)
    ours.setdefault("scheduler_machine", configured("gcp", "scheduler_machine_type") or MACHINE)
    ours.setdefault("image", configured("gcp", "docker_image"))
    reach = check_reach(reach or own_address(account.local))
    return ordering.place("gcp", n_workers, threads_per_worker, reach=reach, **ours)


class GCEMachine(CloudMachine, GCPInstance):
    """A machine of Compute Engine."""

    name: str
    requested = False

    async def request(self) -> tuple[str, str | None]:
        """Ask for it, and wait until it runs; its addresses in the private network and outside."""
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
        """Ask for it, in a thread, which nothing stops: if nobody waits any more when Google answers, end it again."""
        operation = account.insert(self.zone, self.create_gcp_config())
        if self.cluster.launch.abandoned.is_set():
            account.delete(self.zone, self.name)
        return operation

    def create_gcp_config(self) -> dict[str, Any]:
        """What is asked for: dask-cloudprovider's, without an account or ports for the world, and with an end."""
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
        # Deleted, not stopped: a stopped machine's disk is paid for. So its own script does not shut it down either:
        # that would only stop it. Google counts from the machine's start.
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
        """Its name; empty before it is asked for."""
        return self.name if self.requested else ""

    async def destroy_vm(self) -> None:
        """Ask Google to end it; one that is gone is none the worse."""
        if self.requested:
            await asyncio.to_thread(self.cluster.account.delete, self.zone, self.name)


class GCEScheduler(CloudScheduler, SchedulerMixin, GCEMachine):
    """The scheduler's machine."""


class GCEWorker(CloudWorker, WorkerMixin, GCEMachine):
    """A worker's machine."""


class _Settings(GCPCluster):
    """`GCPCluster` with settings of its own instead of those in Dask's configuration, which it would change."""

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
        """The ids of the cluster's machines that start or run."""
        return self.account.alive(self.zone, self.launch.id)

    def remove(self) -> list[Leftover]:
        """Remove whatever Google has of this cluster; what that was."""
        return self.account.remove(self.launch.id)
