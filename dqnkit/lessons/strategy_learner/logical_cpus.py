"""Replicas on one computer, plain SGD, and a stop-watch for updates: what the lesson needs beside the learner."""

from __future__ import annotations

import time
from collections.abc import Sequence
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


def seconds_per_update(jobs: Sequence[tuple[Learner, Transition]], rounds: int) -> list[float]:
    """How long an update takes in each of the jobs: in the quickest of its calls, for other work only adds to it.

    The jobs take turns, so that what else the computer does meets all of them.

    Args:
        jobs: a learner and the batches ``[K, B, ...]`` that it is given in every call.
        rounds: calls of each job, after one that compiles.
    """
    for learner, batches in jobs:
        learner.update(batches)
    times = np.zeros((rounds, len(jobs)))
    for row in times:
        for number, (learner, batches) in enumerate(jobs):
            began = time.perf_counter()
            learner.update(batches)
            row[number] = (time.perf_counter() - began) / len(batches.reward)
    return [float(seconds) for seconds in times.min(axis=0)]
