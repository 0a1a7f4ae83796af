"""The learner against a second implementation, in float64 and one update at a time; and its other guarantees."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import learner_cases
import numpy as np
import pytest
import tensorflow as tf
from learner_cases import SETTINGS, B, K, batches, config_for_updates, everything

from dqnkit.actor_priorities import td_errors
from dqnkit.config import DQNConfig
from dqnkit.errors import ConfigError, DivergedError
from dqnkit.learner import Learner
from dqnkit.network_layers import DuelingHead
from dqnkit.networks import build_q_network, update_target
from dqnkit.policy import q_values
from dqnkit.types import Array, Transition
from dqnkit.value_learning import dqn_loss, huber, q_learning


class Reference:
    """A second implementation of DQN: float64, one update at a time, Adam and clipping by hand."""

    def __init__(self, config: DQNConfig, parameters: Sequence[Array]) -> None:
        self.config = config
        self.online = [np.array(values, np.float64) for values in parameters]
        self.target = [values.copy() for values in self.online]
        self.m = [np.zeros_like(values) for values in self.online]
        self.v = [np.zeros_like(values) for values in self.online]
        self.updates = 0

    def q(self, parameters: Sequence[Any], x: Any) -> Any:
        pairs = [(parameters[i], parameters[i + 1]) for i in range(0, len(parameters), 2)]
        shared, head = (pairs[:-4], pairs[-4:]) if self.config.dueling else (pairs[:-1], pairs[-1:])
        for kernel, bias in shared:
            x = tf.nn.relu(x @ kernel + bias)
        if not self.config.dueling:
            return x @ head[0][0] + head[0][1]
        value, advantage = (
            tf.nn.relu(x @ hidden[0] + hidden[1]) @ last[0] + last[1] for hidden, last in (head[:2], head[2:])
        )
        return value + advantage - tf.reduce_mean(advantage, axis=1, keepdims=True)

    def update(self, batch: Transition, importance: Array | None = None) -> tuple[Array, float]:
        observation, next_observation = (np.asarray(x, np.float64) for x in (batch.observation, batch.next_observation))
        online = [tf.constant(values) for values in self.online]
        q_next = self.q(self.target, next_observation).numpy()
        selector = self.q(self.online, next_observation).numpy() if self.config.double_q else q_next
        target = batch.reward + batch.discount * q_next[np.arange(len(q_next)), selector.argmax(axis=1)]
        with tf.GradientTape() as tape:
            tape.watch(online)
            td_error = target - tf.reduce_sum(self.q(online, observation) * np.eye(2)[batch.action], axis=1)
            size = tf.abs(td_error)
            losses = tf.where(size < 1, size**2 / 2, size - 0.5) if self.config.loss == "huber" else size**2 / 2
            loss = tf.reduce_mean(losses if importance is None else losses * importance)
        gradients = [gradient.numpy() for gradient in tape.gradient(loss, online)]
        length = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
        limit = self.config.max_gradient_norm
        self.apply([gradient * min(1.0, limit / length) if limit else gradient for gradient in gradients])
        return td_error.numpy(), float(loss)

    def apply(self, gradients: list[Array]) -> None:
        self.updates += 1
        correction = np.sqrt(1 - 0.999**self.updates) / (1 - 0.9**self.updates)
        for values, m, v, gradient in zip(self.online, self.m, self.v, gradients, strict=True):
            m += 0.1 * (gradient - m)
            v += 0.001 * (gradient**2 - v)
            values -= self.config.learning_rate * correction * m / (np.sqrt(v) + self.config.adam_epsilon)
        if self.updates % self.config.target_period == 0:
            tau = self.config.target_tau
            self.target = [tau * new + (1 - tau) * old for new, old in zip(self.online, self.target, strict=True)]


@pytest.mark.parametrize("case", SETTINGS)
def test_fused_updates_equal_single_ones_written_by_hand(case: str, rng: np.random.Generator) -> None:
    config = config_for_updates(**SETTINGS[case])
    learner = Learner(config)
    reference = Reference(config, learner.online.get_weights())
    for _ in range(3):  # 9 updates: the target follows after 4 and 8
        data = batches(rng)
        importance = None if case == "default" else rng.random((K, B)).astype(np.float32)
        result = learner.update(data, importance)
        for k in range(K):
            batch = Transition(*(values[k] for values in data))
            td_error, loss = reference.update(batch, None if importance is None else importance[k])
            np.testing.assert_allclose(result.priorities[k], td_error, atol=2e-4)
            assert result.losses[k] == pytest.approx(loss, abs=1e-4)
    assert learner.updates == 9
    for ours, theirs in (
        (learner.online.get_weights(), reference.online),
        (learner.target.get_weights(), reference.target),
    ):
        for values, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(values, expected, atol=1e-4)


def test_learning_rate_and_period_may_change_from_call_to_call(rng: np.random.Generator) -> None:
    learner = Learner(config_for_updates())
    reference = Reference(config_for_updates(), learner.online.get_weights())
    for learning_rate, period in ((0.01, 4), (0.05, 1), (0.0, 2)):
        reference.config = config_for_updates(learning_rate=learning_rate, target_period=period)
        data = batches(rng)
        learner.update(data, learning_rate=learning_rate, target_period=period)
        for k in range(K):
            reference.update(Transition(*(values[k] for values in data)))
    for values, expected in zip(learner.online.get_weights(), reference.online, strict=True):
        np.testing.assert_allclose(values, expected, atol=1e-4)


def test_the_target_starts_equal_and_changes_exactly_at_the_period(rng: np.random.Generator) -> None:
    learner = Learner(config_for_updates(target_period=3))
    targets = [learner.target.get_weights()]
    np.testing.assert_array_equal(targets[0][0], learner.online.get_weights()[0])
    for update in range(1, 8):
        learner.update(batches(rng, k=1))
        targets.append(learner.target.get_weights())
        changed = not np.array_equal(targets[-1][0], targets[-2][0])
        assert changed == (update % 3 == 0)
        if changed:
            np.testing.assert_array_equal(targets[-1][0], learner.online.get_weights()[0])


def test_xla_and_patches_change_nothing_but_rounding(rng: np.random.Generator) -> None:
    shape = (2, 4, 8, 6, 1)
    data = Transition(
        observation=rng.integers(0, 256, shape, dtype=np.uint8),
        action=rng.integers(3, size=(2, 4), dtype=np.int32),
        reward=rng.normal(size=(2, 4)).astype(np.float32),
        discount=np.full((2, 4), 0.9, np.float32),
        next_observation=rng.integers(0, 256, shape, dtype=np.uint8),
    )
    results = []
    for xla in (True, False):
        config = config_for_updates(
            env_id="dqnkit/Catch-v0", batch_size=4, xla=xla, dueling=True, conv_filters=(4,), double_q=True
        )
        learner = Learner(config)
        result = [learner.update(data) for _ in range(2)][-1]
        results.append((learner.get_weights().values, result.priorities, result.losses))
    for compiled, plain in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, plain, atol=1e-4)


def test_result_and_weights(rng: np.random.Generator) -> None:
    learner = Learner(config_for_updates(learning_rate=0.0))
    data = batches(rng)
    result = learner.update(data)
    assert result.priorities.shape == (K, B)
    assert result.losses.shape == (K,)
    weights = learner.get_weights(7)
    assert weights.version == 7
    q = q_values(weights, data.observation.reshape(-1, 4))
    assert result.mean_max_q == pytest.approx(q.max(axis=1).mean(), abs=1e-5)
    np.testing.assert_allclose(q, learner.online(data.observation.reshape(-1, 4)), atol=1e-5)


def test_weights_that_were_handed_out_stay_as_they_were(rng: np.random.Generator) -> None:
    learner = Learner(config_for_updates())
    weights = learner.get_weights()
    before = weights.values.copy()
    learner.update(batches(rng))
    np.testing.assert_array_equal(weights.values, before)
    assert not np.array_equal(learner.get_weights().values, before)


def test_the_seed_decides_the_updates(rng: np.random.Generator) -> None:
    data = batches(rng)
    first, again, other = (Learner(config_for_updates(seed=seed)) for seed in (1, 1, 2))
    for learner in (first, again):
        learner.update(data)
    np.testing.assert_array_equal(first.get_weights().values, again.get_weights().values)
    assert not np.array_equal(first.get_weights().values, other.get_weights().values)


def assert_same(first: dict[str, Array], second: dict[str, Array]) -> None:
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


class TestDivergence:
    def test_everything_is_put_back(self, rng: np.random.Generator) -> None:
        learner, unharmed = Learner(config_for_updates()), Learner(config_for_updates())
        first, last = batches(rng), batches(rng)
        learner.update(first)
        before = everything(learner)
        for name, value in (("reward", np.nan), ("reward", np.inf), ("observation", np.nan)):
            spoilt = batches(rng)
            getattr(spoilt, name)[1, 0] = value  # where relu turns NaN into 0, only the next loss shows it
            with pytest.raises(DivergedError, match=r"the loss became (nan|inf) in update [56]: .*learning_rate"):
                learner.update(spoilt)
            assert_same(everything(learner), before)
            assert np.isfinite(learner.get_weights().values).all()
        learner.update(last)  # and it continues as if nothing had happened
        unharmed.update(first)
        unharmed.update(last)
        assert_same(everything(learner), everything(unharmed))

    def test_weights_that_break_under_a_finite_loss_are_put_back(self, rng: np.random.Generator) -> None:
        learner = Learner(config_for_updates(loss="squared"))
        before = everything(learner)
        data = batches(rng, k=1, scale=1e16)
        data.observation[:] *= 1e4  # the loss is 1e32, the square of the gradient's length infinite
        with pytest.raises(DivergedError, match="the loss became nan in update 2"):
            learner.update(data)
        assert_same(everything(learner), before)


def test_a_saved_state_goes_on_bit_for_bit(rng: np.random.Generator) -> None:
    learner, other = Learner(config_for_updates()), Learner(config_for_updates(seed=5))
    first, second = batches(rng), batches(rng)
    learner.update(first)
    state = everything(learner)
    assert state["updates"] == 3
    learner.update(second)
    other.load_state(state)
    assert other.updates == 3
    np.testing.assert_array_equal(q_values(other.get_weights(), np.ones((1, 4), np.float32)).shape, (1, 2))
    other.update(second)
    assert_same(everything(other), everything(learner))


def test_the_state_of_another_network_is_refused() -> None:
    learner = Learner(config_for_updates())
    with pytest.raises(ConfigError, match=r"the saved online network does not fit .* shape \(4, 9\), not \(4, 8\)"):
        learner.load_state(Learner(config_for_updates(hidden_sizes=(9, 6))).state())
    with pytest.raises(ConfigError, match="does not fit this configuration"):
        learner.load_state({"updates": np.array(1)})


@pytest.mark.parametrize("xla", [False, True])
def test_the_readers_own_update_rule_is_used(xla: bool, rng: np.random.Generator) -> None:
    def monte_carlo(q_tm1: Any, a_tm1: Any, r_t: Any, discount_t: Any, q_t: Any) -> Any:
        if tf.reduce_sum(discount_t) < 0:  # Python's if on a tensor
            r_t = -r_t
        return r_t - tf.gather(q_tm1, a_tm1, axis=1, batch_dims=1)

    learner = Learner(config_for_updates(xla=xla, learning_rate=0.0), td_error=monte_carlo)
    data = batches(rng)
    q = learner.online(data.observation.reshape(-1, 4)).numpy()
    expected = data.reward.ravel() - q[np.arange(K * B), data.action.ravel()]
    np.testing.assert_allclose(learner.update(data).priorities.ravel(), expected, atol=1e-5)


def test_the_readers_own_double_rule_gets_the_selector(rng: np.random.Generator) -> None:
    def rule(q_tm1: Any, a_tm1: Any, r_t: Any, discount_t: Any, q_t_value: Any, q_t_selector: Any) -> Any:
        return q_t_value[:, 0] - q_t_selector[:, 0] + 0.0 * q_tm1[:, 0]

    learner = Learner(config_for_updates(double_q=True, learning_rate=0.0), td_error=rule)
    np.testing.assert_allclose(learner.update(batches(rng)).priorities, 0.0, atol=1e-6)  # target and online are equal


def q_loss(online: Any, target: Any, batch: Transition) -> tuple[Any, Any, Any]:
    """Q-learning with the Huber loss, as a reader would write it."""
    q_tm1 = online(batch.observation)
    bootstrap = tf.reduce_max(target(batch.next_observation), axis=1)
    if tf.reduce_sum(batch.discount) < 0:  # Python's if on a tensor
        bootstrap = -bootstrap
    td_target = tf.stop_gradient(batch.reward + batch.discount * bootstrap)
    td_error = td_target - tf.gather(q_tm1, batch.action, axis=1, batch_dims=1)
    return huber(td_error), td_error, q_tm1


@pytest.mark.parametrize("xla", [False, True])
def test_a_loss_of_the_readers_own_gives_the_weights_of_the_same_rule(xla: bool, rng: np.random.Generator) -> None:
    config = config_for_updates(xla=xla)
    learners = [Learner(config), Learner(config, td_error=q_learning), Learner(config, loss=q_loss)]
    for _ in range(3):
        data, importance = batches(rng), rng.random((K, B)).astype(np.float32)
        expected, *others = [learner.update(data, importance) for learner in learners]
        for result in others:
            for ours, theirs in zip(result, expected, strict=True):
                np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for learner in learners[1:]:
        for ours, theirs in zip(everything(learner).values(), everything(learners[0]).values(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_loss_of_the_readers_own_is_compiled_like_the_packages(rng: np.random.Generator) -> None:
    """When the function was compiled separately, each update took 500 times as long."""
    config, data = config_for_updates(xla=True), batches(rng, k=32)
    learners = [Learner(config), Learner(config, loss=q_loss), Learner(config, td_error=lambda *x: q_learning(*x))]
    seconds = []
    for learner in learners:
        learner.update(data)
        times = []
        for _ in range(3):
            began = time.process_time()
            learner.update(data)
            times.append(time.process_time() - began)
        seconds.append(min(times))
    assert max(seconds) < 20 * seconds[0]


def test_a_loss_whose_source_is_not_at_hand_is_used(rng: np.random.Generator) -> None:
    """A function typed at a prompt has no source to convert; without Python's `if` on tensors it works."""
    names: dict[str, Any] = {"tf": tf}
    exec(
        "def loss(online, target, batch):\n    q = online(batch.observation)\n    return q[:, 0] ** 2, q[:, 1], q",
        names,
    )
    learner = Learner(config_for_updates(learning_rate=0.0), loss=names["loss"])
    data = batches(rng)
    q = learner.online(data.observation.reshape(-1, 4)).numpy()
    np.testing.assert_allclose(learner.update(data).priorities.ravel(), q[:, 1], atol=1e-5)


