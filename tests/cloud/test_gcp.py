"""Clusters on Google Compute Engine, against a stand-in for its API: the requests, and that nothing is left."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dask
import pytest
import yaml
from click.testing import CliRunner
from clusters import Collector, within
from distributed import Security
from toys import small_config

pytest.importorskip("googleapiclient")
pytest.importorskip("dask_cloudprovider")

from compute_api import ComputeAPI, compute_api
from loopback import only_loopback

from dqnkit.cli import main
from dqnkit.cloud import gce, gcp, leftovers, machines
from dqnkit.cloud.gce import GCPAccount
from dqnkit.deploy import connect, make_cluster
from dqnkit.errors import ClusterError, ConfigError

INSTANCES, FIREWALLS = "projects/p/zones/us-central1-a/instances", "projects/p/global/firewalls"


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ComputeAPI]:
    """An empty project, which must be empty after the test; no connection may leave the loopback."""
    monkeypatch.setattr(gce, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(machines, "RECONCILE_SECONDS", 0.5)
    before = copy.deepcopy(dask.config.get("distributed.comm"))
    with only_loopback(), compute_api(tmp_path) as (api, variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield api
        assert not api.instances
        assert not api.firewalls
        within(10, lambda: all(machine.ended.is_set() for machine in api.machines.values()))
        assert not api.settings.violations.exists(), api.settings.violations.read_text()
    assert dask.config.get("distributed.comm") == before, "the keys are left to every later cluster"


def start(n_workers: int = 1, **options: Any) -> Any:
    return make_cluster("gcp", n_workers, **{"reach": "203.0.113.7/32", "lifetime": "1 hour", **options})


def test_a_cluster_comes_up_makes_rollouts_and_leaves_nothing(
    api: ComputeAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    with dask.config.set({"secret-of-mine": "TOKEN-1234"}), start(2, spot=True, budget=1.0) as cluster:
        with cluster.get_client() as client, Collector(client, small_config()) as collector:
            collector.collect_until(lambda: len(collector.from_workers()) == 2)
        with pytest.raises(ClusterError, match="needs certificates"):
            connect(cluster.scheduler_address, security=Security())
        assert cluster.scheduler_address.startswith("tls://127.77.0.")
        assert 0 < cluster.meter.spent() < 1
        before = datetime.now(UTC)
        left = GCPAccount().find()
        assert sorted(each.kind for each in left) == ["firewall rule"] * 3 + ["machine"] * 3
        assert {each.cluster for each in left} == {cluster.launch.id}
        assert all(each.ends and each.ends < before + timedelta(hours=1, minutes=1) for each in left)
        lifetime = cluster.order.lifetime
    scheduler, *workers = (request.body for request in api.asked("POST", INSTANCES))
    assert len(workers) == 2
    for body in (scheduler, *workers):
        assert body["tags"] == {"items": [f"dqnkit-{cluster.launch.id}"]}
        assert body["serviceAccounts"] == []
        assert body["labels"]["dqnkit-cluster"] == cluster.launch.id
        assert {"dqnkit-owner", "dqnkit-ends"} < set(body["labels"])
        assert all(re.fullmatch("[a-z0-9_-]{0,63}", text) for pair in body["labels"].items() for text in pair)
        assert body["scheduling"]["instanceTerminationAction"] == "DELETE"
        assert lifetime - 60 < int(body["scheduling"]["maxRunDuration"]["seconds"]) <= lifetime  # up to the common end
        assert body["disks"][0]["autoDelete"] == "true"
        assert body["disks"][0]["initializeParams"]["sourceImage"].endswith("/ubuntu-2404-lts-amd64")
        assert [item["key"] for item in body["metadata"]["items"]] == ["user-data", "block-project-ssh-keys"]
        data = body["metadata"]["items"][0]["value"]
        assert "shutdown" not in data  # a shutdown would only stop it, and its disk would still be paid for
        assert "--no-dashboard" in data
        assert "TOKEN-1234" not in data
    assert [body["scheduling"]["provisioningModel"] for body in (scheduler, *workers)] == ["STANDARD", "SPOT", "SPOT"]
    assert scheduler["machineType"].endswith("/e2-standard-2")
    assert workers[0]["machineType"].endswith("/e2-standard-2")
    requests = json.dumps([request.headers for request in api.requests])
    assert "Authorization" not in requests
    shown = "".join(capsys.readouterr())
    assert "At most $" in shown
    assert all(line.count("SIMULATED") == 1 for line in shown.splitlines())  # the stand-in is no real cloud
    assert "workers: all 2 are there" in shown
    assert "PRIVATE KEY" not in shown
    assert "INHERIT_CONFIG" not in shown


def test_the_firewall_lets_in_the_driver_and_its_own_machines_and_nobody_else(api: ComputeAPI) -> None:
    with start(0) as cluster:
        tag = f"dqnkit-{cluster.launch.id}"
        rules = {name.removeprefix(f"{tag}-"): rule for name, rule in api.firewalls.items()}
        assert set(rules) == {"driver", "among", "world"}
        assert all(rule["targetTags"] == [tag] and rule["direction"] == "INGRESS" for rule in rules.values())
        assert rules["driver"]["sourceRanges"] == ["203.0.113.7/32"]
        assert rules["driver"]["allowed"] == [{"IPProtocol": "tcp", "ports": ["8786"]}]
        assert rules["among"]["sourceTags"] == [tag]
        assert "sourceRanges" not in rules["among"]
        assert rules["world"]["denied"] == [{"IPProtocol": "all"}]
        assert rules["driver"]["priority"] == rules["among"]["priority"] < rules["world"]["priority"] < 1000
        # it exists before the first machine starts
        order = [request.path for request in api.requests if request.method == "POST"]
        assert order == [FIREWALLS] * 3 + [INSTANCES]


@pytest.mark.slow
def test_a_spot_machine_that_is_taken_back_is_replaced(api: ComputeAPI) -> None:
    with start(1, spot=True) as cluster, cluster.get_client() as client:
        (name,) = [name for name in api.instances if "worker" in name]
        api.take_back(name)
        within(60, lambda: len([name for name in api.instances if "worker" in name]) == 1)
        within(60, lambda: client.submit(sum, [1, 2], pure=False).result(timeout=60) == 3)
        assert len(api.asked("POST", INSTANCES)) == 3


@pytest.mark.parametrize(
    ("failure", "what"),
    [
        (("POST", INSTANCES, 403, "forbidden"), "the account may not do this: dqnkit cloud check"),
        (("POST", INSTANCES, 403, "quotaExceeded"), "quota is reached: fewer or smaller workers"),
        (("POST", INSTANCES, 404, "notFound"), "the project, zone, machine type or network does not exist"),
        (("LATER", "", 200, "QUOTA_EXCEEDED"), "quota is reached: fewer or smaller workers"),
        (("LATER", "", 200, "ZONE_RESOURCE_POOL_EXHAUSTED"), "none of these machines left in this zone"),
        (("POST", FIREWALLS, 403, "accessNotConfigured"), "gcloud services enable compute.googleapis.com"),
        (("POST", FIREWALLS, 403, "forbidden", "This API method requires billing to be enabled."), "no billing acc"),
    ],
)
def test_what_is_refused_is_explained_and_nothing_is_left(api: ComputeAPI, failure: tuple[Any, ...], what: str) -> None:
    api.boots = False
    api.fail(*failure)
    with pytest.raises(ClusterError, match=what):
        start(1)


def test_a_moment_of_trouble_is_waited_out(api: ComputeAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("googleapiclient.http.random.random", lambda: 0.05)  # of the pause, which is longer each time
    api.fail("POST", FIREWALLS, 503, "backendError")
    api.fail("POST", INSTANCES, 429, "rateLimitExceeded")
    with start(0):
        pass
    assert len(api.asked("POST", FIREWALLS)) == 4
    first, second = api.asked("POST", INSTANCES)
    assert first.query["requestId"] == second.query["requestId"], "the second could make a second machine"


def test_a_machine_that_never_comes_up_is_taken_down(api: ComputeAPI, capsys: pytest.CaptureFixture[str]) -> None:
    api.boots = False
    with (
        dask.config.set({"dqnkit.cloud.boot-timeout": "1 s"}),
        pytest.raises(ClusterError, match=r"could not be reached at 127\.77\.0\.1:8786 within 1 s. Likely: your addr"),
    ):
        start(1)
    assert "what has started is taken down" in capsys.readouterr().out


def test_a_machine_that_comes_when_nobody_waits_any_more_is_ended_again(api: ComputeAPI) -> None:
    api.boots, api.delay = False, 2.0
    with (
        dask.config.set({"dqnkit.cloud.request-timeout": "0.5 s"}),
        pytest.raises(ClusterError, match=r"did not start the scheduler's machine within 0 s"),
    ):
        start(0)
    within(20, lambda: [each.method for each in api.requests if INSTANCES in each.path][-2:] == ["POST", "DELETE"])


Tried = Callable[[int, str, str], None]


@pytest.mark.parametrize(("status", "reason"), [(403, "forbidden"), (500, "backendError")])
def test_a_cloud_that_refuses_the_end_is_heard_and_the_cluster_can_be_closed_later(
    api: ComputeAPI, monkeypatch: pytest.MonkeyPatch, status: int, reason: str, tried: Tried
) -> None:
    monkeypatch.setattr(gce, "RETRIES", 0)
    with pytest.raises(ClusterError, match=f"{reason}.*may still run and cost money"), start(0) as cluster:
        api.fail("DELETE", f"{INSTANCES}/*", status, reason, times=1000)
    assert api.instances
    with pytest.raises(ClusterError, match=f"dqnkit cloud stop {cluster.launch.id} --cloud gcp --place p") as raised:
        cluster.close()
    api.failures.clear()
    cluster.close()
    assert not api.instances
    assert cluster.meter.hourly == 0
    tried(17, f"Google answers each DELETE with {status}", str(raised.value).replace(cluster.launch.id, "CLUSTER"))


def test_a_replacement_that_comes_late_is_ended_and_so_is_every_machine_that_nobody_holds(
    api: ComputeAPI, tried: Tried
) -> None:
    told: list[str] = []
    with start(1, spot=True, progress=told.append) as cluster:
        (name,) = (name for name in api.instances if "worker" in name)
        one = cluster.meter.hourly
        with dask.config.set({"dqnkit.cloud.request-timeout": "0.5 s"}):
            api.delay = 1.5
            api.take_back(name)
            within(30, lambda: any("did not start the worker's machine within" in line for line in told))
            api.delay = 0.0
        within(
            30,
            lambda: (
                len(held_workers(cluster)) == 1 and [n for n in api.instances if "worker" in n] == held_workers(cluster)
            ),
        )
        assert cluster.meter.hourly == pytest.approx(one)
        stray = f"{held_workers(cluster)[0]}-stray"  # a request of which even the error was lost
        api.instances[stray] = {**api.instances[held_workers(cluster)[0]], "name": stray}
        within(30, lambda: stray not in api.instances)
        within(10, lambda: cluster.meter.hourly == pytest.approx(one))
        said = next(line for line in told if stray in line)
        assert "1 machines that nobody waits for any more are ended" in said
        assert cluster.meter.spent() >= 4 * 0.0344 / 60  # the stray is paid for as well
    tried(18, "a replacement that comes after its time limit", "ended when it comes; another one is asked for")
    tried(18, "a machine with our tag that nobody holds", said.replace(cluster.launch.id, "CLUSTER"))


def held_workers(cluster: Any) -> list[str]:
    """The machines of the cluster's workers."""
    return [worker.machine_id for worker in cluster.workers.values() if not worker.given_up]


