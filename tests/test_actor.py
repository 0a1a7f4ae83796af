"""Actors: packing of n-step transitions, by hand and against a slow reference, and the content of rollouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import toys
from hypothesis import example, given
from hypothesis import strategies as st
from toys import linear_policy, small_config

from dqnkit.actor import Actor
from dqnkit.config import DQNConfig
from dqnkit.environments import make_env, make_vector_env
from dqnkit.errors import ConfigError, InvalidDataError
from dqnkit.packing import Record, pack_transitions, sums_to_ends
from dqnkit.policy import q_values
from dqnkit.types import Array, PolicyWeights, Rollout, Transition

GAMMA = 0.5


def record_of_one_copy(rewards: list[float], ends: str) -> Record:
    """One copy whose observation is the number of the row; ``ends`` has one letter for each row.

    ``.`` goes on, ``T`` terminated, ``U`` truncated, ``R`` the reset after an end, which is no step.
    """
    length = len(rewards)
    letters = np.array(list(ends))[:, None]
    return Record(
        observation=np.arange(length + 1, dtype=np.float32)[:, None, None],
        action=10 + np.arange(length, dtype=np.int32)[:, None],
        reward=np.array(rewards, np.float32)[:, None],
        terminated=letters == "T",
        truncated=letters == "U",
        is_step=letters != "R",
    )


def rows(transitions: Transition) -> list[tuple[float, ...]]:
    """``(observation, action, reward, discount, next observation)`` of each transition; observations are ``[B, 1]``."""
    return [
        (float(s[0]), int(a), float(r), float(d), float(s2[0]))
        for s, a, r, d, s2 in zip(*transitions, strict=True)
    ]  # fmt: skip


class TestPackTransitions:
    def test_one_step(self) -> None:
        record = record_of_one_copy([1, 2, 0, 4, 8], "..R.T")
        # the reset at row 2 is no transition; the episode before it has not ended, to keep the example short
        assert rows(pack_transitions(record, GAMMA, 1)) == [
            (0, 10, 1, 0.5, 1),
            (1, 11, 2, 0.5, 2),
            (3, 13, 4, 0.5, 4),
            (4, 14, 8, 0.0, 5),
        ]

    def test_three_steps_in_the_middle_of_an_episode(self) -> None:
        record = record_of_one_copy([1, 2, 4, 8], "....")
        assert rows(pack_transitions(record, GAMMA, 3)) == [(0, 10, 1 + 1 + 1, 0.125, 3), (1, 11, 2 + 2 + 2, 0.125, 4)]

    def test_termination_inside_the_window(self) -> None:
        record = record_of_one_copy([1, 2, 0, 64, 64], ".TR..")
        assert rows(pack_transitions(record, GAMMA, 3)) == [(0, 10, 1 + 1, 0.0, 2), (1, 11, 2, 0.0, 2)]

    def test_truncation_inside_the_window_bootstraps_from_the_true_final_observation(self) -> None:
        record = record_of_one_copy([1, 2, 0, 64, 64], ".UR..")
        # after 2 steps and after 1 step: gamma squared and gamma, both from row 2, where the episode was truncated
        assert rows(pack_transitions(record, GAMMA, 3)) == [(0, 10, 1 + 1, 0.25, 2), (1, 11, 2, 0.5, 2)]

    def test_an_end_just_behind_the_window_does_not_matter(self) -> None:
        record = record_of_one_copy([1, 2, 4, 8], "...T")
        assert rows(pack_transitions(record, GAMMA, 3))[0] == (0, 10, 3, 0.125, 3)

    def test_steps_without_all_their_successors_wait_for_the_next_record(self) -> None:
        record = record_of_one_copy([1, 2], "..")
        assert rows(pack_transitions(record, GAMMA, 3)) == []
        assert [len(values) for values in pack_transitions(record, GAMMA, 3)] == [0] * 5

    def test_all_starts_of_whole_episodes(self) -> None:
        record = record_of_one_copy([1, 2, 4], "..T")
        assert rows(pack_transitions(record, GAMMA, 3, all_starts=True)) == [
            (0, 10, 3, 0.0, 3),
            (1, 11, 4, 0.0, 3),
            (2, 12, 4, 0.0, 3),
        ]

    def test_copies_do_not_mix(self) -> None:
        copies = [record_of_one_copy([1, 2, 4, 8], ".TR."), record_of_one_copy([16, 32, 64, 128], "...U")]
        both = Record(*(np.concatenate(values, axis=1) for values in zip(*copies, strict=True)))
        packed = {row for copy in copies for row in rows(pack_transitions(copy, GAMMA, 2))}
        assert set(rows(pack_transitions(both, GAMMA, 2))) == packed

    def test_types(self) -> None:
        transitions = pack_transitions(record_of_one_copy([1, 2], ".."), GAMMA, 1)
        assert [values.dtype for values in transitions[1:4]] == [np.int32, np.float32, np.float32]


def slowly_packed(record: Record, gamma: float, n_step: int, all_starts: bool) -> list[tuple[float, ...]]:
    """The definition of an n-step transition, one number at a time."""
    length, copies = record.action.shape
    transitions = []
    for t in range(length if all_starts else length - n_step + 1):
        for i in range(copies):
            if not record.is_step[t, i]:
                continue
            total, discount, k = 0.0, 1.0, 0
            while k < n_step:
                total += gamma**k * float(record.reward[t + k, i])
                discount *= gamma
                k += 1
                if record.terminated[t + k - 1, i]:
                    discount = 0.0
                if record.terminated[t + k - 1, i] or record.truncated[t + k - 1, i]:
                    break
            start, arrival = record.observation[t, i, 0], record.observation[t + k, i, 0]
            transitions.append((float(start), int(record.action[t, i]), total, discount, float(arrival)))
    return transitions


@given(
    length=st.integers(1, 12),
    copies=st.integers(1, 3),
    n_step=st.integers(1, 5),
    chance_of_end=st.sampled_from([0.0, 0.2, 0.6]),
    whole=st.booleans(),
    seed=st.integers(0, 10_000),
)
@example(length=2, copies=1, n_step=5, chance_of_end=0.0, whole=True, seed=0)  # an episode shorter than n
def test_packing_equals_the_slow_definition(
    length: int, copies: int, n_step: int, chance_of_end: float, whole: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (length, copies)
    done, is_step = rng.random(shape) < chance_of_end, np.ones(shape, dtype=bool)
    for t in range(1, length):  # the step after an end is a reset
        is_step[t] = ~done[t - 1]
        done[t] &= is_step[t]
    if whole:  # every copy has ended by the last row, as in rollouts of whole episodes
        done[-1] = is_step[-1]
    by_time_limit = rng.random(shape) < 0.5
    record = Record(
        observation=rng.random((length + 1, copies, 1), dtype=np.float32),
        action=rng.integers(4, size=shape, dtype=np.int32),
        reward=rng.normal(size=shape).astype(np.float32) * is_step,
        terminated=done & ~by_time_limit,
        truncated=done & by_time_limit,
        is_step=is_step,
    )
    ours = rows(pack_transitions(record, 0.9, n_step, all_starts=whole))
    np.testing.assert_allclose(
        np.array(ours).reshape(-1, 5), np.array(slowly_packed(record, 0.9, n_step, whole)).reshape(-1, 5), atol=1e-5
    )


def scripted_actions(q: Array, epsilon: Array, rng: np.random.Generator) -> Any:
    """linear_policy's greedy action, which depends only on the observation."""
    return q.argmax(axis=1).astype(np.int32)


