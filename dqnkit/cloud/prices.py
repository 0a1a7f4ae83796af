"""What machines cost: a dated table that you can edit, and the estimate for an order."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dqnkit.cloud.order import Order
from dqnkit.cloud.settings import setting
from dqnkit.cluster.plan import Offer
from dqnkit.errors import ConfigError
from dqnkit.files import parse_json

TABLE = Path(__file__).parent / "data" / "prices.json"
HOURS_A_MONTH = 730
LINE = 94  # characters of a line, so that a sign before it has room
BOOT_SECONDS = 120.0  # billed before the boot script starts to count the lifetime


@dataclass(frozen=True)
class MachineType:
    """One line of the table."""

    name: str
    vcpus: int
    usd_per_hour: float  # on demand, without disk and address
    spot_usd_per_hour: float  # a typical price: it changes
    speed: float  # of a core, relative to a core of this computer
    surplus_usd_per_hour: float = 0.0  # extra cost of a burstable machine at full load


@dataclass(frozen=True)
class CloudPrices:
    """The prices of one cloud."""

    region: str
    scheduler: str  # the machine type that is enough for a scheduler
    disk_gb: float  # of each machine
    disk_usd_per_gb_month: float
    address_usd_per_hour: float  # each machine has a public address
    traffic_usd_per_gb: float  # for data that leaves the cloud
    spot_interruptions_per_hour: float  # share of spot machines taken back in an hour
    machines: dict[str, MachineType]

    def usd_per_hour(self, machine: str, spot: bool = False) -> float:
        """US dollars for a machine at full load, with its disk and its public address."""
        kind = self.machines[machine]
        disk = self.disk_gb * self.disk_usd_per_gb_month / HOURS_A_MONTH
        alone = kind.spot_usd_per_hour if spot else kind.usd_per_hour
        return alone + kind.surplus_usd_per_hour + disk + self.address_usd_per_hour


@dataclass(frozen=True)
class Estimate:
    """What an order may cost; ``str()`` makes a table of it."""

    rows: tuple[tuple[int, str, float], ...]  # number, what, US dollars an hour for each
    hours: float  # the lifetime, or less if the budget ends before
    prices: str  # source and date of the prices
    traffic_usd_per_gb: float = 0.0

    @property
    def hourly(self) -> float:
        """US dollars an hour while all machines run."""
        return sum(count * price for count, _, price in self.rows)

    @property
    def total(self) -> float:
        """US dollars at most, at these prices: all machines run for their whole lifetime."""
        return self.hourly * (self.hours + BOOT_SECONDS / 3600)

    def __str__(self) -> str:
        wide = max(len(what) for _, what, _ in self.rows)
        lines = [
            f"{count:5d} x {what:{wide}}  ${price:.4f} an hour each  ${count * price:.3f} an hour"
            for count, what, price in self.rows
        ]
        minutes = round(self.hours * 60)
        lines.append(f"Together ${self.hourly:.2f} an hour, with disks and public addresses.")
        lines.append(f"At most ${self.total:.2f}: the machines end after {minutes // 60} h {minutes % 60:02d} min.")
        lines.append(f"What leaves the cloud comes on top, with ${self.traffic_usd_per_gb:.2f} a GB.")
        return "\n".join([*lines, *textwrap.wrap(f"Prices: {self.prices}.", LINE, break_long_words=False)])


def machine_price(cloud: str, machine: str, spot: bool = False) -> float:
    """US dollars an hour for a machine, with its disk and its public address.

    Raises:
        ConfigError: the table has no such machine; the message says how to add one.
    """
    prices = cloud_prices(cloud)
    if machine not in prices.machines:
        raise ConfigError(
            f"no price is known for {machine!r} of {cloud}, only for {', '.join(prices.machines)}. To add one, copy "
            f"{_path()}, add a line to the copy, and name it in Dask's configuration: dqnkit.cloud.prices, or "
            "DASK_DQNKIT__CLOUD__PRICES in the environment"
        )
    return prices.usd_per_hour(machine, spot)


def machines(cloud: str) -> list[MachineType]:
    """The machine types of a cloud in the table."""
    return list(cloud_prices(cloud).machines.values())


def offers(clouds: Sequence[str], spots: Sequence[bool]) -> list[Offer]:
    """All machine types of these clouds, for `dqnkit.cluster.plan.plan`.

    Args:
        clouds: names from `dqnkit.cloud.CLOUDS`.
        spots: contains False for machines on demand, True for spot machines.
    """
    found = []
    for cloud in clouds:
        prices = cloud_prices(cloud)
        found += [
            Offer(
                cloud=cloud,
                machine=name,
                vcpus=kind.vcpus,
                speed=kind.speed,
                usd_per_hour=prices.usd_per_hour(name, spot),
                scheduler_usd_per_hour=prices.usd_per_hour(prices.scheduler),
                spot=spot,
                traffic_usd_per_gb=prices.traffic_usd_per_gb,
                interruptions_per_hour=prices.spot_interruptions_per_hour if spot else 0.0,
            )
            for name, kind in prices.machines.items()
            for spot in spots
        ]
    return found


def dated() -> str:
    """Source and date of the prices in use."""
    table = _read(_path())
    regions = ", ".join(f"{cloud} {prices['region']}" for cloud, prices in table["clouds"].items())
    if _path() == TABLE:
        return f"the kit's table of {table['as_of']} ({regions}), not checked with the clouds"
    return f"{_path()} of {table['as_of']} ({regions})"


def estimate(order: Order) -> Estimate:
    """What an order may cost, before anything starts."""
    workers = f"{order.machine}, {'spot, ' if order.spot else ''}a worker"
    rows = (
        (order.n_workers, workers, machine_price(order.cloud, order.machine, order.spot)),
        (1, f"{order.scheduler_machine}, the scheduler", machine_price(order.cloud, order.scheduler_machine)),
    )
    traffic = cloud_prices(order.cloud).traffic_usd_per_gb
    return Estimate(rows, affordable_seconds(order) / 3600, dated(), traffic)


def affordable_seconds(order: Order) -> float:
    """Seconds that all machines may run after booting: the lifetime, or less if the budget ends before."""
    if order.budget is None:
        return order.lifetime
    hourly = order.n_workers * machine_price(order.cloud, order.machine, order.spot)
    hourly += machine_price(order.cloud, order.scheduler_machine)
    return min(order.lifetime, order.budget / hourly * 3600 - BOOT_SECONDS)


def cloud_prices(cloud: str) -> CloudPrices:
    """The prices of one cloud.

    Raises:
        ConfigError: the table has no such cloud, or a wrong value.
    """
    path = _path()
    clouds = _read(path)["clouds"]
    if cloud not in clouds:
        raise ConfigError(f"the price table {path} has no cloud {cloud!r}, only {', '.join(clouds)}")
    values = clouds[cloud]
    return CloudPrices(
        region=values["region"],
        scheduler=values["scheduler"],
        machines={name: MachineType(name, **line) for name, line in values["machines"].items()},
        **{name: values[name] for name in _CLOUD_NUMBERS},
    )


_CLOUD_NUMBERS = (
    *("disk_gb", "disk_usd_per_gb_month", "address_usd_per_hour", "traffic_usd_per_gb"),
    "spot_interruptions_per_hour",
)
_POSITIVE = ("vcpus", "usd_per_hour", "spot_usd_per_hour", "speed")  # of a machine
_OPTIONAL = ("surplus_usd_per_hour",)


def _path() -> Path:
    own = setting("prices")
    return Path(own).expanduser() if own else TABLE


def _read(path: Path) -> dict[str, Any]:
    """Read and check the table.

    Raises:
        ConfigError: says where in the file what was found and what is expected.
    """
    try:
        table: Any = parse_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"the price table {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"the price table {path} cannot be read: {error}") from error
    check = _Check(path)
    check.day(check.entry(table, "", "as_of"))
    clouds = check.items(table, "", "clouds")
    for cloud, values in clouds.items():
        check.cloud(f"clouds.{cloud}", values)
    return table


class _Check:
    """Checks the values of a table. ``where`` is the path to a value, like ``clouds.aws.machines``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def cloud(self, where: str, values: Any) -> None:
        """Check the prices of one cloud."""
        if not isinstance(self.entry(values, where, "region"), str):
            self.fail(f"{where}.region", values["region"], "the name of a region")
        kinds = self.items(values, where, "machines")
        if self.entry(values, where, "scheduler") not in list(kinds):  # it may be of any kind, also a list
            self.fail(f"{where}.scheduler", values["scheduler"], f"one of the machines: {', '.join(kinds)}")
        for name in _CLOUD_NUMBERS:
            self.number(values, where, name)
        for machine, line in kinds.items():
            path = f"{where}.machines.{machine}"
            for name in _POSITIVE:
                self.number(line, path, name, above_0=True)
            for name in line:
                if name not in (*_POSITIVE, *_OPTIONAL):
                    self.fail(f"{path}.{name}", line[name], f"only {', '.join((*_POSITIVE, *_OPTIONAL))}")
            for name in set(_OPTIONAL) & set(line):
                self.number(line, path, name)

    def entry(self, values: Any, where: str, name: str) -> Any:
        """The value of a name."""
        if not isinstance(values, dict):
            self.fail(where or "the whole file", values, "names with values, in braces")
        if name not in values:
            raise ConfigError(f"the price table {self.path} lacks {name} in {where or 'its first braces'}")
        return values[name]

    def items(self, values: Any, where: str, name: str) -> dict[str, Any]:
        """A value that is an object with at least one entry."""
        found = self.entry(values, where, name)
        if not isinstance(found, dict) or not found:
            self.fail(f"{where}.{name}".lstrip("."), found, "names with values, in braces")
        return dict(found)

    def number(self, values: Any, where: str, name: str, above_0: bool = False) -> None:
        """Check that a value is a number of at least 0, like a price."""
        value = self.entry(values, where, name)
        good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6
        if not good or (above_0 and value == 0):
            self.fail(f"{where}.{name}", value, "a number above 0" if above_0 else "a number of at least 0")
        if name == "vcpus" and not isinstance(value, int):
            self.fail(f"{where}.{name}", value, "a whole number")

    def day(self, value: Any) -> None:
        """Check the date of the prices."""
        try:
            date.fromisoformat(value)
        except (TypeError, ValueError):
            self.fail("as_of", value, "a day like 2026-11-26")

    def fail(self, where: str, value: Any, expected: str) -> None:
        """Raise an error that says what is wrong and what is expected."""
        raise ConfigError(f"the price table {self.path}: {where} is {value!r}, expected {expected}")
