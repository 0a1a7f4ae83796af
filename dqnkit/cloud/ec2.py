"""Calls of Amazon EC2's API other than starting machines: network, machine image, firewall, leftovers, permissions.

Through botocore, which dask-cloudprovider brings. It finds credentials and region as the command ``aws`` does
(``aws configure``); nothing here shows or stores them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session
from botocore import xform_name

from dqnkit.cloud.boot import PORT
from dqnkit.cloud.leftovers import CLUSTER, OWNER, Leftover, checked, from_tags
from dqnkit.cluster.security import is_loopback
from dqnkit.errors import ClusterError

UBUNTU = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*"
CANONICAL = "099720109477"  # the account that publishes Ubuntu's images
REMOVE_SECONDS = 300.0  # time limit until all machines are gone
ALIVE = ("pending", "running")  # states of an instance
# Actions that need permission. UNASKED cannot be tried, because they are allowed only on what a cluster of dqnkit has
# tagged.
READING = ("DescribeImages", "DescribeInstances", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs")
UNASKED = ("AuthorizeSecurityGroupIngress", "CreateTags", "DeleteSecurityGroup", "TerminateInstances")
LIMITS = botocore.config.Config(retries={"mode": "standard", "max_attempts": 6}, connect_timeout=10, read_timeout=60)
DEFAULT_SUBNETS = {"Name": "default-for-az", "Values": ["true"]}
NO_NETWORK = (
    "there is no such network in this region. Is it the right region? Its default network comes (again) with: "
    "aws ec2 create-default-vpc; another one is named by subnet_id="
)
QUOTA = "or ask for a higher limit under Service Quotas"
# Error code of the API -> its likely cause and what to do.
CAUSES = {
    "UnauthorizedOperation": "the account may not do this: dqnkit cloud check lists what it lacks, notebooks/CLOUD.md "
    "has the policy",
    "AuthFailure": "the credentials were refused: aws configure sets them anew",
    "InvalidClientTokenId": "the credentials were refused: aws configure sets them anew",
    "ExpiredToken": "the credentials have expired: sign in again",
    "RequestExpired": "the credentials have expired, or this computer's clock is wrong",
    "OptInRequired": "the account is not signed up for EC2 in this region: see to it on its start page",
    "PendingVerification": "Amazon is still verifying the account: that can take some hours",
    "VcpuLimitExceeded": f"the account's limit of virtual CPUs is reached: fewer or smaller workers, {QUOTA}",
    "InstanceLimitExceeded": f"the account's limit of machines is reached: fewer workers, {QUOTA}",
    "MaxSpotInstanceCountExceeded": f"the account's limit of spot machines is reached: fewer workers, {QUOTA}",
    "InsufficientInstanceCapacity": "Amazon has none of these machines left just now: another type (machine=) or "
    "availability_zone=, or later",
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted": "the account has never had a spot machine. Once: aws iam "
    "create-service-linked-role --aws-service-name spot.amazonaws.com",
    "SpotMaxPriceTooLow": "spot machines cost more than usual just now: spot=False, or later",
    "Unsupported": "this type is not offered in this availability zone: choose another availability_zone= or machine=",
    "InvalidParameterValue": "EC2 knows no such value: are machine type and image of this region?",
    "RequestLimitExceeded": "EC2 was asked too often in a short time: try again in a minute",
    "Unavailable": "EC2 itself was out of order: try again in a minute",
    "InternalError": "EC2 itself was out of order: try again in a minute",
}

# Why a machine is in its state, as EC2 says it -> what that means for a scheduler's machine.
ENDS = {
    "Client.InstanceInitiatedShutdown": "its scheduler's machine has shut itself down. Likely: it had no work for its "
    "idle time-out; else Dask has failed there",
    "Client.UserInitiatedShutdown": "somebody has ended its scheduler's machine (dqnkit cloud stop, or the cloud's "
    "console)",
}


def region(wanted: str | None = None) -> str:
    """The given region, or the one in Amazon's own configuration.

    Raises:
        ClusterError: no region is given or configured.
    """
    session = botocore.session.get_session()
    found = wanted or session.get_config_variable("region") or os.environ.get("AWS_REGION")
    if not found:
        raise ClusterError(
            "in which region? Set one with aws configure, or AWS_DEFAULT_REGION=us-east-1, or say it: "
            "region='us-east-1', or --place us-east-1 of dqnkit cloud"
        )
    return str(found)


def connect(region: str) -> Any:
    """A client of EC2's API in a region; it repeats a call a few times when EC2 asks it to slow down."""
    return botocore.session.get_session().create_client("ec2", region_name=region, config=LIMITS)


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn an error of the API into a sentence with its likely cause.

    Raises:
        ClusterError: EC2 refused, could not be reached, or there are no credentials.
    """
    try:
        yield
    except botocore.exceptions.NoCredentialsError as error:
        raise ClusterError(f"{doing}: there are no credentials for Amazon here. aws configure sets them") from error
    except botocore.exceptions.ClientError as error:
        raise ClusterError(f"{doing}: {cause(error)}") from error
    except botocore.exceptions.BotoCoreError as error:
        raise ClusterError(f"{doing}: {error}. Is there a network?") from error


def code(error: botocore.exceptions.ClientError) -> str:
    """The error code that EC2 answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def cause(error: botocore.exceptions.ClientError) -> str:
    """An error of EC2 as a sentence, with its likely cause where it is known."""
    name = code(error)
    answer = error.response.get("Error", {}).get("Message", "")
    return f"EC2 answered {name} ({answer[:200]})" + (f". Likely: {CAUSES[name]}" if name in CAUSES else "")