def test_a_close_during_a_replacement_logs_nothing(
    api: ComputeAPI, caplog: pytest.LogCaptureFixture, tried: Tried
) -> None:
    told: list[str] = []
    with start(1, spot=True, budget=5.0, progress=told.append) as cluster:
        cluster.meter.budget = 0.001  # it is reached, so the worker is given up
        api.end_delay = 0.4
        api.take_back(next(name for name in api.instances if "worker" in name))
        within(30, lambda: not cluster.workers)
    assert "nothing of it is left" in told[-1]
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    tried(18, "a close during a replacement", "no error is logged, nothing is left")


def test_a_project_without_a_network(api: ComputeAPI) -> None:
    with pytest.raises(ClusterError, match=r"no network 'mine' in us-central1\. Make one \(gcloud compute networks cr"):
        start(1, network="mine")
    assert not api.asked("POST", "*")


def test_what_is_left_of_other_clusters_is_found_in_all_zones_and_removed(api: ComputeAPI) -> None:
    account = GCPAccount()
    for zone, cluster in (("us-central1-a", "aaaa1111"), ("asia-east1-b", "bbbb2222")):
        labels = {"dqnkit-cluster": cluster, "dqnkit-owner": "me_here", "dqnkit-ends": "2026-11-26t03-00-00z"}
        machine = {
            "labels": labels,
            "zone": zone,
            "name": f"dask-{cluster}",
            "machineType": "zones/z/machineTypes/e2-x",
        }
        api.instances[f"dask-{cluster}"] = machine | {
            "status": "TERMINATED",
            "creationTimestamp": "2026-11-26T01:02:03.456-08:00",
            "scheduling": {"provisioningModel": "SPOT"},
        }
        api.firewalls[f"dqnkit-{cluster}-world"] = {
            "name": f"dqnkit-{cluster}-world",
            "description": json.dumps(labels),
        }
    theirs = {"labels": {}, "zone": "us-central1-a", "name": "theirs"}
    api.instances["theirs"] = theirs
    api.firewalls["dqnkit-but-not-ours"] = {"name": "dqnkit-but-not-ours"}
    found = account.find()
    assert all(each.simulated for each in found)
    assert {(each.kind, each.place, each.cluster) for each in found} == {
        ("machine", "us-central1-a", "aaaa1111"),
        ("machine", "asia-east1-b", "bbbb2222"),
        ("firewall rule", "p", "aaaa1111"),
        ("firewall rule", "p", "bbbb2222"),
    }
    machine = next(each for each in found if each.kind == "machine")
    assert (machine.state, machine.machine, machine.spot, machine.owner) == ("terminated", "e2-x", True, "me_here")
    assert machine.ends == datetime(2026, 11, 26, 3, tzinfo=UTC)
    assert {each.cluster for each in account.remove("bbbb2222")} == {"bbbb2222"}
    assert {each.cluster for each in account.find()} == {"aaaa1111"}
    account.remove("aaaa1111")
    assert account.remove("aaaa1111") == []
    assert api.instances.pop("theirs")
    assert api.firewalls.pop("dqnkit-but-not-ours")