def test_losses_and_priorities_may_differ(rng: np.random.Generator) -> None:
    def distance(online: Any, target: Any, batch: Transition) -> tuple[Any, Any, Any]:
        q_tm1 = online(batch.observation)
        return tf.reduce_sum(q_tm1**2, axis=1), batch.reward, 7.0 * q_tm1

    learner = Learner(config_for_updates(learning_rate=0.0), loss=distance)
    data = batches(rng)
    q = learner.online(data.observation.reshape(-1, 4)).numpy()
    result = learner.update(data)
    np.testing.assert_array_equal(result.priorities, data.reward)
    np.testing.assert_allclose(result.losses, (q**2).sum(axis=1).reshape(K, B).mean(axis=1), rtol=1e-4)
    assert result.mean_max_q == pytest.approx(7.0 * q.max(axis=1).mean(), rel=1e-4)


@pytest.mark.parametrize("change", ["mean", "square", "chosen"])
def test_a_loss_of_other_shapes_is_refused(change: str, rng: np.random.Generator) -> None:
    def wrong(online: Any, target: Any, batch: Transition) -> tuple[Any, Any, Any]:
        losses, priorities, q_tm1 = dqn_loss(config)(online, target, batch)
        if change == "mean":
            return tf.reduce_mean(losses), priorities, q_tm1
        elif change == "square":
            return losses, priorities[:, None] - priorities, q_tm1
        return losses, priorities, q_tm1[:, 0]

    config = config_for_updates()
    shapes = {"mean": r"\(\), \(8,\), \(8, 2\)", "square": r"\(8,\), \(8, 8\)", "chosen": r"\(8,\), \(8,\), \(8,\)"}
    with pytest.raises(ConfigError, match=rf"losses \[B\], priorities .* not the shapes {shapes[change]}"):
        Learner(config, loss=wrong).update(batches(rng))


