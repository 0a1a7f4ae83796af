"""Predicts time and cost of a run on machines of a cloud, from measurements on this computer, before machines are paid.

The training loop (`dqnkit.training.train`) does one thing at a time: it either updates the network or inserts rollouts.
Meanwhile the workers act. So two times are computed, and the longer one is the duration of the run:

    workers   the time to make all steps, plus the pause while the update is compiled, if the workers run out of tasks
    driver    the time until the first update, for compiling it, for all updates, and for handling all tasks

Plain arithmetic: no Dask, no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dqnkit.checked_numbers import number, whole_number
from dqnkit.cluster.task_length import WINDOW, steps_of_a_task
from dqnkit.config import DQNConfig

WORKERS = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
LEAST_BILLED = 60.0  # seconds; clouds bill at least a minute
LINE = 100  # characters of a line of text
NEARLY_EQUAL = 1.02  # two times, or two costs, that differ by a smaller factor count as equal


@dataclass(frozen=True)
class Measured:
    """The results of `dqnkit.cluster.measure.measure` on this computer. Seconds, unless a comment says otherwise."""

    step: float  # for one step of one environment, on a worker whose actor has num_envs of them
    step_cpu: float  # the part of `step` that is computing; the rest is waiting
    first: float  # from submitting the first task until its rollout arrives
    build: float  # for building the learner
    compile: float  # that the learner's first call takes longer than the others
    call: float  # for one call of the learner: updates_per_call updates, with sampling and priorities
    insert: float  # for inserting one step into replay
    task: float  # CPU time of the driver for one task
    worker_task: float  # CPU time of the worker for one task, in addition to its steps
    gap: float  # idle time of a worker's thread between two tasks
    transition_bytes: float  # size of one step on its way to the driver
    weights_bytes: float  # size of one version of the weights


@dataclass(frozen=True)
class Assumed:
    """Values that cannot be measured before the machines exist."""

    boot_seconds: float = 180.0  # from ordering the machines until all workers are up
    download: float = 100.0  # Mbit/s, from the workers to this computer
    upload: float = 20.0  # Mbit/s


@dataclass(frozen=True)
class Offer:
    """A kind of machine at a price."""

    cloud: str
    machine: str
    vcpus: int
    speed: float  # of a core, as a share of a core here
    usd_per_hour: float
    scheduler_usd_per_hour: float  # for the scheduler's machine
    spot: bool = False
    traffic_usd_per_gb: float = 0.0  # for data that leaves the cloud
    interruptions_per_hour: float = 0.0  # share of the machines that the cloud takes back

    @property
    def name(self) -> str:
        """As shown in tables."""
        return f"{self.machine}{', spot' if self.spot else ''}"


@dataclass(frozen=True)
class Times:
    """The parts of a run's duration, in seconds, on workers that are up."""

    start: float  # until the first rollout arrives
    actors: float
    learner: float
    driver: float  # work of the driver on tasks and replay
    network: float
    cores: float  # computing of all together, if they share one computer; else 0
    before_learning: float  # until replay has enough transitions for the first update
    steps_a_task: int  # of all copies together; a number, not seconds

    @property
    def driver_side(self) -> float:
        """Total of the driver, which does one thing at a time."""
        return self.before_learning + self.learner + self.driver

    @property
    def total(self) -> float:
        """Duration of the run: that of the slowest part."""
        return self.start + max(self.actors, self.network, self.cores, self.driver_side)

    @property
    def bottleneck(self) -> str:
        """The slowest part: actors, learner, driver, network or cores."""
        serial = "learner" if self.learner >= self.driver else "driver"
        times = {"actors": self.actors, "network": self.network, "cores": self.cores, serial: self.driver_side}
        return max(times, key=lambda name: times[name])


def predict(
    config: DQNConfig,
    measured: Measured,
    workers: float,
    *,
    threads: int = 1,
    speed: float = 1.0,
    assumed: Assumed | None = None,
    cores: int | None = None,
) -> Times:
    """Predict the duration of a run on workers that are up.

    Args:
        config: the run's settings.
        measured: on this computer.
        workers: number of processes, each on its own core.
        threads: tasks that a worker runs at the same time. Their waiting overlaps; their computing does not, because
            Python runs one thread at a time.
        speed: of a worker's core, relative to a core of this computer.
        assumed: the network to the workers; None: they are on this computer.
        cores: number of cores that all workers and the driver share; None: each has its own.
    """
    all_threads = max(1, round(workers * threads))
    computing = measured.step_cpu / speed
    step = max(measured.step + (computing - measured.step_cpu), threads * computing)
    length = config.num_envs * steps_of_a_task(config, step * config.num_envs, all_threads)
    made = workers * threads / (step + measured.gap / length)  # steps a second

    steps = config.total_steps
    calls = _calls(config)
    compiling = measured.compile if calls else 0.0
    in_flight = WINDOW * all_threads * length / made  # seconds until the workers run out of tasks
    learner = compiling + calls * measured.call
    driver = steps * (measured.task / length + measured.insert)
    worker = steps * (computing + measured.worker_task / length)
    return Times(
        start=measured.build + measured.first,
        actors=steps / made + max(0.0, compiling - in_flight),
        learner=learner,
        driver=driver,
        cores=0.0 if cores is None else (worker + learner + driver) / cores,
        network=0.0 if assumed is None else _network(steps, length * all_threads, measured, assumed),
        before_learning=min(steps, config.learning_starts) / made if calls else 0.0,
        steps_a_task=length,
    )


