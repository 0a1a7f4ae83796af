"""The simulated cloud on this computer: its machines run their boot scripts, use their own addresses, and end."""

from __future__ import annotations

import base64
import copy
import gzip
import ipaddress
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import dask.config
import psutil
import pytest
from botocore.exceptions import ClientError
from dask_processes import assert_gone
from loopback import guarded_aws, only_loopback

from dqnkit.cloud.simulated.aws import Instance, SimulatedCloud, simulated_aws
from dqnkit.cloud.simulated.cloud_init import Container, End, PassedOver, read_user_data
from dqnkit.cloud.simulated.sandbox import BeyondTheLoopbackError
from dqnkit.errors import MissingExtraError

IMAGE = "daskdev/dask:2026.7.0-py3.11"
FOREVER = "import time; time.sleep(600)"
BEYOND = "192.0.2.1"  # an address reserved for documentation


def python(code: str, options: str = "--net=host", image: str = IMAGE) -> str:
    """A line of a boot script: Python in a container."""
    return f"docker run {options} {image} python -c {shlex.quote(code)}"


def boot_script(*lines: str | list[str], **more: Any) -> str:
    return "#cloud-config\n" + json.dumps({"runcmd": lines, **more})


@pytest.fixture(scope="module")
def cloud() -> Iterator[SimulatedCloud]:
    with simulated_aws(seconds_a_minute=0.4) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def client(cloud: SimulatedCloud) -> Any:
    return client_of_ec2()


@pytest.fixture
def ec2(cloud: SimulatedCloud, client: Any) -> Iterator[Any]:
    """A client; the machines of the test end with it."""
    with only_loopback():
        yield client
        if alive := [each.id for each in cloud.instances() if each.state == "running"]:
            client.terminate_instances(InstanceIds=alive)
            wait_for(lambda: cloud.processes() == 0)


def client_of_ec2() -> Any:
    return boto3.Session().client("ec2")


def run(ec2: Any, *lines: str | list[str], **more: Any) -> dict[str, Any]:
    """A machine with these lines in its boot script, as the API first returns it."""
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    request = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "UserData": boot_script(*lines), **more}
    instance: dict[str, Any] = ec2.run_instances(**request)["Instances"][0]
    return instance


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def now(cloud: SimulatedCloud, instance: dict[str, Any]) -> Instance:
    return next(each for each in cloud.instances() if each.id == instance["InstanceId"])


def logged(cloud: SimulatedCloud, instance: dict[str, Any], text: str) -> str:
    """The machine's log, once it contains a text."""
    wait_for(lambda: text in now(cloud, instance).log)
    return now(cloud, instance).log


def test_a_container_listens_on_its_machines_own_address_and_ends_with_it(cloud: SimulatedCloud, ec2: Any) -> None:
    serve = "import socket, time; s = socket.create_server(('', 8786)); print('listens', flush=True); time.sleep(600)"
    machines = [run(ec2, python(serve)) for _ in range(2)]
    for machine in machines:  # the same port on both machines
        logged(cloud, machine, "\nlistens\n")
        socket.create_connection((now(cloud, machine).address, 8786), 5).close()
    processes = [psutil.Process(now(cloud, machine).pid) for machine in machines]
    ec2.terminate_instances(InstanceIds=[machines[0]["InstanceId"]])
    wait_for(lambda: now(cloud, machines[0]).state == "terminated")
    assert_gone(processes[:1], seconds=0)
    assert processes[1].is_running()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((now(cloud, machines[0]).address, 8786), 5)


def test_a_stopped_machine_has_no_processes(cloud: SimulatedCloud, ec2: Any) -> None:
    machine = run(ec2, python(FOREVER))
    process = psutil.Process(wait_for(lambda: now(cloud, machine).pid))
    ec2.stop_instances(InstanceIds=[machine["InstanceId"]])
    assert_gone([process])
    assert now(cloud, machine).state == "stopped"


def test_a_process_that_does_not_want_to_end_is_killed(cloud: SimulatedCloud, ec2: Any) -> None:
    stubborn = f"import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); {FOREVER}"
    machine = run(ec2, python(stubborn))
    logged(cloud, machine, "\ndeaf\n")
    process = psutil.Process(now(cloud, machine).pid)
    asked = time.monotonic()
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    wait_for(lambda: now(cloud, machine).state == "terminated")
    assert_gone([process], seconds=0)
    assert time.monotonic() - asked < 10