def simulate(seed: int, weights: PolicyWeights, steps: int, n_step: int, gamma: float) -> list[tuple[float, ...]]:
    """All n-step transitions of one Scripted environment that start in its first ``steps`` steps, one by one."""
    env = toys.Scripted()
    observation, _ = env.reset(seed=seed)
    episodes, episode, calls = [], [], 0  # type: ignore[var-annotated]
    while calls < steps + 20 or episode:
        action = int(q_values(weights, observation[None]).argmax())
        arrival, reward, terminated, truncated, _ = env.step(action)
        episode.append((observation, action, reward, terminated, arrival))
        observation = arrival
        calls += 1
        if terminated or truncated:
            episodes.append(episode)
            episode = []
            observation, _ = env.reset()
            calls += 1  # the reset takes a call in a vector environment
    transitions, call = [], 0
    for episode in episodes:
        for t, (start, action, *_) in enumerate(episode):
            window = episode[t : t + n_step]
            total = sum(gamma**k * step[2] for k, step in enumerate(window))
            discount = 0.0 if window[-1][3] else gamma ** len(window)
            if call < steps:
                transitions.append((*start, action, total, discount, *window[-1][4]))
            call += 1
        call += 1
    return transitions


def flat_rows(transitions: Transition) -> Array:
    columns = [values[:, None] if values.ndim == 1 else values for values in transitions]
    return np.concatenate(columns, axis=1).astype(np.float64)


