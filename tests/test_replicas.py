"""Replicas on one computer, as notebook 07 has them. (Logical CPUs come before TensorFlow starts: own processes.)"""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_reduction_of_the_readers_own_is_used_by_the_learner() -> None:
    """Right: the weights of one replica. Twice too large, with plain gradient descent: twice the step."""
    out = run("""
import numpy as np
from dqnkit.classroom.replicas import mirrored_cpus, seconds_per_update, use_sgd
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner, reduce_gradients
from dqnkit.types import Transition

strategy = mirrored_cpus(2)
assert mirrored_cpus(2) is strategy
rng = np.random.default_rng(0)
batches = Transition(
    rng.normal(size=(1, 8, 4)).astype(np.float32), rng.integers(2, size=(1, 8), dtype=np.int32),
    rng.normal(size=(1, 8)).astype(np.float32), np.full((1, 8), 0.9, np.float32),
    rng.normal(size=(1, 8, 4)).astype(np.float32),
)
config = DQNConfig(hidden_sizes=(8,), batch_size=8, learning_rate=0.1, max_gradient_norm=0.1, xla=False)

def step(strategy=None, reduce=None):
    learner = use_sgd(Learner(config, strategy, reduce=reduce))
    before = learner.get_weights().values
    learner.update(batches)
    return learner.get_weights().values - before

one = step()
print(np.abs(step(strategy, reduce_gradients) - one).max() < 1e-6)
print(np.abs(step(strategy, lambda g, limit: [2 * x for x in reduce_gradients(g, limit)]) - 2 * one).max() < 1e-6)
print(0 < seconds_per_update(Learner(config), batches, calls=2) < 60)
""")
    assert out.split() == ["True"] * 3


def test_where_tensorflow_has_started_the_error_says_what_to_do() -> None:
    out = run("""
from dqnkit.backend import tf
tf.constant(1.0)
from dqnkit.classroom.replicas import mirrored_cpus
from dqnkit.errors import DQNKitError
try:
    mirrored_cpus(2)
except DQNKitError as error:
    print(error)
""")
    assert "Restart the kernel" in out


def test_devices_that_someone_set_up_before_are_taken() -> None:
    """The lines that the notebook shows were typed in by hand."""
    out = run("""
from dqnkit.backend import tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.constant(1.0)
from dqnkit.classroom.replicas import mirrored_cpus
print(mirrored_cpus(2).num_replicas_in_sync)
""")
    assert out.split() == ["2"]
