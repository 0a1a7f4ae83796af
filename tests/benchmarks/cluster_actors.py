"""Throughput with 1 to 1,000 simulated actors: at which number does it stop growing?

Each actor is a worker thread whose environment only waits, so it needs no core. What is measured is the overhead of
scheduler, driver and tasks. Scheduler and driver run in this process, the workers in four others. Each actor steps one
environment that takes half a second for a step, so the steps of 1,000 actors need at most one core. The kit chooses the
length of a task, at most 2 s. The row before the last has longer tasks, which help when the scheduler is the
bottleneck; in the last one rollouts are no tasks, but events of tasks that last as long as the run (`_streamed`).

    python cluster_actors.py
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import psutil
import report
from _cluster import cluster, network
from _streamed import StreamedRollouts

from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.default_parts import make_replay
from dqnkit.types import PolicyWeights

PROCESSES = 4
WARM_UP = 15.0  # seconds
LONG_TASK = 12  # steps
NEW_WEIGHTS = 0.2  # seconds between versions


def measure(
    actors: int, seconds: float, task_steps: int | None = None, source: type[Any] = ClusterRollouts
) -> dict[str, Any]:
    """Measure ``actors`` threads for some seconds, after a warm-up."""
    config = DQNConfig(env_id="_cluster_envs:LongLatency-v0", num_envs=1, rollout_steps=4, total_steps=100_000_000)
    weights, replay = network((4, 64, 64, 2)), make_replay(config)
    epsilons = np.full((1, 1), 0.05, np.float32)
    processes = next(n for n in range(min(PROCESSES, actors), 0, -1) if actors % n == 0)
    with cluster(processes, actors // processes) as client:
        rollouts = source(client, task_steps=task_steps)
        rollouts.begin(config)
        driver, began, version = psutil.Process(), time.perf_counter(), 0
        warm, tasks, inserted, cpu = False, [], 0, 0.0
        try:
            while (took := time.perf_counter() - began) < seconds + WARM_UP:
                if took > WARM_UP and not warm:
                    warm, tasks, inserted, cpu = True, [], 0, sum(driver.cpu_times()[:2])
                    rollouts.traffic.lags.clear()
                if took > version * NEW_WEIGHTS:
                    version += 1
                    weights = PolicyWeights(version, weights.layers, weights.values)
                for rollout in rollouts.collect(weights, epsilons, 0):
                    replay.add_rollout(rollout)
                    inserted += rollout.steps
                    tasks.append(rollout.seconds)
            cpu = sum(driver.cpu_times()[:2]) - cpu
        finally:
            rollouts.close()
    return {
        "actors": actors,
        "transitions_per_second": inserted / seconds,
        "per_actor": inserted / seconds / actors,
        "task_seconds": statistics.median(tasks),
        "tasks_per_second": len(tasks) / seconds,
        "busy": sum(tasks) / seconds / actors,
        "policy_lag": statistics.mean(rollouts.traffic.lags),
        "cpu": cpu / seconds,
        "cpu_ms_per_task": 1_000 * cpu / len(tasks),
    }


def main() -> None:
    """Measure each number of actors, and print where the speed per actor falls."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each number of actors")
    parser.add_argument("--actors", type=int, nargs="+", default=[1, 10, 100, 1_000])
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)
    results = [measure(actors, arguments.seconds) for actors in arguments.actors]
    results.append(measure(max(arguments.actors), arguments.seconds, LONG_TASK))
    results.append(measure(max(arguments.actors), arguments.seconds, source=StreamedRollouts))
    alone = results[0]["per_actor"]
    columns = ["actors", "transitions/s", "of linear", "tasks/s", "s a task", "policy lag", "driver's CPU", "ms a task"]
    names = ("tasks_per_second", "task_seconds", "policy_lag", "cpu", "cpu_ms_per_task")
    rows = [
        [r["actors"], r["transitions_per_second"], r["per_actor"] / alone, *(r[name] for name in names)]
        for r in results
    ]
    report.table("Simulated actors, 500 ms a step", columns, rows)
    document = {"actors": results, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('cluster-actors', arguments, document, [])}")


if __name__ == "__main__":
    main()