@pytest.mark.parametrize("n_step", [1, 3, 6])
@pytest.mark.parametrize("rollout_steps", [1, 4, 7])
def test_rollouts_lose_and_repeat_no_transition(n_step: int, rollout_steps: int) -> None:
    config = small_config("test/Scripted-v0", num_envs=3, rollout_steps=rollout_steps, n_step=n_step, gamma=0.9)
    weights = linear_policy((3,), 3, seed=2)
    actor = Actor(config, select_action=scripted_actions)
    seeds = [int(seed) for seed in config.seed_sequence("environment", 0).generate_state(3)]
    rollouts = [actor.rollout(weights, 0.0) for _ in range(60 // rollout_steps)]
    starts = len(rollouts) * rollout_steps - (n_step - 1)  # of each copy: later ones wait for their next steps
    ours = np.concatenate([flat_rows(rollout.transitions) for rollout in rollouts])
    theirs = np.array([row for seed in seeds for row in simulate(seed, weights, starts, n_step, 0.9)])
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)], atol=1e-5)
    all_steps = sum(len(simulate(seed, weights, len(rollouts) * rollout_steps, 1, 0.9)) for seed in seeds)
    assert sum(rollout.steps for rollout in rollouts) == all_steps


def test_returns_and_lengths_of_episodes() -> None:
    config = small_config("test/Scripted-v0", num_envs=2, rollout_steps=4)
    actor = Actor(config, select_action=lambda q, epsilon, rng: np.zeros(len(q), np.int32))
    rollouts = [actor.rollout(linear_policy((3,), 3), 0.0) for _ in range(10)]
    seeds = config.seed_sequence("environment", 0).generate_state(2)
    expected = []
    for seed in seeds:
        episode, call = int(seed) % 4, 0
        while True:
            length = toys.LENGTHS[episode % 4]
            call += length
            if call > 40:
                break
            expected.append((call, length, sum(episode + t / 8 for t in range(1, length + 1))))
            call, episode = call + 1, episode + 1
    expected.sort()
    ours = [pair for r in rollouts for pair in zip(r.episode_lengths, r.episode_returns, strict=True)]
    assert len(ours) == len(expected)
    np.testing.assert_allclose(sorted(ours), sorted(row[1:] for row in expected), rtol=1e-6)
    assert rollouts[0].episode_returns.dtype == np.float32


@given(st.integers(1, 12), st.integers(1, 4), st.sampled_from([0.0, 0.2, 0.7, 1.0]), st.integers(0, 10_000))
def test_sums_to_ends_equal_a_plain_loop(length: int, copies: int, chance_of_end: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, done = rng.normal(size=(length, copies)), rng.random((length, copies)) < chance_of_end
    carried = rng.normal(size=copies)
    sums, running = [], carried.copy()
    for row, ends in zip(values, done, strict=True):
        running += row
        sums += running[ends].tolist()
        running[ends] = 0.0
    ours, under_way = sums_to_ends(values, done, carried)
    np.testing.assert_allclose(ours, sums, atol=1e-9)
    np.testing.assert_allclose(under_way, running, atol=1e-9)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "dqnkit/GridWorld-v0"])
