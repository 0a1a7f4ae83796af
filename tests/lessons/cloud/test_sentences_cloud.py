"""What the lesson on clouds says of prices, limits and rights is what the kit's own tables and settings say."""

from __future__ import annotations

import pytest

pytest.importorskip("botocore")
pytest.importorskip("dask_cloudprovider")

from dqnkit.cloud import boot, ec2, machines
from dqnkit.cloud.prices import machine_price
from dqnkit.cloud.prices import machines as machines_of
from dqnkit.cloud.settings import seconds
from dqnkit.cluster.plan import LEAST_BILLED
from dqnkit.cluster.task_length import LONGEST_TASK, steps_of_a_task
from dqnkit.config import DQNConfig
from dqnkit.lessons.cloud.answers.cluster_cost import cluster_cost
from dqnkit.lessons.cloud.questions import _orphans

AWS = machines_of("aws")


def test_a_spot_machine_costs_60_percent_less_but_not_with_disk_and_address() -> None:
    for kind in AWS:
        assert kind.spot_usd_per_hour / kind.usd_per_hour == pytest.approx(0.4, abs=0.005)
        assert machine_price("aws", kind.name, spot=True) / machine_price("aws", kind.name) > 0.4


def test_the_machines_with_the_lowest_list_price_are_not_the_cheapest() -> None:
    listed = min(AWS, key=lambda kind: kind.usd_per_hour)
    cheapest = min(AWS, key=lambda kind: machine_price("aws", kind.name))
    assert listed.surplus_usd_per_hour > 0
    assert cheapest.surplus_usd_per_hour == 0
    # an hour of full use: each virtual CPU beyond a fifth of it
    assert listed.surplus_usd_per_hour == pytest.approx(listed.vcpus * 0.8 * 0.05)


def test_a_forgotten_weekend_costs_hundreds_of_times_the_test() -> None:
    price, weekend = machine_price("aws", "c7i.large"), 63 * 3600
    bills = [cluster_cost([time] * 8, price, time, price) for time in (600, weekend)]
    assert 300 < bills[1] / bills[0] < 500
    assert 40 < bills[1] < 70


def test_the_limits_that_the_lesson_names() -> None:
    assert seconds("lifetime") == 2 * 3600
    assert seconds("idle-timeout") == 600
    assert LEAST_BILLED == 60
    assert machines.RECONCILE_SECONDS == 5
    assert machines.REPLACEMENTS == 3
    assert _orphans(0) == "they end by themselves, when their lifetime is over or before"


def test_machines_are_ended_only_by_the_user_that_has_started_them() -> None:
    ending = [each for each in ec2.permissions()["Statement"] if "ec2:TerminateInstances" in each["Action"]]
    assert [each["Sid"] for each in ending] == ["WhatIsOurs"]
    assert ending[0]["Condition"] == {"StringEquals": {"aws:ResourceTag/dqnkit-owner": "${aws:userid}"}}


def test_the_boot_script_holds_the_clusters_key_and_its_first_command_is_the_end() -> None:
    from dqnkit.cluster.security import temporary_security

    settings = boot.settings(temporary_security(), "worker")
    script = boot.script(image="an-image", command=["x"], settings=settings, pip_packages=(), lifetime=1800)
    assert "PRIVATE KEY" in script
    assert "PRIVATE KEY" not in boot.without_keys(script)
    commands = [line.strip() for line in script.partition("runcmd:")[2].splitlines() if line.strip().startswith("- ")]
    assert commands[0] == "- shutdown -P +30"


def test_more_workers_have_longer_tasks_of_at_most_two_seconds() -> None:
    config = DQNConfig(total_steps=5_000_000)
    lengths = [steps_of_a_task(config, 0.01, workers) for workers in (8, 32, 96, 1_000)]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[2]
    assert lengths[-1] * 0.01 <= LONGEST_TASK == 2.0
