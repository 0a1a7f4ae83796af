"""Whose a cluster is: `dqnkit cloud stop` and the printed policy keep one's hands off the clusters of others."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("dask_cloudprovider")

from click.testing import CliRunner
from clusters import within
from loopback import guarded_aws

from dqnkit.cli import main
from dqnkit.cloud import ec2
from dqnkit.cloud.leftovers import tags
from dqnkit.cloud.owners import this_computer
from dqnkit.cloud.simulated.aws import SimulatedCloud
from dqnkit.errors import ClusterError

Tried = Callable[[int, str, str], None]


@pytest.fixture(scope="module")
def everything() -> Iterator[SimulatedCloud]:
    with guarded_aws() as cloud:
        yield cloud


@pytest.fixture
def cloud(everything: SimulatedCloud) -> Iterator[SimulatedCloud]:
    """A simulated cloud, which must be empty after the test."""
    yield everything
    assert not everything.groups()
    assert {each.state for each in everything.instances()} <= {"terminated"}


def make_group(name: str, owner: str = "") -> None:
    """The firewall of a cluster of ours, which has no machines."""
    client = ec2.connect("us-east-1")
    network = ec2.subnet(client)["VpcId"]
    whose = tags(name, time.time(), owner or ec2.identity("us-east-1"))
    ec2.make_security_group(client, "127.0.0.1/32", whose, network)


def stop(*arguments: str) -> tuple[int, str]:
    shown = CliRunner().invoke(main, ["cloud", "stop", *arguments])
    return shown.exit_code, shown.output


def test_stop_goes_on_after_a_cluster_that_refuses_and_lists_it(cloud: SimulatedCloud, tried: Tried) -> None:
    for name in ("aaaa0001", "bbbb0002", "cccc0003"):
        make_group(name)
    cloud.fail("DeleteSecurityGroup", "UnauthorizedOperation")
    status, said = stop("--mine")
    assert status == 2
    assert "of cluster bbbb0002" in said
    assert "of cluster cccc0003" in said
    assert "not removed: cluster aaaa0001: removing the security group" in said
    assert "UnauthorizedOperation" in said
    tried(19, "cloud stop --mine, and the first of three refuses", re.sub("sg-[0-9a-f]+", "sg-...", said))
    assert stop("aaaa0001")[0] == 0


def test_identical_images_do_not_stop_each_others_clusters(
    cloud: SimulatedCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tried: Tried
) -> None:
    make_group("aaaa0001")
    mine = this_computer()
    with monkeypatch.context() as other:  # the same user, host and account, in another container
        other.setenv("XDG_CONFIG_HOME", str(tmp_path))
        this_computer.cache_clear()
        assert this_computer() != mine
        assert this_computer()[:-8] == mine[:-8]
        status, said = stop("--mine")
        assert status == 0
        assert f"left: cluster aaaa0001, started by {mine}. If it is yours: dqnkit cloud stop aaaa0001" in said
        assert "nothing to remove" in said
    this_computer.cache_clear()
    assert this_computer() == mine  # it is kept
    assert "of cluster aaaa0001" in stop("--mine")[1]
    tried(19, "cloud stop --mine in a container of the same image", said.strip().replace(mine, "anna_class-1f0c5a2e"))


def test_a_cluster_of_another_user_of_the_account_is_left_alone(cloud: SimulatedCloud, tried: Tried) -> None:
    make_group("aaaa0001")
    cloud.requires_permissions(ec2.permissions())
    try:
        with cloud.another_user():
            status, said = stop("aaaa0001")
            assert status == 2
            assert "not removed: cluster aaaa0001: somebody else has started it" in said
            tried(
                19, "cloud stop CLUSTER of another user", said.strip().replace(this_computer(), "anna_laptop-1f0c5a2e")
            )
            status, said = stop("aaaa0001", "--of-others")  # the policy holds, too
            assert status == 2
            assert "UnauthorizedOperation" in said
            tried(19, "... with --of-others, under the printed policy", re.sub("sg-[0-9a-f]+", "sg-...", said.strip()))
            with pytest.raises(ClusterError, match="UnauthorizedOperation"):  # nor can it be started in somebody's name
                make_group("bbbb0002", owner="AIDA")
            status, said = stop("--mine")
            assert f"left: cluster aaaa0001, started by {this_computer()}. If it is yours" in said
            assert "nothing to remove" in said
        assert "of cluster aaaa0001" in stop("aaaa0001")[1]
    finally:
        cloud.requires_permissions(None)


def test_machines_end_though_one_of_them_may_not(cloud: SimulatedCloud, tried: Tried) -> None:
    client = ec2.connect("us-east-1")
    mine = [{"ResourceType": "instance", "Tags": ec2.as_tags(tags("aaaa0001", 0, ec2.identity("us-east-1")))}]
    cloud.boot = "never"
    image = ec2.newest_ubuntu(client)
    ids = [
        client.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=mine)["Instances"][0][
            "InstanceId"
        ]
        for _ in range(3)
    ]
    cloud.fail("TerminateInstances", "OperationNotPermitted", 2)  # all together, then the first alone
    with pytest.raises(ClusterError, match=rf"ending machines \({ids[0]}\): EC2 answered OperationNotPermitted"):
        ec2.terminate(client, ids)
    within(
        20, lambda: {each.id for each in cloud.instances() if each.state == "running" and each.id in ids} == {ids[0]}
    )
    assert stop("aaaa0001")[0] == 0
    tried(19, "one of a cluster's machines may not be ended", "the others are ended; the error names that one")
