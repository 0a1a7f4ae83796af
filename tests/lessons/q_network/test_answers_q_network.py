"""Answers to the exercises as readers write them: the right ones pass in whatever style, the wrong ones do not."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from answers import verdict

from dqnkit.classroom.checking import observe_all, same
from dqnkit.classroom.course import find_exercise
from dqnkit.classroom.exercise import Case, Exercise

RIGHT: dict[str, list[Callable[..., Any]]] = {"q_network": [], "td_target": [], "q_taken": [], "train_step": []}
WRONG: dict[str, list[Callable[..., Any]]] = {"q_network": [], "td_target": [], "q_taken": [], "train_step": []}


def right(exercise: str) -> Callable[[Any], Any]:
    return lambda answer: RIGHT[exercise].append(answer) or answer


def wrong(exercise: str) -> Callable[[Any], Any]:
    return lambda answer: WRONG[exercise].append(answer) or answer


# ---------------------------------------------------------------------------------------------------------- q_network


@right("q_network")
def functional(observation_size, num_actions):
    inputs = keras.Input(shape=(observation_size,))
    x = keras.layers.Dense(64, activation="relu")(inputs)
    x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(num_actions)(x))


@right("q_network")
def one_layer_after_the_other(observation_size, num_actions):
    model = keras.Sequential()
    model.add(keras.layers.Input((observation_size,)))
    for _ in range(2):
        model.add(keras.layers.Dense(64, "relu"))
    model.add(keras.layers.Dense(num_actions))
    return model


@right("q_network")
def list_of_layers(observation_size, num_actions):
    hidden = [keras.layers.Dense(64, activation=tf.nn.relu) for _ in range(2)]
    return keras.Sequential([keras.Input((observation_size,)), *hidden, keras.layers.Dense(num_actions, "linear")])


@right("q_network")
def import_inside(observation_size, num_actions):
    from keras import Input, Sequential, layers

    return Sequential(
        [Input((observation_size,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(num_actions)]
    )


@right("q_network")
def activations_as_layers(observation_size, num_actions):
    return keras.Sequential(
        [
            keras.Input((observation_size,)),
            keras.layers.Dense(64),
            keras.layers.ReLU(),
            keras.layers.Dense(64),
            keras.layers.Activation("relu"),
            keras.layers.Dense(num_actions, activation=None),
        ]
    )


@right("q_network")
def he_initialiser(observation_size, num_actions):
    dense = [keras.layers.Dense(64, activation="relu", kernel_initializer="he_normal") for _ in range(2)]
    return keras.Sequential([keras.Input((observation_size,)), *dense, keras.layers.Dense(num_actions)])


@right("q_network")
def compiled_model(observation_size, num_actions):
    model = list_of_layers(observation_size, num_actions)
    model.compile(optimizer="adam", loss="mse")
    return model


@right("q_network")
def built_afterwards(observation_size, num_actions):
    model = keras.Sequential(
        [keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu"), keras.layers.Dense(num_actions)]
    )
    model.build((None, observation_size))
    return model


class Subclassed(keras.Model):
    def __init__(self, num_actions):
        super().__init__()
        self.one, self.two = keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu")
        self.out = keras.layers.Dense(num_actions)

    def call(self, x):
        return self.out(self.two(self.one(x)))


@right("q_network")
def subclassed(observation_size, num_actions):
    model = Subclassed(num_actions)
    model(tf.zeros((1, observation_size)))
    return model


@right("q_network")
def named_and_printed(observation_size, num_actions):
    inputs = keras.Input((observation_size,), name="observation")
    hidden = inputs
    for number in range(1, 3):
        hidden = keras.layers.Dense(units=64, activation=keras.activations.relu, name=f"hidden_{number}")(hidden)
    model = keras.Model(inputs=inputs, outputs=keras.layers.Dense(num_actions, name="values")(hidden), name="q")
    model.summary()
    return model


@right("q_network")
def early_return(observation_size, num_actions):
    if observation_size > 0:
        return functional(observation_size, num_actions)
    raise ValueError


def dense_network(*hidden, output=None, after=None, **more):
    def build(observation_size, num_actions):
        model = keras.Sequential([keras.Input((observation_size,))])
        for units, activation in hidden:
            model.add(keras.layers.Dense(units, activation=activation, **more))
            if after is not None:
                model.add(after())
        model.add(keras.layers.Dense(num_actions, activation=output, **more))
        return model

    return build


GLOBAL: dict[Any, Any] = {}


def global_model(observation_size, num_actions):
    if (observation_size, num_actions) not in GLOBAL:
        GLOBAL[observation_size, num_actions] = functional(observation_size, num_actions)
    return GLOBAL[observation_size, num_actions]


@lru_cache
def one_hidden_layer_for_all(size):
    layer = keras.layers.Dense(64, "relu")
    layer.build((None, size))
    return layer


def shared_layers(observation_size, num_actions):
    inputs = keras.Input((observation_size,))
    hidden = keras.layers.Dense(64, "relu")(one_hidden_layer_for_all(observation_size)(inputs))
    return keras.Model(inputs, keras.layers.Dense(num_actions)(hidden))


def seeds_first(observation_size, num_actions):
    keras.utils.set_random_seed(42)
    return functional(observation_size, num_actions)


def hard_coded_sizes(observation_size, num_actions):
    return functional(4, 2)


def observation_and_action_in(observation_size, num_actions):
    return functional(observation_size + 1, 1)


def one_network_for_each_action(observation_size, num_actions):
    return [functional(observation_size, 1) for _ in range(num_actions)]


def only_the_last_layer(observation_size, num_actions):
    return keras.layers.Dense(num_actions)


def noise_in_the_input(observation_size, num_actions):
    inputs = keras.Input((observation_size,))
    x = keras.layers.GaussianNoise(0.1)(inputs)
    for _ in range(2):
        x = keras.layers.Dense(64, "relu")(x)
    return keras.Model(inputs, keras.layers.Dense(num_actions)(x))


def forgets_to_return(observation_size, num_actions):
    functional(observation_size, num_actions)


def dropout_once(observation_size, num_actions):
    inputs = keras.Input((observation_size,))
    x = keras.layers.Dense(64, "relu")(inputs)
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(64, "relu")(x))
    return keras.Model(inputs, keras.layers.Dense(num_actions)(x))


RELU2 = ((64, "relu"), (64, "relu"))
WRONG["q_network"] += [
    dense_network(*RELU2, output="softmax"),
    dense_network(*RELU2, output="sigmoid"),
    dense_network(*RELU2, output="tanh"),
    dense_network(*RELU2, output="relu"),
    dense_network(*RELU2, output="softplus"),
    dense_network((64, "relu"), (32, "relu")),
    dense_network((128, "relu"), (128, "relu")),
    dense_network((64, "relu")),
    dense_network(*RELU2, (64, "relu")),
    dense_network((64, None), (64, None)),
    dense_network((64, "relu"), (64, None)),
    dense_network((64, "elu"), (64, "elu")),
    dense_network((64, "leaky_relu"), (64, "leaky_relu")),
    dense_network(*RELU2, use_bias=False),
    dense_network(*RELU2, kernel_initializer="zeros"),
    dense_network(*RELU2, kernel_initializer="ones"),
    dense_network(*RELU2, kernel_initializer=keras.initializers.Constant(0.1)),
    dense_network(*RELU2, kernel_initializer=keras.initializers.HeNormal(seed=1)),
    dense_network(*RELU2, after=lambda: keras.layers.Dropout(0.1)),
    dense_network(*RELU2, after=keras.layers.BatchNormalization),
    dense_network(*RELU2, after=keras.layers.LayerNormalization),
    global_model,
    shared_layers,
    seeds_first,
    hard_coded_sizes,
    observation_and_action_in,
    one_network_for_each_action,
    only_the_last_layer,
    noise_in_the_input,
    forgets_to_return,
    dropout_once,
]

# ---------------------------------------------------------------------------------------------------------- td_target


@right("td_target")
def by_axis_minus_one(r, discount, q_next):
    return r + discount * tf.math.reduce_max(q_next, axis=-1)


@right("td_target")
def in_two_lines(r, discount, q_next):
    best = tf.reduce_max(q_next, 1)
    return tf.add(r, tf.multiply(discount, best))


@right("td_target")
def with_where(r, discount, q_next):
    return tf.where(discount == 0, r, r + discount * tf.reduce_max(q_next, axis=1))


@right("td_target")
def stopped(r, discount, q_next):
    return tf.stop_gradient(r + discount * tf.reduce_max(q_next, axis=1))


@right("td_target")
def sorted_rows(r, discount, q_next):
    return r + discount * tf.sort(q_next, axis=1)[:, -1]


@right("td_target")
def value_of_the_argmax(r, discount, q_next):
    best = tf.argmax(q_next, axis=1, output_type=tf.int32)
    return r + discount * tf.gather(q_next, best, axis=1, batch_dims=1)


@right("td_target")
def row_by_row(r, discount, q_next):
    return tf.stack([r[i] + discount[i] * tf.reduce_max(q_next[i]) for i in range(q_next.shape[0])])


@right("td_target")
def squeezed(r, discount, q_next):
    best = tf.reduce_max(q_next, axis=1, keepdims=True)
    return r + discount * tf.squeeze(best, axis=1)


@right("td_target")
def by_top_k(r, discount, q_next):
    return r + discount * tf.math.top_k(q_next, k=1).values[:, 0]


@right("td_target")
def by_keras_ops(r, discount, q_next):
    from keras import ops

    return r + discount * ops.max(q_next, axis=1)


@right("td_target")
def list_of_numbers(r, discount, q_next):
    best = tf.reduce_max(q_next, axis=1)
    return [r[i] + discount[i] * best[i] for i in range(r.shape[0])]


def td(formula):
    def td_target(r, discount, q_next):
        return formula(r, discount, q_next)

    return td_target


def loops_and_an_if(r, discount, q_next):
    targets = []
    for i in range(r.shape[0]):
        if discount[i] == 0:
            targets.append(r[i])
        else:
            targets.append(r[i] + discount[i] * tf.reduce_max(q_next[i]))
    return tf.stack(targets)


def fills_an_array(r, discount, q_next):
    y = np.zeros(len(r), np.float32)
    for i in range(len(r)):
        y[i] = r[i] + discount[i] * max(q_next[i])
    return y


def same_action_as_row(r, discount, q_next):
    return r + discount * tf.linalg.diag_part(q_next)


WRONG["td_target"] += [
    td(lambda r, discount, q_next: r + tf.reduce_max(q_next, axis=1)),
    td(lambda r, discount, q_next: r + 0.8 * tf.reduce_max(q_next, axis=1)),
    td(lambda r, discount, q_next: r + 0.99 * discount * tf.reduce_max(q_next, axis=1)),
    td(lambda r, discount, q_next: r + discount * tf.reduce_max(q_next, axis=0)),
    td(lambda r, discount, q_next: r + discount * tf.reduce_max(q_next)),
    td(lambda r, discount, q_next: r + discount * tf.reduce_mean(q_next, axis=1)),
    td(lambda r, discount, q_next: r + discount * tf.reduce_sum(q_next, axis=1)),
    td(lambda r, discount, q_next: r + discount * tf.reduce_min(q_next, axis=1)),
    td(lambda r, discount, q_next: r + discount * tf.reduce_max(q_next, axis=1, keepdims=True)),
    td(lambda r, discount, q_next: (r + discount * tf.reduce_max(q_next, axis=1))[:, None]),
    td(lambda r, discount, q_next: r - discount * tf.reduce_max(q_next, axis=1)),
    td(lambda r, discount, q_next: discount * tf.reduce_max(q_next, axis=1)),
    td(lambda r, discount, q_next: tf.reduce_max(q_next, axis=1)),
    td(lambda r, discount, q_next: discount * (r + tf.reduce_max(q_next, axis=1))),
    td(lambda r, discount, q_next: r * discount + tf.reduce_max(q_next, axis=1)),
    td(lambda r, discount, q_next: r + (1 - discount) * tf.reduce_max(q_next, axis=1)),
    td(lambda r, discount, q_next: r + discount * q_next[:, 0]),
    td(lambda r, discount, q_next: r + discount * tf.cast(tf.argmax(q_next, axis=1), tf.float32)),
    td(lambda r, discount, q_next: r + discount * tf.reduce_max(tf.abs(q_next), axis=1)),
    td(lambda r, discount, q_next: r + discount * tf.maximum(tf.reduce_max(q_next, axis=1), 0.0)),
    td(lambda r, discount, q_next: r + discount * q_next),
    td(lambda r, discount, q_next: tf.reduce_mean(r + discount * tf.reduce_max(q_next, axis=1))),
    td(lambda r, discount, q_next: r + discount * np.max(q_next, axis=1)),
    td(lambda r, discount, q_next: r + discount * q_next.numpy().max(axis=1)),
    td(
        lambda r, discount, q_next: np.array(
            [float(a + b * max(c)) for a, b, c in zip(r, discount, q_next, strict=True)]
        )
    ),
    loops_and_an_if,
    fills_an_array,
    same_action_as_row,
]

# ------------------------------------------------------------------------------------------------------------ q_taken


@right("q_taken")
def by_one_hot(q, actions):
    return tf.reduce_sum(q * tf.one_hot(actions, q.shape[1]), axis=1)


@right("q_taken")
def by_one_hot_with_the_shape_as_a_tensor(q, actions):
    return tf.reduce_sum(tf.one_hot(actions, tf.shape(q)[1]) * q, axis=-1)


@right("q_taken")
def by_gather_nd(q, actions):
    rows = tf.range(tf.shape(q)[0])
    return tf.gather_nd(q, tf.stack([rows, actions], axis=1))


@right("q_taken")
def by_batch_dims_alone(q, actions):
    return tf.gather(q, actions, batch_dims=1)


@right("q_taken")
def gathered_and_squeezed(q, actions):
    return tf.squeeze(tf.gather(q, actions[:, tf.newaxis], axis=1, batch_dims=1), axis=1)


@right("q_taken")
def by_mask(q, actions):
    return tf.boolean_mask(q, tf.one_hot(actions, q.shape[1], on_value=True, off_value=False))


@right("q_taken")
def stacked_rows(q, actions):
    return tf.stack([q[i, actions[i]] for i in range(q.shape[0])])


@right("q_taken")
def flat_index(q, actions):
    size, width = q.shape
    return tf.gather(tf.reshape(q, [-1]), tf.range(size) * width + actions)


@right("q_taken")
def by_einsum(q, actions):
    return tf.einsum("ba,ba->b", q, tf.one_hot(actions, q.shape[1]))


@right("q_taken")
def by_take_along_axis(q, actions):
    from keras import ops

    return ops.take_along_axis(q, actions[:, None], axis=1)[:, 0]


@right("q_taken")
def a_list(q, actions):
    return [q[i][actions[i]] for i in range(q.shape[0])]


@right("q_taken")
def the_diagonal(q, actions):
    return tf.linalg.diag_part(tf.gather(q, actions, axis=1))


def taken(formula):
    def q_taken(q, actions):
        return formula(q, actions)

    return q_taken


def fills_a_buffer(q, actions):
    values = np.empty(len(actions), np.float32)
    for i, action in enumerate(actions):
        values[i] = q[i, action]
    return values


WRONG["q_taken"] += [
    taken(lambda q, actions: tf.gather(q, actions, axis=1)),
    taken(lambda q, actions: tf.gather(q, actions)),
    taken(lambda q, actions: tf.gather(q, actions, axis=0)),
    taken(lambda q, actions: tf.gather(tf.transpose(q), actions)),
    taken(lambda q, actions: tf.gather(q[0], actions)),
    taken(lambda q, actions: tf.reduce_max(q, axis=1)),
    taken(lambda q, actions: tf.reduce_max(q, axis=0)),
    taken(lambda q, actions: tf.argmax(q, axis=1)),
    taken(lambda q, actions: actions),
    taken(lambda q, actions: tf.cast(actions, tf.float32)),
    taken(lambda q, actions: tf.gather(q, actions[:, None], axis=1, batch_dims=1)),
    taken(lambda q, actions: q * tf.one_hot(actions, q.shape[1])),
    taken(lambda q, actions: tf.reduce_sum(q * tf.one_hot(actions, q.shape[1]))),
    taken(lambda q, actions: tf.reduce_sum(q * tf.one_hot(actions, q.shape[1]), axis=0)),
    taken(lambda q, actions: tf.reduce_sum(q * tf.one_hot(actions, q.shape[1]), axis=1, keepdims=True)),
    taken(lambda q, actions: tf.reduce_mean(q * tf.one_hot(actions, q.shape[1]), axis=1)),
    taken(lambda q, actions: tf.reduce_max(q * tf.one_hot(actions, q.shape[1]), axis=1)),
    taken(lambda q, actions: tf.reduce_max(tf.abs(q) * tf.one_hot(actions, q.shape[1]), axis=1)),
    taken(lambda q, actions: tf.reduce_sum(q * tf.one_hot(actions, 4), axis=1)),
    taken(lambda q, actions: q.numpy()[np.arange(len(actions)), actions]),
    taken(lambda q, actions: np.array([q[i, a] for i, a in enumerate(actions)])),
    taken(lambda q, actions: tf.constant([float(q[i, a]) for i, a in enumerate(actions)])),
    taken(lambda q, actions: tf.stop_gradient(tf.gather(q, actions, axis=1, batch_dims=1))),
    taken(lambda q, actions: tf.gather(q, actions - 1, axis=1, batch_dims=1)),
    taken(lambda q, actions: q[:, 0]),
    taken(lambda q, actions: tf.reduce_mean(q, axis=1)),
    taken(lambda q, actions: tf.reduce_mean(tf.gather(q, actions, axis=1, batch_dims=1))),
    taken(lambda q, actions: q[actions]),
    fills_a_buffer,
]

# --------------------------------------------------------------------------------------------------------- train_step


def targets(target, batch):
    return batch.reward + batch.discount * tf.reduce_max(target(batch.next_observation), axis=1)


def values(online, batch):
    return tf.gather(online(batch.observation), batch.action, axis=1, batch_dims=1)


@right("train_step")
def all_inside_the_tape(online, target, optimizer, batch):
    with tf.GradientTape() as tape:
        y = tf.stop_gradient(targets(target, batch))
        loss = tf.reduce_mean(0.5 * tf.square(y - values(online, batch)))
    variables = online.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return loss


@right("train_step")
def no_stop_needed_before_the_tape(online, target, optimizer, batch):
    y = targets(target, batch)
    with tf.GradientTape() as tape:
        loss = 0.5 * tf.reduce_mean((values(online, batch) - y) ** 2)
    optimizer.apply(tape.gradient(loss, online.trainable_weights), online.trainable_weights)
    return loss


@right("train_step")
def with_keras_loss(online, target, optimizer, batch):
    y = targets(target, batch)
    with tf.GradientTape() as tape:
        loss = keras.losses.MeanSquaredError()(y[:, None], values(online, batch)[:, None]) / 2
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


@right("train_step")
def sum_over_the_size(online, target, optimizer, batch):
    size = tf.cast(tf.shape(batch.reward)[0], tf.float32)
    y = tf.stop_gradient(targets(target, batch))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum((y - values(online, batch)) ** 2) / (2 * size)
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


@right("train_step")
def with_one_hot(online, target, optimizer, batch):
    y = tf.stop_gradient(targets(target, batch))
    with tf.GradientTape() as tape:
        q = online(batch.observation, training=True)
        taken = tf.reduce_sum(q * tf.one_hot(batch.action, q.shape[-1]), axis=1)
        error = y - taken
        loss = tf.reduce_mean(error * error / 2)
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


@right("train_step")
def persistent_tape(online, target, optimizer, batch):
    with tf.GradientTape(persistent=True) as tape:
        y = tf.stop_gradient(targets(target, batch))
        loss = tf.reduce_mean(0.5 * (y - values(online, batch)) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    del tape
    optimizer.apply(gradients, online.trainable_variables)
    return loss


@right("train_step")
def unpacks_the_batch(online, target, optimizer, batch):
    observation, action, reward, discount, next_observation = batch
    y = reward + discount * tf.reduce_max(target(next_observation), axis=-1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((tf.stop_gradient(y) - tf.gather(online(observation), action, batch_dims=1)) ** 2) * 0.5
    grads = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(grads, online.trainable_variables)
    return loss


@right("train_step")
def a_function_inside(online, target, optimizer, batch):
    def loss_of():
        return tf.reduce_mean(0.5 * (y - values(online, batch)) ** 2)

    y = tf.stop_gradient(targets(target, batch))
    with tf.GradientTape() as tape:
        loss = loss_of()
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return tf.identity(loss)


@right("train_step")
def l2_loss(online, target, optimizer, batch):
    y = targets(target, batch)
    with tf.GradientTape() as tape:
        loss = tf.nn.l2_loss(y - values(online, batch)) / tf.cast(tf.size(y), tf.float32)
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


@right("train_step")
def prints_something(online, target, optimizer, batch):
    import tensorflow

    y = tensorflow.stop_gradient(targets(target, batch))
    with tensorflow.GradientTape() as tape:
        td_error = y - values(online, batch)
        loss = tensorflow.reduce_mean(tensorflow.square(td_error)) / 2.0
    print("shape of the TD errors:", td_error.shape)
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


@right("train_step")
def optimizer_that_knows_its_variables(online, target, optimizer, batch):
    y = targets(target, batch)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(0.5 * (y - values(online, batch)) ** 2)
    optimizer.apply(tape.gradient(loss, online.trainable_variables))
    return loss


def step_with(y_of=targets, q_of=values, loss_of=None, stop=True, returned=None, before=None, scale=1.0):
    def train_step(online, target, optimizer, batch):
        with tf.GradientTape() as tape:
            y = y_of(target, batch)
            y = tf.stop_gradient(y) if stop else y
            taken = q_of(online, batch)
            loss = loss_of(y, taken) if loss_of else tf.reduce_mean(0.5 * (y - taken) ** 2)
        gradients = tape.gradient(loss, online.trainable_variables)
        if before:
            gradients = before(gradients)
        optimizer.apply(gradients, online.trainable_variables)
        return loss if returned is None else returned(loss, y, taken)

    return train_step


def from_online(online, target, optimizer, batch):
    return step_with()(online, online, optimizer, batch)


def twice(online, target, optimizer, batch):
    step_with()(online, target, optimizer, batch)
    return step_with()(online, target, optimizer, batch)


def syncs_the_target(online, target, optimizer, batch):
    loss = step_with()(online, target, optimizer, batch)
    target.set_weights(online.get_weights())
    return loss


def moves_the_target(online, target, optimizer, batch):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(0.5 * (targets(target, batch) - values(online, batch)) ** 2)
    optimizer.apply(tape.gradient(loss, target.trainable_variables), target.trainable_variables)
    return loss


def optimizer_of_its_own(online, target, optimizer, batch):
    return step_with()(online, target, keras.optimizers.Adam(1e-3), batch)


def by_hand(online, target, optimizer, batch):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(0.5 * (tf.stop_gradient(targets(target, batch)) - values(online, batch)) ** 2)
    for variable, gradient in zip(
        online.trainable_variables, tape.gradient(loss, online.trainable_variables), strict=True
    ):
        variable.assign_sub(0.1 * gradient)
    return loss


def with_predict(online, target, optimizer, batch):
    q_next = target.predict(batch.next_observation, verbose=0)
    y = batch.reward + batch.discount * np.max(q_next, axis=1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(0.5 * (y - values(online, batch)) ** 2)
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


def with_an_if(online, target, optimizer, batch):
    y = targets(target, batch)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(0.5 * (y - values(online, batch)) ** 2)
    if loss > 0:
        optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


def numpy_values(online, target, optimizer, batch):
    with tf.GradientTape() as tape:
        taken = online(batch.observation).numpy()[np.arange(len(batch.action)), batch.action]
        loss = tf.reduce_mean(0.5 * (targets(target, batch) - taken) ** 2)
    optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
    return loss


def no_apply(online, target, optimizer, batch):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(0.5 * (targets(target, batch) - values(online, batch)) ** 2)
    tape.gradient(loss, online.trainable_variables)
    return loss


def all_q_values(online, batch):
    return tf.reduce_max(online(batch.observation), axis=1)


def shifted_action(online, batch):
    return tf.gather(online(batch.next_observation), batch.action, axis=1, batch_dims=1)


WRONG["train_step"] += [
    step_with(stop=False),
    from_online,
    step_with(loss_of=lambda y, q: tf.reduce_sum(0.5 * (y - q) ** 2)),
    step_with(loss_of=lambda y, q: tf.reduce_mean((y - q) ** 2)),
    step_with(loss_of=lambda y, q: tf.reduce_sum((y - q) ** 2)),
    step_with(loss_of=lambda y, q: 0.5 * (y - q) ** 2),
    step_with(loss_of=lambda y, q: tf.reduce_mean(tf.abs(y - q))),
    step_with(loss_of=lambda y, q: tf.reduce_mean(y - q)),
    step_with(loss_of=lambda y, q: keras.losses.Huber()(y, q)),
    step_with(loss_of=lambda y, q: 0.5 * tf.reduce_mean(y - q) ** 2),
    step_with(returned=lambda loss, y, q: y - q),
    step_with(returned=lambda loss, y, q: float(loss)),
    step_with(returned=lambda loss, y, q: None),
    step_with(returned=lambda loss, y, q: 2 * loss),
    step_with(before=lambda gradients: [-g for g in gradients]),
    step_with(before=lambda gradients: [tf.clip_by_norm(g, 0.1) for g in gradients]),
    step_with(q_of=lambda online, batch: tf.gather(online(batch.observation), batch.action, axis=1)),
    step_with(q_of=lambda online, batch: values(online, batch)[:, None]),
    step_with(q_of=all_q_values),
    step_with(q_of=shifted_action),
    step_with(y_of=lambda target, batch: batch.reward + tf.reduce_max(target(batch.next_observation), axis=1)),
    step_with(y_of=lambda target, batch: batch.reward + 0.8 * tf.reduce_max(target(batch.next_observation), axis=1)),
    step_with(y_of=lambda target, batch: batch.reward),
    step_with(
        y_of=lambda target, batch: batch.reward + batch.discount * tf.reduce_max(target(batch.observation), axis=1)
    ),
    step_with(
        y_of=lambda target, batch: batch.reward + batch.discount * tf.reduce_mean(target(batch.next_observation), 1)
    ),
    step_with(stop=False, loss_of=lambda y, q: tf.reduce_sum(0.5 * (y - q) ** 2)),
    twice,
    syncs_the_target,
    moves_the_target,
    optimizer_of_its_own,
    by_hand,
    with_predict,
    with_an_if,
    numpy_values,
    no_apply,
]


def is_right(exercise: Exercise, answer: Any, case: Case) -> bool:
    one, other = (observe_all(exercise, thing, [case])[0] for thing in (exercise.solution, answer))
    return same(one, other)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [(name, answer) for name, answers in RIGHT.items() for answer in answers],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_right_answer_passes_in_whatever_style(exercise: str, answer: Any) -> None:
    result = verdict(find_exercise(exercise), answer)
    assert result.passed, result.text
    for case in find_exercise(exercise).cases(np.random.default_rng()):
        assert is_right(find_exercise(exercise), answer, case), case


@pytest.mark.parametrize("number", range(max(map(len, WRONG.values()))))
@pytest.mark.parametrize("exercise", WRONG)
def test_a_wrong_answer_does_not_pass(exercise: str, number: int) -> None:
    if number < len(WRONG[exercise]):
        found, answer = find_exercise(exercise), WRONG[exercise][number]
        for cases in (found.fixed_cases(), found.cases(np.random.default_rng())):  # each alone is enough
            assert not all(is_right(found, answer, case) for case in cases)


def test_there_are_enough_of_both() -> None:
    assert all(len(answers) >= 10 for answers in RIGHT.values())
    assert all(len(answers) >= 20 for answers in WRONG.values())