def test_what_the_account_may_not_do_is_listed(api: ComputeAPI) -> None:
    account = GCPAccount()
    assert account.lacking() == []
    api.permissions = [
        each for each in yaml.safe_load(account.permissions())["includedPermissions"] if "firewalls" not in each
    ]
    assert account.lacking() == [f"compute.firewalls.{what}" for what in ("create", "delete", "get", "list")]
    (request, _) = api.asked("POST", "*testIamPermissions")
    assert "compute.instances.create" in request.body["permissions"]


def test_the_command_line_lists_what_a_killed_driver_has_left_and_removes_it(api: ComputeAPI) -> None:
    labels = leftovers.tags("abcd1234", 3600)
    api.instances["dask-abcd1234-scheduler"] = {
        "name": "dask-abcd1234-scheduler",
        "zone": "us-central1-a",
        "labels": labels,
        "status": "RUNNING",
        "machineType": "zones/us-central1-a/machineTypes/e2-small",
        "creationTimestamp": "2026-11-26T01:02:03.456-08:00",
    }
    api.firewalls["dqnkit-abcd1234-world"] = {"name": "dqnkit-abcd1234-world", "description": json.dumps(labels)}
    listed = CliRunner().invoke(main, ["cloud", "list", "--cloud", "gcp"])
    assert listed.exit_code == 0, listed.output
    assert re.search(r"abcd1234 +machine +dask-abcd1234-scheduler +running +e2-small", listed.output)
    stopped = CliRunner().invoke(main, ["cloud", "stop", "--cloud", "gcp", "--mine"])
    assert "removed: machine dask-abcd1234-scheduler of cluster abcd1234" in stopped.output
    assert "removed: firewall rule dqnkit-abcd1234-world of cluster abcd1234" in stopped.output
    assert "Nothing of dqnkit is on gcp, p" in CliRunner().invoke(main, ["cloud", "list", "--cloud", "gcp"]).output
    assert "may do what can be asked" in CliRunner().invoke(main, ["cloud", "check", "--cloud", "gcp"]).output


