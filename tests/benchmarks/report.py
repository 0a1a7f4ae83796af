"""Shared by all benchmarks: flags, pinning to cores, new worker processes, tables, verdicts and JSON.

Uses only the standard library: workers import it too, and the peer's environment does not have dqnkit.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
REPOSITORY = FOLDER.parents[1]
PACKAGES = ("dqnkit", "numpy", "gymnasium", "tensorflow", "tensorflow-cpu", "keras", "torch", "stable-baselines3")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


# ---------------------------------------------------------------------------------------------- flags and machine


def flags(doc: str, *, threads: int = 1, peer: bool = False) -> argparse.ArgumentParser:
    """Return a parser with the flags of every benchmark; `doc` is the script's docstring."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="JSON file (default: benchmark-results/NAME.json)")
    parser.add_argument("--threads", type=int, default=threads, help="threads on both sides (default: %(default)s)")
    parser.add_argument("--cores", type=_numbers, help="cores to be pinned to, as 0,1 (default: the first THREADS)")
    if peer:
        parser.add_argument("--peer-python", help="Python of the peer's virtual environment")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def pin(threads: int, cores: Sequence[int] | None = None) -> list[int]:
    """Pin this process, and all that it starts, to as many cores as threads. Does nothing except on Linux."""
    if not hasattr(os, "sched_setaffinity"):
        return []
    chosen = list(cores) if cores else sorted(os.sched_getaffinity(0))[:threads]
    os.sched_setaffinity(0, chosen)
    return chosen


def limit_tensorflow(threads: int) -> None:
    """Limit TensorFlow to this number of threads; must run before its first operation."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages in this environment."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Describe the machine: CPU model, cores, the cores we may use, and how busy it is."""
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "system": platform.platform(),
        "cpu": model,
        "cores": os.cpu_count(),
        "pinned_to": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }


def memory() -> dict[str, float]:
    """Return this process's memory in MB (10**6 bytes): resident, and with shared pages divided among their users."""
    kilobytes = {}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
        name, value, *_ = line.split()
        kilobytes[name] = int(value)
    return {"rss_mb": kilobytes["Rss:"] * 1024 / 1e6, "pss_mb": kilobytes["Pss:"] * 1024 / 1e6}


# ----------------------------------------------------------------------------------------------- worker processes


def worker_environment(threads: int) -> dict[str, str]:
    """The environment variables of a worker: this checkout, so many threads, no GPU, no lines of TensorFlow's own."""
    chosen = {"PYTHONPATH": str(REPOSITORY), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    return {**os.environ, **chosen, **dict.fromkeys(THREAD_VARIABLES, str(threads))}


def run_worker(python: str, script: str, *arguments: object, threads: int = 1) -> Iterator[dict[str, Any]]:
    """Start `script` of this folder as a fresh process of `python`; yield the JSON lines it prints, as they come."""
    command = [python, str(FOLDER / script), *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, env=worker_environment(threads), stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("{"):
                    yield json.loads(line)
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        if status != 0:
            errors.seek(0)
            raise SystemExit(f"{script} ended with status {status}:\n{errors.read()[-4000:]}")


def alternate(
    pythons: dict[str, str], workers: dict[str, str], rounds: int, *arguments: object, threads: int
) -> dict[str, list[dict[str, Any]]]:
    """Run each side's worker in turn, `rounds` times; return the lines of each side.

    In turn, so that noise on the machine meets all sides alike.
    """
    lines: dict[str, list[dict[str, Any]]] = {side: [] for side in workers}
    for number in range(rounds):
        for side, script in workers.items():
            progress(f"round {number + 1} of {rounds}: {side}")
            lines[side] += run_worker(pythons[side], script, *arguments, threads=threads)
    return lines


def emit(**fields: Any) -> None:
    """Print one JSON line for the process that started this worker."""
    print(json.dumps(fields), flush=True)


class Stopwatch:
    """Counts wall-clock and CPU seconds while it runs. Evaluation happens while it is stopped."""

    def __init__(self) -> None:
        """Make a stopwatch at zero; it does not run yet."""
        self._wall = 0.0
        self._cpu = 0.0
        self._started: tuple[float, float] | None = None

    def start(self) -> None:
        """Start or continue counting."""
        self._started = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Stop counting."""
        self._wall, self._cpu = self.seconds, self.cpu_seconds
        self._started = None

    @property
    def seconds(self) -> float:
        """Wall-clock seconds counted so far."""
        return self._wall + (time.perf_counter() - self._started[0] if self._started else 0.0)

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds of this process, all threads together, counted so far."""
        return self._cpu + (time.process_time() - self._started[1] if self._started else 0.0)


# ------------------------------------------------------------------------------------------ tables, verdicts, JSON


def show(value: object) -> str:
    """Format a value for a table with three or four significant digits."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: the first column is aligned to the left, the others to the right."""
    cells = [list(columns), *[[show(value) for value in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    print(f"\n{title}")
    for number, row in enumerate(cells):
        first, *others = (f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        print("  ".join([f"{first.strip():<{widths[0]}}", *others]).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def verdict(what: str, value: float, target: float, *, at_most: bool = False) -> dict[str, Any]:
    """Print and return whether `value` reaches `target`, and if not, by how much it fails."""
    met = value <= target if at_most else value >= target
    word = "PASS" if met else f"SHORT BY {abs(value - target) / target:.0%}" if target else "NOT MET"
    print(f"{word}: {what}: {show(value)} (target: {'at most' if at_most else 'at least'} {show(target)})")
    return {"what": what, "value": value, "target": target, "at_most": at_most, "met": met}


def write_json(
    name: str, arguments: argparse.Namespace, results: dict[str, Any], verdicts: Sequence[dict[str, Any]]
) -> Path:
    """Write the results with the date, the settings and the machine; return the file's path."""
    path = arguments.out or Path("benchmark-results") / f"{name}.json"
    settings = {key: value for key, value in vars(arguments).items() if key != "out" and not key.endswith("_python")}
    document = {
        "benchmark": name,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "settings": settings,
        "results": results,
        "verdicts": list(verdicts),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


def progress(text: str) -> None:
    """Print a line on stderr, like the result of the latest measurement."""
    print(text, file=sys.stderr, flush=True)
