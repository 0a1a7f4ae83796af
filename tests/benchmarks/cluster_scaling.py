"""Does throughput grow linearly with 1 to 32 worker threads? The environment waits 5 ms in each step.

Each task has one copy of the environment, so a thread makes at most 200 steps a second. The speed of a single thread is
measured in the same run.

    python cluster_scaling.py
"""

from __future__ import annotations

import statistics

import report
from _cluster import cluster, network, speed

from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig

TARGET = 0.9  # of linear, at 32 threads
PROCESSES = 4  # at most; the threads of a process share its interpreter


def measure(threads: int, seconds: float, repeats: int) -> float:
    """Median steps a second with ``threads`` threads in all."""
    config = DQNConfig(env_id="_cluster_envs:Latency-v0", num_envs=1, rollout_steps=20, total_steps=10_000_000)
    processes = min(PROCESSES, threads)
    with cluster(processes, threads // processes) as client:
        return statistics.median(speed(ClusterRollouts(client), config, network((4, 64, 64, 2)), seconds, repeats))


def main() -> None:
    """Measure each number of threads."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one repeat")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32], help="worker threads")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)
    speeds = {threads: measure(threads, arguments.seconds, arguments.repeats) for threads in arguments.workers}
    first = arguments.workers[0]
    part = {threads: value / (speeds[first] * threads / first) for threads, value in speeds.items()}
    rows = [[threads, speeds[threads], part[threads]] for threads in speeds]
    report.table("5 ms a step", ["threads", "steps a second", "of linear"], rows)
    print()
    most = max(arguments.workers)
    verdicts = [report.verdict(f"part of linear at {most} threads", part[most], TARGET)]
    results = {"speeds": speeds, "part_of_linear": part, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('cluster-scaling', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
