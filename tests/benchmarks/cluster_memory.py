"""Memory of the worker processes and of the scheduler after ten minutes of CartPole rollouts.

Workers are separate processes, as on other machines. Resident memory is read ten times in this period.

    python cluster_memory.py
"""

from __future__ import annotations

import os
from typing import Any

import psutil
import report
from _cluster import cluster, speed
from _rollouts import balancing_policy

from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig

TARGET = 110.0  # MB (10**6 bytes) of a worker


def main() -> None:
    """Make rollouts and read the memory after each tenth of the time."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--minutes", type=float, default=10.0)
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)
    config = DQNConfig(num_envs=16, replay_capacity=100_000, total_steps=1_000_000_000)
    readings: list[dict[str, Any]] = []
    with cluster(2) as client:
        workers = [psutil.Process(pid) for pid in client.run(os.getpid).values()]
        scheduler = psutil.Process()  # it runs in this process, which also has the replay buffer
        for part in range(10):
            speeds = speed(ClusterRollouts(client), config, balancing_policy(), arguments.minutes * 6, 1)
            megabytes = [worker.memory_info().rss / 1e6 for worker in workers]
            driver = scheduler.memory_info().rss / 1e6
            minutes = (part + 1) * arguments.minutes / 10
            readings.append({"minutes": minutes, "workers_mb": megabytes, "driver_mb": driver, "speed": speeds[0]})
            report.progress(f"{minutes:.1f} min: {megabytes} MB")
    rows = [[r["minutes"], max(r["workers_mb"]), r["driver_mb"], r["speed"]] for r in readings]
    report.table("Memory", ["minutes", "largest worker, MB", "driver, MB", "steps a second"], rows)
    print()
    verdicts = [report.verdict("MB of the largest worker at the end", rows[-1][1], TARGET, at_most=True)]
    results = {"readings": readings, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('cluster-memory', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