def test_a_dry_run_shows_all_and_buys_nothing(api: ComputeAPI) -> None:
    api.permissions = []
    dry = gcp.dry_run(4, 2, reach="203.0.113.7/32", spot=True, lifetime="90 minutes", zone="us-central1-b")
    assert "4 x e2-standard-2, spot, a worker" in dry.estimate
    assert dry.order.lifetime == 5400
    assert "docker run" in dry.worker_script
    assert "--nthreads 2" in dry.worker_script
    assert "PRIVATE KEY" not in dry.scheduler_script + dry.worker_script
    assert "compute.instances.create" in dry.lacking
    assert [request.path for request in api.requests] == ["v1/projects/p:testIamPermissions"]


def test_what_is_not_confirmed_does_not_start(api: ComputeAPI) -> None:
    asked: list[str] = []
    with pytest.raises(ClusterError, match="nothing has started"):
        start(1, confirm=lambda cost: bool(asked.append(cost)))
    assert "At most $" in asked[0]
    assert not api.asked("POST", "*")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"reach": "2001:db8::/64"}, "IPv4 only"),
        ({"reach": "0.0.0.0/0"}, "whole world"),
        ({"machine": "e2-enormous"}, "no price is known"),
        ({"ngpus": 1}, "no option ngpus"),
        ({"budget": 0.001}, "a budget of"),
    ],
)
def test_what_cannot_be_ordered_is_refused_before_anything_is_asked(
    api: ComputeAPI, options: dict[str, Any], what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        start(1, **options)
    assert not api.requests


def test_settings_are_those_of_dask_cloudprovider(api: ComputeAPI) -> None:
    api.networks = ["lab"]
    mine = {"network": "lab", "disk_type": "pd-ssd", "filesystem_size": 20, "scheduler_machine_type": "e2-standard-2"}
    with dask.config.set({f"cloudprovider.gcp.{name}": value for name, value in mine.items()}), start(0):
        (request,) = api.asked("POST", INSTANCES)
    disk = request.body["disks"][0]["initializeParams"]
    assert disk["diskType"].endswith("/pd-ssd")
    assert disk["diskSizeGb"] == "20"
    assert request.body["networkInterfaces"][0]["subnetwork"] == "projects/p/regions/us-central1/subnetworks/lab"
    assert request.body["machineType"].endswith("/e2-standard-2")
    assert "dqnkit-cluster" not in dask.config.get("cloudprovider.gcp.instance_labels")


def test_without_credentials_or_a_project_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    with pytest.raises(ClusterError, match="no credentials for Google here: gcloud auth application-default login"):
        GCPAccount("p")
    monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", "http://127.0.0.1:1/compute/v1/")
    with pytest.raises(ClusterError, match="in which project"):
        GCPAccount()
    monkeypatch.setattr(gce, "RETRIES", 0)
    with pytest.raises(ClusterError, match="Google could not be reached"):
        GCPAccount("p").find()
