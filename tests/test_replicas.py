"""Replicas on one computer. (Logical CPUs must be set before TensorFlow starts, so each test has its own process.)"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")


def run(code: str, folder: Path) -> str:
    script = folder / "script.py"  # a file, since TensorFlow reads the source of what it converts
    script.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_reduction_of_the_readers_own_is_used_by_the_learner(tmp_path: Path) -> None:
    """A right reduction gives the weights of one replica; one twice too large gives steps twice as large."""
    out = run(
        """
import numpy as np
from dqnkit.lessons.strategy_learner.logical_cpus import mirrored_cpus, use_sgd
from dqnkit.lessons.strategy_learner.update_timing import seconds_per_update
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner
from dqnkit.replicas import reduce_gradients
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

def twice(gradients, limit):
    gradients = reduce_gradients(gradients, limit)
    if gradients[0][0, 0] < 1e9:  # an if on a tensor, which has no value yet while TensorFlow compiles
        gradients = [2 * gradient for gradient in gradients]
    return gradients

print(np.abs(step(strategy, twice) - 2 * one).max() < 1e-6)
print([0 < seconds < 60 for seconds in seconds_per_update([(Learner(config), batches)], rounds=2)] == [True])
""",
        tmp_path,
    )
    assert out.split() == ["True"] * 3


def test_where_tensorflow_has_started_the_error_says_what_to_do(tmp_path: Path) -> None:
    out = run(
        """
from dqnkit.backend import tf
tf.constant(1.0)
from dqnkit.lessons.strategy_learner.logical_cpus import mirrored_cpus
from dqnkit.errors import DQNKitError
try:
    mirrored_cpus(2)
except DQNKitError as error:
    print(error)
""",
        tmp_path,
    )
    assert "Restart the kernel" in out


def test_devices_that_someone_set_up_before_are_taken(tmp_path: Path) -> None:
    """The lines that the notebook shows were typed in by hand."""
    out = run(
        """
from dqnkit.backend import tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.constant(1.0)
from dqnkit.lessons.strategy_learner.logical_cpus import mirrored_cpus
print(mirrored_cpus(2).num_replicas_in_sync)
""",
        tmp_path,
    )
    assert out.split() == ["2"]
