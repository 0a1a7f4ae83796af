"""A stand-in for a cluster that a live panel shows: it counts as one does, without Dask and without training."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from dqnkit.cluster.traffic import Traffic
from dqnkit.errors import ClusterError
from dqnkit.types import TrainStatus
from dqnkit.widgets.cluster_view import ClusterView


@dataclass
class ToyCluster:
    """A cluster whose first worker always works, and the others a tenth of the time."""

    traffic: Traffic = field(default_factory=Traffic)
    max_policy_lag: int = 1_000
    dashboard_link: str = "http://127.0.0.1:8787/status"
    how_to_reach_dashboard: str = "If it does not open, make a <tunnel>."
    simulated: bool = False
    killed: list[str] = field(default_factory=list)
    refuses: bool = False
    seconds: float = 0.0  # of training
    deaths: dict[str, float] = field(default_factory=dict)  # address of a killed worker -> when it is lost

    def kill(self, address: str) -> None:
        if self.refuses:
            raise ClusterError("worker runs inside this process")
        self.killed.append(address)

    def join(self, address: str, name: str, has_nanny: bool = True) -> None:
        row = self.traffic.worker(address)
        row.name, row.has_nanny = name, has_nanny

    def join_many(self, count: int) -> None:
        for number in range(count):
            self.join(f"tcp://127.0.0.1:{30_000 + number}", str(number))

    def lose(self, address: str) -> None:
        self.traffic.workers[address].lost = True
        self.traffic.lost += 2

    def work(self, seconds: float) -> TrainStatus:
        """Let this much time pass; what training would say then."""
        self.seconds += seconds
        for number, row in enumerate(self.traffic.workers.values()):
            if not row.lost:
                row.rollouts += 1
                row.transitions += round(1_000 * seconds)
                row.busy_seconds += seconds if number == 0 else seconds / 10
                row.lag, row.in_flight = number % 5, 2
                self.traffic.lags.append(row.lag)
        self.traffic.waiting_seconds += seconds / 4
        self.traffic.versions_sent += 1
        return status_at(self.seconds)

    def go_on(self, view: ClusterView, seconds: float) -> None:
        """Work for this long, with two statuses a second."""
        for _ in range(round(2 * seconds)):
            view.record(self.work(0.5))

    def tick(self, seconds: float = 0.05, death: float = 0.3, birth: float = 4.0) -> TrainStatus:
        """Work for this long in real time; a killed worker is lost after ``death`` s, and back after ``birth`` more."""
        status, now = self.work(seconds), time.monotonic()
        for address in self.killed:
            self.deaths.setdefault(address, now + death)
        for address, when in self.deaths.items():
            row = self.traffic.workers[address]
            if now > when and not row.lost:
                self.lose(address)
            if now > when + birth and row.has_nanny:
                self.join(f"{address}9", row.name)
        return status

    def train(self, seconds: float, total_steps: int = 50_000) -> Iterator[TrainStatus]:
        """A stand-in for training with this cluster, in real time."""
        began = time.monotonic()
        while (share := (time.monotonic() - began) / seconds) < 1:
            time.sleep(0.05)
            mean = 480 * share
            yield replace(
                self.tick(),
                step=round(share * total_steps),
                total_steps=total_steps,
                episode_returns=np.array([mean], np.float32),
                episode_return=mean,
                mean_max_q=60 * share,
                epsilon=max(0.05, 1 - 4 * share),
            )

    async def play(self, view: ClusterView, seconds: float) -> None:
        """Let a view show how it works, in real time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            view.record(self.tick())
            view.act()
            view.show()
            await asyncio.sleep(0.05)


def status_at(seconds: float, **fields: Any) -> TrainStatus:
    """A status of a run whose settings are known."""
    state = SimpleNamespace(config=SimpleNamespace(samples_per_insert=8.0))
    values: dict[str, Any] = {
        "step": 100,
        "total_steps": 400,
        "updates": 100,
        "episodes": 10,
        "episode_returns": np.array([10.0], np.float32),
        "episode_return": 5.0,
        "loss": 0.5,
        "mean_max_q": 10.0,
        "epsilon": 0.3,
        "weights_version": 0,
        "policy_lag": 0,
        "samples_per_insert": 2.0,
        "replay_size": 100,
        "seconds": seconds,
        "get_weights": lambda: None,
        "get_state": lambda: state,
    }
    return TrainStatus(**{**values, **fields})