def test_every_address_is_of_the_loopback_from_the_first_answer(cloud: SimulatedCloud, ec2: Any) -> None:
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    public = {"DeviceIndex": 0, "AssociatePublicIpAddress": True, "SubnetId": subnet}
    seen = [run(ec2), run(ec2, NetworkInterfaces=[public])]
    ids = [each["InstanceId"] for each in seen]
    found = [each["Instances"][0] for each in ec2.describe_instances(InstanceIds=ids)["Reservations"]]
    addresses = [each["PrivateIpAddress"] for each in found]
    assert found[1]["PublicIpAddress"] == addresses[1]
    assert len(set(addresses)) == 2 or sys.platform != "linux"
    for text in json.dumps([*seen, *found], default=str).replace('"', " ").split():
        if text.count(".") == 3 and text.replace(".", "").isdigit():
            assert ipaddress.ip_address(text).is_loopback, text


def test_a_machine_ends_when_its_time_is_up_whatever_it_does(cloud: SimulatedCloud, ec2: Any) -> None:
    machine = run(ec2, "shutdown -P +3", python(FOREVER), InstanceInitiatedShutdownBehavior="terminate")
    assert logged(cloud, machine, f"runs {IMAGE}")
    assert now(cloud, machine).state == "running"
    wait_for(lambda: now(cloud, machine).state == "terminated")
    assert now(cloud, machine).reason == "Client.InstanceInitiatedShutdown"
    assert cloud.processes() == 0


def test_a_machine_ends_when_its_script_says_so_after_its_container(cloud: SimulatedCloud, ec2: Any) -> None:
    ends = run(ec2, python("print(6 * 7)"), "shutdown -h now", InstanceInitiatedShutdownBehavior="terminate")
    stops = run(ec2, "shutdown -h now")
    wait_for(lambda: (now(cloud, ends).state, now(cloud, stops).state) == ("terminated", "stopped"))
    assert "\n42\n" in now(cloud, ends).log


def test_files_variables_and_folders_reach_the_container(cloud: SimulatedCloud, ec2: Any) -> None:
    files = [
        {"path": "/etc/settings.json", "content": '{"a": 1}', "permissions": "0600"},
        {"path": "/root/env", "content": base64.b64encode(gzip.compress(b"B=2 3")).decode(), "encoding": "gz+b64"},
        {"path": "/opt/go.sh", "content": "#!/bin/sh\n" + python("import os; print(os.environ['C'])", "-e C='in go'")},
    ]
    code = "import os, sys; print(open(sys.argv[1]).read(), os.environ['B'], os.environ.get('AWS_ACCESS_KEY_ID'))"
    options = "-v /etc/settings.json:/settings:ro --env-file /root/env"
    user_data = boot_script(f"{python(code, options)} /settings", ["sh", "/opt/go.sh"], write_files=files)
    log = logged(cloud, run(ec2, UserData=gzip.compress(user_data.encode())), "\nin go\n")
    assert '{"a": 1} 2 3 None' in log


def test_an_image_has_neither_the_kit_nor_what_is_to_be_installed_first(cloud: SimulatedCloud, ec2: Any) -> None:
    code = "from importlib.util import find_spec; print([bool(find_spec(n)) for n in ('dqnkit', 'gymnasium', 'dask')])"
    bare, brought = run(ec2, python(code)), run(ec2, python(code, "-e EXTRA_PIP_PACKAGES=gymnasium==1.3"))
    assert "[False, False, True]" in logged(cloud, bare, "exit code 0")
    assert "[False, True, True]" in logged(cloud, brought, "exit code 0")


def test_an_image_may_have_other_packages_or_not_exist(cloud: SimulatedCloud, ec2: Any, tmp_path: Path) -> None:
    (tmp_path / "dask.py").write_text("__version__ = 'an old one'")
    cloud.image("daskdev/dask:old", tmp_path)
    code = "import dask; print(dask.__version__)"
    assert "\nan old one\n" in logged(cloud, run(ec2, python(code, image="daskdev/dask:old")), "exit code 0")
    assert "there is no image me/mine" in logged(cloud, run(ec2, python(code, image="me/mine")), "exit code 125")


def test_the_api_answers_the_errors_that_it_is_told(cloud: SimulatedCloud, ec2: Any) -> None:
    cloud.fail("RunInstances", "InsufficientInstanceCapacity")
    with pytest.raises(ClientError, match="InsufficientInstanceCapacity"):
        run(ec2)
    cloud.fail("DescribeVpcs", "RequestLimitExceeded", times=2)
    ec2.describe_vpcs()  # botocore asks again
    assert cloud.calls()[-3:] == ["DescribeVpcs"] * 3
    with pytest.raises(ClientError, match="limited to 16384 bytes"):
        run(ec2, UserData="x" * 16_385)
    run(ec2, UserData="#" * 16_384)


