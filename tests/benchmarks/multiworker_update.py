"""Time of a call of `update`: a learner over two processes compared with a learner in one process.

Both get the same batches. The processes run on two Dask workers of this computer, each on a core of its own; the
learner beside them has one core as well: so the two stand for two computers with a very fast network between them.
Bytes are counted on the loopback: all messages between driver, scheduler and processes, and TensorFlow's all-reduces.
The time of the first call (compiling) is shown separately.

    python multiworker_update.py
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import numpy as np
import psutil
import report

from dqnkit.cluster.multiworker import MultiWorkerLearner
from dqnkit.config import DQNConfig
from dqnkit.deploy import make_cluster
from dqnkit.learner import Learner
from dqnkit.presets import preset
from dqnkit.types import Transition

CASES = {  # settings that differ from CartPole's preset
    "CartPole's preset": {},
    "CartPole's preset, K = 1": {"updates_per_call": 1},  # the difference is what 63 updates take
    "2 x 256 units, B = 256": {"hidden_sizes": (256, 256), "batch_size": 256, "updates_per_call": 16},
    "2 x 512 units, B = 256": {"hidden_sizes": (512, 512), "batch_size": 256, "updates_per_call": 16},
    "2 x 512 units, B = 1024": {"hidden_sizes": (512, 512), "batch_size": 1024, "updates_per_call": 4},
    "2 x 1024 units, B = 1024": {"hidden_sizes": (1024, 1024), "batch_size": 1024, "updates_per_call": 4},
    "2 x 1024 units, B = 4096": {"hidden_sizes": (1024, 1024), "batch_size": 4096, "updates_per_call": 2},
}
PROCESSES = 2


def main() -> None:
    """Measure each case on both sides and print the medians."""
    parser = report.flags(__doc__ or "")
    parser.add_argument("--calls", type=int, default=20, help="calls of update on each side")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for the processes to arrive")
    arguments = parser.parse_args()
    cores = arguments.cores or sorted(os.sched_getaffinity(0))[:PROCESSES]
    report.pin(1, cores[:1])

    results: dict[str, Any] = {}
    rows = []
    with make_cluster(n_workers=PROCESSES) as cluster, cluster.get_client() as client:
        for address, core in zip(client.nthreads(), cores, strict=True):
            client.run(os.sched_setaffinity, 0, [core], workers=[address])  # of the thread that starts the process
        for case, settings in CASES.items():
            report.progress(case)
            config = preset("CartPole-v1", **settings)
            one = measure(Learner(config), config, arguments.calls)
            limits = {"start_timeout": arguments.timeout}
            with MultiWorkerLearner(client, config, PROCESSES, insecure=True, **limits) as learner:
                several = measure(learner, config, arguments.calls)
            results[case] = {"one": one, "several": several}
            shape = f"{config.updates_per_call} x {config.batch_size}"
            ratio = several["median"] / one["median"]
            times = (one["median"], several["median"], ratio, several["kilobytes"], several["first"])
            rows.append([case, shape, one["weights"], *times])
    columns = ["case", "K x B", "weights", "1: ms", f"{PROCESSES}: ms", "ratio", "kB a call", "first call, s"]
    report.table(f"A call of update: one learner process, and {PROCESSES}, each on one core", columns, rows)
    print(f"\nWritten to {report.write_json('multiworker-update', arguments, results, [])}")


def measure(learner: Learner | MultiWorkerLearner, config: DQNConfig, calls: int) -> dict[str, Any]:
    """Milliseconds of each call after the first, their median, and mean kB over the loopback for each call."""
    data = batches(config)
    seconds = []
    for call in range(calls + 1):
        if call == 1:
            sent = psutil.net_io_counters(pernic=True)["lo"].bytes_sent
        began = time.perf_counter()
        learner.update(data)
        seconds.append(time.perf_counter() - began)
    kilobytes = (psutil.net_io_counters(pernic=True)["lo"].bytes_sent - sent) / calls / 1e3
    milliseconds = [1e3 * value for value in seconds[1:]]
    return {
        "weights": len(learner.get_weights().values),
        "first": seconds[0],
        "milliseconds": milliseconds,
        "median": statistics.median(milliseconds),
        "kilobytes": kilobytes,
    }


def batches(config: DQNConfig) -> Transition:
    """Random transitions like CartPole's, ``[K, B]``."""
    rng = np.random.default_rng(0)
    shape = (config.updates_per_call, config.batch_size)
    observation, next_observation = rng.normal(size=(2, *shape, 4)).astype(np.float32)
    action = rng.integers(2, size=shape, dtype=np.int32)
    discount = np.where(rng.random(shape) < 0.05, 0, 0.99).astype(np.float32)
    return Transition(observation, action, np.ones_like(discount), discount, next_observation)


if __name__ == "__main__":
    main()
