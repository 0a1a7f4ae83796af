"""What notebook 07 needs of TensorFlow beyond the learner: replicas on one computer, plain SGD, a stop-watch."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import numpy as np

from dqnkit.backend import keras, tf
from dqnkit.errors import DQNKitError
from dqnkit.learner import Learner
from dqnkit.types import Transition


@cache  # one for all networks: TensorFlow mixes up the sums of several, and a cell may be run again
def mirrored_cpus(number: int) -> Any:
    """A `MirroredStrategy` over logical CPUs: this computer's processor, seen as several devices.

    Raises:
        DQNKitError: TensorFlow runs already, with another number of devices; says what to do.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or [None]) != number:
        try:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * number)
        except RuntimeError as error:
            raise DQNKitError(
                f"TensorFlow has already started in this kernel, so its CPU can no longer be seen as {number} devices. "
                "Restart the kernel (menu Kernel, Restart), then run the notebook from its first cell: this has to "
                "come before anything that computes with TensorFlow"
            ) from error
    return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(number)])


def use_sgd(learner: Learner) -> Learner:
    """Give a learner that has not been used yet plain gradient descent in place of Adam; the same learner."""
    with learner.strategy.scope():
        learner.optimizer = keras.optimizers.SGD(learner.config.learning_rate)
        learner.optimizer.build(learner.online.trainable_variables)
    return learner


def seconds_per_update(learner: Learner, batches: Transition, calls: int) -> float:
    """The median over some calls of `Learner.update`, after one that compiles.

    Args:
        learner: what is timed.
        batches: given to it each time, ``[K, B, ...]``.
        calls: that are timed.
    """
    learner.update(batches)
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        learner.update(batches)
        times.append(time.perf_counter() - began)
    return float(np.median(times)) / len(batches.reward)
