"""Speed of rollouts with a policy, 64 CartPoles in one process, against the same environments without a policy.

dqnkit chooses actions with a 4-64-64-2 network and packs transitions for replay. The bare environments take random
actions that are drawn before. Both count all steps of all copies, including those in which a copy is only reset (with a
policy that balances the pole there are almost none). They are measured in turn in the same process. SyncVectorEnv and
AsyncVectorEnv are shown for comparison.

    python rollout_speed.py
"""

from __future__ import annotations

import statistics
import sys

import report

TARGET = 0.45  # of the native vector environment's bare speed, at least


def main() -> None:
    """Measure all in one worker process and print the medians."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("--num-envs", type=int, default=64)
    parser.add_argument("--rollout-steps", type=int, default=128, help="steps of each copy in one rollout")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one repeat")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)

    flags: list[object] = []
    for name in ("num_envs", "rollout_steps", "repeats", "seconds"):
        flags += [f"--{name.replace('_', '-')}", getattr(arguments, name)]
    speeds: dict[str, list[float]] = {}
    versions = {}
    for line in report.run_worker(sys.executable, "_rollouts.py", *flags, threads=arguments.threads):
        if "versions" in line:
            versions = line["versions"]
        else:
            speeds.setdefault(line["name"], []).append(line["speed"])

    medians = {name: statistics.median(values) for name, values in speeds.items()}
    ours, _, native = list(medians.values())[:3]
    rows = [[name, m, min(speeds[name]), max(speeds[name]), m / native] for name, m in medians.items()]
    report.table("CartPole-v1, environment steps a second", ["how", "median", "least", "most", "of native"], rows)
    print()
    verdicts = [report.verdict("rollouts with the policy, part of the bare native speed", ours / native, TARGET)]
    results = {"speeds": speeds, "medians": medians, "versions": versions}
    print(f"\nWritten to {report.write_json('rollout-speed', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
