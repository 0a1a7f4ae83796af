"""Mean return on a MinAtar game (sticky actions 0.1) over 100 greedy episodes, after 10 minutes of training.

Each seed is a new process. Its clock starts after the imports and stops during evaluations. A short evaluation at each
minute of training gives a point of the curve; 100 episodes after the last minute give the result.

    python minatar_return.py
    python minatar_return.py --game SpaceInvaders --minutes 2 --seeds 1
"""

from __future__ import annotations

import statistics
import sys

import report

TARGETS = {"Breakout": 25.0}  # mean return after 10 minutes


def main() -> None:
    """Train every seed, print the curves and the final means."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--game", default="Breakout")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from --first-seed on")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--episodes", type=int, default=100, help="episodes of the last evaluation")
    parser.add_argument("--curve-episodes", type=int, default=20, help="episodes of the evaluation at each minute")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)

    name, env_id = f"minatar-return-{arguments.game}", f"MinAtar/{arguments.game}-v1"
    curves: dict[int, list[dict[str, float]]] = {}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        flags: list[object] = ["--seed", seed]
        for flag in ("minutes", "episodes", "curve_episodes", "threads"):
            flags += [f"--{flag.replace('_', '-')}", getattr(arguments, flag)]
        curves[seed] = []
        for point in report.run_worker(
            sys.executable, "_minatar_return_ours.py", env_id, *flags, threads=arguments.threads
        ):
            curves[seed].append(point)
            report.progress("seed {}: {seconds:.0f} s, step {step:,}, mean {mean:.1f}".format(seed, **point))
            report.write_json(
                name, arguments, {"curves": curves}, []
            )  # keeps the results so far if the benchmark is interrupted

    rows: list[list[object]] = [
        [minute + 1, *(curve[minute]["mean"] if minute < len(curve) else None for curve in curves.values())]
        for minute in range(max(map(len, curves.values())))
    ]
    title = f"{env_id}: mean return, {arguments.curve_episodes} episodes a minute and {arguments.episodes} at the end"
    report.table(title, ["minute", *(f"seed {seed}" for seed in curves)], rows)
    finals = {seed: curve[-1] for seed, curve in curves.items()}
    rows = [[f"seed {seed}", p["mean"], p["std"], p["step"], p["updates"], p["seconds"]] for seed, p in finals.items()]
    report.table("At the end", ["seed", "mean", "std", "steps", "updates", "s"], rows)
    print()
    verdicts = []
    if arguments.game in TARGETS:
        for seed, point in finals.items():
            what = f"seed {seed}, mean return after {arguments.minutes:g} minutes"
            verdicts.append(report.verdict(what, point["mean"], TARGETS[arguments.game]))
    mean = statistics.mean(point["mean"] for point in finals.values())
    print(f"\nWritten to {report.write_json(name, arguments, {'curves': curves, 'mean': mean}, verdicts)}")


if __name__ == "__main__":
    main()
