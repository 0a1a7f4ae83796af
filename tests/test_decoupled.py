"""A decoupled network: one value for each bin, in Keras and NumPy, in the loss, and as joint values or by dimension."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from learner_cases import B, K, batches, config_for_updates, everything
from toys import Forces

from dqnkit import network_layers
from dqnkit.action_values import MOST_JOINT_VALUES, best_values, bins_of, greedy_actions, values_of
from dqnkit.actor import Actor
from dqnkit.actor_priorities import td_errors
from dqnkit.config import DQNConfig
from dqnkit.environments import make_env, network_spaces
from dqnkit.errors import ConfigError
from dqnkit.evaluation import evaluate
from dqnkit.learner import Learner
from dqnkit.network_layers import JointValues, policy_layers
from dqnkit.networks import MOST_OUTPUTS, build_q_network, flat_parameters
from dqnkit.policy import q_values
from dqnkit.training import train
from dqnkit.types import Array, PolicyWeights, Transition
from dqnkit.value_learning import dqn_loss, mean_over_dimensions, q_learning

BINS = 3
ACTIONS = BINS**3
KINDS = ["joint values", "values of dimensions"]


def decoupled(**settings: Any) -> DQNConfig:
    return config_for_updates(env_id="test/Forces-v0", **{"action_bins": BINS, "decoupled": True, **settings})


def data_of(rng: np.random.Generator, num_actions: int = ACTIONS) -> Transition:
    return batches(rng)._replace(action=rng.integers(num_actions, size=(K, B), dtype=np.int32))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kinds of networks for the same actions."""
    use(request.param, monkeypatch)
    return str(request.param)


def use(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_layers, "MOST_JOINT_VALUES", MOST_JOINT_VALUES if kind == KINDS[0] else 1)


def joint(q: Array) -> Array:
    """Q-values of all actions ``[B, A]``, whichever kind they are."""
    every = np.arange(ACTIONS, dtype=np.int32)
    return np.stack([values_of(q, np.full(len(q), action, np.int32)) for action in every], axis=1)


@pytest.mark.parametrize(("dimensions", "bins"), [(1, 5), (2, 3), (3, 4), (6, 2)])
def test_joint_values_are_a_dense_layer_with_a_fixed_kernel(
    dimensions: int, bins: int, rng: np.random.Generator
) -> None:
    combinations = itertools.product(range(bins), repeat=dimensions)
    kernel = np.zeros((dimensions * bins, bins**dimensions))
    for action, chosen in enumerate(combinations):
        for dimension, chosen_bin in enumerate(chosen):
            kernel[dimension * bins + chosen_bin, action] = 1 / dimensions
    layer, values = JointValues(dimensions, bins), rng.normal(size=(5, dimensions * bins)).astype(np.float32)
    np.testing.assert_allclose(layer(values), values @ kernel, atol=1e-6)
    assert layer.weights == []  # so nothing of it can be trained, and nothing travels or is kept
    assert layer.compute_output_shape((None, dimensions * bins)) == (None, bins**dimensions)


@pytest.mark.parametrize("xla", [False, True])
def test_keras_and_the_numpy_policy_agree(kind: str, xla: bool, rng: np.random.Generator) -> None:
    network = build_q_network(*network_spaces(decoupled()), decoupled(xla=xla))
    network.set_weights([rng.normal(size=values.shape) for values in network.get_weights()])
    x = rng.normal(size=(7, 4)).astype(np.float32)
    ours = q_values(PolicyWeights(0, policy_layers(network), flat_parameters(network)), x)
    assert ours.shape == ((7, ACTIONS) if kind == KINDS[0] else (7, 3, BINS))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, network(x), rtol=1e-4, atol=1e-5)