def test_spot_machines_are_taken_back(cloud: SimulatedCloud, ec2: Any) -> None:
    spot = [run(ec2, python(FOREVER), InstanceMarketOptions={"MarketType": "spot"}) for _ in range(2)]
    own = run(ec2, python(FOREVER))
    wait_for(lambda: all(now(cloud, each).pid for each in (*spot, own)))
    assert now(cloud, spot[0]).spot
    assert cloud.reclaim(1) == [spot[0]["InstanceId"]]
    wait_for(lambda: now(cloud, spot[0]).state == "terminated")
    found = ec2.describe_instances(InstanceIds=[spot[0]["InstanceId"]])["Reservations"][0]["Instances"][0]
    assert found["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    assert cloud.processes() == 2
    assert cloud.reclaim([own["InstanceId"], spot[1]["InstanceId"]]) == [spot[1]["InstanceId"]]  # own is not spot


def test_nothing_starts_on_a_machine_that_never_boots(cloud: SimulatedCloud, ec2: Any) -> None:
    cloud.boot = "never"
    machine = run(ec2, python(FOREVER))
    cloud.boot = "normal"
    other = run(ec2, python(FOREVER))
    wait_for(lambda: now(cloud, other).pid)
    assert now(cloud, machine).pid is None
    assert now(cloud, machine).state == "running"


def test_a_group_can_be_deleted_only_when_its_machines_are_gone(cloud: SimulatedCloud, ec2: Any) -> None:
    group = ec2.create_security_group(GroupName="ours", Description="-")["GroupId"]
    machine = run(ec2, SecurityGroupIds=[group])
    assert cloud.groups() == ["ours"]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    ec2.terminate_instances(InstanceIds=[machine["InstanceId"]])
    wait_for(lambda: now(cloud, machine).state == "terminated")
    ec2.delete_security_group(GroupId=group)
    assert cloud.groups() == []


def test_an_account_may_do_what_its_policy_allows(cloud: SimulatedCloud, ec2: Any) -> None:
    ours = {"Null": {"aws:ResourceTag/ours": "false"}}
    policy = {
        "Statement": [
            {"Effect": "Allow", "Action": ["ec2:Describe*", "ec2:RunInstances"], "Resource": "*"},
            {"Effect": "Allow", "Action": "ec2:TerminateInstances", "Resource": "*", "Condition": ours},
        ]
    }
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "ours", "Value": "yes"}]}]
    mine, other = run(ec2, TagSpecifications=tags), run(ec2)
    cloud.requires_permissions(policy)
    try:
        for action, code in ((ec2.describe_vpcs, "DryRunOperation"), (ec2.create_vpc, "UnauthorizedOperation")):
            with pytest.raises(ClientError, match=code):
                action(DryRun=True, **({} if action == ec2.describe_vpcs else {"CidrBlock": "10.1.0.0/16"}))
        with pytest.raises(ClientError, match="ec2:CreateTags"):
            run(ec2, TagSpecifications=tags)
        ec2.terminate_instances(InstanceIds=[mine["InstanceId"]])
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            ec2.terminate_instances(InstanceIds=[other["InstanceId"]])
    finally:
        cloud.requires_permissions(None)


def test_other_users_of_the_computer_cannot_start_machines(cloud: SimulatedCloud, ec2: Any) -> None:
    stranger = boto3.Session(aws_access_key_id="AKIA" + "A" * 16, aws_secret_access_key="x").client("ec2")
    with pytest.raises(ClientError, match="AuthFailure"):
        stranger.describe_vpcs()
    with pytest.raises(OSError, match="401"):
        urlopen(Request(f"{cloud.url}/_simulated/instances", data=b"{}"), timeout=10)


def test_a_connection_beyond_the_loopback_is_an_error_here() -> None:
    def connect_resolve_and_send() -> None:
        with only_loopback():
            with pytest.raises(BeyondTheLoopbackError):
                socket.create_connection((BEYOND, 80), 1)
            with pytest.raises(BeyondTheLoopbackError):
                socket.getaddrinfo("example.org", 80)
            with pytest.raises(BeyondTheLoopbackError), socket.socket(type=socket.SOCK_DGRAM) as sender:
                sender.sendto(b"", (BEYOND, 53))

    # the function catches the errors, and fails all the same
    with pytest.raises(AssertionError, match=f"(?s){BEYOND}.*example.org.*{BEYOND}"):
        connect_resolve_and_send()
    with only_loopback(), socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(("localhost", server.getsockname()[1])).close()