def identity(region: str) -> str:
    """Who Amazon says that we are: the id of the user, or of the role and its session (``aws:userid`` in policies).

    Every account may ask that.

    Raises:
        ClusterError: there are no credentials, or they were refused.
    """
    sts = botocore.session.get_session().create_client("sts", region_name=region, config=LIMITS)
    with explained("asking who we are"):
        return str(sts.get_caller_identity()["UserId"])


def is_local(ec2: Any) -> bool:
    """Whether the cloud is a simulated one on this computer."""
    return is_loopback(ec2.meta.endpoint_url.partition("://")[2].partition("/")[0].rpartition(":")[0])


def subnet(ec2: Any, subnet_id: str | None = None, zone: str | None = None) -> dict[str, Any]:
    """The subnet with this id, or one of the default network, as EC2 describes it.

    Raises:
        ClusterError: there is no such subnet, or EC2 refused.
    """
    filters = [{"Name": "subnet-id", "Values": [subnet_id]} if subnet_id else DEFAULT_SUBNETS]
    if zone:
        filters.append({"Name": "availability-zone", "Values": [zone]})
    with explained("looking for a network"):
        found: list[dict[str, Any]] = ec2.describe_subnets(Filters=filters)["Subnets"]
    if not found:
        raise ClusterError(NO_NETWORK)
    return found[0]


def make_security_group(ec2: Any, reach: str, tags: dict[str, str], vpc: str) -> str:
    """Make a firewall for one cluster: its machines may reach each other, and ``reach`` the scheduler's port.

    Args:
        ec2: a client.
        reach: an address or network, like 203.0.113.7/32.
        tags: of the cluster.
        vpc: the id of the network.

    Returns:
        the id of the group.

    Raises:
        ClusterError: EC2 refused.
    """
    with explained("making a security group"):
        group: str = ec2.create_security_group(
            GroupName=f"dqnkit-{tags[CLUSTER]}",
            Description="Machines of one dqnkit cluster, and the computer that made it",
            VpcId=vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": as_tags(tags)}],
        )["GroupId"]
    with explained("opening the security group"):
        version = {"IpRanges": [{"CidrIp": reach}]} if ":" not in reach else {"Ipv6Ranges": [{"CidrIpv6": reach}]}
        among = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": group}]}
        driver = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT, **version}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[among, driver])
    return group


