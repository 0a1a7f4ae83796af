"""Transitions a second that arrive in the driver's replay buffer, from a LocalCluster of two worker processes.

Three cases. CartPole: 64 copies, 512 steps of each in a task, and a 4-64-64-2 network that balances the pole. For
comparison, Gymnasium's AsyncVectorEnv, which also steps in other processes, with random actions that are drawn before.
And 84 x 84 pictures in stacks of four, where each picture is sent and stored once. CartPole and pictures are measured
with TLS, as the kit's clusters have it, and without.

    python cluster_rollouts.py
"""

from __future__ import annotations

import statistics
from functools import partial
from math import prod

import gymnasium
import numpy as np
import report
from _cluster import cluster, speed
from _rollouts import balancing_policy, bare_steps
from _rollouts import speed as calls_speed

from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.policy import ChannelsLast, Conv, Dense, Flatten, parameter_shapes
from dqnkit.types import PolicyWeights

TARGETS = {"CartPole": 500_000.0, "84 x 84": 10_000.0}  # transitions a second, at least


def cartpole(seconds: float, repeats: int, plain: bool = False) -> list[float]:
    """64 environments x 512 steps a task."""
    config = DQNConfig(num_envs=64, rollout_steps=512, replay_capacity=1_000_000, total_steps=1_000_000_000)
    with cluster(2, plain=plain) as client:
        return speed(ClusterRollouts(client, task_steps=512), config, balancing_policy(), seconds, repeats)


def frames(seconds: float, repeats: int, plain: bool = False) -> list[float]:
    """Eight environments, a task as long as the kit chooses; a network that looks at nine pixels of each picture."""
    config = DQNConfig(
        env_id="_cluster_envs:Frames-v0",
        frame_stack=4,
        num_envs=8,
        rollout_steps=16,
        replay_capacity=50_000,
        total_steps=10_000_000,
    )
    layers = (ChannelsLast(), Conv(size=1, stride=28, channels=4, filters=4, relu=True), Flatten(), Dense(36, 4, False))
    size = sum(prod(shape) for shape in parameter_shapes(layers))
    weights = PolicyWeights(0, layers, np.full(size, 0.001, np.float32))
    with cluster(2, plain=plain) as client:
        return speed(ClusterRollouts(client), config, weights, seconds, repeats)


def async_vector(seconds: float, repeats: int) -> list[float]:
    """Gymnasium's own worker processes, two of them."""
    environment = gymnasium.make_vec("CartPole-v1", 2, vectorization_mode="async")
    speeds = [calls_speed(bare_steps(environment, 500), seconds) for _ in range(repeats)]
    environment.close()
    return speeds


def main() -> None:
    """Measure each in turn and print the medians."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one repeat")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)
    speeds = {
        name: measure(arguments.seconds, arguments.repeats)
        for name, measure in (
            ("CartPole", cartpole),
            ("CartPole, no TLS", partial(cartpole, plain=True)),
            ("AsyncVectorEnv(2)", async_vector),
            ("84 x 84", frames),
            ("84 x 84, no TLS", partial(frames, plain=True)),
        )
    }
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    rows = [[name, medians[name], min(values), max(values)] for name, values in speeds.items()]
    report.table("Transitions a second, 2 worker processes", ["what", "median", "least", "most"], rows)
    print()
    verdicts = [report.verdict(f"{name}, transitions a second", medians[name], TARGETS[name]) for name in TARGETS]
    results = {"speeds": speeds, "medians": medians, "versions": report.versions()}
    print(f"\nWritten to {report.write_json('cluster-rollouts', arguments, results, verdicts)}")


if __name__ == "__main__":
    main()
