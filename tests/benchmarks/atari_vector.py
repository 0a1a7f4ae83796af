"""Steps a second of Atari games: ALE's own vector version against single games with Gymnasium's wrappers.

Both are made as the kit makes them, give the same observations, stacks of four frames, and are stepped with random
actions, without a policy. They are measured in turn in the same process, which is a new one for each number of copies.
"""

from __future__ import annotations

import statistics
import sys

import report

TARGET = 1.3  # steps a second, native / wrapped, at least


def main() -> None:
    """Measure all numbers of copies and print the medians."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("--env-id", default="ALE/Breakout-v5", help="the game (default: %(default)s)")
    parser.add_argument("--num-envs", type=int, nargs="+", default=[1, 8, 32], help="copies that step together")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)

    results, rows, verdicts = {}, [], []
    for num_envs in arguments.num_envs:
        report.progress(f"{num_envs} copies")
        flags = [f"--{name}={getattr(arguments, name.replace('-', '_'))}" for name in ("env-id", "repeats", "seconds")]
        lines = list(
            report.run_worker(
                sys.executable, "_atari_vector.py", *flags, f"--num-envs={num_envs}", threads=arguments.threads
            )
        )
        speeds: dict[str, list[float]] = {}
        for line in lines[:-1]:
            speeds.setdefault(line["side"], []).append(line["speed"])
        medians = {side: statistics.median(values) for side, values in speeds.items()}
        results[num_envs] = {"speeds": speeds, "medians": medians, "versions": lines[-1]["versions"]}
        ratio = medians["native"] / medians["wrapped"]
        rows.append([num_envs, medians["native"], medians["wrapped"], ratio])
        verdicts.append((f"steps a second, native / wrapped, {num_envs} copies", ratio))
    title = f"{arguments.env_id}, steps a second (four frames each), {arguments.threads} thread(s)"
    report.table(title, ["copies", "native", "wrapped", "ratio"], rows)
    print()
    judged = [report.verdict(what, ratio, TARGET) for what, ratio in verdicts]
    print(f"\nWritten to {report.write_json('atari-vector', arguments, results, judged)}")


if __name__ == "__main__":
    main()
