"""DQN on CartPole with workers of Dask, made of what I wrote in the course: `python my_cluster_dqn.py --workers 2`.

It needs NumPy, Gymnasium, TensorFlow and Dask (`pip install "dask[distributed]" cryptography`), and nothing else.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter, namedtuple

import gymnasium as gym
import numpy as np
from dask.distributed import Client, LocalCluster, Security, as_completed

tf = keras = None  # the driver imports TensorFlow, see `import_tensorflow`; the workers act with NumPy

ENV_ID = "CartPole-v1"
STEPS = 120_000  # environment steps
GAMMA = 0.99  # discount factor
EPSILON_END, EPSILON_STEPS = 0.02, 10_000  # epsilon falls from 1 to this within so many steps
CAPACITY = 120_000  # of the replay buffer
BATCH_SIZE = 64
LEARNING_STARTS = 1_000  # transitions in the buffer before the first update
SAMPLES_PER_INSERT = 32  # transitions drawn from the buffer for each one put in
LEARNING_RATE, LAST_LEARNING_RATE = 3e-3, 1e-5  # it falls from the first to the second in a straight line
LARGEST_GRADIENT = 10.0  # a longer gradient is shortened to this
PERIOD = 200  # updates between two copies to the target network
MAX_POLICY_LAG = 20  # versions of the weights; an older rollout is dropped
RETRIES = 2  # of one rollout

Transition = namedtuple("Transition", "observation action reward discount next_observation")
Weights = namedtuple("Weights", "version arrays")  # arrays: kernel and bias of each layer
Rollout = namedtuple("Rollout", "transitions weights_version sequence steps episode_return")


# ---- The parts. Each one is as it was when its check passed. ----


# q_network: the kit's worked solution; yours has not passed its check yet
def q_network(observation_size, num_actions):
    """A built Keras model: observations ``[B, observation_size]`` -> Q-values ``[B, num_actions]``."""
    return keras.Sequential(
        [
            keras.Input((observation_size,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(num_actions),
        ]
    )


# train_step: the kit's worked solution; yours has not passed its check yet
def train_step(online, target, optimizer, batch):
    """One gradient step on the mean of half the squared TD errors; returns the loss before the step."""
    q_next = target(batch.next_observation)  # [B, A]
    y = tf.stop_gradient(batch.reward + batch.discount * tf.reduce_max(q_next, axis=1))  # [B]
    with tf.GradientTape() as tape:
        q = online(batch.observation)  # [B, A]
        taken = tf.gather(q, batch.action, axis=1, batch_dims=1)  # [B]
        loss = tf.reduce_mean(0.5 * (y - taken) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(gradients, online.trainable_variables)
    return loss


# RingBuffer: the kit's worked solution; yours has not passed its check yet
class RingBuffer:
    """A buffer of the newest ``capacity`` transitions."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.slots = []  # at most `capacity` transitions
        self.added = 0  # transitions added so far, including those that were overwritten

    def __len__(self):
        return len(self.slots)

    def add(self, observation, action, reward, discount, next_observation):
        """Add one transition; a full ring overwrites the oldest."""
        transition = Transition(np.array(observation), action, reward, discount, np.array(next_observation))
        if len(self.slots) < self.capacity:
            self.slots.append(transition)
        else:
            self.slots[self.added % self.capacity] = transition
        self.added += 1


# ReplayBuffer: the kit's worked solution; yours has not passed its check yet
class ReplayBuffer(RingBuffer):
    """A ring buffer with `sample`."""

    def sample(self, batch_size, rng):
        """Transitions drawn uniformly with replacement; each field is an array ``[B, ...]``."""
        slots = rng.integers(len(self.slots), size=batch_size)  # [B]
        rows = [self.slots[slot] for slot in slots]  # B transitions
        return Transition(*(np.stack(field) for field in zip(*rows, strict=True)))


# epsilon_greedy: the kit's worked solution; yours has not passed its check yet
def epsilon_greedy(q_values, epsilon, rng):
    """An action for a state whose Q-values are ``q_values [A]``."""
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return int(q_values.argmax())


# target_sync: the kit's worked solution; yours has not passed its check yet
def target_sync(online, target, update, period, tau=1.0):
    """Every ``period`` updates, move the target's variables by the fraction ``tau`` to those of the online network.

    Args:
        online, target: lists of Keras variables.
        update: number of updates so far.
        period: updates between two copies.
        tau: 1 is a hard copy.
    """
    if update % period == 0:
        for theta, theta_target in zip(online, target, strict=True):
            theta_target.assign(tau * theta + (1 - tau) * theta_target)


# rollout_task: the kit's worked solution; yours has not passed its check yet
def rollout_task(make_actor, weights, epsilon, sequence):
    """Make one rollout; the same arguments give the same rollout on every worker.

    Args:
        make_actor: makes an actor from the seed that it is given.
        weights: what the actor acts with.
        epsilon: its exploration.
        sequence: the task's sequence number, also the actor's seed.
    """
    actor = make_actor(sequence)
    try:
        return actor.rollout(weights, epsilon, sequence)
    finally:
        actor.close()


