"""Trains CartPole on a cluster for half an hour, as fast as it goes, and reads the memory of each process every minute.

Scheduler and two workers are processes of their own, started as users start them (`dask scheduler`, `dask worker`,
certificates of `dqnkit certificates`). The driver trains all the time: rollouts, replay, learner. Memory is resident
memory. Its growth is the slope of a straight line through the readings after the fifth minute.

    python soak.py
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import report
from distributed import Client

sys.path.append(str(report.REPOSITORY / "tests/support"))
import dask_processes

from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.security import write_certificates
from dqnkit.deploy import connect
from dqnkit.presets import preset
from dqnkit.training import train

WORKERS = 2
SETTLED = 5  # minutes after which no process may grow
TARGET = 1.0  # MB (10**6 bytes) a minute


@contextmanager
def cluster() -> Iterator[tuple[Client, dict[str, psutil.Process]]]:
    """A client of a cluster of separate processes, and each process by its name."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        certificates = folder / "tls.yaml"
        security = write_certificates(certificates)
        address, scheduler = running.enter_context(dask_processes.scheduler(folder, certificates))
        for number in range(WORKERS):
            worker = dask_processes.worker(address, folder, f"worker-{number}", certificates=certificates)
            running.enter_context(worker)
        client = running.enter_context(connect(address, security=security))
        client.wait_for_workers(WORKERS, timeout=120)
        processes = {"driver": psutil.Process(), "scheduler": scheduler}
        for number, pid in enumerate(client.run(os.getpid).values()):
            processes[f"worker {number}"] = psutil.Process(pid)
        yield client, processes


def soak(client: Client, processes: dict[str, psutil.Process], minutes: float) -> list[dict[str, Any]]:
    """Train until the time is over; what was read at the end of each minute."""
    readings: list[dict[str, Any]] = []
    config = preset("CartPole-v1", total_steps=10**10)
    began, steps_before = time.monotonic(), 0
    for status in train(config, rollouts=ClusterRollouts(client)):
        if time.monotonic() - began < 60 * (len(readings) + 1):
            continue
        gc.collect()
        megabytes = {name: process.memory_info().rss / 1e6 for name, process in processes.items()}
        speed = (status.step - steps_before) / 60
        readings.append({"minute": len(readings) + 1, **megabytes, "steps a second": speed, "updates": status.updates})
        report.progress(str(readings[-1]))
        steps_before = status.step
        if len(readings) >= minutes:
            break
    return readings


def growth(readings: list[dict[str, Any]], name: str) -> float:
    """MB a minute: the slope of the least-squares line through the readings after `SETTLED` minutes."""
    settled = readings[SETTLED:] if len(readings) > SETTLED + 1 else readings
    return float(np.polyfit([r["minute"] for r in settled], [r[name] for r in settled], 1)[0])


def main() -> None:
    """Train for the time given and print the memory of each minute."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--minutes", type=int, default=30)
    arguments = parser.parse_args()
    if arguments.minutes < 2:
        parser.error("a slope needs at least 2 minutes")
    report.pin(arguments.threads, arguments.cores)
    report.limit_tensorflow(1)
    with cluster() as (client, processes):
        readings = soak(client, processes, arguments.minutes)
    report.table("Memory, MB", list(readings[0]), [list(reading.values()) for reading in readings])
    print()
    verdicts = [
        report.verdict(f"MB a minute: {name}", growth(readings, name), TARGET, at_most=True) for name in processes
    ]
    results = {"readings": readings, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('soak', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