def newest_ubuntu(ec2: Any) -> str:
    """The id of the newest machine image of Ubuntu 24.04.

    Raises:
        ClusterError: the region has none, or EC2 refused.
    """
    filters = [{"Name": "name", "Values": [UBUNTU]}, {"Name": "state", "Values": ["available"]}]
    with explained("looking for Ubuntu's image"):
        images = ec2.describe_images(Owners=[CANONICAL], Filters=filters)["Images"]
    if not images:
        raise ClusterError("this region has no image of Ubuntu 24.04. Give the id of one of its images: ami='ami-...'")
    return str(max(images, key=lambda image: image["CreationDate"])["ImageId"])


def as_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as EC2 takes them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def find(ec2: Any, cluster: str | None = None) -> list[Leftover]:
    """The machines and security groups in a region: those of one cluster, or of all clusters of dqnkit.

    Raises:
        ClusterError: EC2 refused.
    """
    every = {"Name": "tag-key", "Values": [CLUSTER]}
    whose = every if cluster is None else {"Name": f"tag:{CLUSTER}", "Values": [checked(cluster)]}
    found = []
    with explained("looking for what is left"):
        for page in ec2.get_paginator("describe_instances").paginate(Filters=[whose]):
            for instance in (each for reservation in page["Reservations"] for each in reservation["Instances"]):
                if instance["State"]["Name"] != "terminated":
                    found.append(_machine(ec2.meta.region_name, instance, is_local(ec2)))
        for group in ec2.describe_security_groups(Filters=[whose])["SecurityGroups"]:
            tags = {tag["Key"]: tag["Value"] for tag in group.get("Tags", [])}
            where = {"cloud": "aws", "place": ec2.meta.region_name, "simulated": is_local(ec2)}
            found.append(from_tags(tags, kind="security group", id=group["GroupId"], **where))
    return found


def _machine(place: str, instance: dict[str, Any], simulated: bool) -> Leftover:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    return from_tags(
        tags,
        cloud="aws",
        place=place,
        kind="machine",
        id=instance["InstanceId"],
        state=instance["State"]["Name"],
        machine=instance["InstanceType"],
        spot=instance.get("InstanceLifecycle") == "spot",
        started=instance["LaunchTime"],
        simulated=simulated,
    )


def alive(ec2: Any, cluster: str) -> set[str]:
    """The ids of a cluster's machines that are starting or running."""
    wanted = [{"Name": f"tag:{CLUSTER}", "Values": [cluster]}, {"Name": "instance-state-name", "Values": list(ALIVE)}]
    pages = ec2.get_paginator("describe_instances").paginate(Filters=wanted)
    return {each["InstanceId"] for page in pages for some in page["Reservations"] for each in some["Instances"]}


def remove(ec2: Any, cluster: str, limit: float = REMOVE_SECONDS) -> list[Leftover]:
    """Remove all that is left of a cluster, and wait until it is gone.

    Returns:
        what was removed.

    Raises:
        ClusterError: EC2 refused, or something is still there after ``limit`` seconds.
    """
    began, removed, pause = time.monotonic(), {}, 0.2
    while found := find(ec2, cluster):
        removed.update({each.id: each for each in found})
        machines = [each for each in found if each.kind == "machine"]
        if to_end := [each.id for each in machines if each.state != "shutting-down"]:
            terminate(ec2, to_end)
        if not machines:
            _delete_groups(ec2, [each.id for each in found])
        if time.monotonic() - began > limit:
            names = ", ".join(each.id for each in found)
            raise ClusterError(f"still there after {limit:.0f} s: {names}")
        time.sleep(pause)
        pause = min(5.0, pause * 1.5)
    return list(removed.values())


def terminate(ec2: Any, ids: Iterable[str]) -> None:
    """Terminate machines. If EC2 refuses one of them, the others are terminated all the same.

    Raises:
        ClusterError: EC2 refused; the message names the machines and why.
    """
    ids = list(ids)
    with explained(f"ending machines ({', '.join(ids)})"):
        try:
            ec2.terminate_instances(InstanceIds=ids)
            return
        except botocore.exceptions.ClientError as error:
            if code(error) == "InvalidInstanceID.NotFound" and len(ids) == 1:
                return
            if len(ids) == 1 or (code(error) in CAUSES and code(error) != "UnauthorizedOperation"):
                raise  # it concerns all of them
    refused = []
    for each in ids:  # EC2 takes all or none
        try:
            terminate(ec2, [each])
        except ClusterError as error:
            refused.append(str(error))
    if refused:
        raise ClusterError("; ".join(refused))


