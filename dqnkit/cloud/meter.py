"""A meter for the cost of machines, and training that ends before the budget is spent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from dqnkit.checked_numbers import number
from dqnkit.checkpoint import check_can_be_saved, save
from dqnkit.cloud.clock import paid_seconds
from dqnkit.types import TrainStatus

LEAST_SECONDS = 60  # billed for each machine at least; after that both clouds bill by the second
TAKE_DOWN_SECONDS = 120  # for which the machines still cost money after training has ended


@dataclass
class _Machine:
    """The cost of one machine from its start to its end."""

    usd_per_hour: float
    began: float
    ended: float | None = None

    def spent(self, now: float) -> float:
        seconds = (now if self.ended is None else self.ended) - self.began
        return max(seconds, LEAST_SECONDS) * self.usd_per_hour / 3600


class Meter:
    """Counts what machines cost, at the prices of the table. The cloud's bill may differ.

    Thread-safe: the cluster's thread reports starts and ends, other threads read.

    Args:
        budget: US dollars; None: no limit.
        clock: returns seconds; nobody must be able to set it back.
        simulated: whether the machines cost nothing, because they are simulated; the text says so.

    Raises:
        ConfigError: the budget is no amount above 0.
    """

    def __init__(
        self, budget: float | None = None, clock: Callable[[], float] = paid_seconds, simulated: bool = False
    ) -> None:
        self.budget = None if budget is None else number("budget, in US dollars,", budget, above=0)
        self.simulated = simulated
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[str, _Machine] = {}
        self._ended: list[_Machine] = []
        self._over = False

    def started(self, machine_id: str, usd_per_hour: float) -> None:
        """A machine costs money from now on. After the end of all it is ignored: a look at the cloud may come late.

        Raises:
            ConfigError: the price is no number of at least 0.
        """
        number("usd_per_hour", usd_per_hour, low=0)
        with self._lock:
            if not self._over:
                self._running.setdefault(machine_id, _Machine(usd_per_hour, self._clock()))

    def ended(self, machine_id: str) -> None:
        """A machine costs no more. A machine that never started is ignored."""
        with self._lock:
            if machine_id in self._running:
                self._end(machine_id)

    def all_ended(self) -> None:
        """Nothing of the cluster is left in the cloud: every machine has ended, and none starts any more."""
        with self._lock:
            self._over = True
            for machine_id in list(self._running):
                self._end(machine_id)

    def _end(self, machine_id: str) -> None:
        machine = self._running.pop(machine_id)
        machine.ended = self._clock()
        self._ended.append(machine)

    def spent(self) -> float:
        """US dollars spent until now."""
        with self._lock:
            now = self._clock()
            return sum(machine.spent(now) for machine in (*self._ended, *self._running.values()))

    @property
    def hourly(self) -> float:
        """US dollars an hour for all machines that run now."""
        with self._lock:
            return sum(machine.usd_per_hour for machine in self._running.values())

    def reached(self) -> bool:
        """Whether to end now: what is spent, plus the cost until all machines are gone, reaches the budget."""
        if self.budget is None:
            return False
        return self.spent() + self.hourly * TAKE_DOWN_SECONDS / 3600 >= self.budget

    def text(self) -> str:
        """A short text like ``$0.0412 of $2.00, $0.31 an hour``; of simulated machines it begins with SIMULATED."""
        bound = "" if self.budget is None else f" of ${self.budget:.2f}"
        spent = self.spent()
        sign = "SIMULATED " if self.simulated else ""
        return f"{sign}${spent:.{4 if spent < 0.1 else 2}f}{bound}, ${self.hourly:.2f} an hour"


def within_budget(
    statuses: Generator[TrainStatus, None, None],
    meter: Meter,
    checkpoints: str | Path,
    report: Callable[[str], None] = print,
) -> Generator[TrainStatus, None, None]:
    """Yield the statuses of `dqnkit.training.train` until the budget is reached; then save a checkpoint and end.

    Args:
        statuses: the training run; it is closed at the end.
        meter: of the cluster.
        checkpoints: folder, as for `dqnkit.checkpoint.save`.
        report: called with a sentence if training has ended early: at which step, and how to continue.

    Raises:
        CheckpointError: at once where the run cannot be saved; or the checkpoint could not be written, and training
            has ended all the same.
    """
    checked = False
    try:
        for status in statuses:
            if not checked:  # now, and not when the budget is spent
                check_can_be_saved(status.state, checkpoints)
                checked = True
            yield status
            if meter.reached():
                save(status.state, checkpoints)
                report(
                    f"The budget is reached ({meter.text()}).\n"
                    f"Training ended at step {status.step:,} of {status.total_steps:,}. "
                    f"Go on with: train(config, state=restore({str(checkpoints)!r}))"
                )
                return
    finally:
        statuses.close()