def test_a_loss_and_an_update_rule_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="give either loss or td_error, not both"):
        Learner(config_for_updates(), loss=q_loss, td_error=q_learning)


def test_a_network_of_the_readers_own_is_learned_and_acts(rng: np.random.Generator) -> None:
    """A dueling network, without the setting: the weights equal those with the setting."""

    def dueling(space: Any, num_actions: int, config: DQNConfig) -> Any:
        return build_q_network(space, num_actions, replace(config, dueling=True))

    data = batches(rng)
    learner, expected = Learner(config_for_updates(), network=dueling), Learner(config_for_updates(dueling=True))
    assert isinstance(learner.online.layers[-1], DuelingHead)
    for each in (learner, expected):
        each.update(data)
    np.testing.assert_array_equal(learner.get_weights().values, expected.get_weights().values)
    x = data.observation.reshape(-1, 4)
    np.testing.assert_allclose(q_values(learner.get_weights(), x), learner.online(x), atol=1e-5)


BY_ACTORS: dict[str, Any] = {"actor_priorities": True, "replay": "prioritized"}


class TestActorPriorities:
    """Actors compute first priorities by the learner's rule, or they are refused."""

    @pytest.mark.parametrize(
        "settings",
        [{}, {"double_q": True}, {"loss": "squared"}, {"n_step": 3}, {"dueling": True, "double_q": True, "xla": True}],
    )
    def test_they_are_those_of_the_learners_first_update(self, settings: Any, rng: np.random.Generator) -> None:
        learner = Learner(config_for_updates(**BY_ACTORS, **settings))
        data = batches(rng, k=1)
        by_actor = td_errors(learner.get_weights(), Transition._make(values[0] for values in data))
        np.testing.assert_allclose(learner.update(data).priorities[0], by_actor, atol=1e-5)

    @pytest.mark.parametrize("part", ["loss", "td_error"])
    def test_those_of_another_rule_are_refused(self, part: str) -> None:
        own: dict[str, Any] = {"loss": q_loss, "td_error": lambda *values: q_learning(*values)}
        with pytest.raises(ConfigError, match=f"those of your {part}: set actor_priorities to False"):
            Learner(config_for_updates(**BY_ACTORS), **{part: own[part]})
        Learner(config_for_updates(**BY_ACTORS), td_error=q_learning)  # the package's own
        Learner(config_for_updates(), **{part: own[part]})


