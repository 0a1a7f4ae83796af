"""Deep Q-Learning on one page: CartPole with a Q-network, a replay buffer and a target network (Mnih et al., 2015).

    python -m dqnkit.dqn_in_one_file

Every step in the environment is one turn of: select an action, execute it, update the network. At the end the greedy
policy is evaluated. Shapes: B transitions in a batch, K batches in one compiled call, N copies of the environment,
A actions.
"""

import gymnasium as gym
import numpy as np
import tensorflow as tf

ENV_ID = "CartPole-v1"
NUM_ENVS = 16  # copies of the environment, stepped together
TOTAL_STEPS = 120_000  # over all copies
GAMMA = 0.99  # discount factor
LEARNING_RATE, LAST_LEARNING_RATE = 3e-3, 1e-5  # it falls from the first to the second in a straight line
BATCH_SIZE = 64
UPDATES = 8  # K: after every step of the 16 copies
TARGET_PERIOD = 200  # updates between two copies of the online network to the target network
REPLAY_CAPACITY = 120_000
LEARNING_STARTS = 500  # transitions in the replay buffer before the first update
EPSILON_END, EPSILON_STEPS = 0.02, 10_000  # epsilon falls from 1 to this within so many steps


def build_q_network(num_inputs, num_actions):
    """The Q-network, [B, D] -> [B, A]: one value for each action."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input([num_inputs]),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(num_actions),  # no activation: a value may be any number
        ]
    )


class ReplayBuffer:
    """The latest transitions. When it is full, the newest replace the oldest."""

    def __init__(self, capacity, num_inputs):
        self.observation = np.zeros([capacity, num_inputs], np.float32)
        self.action = np.zeros(capacity, np.int32)
        self.reward = np.zeros(capacity, np.float32)
        self.discount = np.zeros(capacity, np.float32)
        self.next_observation = np.zeros([capacity, num_inputs], np.float32)
        self.fields = (self.observation, self.action, self.reward, self.discount, self.next_observation)
        self.capacity, self.added = capacity, 0

    def __len__(self):
        return min(self.added, self.capacity)

    def add(self, *transitions):
        """Store transitions: the fields in the order above, each [B, ...]."""
        places = (self.added + np.arange(len(transitions[0]))) % self.capacity
        for field, values in zip(self.fields, transitions, strict=True):
            field[places] = values
        self.added += len(places)

    def sample(self, num_batches, batch_size, rng):
        """Uniformly drawn batches: each field [K, B, ...]."""
        places = rng.integers(len(self), size=[num_batches, batch_size])
        return [field[places] for field in self.fields]


def epsilon_greedy(q_values, epsilon, rng):
    """Actions [N] for Q-values [N, A]: with probability epsilon a random one, else the one of the largest value."""
    num_envs, num_actions = q_values.shape
    explore = rng.random(num_envs) < epsilon
    return np.where(explore, rng.integers(num_actions, size=num_envs), q_values.argmax(axis=1))


def make_update(online, target, optimizer):
    """A compiled function that makes one gradient step with each of K batches and returns the losses [K]."""

    def train_step(observation, action, reward, discount, next_observation):
        # The bootstrap value is that of the best next action. The discount is 0 where the episode terminated.
        td_target = reward + discount * tf.reduce_max(target(next_observation), axis=1)  # [B]
        with tf.GradientTape() as tape:
            q_taken = tf.gather(online(observation), action, axis=1, batch_dims=1)  # [B]
            loss = tf.reduce_mean(0.5 * (tf.stop_gradient(td_target) - q_taken) ** 2)
        optimizer.apply(tape.gradient(loss, online.trainable_variables), online.trainable_variables)
        is_due = optimizer.iterations % TARGET_PERIOD == 0
        for ours, theirs in zip(online.trainable_variables, target.trainable_variables, strict=True):
            theirs.assign(tf.where(is_due, ours, theirs))
        return loss

    @tf.function(jit_compile=True)  # one program for all K steps: several times faster than K calls
    def update(batches):
        return tf.map_fn(lambda batch: train_step(*batch), batches, fn_output_signature=tf.float32)

    optimizer.build(online.trainable_variables)
    return update


def evaluate(online, num_episodes=100, seed=1_000_000):
    """Returns [num_episodes] of greedy episodes, one in each copy: the first to finish would be the short ones."""
    envs = gym.make_vec(ENV_ID, num_episodes, vectorization_mode="vector_entry_point")
    q_values = tf.function(online)
    observation, _ = envs.reset(seed=seed)
    returns, running = np.zeros(num_episodes), np.ones(num_episodes, bool)
    while running.any():
        observation, reward, terminated, truncated, _ = envs.step(q_values(observation).numpy().argmax(axis=1))
        returns += reward * running
        running &= ~(terminated | truncated)
    return returns


def train(seed=0, total_steps=TOTAL_STEPS):
    """Train a Q-network and return it."""
    # Initialise
    rng = np.random.default_rng(seed)
    tf.keras.utils.set_random_seed(seed)  # for the initial weights
    envs = gym.make_vec(ENV_ID, NUM_ENVS, vectorization_mode="vector_entry_point")
    num_inputs, num_actions = envs.single_observation_space.shape[0], int(envs.single_action_space.n)
    online, target = (build_q_network(num_inputs, num_actions) for _ in range(2))
    target.set_weights(online.get_weights())
    num_updates = total_steps // NUM_ENVS * UPDATES
    schedule = tf.keras.optimizers.schedules.PolynomialDecay(LEARNING_RATE, num_updates, LAST_LEARNING_RATE)
    update = make_update(online, target, tf.keras.optimizers.Adam(schedule))
    q_values = tf.function(online)  # compiled, like the update
    replay = ReplayBuffer(REPLAY_CAPACITY, num_inputs)

    observation, _ = envs.reset(seed=seed)
    was_done = np.zeros(NUM_ENVS, bool)
    for step in range(0, total_steps, NUM_ENVS):
        # Select
        epsilon = max(EPSILON_END, 1 - (1 - EPSILON_END) * step / EPSILON_STEPS)
        action = epsilon_greedy(q_values(observation).numpy(), epsilon, rng)
        # Execute. The step after the end of an episode only resets that copy: it is no transition.
        next_observation, reward, terminated, truncated, _ = envs.step(action)
        discount = GAMMA * ~terminated  # a truncated episode would have gone on: it keeps its bootstrap value
        transitions = (observation, action, reward, discount, next_observation)
        replay.add(*(values[~was_done] for values in transitions))
        observation, was_done = next_observation, terminated | truncated
        # Update
        if len(replay) >= LEARNING_STARTS:
            losses = update(replay.sample(UPDATES, BATCH_SIZE, rng))
            if step % (total_steps // 20) < NUM_ENVS:
                print(f"step {step:7,}  epsilon {epsilon:.2f}  loss {losses.numpy().mean():8.4f}")
    return online


if __name__ == "__main__":
    # Evaluate
    returns = evaluate(train())
    print(f"mean return of {len(returns)} greedy episodes: {returns.mean():.1f} (500 is the most)")