def test_returns_are_the_sums_of_rewards(env_id: str) -> None:
    """In a whole run, the one-step rewards add up to the returns of all episodes, except those that have not ended."""
    config = small_config(env_id, num_envs=3, rollout_steps=50, max_episode_steps=10)
    actor = Actor(config)
    weights = linear_policy(make_env(env_id).observation_space.shape, 2)  # type: ignore[arg-type]
    rollouts = [actor.rollout(weights, 1.0) for _ in range(4)]
    lengths = np.concatenate([rollout.episode_lengths for rollout in rollouts])
    total_steps = sum(rollout.steps for rollout in rollouts)
    assert (lengths <= 10).all()
    assert total_steps - 3 * 10 <= lengths.sum() <= total_steps
    if env_id == "CartPole-v1":
        np.testing.assert_array_equal(np.concatenate([rollout.episode_returns for rollout in rollouts]), lengths)


def equal(first: Rollout, second: Rollout) -> bool:
    pairs = zip(first.transitions, second.transitions, strict=True)
    frames = first.frames is None or np.array_equal(first.frames, second.frames)
    same_ends = np.array_equal(first.episode_returns, second.episode_returns)
    return frames and same_ends and all(np.array_equal(ours, theirs) for ours, theirs in pairs)


DETERMINISTIC = {"deterministic": True, "max_episode_steps": 15, "num_envs": 3}


@pytest.mark.parametrize(
    ("env_id", "settings"),
    [
        ("CartPole-v1", {}),
        ("dqnkit/Catch-v0", {}),
        ("test/TinyVideo-v0", {"frame_stack": 3}),
        ("test/RandomLength-v0", {"n_step": 3}),
    ],
)
class TestDeterministicRollouts:
    def make(self, env_id: str, settings: dict[str, Any], index: int = 0, seed: int = 0) -> tuple[Actor, PolicyWeights]:
        config = small_config(env_id, **DETERMINISTIC, **settings, seed=seed)
        env = make_env(config)
        assert env.observation_space.shape is not None
        weights = linear_policy(env.observation_space.shape, int(env.action_space.n))  # type: ignore[attr-defined]
        return Actor(config, index), weights

    def test_seed_actor_and_sequence_decide_everything(self, env_id: str, settings: dict[str, Any]) -> None:
        actor, weights = self.make(env_id, settings)
        first, *_ = [actor.rollout(weights, 0.3, sequence) for sequence in (5, 6, 7)]
        fresh, _ = self.make(env_id, settings)
        assert equal(fresh.rollout(weights, 0.3, 5), first)
        assert equal(actor.rollout(weights, 0.3, 5), first)
        assert not equal(actor.rollout(weights, 0.3, 6), first)
        assert not equal(self.make(env_id, settings, index=1)[0].rollout(weights, 0.3, 5), first)
        assert not equal(self.make(env_id, settings, seed=1)[0].rollout(weights, 0.3, 5), first)

    def test_a_rollout_is_one_whole_episode_of_each_copy(self, env_id: str, settings: dict[str, Any]) -> None:
        actor, weights = self.make(env_id, settings)
        rollout = actor.rollout(weights, 0.3, 2)
        assert rollout.episode_lengths.shape == rollout.episode_returns.shape == (3,)
        assert rollout.episode_lengths.sum() == rollout.steps == len(rollout.transitions.reward)
        assert (rollout.actor, rollout.sequence) == (0, 2)
        if actor.config.n_step == 1:
            assert rollout.episode_returns.sum() == pytest.approx(rollout.transitions.reward.sum(), rel=1e-5)


def test_deterministic_rollouts_need_a_time_limit() -> None:
    with pytest.raises(ConfigError, match="test/Scripted-v0 has no time limit: set max_episode_steps"):
        Actor(small_config("test/Scripted-v0", deterministic=True))
    Actor(small_config("CartPole-v1", deterministic=True)).close()


def test_an_environment_may_say_itself_that_every_episode_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    for env_id in ("dqnkit/TwoStateBias-v0", "dqnkit/BlindCliffwalk-v0", "dqnkit/Catch-v0"):
        Actor(small_config(env_id, deterministic=True)).close()
    monkeypatch.setattr(toys.Scripted, "metadata", {"render_modes": [], "always_ends": True})
    Actor(small_config("test/Scripted-v0", deterministic=True)).close()


