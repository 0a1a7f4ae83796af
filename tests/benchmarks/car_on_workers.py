"""Seconds until the car of the last lesson drives well: 1 and 2 workers of this computer, 4 and 8 simulated ones.

A step of highway-env takes several ms of computing, so each worker needs a core. More workers than there are cores are
simulated: each step, and each call of the learner, waits for `--slowdown` - 1 times as long as it computed. So every
core is slower by the same factor, all of them fit on two, and the seconds that were measured are divided by it. What
does not become slower: the driver's work on tasks, the network of this computer, and the start.

The weights are kept every `--every` steps and judged after the run, so that judging takes no time from it. Beside each
run stands the plan's prediction for as many steps, made before from the measurements of `dqnkit.cluster.measure`. Runs
over a cluster are not reproducible.

    python car_on_workers.py
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

import report
from _cluster import cluster
from _cluster_envs import slowed

from dqnkit.cluster.dask_logging import silence_dask
from dqnkit.cluster.measure import measure
from dqnkit.cluster.plan import Measured, predict
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.evaluation import evaluate
from dqnkit.learner import Learner
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.types import PolicyWeights

CAR, SLOW_CAR = "highway-fast-v0", "_cluster_envs:SlowCar-v0"
RANDOM = 11.6  # mean return of a random policy, from `python -m dqnkit.lessons.applications.runs driving`
THRESHOLD = 1.5 * RANDOM
EPISODES = 20
OFF_BY = 0.25  # largest error of a prediction, as a share of the measured time


class SlowLearner(Learner):
    """The learner on a slower core: it waits after each call."""

    slowdown = 1.0

    def update(self, *batches: Any, **settings: Any) -> Any:
        """As the learner's, then wait."""
        with slowed(self.slowdown, time.process_time):
            return super().update(*batches, **settings)


def run(config: DQNConfig, workers: int, slowdown: float, every: int) -> list[tuple[float, int, PolicyWeights]]:
    """Train the whole run; seconds, steps and weights each time another ``every`` steps are done."""
    learner = SlowLearner(config)
    learner.slowdown = slowdown
    kept = []
    with cluster(workers) as client:
        client.run(_import)  # so that importing is not measured
        began, due = time.perf_counter(), every
        for status in train(config, rollouts=ClusterRollouts(client), learner=learner):
            if status.step >= due:
                kept.append(((time.perf_counter() - began) / slowdown, status.step, status.weights))
                due = (status.step // every + 1) * every
    return kept


def _import() -> None:
    import highway_env  # noqa: F401

    import dqnkit.cluster.worker  # noqa: F401


def first_good(kept: list[tuple[float, int, PolicyWeights]], judged: DQNConfig) -> dict[str, Any]:
    """Seconds, steps and mean return of the first weights at or above the threshold; of the last, if none are."""
    for number, (seconds, step, weights) in enumerate(kept):
        mean = float(evaluate(weights, judged, EPISODES, seed=10_000_000 + number).mean())
        report.progress(f"    after {step:,} steps, {seconds:.0f} s: {mean:.1f}")
        if mean >= THRESHOLD:
            break
    return {"seconds": seconds, "steps": step, "mean": mean, "good": mean >= THRESHOLD, "whole": kept[-1][0]}


def prediction(config: DQNConfig, measured: Measured, workers: int, cores: int | None) -> float:
    """The plan's seconds for this many steps, from the first task on."""
    times = predict(config, measured, workers, cores=cores)
    return times.total - measured.build


def main() -> None:
    """Measure, predict, run, judge."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--slowdown", type=float, default=8.0, help="of the cores, for more workers than two")
    parser.add_argument("--steps", type=int, help="of a whole run; those of the preset unless given")
    parser.add_argument("--every", type=int, default=1_000, help="environment steps between two judgements")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    arguments = parser.parse_args()
    silence_dask()  # Dask would report the tasks that are cancelled at the end of each run
    report.pin(arguments.threads, arguments.cores)
    report.limit_tensorflow(1)
    config = preset(CAR, **({"total_steps": arguments.steps} if arguments.steps else {}))
    list(train(DQNConfig(total_steps=2_000)))  # a process's first program takes longer to compile than the next ones
    measured = measure(config, 60.0, report.progress)
    runs: dict[int, list[dict[str, Any]]] = {workers: [] for workers in arguments.workers}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for workers in arguments.workers:
            slowdown = arguments.slowdown if workers > arguments.threads else 1.0
            env_args = {**config.env_args, "slowdown": slowdown}
            slow = replace(config, seed=seed, env_id=SLOW_CAR, env_args=env_args)
            report.progress(f"{workers} workers, seed {seed}, {slowdown:g} times slower:")
            found = first_good(run(slow, workers, slowdown, arguments.every), replace(config, seed=seed))
            cores = arguments.threads if slowdown == 1 else None
            found["predicted"] = prediction(replace(config, total_steps=found["steps"]), measured, workers, cores)
            found["predicted_whole"] = prediction(config, measured, workers, cores)
            runs[workers].append(found)
    rows, worst = [], 0.0
    for workers, of in runs.items():
        middle = {name: statistics.median(row[name] for row in of) for name in of[0]}
        off = middle["predicted_whole"] / middle["whole"] - 1
        worst = max(worst, abs(off))
        good = f"{sum(row['good'] for row in of)}/{len(of)}"
        numbers = [middle[name] for name in ("seconds", "predicted", "steps", "mean", "whole", "predicted_whole")]
        rows.append([workers, *numbers, f"{off:+.0%}", good])
    names = ["workers", "s to it", "predicted s", "steps", "mean", "whole run, s", "predicted s", "off by", "reached"]
    report.table(f"The car, greedy mean return >= {THRESHOLD:.1f}", names, rows)
    print()
    verdicts = [report.verdict("predicted time of the whole run off by", worst, OFF_BY, at_most=True)]
    if 2 in runs:
        slowest = max(row["whole"] for row in runs[2])
        verdicts.append(report.verdict("seconds of the whole run on 2 workers", slowest, 600.0, at_most=True))
    results = {"runs": runs, "measured": vars(measured), "versions": report.versions()}
    print(f"\nWritten to {report.write_json('car-on-workers', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