@pytest.mark.parametrize("xla", [False, True])
def test_the_readers_own_sync_is_used(xla: bool, rng: np.random.Generator) -> None:
    def sync(online: Any, target: Any, update: Any, period: Any, tau: float) -> None:
        if update == 2:  # Python's if on a tensor
            update_target(online, target, 1, 1)

    learner = Learner(config_for_updates(xla=xla, target_period=1), sync=sync)
    learner.update(batches(rng, k=2))
    after_two = learner.online.get_weights()[0]
    learner.update(batches(rng, k=2))
    np.testing.assert_array_equal(learner.target.get_weights()[0], after_two)
    assert not np.array_equal(learner.online.get_weights()[0], after_two)


def test_one_compilation_serves_all_calls_of_a_shape(rng: np.random.Generator) -> None:
    traces = []

    def rule(q_tm1: Any, a_tm1: Any, r_t: Any, discount_t: Any, q_t: Any) -> Any:
        traces.append(1)
        return r_t - q_tm1[:, 0]

    learner = Learner(config_for_updates(), td_error=rule)
    learner.update(batches(rng))
    after_the_first = len(traces)
    for learning_rate in (0.01, 0.02):
        learner.update(batches(rng), learning_rate=learning_rate, target_period=7)
    assert len(traces) == after_the_first


