"""Time of a call of `update`: a learner over two processes compared with a learner in this process.

Both get the same batches. The processes run on two Dask workers of this computer. Bytes are counted on the loopback:
all messages between driver, scheduler and processes, and TensorFlow's all-reduces. The time of the first call
(compiling) is shown separately.

    python multiworker_update.py --threads 2
"""

from __future__ import annotations

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
    "2 x 512 units, B = 256": {"hidden_sizes": (512, 512), "batch_size": 256},
    "2 x 1024 units, B = 2048": {"hidden_sizes": (1024, 1024), "batch_size": 2048, "updates_per_call": 2},
}
PROCESSES = 2


def main() -> None:
    """Measure each case on both sides and print the medians."""
    parser = report.flags(__doc__ or "", threads=2)
    parser.add_argument("--calls", type=int, default=20, help="calls of update on each side")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds for the processes to arrive")
    arguments = parser.parse_args()
    report.pin(arguments.threads, arguments.cores)

    results: dict[str, Any] = {}
    rows = []
    with make_cluster(n_workers=PROCESSES) as cluster, cluster.get_client() as client:
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
            rows.append([case, shape, one["median"], several["median"], ratio, several["kilobytes"], several["first"]])
    columns = ["case", "K x B", "1: ms", f"{PROCESSES}: ms", "ratio", "kB a call", "first call, s"]
    report.table(f"A call of update: a learner here, and over {PROCESSES} processes", columns, rows)
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