# streaming_loop: the kit's worked solution; yours has not passed its check yet
def streaming_loop(
    client,
    as_completed,
    task,
    arguments,
    insert,
    *,
    total,
    window,
    retries,
):
    """Insert rollouts as they complete, until they hold ``total`` steps; returns how many tries failed.

    Args:
        client: of Dask.
        as_completed: of Dask.
        task: ``task(*arguments, sequence) -> rollout``.
        arguments: of every task, before its sequence number.
        insert: puts a rollout into replay.
        total: environment steps.
        window: tasks in flight.
        retries: how often one rollout may be tried again.

    Raises:
        Exception: the error of a rollout that failed at its first try and at all of its retries.
    """
    numbers = {}  # future -> sequence number, of all tasks in flight
    failures = Counter()  # failed tries of each sequence number
    arrivals = as_completed([])

    def submit(number):
        future = client.submit(task, *arguments, number, pure=False)
        numbers[future] = number
        arrivals.add(future)

    for number in range(window):
        submit(number)
    next_number, inserted = window, 0
    try:
        for future in arrivals:
            number = numbers.pop(future)
            if future.status != "finished" and failures[number] < retries:
                failures[number] += 1
                submit(number)
                continue
            rollout = future.result()  # raises the error of a task that has failed too often
            insert(rollout)
            inserted += rollout.steps
            if inserted >= total:
                break
            submit(next_number)
            next_number += 1
    finally:  # after an error, too
        client.cancel(list(numbers))
    return failures.total()


# staleness_bound: the kit's worked solution; yours has not passed its check yet
def staleness_bound(
    arrivals,
    get_version,
    insert,
    max_policy_lag,
):
    """Insert the rollouts whose policy lag is at most ``max_policy_lag``; returns how many were dropped.

    Args:
        arrivals: rollouts, as they arrive.
        get_version: the learner's newest weights version.
        insert: puts a rollout into replay.
        max_policy_lag: in weights versions.
    """
    dropped = 0
    for rollout in arrivals:
        policy_lag = get_version() - rollout.weights_version
        if policy_lag > max_policy_lag:
            dropped += 1
        else:
            insert(rollout)
    return dropped


# whose_turn: your own
def whose_turn(sampled, inserted, draws, learning_starts, samples_per_insert):
    """Whether the learner may draw once more, or has to wait for the actors."""
    allowed = samples_per_insert * (inserted - learning_starts)
    if sampled + draws <= allowed:
        return "learner"
    return "actors"


# ---- On the workers. ----


def q_values(arrays, observation):
    """The Q-values of the network with these arrays, computed with NumPy."""
    hidden = observation
    for kernel, bias in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
        hidden = np.maximum(hidden @ kernel + bias, 0)
    return hidden @ arrays[-2] + arrays[-1]


class Actor:
    """An environment and who acts in it; all that is random in it follows from the sequence number of the rollout."""

    def __init__(self, sequence):
        self.env, self.sequence = gym.make(ENV_ID), sequence
        self.rng = np.random.default_rng(sequence)

    def rollout(self, weights, epsilon, sequence):
        """One episode."""
        transitions, terminated, truncated = [], False, False
        observation, _ = self.env.reset(seed=self.sequence)
        while not (terminated or truncated):
            action = epsilon_greedy(q_values(weights.arrays, observation), epsilon, self.rng)
            next_observation, reward, terminated, truncated, _ = self.env.step(action)
            discount = 0.0 if terminated else GAMMA
            transitions.append(Transition(observation, action, reward, discount, next_observation))
            observation = next_observation
        rewards = sum(transition.reward for transition in transitions)
        return Rollout(transitions, weights.version, sequence, len(transitions), rewards)

    def close(self):
        """Close the environment."""
        self.env.close()


def hold(value):
    """The weights, as the result of a task: workers fetch it from each other."""
    return value


# ---- In the driver. ----


def import_tensorflow():
    """Import TensorFlow in this process only."""
    global tf, keras
    import tensorflow

    tf, keras = tensorflow, tensorflow.keras


