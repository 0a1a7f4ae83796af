"""Final greedy returns of many seeds under several roundings: does a result hang on one machine's rounding?

Sums of float32 numbers depend on their order, and the order on the vector instructions and on the compiler. After a
thousand updates two machines train different networks from the same seed. So each seed is trained under three
roundings that this machine can make:

    native     XLA and BLAS use all vector instructions of this processor
    sse        XLA uses those of 2006 (SSE 4.2), OpenBLAS those of its Nehalem kernels
    without    TensorFlow's own kernels instead of XLA's

Each seed is a new process. Its greedy policy after the preset's whole budget is judged over 100 episodes.

    python roundings.py CartPole-v1
    python roundings.py CartPole-v1 --seeds 2 --set updates_per_call=16
    python roundings.py MiniGrid-DoorKey-5x5-v0 --seeds 5 --roundings native     # what a preset gives and costs
"""

from __future__ import annotations

import os
import sys
from typing import Any
from unittest.mock import patch

import numpy as np
import report

THRESHOLDS = {"CartPole-v1": 475.0, "LunarLander-v3": 200.0, "Acrobot-v1": -100.0, "MountainCar-v0": -110.0}
ROUNDINGS: dict[str, tuple[dict[str, str], list[str]]] = {  # environment variables, settings
    "native": ({}, []),
    "sse": ({"XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2", "OPENBLAS_CORETYPE": "Nehalem"}, []),
    "without": ({}, ["xla=false"]),
}
SHARE = 0.9  # of the seeds, at least, end at the threshold under each rounding


def final(arguments: Any, rounding: str, seed: int) -> dict[str, Any]:
    """Train one seed in a new process."""
    variables, settings = ROUNDINGS[rounding]
    flags: list[object] = [arguments.env_id, "--seed", seed, "--episodes", arguments.episodes]
    flags += ["--threads", arguments.threads, "--set", *settings, *arguments.set]
    with patch.dict(os.environ, variables):
        [line] = report.run_worker(sys.executable, "_roundings_ours.py", *flags, threads=arguments.threads)
    report.progress(f"{rounding}, seed {seed}: {line['mean']:.1f} after {line['cpu_seconds']:.1f} CPU s")
    return {"seed": seed, **line}


def main() -> None:
    """Train all seeds under all roundings; print each, and how far apart the roundings are."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("env_id")
    parser.add_argument("--seeds", type=int, default=40, help="how many seeds, from --first-seed on")
    parser.add_argument("--first-seed", type=int, default=3_000, help="none of these was used to choose the settings")
    parser.add_argument("--episodes", type=int, default=100, help="greedy episodes that judge a seed")
    parser.add_argument("--roundings", nargs="+", choices=ROUNDINGS, default=[*ROUNDINGS])
    parser.add_argument("--set", nargs="*", default=[], help="settings other than the preset's, as name=value")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)

    name = f"roundings-{arguments.env_id.replace('/', '-')}"
    runs: dict[str, list[dict[str, Any]]] = {rounding: [] for rounding in arguments.roundings}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for rounding, done in runs.items():  # in turn: an interrupted run has seeds of all roundings
            done.append(final(arguments, rounding, seed))
            report.write_json(name, arguments, runs, [])

    means = {rounding: np.array([run["mean"] for run in done]) for rounding, done in runs.items()}
    rows: list[list[object]] = [
        [str(run["seed"]), *(float(of_rounding[number]) for of_rounding in means.values())]
        for number, run in enumerate(next(iter(runs.values())))
    ]
    title = f"{arguments.env_id}: mean of {arguments.episodes} greedy episodes at the end"
    report.table(title, ["seed", *means], rows)
    threshold = THRESHOLDS.get(arguments.env_id)
    share = {
        rounding: None if threshold is None else float(np.mean(mean >= threshold)) for rounding, mean in means.items()
    }
    rows = [
        [rounding, *map(float, np.quantile(mean, (0, 0.1, 0.5))), share[rounding], *costs(runs[rounding])]
        for rounding, mean in means.items()
    ]
    columns = ["rounding", "lowest", "10 %", "median", f"share at {threshold}", "CPU s", "peak MB"]
    report.table("Over the seeds", columns, rows)
    print()
    verdicts = [
        report.verdict(f"share of the seeds at {threshold:g}, {rounding}", value, SHARE)
        for rounding, value in share.items()
        if value is not None
    ]
    print(f"\nWritten to {report.write_json(name, arguments, runs, verdicts)}")


def costs(runs: list[dict[str, Any]]) -> list[float]:
    """Medians: the processor time of a training in seconds, and the largest memory of its process in MB."""
    return [float(np.median([run[name] for run in runs])) for name in ("cpu_seconds", "peak_mb")]


if __name__ == "__main__":
    main()
