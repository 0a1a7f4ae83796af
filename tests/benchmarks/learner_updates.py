"""Learner updates a second on one core: dqnkit's fused call against the same update in eager PyTorch.

Network 4-120-84-2, batch 128, or that of Mnih et al. (2015), 84x84x4 and 32-64-64-512, batch 32; Huber loss, Adam.
The batches are sampled before; passing them to the learner counts. The time of the first call (building and compiling)
is shown separately.

    python learner_updates.py --peer-python PEER/bin/python
    python learner_updates.py --peer-python PEER/bin/python --network nature
"""

from __future__ import annotations

import statistics
import sys

import report

WORKERS = {"ours": "_learner_ours.py", "peer": "_torch_update.py"}
TARGETS = {"cartpole": 3.5, "nature": 1.0}  # updates a second, ours / peer, at least
UPDATES = {"cartpole": 3_200, "nature": 64}
FUSED = {"cartpole": 32, "nature": 16}
TITLES = {"cartpole": "4-120-84-2, batch 128", "nature": "84x84x4, convolutions 32-64-64, 512, batch 32"}


def main() -> None:
    """Measure both sides in turn and print the medians."""
    parser = report.flags(__doc__ or "", peer=True)
    parser.add_argument("--network", choices=TARGETS, default="cartpole", help="its size (default: %(default)s)")
    parser.add_argument("--updates", type=int, help="updates of one repeat (default: 3200; nature: 64)")
    parser.add_argument("--repeats", type=int, default=5, help="repeats in each process")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each side, in turn")
    parser.add_argument("--fused", type=int, help="updates in one call of ours (default: 32; nature: 16, its preset's)")
    parser.add_argument("--xla", type=int, choices=(0, 1), help="compile ours with XLA (default: 1; nature: 0)")
    parser.add_argument("--only", choices=WORKERS, help="measure one side only")
    arguments = parser.parse_args()
    if arguments.only != "ours" and not arguments.peer_python:
        parser.error("--peer-python is needed, or --only ours")
    report.pin(arguments.threads, arguments.cores)
    arguments.updates = arguments.updates or UPDATES[arguments.network]
    arguments.fused = arguments.fused or FUSED[arguments.network]
    if arguments.xla is None:
        arguments.xla = int(arguments.network == "cartpole")

    flags: list[object] = []
    for name in ("updates", "repeats", "fused", "threads", "network", "xla"):
        flags += [f"--{name}", getattr(arguments, name)]
    workers = {side: script for side, script in WORKERS.items() if arguments.only in (None, side)}
    pythons = {"ours": sys.executable, "peer": arguments.peer_python}
    lines = report.alternate(pythons, workers, arguments.rounds, *flags, threads=arguments.threads)

    results, rows = {}, []
    for side, of in lines.items():
        microseconds = [1e6 * seconds for line in of for seconds in line["seconds"]]
        median, first = statistics.median(microseconds), statistics.median(line["first_call"] for line in of)
        results[side] = {"microseconds": microseconds, "median": median, "first_call": first, "lines": of}
        rows.append([side, median, min(microseconds), max(microseconds), 1e6 / median, first])
    columns = ["side", "us an update", "least", "most", "updates a s", "first call, s"]
    report.table(f"Learner updates, {TITLES[arguments.network]}, {arguments.threads} thread(s)", columns, rows)
    print()
    verdicts = []
    if len(results) == 2:
        ratio = results["peer"]["median"] / results["ours"]["median"]
        verdicts.append(report.verdict("updates a second, ours / peer", ratio, TARGETS[arguments.network]))
    print(f"\nWritten to {report.write_json(f'learner-updates-{arguments.network}', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
