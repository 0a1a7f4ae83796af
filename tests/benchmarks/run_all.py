"""Run all benchmarks with their standard arguments, one after another, and print every verdict at the end.

    python run_all.py --peer-python PEER/bin/python --base-python BASE/bin/python
    python run_all.py --peer-python PEER/bin/python --base-python BASE/bin/python learner_updates replay_speed
    python run_all.py --peer-python PEER/bin/python --base-python BASE/bin/python --quick

--quick takes minutes instead of hours. It only shows that the benchmarks run; its numbers are meaningless.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import report

# name: (script and its arguments, what --quick adds)
BENCHMARKS: dict[str, tuple[list[str], list[str]]] = {
    "actor_footprint": (["actor_footprint.py"], ["--repeats=1"]),
    "rollout_speed": (["rollout_speed.py"], ["--repeats=2", "--seconds=0.1"]),
    "replay_speed": (["replay_speed.py"], ["--rounds=1", "--repeats=2", "--seconds=0.1"]),
    "learner_updates": (["learner_updates.py"], ["--rounds=1", "--repeats=2", "--updates=320"]),
    "nature_updates": (
        ["learner_updates.py", "--network=nature"],
        ["--rounds=1", "--repeats=2", "--updates=4", "--fused=2"],
    ),
    "atari_vector": (["atari_vector.py"], ["--repeats=2", "--seconds=0.2", "--num-envs", "2"]),
    "live_panel": (["live_panel.py"], ["--rounds=1", "--steps=3000"]),
    "first_plot": (["first_plot.py"], ["--rounds=1"]),
    "cartpole": (["solve.py", "CartPole-v1"], ["--seeds=1", "--budget=4000", "--evaluate-every=2000"]),
    "lunarlander": (["solve.py", "LunarLander-v3"], ["--seeds=1", "--budget=2000", "--evaluate-every=1000"]),
    "whole_process": (["whole_process.py"], ["--seeds=1"]),
    "roundings": (["roundings.py", "CartPole-v1"], ["--seeds=1", "--episodes=2", "--set", "total_steps=2000"]),
    "cluster_rollouts": (["cluster_rollouts.py"], ["--repeats=1", "--seconds=0.5"]),
    "cluster_scaling": (["cluster_scaling.py"], ["--repeats=1", "--seconds=1", "--workers", "1", "4"]),
    "cluster_solve": (["cluster_solve.py"], ["--seeds=1", "--budget=3000"]),
    "cluster_actors": (["cluster_actors.py"], ["--seconds=2", "--actors", "1", "10"]),
    "plan_accuracy": (["plan_accuracy.py"], ["--seconds=3", "--workers", "1", "2", "--regimes", "actors"]),
    "car_on_workers": (["car_on_workers.py"], ["--workers", "1", "8", "--steps=1200", "--every=600"]),
    "cluster_memory": (["cluster_memory.py"], ["--minutes=0.2"]),
    "soak": (["soak.py"], ["--minutes=2"]),
    "chaos": (["chaos.py"], ["--minutes=0.2"]),
    "minatar_return": (["minatar_return.py"], ["--seeds=1", "--minutes=0.5", "--episodes=5"]),
}
# which Python of another environment a benchmark is given; without those of whole_process it measures dqnkit alone
PYTHONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("replay_speed", "learner_updates", "nature_updates", "cartpole", "lunarlander"), ("peer",)),
    "actor_footprint": ("base",),
    "whole_process": ("rejax", "sbx"),
}
NEEDED = ("peer", "base")


def main() -> None:
    """Run the chosen benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"which: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--peer-python", help="Python of the peer's virtual environment")
    parser.add_argument("--base-python", help="Python of an environment with the base install only")
    parser.add_argument("--rejax-python", help="Python of an environment with rejax")
    parser.add_argument("--sbx-python", help="Python of an environment with sbx-rl")
    parser.add_argument("--out", type=Path, default=Path("benchmark-results"), help="folder (default: %(default)s)")
    parser.add_argument("--cores", help="passed on to every benchmark")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that the scripts run")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")

    names = arguments.names or list(BENCHMARKS)
    for needed in NEEDED:
        lacking = [name for name in names if needed in PYTHONS.get(name, ())]
        if lacking and not pythons(arguments)[needed]:
            parser.error(f"{', '.join(lacking)} need --{needed}-python")

    rows: list[list[object]] = []
    for name in names:
        standard, quick = BENCHMARKS[name]
        out = arguments.out / f"{name}{'-quick' if arguments.quick else ''}.json"
        command = [sys.executable, str(report.FOLDER / standard[0]), *standard[1:], f"--out={out}"]
        command += quick if arguments.quick else []
        command += [f"--cores={arguments.cores}"] if arguments.cores else []
        for peer in PYTHONS.get(name, ()):
            if python := pythons(arguments)[peer]:
                command.append(f"--{peer}-python={python}")
        print(f"\n=== {name}", flush=True)
        if subprocess.run(command).returncode != 0:
            rows.append([name, "FAILED", "", None, None])
            continue
        for v in json.loads(out.read_text())["verdicts"]:
            target = f"{'<=' if v['at_most'] else '>='} {report.show(v['target'])}"
            rows.append([name, "pass" if v["met"] else "short", v["what"], v["value"], target])
    report.table("All verdicts", ["benchmark", "verdict", "what", "value", "target"], rows)
    if any(row[1] == "FAILED" for row in rows):
        raise SystemExit(1)


def pythons(arguments: argparse.Namespace) -> dict[str, str | None]:
    """The Pythons of other environments, by peer; None: not given."""
    return {peer: getattr(arguments, f"{peer}_python") for peer in ("peer", "base", "rejax", "sbx")}


if __name__ == "__main__":
    main()
