"""Worker of cluster_solve.py: train one seed with rollouts from this process or from a cluster."""

import argparse
from contextlib import ExitStack
from typing import Any

import _schedule
import report

parser = argparse.ArgumentParser(add_help=False)
parser.add_argument("--workers", type=int, default=0, help="0: in this process")
parser.add_argument("--plain", action="store_true")
parser.add_argument("--threshold", type=float, required=True, help="stop at the first evaluation that reaches it")
mine, rest = parser.parse_known_args()


def main() -> None:
    """Train until an evaluation reaches the threshold or the budget is used up."""
    settings = _schedule.arguments(rest)
    report.limit_tensorflow(settings.threads)

    from dataclasses import replace

    import dqnkit.learner  # noqa: F401
    from dqnkit.evaluation import evaluate
    from dqnkit.presets import preset
    from dqnkit.training import train

    config = replace(preset("CartPole-v1", seed=settings.seed, total_steps=settings.budget), env_id=settings.env_id)
    judged = replace(config, env_id="CartPole-v1")  # the same game without the waiting
    means = []

    def returns(status: Any, seed: int) -> Any:
        values = evaluate(status.weights, judged, episodes=settings.episodes, seed=seed)
        means.append(values.mean())
        return values

    schedule = _schedule.Schedule(settings, returns)
    with ExitStack() as stack:
        rollouts = None
        if mine.workers:
            from _cluster import cluster

            from dqnkit.cluster.rollouts import ClusterRollouts

            client = stack.enter_context(cluster(mine.workers, plain=mine.plain))
            rollouts = ClusterRollouts(client)
        schedule.start()
        training = train(config, rollouts=rollouts)
        try:
            for status in training:
                if not schedule.reached(status.step, status) or (means and means[-1] >= mine.threshold):
                    break
        finally:
            training.close()


if __name__ == "__main__":  # the cluster's processes import this file
    main()
