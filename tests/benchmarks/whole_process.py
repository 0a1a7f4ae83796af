"""Whole processes, from command to prompt: DQN learns CartPole-v1 and is judged; dqnkit beside rejax and SBX (JAX).

Imports and compilation count. Each seed of each side is a new process, in turn. Wall-clock time, processor time and
peak memory are those that the system tells of a process that has ended. The peers have their own settings, rejax
100,000 steps, SBX those of RL Baselines3 Zoo and 50,000. All are judged once, at the end.

    python whole_process.py --rejax-python REJAX/bin/python --sbx-python SBX/bin/python

Each is the Python of an environment of its own: pip install jax==0.10.2 gymnax==0.0.9 rejax==0.1.3, and
pip install jax==0.10.2 sbx-rl==0.28.0
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import report

WORKERS = {
    "dqnkit": "_whole_process_ours.py",
    "rejax": "_whole_process_rejax.py",
    "SBX": "_whole_process_sbx.py",
}
MEASURES = {"seconds": "s", "cpu_seconds": "CPU s", "mb": "MB at most", "mean": "final return"}


def measure(python: str, script: str, seed: int, threads: int) -> dict[str, Any]:
    """Run a worker as a whole process."""
    environment = {**report.worker_environment(threads), "JAX_PLATFORMS": "cpu"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [python, str(report.FOLDER / script), str(seed)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{script} ended with status {process.returncode}")
    found: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
    return {
        **found,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "mb": used.ru_maxrss * 1024 / 1e6,
    }


def main() -> None:
    """Measure both sides in turn; print each seed, the medians and their ratios."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("--rejax-python", help="Python of the environment with rejax; without it that is left out")
    parser.add_argument("--sbx-python", help="Python of the environment with SBX; without it that is left out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=3_000)
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)

    pythons = {"dqnkit": sys.executable, "rejax": arguments.rejax_python, "SBX": arguments.sbx_python}
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side, python in pythons.items() if python}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for side, done in runs.items():
            done.append({"seed": seed, **measure(pythons[side], WORKERS[side], seed, arguments.threads)})
            shown = ", ".join(f"{report.show(done[-1][name])} {unit}" for name, unit in MEASURES.items())
            report.progress(f"{side}, seed {seed}: {shown}")

    columns = ["side and seed", *MEASURES.values()]
    rows = [[f"{side} {run['seed']}", *(run[name] for name in MEASURES)] for side, of in runs.items() for run in of]
    report.table("CartPole-v1 from command to prompt", columns, rows)
    medians = {side: [statistics.median(run[name] for run in of) for name in MEASURES] for side, of in runs.items()}
    rows = [[side, *values] for side, values in medians.items()]
    for side in [side for side in medians if side != "dqnkit"]:
        ratios = [their / our for our, their in zip(medians["dqnkit"], medians[side], strict=True)]
        rows.append([f"{side} / dqnkit", *ratios])
    report.table("Medians", ["", *MEASURES.values()], rows)
    print(f"\nWritten to {report.write_json('whole-process', arguments, runs, [])}")


if __name__ == "__main__":
    main()
