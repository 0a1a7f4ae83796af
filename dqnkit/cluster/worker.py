"""The code that runs on workers: it takes weights and a task, and returns a rollout. Needs no TensorFlow.

A worker keeps its actors (the copies of the environment) between tasks: for each logical actor at most one per thread.
So a task need not reset its environments, and an episode continues with the exploration rates of its actor. A worker
that restarts makes new actors. With ``config.deterministic`` no actors are kept: a new actor makes each rollout from
seeds alone, so the result does not depend on the worker.
"""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.environment_by_value import register
from dqnkit.errors import DQNKitError, RolloutError
from dqnkit.types import FloatArray, PolicyWeights, Rollout

Value = TypeVar("Value")
LONGEST_WAIT = 4.0  # seconds for tasks that still run when their training run ends
REST_AFTER_ERROR = 0.2  # seconds; without it, a worker whose tasks fail at once would get all of them

_idle: defaultdict[tuple[str, int], list[Actor]] = defaultdict(
    list
)  # (run, logical actor) -> actors that no task uses now
_busy: Counter[str] = Counter()  # run -> number of its tasks that are running
_ended: set[str] = set()  # finished runs: their late tasks must not leave actors behind
_lock = threading.Lock()  # for the three above: a worker may have several threads


@dataclass(frozen=True)
class RolloutTask:
    """What a worker must know, besides the configuration and the weights, to make one rollout.

    Attributes:
        run: name of the training run that owns the actors: CLIENT/NAME, where CLIENT is the id of its Dask client.
        actor: number of the logical actor.
        sequence: number of the rollout; unique for an actor in a run.
        epsilons: exploration rate of each copy of the environment, ``[num_envs]``.
        steps: steps of each copy; None: as configured.
        environment: how the driver has registered the environment, if a worker may not know it; see
            `dqnkit.environment_by_value`.
    """

    run: str
    actor: int
    sequence: int
    epsilons: FloatArray
    steps: int | None = None
    environment: bytes = b""


@dataclass(frozen=True)
class Arrival:
    """What a task returns: the rollout or an error, and the address of the worker.

    An error is returned as a value, because an exception would not tell the driver which worker raised it.
    """

    worker: str  # address
    outcome: Rollout | DQNKitError


def hold(value: Value) -> Value:
    """Return the argument.

    Run as a task, it makes a worker hold the weights for the other workers. If that worker dies, Dask runs the task
    again.
    """
    return value


def run_task(config: DQNConfig, task: RolloutTask, weights: PolicyWeights) -> Arrival:
    """The task that the driver submits: `make_rollout`, with errors returned as values."""
    from distributed import get_worker  # imported here, so that the rest can be tested without Dask

    address = str(get_worker().address)
    try:
        return Arrival(address, make_rollout(config, task, weights))
    except Exception as error:
        time.sleep(REST_AFTER_ERROR)
        return Arrival(address, error if isinstance(error, DQNKitError) else _described(error, config, address))


def make_rollout(config: DQNConfig, task: RolloutTask, weights: PolicyWeights) -> Rollout:
    """Make a rollout with the policy of ``weights``, by an actor that this process keeps or a new one.

    Raises:
        DQNKitError: see `Actor` and `Actor.rollout`. The actor is closed then, and the next task makes a new one.
    """
    register(task.environment)
    with _lock:
        _busy[task.run] += 1
    try:
        actor = _take(config, task)
        try:
            rollout = actor.rollout(weights, task.epsilons, task.sequence, steps=task.steps)
        except BaseException:
            _close(actor)
            raise
        _give_back(config, task, actor)
    finally:
        with _lock:
            _busy[task.run] -= 1
    return replace(rollout, sequence=task.sequence)


def forget(run: str) -> None:
    """Close the actors of a finished run; an actor that a task still uses is closed when that task ends."""
    with _lock:
        _ended.add(run)
        actors = [actor for key in list(_idle) if key[0] == run for actor in _idle.pop(key)]
    for actor in actors:
        _close(actor)


async def forget_at_end(run: str) -> None:
    """Call `forget`, then wait until no task of the run is running here, for at most `LONGEST_WAIT`."""
    forget(run)
    began = time.monotonic()
    while _busy[run] and time.monotonic() - began < LONGEST_WAIT:
        await asyncio.sleep(0.01)
    if not _busy[run]:
        del _busy[run]


def close_orphans(clients: Collection[str]) -> None:
    """Call `forget` for all runs whose driver is gone, that is, whose client is not among ``clients``."""
    with _lock:
        runs = {*_busy, *(run for run, _ in _idle)}
    orphans = [run for run in runs if run.partition("/")[0] not in clients]
    for run in orphans:
        forget(run)


def kept_actors() -> int:
    """Number of actors, of all runs, that this process keeps and no task uses now."""
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
    _close(actor)


def _close(actor: Actor) -> None:
    """Free an actor's environments; that they cannot be closed is no reason to lose a rollout or to keep others."""
    with suppress(DQNKitError):
        actor.close()


def _described(error: Exception, config: DQNConfig, address: str) -> RolloutError:
    """Convert an exception of the environment to a `RolloutError`: the driver may not be able to import its class."""
    where = "".join(traceback.format_exception(error)[-3:]).strip()
    return RolloutError(f"{config.env_id} raised {type(error).__name__}: {error} (on worker {address})\n{where}")
