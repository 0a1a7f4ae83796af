"""Memory and start-up time of an actor process, compared with one that also imports TensorFlow.

A fresh process imports dqnkit.actor, builds an actor with 16 CartPoles and makes one rollout. Start-up is the time from
starting the process to the end of that rollout; memory is read after it. The actor runs in the environment with the
base install, the process with TensorFlow in this script's environment. Linux only (it reads /proc).

    python actor_footprint.py --base-python BASE/bin/python
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import report

MEGABYTES = 110  # resident, at most
SECONDS = 0.7  # at most


def measure(python: str, flags: list[str], threads: int) -> dict[str, Any]:
    """Start one actor process; return its start-up time and memory."""
    started = time.perf_counter()
    lines = report.run_worker(python, "_actor_process.py", *flags, threads=threads)
    next(lines)  # its first rollout is done
    seconds = time.perf_counter() - started
    (line,) = lines
    return {"seconds": seconds, **line}


def main() -> None:
    """Measure both kinds of process in turn and print the medians."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("--base-python", required=True, help="Python of an environment with the base install only")
    parser.add_argument("--repeats", type=int, default=7, help="processes of each kind, after one that warms up")
    parser.add_argument("--without-tensorflow", action="store_true", help="leave the comparison out")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)

    kinds = {"actor": (arguments.base_python, []), "actor, TensorFlow imported": (sys.executable, ["--tensorflow"])}
    if arguments.without_tensorflow:
        del kinds["actor, TensorFlow imported"]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in kinds}
    for number in range(arguments.repeats + 1):
        for name, (python, flags) in kinds.items():
            run = measure(python, flags, arguments.threads)
            if number:  # the first run only fills the disk cache and writes byte code
                runs[name].append(run)
    assert not any(run["tensorflow"] for run in runs["actor"]), "the actor imported TensorFlow"

    medians = {
        name: {key: statistics.median(run[key] for run in of) for key in ("rss_mb", "pss_mb", "seconds")}
        for name, of in runs.items()
    }
    rows = [[name, *of.values()] for name, of in medians.items()]
    report.table("An actor process with 16 CartPoles, medians", ["process", "RSS, MB", "PSS, MB", "start-up, s"], rows)
    print()
    actor = medians["actor"]
    verdicts = [
        report.verdict("memory of an actor process (RSS), MB", actor["rss_mb"], MEGABYTES, at_most=True),
        report.verdict("start-up of an actor process, s", actor["seconds"], SECONDS, at_most=True),
    ]
    results = {"runs": runs, "medians": medians}
    print(f"\nWritten to {report.write_json('actor-footprint', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
