"""The price table, a user's own table, and the cost of an order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import pytest

from dqnkit.cloud import CLOUDS, prices
from dqnkit.cloud.order import Order
from dqnkit.cloud.prices import affordable_seconds, dated, estimate, machine_price, machines, offers
from dqnkit.errors import ConfigError


def order(**given: Any) -> Order:
    asked = {"cloud": "aws", "machine": "c7i.large", "scheduler_machine": "m7i.large", "n_workers": 4}
    return Order(**{**asked, "lifetime": 7200, "idle_timeout": 600, "reach": "203.0.113.7/32", **given})


def table(change: Callable[[Any], object] = lambda table: None) -> Any:
    """A table of round numbers, with a change."""
    machine = {"vcpus": 2, "usd_per_hour": 0.1, "spot_usd_per_hour": 0.04, "speed": 1}
    aws = {
        "region": "here",
        "scheduler": "small",
        "disk_gb": 73,
        "disk_usd_per_gb_month": 0.1,  # a cent an hour
        "address_usd_per_hour": 0.005,
        "traffic_usd_per_gb": 0.1,
        "spot_interruptions_per_hour": 0.1,
        "machines": {"small": machine, "burst": {**machine, "surplus_usd_per_hour": 0.05}},
    }
    values = {"as_of": "2026-01-31", "clouds": {"aws": aws}}
    change(values)
    return values


def use(path: Path, content: Any) -> Any:
    """While this is open, the price table is the file at ``path``."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return dask.config.set({"dqnkit.cloud.prices": str(path)})


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_kits_own_table_has_machines_that_can_work(cloud: str) -> None:
    kinds = machines(cloud)
    assert len(kinds) >= 6
    for kind in kinds:
        assert 0 < kind.spot_usd_per_hour < kind.usd_per_hour
        assert kind.vcpus >= 2
        assert machine_price(cloud, kind.name) > kind.usd_per_hour + 0.005  # plus its address and a disk
        assert machine_price(cloud, kind.name, spot=True) < machine_price(cloud, kind.name)
    assert "2026" in dated()
    assert "check" in dated()


def test_a_price_is_the_machine_its_disk_and_its_address(tmp_path: Path) -> None:
    with use(tmp_path / "own.json", table()):
        assert machine_price("aws", "small") == pytest.approx(0.1 + 0.01 + 0.005)
        assert machine_price("aws", "small", spot=True) == pytest.approx(0.04 + 0.01 + 0.005)
        assert machine_price("aws", "burst") == pytest.approx(0.15 + 0.01 + 0.005)
        assert [kind.name for kind in machines("aws")] == ["small", "burst"]
        assert "own.json" in dated()
        assert "2026-01-31" in dated()


def test_an_estimate_is_machines_times_price_times_hours(tmp_path: Path) -> None:
    with use(tmp_path / "own.json", table()):
        found = estimate(order(machine="small", scheduler_machine="burst", spot=True))
        assert found.hourly == pytest.approx(4 * 0.055 + 0.165)
        assert found.hours == 2
        assert found.total == pytest.approx(0.385 * (2 + 1 / 30))  # two hours, and two minutes to boot
        text = str(found)
    assert "4 x small, spot, a worker" in text
    assert "1 x burst, the scheduler" in text
    assert "$0.39 an hour" in text  # 0.385
    assert "What leaves the cloud comes on top, with $0.10 a GB" in text
    assert "At most $0.78: the machines end after 2 h 00 min" in text
    assert "own.json of 2026-01-31" in " ".join(text.split())  # the path to it decides where the line ends


def test_a_budget_shortens_the_lifetime(tmp_path: Path) -> None:
    with use(tmp_path / "own.json", table()):
        asked = {"machine": "small", "scheduler_machine": "small", "n_workers": 1}  # 0.23 an hour
        assert affordable_seconds(order(**asked)) == 7200
        assert affordable_seconds(order(**asked, budget=5.0)) == 7200
        assert affordable_seconds(order(**asked, budget=0.115)) == pytest.approx(1800 - 120)  # two minutes to boot
        assert estimate(order(**asked, budget=0.115)).total == pytest.approx(0.115)


def test_offers_are_all_machines_with_the_scheduler_that_each_cluster_needs(tmp_path: Path) -> None:
    with use(tmp_path / "own.json", table()):
        found = offers(["aws"], [False, True])
    assert [offer.name for offer in found] == ["small", "small, spot", "burst", "burst, spot"]
    assert found[1].usd_per_hour == pytest.approx(0.055)
    assert all(offer.scheduler_usd_per_hour == pytest.approx(0.115) for offer in found)
    assert [offer.interruptions_per_hour for offer in found[:2]] == [0, 0.1]


def test_an_unknown_machine_names_the_known_and_how_to_add_one() -> None:
    with pytest.raises(ConfigError, match=r"'m1\.tiny'.*c7i\.large.*prices\.json.*dqnkit\.cloud\.prices"):
        machine_price("aws", "m1.tiny")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.pop("as_of"), "lacks as_of"),
        (lambda table: table.update(as_of="spring"), "as_of is 'spring', expected a day"),
        (lambda table: table.update(clouds=[]), r"clouds is \[\], expected names"),
        (lambda table: table["clouds"]["aws"].pop("disk_gb"), r"lacks disk_gb in clouds\.aws"),
        (
            lambda table: table["clouds"]["aws"]["machines"]["small"].update(usd_per_hour="0.1"),
            r"clouds\.aws\.machines\.small\.usd_per_hour is '0\.1', expected a number above 0",
        ),
        (lambda table: table["clouds"]["aws"]["machines"]["small"].update(usd_per_hour=True), "is True"),
        (lambda table: table["clouds"]["aws"]["machines"]["small"].update(vcpus=2.5), "a whole number"),
        (lambda table: table["clouds"]["aws"]["machines"]["small"].update(spot_price=1), "spot_price is 1, expected"),
        (lambda table: table["clouds"]["aws"].update(scheduler="big"), "scheduler is 'big', expected one of.*burst"),
        (lambda table: table["clouds"]["aws"]["machines"].update(small=3), r"machines\.small is 3"),
        (lambda table: table["clouds"]["aws"].update(machines={}), r"aws\.machines is \{\}"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_its_place(
    change: Callable[[Any], object], words: str, tmp_path: Path
) -> None:
    with use(tmp_path / "own.json", table(change)), pytest.raises(ConfigError, match=words) as raised:
        machines("aws")
    assert "own.json" in str(raised.value)


def test_a_table_that_is_not_there_or_not_json(tmp_path: Path) -> None:
    with use(tmp_path / "own.json", '{"as_of": '), pytest.raises(ConfigError, match=r"not JSON.*line 1"):
        machines("aws")
    with use(tmp_path / "own.json", "[]"), pytest.raises(ConfigError, match="the whole file is"):
        machines("aws")
    missing = dask.config.set({"dqnkit.cloud.prices": str(tmp_path / "none.json")})
    with missing, pytest.raises(ConfigError, match=r"none\.json cannot be read: No such file"):
        machine_price("aws", "small")


def test_a_table_may_lack_a_cloud(tmp_path: Path) -> None:
    with use(tmp_path / "own.json", table()), pytest.raises(ConfigError, match="no cloud 'gcp', only aws"):
        machines("gcp")


def test_the_table_lies_in_the_package() -> None:
    assert prices.TABLE.is_relative_to(Path(prices.__file__).parent / "data")