class Learner:
    """The networks, the replay buffer, and the counters that say whose turn it is."""

    def __init__(self, client, seed, steps):
        keras.utils.set_random_seed(seed)  # for the first weights
        env = gym.make(ENV_ID)
        size, actions = env.observation_space.shape[0], int(env.action_space.n)
        env.close()
        self.client, self.total, self.seed = client, steps, seed
        self.online, self.target = (q_network(size, actions) for _ in range(2))
        updates = max(1, steps * SAMPLES_PER_INSERT // BATCH_SIZE)
        rate = keras.optimizers.schedules.PolynomialDecay(LEARNING_RATE, updates, LAST_LEARNING_RATE)
        self.optimizer = keras.optimizers.Adam(rate, global_clipnorm=LARGEST_GRADIENT)
        self.optimizer.build(self.online.trainable_variables)
        self.replay, self.rng = ReplayBuffer(CAPACITY), np.random.default_rng(seed)
        self.sampled = self.inserted = self.updates = self.version = self.dropped = 0
        self.returns, self.began, self.told = [], time.monotonic(), 0
        self.best, self.best_arrays = 0.0, self.online.get_weights()
        self.compiled_step = tf.function(lambda batch: train_step(self.online, self.target, self.optimizer, batch))
        self.publish()

    def publish(self):
        """Make the weights available to the tasks to come, as a new version."""
        self.version += 1
        self.published = self.client.submit(hold, Weights(self.version, self.online.get_weights()), pure=False)

    def __iter__(self):
        """The arguments of a task that is submitted now: they are unpacked anew for each one."""
        epsilon = max(EPSILON_END, 1 - (1 - EPSILON_END) * self.inserted / EPSILON_STEPS)
        return iter((Actor, self.published, epsilon))

    def take(self, rollout):
        """Put a rollout into replay unless it is too old; learn as much as it allows, and publish what came of it."""
        self.dropped += staleness_bound(iter([rollout]), lambda: self.version, self.insert, MAX_POLICY_LAG)
        before = self.updates
        while whose_turn(self.sampled, self.inserted, BATCH_SIZE, LEARNING_STARTS, SAMPLES_PER_INSERT) == "learner":
            self.learn()
        if self.updates > before:
            self.publish()
        self.tell(rollout)

    def insert(self, rollout):
        """Put all transitions of a rollout into replay."""
        for transition in rollout.transitions:
            self.replay.add(*transition)
        self.inserted += rollout.steps

    def learn(self):
        """One update."""
        batch = self.replay.sample(BATCH_SIZE, self.rng)
        types = (np.float32, np.int32, np.float32, np.float32, np.float32)
        self.compiled_step(Transition(*(np.asarray(field, dtype) for field, dtype in zip(batch, types, strict=True))))
        self.sampled += BATCH_SIZE
        self.updates += 1
        target_sync(self.online.trainable_variables, self.target.trainable_variables, self.updates, PERIOD)

    def tell(self, rollout):
        """Forty times in a run have the greedy policy judged, and keep the best: DQN may get worse again."""
        self.returns.append(rollout.episode_return)
        if self.inserted < self.told + self.total / 40:
            return
        self.told, arrays = self.inserted, self.online.get_weights()
        greedy = evaluate(arrays, episodes=20, seed=self.inserted).mean()
        if greedy >= self.best:
            self.best, self.best_arrays = greedy, arrays
        latest, seconds = np.mean(self.returns[-20:]), time.monotonic() - self.began
        print(
            f"step {self.inserted:6,}  latest 20 episodes {latest:5.1f}  greedy {greedy:5.1f}  "
            f"version {self.version:4}  {seconds:4.0f} s"
        )


def evaluate(arrays, episodes=100, seed=1_000_000):
    """Returns [episodes] of greedy episodes, all played at once, each in its own copy of the environment."""
    envs = gym.make_vec(ENV_ID, episodes, vectorization_mode="vector_entry_point")
    observation, _ = envs.reset(seed=seed)
    returns, playing = np.zeros(episodes), np.ones(episodes, bool)
    while playing.any():
        observation, reward, terminated, truncated, _ = envs.step(q_values(arrays, observation).argmax(axis=1))
        returns += reward * playing
        playing &= ~(terminated | truncated)
    return returns


def main():
    """Start the workers, train, and evaluate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and of the batches [0]")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"in the environment [{STEPS:,}]")
    parser.add_argument("--workers", type=int, default=2, help="processes that act [2]")
    options = parser.parse_args()
    import_tensorflow()
    cluster = LocalCluster(
        n_workers=options.workers,
        threads_per_worker=1,
        security=Security.temporary(),  # TLS: certificates for this run only
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )
    with cluster, Client(cluster) as client:  # closed at the end, and after Ctrl-C
        learner = Learner(client, options.seed, options.steps)
        failed = streaming_loop(
            client,
            as_completed,
            rollout_task,
            learner,  # its arguments: unpacked for each task, so each one gets the newest weights
            learner.take,
            total=options.steps,
            window=2 * options.workers,
            retries=RETRIES,
        )
    print(f"{learner.updates:,} updates, {learner.dropped} rollouts too old, {failed} failed")
    returns = evaluate(learner.best_arrays)
    print(f"{len(returns)} greedy episodes: mean return {returns.mean():.1f}, lowest {returns.min():.0f} (500 is most)")


if __name__ == "__main__":  # a worker imports this file again: without this line it would start a cluster, too
    try:
        main()
    except KeyboardInterrupt:
        print("stopped")

# fa56d1e58ab7: as the notebook wrote it. Change what you like: a changed file is never written over.
