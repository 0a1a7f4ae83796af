"""The training loop: reproducible, bounded, can be stopped, and made of parts that can be replaced."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake_learner import FakeLearner
from toys import small_config

from dqnkit.config import DQNConfig
from dqnkit.default_parts import make_replay
from dqnkit.errors import CheckpointError, ConfigError, DivergedError, InvalidDataError
from dqnkit.learner import Learner
from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer, Sample
from dqnkit.rollouts import InProcessRollouts
from dqnkit.training import check_learns, train
from dqnkit.types import LiveSettings, PolicyWeights, Rollout, TrainStatus, Transition


class WatchedRollouts(InProcessRollouts):
    """Records what it was given and whether it was closed."""

    def __init__(self, config: DQNConfig) -> None:
        super().__init__(config)
        self.collected: list[tuple[PolicyWeights, Any, int]] = []
        self.closed = 0

    def begin(self, config: DQNConfig) -> None:
        pass

    def collect(self, weights: PolicyWeights, epsilons: Any, sequence: int) -> list[Rollout]:
        self.collected.append((weights, epsilons, sequence))
        return super().collect(weights, epsilons, sequence)

    def close(self) -> None:
        self.closed += 1
        super().close()


def fake_run(config: DQNConfig, **parts: Any) -> list[TrainStatus]:
    return list(train(config, **{"learner": FakeLearner(), **parts}))


MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "overlap": {"overlap": True, "num_actors": 2},
    "deterministic, prioritized, three steps": {
        "deterministic": True,
        "max_episode_steps": 20,
        "replay": "prioritized",
        "n_step": 3,
    },
    "frames": {"env_id": "test/TinyVideo-v0", "frame_stack": 3, "conv_filters": (4,)},
}


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_gives_the_same_weights_bit_for_bit(mode: str) -> None:
    config = small_config(**MODES[mode])
    first, again = ([*train(config)] for _ in range(2))
    assert first[-1].updates == again[-1].updates > 0
    np.testing.assert_array_equal(first[-1].weights.values, again[-1].weights.values)
    assert [status.loss for status in first[-5:]] == [status.loss for status in again[-5:]]


def test_another_seed_gives_other_weights() -> None:
    first, other = ([*train(small_config(seed=seed))][-1] for seed in (0, 1))
    assert not np.array_equal(first.weights.values, other.weights.values)


def test_nothing_happens_until_it_is_advanced() -> None:
    rollouts = WatchedRollouts(small_config())
    run = train(small_config(), rollouts=rollouts, learner=FakeLearner())
    assert rollouts.collected == []
    next(run)
    assert len(rollouts.collected) == 1
    run.close()


def test_leaving_the_loop_stops_it() -> None:
    rollouts, learner = WatchedRollouts(small_config()), FakeLearner()
    run = train(small_config(), rollouts=rollouts, learner=learner)  # type: ignore[arg-type]
    for status in run:
        if status.step >= 100:
            break
    run.close()
    assert rollouts.closed == 1
    assert next(run, None) is None
    assert learner.updates < 30


def test_the_end_closes_too() -> None:
    rollouts = WatchedRollouts(small_config())
    fake_run(small_config(), rollouts=rollouts)
    assert rollouts.closed == 1


@pytest.mark.parametrize("samples_per_insert", [0.5, 4.0, 16.0])
@pytest.mark.parametrize("updates_per_call", [1, 8])
def test_samples_per_insert_is_never_exceeded_and_reached_in_the_end(
    samples_per_insert: float, updates_per_call: int
) -> None:
    config = small_config(samples_per_insert=samples_per_insert, updates_per_call=updates_per_call, total_steps=1000)
    for status in train(config, learner=FakeLearner()):  # type: ignore[arg-type]
        inserted = status.state.counters.inserted
        sampled = status.updates * config.batch_size
        assert status.samples_per_insert == pytest.approx(sampled / inserted)
        assert sampled <= max(0.0, samples_per_insert * (inserted - config.learning_starts))
        assert status.updates == 0 or inserted >= config.learning_starts
    assert status.step >= 1000
    allowed = samples_per_insert * (inserted - config.learning_starts)
    assert sampled > allowed - updates_per_call * config.batch_size  # one more call would exceed the bound


def test_no_updates_before_learning_starts() -> None:
    run = train(small_config(learning_starts=200), learner=FakeLearner())  # type: ignore[arg-type]
    first_update = next(status for status in run if status.updates)
    assert first_update.state.counters.inserted >= 200 + 16 * 4 / 4.0
    run.close()


def test_0_samples_per_insert_only_collects() -> None:
    statuses = fake_run(small_config(samples_per_insert=0.0))
    assert statuses[-1].updates == 0
    assert 400 <= statuses[-1].step < 400 + 32


# settings, the sum in the message
NEVER_LEARNS: list[tuple[dict[str, Any], str]] = [
    (
        {"total_steps": 600, "learning_starts": 64, "samples_per_insert": 1.0, "updates_per_call": 16},
        r"= 1 x \(600 - 64\) = 536 draws, .* = 16 x 64 = 1,024",
    ),
    ({"samples_per_insert": 0.0}, r"= 0 x \(400 - 64\) = 0 draws, .* = 4 x 64 = 256"),
    ({"updates_per_call": 500}, r"= 4 x \(400 - 64\) = 1,344 draws, .* = 500 x 64 = 32,000"),
    ({"learning_starts": 900}, r"= 4 x \(400 - 900\) = 0 draws"),
    ({"n_step": 100, "num_envs": 4}, r"= 4 x \(4 - 64\) = 0 draws"),
    ({"deterministic": True, "max_episode_steps": 20, "total_steps": 110}, r"= 4 x \(110 - 64\) = 184 draws"),
]


@pytest.mark.parametrize(("settings", "message"), NEVER_LEARNS)
def test_settings_that_never_learn_are_refused_with_the_sum(settings: dict[str, Any], message: str, tried: Any) -> None:
    config = small_config(**{"batch_size": 64, **settings})
    with pytest.raises(ConfigError, match=rf"these settings never learn: .* {message}") as caught:
        check_learns(config)
    tried(6, ", ".join(f"{name} {value}" for name, value in settings.items()), str(caught.value))
    if config.samples_per_insert > 0:
        with pytest.raises(ConfigError, match="never learn"):
            fake_run(config)


def test_the_sum_is_exact_for_the_first_call_of_the_learner() -> None:
    """The shortest run that is let through makes an update."""
    for settings, shortest in (({}, 64 + 16), ({"n_step": 5}, 64 + 16 + 4 * 4), ({"num_actors": 2}, 64 + 16)):
        config = small_config(**settings, total_steps=shortest)
        assert fake_run(config)[-1].updates > 0
        with pytest.raises(ConfigError, match="never learn"):
            check_learns(replace(config, total_steps=shortest - 1))


def test_steps_and_episodes_are_counted() -> None:
    statuses = fake_run(small_config(max_episode_steps=10))
    returns = np.concatenate([status.episode_returns for status in statuses])
    assert statuses[-1].episodes == len(returns)
    assert math.isnan(statuses[0].episode_return)
    assert statuses[-1].episode_return == pytest.approx(returns[-100:].mean())
    steps = [status.step for status in statuses]
    assert steps == sorted(steps)
    assert statuses[-1].replay_size == statuses[-1].state.counters.inserted == statuses[-1].step  # one step, no reset
    assert all(status.total_steps == 400 for status in statuses)


def test_the_mean_is_over_the_last_hundred_episodes() -> None:
    statuses = fake_run(small_config("test/RandomLength-v0", total_steps=3000), learner=FakeLearner((1,)))
    returns = np.concatenate([status.episode_returns for status in statuses])
    assert len(returns) > 200
    assert statuses[-1].episode_return == pytest.approx(returns[-100:].mean())


def test_weights_are_published_once_for_each_change() -> None:
    rollouts = WatchedRollouts(small_config())
    statuses = fake_run(small_config(), rollouts=rollouts)
    versions = [weights.version for weights, _, _ in rollouts.collected]
    assert versions == sorted(versions)
    assert versions[0] == 0
    assert versions[-1] == statuses[-1].weights_version > 3
    assert [sequence for _, _, sequence in rollouts.collected] == list(range(len(versions)))
    assert all(status.policy_lag == 0 for status in statuses)


def test_overlap_acts_with_weights_one_version_older() -> None:
    statuses = fake_run(small_config(overlap=True))
    assert {status.policy_lag for status in statuses} == {0, 1}


def test_epsilon_falls_over_the_steps_and_never_rises_again() -> None:
    rollouts = WatchedRollouts(small_config(max_episode_steps=5))
    statuses = fake_run(rollouts._config, rollouts=rollouts)
    assert statuses[-1].episodes > 50
    steps = [0, *sorted({status.step for status in statuses})][: len(rollouts.collected)]  # before each round
    expected = [max(0.05, 1.0 - 0.95 * step / 200) for step in steps]
    np.testing.assert_allclose([epsilons.mean() for _, epsilons, _ in rollouts.collected], expected, rtol=1e-5)
    assert statuses[0].epsilon == 1.0
    assert statuses[-1].epsilon == pytest.approx(0.05)


def test_each_copy_of_each_actor_has_its_own_epsilon_if_asked() -> None:
    config = small_config(exploration="per_actor", num_actors=2, epsilon_base=0.4, epsilon_exponent=7.0)
    rollouts = WatchedRollouts(config)
    fake_run(config, rollouts=rollouts)
    for _, epsilons, _ in rollouts.collected:
        np.testing.assert_allclose(epsilons.ravel(), 0.4 ** (1 + np.arange(8)), rtol=1e-5)


def test_the_learning_rate_falls_over_the_steps() -> None:
    learner = FakeLearner()
    fake_run(small_config(learning_rate=1.0, learning_rate_end=0.5, total_steps=2000), learner=learner)
    rates = [call[2] for call in learner.calls]
    assert rates == sorted(rates, reverse=True)
    assert 0.9 < rates[0] < 1.0
    assert rates[-1] == pytest.approx(0.5, abs=0.02)
    constant = FakeLearner()
    fake_run(small_config(learning_rate=0.25), learner=constant)
    assert {call[2] for call in constant.calls} == {0.25}


def test_live_settings_act_at_once_and_none_means_as_configured() -> None:
    config, live, learner = small_config(total_steps=1500), LiveSettings(), FakeLearner()
    rollouts = WatchedRollouts(config)
    changed_at = 0
    for status in train(config, rollouts=rollouts, learner=learner, live=live):  # type: ignore[arg-type]
        if status.step >= 500 and not changed_at:
            changed_at = len(learner.calls)
            rounds = len(rollouts.collected)
            live.change(status.step, "epsilon", 0.75)
            live.change(status.step, "learning_rate", 0.125)
            live.change(status.step, "target_period", 3)
    assert {call[2:] for call in learner.calls[:changed_at]} == {(1e-3, None)}
    assert {call[2:] for call in learner.calls[changed_at:]} == {(0.125, 3)}
    assert rollouts.collected[rounds - 1][1].mean() != 0.75
    assert {epsilons.mean() for _, epsilons, _ in rollouts.collected[rounds:]} == {0.75}
    assert [name for _, name, _ in live.changes] == ["epsilon", "learning_rate", "target_period"]
    with pytest.raises(AttributeError, match="'gamma' cannot change while training runs"):
        live.change(0, "gamma", 0.5)


def test_priorities_come_from_the_learner_and_the_correction_rises_to_1() -> None:
    config = small_config(replay="prioritized", importance_exponent=0.4, total_steps=2000)
    buffer = make_replay(config)
    assert isinstance(buffer, PrioritizedReplayBuffer)
    exponents, updates = [], []
    buffer.update_priorities = lambda indices, td_errors: updates.append((indices, td_errors))  # type: ignore[method-assign]
    learner = FakeLearner()
    for status in train(config, replay=buffer, learner=learner):  # type: ignore[arg-type]
        if status.updates:
            exponents.append(buffer.importance_exponent)
    assert len(updates) == len(learner.calls)
    for (indices, td_errors), (transitions, importance, *_) in zip(updates, learner.calls, strict=True):
        assert indices.shape == td_errors.shape == importance.shape == transitions.reward.shape == (4, 16)
    assert exponents == sorted(exponents)
    assert 0.4 < exponents[0] < 0.5
    assert exponents[-1] == pytest.approx(1.0)


def test_the_readers_own_parts_are_used() -> None:
    config = small_config()
    rollouts, learner, replay = WatchedRollouts(config), FakeLearner(), ReplayBuffer(500)
    status = [*train(config, rollouts=rollouts, learner=learner, replay=replay)][-1]  # type: ignore[arg-type]
    assert len(rollouts.collected) == status.state.counters.rounds
    assert learner.updates == status.updates
    assert len(replay) == status.replay_size
    assert status.state.learner is learner
    assert status.state.replay is replay


def test_an_empty_replay_buffer_of_the_readers_own_is_used() -> None:
    """A buffer without transitions has length 0, so it is false in a condition."""
    replay = ReplayBuffer(500)
    fake_run(small_config(), replay=replay)
    assert len(replay) > 0


def test_the_wall_clock_leaves_out_what_the_reader_does() -> None:
    run = train(small_config(total_steps=96), learner=FakeLearner())  # type: ignore[arg-type]
    first = next(run)
    time.sleep(0.5)
    assert first.seconds < next(run).seconds < 0.5
    run.close()


@pytest.mark.parametrize("settings", [{}, {"replay": "prioritized", "n_step": 2}, {"num_actors": 2}])
def test_a_state_goes_on_bit_for_bit_in_deterministic_mode(settings: dict[str, Any]) -> None:
    config = small_config(deterministic=True, max_episode_steps=20, **settings)
    whole = [*train(config)]
    run = train(config)
    for status in run:
        if status.step >= 200:
            break
    state = status.state
    run.close()
    rest = [*train(config, state=state)]
    assert rest[0].step >= 200
    assert rest[-1].updates == whole[-1].updates
    assert rest[-1].episodes == whole[-1].episodes
    assert rest[-1].episode_return == whole[-1].episode_return
    np.testing.assert_array_equal(rest[-1].weights.values, whole[-1].weights.values)


def test_a_state_may_go_on_for_longer() -> None:
    state = [*train(small_config(), learner=FakeLearner())][-1].state  # type: ignore[arg-type]
    step, updates = state.counters.step, state.learner.updates
    longer = [*train(small_config(total_steps=800), state=state)]
    assert longer[0].step > step >= 400
    assert longer[-1].step >= 800
    assert longer[-1].updates > updates > 0


def test_a_state_of_another_environment_or_with_other_parts_is_refused() -> None:
    state = next(train(small_config(), learner=FakeLearner())).state  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="belongs to CartPole-v1, not to Acrobot-v1"):
        next(train(small_config("Acrobot-v1"), state=state))
    for part in ({"learner": FakeLearner()}, {"replay": ReplayBuffer(10)}):
        with pytest.raises(ConfigError, match="brings its own learner and replay buffer"):
            next(train(small_config(), state=state, **part))  # type: ignore[arg-type]


@pytest.mark.parametrize("overlap", [False, True])
def test_nan_in_the_environment_ends_in_an_error_of_the_kit(overlap: bool) -> None:
    config = small_config("test/Broken-v0", overlap=overlap)
    rollouts = WatchedRollouts(config)
    with pytest.raises(InvalidDataError, match="gave nan in the reward"):
        fake_run(config, rollouts=rollouts, learner=FakeLearner((2,)))
    assert rollouts.closed == 1


def test_a_learner_that_diverges_stops_the_run_and_leaves_its_state() -> None:
    rollouts, statuses = WatchedRollouts(small_config()), []
    run = train(small_config(), rollouts=rollouts, learner=FakeLearner(fails_at=2))  # type: ignore[arg-type]
    with pytest.raises(DivergedError):
        statuses.extend(run)
    assert rollouts.closed == 1
    assert statuses[-1].updates == statuses[-1].state.learner.updates == 8


def test_the_loop_with_the_real_learner_injected() -> None:
    config = small_config()
    statuses = [*train(config, learner=Learner(config))]
    np.testing.assert_array_equal(statuses[-1].weights.values, [*train(config)][-1].weights.values)
    assert math.isnan(statuses[0].loss)
    assert math.isfinite(statuses[-1].loss)
    assert math.isfinite(statuses[-1].mean_max_q)


class OwnReplay:
    """A reader's own buffer with only what the loop needs: a list."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.progress: list[float] = []
        self.told = 0

    def __len__(self) -> int:
        return len(self.rows)

    def add_rollout(self, rollout: Rollout) -> None:
        self.rows += zip(*rollout.transitions, strict=True)

    def sample(self, num_batches: int, batch_size: int, rng: np.random.Generator) -> Sample:
        indices = rng.integers(len(self.rows), size=(num_batches, batch_size))
        fields = zip(*(self.rows[i] for i in indices.ravel()), strict=True)
        shape = (num_batches, batch_size)
        transitions = Transition._make(np.stack(field).reshape(*shape, *np.shape(field[0])) for field in fields)
        return Sample(transitions, indices, np.ones(shape, np.float32))

    def update_priorities(self, indices: Any, td_errors: Any) -> None:
        assert indices.shape == td_errors.shape
        self.told += 1

    def set_progress(self, progress: float) -> None:
        self.progress.append(progress)


def test_a_readers_own_buffer_trains_as_the_kits_does() -> None:
    config, own = small_config(), OwnReplay()
    last, kits = [*train(config, replay=own)][-1], [*train(config)][-1]
    assert last.replay_size == len(own) == kits.replay_size
    np.testing.assert_array_equal(last.weights.values, kits.weights.values)  # the same batches as dqnkit's buffer
    assert own.told == len(own.progress) == last.updates / config.updates_per_call
    assert own.progress == sorted(own.progress)
    assert 0 < own.progress[0] < own.progress[-1] == 1.0


def test_rollouts_with_other_settings_are_refused_before_anything_is_done() -> None:
    config = small_config()
    other = InProcessRollouts(small_config(n_step=3))
    with pytest.raises(ConfigError, match="InProcessRollouts was made with n_step 3, the run has n_step 1: make both"):
        next(train(config, rollouts=other, learner=FakeLearner()))  # type: ignore[arg-type]
    longer = InProcessRollouts(small_config(total_steps=9, epsilon_end=0.5))
    next(train(config, rollouts=longer, learner=FakeLearner()))  # type: ignore[arg-type]