def test_the_same_seed_gives_the_same_stream_and_actors_have_their_own() -> None:
    def stream(index: int, seed: int) -> list[Rollout]:
        actor = Actor(small_config(seed=seed), index)
        return [actor.rollout(linear_policy((4,), 2), 0.5) for _ in range(5)]

    first = stream(0, 0)
    assert all(map(equal, first, stream(0, 0)))
    assert not equal(first[-1], stream(1, 0)[-1])
    assert not equal(first[-1], stream(0, 1)[-1])


def test_epsilon_for_each_copy() -> None:
    config = small_config(num_envs=2, rollout_steps=300)
    seen = []

    def select(q: Array, epsilon: Array, rng: np.random.Generator) -> Any:
        seen.append(epsilon)
        return np.zeros(2, np.int32)

    Actor(config, select_action=select).rollout(linear_policy((4,), 2), np.array([0.25, 0.75]))
    np.testing.assert_array_equal(seen[0], np.array([0.25, 0.75], np.float32))


@pytest.mark.parametrize(
    ("env_id", "name", "frame_stack"),
    [
        ("test/Broken-v0", "reward", 1),
        ("test/BrokenObservation-v0", "observation", 1),
        ("test/Broken-v0", "reward", 3),
        ("test/BrokenObservation-v0", "observation", 3),
    ],
)
def test_nan_is_an_error_that_names_copy_and_step(env_id: str, name: str, frame_stack: int) -> None:
    calls: Iterator[int] = iter(range(100))

    def select(q: Array, epsilon: Array, rng: np.random.Generator) -> Any:
        actions = np.zeros(len(q), np.int32)
        actions[2] = next(calls) == 8 + 3  # the fourth step of the second rollout, copy 2 only
        return actions

    config = small_config(env_id, num_envs=4, rollout_steps=8, frame_stack=frame_stack)
    actor = Actor(config, index=7, select_action=select)
    weights = linear_policy((2 * frame_stack,), 2)
    actor.rollout(weights, 0.0)
    with pytest.raises(InvalidDataError, match=rf"{env_id}: copy 2 of actor 7 gave nan in the {name} of step 4 of"):
        actor.rollout(weights, 0.0)


@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("deterministic", [False, True])
def test_stacks_rebuilt_from_frames_are_what_the_wrapper_gave(n_step: int, deterministic: bool) -> None:
    """Over several rollouts and many resets; compared with the same run that keeps whole stacks."""
    config = small_config(
        "test/TinyVideo-v0",
        frame_stack=3,
        num_envs=3,
        rollout_steps=5,
        n_step=n_step,
        deterministic=deterministic,
        max_episode_steps=6,
    )
    weights = linear_policy((3, 4, 5), 2)
    actor = Actor(config)
    # the same run, but the environment makes the stacks, so the actor stores whole observations
    reference = Actor(replace(config, env_id="test/StackedVideo-v0", frame_stack=1))
    for sequence in range(8):
        ours, theirs = (each.rollout(weights, 0.5, sequence) for each in (actor, reference))
        assert ours.frames is not None
        assert ours.frames.dtype == np.uint8
        assert ours.transitions.observation.shape == (len(ours.transitions.action), 3)
        for name in ("observation", "next_observation"):
            stacks = ours.frames[getattr(ours.transitions, name)]
            np.testing.assert_array_equal(stacks, getattr(theirs.transitions, name))
        np.testing.assert_array_equal(ours.transitions.reward, theirs.transitions.reward)


def test_each_frame_travels_once() -> None:
    config = small_config("test/TinyVideo-v0", frame_stack=4, num_envs=2, rollout_steps=50)
    actor = Actor(config)
    for _ in range(3):
        rollout = actor.rollout(linear_policy((4, 4, 5), 2), 0.5)
        assert rollout.frames is not None
        assert len(rollout.frames) <= 2 * (50 + 4)  # one for each step, and those in the first stacks


