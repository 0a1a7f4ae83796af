"""Rollouts from the workers of a Dask cluster, for the same loop that takes them from this process.

    driver                                         worker (any of them)
    ClusterRollouts.collect(weights, ...)
      weights, when there is a newer version ----> hold(weights)           one array, once a version
      tasks, a window of them at a time ---------> run_task(config, task, weights)
      into replay <------------------------------- Arrival(worker, rollout)

Rollouts are plain tasks. What they need travels with them, what they leave behind on a worker (its environments) may
be lost with it, so workers may die, join and leave at any time: a lost rollout is submitted again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from distributed import Client, Future
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from dqnkit.cluster import worker
from dqnkit.cluster.traffic import Traffic
from dqnkit.cluster.worker import Arrival, RolloutTask
from dqnkit.config import DQNConfig
from dqnkit.errors import ClusterError, ConfigError, DQNKitError, EnvironmentNotSupportedError, MissingExtraError
from dqnkit.types import FloatArray, PolicyWeights, Rollout

WINDOW = 2  # tasks in flight for each worker thread: one that runs, one that waits its turn
TASK_SECONDS = 0.2  # that a task shall take: Dask's overhead of some milliseconds stays under 5 %
LONGEST_TASK = 2.0  # seconds
TASKS_A_SECOND = 500  # from all threads together, that the scheduler and the driver handle with ease
LARGEST_SHARE = 1 / 200  # of all steps of the run, in one task: with longer ones CartPole learned from weights too old
SHORTEST_PUBLICATION = 0.02  # seconds between versions of the weights: each costs the scheduler two messages or more
DEADLINE = 10.0  # seconds after which a task in flight is given up and submitted again (slow tasks get longer)
SILENCE = 5.0  # seconds that a worker may take to hand over a finished rollout
FAILURES_IN_A_ROW = 3  # for each task of a full window; then it is not one bad worker


@dataclass
class _Flight:
    """A task that was submitted and has not come back."""

    key: str
    task: RolloutTask
    future: Future
    submitted: float  # time.monotonic
    patience: float  # seconds until it is given up


class ClusterRollouts:
    """A source of rollouts for `dqnkit.training.train`: ``train(config, rollouts=ClusterRollouts(client))``.

    Tasks are submitted only while the loop asks for rollouts, a window of two for each worker thread. So an actor
    never runs far ahead of the learner: when the learner is behind, results wait and no task is submitted.

    With ``config.deterministic`` a round is one rollout of each logical actor, all under one version of the weights,
    in the order of the actors: the run is the same for any number of workers, and the same as in one process.

    Args:
        client: of any cluster; `dqnkit.cluster.deploy.make_cluster` makes one on this computer.
        max_policy_lag: rollouts under weights that are more versions older than this are dropped and counted.
        patience: seconds without any rollout until `collect` gives up with an error.
        task_steps: steps of each copy of the environment in a task; chosen by measuring unless given.

    Attributes:
        traffic: all counts, for a live view.

    Raises:
        ConfigError: the client is asynchronous, or a number is out of range.
    """

    def __init__(
        self,
        client: Client,
        *,
        max_policy_lag: int = 1_000,
        patience: float = 60.0,
        task_steps: int | None = None,
    ) -> None:
        if client.asynchronous:
            raise ConfigError("ClusterRollouts needs a client with asynchronous=False: the loop waits for rollouts")
        if max_policy_lag < 0 or patience <= 0 or (task_steps is not None and task_steps < 1):
            raise ConfigError("max_policy_lag must be at least 0, patience above 0 and task_steps at least 1")
        self.client = client
        self.max_policy_lag = max_policy_lag
        self.patience = patience
        self.traffic = Traffic()
        self._task_steps = task_steps
        self._config: DQNConfig | None = None
        self._run = ""  # named anew by each `begin`
        self._flights: dict[str, _Flight] = {}  # by key of the future
        self._done: SimpleQueue[Future] = SimpleQueue()
        self._lost_with_worker: set[str] = set()  # keys, so that no loss is counted twice
        self._again: list[RolloutTask] = []  # lost tasks, to be submitted first
        self._weights: Future | None = None
        self._sent: PolicyWeights | None = None
        self._sent_at = 0.0
        self._step_seconds = 0.0  # of one step of all copies, measured
        self._threads = 1  # of all workers, when last asked
        self._next_sequence = 0
        self._failed_in_a_row = 0
        self._watching = False

    def begin(self, config: DQNConfig) -> None:
        """Look at the workers before training starts; the settings are those of the run.

        Raises:
            ClusterError: no worker came within ``patience``, or one lacks the package or has another version.
        """
        from dqnkit.cluster.deploy import check_workers

        self.close()
        check_workers(self.client, self.patience)
        self._config = config
        self._run = uuid.uuid4().hex[:12]
        self._step_seconds = 0.0
        self._next_sequence = 0
        self.traffic = Traffic()

    def collect(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """At least one rollout, see `dqnkit.rollouts.RolloutSource`.

        Raises:
            ClusterError: nothing arrived within ``patience``, the scheduler is gone, or rollouts failed on all sides.
            MissingExtraError, EnvironmentNotSupportedError: a worker cannot make the environment at all.
        """
        if self._config is None:
            raise ConfigError("call begin(config) before collect: train does so by itself")
        self._watch()
        if self._config.deterministic:
            return self._round(weights, epsilons, sequence)
        return self._stream(weights, epsilons, sequence)

    def close(self) -> None:
        """Cancel what is in flight and have the workers close their environments. A later `begin` starts anew."""
        if self._watching:
            self._watching = False
            if self.client.status == "running":
                self.client.unsubscribe_topic("all")
        flights, self._flights, self._again = list(self._flights.values()), {}, []
        self.traffic.cancelled += len(flights)
        self.traffic.in_flight = 0
        futures = [flight.future for flight in flights] + ([self._weights] if self._weights else [])
        self._weights = self._sent = None
        if self.client.status == "running" and self._run:
            self.client.cancel(futures)
            self._have_forgotten(self._run)
        self._run = ""
        self._config = None

    def _have_forgotten(self, run: str) -> None:
        """Have the workers close the actors of the run; one that does not answer must not hold up the end."""
        forget = partial(self.client.run, worker.forget_at_end, run, on_error="ignore")
        thread = Thread(target=forget, name="dqnkit-forget", daemon=True)
        thread.start()
        thread.join(SILENCE)

    def _stream(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """Whatever is there, at least one; the window is full again when it returns."""
        rollouts: list[Rollout] = []
        for _ in self._wait():
            self._fill(weights, epsilons, sequence)
            rollouts += [r for r in self._arrived(block=not rollouts) if not self._is_stale(r, weights)]
            if rollouts:
                self._fill(weights, epsilons, sequence)
                break
        return rollouts

    def _round(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """One rollout of each logical actor, all under these weights, in the order of the actors."""
        self._again = [RolloutTask(self._run, actor, sequence, epsilon) for actor, epsilon in enumerate(epsilons)]
        rollouts: dict[int, Rollout] = {}
        for _ in self._wait():
            while self._again:
                self._submit(self._again.pop(0), weights)
            rollouts |= {rollout.actor: rollout for rollout in self._arrived(block=True)}
            if len(rollouts) == len(epsilons):
                break
        self.traffic.lags.extend([0] * len(rollouts))
        return [rollouts[actor] for actor in range(len(epsilons))]

    def _wait(self) -> Iterator[None]:
        """Go round until the caller has what it wants, or nothing has arrived for too long."""
        began, arrived = time.monotonic(), self.traffic.arrived
        while True:
            yield
            if self.client.status != "running":
                raise ClusterError(
                    f"the scheduler at {_address(self.client)} is gone. What was learned until the last checkpoint is "
                    "kept: start a cluster and resume"
                )
            if self.traffic.arrived > arrived:
                began, arrived = time.monotonic(), self.traffic.arrived
            if time.monotonic() - began > self.patience:
                workers = len(self.client.nthreads())
                raise ClusterError(
                    f"no rollout arrived for {self.patience:.0f} s (patience): {workers} workers, "
                    f"{len(self._flights)} tasks in flight, {self.traffic.lost} lost, {self.traffic.failed} failed. "
                    + ("Look at the workers' logs" if workers else "Start workers, then resume")
                )

    def _fill(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> None:
        """Submit until the window is full: lost tasks first."""
        assert self._config is not None
        self._threads = sum(self.client.nthreads().values())
        for _ in range(WINDOW * self._threads - len(self._flights)):
            if self._again:
                task = self._again.pop(0)
            else:
                # numbers that no earlier part of this run used, so that a resumed one sees other episodes
                number = (sequence << 20) + self._next_sequence
                actor = self._next_sequence % self._config.num_actors
                self._next_sequence += 1
                task = RolloutTask(self._run, actor, number, epsilons[actor], self._steps())
            self._submit(task, weights)

    def _steps(self) -> int:
        """Steps of each copy in a task: `TASK_SECONDS` of work (more with very many threads), little of the run."""
        assert self._config is not None
        if self._task_steps is not None:
            return self._task_steps
        if not self._step_seconds:
            return self._config.rollout_steps
        most = self._config.total_steps * LARGEST_SHARE / self._config.num_envs
        seconds = min(max(TASK_SECONDS, self._threads / TASKS_A_SECOND), LONGEST_TASK)
        return max(1, int(min(seconds / self._step_seconds, most)))

    def _submit(self, task: RolloutTask, weights: PolicyWeights) -> None:
        self._publish(weights)
        key = f"dqnkit_rollout-{uuid.uuid4().hex}"  # what stands before the - is how Dask keeps times of tasks apart
        future = self.client.submit(worker.run_task, self._config, task, self._weights, pure=False, key=key)
        took = self._step_seconds * (task.steps or 1)
        self._flights[key] = _Flight(key, task, future, time.monotonic(), DEADLINE + 10 * WINDOW * took)
        self.traffic.submitted += 1
        self.traffic.in_flight = len(self._flights)
        future.add_done_callback(self._done.put)

    def _publish(self, weights: PolicyWeights) -> None:
        """Send a newer version, at most once per task time; in deterministic mode always."""
        assert self._config is not None
        if self._sent is not None:
            age = time.monotonic() - self._sent_at
            newer = weights.version != self._sent.version
            least = max(SHORTEST_PUBLICATION, self._step_seconds * self._steps())
            if not newer or (age < least and not self._config.deterministic):
                return
        # a task's result and not `scatter`: when its holder dies the task is run again, scattered data is lost
        key = f"dqnkit_weights-{uuid.uuid4().hex}"
        self._weights = self.client.submit(worker.hold, weights, pure=False, key=key)
        self._sent, self._sent_at = weights, time.monotonic()
        self.traffic.versions_sent += 1

    def _arrived(self, block: bool) -> list[Rollout]:
        """Take what is done; where nothing is, wait a moment. Lost and failed tasks go back to `_again`."""
        rollouts: list[Rollout] = []
        began = time.perf_counter()
        try:
            futures = [self._done.get(timeout=0.1)] if block and self._done.empty() else []
        except Empty:
            futures = []
            self._give_up_late()
        self.traffic.waiting_seconds += time.perf_counter() - began
        while not self._done.empty():
            futures.append(self._done.get())
        began = time.perf_counter()
        for future in futures:
            if flight := self._flights.pop(str(future.key), None):  # else it was given up, or the run is another
                rollouts += self._land(flight)
        self.traffic.fetching_seconds += time.perf_counter() - began
        self.traffic.in_flight = len(self._flights)
        return rollouts

    def _land(self, flight: _Flight) -> list[Rollout]:
        """The rollout of a task that is done, or nothing, and the task goes back to be submitted again."""
        arrival = self._fetch(flight)
        if arrival is None:
            self._give_up(flight)
            return []
        self._lost_with_worker.discard(flight.key)
        row = self.traffic.worker(arrival.worker)
        if isinstance(arrival.outcome, DQNKitError):
            self.traffic.failed += 1
            row.failures += 1
            self._failed(arrival.worker, arrival.outcome)
            self._again.append(flight.task)
            return []
        rollout = arrival.outcome
        self._failed_in_a_row = 0
        self._step_seconds = rollout.seconds / max(1, flight.task.steps or 1)
        self.traffic.arrived += 1
        self.traffic.steps += rollout.steps
        self.traffic.transitions += len(rollout.transitions.action)
        row.rollouts += 1
        row.transitions += len(rollout.transitions.action)
        row.busy_seconds += rollout.seconds
        row.last_arrival = time.perf_counter()
        row.lost = False
        return [rollout]

    def _fetch(self, flight: _Flight) -> Arrival | None:
        """What the task returned; None where it is lost with its worker."""
        if flight.future.status != "finished":  # its worker died too often, or it was cancelled
            return None
        try:
            arrival: Arrival = flight.future.result(timeout=SILENCE)
        except TimeoutError:
            self._remove_holders(flight.key)
            return None
        except (FutureCancelledError, KilledWorker, OSError):
            return None
        return arrival

    def _failed(self, address: str, error: DQNKitError) -> None:
        if isinstance(error, MissingExtraError | EnvironmentNotSupportedError):
            raise ClusterError(f"worker {address} cannot make the environment: {error}") from error
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= FAILURES_IN_A_ROW * max(1, len(self._flights)):
            raise error

    def _is_stale(self, rollout: Rollout, weights: PolicyWeights) -> bool:
        """Whether it was made under weights too old to be put in; noted for the view."""
        lag = weights.version - rollout.weights_version
        self.traffic.lags.append(lag)
        if lag > self.max_policy_lag:
            self.traffic.stale += 1
            return True
        return False

    def _give_up_late(self) -> None:
        """Submit again what is past its deadline: its worker may be stopped, which nobody else would notice soon."""
        now = time.monotonic()
        late = [flight for flight in self._flights.values() if now - flight.submitted > flight.patience]
        for flight in late:
            del self._flights[flight.key]
            self._remove_holders(flight.key)
            self._give_up(flight)

    def _give_up(self, flight: _Flight) -> None:
        self.client.cancel([flight.future])
        if flight.key not in self._lost_with_worker:
            self.traffic.lost += 1
        self._lost_with_worker.discard(flight.key)
        self._again.append(flight.task)

    def _remove_holders(self, key: str) -> None:
        """Have the scheduler drop the worker that has the task or its result and does not answer.

        Else its tasks would wait for the scheduler's worker-ttl, five minutes. A worker that was only slow joins again.
        """

        async def remove(key: str, dask_scheduler: Any = None) -> list[str]:
            task = dask_scheduler.tasks.get(key)
            holders = [] if task is None else [*(task.who_has or ()), *filter(None, [task.processing_on])]
            now = time.time()
            silent = [w.address for w in holders if now - w.last_seen > 3]
            for address in silent:
                await dask_scheduler.remove_worker(address, stimulus_id="dqnkit-silent", safe=True)
            return silent

        try:
            silent = self.client.run_on_scheduler(remove, key)
        except OSError:
            return  # the scheduler itself is gone: `_wait` says so
        for address in silent:
            self.traffic.worker(address).lost = True

    def _watch(self) -> None:
        """Keep the rows of the workers: who is there, who left."""
        if self._watching:
            return
        self._watching = True
        for address, info in self.client.scheduler_info(n_workers=-1)["workers"].items():
            row = self.traffic.worker(address)
            row.name, row.threads = str(info["name"]), info["nthreads"]
        self.client.subscribe_topic("all", self._on_event)

    def _on_event(self, event: tuple[float, Any]) -> None:
        message = event[1]
        if not isinstance(message, dict):
            return
        if message.get("action") == "remove-worker":
            self.traffic.worker(message["worker"]).lost = True
            # Dask runs these again by itself, under the same keys
            again = {*message.get("processing-tasks", ()), *message.get("lost-computed-tasks", ())} & set(self._flights)
            self._lost_with_worker |= again
            self.traffic.lost += len(again)
        elif message.get("action") == "add-worker":
            self.traffic.worker(message["worker"]).lost = False


def _address(client: Client) -> str:
    return str(client.scheduler.address) if client.scheduler else "an unknown address"