def test_the_batch_must_divide_by_the_replicas() -> None:
    class Three(tf.distribute.OneDeviceStrategy):  # type: ignore[misc]
        num_replicas_in_sync = 3

    with pytest.raises(ConfigError, match="batch_size 8 does not divide by 3 replicas"):
        Learner(config_for_updates(), Three("CPU:0"))


def test_a_strategy_of_one_device_gives_what_none_gives(rng: np.random.Generator) -> None:
    data = batches(rng)
    plain, placed = (
        Learner(config_for_updates()),
        Learner(config_for_updates(), tf.distribute.OneDeviceStrategy("CPU:0")),
    )
    for learner in (plain, placed):
        learner.update(data)
    np.testing.assert_allclose(placed.get_weights().values, plain.get_weights().values, atol=1e-6)


# Logical CPUs must be set up before TensorFlow starts, so these run in a process of their own.
TWO_REPLICAS = """
import json, sys
import numpy as np
import tensorflow as tf
import keras
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, sys.argv[1])
import toys
toys.register()
from learner_cases import batches, config_for_updates, everything
from dqnkit.errors import DivergedError
from dqnkit.learner import Learner

def run(optimizer, strategy, settings):
    learner = Learner(config_for_updates(**settings), strategy)
    if optimizer == "SGD":
        with learner.strategy.scope():
            learner.optimizer = keras.optimizers.SGD(0.1)
            learner.optimizer.build(learner.online.trainable_variables)
    rng = np.random.default_rng(0)
    results = []
    for _ in range(4):
        data = batches(rng)
        learner.observe(data.observation[0])
        results.append(learner.update(data, rng.random((3, 8)).astype(np.float32)))
    before = everything(learner)
    bad = batches(rng)
    bad.reward[0, -1] = np.nan
    try:
        learner.update(bad)
        put_back = False
    except DivergedError:
        put_back = all(np.array_equal(values, everything(learner)[name]) for name, values in before.items())
    copy = Learner(config_for_updates(**settings), strategy)
    if optimizer == "Adam":
        copy.load_state(before)
        last = batches(rng)
        put_back &= np.array_equal(copy.update(last).priorities, learner.update(last).priorities)
    return learner, results, put_back

mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])  # one for all: TensorFlow mixes up the sums of several
answers = {}
for name, (optimizer, settings) in json.loads(sys.argv[2]).items():
    one, two = (run(optimizer, s, settings) for s in (None, mirrored))
    assert two[0].num_replicas == 2
    differences = {
        "weights": np.abs(one[0].get_weights().values - two[0].get_weights().values).max(),
        "target": max(np.abs(a - b).max() for a, b in zip(one[0].target.get_weights(), two[0].target.get_weights())),
        "replicas": max(
            np.abs(v.value.values[0].numpy() - v.value.values[1].numpy()).max() for v in two[0].online.weights
        ),
        "priorities": max(np.abs(a.priorities - b.priorities).max() for a, b in zip(one[1], two[1])),
        "losses": max(np.abs(a.losses - b.losses).max() for a, b in zip(one[1], two[1])),
        "mean_max_q": max(abs(a.mean_max_q - b.mean_max_q) for a, b in zip(one[1], two[1])),
    }
    answers[name] = {name: float(value) for name, value in differences.items()}, bool(one[2] and two[2])
print(json.dumps(answers))
"""


