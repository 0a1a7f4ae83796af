"""Speed of replay with a million transitions: our prioritized sampling against SB3's uniform sampling.

dqnkit draws 32 batches of 128 with importance weights and sets the priorities of all 4,096. The peer's uniform buffer
draws 128 transitions 32 times and has no priorities. Our uniform buffer is shown for comparison.

    python replay_speed.py --peer-python PEER/bin/python
"""

from __future__ import annotations

import statistics
import sys

import report

WORKERS = {"ours": "_replay_ours.py", "peer": "_replay_sb3.py"}
TARGET = 1.0  # transitions a second, ours prioritized / peer's uniform, at least


def main() -> None:
    """Measure both sides in turn and print the medians."""
    parser = report.flags(__doc__ or "", peer=True)
    parser.add_argument("--capacity", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5, help="repeats in each process")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each side, in turn")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one repeat")
    parser.add_argument("--only", choices=WORKERS, help="measure one side only")
    arguments = parser.parse_args()
    if arguments.only != "ours" and not arguments.peer_python:
        parser.error("--peer-python is needed, or --only ours")
    report.pin(arguments.threads, arguments.cores)

    flags: list[object] = []
    for name in ("capacity", "repeats", "seconds", "threads"):
        flags += [f"--{name}", getattr(arguments, name)]
    workers = {side: script for side, script in WORKERS.items() if arguments.only in (None, side)}
    pythons = {"ours": sys.executable, "peer": arguments.peer_python}
    lines = report.alternate(pythons, workers, arguments.rounds, *flags, threads=arguments.threads)

    speeds: dict[str, list[float]] = {}
    for line in [line for of in lines.values() for line in of]:
        speeds.setdefault(line["name"], []).extend(line["speeds"])
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    rows = [[name, medians[name], min(values), max(values)] for name, values in speeds.items()]
    title = f"Replay of {arguments.capacity:,}, 32 x 128 a call: transitions a second"
    report.table(title, ["what", "median", "least", "most"], rows)
    print()
    verdicts = []
    if len(lines) == 2:
        ratio = medians[lines["ours"][0]["name"]] / medians[lines["peer"][0]["name"]]
        verdicts.append(report.verdict("transitions a second, our prioritized / SB3's uniform", ratio, TARGET))
    versions = {side: of[0]["versions"] for side, of in lines.items()}
    results = {"speeds": speeds, "medians": medians, "versions": versions}
    print(f"\nWritten to {report.write_json('replay-speed', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
