"""Rollouts from the workers of a Dask cluster, for the same loop that takes them from this process.

    driver                                         worker (any of them)
    ClusterRollouts.collect(weights, ...)
      weights, when there is a newer version ----> hold(weights)           one array, once a version
      tasks, a window of them at a time ---------> run_task(config, task, weights)
      into replay <------------------------------- Arrival(worker, rollout)

Rollouts are plain tasks. What they need travels with them, what they leave behind on a worker (its environments) may
be lost with it, so workers may die, join and leave at any time: a lost rollout is made again, by Dask where it notices,
else it is submitted again.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

from distributed import Client, Future
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from dqnkit.cluster.dispatch import Dispatch, Landed, Left, Seen
from dqnkit.cluster.package import check_workers
from dqnkit.cluster.security import check_transport
from dqnkit.cluster.task_length import steps_of_a_task
from dqnkit.cluster.traffic import Traffic
from dqnkit.cluster.worker import Arrival, RolloutTask
from dqnkit.config import DQNConfig
from dqnkit.errors import (
    ClusterError,
    ConfigError,
    DQNKitError,
    EnvironmentNotSupportedError,
    InvalidDataError,
    MissingExtraError,
    RolloutError,
)
from dqnkit.types import FloatArray, PolicyWeights, Rollout

WINDOW = 2  # tasks in flight for each worker thread: one that runs, one that waits its turn
SHORTEST_PUBLICATION = 0.02  # seconds between versions of the weights: each costs the scheduler two messages or more
SMOOTHING = 0.2  # share of the newest rollout in the mean time of a step
SILENCE = 20.0  # seconds without a sign of life after which a worker is restarted, where tasks wait that long
TRIES = 3  # of one task, and one on each worker at least, until its error ends training


@dataclass
class _Flight:
    """A task until its rollout arrives; where it is lost or fails, it is submitted again."""

    task: RolloutTask
    future: Future | None = None
    submitted: float = 0.0  # time.monotonic, the last time
    on: str = ""  # the worker that it was meant for
    failures: int = 0
    failed_on: set[str] = field(default_factory=set)  # workers


class ClusterRollouts:
    """A source of rollouts for `dqnkit.training.train`: ``train(config, rollouts=ClusterRollouts(client))``.

    Tasks are submitted only while the loop asks for rollouts, a window of two for each worker thread. So an actor
    never runs far ahead of the learner: when the learner is behind, results wait and no task is submitted.

    With ``config.deterministic`` a round is one rollout of each logical actor, all under one version of the weights,
    in the order of the actors: the run is the same for any number of workers, and the same as in one process.

    What goes wrong on the way (see `Traffic` for how it is counted):

    - a worker dies, or leaves: Dask runs its tasks on another; those that took several workers with them are submitted
      again;
    - a worker gives no sign of life for `SILENCE`: its nanny restarts it (without one it leaves the cluster);
    - an environment raises: the task is tried again, rather on workers where it has not failed; after three tries, and
      one on each worker that there is, its error ends training;
    - a task takes longer than ``patience`` and ten times what it should: it is submitted again;
    - no rollout for ``patience``, or no scheduler: training ends with an error that says which.

    Args:
        client: of any cluster; `dqnkit.deploy.make_cluster` makes one on this computer.
        max_policy_lag: rollouts under weights that are more versions older than this are dropped and counted.
        patience: seconds without any rollout until `collect` gives up with an error.
        task_steps: steps of each copy of the environment in a task; chosen by measuring unless given.
        insecure: allow a cluster without TLS beyond this computer: whoever reaches its ports can run code on it.

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
        insecure: bool = False,
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
        self._insecure = insecure
        self._dispatch: Dispatch | None = None  # between `begin` and `close`

    def begin(self, config: DQNConfig) -> None:
        """Look at the workers before training starts; the settings are those of the run.

        Raises:
            ClusterError: no worker came within ``patience``, or one lacks the package or has another version; or the
                cluster has no TLS beyond this computer.
        """
        self.close()
        check_transport(self.client, self._insecure)
        check_workers(self.client, self.patience)
        self.traffic = Traffic()
        self._config = config
        self._flights: dict[str, _Flight] = {}  # by the key of their task
        self._again: deque[_Flight] = deque()  # to be submitted before any new task
        self._workers: set[str] = set()  # that are there
        self._threads = 0  # that take tasks
        self._weights: Future | None = None
        self._sent: PolicyWeights | None = None
        self._sent_at = 0.0
        self._step_seconds = 0.0  # of one step of all copies, a running mean
        self._next_sequence = 0
        self._newest_error = ""
        self._dispatch = Dispatch(self.client)
        self._dispatch.close_orphans()

    def collect(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """At least one rollout, see `dqnkit.rollouts.RolloutSource`.

        Raises:
            ClusterError: nothing arrived within ``patience``, or the scheduler is gone.
            RolloutError, InvalidDataError: the environment raised, or gave what is not finite, wherever it was tried.
            MissingExtraError, EnvironmentNotSupportedError: a worker cannot make the environment at all.
        """
        if self._dispatch is None:
            raise ConfigError("call begin(config) before collect: train does so by itself")
        if self._config.deterministic:
            return self._round(self._dispatch, weights, epsilons, sequence)
        return self._stream(self._dispatch, weights, epsilons, sequence)

    def close(self) -> None:
        """Cancel what is in flight and have the workers close their environments. A later `begin` starts anew."""
        if self._dispatch is None:
            return
        dispatch, self._dispatch = self._dispatch, None
        futures = [flight.future for flight in self._flights.values() if flight.future]
        self.traffic.cancelled += len(self._flights)
        self.traffic.in_flight = 0
        self._flights.clear()
        dispatch.close([*futures, *([self._weights] if self._weights else [])])
        self._weights = None

    def _stream(self, dispatch: Dispatch, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """Whatever is there, at least one; the window is full again when it returns."""
        rollouts: list[Rollout] = []
        for _ in self._until_patience_ends(dispatch):
            self._fill(dispatch, weights, epsilons, sequence)
            if rollouts:
                break
            rollouts = [rollout for rollout in self._arrivals(dispatch) if not self._is_stale(rollout, weights)]
        return rollouts

    def _round(self, dispatch: Dispatch, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """One rollout of each logical actor, all under these weights, in the order of the actors."""
        tasks = [RolloutTask(dispatch.run, actor, sequence, epsilon) for actor, epsilon in enumerate(epsilons)]
        self._again.extend(map(_Flight, tasks))
        rollouts: dict[int, Rollout] = {}
        for _ in self._until_patience_ends(dispatch):
            while self._again:
                self._submit(dispatch, self._again.popleft(), weights)
            rollouts |= {rollout.actor: rollout for rollout in self._arrivals(dispatch)}
            if len(rollouts) == len(epsilons):
                break
        self.traffic.lags.extend([0] * len(rollouts))
        return [rollouts[actor] for actor in range(len(epsilons))]

    def _until_patience_ends(self, dispatch: Dispatch) -> Iterator[None]:
        """Go round until the caller has what it wants, or nothing has come for too long."""
        began, useful = time.monotonic(), self.traffic.arrived - self.traffic.stale
        while True:
            dispatch.ask_who_is_there()
            yield
            if not dispatch.is_connected:
                raise ClusterError(
                    f"the connection to the scheduler at {dispatch.address} is lost. What was learned until the last "
                    "checkpoint is kept: start a cluster and resume"
                )
            if self.traffic.arrived - self.traffic.stale > useful:
                began, useful = time.monotonic(), self.traffic.arrived - self.traffic.stale
            if time.monotonic() - began > self.patience:
                raise ClusterError(self._why_nothing_came())

    def _why_nothing_came(self) -> str:
        traffic = self.traffic
        if not self._workers:
            advice = (
                f"All {len(traffic.workers)} that there were have left: look at their logs. Start workers, then resume"
            )
        elif not self._threads:
            advice = "All workers are paused: their memory is nearly full. Give them more, then resume"
        elif self._newest_error:
            advice = f"The newest error: {self._newest_error}"
        else:
            advice = "Look at the workers' logs; if one task takes longer than this, make patience larger"
        return (
            f"no rollout arrived for {self.patience:.0f} s (patience): {len(self._workers)} workers with "
            f"{self._threads} threads, {len(self._flights)} tasks in flight, {traffic.lost} lost, {traffic.failed} "
            f"failed, {traffic.stale} older than max_policy_lag. {advice}"
        )

    def _fill(self, dispatch: Dispatch, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> None:
        """Submit until the window is full: first what was lost or failed."""
        for _ in range(WINDOW * self._threads - len(self._flights)):
            if not self._again:
                # numbers that no earlier part of this run used, so that a resumed one sees other episodes
                number = (sequence << 20) + self._next_sequence
                actor = self._next_sequence % self._config.num_actors
                self._next_sequence += 1
                self._again.append(_Flight(RolloutTask(dispatch.run, actor, number, epsilons[actor], self._steps())))
            self._submit(dispatch, self._again.popleft(), weights)

    def _steps(self) -> int:
        """Steps of each copy in one task."""
        return self._task_steps or steps_of_a_task(self._config, self._step_seconds, self._threads)

    def _submit(self, dispatch: Dispatch, flight: _Flight, weights: PolicyWeights) -> None:
        published = self._publish(dispatch, weights)
        flight.on = self._least_busy(flight)
        key, flight.future = dispatch.submit(self._config, flight.task, published, [flight.on] if flight.on else ())
        flight.submitted = time.monotonic()
        self._flights[key] = flight
        self.traffic.submitted += 1
        self.traffic.in_flight = len(self._flights)

    def _least_busy(self, flight: _Flight) -> str:
        """The worker that has the fewest tasks for its threads, rather one where this task has not failed.

        Left to itself Dask gives tasks to the worker that holds the weights, and moves them to others only when it
        notices that those are idle: with new weights in each task's time, eight workers did nothing a third of theirs.
        """
        tasks = Counter(other.on for other in self._flights.values())
        workers = self._workers - flight.failed_on or self._workers
        return min(workers, key=lambda address: tasks[address] / self.traffic.worker(address).threads, default="")

    def _publish(self, dispatch: Dispatch, weights: PolicyWeights) -> Future:
        """Send a newer version, at most once per task time; in deterministic mode always."""
        if self._weights is not None and self._sent is not None and self._weights.status in ("pending", "finished"):
            age = time.monotonic() - self._sent_at
            least = max(SHORTEST_PUBLICATION, self._step_seconds * self._steps())
            if weights.version == self._sent.version or (age < least and not self._config.deterministic):
                return self._weights
        self._weights = dispatch.publish(weights)
        self._sent, self._sent_at = weights, time.monotonic()
        self.traffic.versions_sent += 1
        return self._weights

    def _arrivals(self, dispatch: Dispatch) -> list[Rollout]:
        """The rollouts that have arrived; where there is no news, wait a moment."""
        rollouts: list[Rollout] = []
        began = time.perf_counter()
        news = list(dispatch.news(0.1))
        self.traffic.waiting_seconds += time.perf_counter() - began
        for message in news:
            match message:
                case Landed(key, outcome):
                    if flight := self._flights.pop(key, None):  # else it was given up before
                        rollouts += self._land(flight, outcome)
                case Left(address, keys):
                    self.traffic.worker(address).lost = True
                    lost = keys & self._flights.keys()
                    self.traffic.lost += len(lost)
                    for key in lost:
                        self._flights[key].submitted = time.monotonic()  # by Dask, to another worker
                case Seen(workers):
                    self._look_at(dispatch, workers)
        self.traffic.in_flight = len(self._flights)
        return rollouts

    def _land(self, flight: _Flight, outcome: Arrival | Exception) -> list[Rollout]:
        """The rollout that a task brought; where it brought none, the task goes to those to be submitted again."""
        match outcome:
            case Arrival(address, Rollout() as rollout):
                self._count(flight, address, rollout)
                return [rollout]
            case Arrival(address, DQNKitError() as error):
                self._fail(flight, address, error)
            case KilledWorker():
                self._give_up(flight)  # each of the losses was counted when a worker left
            case FutureCancelledError() | OSError():
                self.traffic.lost += 1
                self._give_up(flight)
            case unknown:
                self.traffic.failed += 1
                answer = shorten(repr(unknown), 200)
                raise ClusterError(
                    f"a worker cannot run the tasks of this run. It answered: {answer}. It may have joined later with "
                    "another version of dqnkit: install the same on all workers, then resume"
                )
        return []

    def _count(self, flight: _Flight, address: str, rollout: Rollout) -> None:
        seconds = rollout.seconds / (flight.task.steps or 1)
        self._step_seconds += (SMOOTHING if self._step_seconds else 1.0) * (seconds - self._step_seconds)
        transitions = len(rollout.transitions.action)
        self.traffic.arrived += 1
        self.traffic.steps += rollout.steps
        self.traffic.transitions += transitions
        row = self.traffic.worker(address)
        row.rollouts += 1
        row.transitions += transitions
        row.busy_seconds += rollout.seconds
        row.last_arrival = time.perf_counter()

    def _fail(self, flight: _Flight, address: str, error: DQNKitError) -> None:
        self.traffic.failed += 1
        self.traffic.worker(address).failures += 1
        self._newest_error = str(error)
        if isinstance(error, MissingExtraError | EnvironmentNotSupportedError):
            raise ClusterError(f"worker {address} cannot make the environment: {error}") from error
        flight.failures += 1
        flight.failed_on.add(address)
        if not isinstance(error, RolloutError | InvalidDataError):
            raise error
        if flight.failures >= TRIES and flight.failed_on >= self._workers:
            raise error
        self._again.append(flight)

    def _give_up(self, flight: _Flight) -> None:
        self.traffic.given_up += 1
        self._again.append(flight)

    def _is_stale(self, rollout: Rollout, weights: PolicyWeights) -> bool:
        """Whether it was made under weights too old to be put in; noted for the view."""
        lag = weights.version - rollout.weights_version
        self.traffic.lags.append(lag)
        if lag > self.max_policy_lag:
            self.traffic.stale += 1
            return True
        return False

    def _look_at(self, dispatch: Dispatch, workers: dict[str, dict[str, Any]]) -> None:
        """Once a second: who is there, who is silent, which tasks are late."""
        self._workers = set(workers)
        self._threads = sum(info["nthreads"] for info in workers.values() if info["status"] == "running")
        for address, info in workers.items():
            row = self.traffic.worker(address)
            row.name, row.threads = str(info["name"]), info["nthreads"]
        for address, row in self.traffic.workers.items():
            row.lost = address not in workers

        now = time.monotonic()
        silence = max(SILENCE, len(workers) / 20)  # with many workers, each gives its sign of life less often
        if any(now - flight.submitted > silence for flight in self._flights.values()):
            newest = max((info["last_seen"] for info in workers.values()), default=0.0)  # by the scheduler's clock
            silent = [address for address, info in workers.items() if newest - info["last_seen"] > silence]
            if silent:
                dispatch.restart(silent)
        for key, flight in list(self._flights.items()):
            if now - flight.submitted > self.patience + 10 * self._step_seconds * (flight.task.steps or 1):
                del self._flights[key]
                dispatch.cancel([flight.future] if flight.future else [])
                self.traffic.lost += 1
                self._give_up(flight)
