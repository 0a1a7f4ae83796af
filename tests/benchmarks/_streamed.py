"""Rollouts from tasks that last as long as the run, and send each rollout as an event of Dask's: an experiment.

It answers one question of cluster_actors.py: what would a rollout cost scheduler and driver if it were no task? It is
no part of the kit, because of what tasks do for it and events do not:

- weights and the end of a run need messages of their own (`Client.run`, to each worker);
- nothing holds a fast worker back: events pile up in scheduler and driver while the driver is busy;
- the scheduler keeps the newest 100,000 events in memory, which are gigabytes of pictures;
- a rollout that is lost with its worker is not made again, nor is the loss seen.
"""

from __future__ import annotations

import pickle
import threading
import time
import uuid
from queue import Empty, SimpleQueue
from typing import Any

from distributed import Client, get_worker

from dqnkit.actor import Actor
from dqnkit.cluster.task_length import steps_of_a_task
from dqnkit.cluster.traffic import Traffic
from dqnkit.config import DQNConfig
from dqnkit.types import FloatArray, PolicyWeights, Rollout

_newest: dict[str, PolicyWeights] = {}  # on a worker, by run
_ended: set[str] = set()


def take(run: str, weights: bytes) -> None:
    """On a worker: act with these weights from now on."""
    _newest[run] = pickle.loads(weights)


def end(run: str) -> None:
    """On a worker: let the streams of a run end after their rollout."""
    _ended.add(run)


def stream(
    number: int, config: DQNConfig, run: str, epsilons: FloatArray, threads: int, task_steps: int | None
) -> None:
    """The long task: rollouts until the run ends, each sent as an event."""
    worker, step_seconds, sequence = get_worker(), 0.0, 0
    actor = Actor(config, number, first_sequence=0)
    while run not in _ended:
        if run not in _newest:
            time.sleep(0.01)
            continue
        steps = task_steps or steps_of_a_task(config, step_seconds, threads)
        rollout = actor.rollout(_newest[run], epsilons, sequence, steps=steps)
        step_seconds, sequence = rollout.seconds / steps, sequence + 1
        worker.log_event(run, pickle.dumps(rollout, protocol=5))
    actor.close()


class StreamedRollouts:
    """A source of rollouts like `dqnkit.cluster.rollouts.ClusterRollouts`, without its care for what goes wrong."""

    def __init__(self, client: Client, task_steps: int | None = None) -> None:
        self.client, self.run, self.traffic = client, f"streamed-{uuid.uuid4().hex}", Traffic()
        self._task_steps = task_steps
        self._arrived: SimpleQueue[bytes] = SimpleQueue()
        self._sent = -1
        self._streams: list[Any] = []

    def begin(self, config: DQNConfig) -> None:
        """Listen for rollouts; the streams begin with the first weights."""
        self.config = config
        self.client.subscribe_topic(self.run, lambda event: self._arrived.put(event[1]))

    def collect(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """All rollouts that are there, at least one."""
        if weights.version > self._sent:
            self._sent = weights.version
            content = pickle.dumps(weights, protocol=5)
            threading.Thread(target=self.client.run, args=(take, self.run, content), daemon=True).start()
        if not self._streams:
            threads = sum(self.client.nthreads().values())
            common = {"config": self.config, "run": self.run, "epsilons": epsilons[0], "threads": threads}
            numbers = list(range(threads))
            self._streams = self.client.map(stream, numbers, **common, task_steps=self._task_steps, pure=False)
        rollouts = [pickle.loads(self._arrived.get())]
        try:
            while True:
                rollouts.append(pickle.loads(self._arrived.get_nowait()))
        except Empty:
            self.traffic.lags.extend(weights.version - rollout.weights_version for rollout in rollouts)
            return rollouts

    def close(self) -> None:
        """End all streams."""
        self.client.run(end, self.run)
        self.client.gather(self._streams, errors="skip")
        self.client.unsubscribe_topic(self.run)