def test_a_connection_beyond_the_loopback_is_an_error_on_a_machine(cloud: SimulatedCloud, ec2: Any) -> None:
    assert cloud.violations() == []
    machine = run(ec2, python(f"import socket; socket.create_connection(('{BEYOND}', 80), 1)"))
    assert "BeyondTheLoopbackError" in logged(cloud, machine, "exit code 1")
    assert BEYOND in cloud.violations()[0]


def test_the_environment_is_as_before_and_all_processes_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "one that does not exist")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    before = dict(os.environ)
    children = set(psutil.Process().children(recursive=True))
    with guarded_aws() as cloud:
        machine = run(client_of_ec2(), python(FOREVER))
        wait_for(lambda: now(cloud, machine).pid)
        started = set(psutil.Process().children(recursive=True)) - children
        assert len(started) == 2
    assert_gone(list(started), seconds=0)
    assert dict(os.environ) == before


def test_all_processes_end_when_the_one_that_made_the_cloud_is_killed() -> None:
    script = str(Path(__file__).parents[1] / "support" / "cloud_to_kill.py")
    with subprocess.Popen([sys.executable, script, boot_script(python(FOREVER))], stdout=subprocess.PIPE) as maker:
        assert maker.stdout
        pid = int(maker.stdout.readline())
        processes = psutil.Process(maker.pid).children(recursive=True)
        assert pid in [process.pid for process in processes]
        maker.kill()
    assert_gone(processes, seconds=10)


def test_containers_end_when_the_server_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # its files are not removed
    with simulated_aws() as cloud:
        machine = run(client_of_ec2(), python(FOREVER))
        process = psutil.Process(wait_for(lambda: now(cloud, machine).pid))
        server = process.parent()
        assert server
        wait_for(lambda: process.num_threads() > 1)  # it now watches the server
        server.send_signal(signal.SIGKILL)
        assert_gone([process], seconds=10)


def test_without_its_packages_it_says_which_extra_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dqnkit.cloud.simulated.aws.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"dqnkit\[cloud\]"), simulated_aws():
        pass


def test_what_a_script_says_is_understood(tmp_path: Path) -> None:
    script = """#!/bin/bash
    for i in 1 2 3; do apt-get update && break; sleep 1; done
    sudo shutdown -P +90 "enough"
    timeout 60 docker run -d --rm -eA=1 -p 8786:8786 --gpus=all daskdev/dask:x dask worker tls://h:1 2>&1 || true
    sh -c 'docker run a/b; shutdown -P now' &
    """
    steps = read_user_data(script.encode(), tmp_path)
    assert [step for step in steps if not isinstance(step, PassedOver)] == [
        End(90),
        Container("daskdev/dask:x", ("dask", "worker", "tls://h:1"), {"A": "1"}, detached=True),
        Container("a/b", (), {}, detached=False),
        End(0),
    ]


@pytest.fixture
def dask_configuration() -> Iterator[None]:
    """Dask's configuration is as before after the test: a cluster of dask-cloudprovider leaves its TLS keys there."""
    before = copy.deepcopy(dask.config.config)
    yield
    dask.config.config.clear()
    dask.config.config.update(before)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of sockets that it leaves open
def test_a_cluster_of_dask_cloudprovider_runs_on_it(dask_configuration: None) -> None:
    from dask_cloudprovider.aws import EC2Cluster

    with guarded_aws() as cloud:
        ec2 = client_of_ec2()
        group = ec2.create_security_group(GroupName="dask", Description="-")["GroupId"]
        options = {"docker_image": IMAGE, "bootstrap": False, "security_groups": [group]}
        with EC2Cluster(n_workers=1, security=True, **options) as cluster, cluster.get_client() as client:
            client.wait_for_workers(1, timeout=60)
            assert client.submit(sum, [1, 2]).result(60) == 3
            workers = client.scheduler_info()["workers"]
            assert all(address.startswith("tls://127.77.") for address in [cluster.scheduler_address, *workers])
            assert cloud.processes() >= 3
        wait_for(lambda: {each.state for each in cloud.instances()} == {"terminated"})
        assert cloud.processes() == 0
