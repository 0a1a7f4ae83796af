"""Clusters on EC2, end to end, against a simulated cloud on this computer: what starts, what it costs, that it ends.

moto provides the API, machines are processes of this computer, and every connection is on the loopback.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import pytest

pytest.importorskip("dask_cloudprovider")

from click.testing import CliRunner
from clusters import within
from loopback import guarded_aws
from toys import small_config

from dqnkit.checkpoint import restore
from dqnkit.cli import main
from dqnkit.cloud import aws, boot, ec2, machines, meter, options
from dqnkit.cloud.leftovers import CLUSTER
from dqnkit.cloud.meter import within_budget
from dqnkit.cloud.owners import this_computer
from dqnkit.cloud.simulated.aws import SimulatedCloud
from dqnkit.cluster.package import stock_image
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.deploy import make_cluster
from dqnkit.errors import ClusterError, ConfigError
from dqnkit.evaluation import evaluate
from dqnkit.presets import preset
from dqnkit.training import train


@pytest.fixture(scope="module")
def cloud() -> Iterator[SimulatedCloud]:
    with guarded_aws() as cloud:
        yield cloud


@pytest.fixture
def clean(cloud: SimulatedCloud) -> Iterator[SimulatedCloud]:
    """The simulated cloud; the test fails if it leaves anything in it."""
    cloud.boot = "normal"
    before = left(cloud)
    yield cloud
    assert left(cloud) == before


def left(cloud: SimulatedCloud) -> tuple[set[str], set[str], int]:
    """Machines that still exist, security groups, processes."""
    return {each.id for each in cloud.instances() if each.state != "terminated"}, set(cloud.groups()), cloud.processes()


NOTHING: tuple[set[str], set[str], int] = (set(), set(), 0)


def lines() -> tuple[list[str], Callable[[str], None]]:
    """What a cluster prints, and to whom."""
    told: list[str] = []
    return told, told.append


def limits(**settings: str) -> Any:
    """Time limits, like ``boot_timeout="3 s"``."""
    return dask.config.set({f"dqnkit.cloud.{name.replace('_', '-')}": value for name, value in settings.items()})


# -- before anything is paid for --------------------------------------------------------------------------------------


def test_the_order_is_checked_before_the_cloud_is_asked_for_machines(cloud: SimulatedCloud) -> None:
    asked = len(cloud.calls())
    for wrong, sentence in (
        ({"budget": 0.001}, r"a budget of \$0.00 lasts for"),
        ({"budget": -1.0}, "above 0"),
        ({"machine": "x99.huge"}, "x99.huge"),
        ({"reach": "0.0.0.0/0"}, "not be the whole world"),
        ({"reach": "my house"}, "must be an address or a network"),
        ({"lifetime": "6 minutes", "idle_timeout": "1 hour"}, "at least the idle time-out"),
        ({"idle_timeout": "1 minute"}, "idle_timeout must be at least 300 s"),
        ({"image": "daskdev/dask:2021.1.0-py3.8"}, f"take the image {stock_image()}"),
        ({"colour": "blue"}, "there is no option colour"),
        ({"pip_packages": [f"package-{number}" for number in range(2000)]}, "boot script has .* bytes"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            make_cluster("aws", 2, progress=lambda line: None, **wrong)
    assert not {"RunInstances", "CreateSecurityGroup"} & set(cloud.calls()[asked:])


def test_nothing_starts_that_is_not_confirmed(clean: SimulatedCloud) -> None:
    asked: list[str] = []
    calls = len(clean.calls())
    with pytest.raises(ClusterError, match="nothing has started"):
        make_cluster("aws", 3, progress=asked.append, confirm=lambda cost: bool(asked.append(cost)))
    assert "3 x c7i.large" in asked[1]
    assert "At most $" in asked[1]
    assert "RunInstances" not in clean.calls()[calls:]


def test_a_dry_run_shows_everything_and_starts_nothing(clean: SimulatedCloud) -> None:
    dry = aws.dry_run(4, 2, budget=1.0, lifetime="90 minutes")
    assert dry.order.lifetime == 5400
    assert "4 x c7i.large" in dry.estimate
    for script in (dry.scheduler_script, dry.worker_script):
        assert script.startswith("#cloud-config\n")
        steps = script[script.index("runcmd:") :]
        assert steps.index("shutdown -P +90") < steps.index("docker") < steps.index("shutdown -P now")
        assert stock_image() in script
        assert "PRIVATE KEY-----" not in script
        assert "(private key)" in script
        assert len(script) < boot.LIMIT
    assert "--nthreads 2" in dry.worker_script
    assert "--idle-timeout" in dry.scheduler_script
    assert not dry.lacking
    assert not clean.groups()


def test_a_dry_run_names_what_the_account_does_not_allow(clean: SimulatedCloud) -> None:
    allowed = ec2.permissions()
    for statement in allowed["Statement"]:
        statement.pop("Condition", None)  # moto does not know the conditions of any action
    clean.requires_permissions(allowed)
    try:
        assert aws.dry_run(1).lacking == []
        start = next(statement for statement in allowed["Statement"] if statement["Sid"] == "Start")
        start["Action"] = ["ec2:CreateSecurityGroup"]
        clean.requires_permissions(allowed)
        assert aws.dry_run(1).lacking == ["RunInstances"]
        shown = CliRunner().invoke(main, ["cloud", "check"])
        assert shown.exit_code == 1
        assert "may not: RunInstances" in shown.output
        with pytest.raises(ClusterError, match=r"UnauthorizedOperation.*dqnkit cloud check"):
            make_cluster("aws", 1, progress=lambda line: None)
    finally:
        clean.requires_permissions(None)


def test_without_credentials_it_says_how_to_set_them(clean: SimulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(ClusterError, match=r"no credentials for Amazon here. aws configure"):
        make_cluster("aws", 1, progress=lambda line: None)


# -- a cluster --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_dqn_solves_cartpole_though_half_of_the_machines_are_taken_back(
    clean: SimulatedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machines, "RECONCILE_SECONDS", 1.0)
    told, tell = lines()
    config = preset("CartPole-v1", seed=1, total_steps=200_000)
    with make_cluster("aws", 2, spot=True, budget=5.0, progress=tell) as cluster, cluster.get_client() as client:
        started = clean.instances()
        assert sorted(each.spot for each in started if each.state == "running") == [False, True, True]
        training = train(config, rollouts=ClusterRollouts(client))
        lost = trained_until_solved(training, config, at_10_000=lambda: clean.reclaim(1))
        training.close()
        assert len(lost) == 1
        within(60, lambda: len(client.nthreads()) == 2)
        assert any("1 machine was lost, 1 is replaced" in line for line in told), told
        assert 0 < cluster.meter.spent() < 0.1
        assert cluster.meter.hourly == pytest.approx(0.19, abs=0.02)
    assert cluster.meter.hourly == 0
    assert "BEGIN" not in "".join(told)  # no key


def trained_until_solved(training: Any, config: DQNConfig, at_10_000: Callable[[], list[str]]) -> list[str]:
    """Train until the mean of 100 greedy episodes is 475; what was done at step 10,000."""
    done: list[str] = []
    checked = 0
    for status in training:
        if status.step >= 10_000 and not done:
            done = at_10_000()
        if done and status.step - checked >= 10_000:
            checked = status.step
            if evaluate(status.weights, config).mean() >= 475:
                return done
    raise AssertionError("not solved")


@pytest.fixture(scope="module")
def cluster(cloud: SimulatedCloud) -> Iterator[Any]:
    """A cluster with one worker, for tests that do not change it."""
    with make_cluster("aws", 1, budget=5.0, progress=lambda line: None) as cluster:
        yield cluster
    assert left(cloud) == NOTHING


def test_every_machine_says_whose_it_is_and_when_it_ends(cloud: SimulatedCloud, cluster: Any) -> None:
    found = ec2.find(ec2.connect("us-east-1"), cluster.launch.id)
    assert sorted(each.kind for each in found) == ["machine", "machine", "security group"]
    assert {each.computer for each in found} == {this_computer()}
    assert {each.owner for each in found} == {ec2.identity("us-east-1")}
    in_two_hours = time.time() + 2 * 3600
    assert all(each.ends is not None and abs(each.ends.timestamp() - in_two_hours) < 120 for each in found)
    shown = CliRunner().invoke(main, ["cloud", "list"])
    assert shown.exit_code == 0
    for each in found:
        assert each.id in shown.output


def test_the_ports_are_open_to_the_cluster_itself_and_to_one_address(cloud: SimulatedCloud, cluster: Any) -> None:
    client = ec2.connect("us-east-1")
    (group,) = client.describe_security_groups(Filters=[{"Name": f"tag:{CLUSTER}", "Values": ["*"]}])["SecurityGroups"]
    rules = group["IpPermissions"]
    addresses = [(rule["FromPort"], rule["ToPort"], each["CidrIp"]) for rule in rules for each in rule["IpRanges"]]
    assert addresses == [(8786, 8786, "127.0.0.1/32")]
    members = [pair["GroupId"] for rule in rules for pair in rule["UserIdGroupPairs"]]
    assert members == [group["GroupId"]]
    assert not [each for rule in rules for each in rule["Ipv6Ranges"]]


def test_a_worker_has_the_package_that_was_sent_and_speaks_tls(cluster: Any) -> None:
    with cluster.get_client() as client:
        (address,) = client.nthreads()
        assert address.startswith("tls://127.77.")
        (where,) = client.run(eval, "__import__('dqnkit').__file__").values()
        assert ".zip" in where  # the image has no dqnkit
        assert ".zip" in client.run_on_scheduler(eval, "__import__('dqnkit').__file__")
    with pytest.raises(ClusterError, match="TLS"):
        make_cluster(cluster.scheduler_address.replace("tls://", "tcp://"), timeout=1)


def test_later_clusters_of_this_process_are_not_bound_to_its_keys(cluster: Any) -> None:
    assert not dask.config.get("distributed.comm.require-encryption")
    with make_cluster(n_workers=0) as here:
        assert here.scheduler_address.startswith("tls://127.0.0.1")


def test_a_machine_knows_no_setting_but_its_own(cloud: SimulatedCloud, cluster: Any) -> None:
    with dask.config.set({"my.secret": "do not tell"}):
        script = cluster.render_process_cloud_init(cluster.scheduler)
    assert "do not tell" not in script
    assert "tls" in script


def test_the_budget_ends_training_with_a_checkpoint(cluster: Any, tmp_path: Path) -> None:
    config = small_config(total_steps=10_000_000)
    counting = meter.Meter(budget=1.0, clock=iter(range(0, 10**9, 40)).__next__)  # each look at the clock is 40 s later
    counting.started("i-1", 20.0)
    told, tell = lines()
    with cluster.get_client() as client:
        training = train(config, rollouts=ClusterRollouts(client))
        last = list(within_budget(training, counting, tmp_path, report=tell))[-1]
    assert counting.spent() < 1.0
    assert f"Training ended at step {last.step:,}" in told[0]
    assert restore(tmp_path, config).counters.step == last.step


# -- the end ----------------------------------------------------------------------------------------------------------

Tried = Callable[[int, str, str], None]


def test_a_cloud_that_refuses_the_end_is_heard_and_the_cluster_can_be_closed_later(
    clean: SimulatedCloud, tried: Tried
) -> None:
    told, tell = lines()
    before = left(clean)
    cluster: Any = make_cluster("aws", 1, progress=tell)
    with pytest.raises(ClusterError, match=r"ExpiredToken.*sign in again.*may still run"), cluster:
        clean.fail("TerminateInstances", "ExpiredToken", 1000)
    assert left(clean) != before
    assert cluster.status.name == "failed"
    for _ in range(2):
        with pytest.raises(
            ClusterError, match=f"dqnkit cloud stop {cluster.launch.id} --cloud aws --place us-"
        ) as raised:
            cluster.close()
    assert not any("nothing of it is left" in line for line in told)
    clean.recover()
    cluster.close()
    assert left(clean) == before
    assert "nothing of it is left" in told[-1]
    assert cluster.meter.hourly == 0
    assert cluster.status.name == "closed"
    cluster.close()
    tried(17, 'fail("TerminateInstances", "ExpiredToken", 1000), three closes', one_line(raised.value, cluster))
    tried(17, "then the cloud answers again, a fourth close", one_line(told[-1], cluster))


def one_line(text: object, cluster: Any) -> str:
    return re.sub("i-[0-9a-f]+", "i-...", str(text).replace(cluster.launch.id, "CLUSTER"))


def test_a_scheduler_that_somebody_ended_is_told_as_that(
    clean: SimulatedCloud, monkeypatch: pytest.MonkeyPatch, tried: Tried
) -> None:
    monkeypatch.setattr(machines, "RECONCILE_SECONDS", 0.3)
    told, tell = lines()
    with make_cluster("aws", 0, progress=tell) as cluster:
        ec2.terminate(ec2.connect("us-east-1"), [cluster.scheduler.machine_id])
        within(30, lambda: "nothing of it is left" in told[-1])
    assert "the cluster has ended: somebody has ended its scheduler's machine" in told[-2]
    tried(18, "the scheduler's machine is ended by somebody else", told[-2])


@pytest.mark.slow
@pytest.mark.parametrize("pause", [0.3, 1.5])
def test_four_interrupts_leave_a_last_line_with_the_command(pause: float, tried: Tried) -> None:
    program = (
        "import time\n"
        "from dqnkit.deploy import make_cluster\n"
        "if __name__ == '__main__':\n"
        "    with make_cluster('aws', n_workers=1) as cluster:\n"
        "        print('up', cluster.launch.id, flush=True)\n"
        "        time.sleep(600)\n"
    )
    with guarded_aws() as cloud:
        driver = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert driver.stdout
        with driver:
            name = next(line.split()[1] for line in driver.stdout if line.startswith("up "))
            cloud.fail("TerminateInstances", "InternalError", 1000, 500)
            for _ in range(4):
                driver.send_signal(signal.SIGINT)
                time.sleep(pause)
            said = driver.communicate(timeout=200)[1].strip().splitlines()[-1]
        assert "may still run and cost money" in said
        assert f"dqnkit cloud stop {name} --cloud aws --place us-east-1" in said
        tried(18, f"four Ctrl-C, {pause} s apart, and a cloud that is out of order", said.replace(name, "CLUSTER"))
        cloud.recover()
        assert CliRunner().invoke(main, ["cloud", "stop", name]).exit_code == 0
        assert left(cloud) == NOTHING


# -- faults -----------------------------------------------------------------------------------------------------------


def test_machines_that_never_come_up_are_taken_down_with_the_likely_causes(clean: SimulatedCloud) -> None:
    clean.boot = "never"
    told, tell = lines()
    with (
        limits(boot_timeout="2 s"),
        pytest.raises(ClusterError, match=r"could not be reached at .* within 2 s. Likely: "),
    ):
        make_cluster("aws", 2, progress=tell)
    assert "nothing of it is left" in told[-1]


def test_an_image_that_does_not_exist_is_noticed_when_its_machine_ends(clean: SimulatedCloud) -> None:
    with pytest.raises(ClusterError, match=r"has ended by itself. Likely: there is no image nobody/nothing:1"):
        make_cluster("aws", 1, image="nobody/nothing:1", progress=lambda line: None)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::distributed.versions.VersionMismatchWarning")  # Dask's own warning
def test_an_image_with_another_dask_is_found_before_training_starts(clean: SimulatedCloud, tmp_path: Path) -> None:
    older = "2026.7.1"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([*pip, f"distributed=={older}", f"dask=={older}"], check=True, timeout=120)
    clean.image("class/image:1", tmp_path)  # a name that does not tell what is in the image
    with pytest.raises(ClusterError, match=rf"has Dask {older}, this process .* take the image {stock_image()}"):
        make_cluster("aws", 1, image="class/image:1", progress=lambda line: None)


def test_a_worker_that_cannot_be_started_takes_the_others_down(clean: SimulatedCloud) -> None:
    def fail_after_the_scheduler(line: str) -> None:
        if "scheduler: up" in line:
            clean.fail("RunInstances", "InsufficientInstanceCapacity", times=2)

    with pytest.raises(ClusterError, match=r"InsufficientInstanceCapacity.*Likely: Amazon has none of these machines"):
        make_cluster("aws", 2, progress=fail_after_the_scheduler)


@pytest.mark.slow
def test_throttling_and_a_short_outage_are_waited_out(clean: SimulatedCloud) -> None:
    for action in ("RunInstances", "DescribeSubnets", "TerminateInstances"):
        clean.fail(action, "RequestLimitExceeded")
    clean.fail("DescribeInstances", "Unavailable", times=1)
    with make_cluster("aws", 1, progress=lambda line: None) as cluster, cluster.get_client() as client:
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3


def test_a_region_without_a_network_says_what_to_do(clean: SimulatedCloud) -> None:
    with pytest.raises(ClusterError, match="create-default-vpc"):
        make_cluster("aws", 1, subnet_id="subnet-00000000", progress=lambda line: None)


def test_a_group_is_removed_although_no_machine_came_of_it(clean: SimulatedCloud) -> None:
    clean.fail("RunInstances", "VcpuLimitExceeded")
    with pytest.raises(ClusterError, match="Service Quotas"):
        make_cluster("aws", 1, progress=lambda line: None)


def test_ctrl_c_while_it_starts_leaves_nothing(clean: SimulatedCloud) -> None:
    def interrupt(line: str) -> None:
        if "scheduler: boots" in line:
            signal.raise_signal(signal.SIGINT) if threading.current_thread() is threading.main_thread() else os.kill(
                os.getpid(), signal.SIGINT
            )

    clean.boot = "never"
    with pytest.raises(KeyboardInterrupt):
        make_cluster("aws", 1, progress=interrupt)
    time.sleep(1)  # what was running ends too


@pytest.mark.slow
def test_what_a_killed_driver_leaves_is_found_and_removed() -> None:
    run = CliRunner().invoke
    program = [sys.executable, str(Path(__file__).parents[1] / "support" / "killed_cloud_driver.py")]
    with guarded_aws() as cloud:
        driver = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        assert driver.stdout
        with driver, driver.stdout:
            name = driver.stdout.readline().split()[1]
            driver.kill()
        assert cloud.processes() > 0
        listed = run(main, ["cloud", "list"])
        assert len(re.findall(rf"^SIMULATED +{name} ", listed.output, re.MULTILINE)) == 3
        stopped = run(main, ["cloud", "stop", name])
        assert stopped.exit_code == 0
        assert stopped.output.count("removed: machine i-") == 2
        assert left(cloud) == NOTHING
        assert "Nothing of dqnkit" in run(main, ["cloud", "list"]).output
        assert "nothing to remove" in run(main, ["cloud", "stop", "--mine"]).output


def test_only_a_clusters_name_removes_a_cluster(cloud: SimulatedCloud, cluster: Any) -> None:
    for name in ("", "*", "????????"):
        stopped = CliRunner().invoke(main, ["cloud", "stop", name])
        assert stopped.exit_code == 2
        assert "no cluster's name" in stopped.output
    with cluster.get_client() as client:
        assert len(client.nthreads()) == 1


def test_it_does_not_grow_beyond_what_was_ordered(cluster: Any) -> None:
    for grow in (lambda: cluster.scale(2), lambda: cluster.scale(cores=4), lambda: cluster.adapt(maximum=9)):
        with pytest.raises(ClusterError, match="start"):
            grow()


def test_what_is_told_may_fail(clean: SimulatedCloud) -> None:
    def broken(line: str) -> None:
        raise BrokenPipeError

    clean.fail("RunInstances", "VcpuLimitExceeded")
    with pytest.raises(ClusterError, match="Service Quotas"):
        make_cluster("aws", 1, progress=broken)


@pytest.mark.slow
def test_a_program_that_ends_without_closing_its_cluster_leaves_nothing(clean: SimulatedCloud) -> None:
    program = (
        "from dqnkit.deploy import make_cluster\n"
        "if __name__ == '__main__':\n"
        "    cluster = make_cluster('aws', n_workers=1)\n"
        "    raise KeyError('something else')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert "something else" in ended.stderr
    assert "nothing of it is left" in ended.stdout


@pytest.mark.slow
def test_machines_end_by_themselves_when_their_lifetime_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "RECONCILE_SECONDS", 1.0)
    told, tell = lines()
    with (
        guarded_aws(seconds_a_minute=1.0) as cloud,  # six minutes of the simulated cloud are six seconds
        make_cluster("aws", 1, lifetime="6 minutes", idle_timeout="5 minutes", progress=tell),
    ):
        within(30, lambda: {each.state for each in cloud.instances()} <= {"terminated"})
        within(30, lambda: "nothing of it is left" in told[-1])  # the driver has noticed
        assert len(cloud.instances()) == 2  # and it has not ordered new machines
        assert left(cloud) == NOTHING


@pytest.mark.slow
def test_an_idle_cluster_ends_by_itself(clean: SimulatedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "LEAST_SECONDS", 1.0)
    monkeypatch.setattr(machines, "RECONCILE_SECONDS", 1.0)
    told, tell = lines()
    before, ever = left(clean), len(clean.instances())
    with make_cluster("aws", 1, idle_timeout="5 s", progress=tell):
        within(60, lambda: "nothing of it is left" in told[-1])
        assert left(clean) == before
        assert len(clean.instances()) == ever + 2