def test_both_kinds_have_the_same_parameters_and_the_same_values(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    x, found = rng.normal(size=(50, 4)).astype(np.float32), []
    for kind in KINDS:
        use(kind, monkeypatch)
        network = build_q_network(*network_spaces(decoupled()), decoupled())
        found.append((flat_parameters(network), joint(network(x).numpy()), greedy_actions(network(x).numpy())))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_limit_decides_by_the_number_of_actions() -> None:
    def output_shape(bins: int) -> Any:
        config = decoupled(action_bins=bins)
        return build_q_network(*network_spaces(config), config).output_shape

    below, above = int(MOST_JOINT_VALUES ** (1 / 3) + 1e-6), int(MOST_JOINT_VALUES ** (1 / 3) + 1e-6) + 1
    assert output_shape(below) == (None, below**3)
    assert output_shape(above) == (None, 3, above)


@pytest.mark.parametrize("double_q", [False, True])
def test_td_errors_by_hand(kind: str, double_q: bool, rng: np.random.Generator) -> None:
    config = decoupled(learning_rate=0.0, double_q=double_q)
    learner = Learner(config)
    learner.target.set_weights([values + rng.normal(size=values.shape) for values in learner.target.get_weights()])
    data = data_of(rng)
    result = learner.update(data)
    flat = Transition(*(values.reshape(-1, *values.shape[2:]) for values in data))
    q_tm1, q_t, selector = (
        joint(network(x).numpy())
        for network, x in (
            (learner.online, flat.observation),
            (learner.target, flat.next_observation),
            (learner.online, flat.next_observation),
        )
    )
    rows = np.arange(K * B)
    bootstrap = q_t[rows, selector.argmax(axis=1)] if double_q else q_t.max(axis=1)
    expected = flat.reward + flat.discount * bootstrap - q_tm1[rows, flat.action]
    np.testing.assert_allclose(result.priorities.ravel(), expected, atol=1e-5)
    assert result.mean_max_q == pytest.approx(q_tm1.max(axis=1).mean(), abs=1e-5)


@pytest.mark.parametrize("rule", ["q_learning", "double_q_learning"])
def test_the_gradient_reaches_only_the_bins_taken(kind: str, rule: str, rng: np.random.Generator) -> None:
    config = decoupled(double_q=rule == "double_q_learning", loss="squared")
    online, target = (build_q_network(*network_spaces(config), config) for _ in range(2))
    batch = Transition(*(tf.constant(values[0, :1]) for values in data_of(rng)))  # one transition
    with tf.GradientTape() as tape:
        losses, priorities, _ = dqn_loss(config)(online, target, batch)
    bias = online.trainable_variables[-1]  # of the last dense layer, one for each bin
    gradient = tape.gradient(losses, bias).numpy()
    expected = np.zeros((3, BINS))
    expected[np.arange(3), bins_of(batch.action.numpy(), 3, BINS)[0]] = -float(priorities[0]) / 3
    np.testing.assert_allclose(gradient, expected.ravel(), atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"double_q": True, "loss": "squared", "max_gradient_norm": 0.05},
        {"xla": True, "double_q": True, "target_tau": 0.1, "target_period": 1},
    ],
)
def test_both_kinds_learn_the_same(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    data = [(data_of(rng), rng.random((K, B)).astype(np.float32)) for _ in range(4)]
    found = []
    for kind in KINDS:
        use(kind, monkeypatch)
        learner = Learner(decoupled(**settings))
        results = [learner.update(*each) for each in data]  # 12 updates: the target network follows
        found.append(([*everything(learner).values()], results))
    (ours, our_results), (theirs, their_results) = found
    for values, expected in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(values, expected, atol=2e-5)
    for result, other in zip(our_results, their_results, strict=True):
        for values, expected in zip(result, other, strict=True):
            np.testing.assert_allclose(values, expected, atol=2e-5)


@pytest.mark.parametrize("xla", [False, True])
def test_a_rule_of_the_readers_own_is_used_for_each_dimension(kind: str, xla: bool, rng: np.random.Generator) -> None:
    def half(q_tm1: Any, a_tm1: Any, r_t: Any, discount_t: Any, q_t: Any) -> Any:
        if tf.reduce_sum(discount_t) < 0:  # Python's if on a tensor
            r_t = -r_t
        return 0.5 * q_learning(q_tm1, a_tm1, r_t, discount_t, q_t)

    config, data = decoupled(xla=xla, learning_rate=0.0), data_of(rng)
    ours, theirs = (Learner(config, td_error=rule).update(data) for rule in (half, None))
    np.testing.assert_allclose(ours.priorities, 0.5 * theirs.priorities, atol=1e-6)


def test_the_mean_over_dimensions_checks_what_the_rule_checks() -> None:
    q, numbers = tf.zeros([2, 3, 4]), tf.zeros([2])
    with pytest.raises(ValueError, match="a_tm1 must hold integers"):
        mean_over_dimensions(q_learning)(q, numbers, numbers, numbers, q)


def test_a_loss_of_the_readers_own_needs_joint_values(monkeypatch: pytest.MonkeyPatch) -> None:
    def loss(online: Any, target: Any, batch: Transition) -> Any:
        q = online(batch.observation)
        return tf.reduce_sum(q, axis=1), batch.reward, q

    use(KINDS[0], monkeypatch)
    Learner(decoupled(), loss=loss).update(data_of(np.random.default_rng(0)))
    use(KINDS[1], monkeypatch)
    with pytest.raises(ConfigError, match=r"too many actions: .* Set fewer action_bins; or give td_error"):
        Learner(decoupled(), loss=loss)


def test_what_cannot_be_built_is_refused(rng: np.random.Generator) -> None:
    space, num_actions = network_spaces(decoupled())
    with pytest.raises(ConfigError, match="28 is no power of 3"):
        build_q_network(space, num_actions + 1, decoupled())
    bins = int(MOST_OUTPUTS ** (1 / 3)) + 1
    config = decoupled(action_bins=bins, decoupled=False)
    with pytest.raises(ConfigError, match=rf"with action_bins {bins}, test/Forces-v0 has .*: set decoupled"):
        Learner(config)
    Learner(replace(config, decoupled=True))


@pytest.mark.parametrize("double_q", [False, True])
def test_priorities_of_actors_are_those_of_the_learners_first_update(
    kind: str, double_q: bool, rng: np.random.Generator
) -> None:
    config = decoupled(double_q=double_q, actor_priorities=True, replay="prioritized")
    learner, data = Learner(config), data_of(rng)
    weights = learner.get_weights()
    flat = Transition(*(values.reshape(-1, *values.shape[2:]) for values in data))
    expected = learner.update(data).priorities[0]  # those of later batches are of changed weights
    np.testing.assert_allclose(td_errors(weights, flat)[:B], expected, atol=1e-5)


def test_actors_act_greedily_with_both_kinds(kind: str) -> None:
    config = decoupled(num_envs=5, rollout_steps=6)
    weights = Learner(config).get_weights()
    actor = Actor(config)
    transitions = actor.rollout(weights, epsilon=0.0).transitions
    q = q_values(weights, transitions.observation)
    np.testing.assert_array_equal(transitions.action, greedy_actions(q))
    np.testing.assert_allclose(values_of(q, transitions.action), best_values(q), atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"double_q": True, "replay": "prioritized", "actor_priorities": True}])
def test_it_learns_the_best_force_of_each_dimension(kind: str, settings: dict[str, Any]) -> None:
    """5 bins, of which one is the best in each dimension. Rewards are immediate."""
    config = replace(
        decoupled(action_bins=5, gamma=0.0, total_steps=4_000, learning_starts=200, hidden_sizes=(32,), batch_size=32),
        samples_per_insert=8.0,
        updates_per_call=16,
        epsilon_steps=1_000,
        learning_rate=3e-3,
        replay_capacity=4_000,
        target_period=50,
        **settings,
    )
    *_, status = train(config)
    returns = evaluate(status.weights, config, episodes=5)
    best = -10 * sum(
        np.abs(table - goal).min() for table, goal in zip(_values_of_bins(config), Forces.BEST, strict=True)
    )
    assert returns.mean() == pytest.approx(best, abs=1e-3)


def _values_of_bins(config: DQNConfig) -> Array:
    values: Array = make_env(config).get_wrapper_attr("action_table").bin_values
    return values
