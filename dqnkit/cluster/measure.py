"""Measures for a minute how fast this computer steps environments, updates the network and handles Dask tasks.

Each part runs the code that training runs. First, one worker process of this computer runs long tasks and then short
ones. Then the training loop and the learner run on the rollouts that this worker made.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import cycle

import numpy as np

from dqnkit.checked_numbers import number
from dqnkit.cluster import local
from dqnkit.cluster.plan import Measured
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.config import DQNConfig
from dqnkit.default_parts import AnyLearner, make_learner
from dqnkit.training import train
from dqnkit.types import FloatArray, PolicyWeights, Rollout

SHARES = (0.3, 0.25, 0.45)  # of the time: long tasks, short tasks, learner
ENDLESS = 10**12  # steps
RECORDED_ROLLOUTS = 20  # that are replayed to the learner, again and again
SHORT_TASK = 0.02  # seconds; one worker then finishes as many tasks a second as the kit allows for a whole cluster
LEAST_TASKS = 5
LEAST_CALLS = 5  # of the learner, even if they take longer than the time given


def measure(config: DQNConfig, seconds: float = 60.0, report: Callable[[str], None] = print) -> Measured:
    """Measure for about ``seconds`` seconds. Starting a worker and compiling take extra time.

    Args:
        config: the run's settings.
        seconds: for all parts together.
        report: called with a line of text before each part.

    Raises:
        MissingExtraError: TensorFlow is not installed.
        ConfigError: ``seconds`` is no number above 0.
        DQNKitError: any error that would also stop training.
    """
    number("seconds", seconds, above=0)
    long_seconds, short_seconds, learner_seconds = (share * seconds for share in SHARES)
    endless = replace(config, total_steps=ENDLESS)
    make_learner(config)  # the first one imports TensorFlow, which must not be measured
    began = time.perf_counter()
    learner = make_learner(config)
    build = time.perf_counter() - began
    weights = learner.get_weights()
    with local.start(1) as cluster, cluster.get_client() as client:
        report("Measuring: environments ...")
        long = _collect(ClusterRollouts(client), endless, weights, long_seconds)
        report("Measuring: tasks ...")
        length = max(1, int(SHORT_TASK / (long.busy / long.steps * config.num_envs)))
        short = _collect(ClusterRollouts(client, task_steps=length), endless, weights, short_seconds)
    report("Measuring: the learner ...")
    compiling, call, insert = _learn(endless, learner, long.newest, learner_seconds)
    sent = sum(len(pickle.dumps(rollout, 5)) for rollout in long.newest)
    step = long.busy / long.steps
    step_cpu, worker_task = _split(long, short)
    return Measured(
        step=step,
        step_cpu=min(step, step_cpu),
        first=short.first,  # the worker has imported everything by then
        build=build,
        compile=compiling,
        call=call,
        insert=insert,
        task=short.driver_cpu / short.count,
        worker_task=worker_task,
        gap=max(0.0, short.seconds - short.busy) / short.count,
        transition_bytes=sent / sum(rollout.steps for rollout in long.newest),
        weights_bytes=len(pickle.dumps(weights, 5)),
    )


@dataclass
class _Tasks:
    """The tasks of one part, and the time that they took."""

    first: float  # seconds until the first rollout arrived
    seconds: float = 0.0  # for all tasks after the first
    count: int = 0
    steps: int = 0
    busy: float = 0.0  # seconds that the worker spent on them
    worker_cpu: float = 0.0  # seconds
    driver_cpu: float = 0.0
    newest: list[Rollout] = field(default_factory=list)


def _collect(source: ClusterRollouts, config: DQNConfig, weights: PolicyWeights, seconds: float) -> _Tasks:
    """Collect rollouts as the training loop does, with a new version of the weights in each call."""
    epsilons = np.full((config.num_actors, config.num_envs), 0.1, np.float32)
    began = time.perf_counter()
    source.begin(config)
    try:
        source.collect(weights, epsilons, 0)
        tasks = _Tasks(first=time.perf_counter() - began)
        source.collect(weights, epsilons, 0)
        began, driver, worker = time.perf_counter(), time.process_time(), _cpu(source)
        while time.perf_counter() - began < seconds or tasks.count < LEAST_TASKS:
            weights = PolicyWeights(weights.version + 1, weights.layers, weights.values)
            for rollout in source.collect(weights, epsilons, 0):
                tasks.count += 1
                tasks.steps += rollout.steps
                tasks.busy += rollout.seconds
                tasks.newest = [*tasks.newest, rollout][-RECORDED_ROLLOUTS:]
        tasks.seconds = time.perf_counter() - began
        tasks.driver_cpu, tasks.worker_cpu = time.process_time() - driver, _cpu(source) - worker
    finally:
        source.close()
    return tasks


def _cpu(source: ClusterRollouts) -> float:
    """CPU seconds that the worker's process has used so far."""
    return float(sum(source.client.run(time.process_time).values()))


def _split(long: _Tasks, short: _Tasks) -> tuple[float, float]:
    """CPU seconds of the worker for each step and for each task, from tasks of two different lengths."""
    steps = long.steps / long.count, short.steps / short.count
    computed = long.worker_cpu / long.count, short.worker_cpu / short.count
    if steps[0] <= steps[1]:  # even one step takes longer than a short task
        return computed[0] / steps[0], 0.0
    step = (computed[0] - computed[1]) / (steps[0] - steps[1])
    step = min(max(0.0, step), computed[0] / steps[0])
    return step, computed[0] - step * steps[0]


class _Recorded:
    """A source of rollouts that returns recorded ones again and again."""

    def __init__(self, rollouts: list[Rollout]) -> None:
        self._rollouts = cycle(rollouts)

    def begin(self, config: DQNConfig) -> None:
        """Nothing to do."""

    def collect(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """The next recorded rollout."""
        return [next(self._rollouts)]

    def close(self) -> None:
        """Nothing to do."""


def _learn(
    config: DQNConfig, learner: AnyLearner, rollouts: list[Rollout], seconds: float
) -> tuple[float, float, float]:
    """Run the training loop on recorded rollouts.

    Returns:
        seconds that the first call of the learner takes more than the others; of each other call; to put one step into
        replay.
    """
    calls: list[float] = []
    inserting = inserted = 0.0
    before, began = 0.0, time.perf_counter()
    statuses = train(config, rollouts=_Recorded(rollouts), learner=learner)
    step = updates = 0
    for status in statuses:
        if status.updates > updates:
            calls.append(status.seconds - before)
        else:
            inserting += status.seconds - before
            inserted += status.step - step
        before, step, updates = status.seconds, status.step, status.updates
        late = time.perf_counter() - began > seconds + (calls[0] if calls else 0.0)
        if late and (len(calls) >= LEAST_CALLS or not config.samples_per_insert):
            break
    statuses.close()
    if not calls:
        return 0.0, 0.0, inserting / inserted
    call = float(np.mean(calls[1:]))
    return max(0.0, calls[0] - call), call, inserting / inserted
