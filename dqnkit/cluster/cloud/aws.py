"""A Dask cluster on machines of Amazon EC2, through dask-cloudprovider: they cost money from their first minute.

    with make_cluster("aws", n_workers=4, spot=True, budget=2.0) as cluster, cluster.get_client() as client:
        ...

What dask-cloudprovider calls `EC2Cluster`, with its settings (``cloudprovider.ec2`` in Dask's configuration), and with
what it leaves open: a security group of the cluster's own, limits for every wait, an end for every machine.
"""

from __future__ import annotations

import inspect
from typing import Any

import botocore.exceptions
from dask_cloudprovider.aws.ec2 import EC2Cluster, EC2Instance, EC2Scheduler, EC2Worker

from dqnkit.cluster.cloud import ec2, ordering
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
from dqnkit.cluster.cloud.order import Order
from dqnkit.cluster.cloud.ordering import configured
from dqnkit.cluster.cloud.own_address import own_address

MACHINE = "c7i.large"  # for the scheduler, too: a t3 that works for long costs more
OURS = {
    *("docker_image", "instance_type", "worker_instance_type", "scheduler_instance_type", "region", "spot"),
    *("security_groups", "vpc", "bootstrap", "auto_shutdown", "ami", "subnet_id", "availability_zone"),
}
TAKEN = set(inspect.signature(EC2Cluster.__init__).parameters) - {"self", "kwargs", *OURS}


def start(
    n_workers: int,
    threads_per_worker: int = 1,
    *,
    region: str | None = None,
    availability_zone: str | None = None,
    subnet_id: str | None = None,
    ami: str | None = None,
    reach: str | None = None,
    progress: Progress = print,
    confirm: Confirm | None = None,
    **options: Any,
) -> AWSCluster:
    """Start a scheduler and workers, each on a machine of its own, and wait until all are there.

    Args:
        n_workers: machines, beside the scheduler's.
        threads_per_worker: 0: as many as the machine has virtual CPUs.
        region: Amazon's own configuration says it unless given.
        availability_zone: of the region; any unless given.
        subnet_id: for the machines; one of the default network unless given.
        ami: the image of their disks; the newest Ubuntu 24.04 unless given.
        reach: the address or network from which the scheduler's port can be reached; your own unless given.
        progress: is told in a line what happens.
        confirm: is asked, with what it may cost, before anything is paid for.
        options: of `dqnkit.cluster.cloud.ordering.place` (machine, spot, budget, lifetime, ...), and what else
            `EC2Cluster` takes (key_name, filesystem_size, iam_instance_profile, use_private_ip, instance_tags, ...).

    Raises:
        ConfigError: something in the order is wrong, or the budget is too small for it.
        ClusterError: it could not be started; with the likely cause. What had started is gone.
    """
    client = ec2.connect(ec2.region(region or configured("ec2", "region")))
    order, provider = _order(client, n_workers, threads_per_worker, reach, options)
    launch = Launch(order, progress, client.meta.region_name)
    announced(launch, confirm)

    def make() -> AWSCluster:
        subnet = ec2.subnet(client, subnet_id or configured("ec2", "subnet_id"), availability_zone)
        place = ec2.prepare(client, order.reach, launch.tags, subnet, ami or configured("ec2", "ami"))
        return AWSCluster(launch, client, place, **provider)

    return started(launch, make, lambda: ec2.remove(client, launch.id))


def _order(
    client: Any, n_workers: int, threads_per_worker: int, reach: str | None, options: dict[str, Any]
) -> tuple[Order, dict[str, Any]]:
    """What is asked for, with what was not said filled in, and the options for `EC2Cluster`."""
    ours, provider = ordering.split(options, TAKEN)
    ours.setdefault("machine", configured("ec2", "worker_instance_type") or MACHINE)
    ours.setdefault("scheduler_machine", configured("ec2", "scheduler_instance_type") or MACHINE)
    ours.setdefault("image", configured("ec2", "docker_image"))
    reach = reach or own_address(ec2.is_local(client))
    return ordering.place("aws", n_workers, threads_per_worker, reach=reach, **ours), provider


def dry_run(
    n_workers: int,
    threads_per_worker: int = 1,
    *,
    region: str | None = None,
    availability_zone: str | None = None,
    subnet_id: str | None = None,
    reach: str | None = None,
    **options: Any,
) -> ordering.DryRun:
    """Everything that comes before the purchase, and nothing that is paid for: `start` with the same arguments.

    In the scripts a word stands for the private keys.

    Raises:
        ConfigError, ClusterError: as `start` does.
    """
    client = ec2.connect(ec2.region(region or configured("ec2", "region")))
    order, _ = _order(client, n_workers, threads_per_worker, reach, options)
    return rehearsed(order, ec2.lacking(client, subnet_id, availability_zone))


class AWSMachine(CloudMachine):
    """A machine of EC2."""

    instance: dict[str, Any] | None
    use_private_ip: bool

    async def request(self) -> tuple[str, str | None]:
        """Ask for it; its addresses in the private network and outside."""
        with ec2.explained(f"starting the {self.role}'s machine"):
            await EC2Instance.create_vm(self)
        assert self.instance is not None
        # workers take the private one: the security group knows its own members by that
        return self.instance["PrivateIpAddress"], None if self.use_private_ip else self.instance["PublicIpAddress"]

    @property
    def machine_id(self) -> str:
        """As EC2 names it; empty before it is there."""
        return str(self.instance["InstanceId"]) if self.instance else ""

    async def destroy_vm(self) -> None:
        """Ask EC2 to end it; one that is gone is none the worse."""
        if self.instance:
            try:
                await EC2Instance.destroy_vm(self)
            except botocore.exceptions.ClientError as error:
                if ec2.code(error) != "InvalidInstanceID.NotFound":
                    raise


class AWSScheduler(CloudScheduler, AWSMachine, EC2Scheduler):
    """The scheduler's machine."""


class AWSWorker(CloudWorker, AWSMachine, EC2Worker):
    """A worker's machine."""


class AWSCluster(CloudCluster, EC2Cluster):
    """A cluster on machines of EC2, made by `start`."""

    def __init__(self, launch: Launch, client: Any, place: ec2.Place, **options: Any) -> None:
        self._client = client
        super().__init__(
            launch,
            region=client.meta.region_name,
            ami=place.image,
            vpc=place.vpc,
            subnet_id=place.subnet,
            security_groups=[place.group],
            worker_instance_type=launch.order.machine,
            scheduler_instance_type=launch.order.scheduler_machine,
            spot=launch.order.spot,
            instance_tags={**options.pop("instance_tags", {}), **launch.tags},
            volume_tags={**options.pop("volume_tags", {}), **launch.tags},
            **options,
        )

    async def _start(self) -> None:
        self.scheduler_class, self.worker_class = AWSScheduler, AWSWorker
        await super()._start()

    def alive(self) -> set[str]:
        """The ids of the cluster's machines that start or run."""
        with ec2.explained("looking at the machines"):
            return ec2.alive(self._client, self.launch.id)

    def remove(self) -> list[Leftover]:
        """Remove whatever EC2 has of this cluster; what that was."""
        return ec2.remove(self._client, self.launch.id)
