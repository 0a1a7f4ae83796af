"""A Dask cluster on machines of Amazon EC2, which cost money while they run.

    with make_cluster("aws", n_workers=4, spot=True, budget=2.0) as cluster, cluster.get_client() as client:
        ...

Built on `EC2Cluster` of dask-cloudprovider, and takes its settings (``cloudprovider.ec2`` in Dask's configuration). It
adds a security group for each cluster, a time limit for every wait and a lifetime for every machine.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import botocore.exceptions
from dask_cloudprovider.aws.ec2 import EC2Cluster, EC2Instance, EC2Scheduler, EC2Worker

from dqnkit.cloud import ec2
from dqnkit.cloud.launch import Confirm, DryRun, Launch, Progress, confirm_cost, start_or_remove
from dqnkit.cloud.launch import dry_run as dry_run_of
from dqnkit.cloud.machines import CloudCluster, CloudMachine, CloudScheduler, CloudWorker
from dqnkit.cloud.options import configured, make_order, split
from dqnkit.cloud.order import Order
from dqnkit.cloud.public_ip import public_ip

MACHINE = "c7i.large"  # default type, for the scheduler, too: a t3 under load for long costs more
SET_HERE = {  # options of `EC2Cluster` that `start` sets or offers itself
    "self",
    "kwargs",
    *("docker_image", "instance_type", "worker_instance_type", "scheduler_instance_type", "region", "spot"),
    *("security_groups", "vpc", "bootstrap", "auto_shutdown", "ami", "subnet_id", "availability_zone"),
}
PASSED_ON = set(inspect.signature(EC2Cluster.__init__).parameters) - SET_HERE


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
    """Start a scheduler and workers, each on its own machine, and wait until all are up.

    Args:
        n_workers: machines for workers; the scheduler gets one more.
        threads_per_worker: 0: as many as the machine has virtual CPUs.
        region: default: the one in Amazon's own configuration.
        availability_zone: of the region; default: any.
        subnet_id: for the machines; default: one of the default network.
        ami: the machine image; default: the newest Ubuntu 24.04.
        reach: the address or network that may connect to the scheduler's port; default: this computer's.
        progress: called with a line about each step.
        confirm: called with what it may cost, before anything is paid for; True starts the cluster.
        options: of `dqnkit.cloud.options.make_order` (machine, spot, budget, lifetime, ...), and other options of
            `EC2Cluster` (key_name, filesystem_size, iam_instance_profile, use_private_ip, instance_tags, ...).

    Raises:
        ConfigError: an option is wrong, or the budget is too small.
        ClusterError: it could not be started; with the likely cause. What had started has been removed.
    """
    client = ec2.connect(ec2.region(region or configured("ec2", "region")))
    order, provider = _order(client, n_workers, threads_per_worker, reach, options)
    region_name, simulated = client.meta.region_name, ec2.is_local(client)
    launch = Launch(order, progress, region_name, owner=ec2.identity(region_name), simulated=simulated)
    confirm_cost(launch, confirm)

    def make() -> AWSCluster:
        subnet = ec2.subnet(client, subnet_id or configured("ec2", "subnet_id"), availability_zone)
        image = ami or configured("ec2", "ami") or ec2.newest_ubuntu(client)
        group = ec2.make_security_group(client, order.reach, launch.tags, subnet["VpcId"])
        return AWSCluster(launch, client, subnet, image, group, **provider)

    return start_or_remove(launch, make, lambda: ec2.remove(client, launch.id))


def _order(
    client: Any, n_workers: int, threads_per_worker: int, reach: str | None, options: dict[str, Any]
) -> tuple[Order, dict[str, Any]]:
    """The order, with defaults filled in, and the options for `EC2Cluster`."""
    ours, provider = split(options, PASSED_ON)
    ours.setdefault("machine", configured("ec2", "worker_instance_type") or MACHINE)
    ours.setdefault("scheduler_machine", configured("ec2", "scheduler_instance_type") or MACHINE)
    ours.setdefault("image", configured("ec2", "docker_image"))
    reach = reach or public_ip(ec2.is_local(client))
    return make_order("aws", n_workers, threads_per_worker, reach=reach, **ours), provider


def dry_run(
    n_workers: int,
    threads_per_worker: int = 1,
    *,
    region: str | None = None,
    availability_zone: str | None = None,
    subnet_id: str | None = None,
    reach: str | None = None,
    **options: Any,
) -> DryRun:
    """What `start` with the same arguments would start, and for how much. It starts nothing and costs nothing.

    The scripts are shown without the private keys.

    Raises:
        ConfigError, ClusterError: as `start` does.
    """
    client = ec2.connect(ec2.region(region or configured("ec2", "region")))
    order, _ = _order(client, n_workers, threads_per_worker, reach, options)
    return dry_run_of(
        Launch(order, print, simulated=ec2.is_local(client)), ec2.lacking(client, subnet_id, availability_zone)
    )


class AWSMachine(CloudMachine):
    """A machine of EC2."""

    instance: dict[str, Any] | None
    use_private_ip: bool

    async def request(self) -> tuple[str, str | None]:
        """Ask EC2 for the machine; its addresses in the private network and on the internet."""
        with ec2.explained(f"starting the {self.role}'s machine"):
            await EC2Instance.create_vm(self)
        assert self.instance is not None
        # workers use the private address: the security group recognises its members by it
        return self.instance["PrivateIpAddress"], None if self.use_private_ip else self.instance["PublicIpAddress"]

    @property
    def machine_id(self) -> str:
        """The id of the instance; empty before it exists."""
        return str(self.instance["InstanceId"]) if self.instance else ""

    async def destroy_vm(self) -> None:
        """Ask EC2 to terminate the machine. No error if it is gone."""
        if self.instance:
            with ec2.explained(f"ending the {self.role}'s machine"):
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

    def __init__(
        self, launch: Launch, client: Any, subnet: dict[str, Any], image: str, group: str, **options: Any
    ) -> None:
        self._client = client
        super().__init__(
            launch,
            region=client.meta.region_name,
            ami=image,
            vpc=subnet["VpcId"],
            subnet_id=subnet["SubnetId"],
            security_groups=[group],
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
        """The ids of the cluster's machines that are starting or running."""
        with ec2.explained("looking at the machines"):
            return ec2.alive(self._client, self.launch.id)

    def end(self, ids: Iterable[str]) -> None:
        """Ask EC2 to terminate machines of this cluster."""
        ec2.terminate(self._client, ids)

    def end_of_scheduler(self) -> str:
        """How the scheduler's machine has ended: EC2 keeps the reason for about an hour."""
        return ec2.how_it_ended(self._client, self.scheduler.machine_id)

    def remove(self) -> None:
        """Remove everything of this cluster from EC2."""
        ec2.remove(self._client, self.launch.id)