def test_observations_keep_their_type_and_are_not_overwritten_later() -> None:
    actor = Actor(small_config("dqnkit/Catch-v0"))
    first = actor.rollout(linear_policy((8, 6, 1), 3), 1.0)
    assert first.transitions.observation.dtype == np.uint8
    before = first.transitions.observation.copy()
    actor.rollout(linear_policy((8, 6, 1), 3), 1.0)
    np.testing.assert_array_equal(first.transitions.observation, before)


def test_a_rollout_says_which_weights_made_it() -> None:
    rollout = Actor(small_config()).rollout(linear_policy((4,), 2, version=17), 0.0)
    assert rollout.weights_version == 17
    assert rollout.steps == 4 * 8
    assert rollout.seconds > 0


def test_actions_are_those_of_the_policy() -> None:
    weights = linear_policy((4,), 2)
    transitions = Actor(small_config(rollout_steps=100)).rollout(weights, 0.0).transitions
    np.testing.assert_array_equal(transitions.action, q_values(weights, transitions.observation).argmax(axis=1))


def test_transitions_are_what_the_environment_does() -> None:
    """Each CartPole transition is repeated in a separate environment."""
    config: DQNConfig = small_config(rollout_steps=60, num_envs=2)
    transitions = Actor(config).rollout(linear_policy((4,), 2), 1.0).transitions
    env = make_env("CartPole-v1").unwrapped
    env.reset()
    for i in range(0, len(transitions.action), 7):
        env.state = transitions.observation[i].astype(np.float64)  # type: ignore[attr-defined]
        env.steps_beyond_terminated = None  # type: ignore[attr-defined]
        arrival, reward, terminated, _, _ = env.step(int(transitions.action[i]))
        np.testing.assert_allclose(transitions.next_observation[i], arrival, atol=1e-5)
        assert transitions.reward[i] == reward
        assert transitions.discount[i] == pytest.approx(0.0 if terminated else 0.99)


def test_closing_frees_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    kind = type(make_vector_env("CartPole-v1", 1))
    monkeypatch.setattr(kind, "close", lambda self, **kwargs: closed.append(True))
    Actor(small_config()).close()
    assert closed == [True]


def test_an_actor_that_takes_over_in_the_middle_of_a_run_sees_other_episodes() -> None:
    weights, config = linear_policy((4,), 2), small_config()
    first = Actor(config).rollout(weights, 0.5).transitions.observation
    same = Actor(config, first_sequence=0).rollout(weights, 0.5).transitions.observation
    later = Actor(config, first_sequence=7).rollout(weights, 0.5).transitions.observation
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first[:4], later[:4])


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        (np.full(2, 2), "the action 2"),
        (np.array([0, -1]), "the action -1"),
        (np.array([0.0, 1.0]), "float64 of shape"),
        (np.array([True, False]), "bool of shape"),
        (np.zeros((2, 1), int), r"shape \(2, 1\)"),
        (0, r"shape \(\)"),
        ([0], r"shape \(1,\)"),
    ],
    ids=repr,
)
def test_a_selection_that_returns_no_actions_is_told_so(
    actions: Any, told: str, tried: Callable[[int, str, str], None]
) -> None:
    actor = Actor(small_config(num_envs=2), select_action=lambda q_values, epsilon, rng: actions)
    with pytest.raises(
        InvalidDataError, match=rf"select_action must return 2 whole numbers from 0 to 1.*{told}"
    ) as caught:
        actor.rollout(linear_policy((4,), 2), 0.0)
    tried(4, f"select_action returns {actions!r} for 2 copies of Discrete(2)", str(caught.value))


@pytest.mark.parametrize("kind", [np.uint8, np.int64, list, tuple])
def test_actions_of_any_integer_type_are_taken(kind: Any) -> None:
    make = kind if kind in (list, tuple) else lambda values: np.array(values, kind)
    actor = Actor(small_config(num_envs=2), select_action=lambda q_values, epsilon, rng: make([0, 1]))
    assert set(actor.rollout(linear_policy((4,), 2), 0.0).transitions.action.tolist()) <= {0, 1}
