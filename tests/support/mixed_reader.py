"""Parts of `my_dqn.py` as a reader wrote them who has a style of their own; the other parts are the kit's."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dqnkit.types import Transition

HIDDEN = 64


def dense(units: int, x: Any, activation: str | None = None) -> Any:
    return tf.keras.layers.Dense(units, activation=activation)(x)


def q_network(observation_size: int, num_actions: int) -> Any:
    """Keras' functional way."""
    inputs = tf.keras.Input(shape=(observation_size,))
    x = dense(HIDDEN, inputs, "relu")
    x = dense(HIDDEN, x, "relu")
    return tf.keras.Model(inputs, dense(num_actions, x))


def train_step(online: Any, target: Any, optimizer: Any, batch: Transition) -> Any:
    """The value of the action taken by a mask; the target from a function of its own."""
    y = td_target(batch.reward, batch.discount, target(batch.next_observation))
    with tf.GradientTape() as tape:
        q = online(batch.observation)
        mask = tf.one_hot(batch.action, q.shape[1])
        td_error = tf.stop_gradient(y) - tf.reduce_sum(q * mask, axis=1)
        loss = tf.reduce_mean(tf.square(td_error)) / 2
    variables = online.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return loss


def td_target(r: Any, discount: Any, q_next: Any) -> Any:
    """With methods for functions."""
    best = tf.math.reduce_max(q_next, axis=-1)
    return r + best * discount


class RingBuffer:
    """Slots by number."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.slots, self.added = capacity, [], 0  # type: ignore[var-annotated]

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, observation: Any, action: Any, reward: Any, discount: Any, next_observation: Any) -> None:
        if self.added >= self.capacity:
            slot = self.added % self.capacity
            self.slots[slot] = Transition(observation.copy(), action, reward, discount, next_observation.copy())
        else:
            self.slots += [Transition(np.copy(observation), action, reward, discount, np.copy(next_observation))]
        self.added = self.added + 1


def target_sync(online: Any, target: Any, update: Any, period: Any, tau: float = 1.0) -> None:
    """With an early return."""
    if update % period != 0:
        return
    for index in range(len(online)):
        target[index].assign(target[index] + tau * (online[index] - target[index]))


PARTS = {
    "q_network": q_network,
    "train_step": train_step,
    "td_target": td_target,
    "replay_add": RingBuffer,
    "target_sync": target_sync,
}