def check_two_replicas(cases: dict[str, tuple[str, dict[str, Any]]], seconds: float = 240) -> None:
    command = [sys.executable, "-c", TWO_REPLICAS, str(Path(learner_cases.__file__).parent), json.dumps(cases)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers.keys() == cases.keys()
    for name, (differences, put_back) in answers.items():
        assert all(value < 1e-5 for value in differences.values()), (name, differences)
        assert put_back, name


def test_two_replicas_give_the_weights_of_one() -> None:
    normalized = {"normalize_observations": True, "target_tau": 0.5}
    check_two_replicas(
        {"SGD, clipped": ("SGD", SETTINGS["clipped"]), "normalized": ("SGD", normalized)}  # Adam forgives a wrong scale
    )


@pytest.mark.slow
@pytest.mark.rehearsal
@pytest.mark.timeout(660)
def test_two_replicas_give_the_weights_of_one_with_every_setting() -> None:
    settings = SETTINGS | {
        f"decoupled, {bins} bins": {"env_id": "test/Forces-v0", "action_bins": bins, "decoupled": True}
        for bins in (3, 17)  # joint values, and values of dimensions
    }
    settings["normalized"] = {"normalize_observations": True, "target_tau": 0.5}
    cases = {f"{optimizer}, {name}": (optimizer, settings[name]) for optimizer in ("SGD", "Adam") for name in settings}
    check_two_replicas(cases, seconds=600)  # of two busy cores; alone it takes one


def test_settings_are_those_of_the_configuration() -> None:
    config = replace(config_for_updates(), learning_rate=0.02, adam_epsilon=0.5)
    learner = Learner(config)
    assert float(learner.optimizer.learning_rate.numpy()) == pytest.approx(0.02)
    assert learner.optimizer.epsilon == 0.5


def bytes_in_use() -> int:
    """What this process has allocated in C and not given back, by glibc's own account."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        pytest.skip("needs glibc 2.33 or later")
    fields = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    account = type("Account", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_size_t) for name in fields]})
    libc.mallinfo2.restype = account
    return int(libc.mallinfo2().uordblks)


def test_calls_with_ever_new_numbers_keep_no_memory(rng: np.random.Generator) -> None:
    learner, transitions = Learner(config_for_updates(xla=False)), batches(rng, k=1, size=2)

    def update(calls: range) -> None:
        for number in calls:
            learner.update(transitions, learning_rate=1e-3 + number * 1e-9)

    update(range(100))
    before = bytes_in_use()
    update(range(100, 1_100))
    assert (bytes_in_use() - before) / 1_000 < 300  # bytes a call; it was 1,500
