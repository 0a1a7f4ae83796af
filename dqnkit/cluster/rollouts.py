"""Rollouts from the workers of a Dask cluster. The training loop is the same as with rollouts from this process.

    driver                                         worker (any of them)
    ClusterRollouts.collect(weights, ...)
      weights, if there is a newer version ------> hold(weights)           one array, once for each version
      tasks, a bounded number at a time ---------> run_task(config, task, weights)
      into replay <------------------------------- Arrival(worker, rollout)

Rollouts are plain Dask tasks. A task carries everything that it needs, and the environments that it leaves on a worker
may be lost. So workers may die, join and leave at any time: a lost rollout is made again, by Dask if it notices the
loss, otherwise because it is submitted again.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

from distributed import Client, Future
from distributed.client import FutureCancelledError
from distributed.scheduler import KilledWorker

from dqnkit.checked_numbers import number, whole_number
from dqnkit.cluster.demand import Demand
from dqnkit.cluster.dispatch import Dispatch, TaskEnded, WorkerLeft, WorkersSeen
from dqnkit.cluster.package import check_workers
from dqnkit.cluster.security import check_transport
from dqnkit.cluster.task_length import WINDOW, steps_of_a_task
from dqnkit.cluster.traffic import Traffic
from dqnkit.cluster.worker import Arrival, RolloutTask
from dqnkit.config import DQNConfig
from dqnkit.environment_by_value import by_value
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

SHORTEST_PUBLICATION = 0.02  # seconds between versions of the weights; each costs the scheduler two messages or more
SMOOTHING = 0.2  # weight of the newest rollout in the running mean of the time of a step
SILENCE = 20.0  # seconds without a sign of life; then a worker is restarted, if tasks have waited that long
STARVED = 0.5  # share of the time that training waits for rollouts; above it, more workers would help
TRIES = 3  # of a failing task, and at least one on each worker, until its error ends training


@dataclass
class _Flight:
    """A task on its way, until its rollout arrives. If it is lost or fails, it is submitted again."""

    task: RolloutTask
    future: Future | None = None
    submitted: float = 0.0  # time.monotonic of the last submission
    preferred: str = ""  # address of the worker that it was sent to
    failures: int = 0
    failed_on: set[str] = field(default_factory=set)  # addresses of workers


@dataclass
class _Run:
    """The state of one training run, from `ClusterRollouts.begin` to `ClusterRollouts.close`."""

    config: DQNConfig
    dispatch: Dispatch
    demand: Demand
    environment: bytes  # see `dqnkit.environment_by_value`
    flights: dict[str, _Flight] = field(default_factory=dict)  # tasks in flight, by key
    tasks_on: Counter[str] = field(default_factory=Counter)  # number of tasks in flight, by preferred worker
    to_repeat: deque[_Flight] = field(default_factory=deque)  # to be submitted again, before any new task
    workers: set[str] = field(default_factory=set)  # addresses of the workers that are there
    threads: int = 0  # of all running workers together
    weights: Future | None = None  # of the newest published version
    published: PolicyWeights | None = None
    published_at: float = 0.0  # time.monotonic
    step_seconds: float = 0.0  # time of one step of all copies, a running mean; 0 before the first rollout
    next_sequence: int = 0
    asked_at: float = field(default_factory=time.monotonic)  # when `demand` was last considered
    waited: float = 0.0  # traffic.waiting_seconds at that time
    newest_error: str = ""  # that an environment raised

    def remove(self, key: str) -> _Flight | None:
        """A task is no longer in flight. None if it was given up before."""
        if flight := self.flights.pop(key, None):
            self.tasks_on[flight.preferred] -= 1
        return flight


class ClusterRollouts:
    """A source of rollouts for `dqnkit.training.train`: ``train(config, rollouts=ClusterRollouts(client))``.

    Tasks are submitted only inside `collect`, and at most two are in flight for each worker thread. So actors never run
    far ahead of the learner: while the learner is busy, finished rollouts wait and no task is submitted.

    With ``config.deterministic``, each call of `collect` returns a round: one rollout of each logical actor, all under
    one version of the weights, in the order of the actors. The run is then the same for any number of workers, and the
    same as in one process.

    Failures are handled like this (`Traffic` counts them):

    - A worker dies or leaves: Dask runs its tasks on other workers. A task that killed several workers is submitted
      again.
    - A worker gives no sign of life for `SILENCE`: its nanny restarts it. Without a nanny it leaves the cluster.
    - An environment raises an error: the task is tried again, preferably on workers where it has not failed yet. After
      three tries, and at least one on each worker, the error ends training.
    - A task takes longer than ``patience`` plus ten times its expected duration: it is submitted again.
    - No rollout arrives for ``patience``, or the scheduler is lost: training ends with an error that says which.

    Args:
        client: of any cluster; `dqnkit.deploy.make_cluster` makes one on this computer.
        max_policy_lag: rollouts with a larger policy lag are dropped and counted.
        patience: seconds without any rollout after which `collect` raises an error.
        task_steps: steps of each copy of the environment in a task; by default chosen from the measured speed.
        insecure: allow a cluster of other computers without TLS: anybody who reaches its ports can run code on it.

    Attributes:
        traffic: all counts of the current run, for a live view.

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
        whole_number("max_policy_lag", max_policy_lag, low=0)
        number("patience, in seconds,", patience, above=0)
        if task_steps is not None:
            whole_number("task_steps", task_steps, low=1)
        self.client = client
        self.max_policy_lag = max_policy_lag
        self.patience = patience
        self.traffic = Traffic()
        self._task_steps = task_steps
        self._insecure = insecure
        self._run: _Run | None = None

    def begin(self, config: DQNConfig) -> None:
        """Check the cluster and start a run with these settings.

        Raises:
            ClusterError: no worker came within ``patience``; a worker lacks the package or has another version; or the
                cluster of other computers has no TLS.
        """
        self.close()
        check_transport(self.client, self._insecure)
        environment = by_value(config.env_id, config.wrappers)
        with ExitStack() as on_failure:
            demand = on_failure.enter_context(Demand(self.client))
            demand.ask(1)
            check_workers(self.client, self.patience)
            self.traffic = Traffic()
            self._run = _Run(config, Dispatch(self.client), demand, environment)
            self._run.dispatch.close_orphans()
            on_failure.pop_all()

    def collect(self, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """At least one rollout, see `dqnkit.rollouts.RolloutSource`.

        Raises:
            ClusterError: nothing arrived within ``patience``, or the connection to the scheduler is lost.
            RolloutError, InvalidDataError: the environment raised an error, or returned values that are not finite, on
                every worker.
            MissingExtraError, EnvironmentNotSupportedError: a worker cannot make the environment at all.
        """
        if self._run is None:
            raise ConfigError("call begin(config) before collect: train does so by itself")
        self.traffic.version = weights.version
        if self._run.config.deterministic:
            return self._round(self._run, weights, epsilons, sequence)
        return self._stream(self._run, weights, epsilons, sequence)

    def close(self) -> None:
        """Cancel the tasks in flight and have the workers close their environments. `begin` may be called again."""
        if self._run is None:
            return
        run, self._run = self._run, None
        futures = [flight.future for flight in run.flights.values() if flight.future]
        self.traffic.cancelled += len(run.flights)
        self.traffic.in_flight = 0
        for row in self.traffic.workers.values():
            row.in_flight = 0
        with run.demand:
            run.dispatch.close([*futures, *([run.weights] if run.weights else [])])

    def _stream(self, run: _Run, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """All rollouts that are there, at least one. Before it returns, enough tasks are in flight again."""
        rollouts: list[Rollout] = []
        for _ in self._until_patience_ends(run):
            self._fill(run, weights, epsilons, sequence)
            if rollouts:
                break
            rollouts = [rollout for rollout in self._arrivals(run) if not self._is_stale(rollout, weights)]
        return rollouts

    def _round(self, run: _Run, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> list[Rollout]:
        """One rollout of each logical actor, all under these weights, in the order of the actors."""
        tasks = [
            RolloutTask(run.dispatch.run, actor, sequence, epsilon, environment=run.environment)
            for actor, epsilon in enumerate(epsilons)
        ]
        run.to_repeat.extend(map(_Flight, tasks))
        rollouts: dict[int, Rollout] = {}
        for _ in self._until_patience_ends(run):
            self._submit(run, len(run.to_repeat), weights)
            rollouts |= {rollout.actor: rollout for rollout in self._arrivals(run)}
            if len(rollouts) == len(epsilons):
                break
        self.traffic.lags.extend([0] * len(rollouts))
        return [rollouts[actor] for actor in range(len(epsilons))]

    def _until_patience_ends(self, run: _Run) -> Iterator[None]:
        """Yield until the caller breaks; raise an error if no useful rollout arrives for ``patience`` seconds."""
        began, useful = time.monotonic(), self.traffic.arrived - self.traffic.stale
        while True:
            run.dispatch.request_workers()
            yield
            if not run.dispatch.is_connected:
                raise ClusterError(
                    f"the connection to the scheduler at {run.dispatch.address} is lost. The run on "
                    f"{run.config.env_id} with seed {run.config.seed} goes on from its last checkpoint: start a "
                    "cluster, then, in Python, train(..., state=checkpoint.restore(FOLDER)), or else dqnkit resume"
                )
            if self.traffic.arrived - self.traffic.stale > useful:
                began, useful = time.monotonic(), self.traffic.arrived - self.traffic.stale
            if time.monotonic() - began > self.patience:
                raise ClusterError(self._why_nothing_came(run))

    def _why_nothing_came(self, run: _Run) -> str:
        traffic = self.traffic
        if not run.workers:
            advice = (
                f"All {len(traffic.workers)} that there were have left: look at their logs. Start workers, then resume"
            )
        elif not run.threads:
            advice = "All workers are paused: their memory is nearly full. Give them more, then resume"
        elif run.newest_error:
            advice = f"The newest error: {run.newest_error}"
        else:
            advice = "Look at the workers' logs; if one task takes longer than this, make patience larger"
        return (
            f"no rollout arrived for {self.patience:.0f} s (patience): {len(run.workers)} workers with "
            f"{run.threads} threads, {len(run.flights)} tasks in flight, {traffic.lost} lost, {traffic.failed} "
            f"failed, {traffic.stale} older than max_policy_lag. {advice}"
        )

    def _fill(self, run: _Run, weights: PolicyWeights, epsilons: FloatArray, sequence: int) -> None:
        """Submit tasks until `WINDOW` are in flight for each thread; first those to repeat."""
        wanted = max(0, WINDOW * run.threads - len(run.flights))
        while len(run.to_repeat) < wanted:
            # a number that was not used before this run was resumed, so that its episodes are new
            number = (sequence << 20) + run.next_sequence
            actor = run.next_sequence % run.config.num_actors
            run.next_sequence += 1
            task = RolloutTask(run.dispatch.run, actor, number, epsilons[actor], self._steps(run), run.environment)
            run.to_repeat.append(_Flight(task))
        self._submit(run, wanted, weights)

    def _steps(self, run: _Run) -> int:
        """Steps of each copy in one task."""
        return self._task_steps or steps_of_a_task(run.config, run.step_seconds, run.threads)

    def _submit(self, run: _Run, count: int, weights: PolicyWeights) -> None:
        """Submit the first ``count`` of the tasks to repeat, in one message: a message costs more than a task."""
        if not count:
            return
        published = self._publish(run, weights)
        flights = [run.to_repeat.popleft() for _ in range(count)]
        for flight in flights:
            flight.preferred = self._least_busy(run, flight)
            run.tasks_on[flight.preferred] += 1
        tasks, preferred = [flight.task for flight in flights], [flight.preferred for flight in flights]
        submitted = run.dispatch.submit(run.config, tasks, published, preferred if all(preferred) else ())
        for flight, (key, future) in zip(flights, submitted, strict=True):
            flight.future, flight.submitted = future, time.monotonic()
            run.flights[key] = flight
        for address in {*filter(None, preferred)}:
            self.traffic.worker(address).in_flight = run.tasks_on[address]
        self.traffic.submitted += count
        self.traffic.in_flight = len(run.flights)

    def _least_busy(self, run: _Run, flight: _Flight) -> str:
        """Address of the worker with the fewest tasks for each thread, if possible one where this task has not failed.

        By itself, Dask gives tasks to the worker that holds the weights, and moves them only when it notices that other
        workers are idle. When each task came with new weights, eight workers were idle for a third of the time.
        """
        workers = run.workers - flight.failed_on or run.workers
        return min(
            workers, key=lambda address: run.tasks_on[address] / self.traffic.worker(address).threads, default=""
        )

    def _publish(self, run: _Run, weights: PolicyWeights) -> Future:
        """Publish newer weights, at most once in the time of a task; in deterministic mode, every version."""
        if run.weights is not None and run.published is not None and run.weights.status in ("pending", "finished"):
            age = time.monotonic() - run.published_at
            least = max(SHORTEST_PUBLICATION, run.step_seconds * self._steps(run))
            if weights.version == run.published.version or (age < least and not run.config.deterministic):
                return run.weights
        run.weights = run.dispatch.publish(weights)
        run.published, run.published_at = weights, time.monotonic()
        self.traffic.versions_sent += 1
        return run.weights

    def _arrivals(self, run: _Run) -> list[Rollout]:
        """Handle all events of the cluster, and return the rollouts among them. If there are none, wait a moment."""
        rollouts: list[Rollout] = []
        began = time.perf_counter()
        events = list(run.dispatch.events(0.1))
        self.traffic.waiting_seconds += time.perf_counter() - began
        for event in events:
            match event:
                case TaskEnded(key, outcome):
                    if flight := run.remove(key):
                        rollouts += self._end(run, flight, outcome)
                case WorkerLeft(address, keys):
                    self.traffic.worker(address).lost = True
                    lost = keys & run.flights.keys()
                    self.traffic.lost += len(lost)
                    for key in lost:
                        run.flights[key].submitted = time.monotonic()  # by Dask, to another worker
                case WorkersSeen(workers):
                    self._check_workers(run, workers)
        self.traffic.in_flight = len(run.flights)
        for address, row in self.traffic.workers.items():
            row.in_flight = 0 if row.lost else run.tasks_on[address]
        return rollouts

    def _end(self, run: _Run, flight: _Flight, outcome: Arrival | Exception) -> list[Rollout]:
        """The rollout that a task returned. If it returned none, the task will be submitted again."""
        match outcome:
            case Arrival(address, Rollout() as rollout):
                self._count(run, flight, address, rollout)
                return [rollout]
            case Arrival(address, DQNKitError() as error):
                self._fail(run, flight, address, error)
            case KilledWorker():
                self._give_up(run, flight)  # its losses were counted when each worker left
            case FutureCancelledError() | OSError():
                self.traffic.lost += 1
                self._give_up(run, flight)
            case unknown:
                self.traffic.failed += 1
                answer = shorten(repr(unknown), 200)
                raise ClusterError(
                    f"a worker cannot run the tasks of this run. It answered: {answer}. It may have joined later with "
                    "another version of dqnkit: install the same on all workers, then resume"
                )
        return []

    def _count(self, run: _Run, flight: _Flight, address: str, rollout: Rollout) -> None:
        seconds = rollout.seconds / (flight.task.steps or 1)
        run.step_seconds += (SMOOTHING if run.step_seconds else 1.0) * (seconds - run.step_seconds)
        transitions = len(rollout.transitions.action)
        self.traffic.arrived += 1
        self.traffic.steps += rollout.steps
        self.traffic.transitions += transitions
        row = self.traffic.worker(address)
        row.rollouts += 1
        row.transitions += transitions
        row.busy_seconds += rollout.seconds
        row.last_arrival = time.perf_counter()
        row.lag = max(0, self.traffic.version - rollout.weights_version)

    def _fail(self, run: _Run, flight: _Flight, address: str, error: DQNKitError) -> None:
        self.traffic.failed += 1
        self.traffic.worker(address).failures += 1
        run.newest_error = str(error)
        if isinstance(error, MissingExtraError | EnvironmentNotSupportedError):
            raise ClusterError(f"worker {address} cannot make the environment: {error}") from error
        flight.failures += 1
        flight.failed_on.add(address)
        if not isinstance(error, RolloutError | InvalidDataError):
            raise error
        if flight.failures >= TRIES and flight.failed_on >= run.workers:
            raise error
        run.to_repeat.append(flight)

    def _give_up(self, run: _Run, flight: _Flight) -> None:
        self.traffic.given_up += 1
        run.to_repeat.append(flight)

    def _is_stale(self, rollout: Rollout, weights: PolicyWeights) -> bool:
        """Whether the policy lag of a rollout is too large to insert it. The lag is also counted."""
        lag = weights.version - rollout.weights_version
        self.traffic.lags.append(lag)
        if lag > self.max_policy_lag:
            self.traffic.stale += 1
            return True
        return False

    def _ask_for_workers(self, run: _Run) -> None:
        """Of an adaptive cluster: keep the workers, and ask for twice as many while training mostly waits for them."""
        now, waited = time.monotonic(), self.traffic.waiting_seconds
        starved = waited - run.waited > STARVED * (now - run.asked_at)
        run.demand.ask(max(1, run.threads * (2 if starved else 1)))
        run.asked_at, run.waited = now, waited

    def _check_workers(self, run: _Run, workers: dict[str, dict[str, Any]]) -> None:
        """Once a second: update the list of workers, restart silent ones, give up tasks that are late."""
        run.workers = set(workers)
        run.threads = sum(info["nthreads"] for info in workers.values() if info["status"] == "running")
        for address, info in workers.items():
            row = self.traffic.worker(address)
            row.name, row.threads, row.has_nanny = str(info["name"]), info["nthreads"], bool(info.get("nanny"))
        for address, row in self.traffic.workers.items():
            row.lost = address not in workers
        self._ask_for_workers(run)

        now = time.monotonic()
        silence = max(SILENCE, len(workers) / 20)  # with many workers, each sends its sign of life less often
        if any(now - flight.submitted > silence for flight in run.flights.values()):
            newest = max((info["last_seen"] for info in workers.values()), default=0.0)  # by the scheduler's clock
            silent = [address for address, info in workers.items() if newest - info["last_seen"] > silence]
            if silent:
                run.dispatch.restart(silent)
        for key, flight in list(run.flights.items()):
            if now - flight.submitted > self.patience + 10 * run.step_seconds * (flight.task.steps or 1):
                run.remove(key)
                run.dispatch.cancel([flight.future] if flight.future else [])
                self.traffic.lost += 1
                self._give_up(run, flight)
