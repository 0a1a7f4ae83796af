"""Seconds of training until CartPole is solved, with rollouts from this process and from a cluster.

CartPole is trained with rollouts from this process, from two workers, and from two workers without TLS. A CartPole
that waits 2 ms in each step, like a remote simulator, is trained with one worker and with four. The clock does not
count imports, the start of the cluster and the evaluations of 100 greedy episodes. Solved means a mean return of 475.
Each run is a new process, and the ways take turns.

Runs over a cluster are not reproducible, and the time until a seed is solved depends partly on chance. This would
hide the cost of TLS. So that cost is measured with an equal amount of work: whole trainings of 50,000 steps.

    python cluster_solve.py
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

import report

THRESHOLD, NEVER = 475.0, 1_000.0  # mean returns; CartPole's largest is 500
BUDGET, EVALUATE_EVERY = 50_000, 2_500  # environment steps
PLAIN, SLOW = "CartPole-v1", "_cluster_envs:SlowCartPole-v0"
# name: (environment, flags, mean return at which training ends)
WAYS: dict[str, tuple[str, list[object], float]] = {
    "in this process": (PLAIN, [], THRESHOLD),
    "2 workers": (PLAIN, ["--workers", 2], THRESHOLD),
    "2 workers, no TLS": (PLAIN, ["--workers", 2, "--plain"], THRESHOLD),
    "2 ms a step, 1 worker": (SLOW, ["--workers", 1], THRESHOLD),
    "2 ms a step, 4 workers": (SLOW, ["--workers", 4], THRESHOLD),
    "2 workers, to the end": (PLAIN, ["--workers", 2], NEVER),
    "2 workers, no TLS, to the end": (PLAIN, ["--workers", 2, "--plain"], NEVER),
}


def run(arguments: Any, way: str, seed: int) -> dict[str, Any]:
    """Train one seed in one way in a new process, until it is solved."""
    env_id, flags, threshold = WAYS[way]
    flags = [env_id, "--seed", seed, "--budget", arguments.budget, "--evaluate-every", EVALUATE_EVERY, *flags]
    last: dict[str, Any] = {}
    flags += ["--episodes=100", "--threads=1", f"--threshold={threshold}"]
    for line in report.run_worker(sys.executable, "_solve_cluster.py", *flags, threads=1):
        last = line if "mean" in line else last
    solved = last["mean"] >= THRESHOLD
    report.progress(f"{way}, seed {seed}: {last['seconds']:.1f} s, {last['step']:,} steps, mean {last['mean']:.1f}")
    return {"seed": seed, "solved": solved, "seconds": last["seconds"], "step": last["step"], "mean": last["mean"]}


def main() -> None:
    """Run all ways in turn for each seed, and print medians and verdicts."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=BUDGET, help="environment steps")
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
    here, two, _, one_slow, four_slow, tls_to_end, plain_to_end = medians.values()
    verdicts = [
        report.verdict("2 workers / in this process", two / here, 1.5, at_most=True),
        report.verdict("TLS / plain, 50,000 steps", tls_to_end / plain_to_end, 1.1, at_most=True),
        report.verdict("2 ms a step: 1 worker / 4 workers", one_slow / four_slow, 3.0),
    ]
    results = {"runs": runs, "medians": medians, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('cluster-solve', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
