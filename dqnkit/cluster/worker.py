"""What runs on a worker: weights and a task go in, a rollout comes out. Needs the base install only, no TensorFlow.

A worker keeps its actors (the copies of the environment) between tasks, one of each logical actor for each thread at
most, so that a task need not begin with resets and an episode goes on under its own actor's exploration rates; a worker
that starts anew makes new ones. With ``config.deterministic`` it keeps none: there every rollout is made by a
fresh actor from seeds alone, so that it does not matter which worker makes it.
"""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TypeVar

from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.errors import DQNKitError, RolloutError
from dqnkit.types import FloatArray, PolicyWeights, Rollout

Value = TypeVar("Value")
LONGEST_WAIT = 4.0  # seconds for a task that is at work when its run ends
REST_AFTER_ERROR = 0.2  # seconds: a worker that fails at once must not draw all tasks to itself

_idle: defaultdict[tuple[str, int], list[Actor]] = defaultdict(list)  # run, logical actor -> those not in use now
_busy: Counter[str] = Counter()  # run -> tasks at work
_ended: set[str] = set()  # runs that are over: a task that comes late must leave no actor behind
_lock = threading.Lock()  # a worker may have several threads


@dataclass(frozen=True)
class RolloutTask:
    """One rollout to be made.

    Attributes:
        run: name of the training run, for which actors are kept: CLIENT/NAME, with the Dask client that drives it.
        actor: logical actor.
        sequence: number of the rollout; no two of an actor and a run have the same.
        epsilons: exploration rate of each copy of the environment, ``[num_envs]``.
        steps: steps of each copy; None: as configured.
    """

    run: str
    actor: int
    sequence: int
    epsilons: FloatArray
    steps: int | None = None


@dataclass(frozen=True)
class Arrival:
    """What a task returns: the rollout or the error, and which worker it was.

    Errors are values: of a task that raised, the driver would not learn which worker it was.
    """

    worker: str  # address
    outcome: Rollout | DQNKitError


def hold(value: Value) -> Value:
    """Return what was given.

    As a task it makes a worker hold the weights for all others; when that worker dies, Dask runs the task again.
    """
    return value


def run_task(config: DQNConfig, task: RolloutTask, weights: PolicyWeights) -> Arrival:
    """The task that is submitted: `make_rollout`, with any error as a value."""
    from distributed import get_worker  # here, so that the rest of this module is tested without Dask

    address = str(get_worker().address)
    try:
        return Arrival(address, make_rollout(config, task, weights))
    except Exception as error:
        time.sleep(REST_AFTER_ERROR)
        return Arrival(address, error if isinstance(error, DQNKitError) else _described(error, config, address))


def make_rollout(config: DQNConfig, task: RolloutTask, weights: PolicyWeights) -> Rollout:
    """Act under ``weights`` with an actor that this process keeps, or a new one.

    Raises:
        DQNKitError: as `Actor` and `Actor.rollout`. The actor is then closed; the next task makes a new one.
    """
    with _lock:
        _busy[task.run] += 1
    try:
        actor = _take(config, task)
        try:
            rollout = actor.rollout(weights, task.epsilons, task.sequence, steps=task.steps)
        except BaseException:
            actor.close()
            raise
        _give_back(config, task, actor)
    finally:
        with _lock:
            _busy[task.run] -= 1
    return replace(rollout, sequence=task.sequence)


def forget(run: str) -> None:
    """Close the actors of a run that is over; those that a task still uses are closed when it ends."""
    with _lock:
        _ended.add(run)
        actors = [actor for key in list(_idle) if key[0] == run for actor in _idle.pop(key)]
    for actor in actors:
        actor.close()


async def forget_at_end(run: str) -> None:
    """`forget`, and wait until no task of the run is at work here, so that nothing runs on when a loop is left."""
    forget(run)
    began = time.monotonic()
    while _busy[run] and time.monotonic() - began < LONGEST_WAIT:
        await asyncio.sleep(0.01)
    if not _busy[run]:
        del _busy[run]


def close_orphans(clients: Collection[str]) -> None:
    """`forget` the runs of all clients but these, which the scheduler still knows: their drivers are gone."""
    with _lock:
        runs = {*_busy, *(run for run, _ in _idle)}
    orphans = [run for run in runs if run.partition("/")[0] not in clients]
    for run in orphans:
        forget(run)


def kept_actors() -> int:
    """How many actors this process keeps between tasks, of all runs."""
    with _lock:
        return sum(map(len, _idle.values()))


def _take(config: DQNConfig, task: RolloutTask) -> Actor:
    if not config.deterministic:
        with _lock:
            if idle := _idle[task.run, task.actor]:
                return idle.pop()
    return Actor(config, task.actor, first_sequence=task.sequence)


def _give_back(config: DQNConfig, task: RolloutTask, actor: Actor) -> None:
    with _lock:
        if not config.deterministic and task.run not in _ended:
            _idle[task.run, task.actor].append(actor)
            return
    actor.close()


def _described(error: Exception, config: DQNConfig, address: str) -> RolloutError:
    """An error of the environment's own, as text: its class may be unknown to the driver."""
    where = "".join(traceback.format_exception(error)[-3:]).strip()
    return RolloutError(f"{config.env_id} raised {type(error).__name__}: {error} (on worker {address})\n{where}")