def predict_here(config: DQNConfig, measured: Measured) -> float:
    """Seconds of the run in one process on this computer, where acting and learning take turns."""
    calls = _calls(config)
    learner = measured.compile * (calls > 0) + calls * measured.call
    return measured.build + config.total_steps * (measured.step + measured.insert) + learner


def _calls(config: DQNConfig) -> int:
    """Number of calls of the learner in the whole run."""
    drawn = max(0, config.total_steps - config.learning_starts) * config.samples_per_insert
    return math.floor(drawn / config.batch_size / config.updates_per_call)


def _network(steps: int, steps_a_version: int, measured: Measured, assumed: Assumed) -> float:
    """Seconds on the network: transitions come in, and in the time of each task one version of the weights goes out."""
    coming = steps * measured.transition_bytes / (assumed.download * 1e6 / 8)
    going = steps / steps_a_version * measured.weights_bytes / (assumed.upload * 1e6 / 8)
    return max(coming, going)


@dataclass(frozen=True)
class Row:
    """Prediction for one kind and number of machines."""

    offer: Offer
    workers: int
    threads: int  # of each worker
    seconds: float  # from ordering the machines to the last step
    usd: float
    bottleneck: str  # see `Times.bottleneck`


@dataclass(frozen=True)
class Plan:
    """The predictions for all kinds and numbers of machines. `str` gives a short table."""

    env_id: str
    steps: int
    rows: tuple[Row, ...]
    here: float  # seconds in one process on this computer, which costs nothing
    budget: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def offers(self) -> list[Offer]:
        """The kinds of machines, in the order in which they were given."""
        return list(dict.fromkeys(row.offer for row in self.rows))

    def of(self, offer: Offer) -> list[Row]:
        """The rows of one kind of machine, ordered by the number of workers."""
        return [row for row in self.rows if row.offer == offer]

    def knee(self, offer: Offer) -> Row | None:
        """The row from which on each further worker brings less: the first whose bottleneck is not the actors."""
        return next((row for row in self.of(offer) if row.bottleneck != "actors"), None)

    def fastest_of(self, offer: Offer) -> Row:
        """The cheapest of the rows of one kind of machine that are as fast as its fastest, or nearly so."""
        return _fastest(self.of(offer))

    @property
    def fastest(self) -> Row:
        """The cheapest of the rows that are as fast as the fastest, or nearly so."""
        return _fastest(self.rows)

    @property
    def cheapest(self) -> Row:
        """The fastest of the rows that cost as little as the cheapest, or nearly so."""
        least = min(row.usd for row in self.rows)
        return min((row for row in self.rows if row.usd <= NEARLY_EQUAL * least), key=lambda row: row.seconds)

    @property
    def best(self) -> Row | None:
        """The fastest row within the budget; None if there is none."""
        affordable = [row for row in self.rows if self.budget is None or row.usd <= self.budget]
        return _fastest(affordable) if affordable else None

    def __str__(self) -> str:
        chosen = [("fastest machines", self.fastest), ("cheapest machines", self.cheapest)]
        if self.budget is not None and self.best is not None:
            chosen.insert(0, (f"best for ${self.budget:.2f}", self.best))
        lines = [f"{self.env_id}, {self.steps:,} steps", *self._advice()]
        here = ("here, in one process", "", in_words(self.here), "$0", "")
        lines += _table([here, *((what, *_cells(row)) for what, row in chosen)])
        if self.budget is not None and self.best is None:
            lines.append(f"Nothing in the table does it for ${self.budget:.2f}.")
        notes = [line for note in self.notes for line in textwrap.wrap(note, LINE)]
        return "\n".join([*lines, "", *self._knees(), "", *notes])

    def _advice(self) -> list[str]:
        """To stay here, where machines that are paid for would be slower than this computer."""
        if self.fastest.seconds >= self.here:
            slower = f"the fastest machines in the table take {in_words(self.fastest.seconds)}"
            return [f"Stay here: this computer takes {in_words(self.here)} and costs nothing; {slower}."]
        if self.budget is not None and self.best is not None and self.best.seconds >= self.here:
            return [f"Stay here, or pay more: what ${self.budget:.2f} buys is slower than this computer."]
        return []

    def _knees(self) -> list[str]:
        """The knee of each kind of machine; kinds with the same knee share a line."""
        lines: dict[str, list[Offer]] = {}
        for offer in self.offers:
            row = self.knee(offer)
            words = f"from {row.workers} on ({row.bottleneck})" if row else f"not up to {self.of(offer)[-1].workers}"
            lines.setdefault(words, []).append(offer)
        found = [f"  {words}: {'; '.join(self._names(offers))}" for words, offers in lines.items()]
        return [
            "Something other than the actors (in brackets) is the limit, and each further worker brings less:",
            *found,
        ]

    def _names(self, offers: Sequence[Offer]) -> list[str]:
        """Names of offers. If all offers of a machine type are among them, its name stands once, without "spot"."""
        all_of = {offer.machine: [each for each in self.offers if each.machine == offer.machine] for offer in offers}
        whole = {machine for machine, each in all_of.items() if set(each) <= set(offers)}
        return list(dict.fromkeys(offer.machine if offer.machine in whole else offer.name for offer in offers))


