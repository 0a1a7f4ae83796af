"""For two minutes, trains CartPole again and again while a random worker is killed every three seconds.

Four workers on the loopback are killed by SIGKILL. Each training must solve CartPole: the mean greedy return, evaluated
every 5,000 steps and at the end, must reach 475 at least once. No transition may be inserted twice, and each submitted
task must end in exactly one way.

    python chaos.py
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import report
from _cluster import cluster
from distributed import Client

from dqnkit.cluster.faults import kill_worker
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.evaluation import evaluate
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.types import Rollout

SOLVED = 475.0  # mean return of greedy episodes
EVALUATE_EVERY = 5_000  # steps


class RecordingRollouts(ClusterRollouts):
    """Remembers the actor and sequence number of each rollout, and both observations of each transition."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.numbers: list[tuple[int, int]] = []
        self.observations: list[Any] = []

    def collect(self, *arguments: Any) -> list[Rollout]:
        """Collect, and remember what came."""
        rollouts = super().collect(*arguments)
        for rollout in rollouts:
            self.numbers.append((rollout.actor, rollout.sequence))
            both = rollout.transitions.observation, rollout.transitions.next_observation
            self.observations.append(np.concatenate(both, axis=1))
        return rollouts

    def twice(self) -> int:
        """Number of rollouts and transitions that came more than once."""
        rows = np.concatenate(self.observations)
        return len(self.numbers) - len(set(self.numbers)) + len(rows) - len(np.unique(rows, axis=0))


def train_with_kills(client: Client, seed: int, every: float, rng: np.random.Generator) -> dict[str, Any]:
    """Train once while workers are killed; return the counts and the best evaluation."""
    config = preset("CartPole-v1", seed=seed)
    source = RecordingRollouts(client)
    began = newest = time.monotonic()
    kills, best, next_evaluation = 0, 0.0, EVALUATE_EVERY
    for status in train(config, rollouts=source):
        if status.step >= next_evaluation:
            next_evaluation += EVALUATE_EVERY
            best = max(best, float(evaluate(status.weights, config).mean()))
        if time.monotonic() - newest < every:
            continue
        newest = time.monotonic()
        # not a worker that has just joined: a nanny does not restart a worker that dies while it starts
        there = [address for address, row in source.traffic.workers.items() if not row.lost and row.rollouts > 5]
        if there:
            kill_worker(client, str(rng.choice(there)))
            kills += 1
    traffic = source.traffic
    ends = traffic.arrived + traffic.failed + traffic.given_up + traffic.cancelled + traffic.in_flight
    return {
        "seconds": time.monotonic() - began,
        "kills": kills,
        "submitted": traffic.submitted,
        "lost": traffic.lost,
        "unaccounted": traffic.submitted - ends,
        "twice": source.twice(),
        "best return": best,
    }


def main() -> None:
    """Train until the time is up; the training that runs then is finished."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--every", type=float, default=3.0, help="seconds between two kills")
    parser.add_argument("--workers", type=int, default=4)
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)
    rng, began, runs = np.random.default_rng(), time.monotonic(), []
    with cluster(arguments.workers) as client:
        while time.monotonic() - began < arguments.minutes * 60:
            runs.append(train_with_kills(client, len(runs), arguments.every, rng))
            report.progress(f"run {len(runs)}: {runs[-1]}")
    columns = list(runs[0])
    report.table("Trainings", ["seed", *columns], [[i, *run.values()] for i, run in enumerate(runs)])
    print()
    verdicts = [
        report.verdict("lowest of the trainings' best mean returns", min(run["best return"] for run in runs), SOLVED),
        report.verdict("inserted twice", sum(run["twice"] for run in runs), 0, at_most=True),
        report.verdict("tasks without an end", sum(abs(run["unaccounted"]) for run in runs), 0, at_most=True),
    ]
    results = {"runs": runs, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('chaos', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
