"""Cost of the live panel: seconds of training with it and without it, in turn, each in a new process.

The panel plays the newest policy, too: CartPole in the same process, LunarLander and others in one of their own, on
the same processors. Also printed: the bytes that went to the browser.

python live_panel.py
python live_panel.py --env Acrobot-v1
"""

from __future__ import annotations

import statistics
import sys

import report

SIDES = {"without the panel": 0, "with the panel": 1}
TARGET = 1.03  # seconds with / seconds without, at most


def main() -> None:
    """Measure both sides in turn and print the medians."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each side, in turn")
    parser.add_argument("--env", default="CartPole-v1", help="what is trained")
    parser.add_argument("--steps", type=int, default=100_000, help="environment steps of a run")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)

    lines: dict[str, list[dict[str, object]]] = {side: [] for side in SIDES}
    for number in range(arguments.rounds):
        for side, panel in SIDES.items():
            report.progress(f"round {number + 1} of {arguments.rounds}: {side}")
            flags = [f"--{name}={getattr(arguments, name)}" for name in ("env", "steps", "threads")]
            flags.append(f"--panel={panel}")
            lines[side] += report.run_worker(sys.executable, "_live_panel.py", *flags, threads=arguments.threads)

    seconds = {side: [float(line["seconds"]) for line in of] for side, of in lines.items()}  # type: ignore[arg-type]
    medians = {side: statistics.median(values) for side, values in seconds.items()}
    rows = [
        [side, medians[side], min(of), max(of), lines[side][0]["messages"], lines[side][0]["megabytes"]]
        for side, of in seconds.items()
    ]
    head = ["", "median", "least", "most", "messages", "megabytes"]
    report.table(f"{arguments.env}, {arguments.steps:,} steps: seconds of training", head, rows)
    print()
    ratio = medians["with the panel"] / medians["without the panel"]
    verdicts = [report.verdict("seconds with the panel / without (medians)", ratio, TARGET, at_most=True)]
    results = {"seconds": seconds, "medians": medians, "runs": lines}
    print(f"\nWritten to {report.write_json('live-panel', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