def _fastest(rows: Sequence[Row]) -> Row:
    least = min(row.seconds for row in rows)
    return min((row for row in rows if row.seconds <= NEARLY_EQUAL * least), key=lambda row: row.usd)


def plan(
    config: DQNConfig,
    measured: Measured,
    offers: Iterable[Offer],
    *,
    workers: Sequence[int] = WORKERS,
    threads: int | None = None,
    budget: float | None = None,
    assumed: Assumed | None = None,
    notes: Sequence[str] = (),
) -> Plan:
    """Predict time and cost of a run for each kind and number of machines.

    Args:
        config: the run's settings; ``total_steps`` is how long it is.
        measured: on this computer.
        offers: the kinds of machines, as `dqnkit.cloud.prices.offers` gives them.
        workers: numbers of machines to try; each machine has one worker process.
        threads: of a worker; by default the number of virtual CPUs of its machine.
        budget: US dollars.
        assumed: see `Assumed`.
        notes: more sentences for below the table.

    Raises:
        ConfigError: a number is not finite or out of range.
    """
    assumed = assumed or Assumed()
    if budget is not None:
        number("budget, in US dollars,", budget, above=0)
    for each in dataclasses.fields(assumed):
        number(each.name, getattr(assumed, each.name), low=0)
    workers = [whole_number("each of workers", count, low=1) for count in workers]
    threads = None if threads is None else whole_number("threads", threads, low=1)
    rows = tuple(
        _row(config, measured, offer, count, threads or offer.vcpus, assumed) for offer in offers for count in workers
    )
    here = predict_here(config, measured)
    return Plan(config.env_id, config.total_steps, rows, here, budget, (*_assumptions(rows, assumed), *notes))


def _row(config: DQNConfig, measured: Measured, offer: Offer, workers: int, threads: int, assumed: Assumed) -> Row:
    away = (
        offer.interruptions_per_hour * assumed.boot_seconds / 3600
    )  # share of the machines that are missing while replacements boot
    times = predict(config, measured, workers * max(0.0, 1 - away), threads=threads, speed=offer.speed, assumed=assumed)
    seconds = assumed.boot_seconds + times.total
    hourly = workers * offer.usd_per_hour + offer.scheduler_usd_per_hour
    traffic = config.total_steps * measured.transition_bytes / 1e9 * offer.traffic_usd_per_gb
    usd = hourly * max(seconds, LEAST_BILLED) / 3600 + traffic
    return Row(offer, workers, threads, seconds, usd, times.bottleneck)


def _assumptions(rows: Sequence[Row], assumed: Assumed) -> list[str]:
    notes = [
        f"Measured on this computer; assumed: machines boot in {assumed.boot_seconds / 60:.0f} min, "
        f"{assumed.download:.0f} Mbit/s come in here and {assumed.upload:.0f} go out, and the driver stays here.",
        "A core there is as fast as one here, unless the table of prices says otherwise; a worker computes on one core "
        "at a time (Python), so more virtual CPUs help only where environments wait.",
    ]
    shares = sorted({row.offer.interruptions_per_hour for row in rows if row.offer.spot})
    if shares:
        percent = ", ".join(f"{share:.0%}" for share in shares)
        notes.append(f"Assumed as well: of the spot machines, {percent} are taken back in an hour.")
    return notes


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.workers} x {row.offer.name}",
        in_words(row.seconds),
        f"${row.usd:.2f}",
        f"limit: {row.bottleneck}",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).strip() for row in rows
    ]


def in_words(seconds: float) -> str:
    """A time in words, like ``40 s``, ``4 min`` or ``2 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