def how_it_ended(ec2: Any, machine: str) -> str:
    """How the machine of a scheduler has ended, as far as EC2 tells: for about an hour it does.

    Raises:
        ClusterError: EC2 refused.
    """
    with explained("looking at how a machine ended"):
        wanted = [{"Name": "instance-id", "Values": [machine]}]
        found = [each for some in ec2.describe_instances(Filters=wanted)["Reservations"] for each in some["Instances"]]
    reason = found[0].get("StateReason", {}).get("Code", "") if found else ""
    return ENDS.get(reason, f"its scheduler's machine is gone, and EC2 gives {reason or 'nothing'} as the reason")


def _delete_groups(ec2: Any, groups: list[str]) -> None:
    for group in groups:
        with explained(f"removing the security group {group}"):
            try:
                ec2.delete_security_group(GroupId=group)
            except botocore.exceptions.ClientError as error:
                # a machine's network interface outlives it by some seconds
                if code(error) not in ("DependencyViolation", "InvalidGroup.NotFound"):
                    raise


def permissions() -> dict[str, Any]:
    """The smallest IAM policy with which clusters can be started, listed and removed."""
    text = resources.files("dqnkit.cloud").joinpath("data/aws_permissions.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def lacking(ec2: Any, subnet_id: str | None = None, zone: str | None = None) -> list[str]:
    """The actions that the account may not do, like ``RunInstances``: EC2 answers that to a request with `DryRun`.

    It does not ask about UNASKED.

    Raises:
        ClusterError: EC2 could not be asked.
    """
    missing = [name for name in READING if not _allowed(name, getattr(ec2, _method(name)))]
    if missing:  # without these the other requests cannot be composed
        return missing
    where = subnet(ec2, subnet_id, zone)
    tags = as_tags({CLUSTER: "dry-run", OWNER: identity(ec2.meta.region_name)})
    group = {"GroupName": "dqnkit-dry-run", "Description": "dqnkit", "VpcId": where["VpcId"]}
    group["TagSpecifications"] = [{"ResourceType": "security-group", "Tags": tags}]
    machine = {"ImageId": newest_ubuntu(ec2), "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
    machine |= {"SubnetId": where["SubnetId"], "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}]}
    for name, request in (("CreateSecurityGroup", group), ("RunInstances", machine)):
        if not _allowed(name, getattr(ec2, _method(name)), **request):
            missing.append(name)
    return missing


def _allowed(name: str, ask: Any, **request: Any) -> bool:
    with explained(f"asking whether {name} is allowed"):
        try:
            ask(DryRun=True, **request)
        except botocore.exceptions.ClientError as error:
            if code(error) not in ("DryRunOperation", "UnauthorizedOperation"):
                raise
            return code(error) == "DryRunOperation"
    return True  # moto ignores DryRun in some calls


def _method(action: str) -> str:
    return str(xform_name(action))


class AWSAccount:
    """An account of Amazon in one region, as `dqnkit.cloud.accounts.Account`."""

    unasked: tuple[str, ...] = UNASKED

    def __init__(self, place: str | None = None) -> None:
        self.place = region(place)
        self._client = connect(self.place)

    def identity(self) -> str:
        """Who Amazon says that we are."""
        return identity(self.place)

    def find(self) -> list[Leftover]:
        """The machines and security groups of all clusters of dqnkit."""
        return find(self._client)

    def remove(self, cluster: str) -> list[Leftover]:
        """Terminate and delete those of one cluster, and wait until they are gone; what was removed."""
        return remove(self._client, cluster)

    def lacking(self) -> list[str]:
        """Actions that are needed and not allowed."""
        return lacking(self._client)

    def permissions(self) -> str:
        """An IAM policy that allows all that is needed, as JSON."""
        return json.dumps(permissions(), indent=2)
