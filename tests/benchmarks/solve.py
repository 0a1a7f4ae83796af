"""Seconds of training until an environment is solved: dqnkit against Stable-Baselines3's DQN with its zoo's settings.

Each seed of each side is a new process. Its clock starts after the imports and stops during each evaluation of 100
greedy episodes. An environment is solved at the first evaluation whose mean reaches the threshold; a seed that never
reaches it counts with its whole training time. "Final" is the evaluation after the whole budget.

    python solve.py CartPole-v1 --peer-python PEER/bin/python
    python solve.py LunarLander-v3 --peer-python PEER/bin/python
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass
from typing import Any

import report

WORKERS = {"ours": "_solve_ours.py", "peer": "_solve_sb3.py"}


@dataclass(frozen=True)
class Task:
    """The standard settings for an environment, and the targets."""

    threshold: float  # a mean return that counts as solved
    budget: int  # environment steps
    evaluate_every: int  # environment steps
    seeds: int
    ratio: float  # median seconds of the peer / ours, at least
    solved: float  # share of the seeds that are solved, at least
    finals: float  # share of the final policies that reach the threshold, at least


TASKS = {
    "CartPole-v1": Task(475, 50_000, 2_500, 10, ratio=10, solved=1.0, finals=0.9),
    "LunarLander-v3": Task(200, 200_000, 5_000, 5, ratio=3, solved=0.8, finals=0.9),
}


def parse() -> argparse.Namespace:
    """Parse the command line; missing values are taken from the environment's task."""
    parser = report.flags(__doc__ or "", peer=True)
    parser.add_argument("env_id", choices=TASKS)
    parser.add_argument("--seeds", type=int, help="how many seeds, from --first-seed on")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--threshold", type=float)
    parser.add_argument("--budget", type=int, help="environment steps")
    parser.add_argument("--evaluate-every", type=int, help="environment steps")
    parser.add_argument("--episodes", type=int, default=100, help="episodes of each evaluation")
    parser.add_argument("--only", choices=WORKERS, help="measure one side only")
    arguments = parser.parse_args()
    for name in ("seeds", "threshold", "budget", "evaluate_every"):
        if getattr(arguments, name) is None:
            setattr(arguments, name, getattr(TASKS[arguments.env_id], name))
    if arguments.only != "ours" and not arguments.peer_python:
        parser.error("--peer-python is needed, or --only ours")
    return arguments


def run(arguments: argparse.Namespace, side: str, seed: int) -> dict[str, Any]:
    """Train one seed of one side in a new process; return its evaluations, and when it was solved."""
    flags: list[object] = [arguments.env_id, "--seed", seed]
    for name in ("budget", "evaluate_every", "episodes", "threads"):
        flags += [f"--{name.replace('_', '-')}", getattr(arguments, name)]
    python = sys.executable if side == "ours" else arguments.peer_python
    evaluations, versions = [], {}
    for line in report.run_worker(python, WORKERS[side], *flags, threads=arguments.threads):
        if "versions" in line:
            versions = line["versions"]
            continue
        evaluations.append(line)
        report.progress("{} seed {}: step {step:,}, {seconds:.1f} s, mean {mean:.1f}".format(side, seed, **line))
    last = evaluations[-1]
    first = next((line for line in evaluations if line["mean"] >= arguments.threshold), None)
    return {
        "seed": seed,
        "solved": first is not None,
        "seconds_to_solve": (first or last)["seconds"],
        "steps_to_solve": first["step"] if first else None,
        "final": last["mean"],
        "seconds": last["seconds"],
        "cpu_seconds": last["cpu_seconds"],
        "evaluations": evaluations,
        "versions": versions,
    }


def summary(runs: list[dict[str, Any]], threshold: float) -> dict[str, Any]:
    """Return the medians and counts over one side's seeds."""
    return {
        "median_seconds_to_solve": statistics.median(run["seconds_to_solve"] for run in runs),
        "median_seconds": statistics.median(run["seconds"] for run in runs),
        "solved": sum(run["solved"] for run in runs),
        "finals_at_threshold": sum(run["final"] >= threshold for run in runs),
        "seeds": len(runs),
    }


def print_tables(arguments: argparse.Namespace, runs: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Print every seed, the medians and the verdicts; return the verdicts."""
    task, sides = TASKS[arguments.env_id], {side: summary(of, arguments.threshold) for side, of in runs.items()}
    rows: list[list[object]] = [
        [
            f"{side} {run['seed']}",
            run["seconds_to_solve"] if run["solved"] else f"({run['seconds']:.1f})",
            *(run[key] for key in ("steps_to_solve", "final", "seconds", "cpu_seconds")),
        ]
        for side, of in runs.items()
        for run in of
    ]
    columns = ["side and seed", "s to solve", "steps to solve", "final", "s in all", "CPU s in all"]
    title = f"{arguments.env_id}: mean >= {arguments.threshold:g} over {arguments.episodes} episodes"
    report.table(f"{title}, {arguments.budget:,} steps, {arguments.threads} thread(s)", columns, rows)
    rows = [
        [side, s["median_seconds_to_solve"], f"{s['solved']}/{s['seeds']}", f"{s['finals_at_threshold']}/{s['seeds']}"]
        for side, s in sides.items()
    ]
    report.table("Medians", ["side", "s to solve", "solved", f"final >= {arguments.threshold:g}"], rows)
    print()
    verdicts = []
    if len(sides) == 2:
        ratio = sides["peer"]["median_seconds_to_solve"] / sides["ours"]["median_seconds_to_solve"]
        verdicts.append(report.verdict("median seconds to solve, peer / ours", ratio, task.ratio))
    if "ours" in sides:
        seeds = sides["ours"]["seeds"]
        verdicts.append(report.verdict("part of our seeds solved", sides["ours"]["solved"] / seeds, task.solved))
        part = sides["ours"]["finals_at_threshold"] / seeds
        verdicts.append(report.verdict("part of our final policies at the threshold", part, task.finals))
    return verdicts


def main() -> None:
    arguments = parse()
    report.pin(arguments.threads, arguments.cores)
    name = f"solve-{arguments.env_id}"
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in WORKERS if arguments.only in (None, side)}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for side in runs:  # seed by seed, so that other load on the machine affects both sides equally
            runs[side].append(run(arguments, side, seed))
            report.write_json(name, arguments, {"runs": runs}, [])  # keeps the finished seeds after an interruption
    verdicts = print_tables(arguments, runs)
    results = {"runs": runs, "summary": {side: summary(of, arguments.threshold) for side, of in runs.items()}}
    print(f"\nWritten to {report.write_json(name, arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
