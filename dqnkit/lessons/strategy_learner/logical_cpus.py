"""Replicas on the logical CPUs of one computer, and learners with plain gradient descent."""

from __future__ import annotations

from functools import cache
from typing import Any

from dqnkit.backend import keras, tf
from dqnkit.errors import DQNKitError
from dqnkit.learner import Learner


@cache  # TensorFlow mixes up the sums of several strategies, and a cell may be run again
def mirrored_cpus(number: int) -> Any:
    """A `MirroredStrategy` over logical CPUs: TensorFlow takes this computer's processor for several devices.

    Raises:
        DQNKitError: TensorFlow has already started with another number of devices; the message says what to do.
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
    """Replace Adam by plain gradient descent in a learner that has made no update; returns the same learner."""
    with learner.strategy.scope():
        learner.optimizer = keras.optimizers.SGD(learner.config.learning_rate)
        learner.optimizer.build(learner.online.trainable_variables)
    return learner
