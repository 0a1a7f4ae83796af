"""What runs on a worker, tested without a cluster: actors are kept, released and closed; errors become values."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import faulty_envs
import numpy as np
import pytest
from toys import linear_policy, small_config

from dqnkit.actor import Actor
from dqnkit.cluster import worker
from dqnkit.cluster.worker import Arrival, RolloutTask, close_orphans, forget, forget_at_end, kept_actors, make_rollout
from dqnkit.errors import (
    DQNKitError,
    EnvironmentNotSupportedError,
    InvalidDataError,
    MissingExtraError,
    RolloutError,
)
from dqnkit.rollouts import InProcessRollouts
from dqnkit.types import Rollout

CONFIG = small_config(num_actors=3, n_step=3)
WEIGHTS = linear_policy((4,), 2, version=7)


def task(run: str = "client/run", actor: int = 0, sequence: int = 0, epsilon: float = 0.5, steps: int = 5) -> Any:
    return RolloutTask(run, actor, sequence, np.full(4, epsilon, np.float32), steps)


@pytest.fixture(autouse=True)
def lives(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Counts the actors that are made and closed; none is left when a test ends."""
    monkeypatch.setattr(worker, "_ended", set())  # as if each test were a process of its own
    count = SimpleNamespace(made=0, closed=0)
    make, close = Actor.__init__, Actor.close

    def counted_make(self: Actor, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        count.made += 1

    def counted_close(self: Actor) -> None:
        close(self)
        count.closed += 1

    monkeypatch.setattr(Actor, "__init__", counted_make)
    monkeypatch.setattr(Actor, "close", counted_close)
    yield count
    close_orphans([])
    assert kept_actors() == 0
    assert count.made == count.closed


def test_a_rollout_is_that_of_an_actor_alone_with_the_numbers_of_its_task() -> None:
    made = make_rollout(CONFIG, task(actor=2, sequence=9), WEIGHTS)
    alone = Actor(CONFIG, 2, first_sequence=9)
    expected = alone.rollout(WEIGHTS, 0.5, steps=5)
    alone.close()
    for a, b in zip(made.transitions, expected.transitions, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (made.actor, made.sequence, made.weights_version) == (2, 9, 7)
    assert made.steps == 5 * 4
    assert len(made.transitions.action) == (5 - 3 + 1) * 4  # n-step returns are packed here, on the worker


def test_an_actor_is_kept_and_goes_on_where_it_was(lives: SimpleNamespace) -> None:
    rollouts = [make_rollout(CONFIG, task(actor=i % 3, sequence=i), WEIGHTS) for i in range(18)]
    assert (lives.made, kept_actors()) == (3, 3)  # one for each logical actor
    assert [(rollout.actor, rollout.sequence) for rollout in rollouts] == [(i % 3, i) for i in range(18)]
    alone = Actor(CONFIG, 1, first_sequence=1)
    for rollout in rollouts[1::3]:
        np.testing.assert_array_equal(
            rollout.transitions.reward, alone.rollout(WEIGHTS, 0.5, steps=5).transitions.reward
        )
    alone.close()
    assert max(rollout.episode_lengths.max(initial=0) for rollout in rollouts) > 5  # longer than a task


def test_tasks_at_the_same_time_have_an_actor_each(lives: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(3, timeout=20)
    rollout = Actor.rollout

    def all_at_once(self: Actor, *args: Any, **kwargs: Any) -> Rollout:
        together.wait()
        return rollout(self, *args, **kwargs)

    monkeypatch.setattr(Actor, "rollout", all_at_once)
    for _ in range(2):
        threads = [threading.Thread(target=make_rollout, args=(CONFIG, task(actor=1), WEIGHTS)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (lives.made, kept_actors()) == (3, 3)


def test_in_deterministic_mode_nothing_is_kept_and_the_rollout_is_that_of_the_in_process_source() -> None:
    config = small_config(num_actors=2, deterministic=True)
    source = InProcessRollouts(config)
    for sequence in range(3):
        expected = source.collect(WEIGHTS, np.full((2, 4), 0.5, np.float32), sequence)
        for actor in (1, 0):
            made = make_rollout(config, task(actor=actor, sequence=sequence), WEIGHTS)
            for a, b in zip(made.transitions, expected[actor].transitions, strict=True):
                np.testing.assert_array_equal(a, b)
            assert kept_actors() == 0
    source.close()


def test_each_run_has_actors_of_its_own_and_forgetting_one_leaves_the_others(lives: SimpleNamespace) -> None:
    for run in ("a/1", "a/2", "b/1"):
        make_rollout(CONFIG, task(run), WEIGHTS)
    assert kept_actors() == 3
    forget("a/1")
    forget("a/1")  # a second time does no harm
    assert (kept_actors(), lives.closed) == (2, 1)


def test_a_task_that_comes_after_its_run_ended_leaves_no_actor(lives: SimpleNamespace) -> None:
    forget("late/1")
    assert make_rollout(CONFIG, task("late/1"), WEIGHTS).steps > 0
    assert (kept_actors(), lives.closed) == (0, 1)


def test_the_end_of_a_run_waits_for_the_task_that_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    started, may_end = threading.Event(), threading.Event()
    rollout = Actor.rollout

    def slow(self: Actor, *args: Any, **kwargs: Any) -> Rollout:
        started.set()
        assert may_end.wait(20)
        return rollout(self, *args, **kwargs)

    monkeypatch.setattr(Actor, "rollout", slow)
    thread = threading.Thread(target=make_rollout, args=(CONFIG, task("waits/1"), WEIGHTS))
    thread.start()
    assert started.wait(20)

    async def end() -> bool:
        ending = asyncio.create_task(forget_at_end("waits/1"))
        done, _ = await asyncio.wait([ending], timeout=0.1)
        may_end.set()
        await ending
        return not done

    assert asyncio.run(end())
    thread.join()
    assert kept_actors() == 0


def test_actors_of_drivers_that_are_gone_are_closed(lives: SimpleNamespace) -> None:
    for run in ("alive/1", "alive/2", "dead/1"):
        make_rollout(CONFIG, task(run), WEIGHTS)
    close_orphans(["alive", "another"])
    assert (kept_actors(), lives.closed) == (2, 1)
    make_rollout(CONFIG, task("alive/1"), WEIGHTS)
    assert lives.made == 3


def test_an_actor_whose_environment_raised_is_closed_and_the_next_task_makes_a_new_one(lives: SimpleNamespace) -> None:
    config, weights = small_config("test/Broken-v0"), linear_policy((2,), 2)
    with pytest.raises(InvalidDataError, match="test/Broken-v0"):
        make_rollout(config, task(epsilon=1.0), weights)
    assert (lives.made, lives.closed, kept_actors()) == (1, 1, 0)


@pytest.fixture
def on_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Dask calls of `run_task`."""
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "get_worker", lambda: SimpleNamespace(address="tcp://127.0.0.1:1"))
    monkeypatch.setattr(worker, "REST_AFTER_ERROR", 0.0)


@pytest.mark.usefixtures("on_a_worker")
def test_a_task_returns_its_rollout_and_the_workers_address() -> None:
    arrival = worker.run_task(CONFIG, task(), WEIGHTS)
    assert arrival.worker == "tcp://127.0.0.1:1"
    assert isinstance(arrival.outcome, Rollout)


@pytest.mark.usefixtures("on_a_worker")
def test_errors_are_values_that_name_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = worker.run_task(small_config("Cartpole-v99"), task(), WEIGHTS)
    assert isinstance(unknown.outcome, EnvironmentNotSupportedError)
    not_there = worker.run_task(small_config("no_such_module:Env-v0"), task(), WEIGHTS)
    assert "no_such_module cannot be imported" in str(not_there.outcome)

    def crash(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("the simulator fell over")

    monkeypatch.setattr(Actor, "rollout", crash)
    crashed = worker.run_task(CONFIG, task(), WEIGHTS)
    assert isinstance(crashed.outcome, RolloutError)
    assert str(crashed.outcome).startswith(
        "CartPole-v1 raised ZeroDivisionError: the simulator fell over (on worker tcp://127.0.0.1:1)\n"
    )
    assert "in crash" in str(crashed.outcome)  # the function where it happened


@pytest.mark.usefixtures("on_a_worker")
@pytest.mark.parametrize("fault", ["StepRaises", "StepExits", "FourValues", "MakingExits"])
def test_faults_of_an_environment_are_told_as_in_one_process(
    fault: str, tried: Callable[[int, str, str], None]
) -> None:
    weights, config = linear_policy((3,), 2), small_config(f"faulty_envs:{fault}-v0")
    source = InProcessRollouts(config)
    faulty_envs.arm()
    try:
        with pytest.raises(DQNKitError) as here:
            source.collect(weights, np.full((1, 4), 0.5, np.float32), 0)
        outcome = worker.run_task(config, task(), weights).outcome
    finally:
        source.close()
        faulty_envs.arm(10**9)
    assert (type(outcome), str(outcome)) == (type(here.value), str(here.value))
    tried(10, f"a worker of a cluster, {fault}", str(outcome).splitlines()[0])


@pytest.mark.parametrize(
    "error", [MissingExtraError("ale_py", "games"), EnvironmentNotSupportedError("no"), RolloutError("fell over")]
)
def test_what_comes_back_from_a_worker_survives_the_way(error: Exception) -> None:
    pickle = pytest.importorskip("distributed.protocol.pickle")
    arrival = pickle.loads(pickle.dumps(Arrival("tcp://127.0.0.1:1", error)))  # type: ignore[arg-type]
    assert (type(arrival.outcome), str(arrival.outcome)) == (type(error), str(error))
