"""Accuracy of the plan: predicted and measured seconds of training on 1 to 16 local workers.

The environment waits 5 ms in each step, so that 16 workers can share two cores. With the small network the actors are
the bottleneck; with the large network and many updates for each step it is the learner. Predictions use only the
measurements of `dqnkit.cluster.measure`, which are made before the runs.

    python plan_accuracy.py
"""

from __future__ import annotations

import time
from typing import Any

import report
from _cluster import cluster

from dqnkit.cluster.dask_logging import silence_dask
from dqnkit.cluster.measure import measure
from dqnkit.cluster.plan import Measured, predict
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.training import train

TARGET = 0.25  # largest error, as a share of the measured time
SETTINGS: dict[str, dict[str, Any]] = {
    "actors": {"hidden_sizes": (64, 64), "samples_per_insert": 8.0, "batch_size": 64},
    "learner": {"hidden_sizes": (512, 512), "samples_per_insert": 32.0, "batch_size": 64},
}
# environment steps of a run for each worker; with these, a run takes 10 to 25 seconds
STEPS_A_WORKER = 2_000
MOST_STEPS = {"actors": 10**9, "learner": 8_000}


def settings(regime: str, workers: int) -> DQNConfig:
    """The settings of one run."""
    steps = min(STEPS_A_WORKER * workers, MOST_STEPS[regime])
    common: dict[str, Any] = {"env_id": "_cluster_envs:Latency-v0", "num_envs": 8, "learning_starts": 200}
    return DQNConfig(**common, **SETTINGS[regime], total_steps=steps)


def run(config: DQNConfig, workers: int) -> dict[str, Any]:
    """Train on ``workers`` workers; return the seconds until the last status, and counts."""
    with cluster(workers) as client:
        client.run(_import)  # so that importing is not measured
        rollouts = ClusterRollouts(client)
        began = time.perf_counter()
        seconds, status = [(time.perf_counter() - began, status) for status in train(config, rollouts=rollouts)][-1]
        traffic = rollouts.traffic
        return {
            "seconds": seconds,
            "steps": status.step,
            "updates": status.updates,
            "tasks": traffic.arrived,
            "waiting": traffic.waiting_seconds,
            "busy": sum(row.busy_seconds for row in traffic.workers.values()) / seconds / workers,
        }


def _import() -> None:
    import _cluster_envs  # noqa: F401

    import dqnkit.cluster.worker  # noqa: F401


def compare(regime: str, measured: Measured, workers: int, cores: int) -> dict[str, Any]:
    """Predict and run; return one row of the table."""
    config = settings(regime, workers)
    times = predict(config, measured, workers, cores=cores)
    found = run(config, workers)
    report.progress(f"{regime}, {workers} workers: predicted {times.total:.1f} s, measured {found['seconds']:.1f} s")
    off = times.total / found["seconds"] - 1
    return {"workers": workers, "predicted": times.total, "limit": times.bottleneck, "off": off, **found}


def main() -> None:
    """Measure; then predict and run for each number of workers."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--seconds", type=float, default=12.0, help="for what is measured, of each network")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--regimes", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    arguments = parser.parse_args()
    silence_dask()  # Dask would report the tasks that are cancelled at the end of each run
    report.pin(arguments.threads, arguments.cores)
    report.limit_tensorflow(1)  # the learner leaves one core to the workers, which in a cloud have their own
    list(
        train(DQNConfig(total_steps=2_000))
    )  # the first program that a process compiles takes longer than the next ones
    results: dict[str, Any] = {"versions": report.versions()}
    verdicts = []
    for regime in arguments.regimes:
        measured = measure(settings(regime, 1), arguments.seconds, report.progress)
        rows = [compare(regime, measured, workers, arguments.threads) for workers in arguments.workers]
        results[regime] = {"measured": vars(measured), "rows": rows}
        columns = ["workers", "steps", "predicted s", "measured s", "off by", "predicted limit"]
        names = ("workers", "steps", "predicted", "seconds")
        report.table(
            f"The limit becomes: {regime}",
            columns,
            [[*(row[name] for name in names), f"{row['off']:+.0%}", row["limit"]] for row in rows],
        )
        print()
        worst = max(abs(row["off"]) for row in rows)
        verdicts.append(report.verdict(f"{regime}: predicted time off by", worst, TARGET, at_most=True))
    print(f"\nWritten to {report.write_json('plan-accuracy', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
