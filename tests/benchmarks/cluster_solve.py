"""Seconds of training until CartPole is solved, with rollouts from this process and from a cluster.

Plain CartPole: in this process, from two worker processes, from two over TLS. A CartPole that waits 2 ms a step (a
simulator elsewhere): from one worker and from four. The clock leaves out imports, the start of the cluster and
evaluations of 100 greedy episodes; solved is a mean of 475. Each run is a fresh process; the ways take turns.

    python cluster_solve.py
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

import report

THRESHOLD = 475.0
# name: (environment, flags, budget in steps, steps between evaluations)
WAYS: dict[str, tuple[str, list[object], int, int]] = {
    "in this process": ("CartPole-v1", [], 50_000, 2_500),
    "2 workers": ("CartPole-v1", ["--workers", 2], 50_000, 2_500),
    "2 workers, TLS": ("CartPole-v1", ["--workers", 2, "--tls"], 50_000, 2_500),
    "2 ms a step, 1 worker": ("_cluster_envs:SlowCartPole-v0", ["--workers", 1], 50_000, 2_500),
    "2 ms a step, 4 workers": ("_cluster_envs:SlowCartPole-v0", ["--workers", 4], 50_000, 2_500),
}


def run(arguments: Any, way: str, seed: int) -> dict[str, Any]:
    """One seed, one way, as a process of its own, until it is solved."""
    env_id, flags, budget, every = WAYS[way]
    flags = [env_id, "--seed", seed, "--budget", arguments.budget or budget, "--evaluate-every", every, *flags]
    last: dict[str, Any] = {}
    flags += ["--episodes=100", "--threads=1", f"--threshold={THRESHOLD}"]
    for line in report.run_worker(sys.executable, "_solve_cluster.py", *flags, threads=1):
        last = line if "mean" in line else last
    solved = last["mean"] >= THRESHOLD
    report.progress(f"{way}, seed {seed}: {last['seconds']:.1f} s, {last['step']:,} steps, mean {last['mean']:.1f}")
    return {"seed": seed, "solved": solved, "seconds": last["seconds"], "step": last["step"], "mean": last["mean"]}


def main() -> None:
    """Every way in turn for each seed; medians and verdicts."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget", type=int, help="environment steps, instead of each way's own")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for way in WAYS:
            runs[way].append(run(arguments, way, seed))
    medians = {way: statistics.median(r["seconds"] for r in of) for way, of in runs.items()}
    rows = [
        [way, medians[way], statistics.median(r["step"] for r in of), f"{sum(r['solved'] for r in of)}/{len(of)}"]
        for way, of in runs.items()
    ]
    report.table(f"CartPole, mean >= {THRESHOLD:g}", ["rollouts from", "s to solve", "steps", "solved"], rows)
    print()
    here, two, tls, one_slow, four_slow = medians.values()
    verdicts = [
        report.verdict("2 workers / in this process", two / here, 1.5, at_most=True),
        report.verdict("TLS / plain", tls / two, 1.1, at_most=True),
        report.verdict("2 ms a step: 1 worker / 4 workers", one_slow / four_slow, 3.0),
    ]
    results = {"runs": runs, "medians": medians, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('cluster-solve', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
