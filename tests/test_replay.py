"""Replay buffers against a plain list, for any sequence of inserts and draws."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toys import linear_policy, small_config

from dqnkit.actor import Actor
from dqnkit.actor_priorities import td_errors
from dqnkit.array_store import ArrayStore
from dqnkit.default_parts import make_replay
from dqnkit.errors import InvalidDataError
from dqnkit.frames import FrameStore
from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer
from dqnkit.types import Array, Transition

STACK = 3


def numbered(first: int, count: int) -> Transition:
    """Transitions that have their number in every field."""
    numbers = np.arange(first, first + count)
    return Transition(
        observation=np.stack([numbers, numbers + 1], axis=1).astype(np.float32),
        action=numbers.astype(np.int32),
        reward=numbers.astype(np.float32),
        discount=(numbers / 1024).astype(np.float32),
        next_observation=np.stack([numbers + 1, numbers + 2], axis=1).astype(np.float32),
    )


def equal(first: Transition, second: Transition) -> bool:
    return all(
        a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b) for a, b in zip(first, second, strict=True)
    )


def filled(buffer: ReplayBuffer, count: int) -> ReplayBuffer:
    buffer.add(numbered(0, count))
    return buffer


@pytest.fixture(params=["uniform", "prioritized"])
def kind(request: pytest.FixtureRequest) -> Any:
    return {"uniform": ReplayBuffer, "prioritized": PrioritizedReplayBuffer}[request.param]


SIZES = st.lists(st.one_of(st.integers(0, 12), st.integers(0, 60)), max_size=12)


@pytest.mark.parametrize("buffer_type", [ReplayBuffer, PrioritizedReplayBuffer])
@given(capacity=st.integers(1, 25), sizes=SIZES, seed=st.integers(0, 1000))
def test_holds_what_a_plain_list_would(buffer_type: Any, capacity: int, sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    buffer, model = buffer_type(capacity), []
    for size in sizes:
        buffer.add(numbered(buffer.inserted, size))
        model = [*model, *range(buffer.inserted - size, buffer.inserted)][-capacity:]  # the oldest are dropped
        assert len(buffer) == len(model)
        if not model:
            continue
        sample = buffer.sample(2, 8, rng)
        assert set(sample.transitions.action.ravel()) <= set(model)
        for k in range(2):  # all fields come from the same transition
            drawn = Transition(*(values[k] for values in sample.transitions))
            assert equal(drawn, Transition(*(np.concatenate(x) for x in zip(*(numbered(i, 1) for i in drawn.action)))))  # noqa: B905
        everything = buffer.store.get(np.arange(buffer.inserted - len(model), buffer.inserted) % capacity)
        assert equal(everything, numbered(model[0], len(model)))
        buffer.update_priorities(sample.indices, rng.normal(size=sample.indices.shape))


def test_shapes_and_types_of_a_sample(kind: Any, rng: np.random.Generator) -> None:
    sample = filled(kind(100), 40).sample(3, 5, rng)
    assert sample.transitions.observation.shape == (3, 5, 2)
    assert sample.transitions.action.shape == sample.indices.shape == sample.importance.shape == (3, 5)
    assert sample.importance.dtype == np.float32
    assert [values.dtype for values in sample.transitions] == [values.dtype for values in numbered(0, 1)]


def test_bytes_stay_bytes(kind: Any, rng: np.random.Generator) -> None:
    frames = rng.integers(0, 256, (10, 4, 4, 1), dtype=np.uint8)
    buffer = kind(10)
    buffer.add(numbered(0, 10)._replace(observation=frames, next_observation=frames[::-1]))
    drawn = buffer.sample(1, 20, rng).transitions
    assert drawn.observation.dtype == drawn.next_observation.dtype == np.uint8
    np.testing.assert_array_equal(drawn.observation[0], frames[drawn.action[0]])
    np.testing.assert_array_equal(drawn.next_observation[0], frames[9 - drawn.action[0]])


def test_what_goes_in_and_comes_out_is_copied(kind: Any, rng: np.random.Generator) -> None:
    buffer, transitions = kind(10), numbered(0, 5)
    buffer.add(transitions)
    transitions.reward[:] = -1
    sample = buffer.sample(1, 20, rng)
    sample.transitions.observation[:] = -1
    assert (buffer.sample(1, 20, rng).transitions.reward >= 0).all()
    assert (buffer.sample(1, 20, rng).transitions.observation >= 0).all()


def test_no_empty_slot_is_drawn_and_the_newest_is(kind: Any, rng: np.random.Generator) -> None:
    drawn = filled(kind(1_000_000), 10).sample(10, 100, rng).transitions.action
    assert set(drawn.ravel()) == set(range(10))


def test_the_same_generator_draws_the_same(kind: Any) -> None:
    buffer = filled(kind(100), 60)
    first, again, other = (buffer.sample(2, 16, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert equal(first.transitions, again.transitions)
    assert not equal(first.transitions, other.transitions)


def test_an_empty_buffer_says_so(kind: Any, rng: np.random.Generator) -> None:
    buffer = kind(10)
    assert len(buffer) == 0
    with pytest.raises(InvalidDataError, match="the replay buffer is empty"):
        buffer.sample(1, 1, rng)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"observation": np.zeros((2, 3), np.float32)}, r"observation has the shape \(3,\)"),
        ({"action": np.zeros(2, np.int64)}, "action has .* type int64"),
        ({"reward": np.zeros((2, 1), np.float32)}, r"reward has the shape \(1,\)"),
    ],
)
def test_transitions_unlike_the_first_are_refused(kind: Any, wrong: dict[str, Array], message: str) -> None:
    buffer = filled(kind(10), 2)
    with pytest.raises(InvalidDataError, match=message):
        buffer.add(numbered(2, 2)._replace(**wrong))


def test_uniform_draws_are_uniform(rng: np.random.Generator) -> None:
    buffer = filled(ReplayBuffer(20), 37)  # the ring has wrapped around: 17 to 36 are left
    sample = buffer.sample(100, 200, rng)
    counts = np.bincount(sample.transitions.action.ravel(), minlength=37)[17:]
    assert counts.sum() == 20_000
    assert ((counts - 1000) ** 2 / 1000).sum() < 60  # chi-square with 19 degrees of freedom: 60 is beyond 1 in 100,000
    np.testing.assert_array_equal(sample.importance, 1.0)


class TestPrioritized:
    def prioritized(self, td_errors: list[float], exponent: float = 1.0, capacity: int = 8) -> PrioritizedReplayBuffer:
        buffer = PrioritizedReplayBuffer(capacity, exponent)
        buffer.SMALL = 0.0  # type: ignore[misc]
        buffer.add(numbered(0, len(td_errors)))
        buffer.update_priorities(np.arange(len(td_errors))[None], np.array(td_errors, np.float32)[None])
        return buffer

    def shares(self, buffer: PrioritizedReplayBuffer, rng: np.random.Generator) -> Array:
        drawn = buffer.sample(10, 2_000, rng).transitions.action
        return np.bincount(drawn.ravel(), minlength=buffer.inserted) / 20_000

    @pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
    def test_chances_are_in_proportion_to_priorities(self, exponent: float, rng: np.random.Generator) -> None:
        td_errors = np.array([1.0, -4.0, 9.0, 0.25])
        expected = np.abs(td_errors) ** exponent / (np.abs(td_errors) ** exponent).sum()
        shares = self.shares(self.prioritized(list(td_errors), exponent), rng)
        np.testing.assert_allclose(shares, expected, atol=0.002)  # stratified: closer than independent draws

    @pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
    def test_importance_weights_by_hand(self, beta: float, rng: np.random.Generator) -> None:
        buffer = self.prioritized([1.0, 2.0, 5.0])
        buffer.importance_exponent = beta
        sample = buffer.sample(4, 100, rng)
        # N p is 3/8, 6/8 and 15/8; the largest weight, of the rarest transition, is scaled to 1
        weights = (np.array([3, 6, 15]) / 8) ** -beta
        expected = (weights / weights.max())[sample.transitions.action]
        np.testing.assert_allclose(sample.importance, expected, rtol=1e-5)

    def test_importance_makes_up_for_the_uneven_chances(self, rng: np.random.Generator) -> None:
        buffer = self.prioritized([1.0, 2.0, 5.0, 0.5])
        buffer.importance_exponent = 1.0
        sample = buffer.sample(10, 2_000, rng)
        mean = np.average(sample.transitions.action, weights=sample.importance)
        assert mean == pytest.approx(1.5, abs=0.02)  # the mean of 0, 1, 2, 3

    def test_new_transitions_get_the_largest_priority(self, rng: np.random.Generator) -> None:
        buffer = self.prioritized([1.0, 8.0, 1.0])
        buffer.add(numbered(3, 1))
        np.testing.assert_allclose(self.shares(buffer, rng), np.array([1, 8, 1, 8]) / 18, atol=0.002)

    def test_a_td_error_of_0_is_still_drawn_now_and_then(self, rng: np.random.Generator) -> None:
        buffer = filled(PrioritizedReplayBuffer(2, 0.6), 2)
        buffer.update_priorities(np.array([[0, 1]]), np.array([[0.0, 1.0]]))
        assert 0 < self.shares(buffer, rng)[0] < 0.05  # type: ignore[arg-type]

    def test_dropped_transitions_are_never_drawn(self, rng: np.random.Generator) -> None:
        buffer = self.prioritized([1.0] * 8)
        buffer.update_priorities(np.array([[0, 1]]), np.array([[100.0, 100.0]]))
        buffer.add(numbered(8, 2))
        assert self.shares(buffer, rng)[:2].sum() == 0

    def test_of_a_transition_drawn_twice_the_last_td_error_counts(self, rng: np.random.Generator) -> None:
        buffer = self.prioritized([1.0, 1.0])
        buffer.update_priorities(np.array([[0, 1], [0, 1]]), np.array([[50.0, 2.0], [3.0, 7.0]]))
        np.testing.assert_allclose(self.shares(buffer, rng), [0.3, 0.7], atol=0.002)

    def test_batches_drawn_together_are_alike(self, rng: np.random.Generator) -> None:
        """One draw from each stratum of the priorities, shuffled: no batch has only the oldest."""
        sample = filled(PrioritizedReplayBuffer(1000), 1000).sample(4, 250, rng)
        assert (np.abs(sample.indices.mean(axis=1) - 500) < 100).all()


def stacked_rollout(rng: np.random.Generator, count: int, first: int, spare: int = 0) -> tuple[Transition, Array]:
    """Transitions over a line of frames, as indices, and the frames; ``spare`` frames belong to no transition."""
    frames = rng.integers(0, 256, (count + STACK + spare, 2, 2), dtype=np.uint8)
    places = np.arange(count)[:, None] + np.arange(STACK)
    transitions = numbered(first, count)._replace(
        observation=places.astype(np.int32), next_observation=(places + 1).astype(np.int32)
    )
    return transitions, frames


def with_stacks(transitions: Transition, frames: Array) -> Transition:
    return transitions._replace(
        observation=frames[transitions.observation], next_observation=frames[transitions.next_observation]
    )


def kept(store: ArrayStore | FrameStore, oldest: int) -> Transition:
    return store.get(np.arange(oldest, store.inserted) % store.capacity)


@given(
    capacity=st.integers(5, 40),
    rollouts=st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0, 0, 3, 20])), min_size=1, max_size=25),
    seed=st.integers(0, 1000),
)
def test_frames_give_what_whole_stacks_give(capacity: int, rollouts: list[tuple[int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame_store, array_store = FrameStore(capacity), ArrayStore(capacity)
    buffer = PrioritizedReplayBuffer(capacity, store=frame_store)
    fits = 0
    for count, spare in rollouts:
        transitions, frames = stacked_rollout(rng, count, frame_store.inserted, spare)
        if fits and len(frames) > fits:
            continue  # refused: more frames than the ring holds, whose size the first rollout sets
        fits = fits or len(frames) + capacity
        buffer.add(transitions, frames)
        array_store.append(with_stacks(transitions, frames))
        # when frames run out, more transitions are dropped, but never the newest
        assert array_store.oldest <= frame_store.oldest <= frame_store.inserted - count
        assert equal(kept(frame_store, frame_store.oldest), kept(array_store, frame_store.oldest))
        drawn = buffer.sample(1, 50, rng).transitions.action
        assert drawn.min() >= frame_store.oldest
        assert drawn.max() < frame_store.inserted


def test_nothing_is_dropped_early_where_rollouts_are_alike(rng: np.random.Generator) -> None:
    store = FrameStore(100)
    for i in range(30):
        store.append(*stacked_rollout(rng, 10, 10 * i))
    assert store.oldest == 200


def test_frames_dropped_early_take_their_transitions_with_them(rng: np.random.Generator) -> None:
    store = FrameStore(100)
    for i in range(10):
        store.append(*stacked_rollout(rng, 10, 10 * i))
    assert store.oldest == 0
    store.append(*stacked_rollout(rng, 10, 100, spare=40))
    assert store.oldest > 10
    assert store.oldest % 10 == 0  # whole rollouts


@pytest.mark.parametrize("stack", [2, 4])
def test_frames_take_a_fraction_of_the_memory(stack: int, rng: np.random.Generator) -> None:
    """With a real actor: 1,000 transitions of stacked 4 x 5 pictures, enlarged to 40 x 50."""

    def bytes_of(store: ArrayStore | FrameStore) -> int:
        config = small_config("test/TinyVideo-v0", frame_stack=stack, rollout_steps=64, max_episode_steps=50)
        actor = Actor(config)
        tracemalloc.start()
        while store.inserted < 1_000:
            rollout = actor.rollout(linear_policy((stack, 4, 5), 2), 1.0)
            assert rollout.frames is not None
            frames = rollout.frames.repeat(10, axis=1).repeat(10, axis=2)
            if isinstance(store, FrameStore):
                store.append(rollout.transitions, frames)
            else:
                store.append(with_stacks(rollout.transitions, frames))
            del rollout, frames
        used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return used

    assert bytes_of(FrameStore(1_000)) < bytes_of(ArrayStore(1_000)) / stack


def test_frames_and_stores_must_fit_each_other(rng: np.random.Generator) -> None:
    transitions, frames = stacked_rollout(rng, 5, 0)
    with pytest.raises(InvalidDataError, match="come with frames: use a FrameStore"):
        ArrayStore(10).append(transitions, frames)
    with pytest.raises(InvalidDataError, match="come without frames: use an ArrayStore"):
        FrameStore(10).append(transitions)
    with pytest.raises(InvalidDataError, match="5 transitions does not fit replay_capacity 4: raise it, or lower"):
        FrameStore(4).append(transitions, frames)


@pytest.mark.parametrize("stored_as", [ArrayStore, FrameStore])
@pytest.mark.parametrize("spare", [0, 9])
@given(sizes=st.lists(st.integers(1, 8), min_size=1, max_size=14), pauses=st.sets(st.integers(0, 13)))
def test_read_and_restore_in_pieces(stored_as: Any, spare: int, sizes: list[int], pauses: set[int]) -> None:
    """Segments as in checkpoints: each has what came since the last one, as far as it is still in the buffer."""
    rng = np.random.default_rng(0)
    store, pieces, saved = stored_as(20), [], 0
    for i, size in enumerate(sizes):
        transitions, frames = stacked_rollout(rng, size, store.inserted, spare if i > 3 else 0)
        if stored_as is FrameStore:
            store.append(transitions, frames)
        else:
            store.append(with_stacks(transitions, frames))
        if i in pauses or i == len(sizes) - 1:
            pieces.append({**store.read(saved), "stop": np.array(store.inserted)})
            saved = store.inserted
    again = stored_as(20)
    again.restore(iter(pieces), store.inserted, store.oldest)
    assert (again.inserted, again.oldest) == (store.inserted, store.oldest)
    assert equal(kept(again, store.oldest), kept(store, store.oldest))
    for i in range(4):  # and both continue equally
        transitions, frames = stacked_rollout(rng, 6, store.inserted, 4 * i)
        for each in (store, again):
            if stored_as is FrameStore:
                each.append(transitions, frames)
            else:
                each.append(with_stacks(transitions, frames))
        assert (again.inserted, again.oldest) == (store.inserted, store.oldest)
        assert equal(kept(again, store.oldest), kept(store, store.oldest))


def test_an_empty_store_reads_nothing() -> None:
    assert ArrayStore(3).read(0) == FrameStore(3).read(0) == {}


@pytest.mark.parametrize(
    ("settings", "kind", "store"),
    [
        ({}, ReplayBuffer, ArrayStore),
        ({"replay": "prioritized", "priority_exponent": 0.3}, PrioritizedReplayBuffer, ArrayStore),
        ({"frame_stack": 4}, ReplayBuffer, FrameStore),
        ({"frame_stack": 4, "replay": "prioritized"}, PrioritizedReplayBuffer, FrameStore),
    ],
)
def test_make_replay_makes_what_the_settings_ask_for(settings: dict[str, Any], kind: Any, store: Any) -> None:
    buffer = make_replay(small_config(**settings))
    assert type(buffer) is kind
    assert type(buffer.store) is store
    assert buffer.store.capacity == 1000
    if kind is PrioritizedReplayBuffer:
        assert buffer.exponent == settings.get("priority_exponent", 0.6)


def test_a_rollout_without_transitions_changes_nothing() -> None:
    config = small_config("test/TinyVideo-v0", frame_stack=2, n_step=5, rollout_steps=2)
    buffer = make_replay(config)
    buffer.add_rollout(Actor(config).rollout(linear_policy((2, 4, 5), 2), 1.0))
    assert len(buffer) == buffer.inserted == 0


@pytest.mark.parametrize("frame_stack", [1, 2])
def test_priorities_that_the_actor_computed_are_those_of_its_td_errors(frame_stack: int) -> None:
    env_id, shape = ("test/TinyVideo-v0", (2, 4, 5)) if frame_stack == 2 else ("CartPole-v1", (4,))
    settings: Any = {"frame_stack": frame_stack, "n_step": 3, "replay": "prioritized", "replay_capacity": 100}
    config = small_config(env_id, **settings, actor_priorities=True)
    actor, without = Actor(config), Actor(small_config(env_id, **settings))
    buffer, weights = make_replay(config), linear_policy(shape, 2)
    assert isinstance(buffer, PrioritizedReplayBuffer)
    newest: list[float] = []
    for _ in range(8):  # more than the ring holds
        rollout = actor.rollout(weights, 0.5)
        assert rollout.td_errors is not None
        np.testing.assert_array_equal(rollout.td_errors, td_errors(weights, rollout.transitions, rollout.frames))
        assert without.rollout(weights, 0.5).td_errors is None
        buffer.add_rollout(rollout)
        newest += ((np.abs(rollout.td_errors) + buffer.SMALL) ** 0.6).tolist()
        slots = np.arange(buffer.inserted - len(buffer), buffer.inserted) % 100
        np.testing.assert_allclose(buffer.tree[slots], newest[-len(buffer) :], rtol=1e-6)
    assert buffer.inserted > 150
    assert buffer.largest >= max(newest)


def test_a_rollout_larger_than_the_ring_leaves_its_newest_priorities() -> None:
    buffer = PrioritizedReplayBuffer(4, exponent=1.0)
    values = np.arange(6, dtype=np.float32)
    rollout = Actor(small_config()).rollout(linear_policy((4,), 2), 0.5)
    buffer.add_rollout(replace(rollout, transitions=numbered(0, 6), td_errors=-values))
    np.testing.assert_allclose(buffer.tree[np.array([4, 5, 2, 3]) % 4], values[[4, 5, 2, 3]] + buffer.SMALL)
    buffer.add_rollout(replace(rollout, transitions=numbered(0, 0), td_errors=values[:0]))
    assert buffer.inserted == 6
