# ---
# jupyter:
#   dqnkit:
#     idea: "the table becomes a network; the gradient step; how it fares alone"
#     run_seconds: 34
# ---

# %% [markdown]
# # [[number]] · The table becomes a network
# <!-- badges -->
#
# Notebook [[q_update]] kept a number for every state and action. Here a **neural network** takes the table's place: it
# computes the Q-values from the observation, and it learns by **gradient steps**.
#
# **You will be able to**
#
# - say what a table can hold, and what a function in its place is for,
# - build the Q-network, and say what goes in and what comes out,
# - write the TD target, the loss and the gradient step, and say where no gradient may flow,
# - find the faults in a training step as it is often published, by running it and by looking at shapes,
# - measure, against the exact answer, how a network *alone* fares beside a table.
#
# **Time** about [[minutes]] minutes. **From notebook [[q_update]]** you need: $Q(s, a)$, the Q-update with $\alpha$ and $\gamma$, the
# grid world and its exact $Q^*$.

# %%
import gymnasium as gym
import numpy as np

from dqnkit.backend import keras, tf  # TensorFlow and Keras, without their greeting
from dqnkit.classroom import check, compare, download_progress, hints, predict, prediction, progress, use
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner
from dqnkit.lessons.q_network.compiled_step import compile_updates
from dqnkit.lessons.q_network.landscape_picture import Curve, Scale, landscape
from dqnkit.lessons.q_network.landscape_view import LandscapeView, Snapshot, grid_points
from dqnkit.lessons.q_network.network_picture import table_and_network
from dqnkit.plots import error_curves, q_table, ring
from dqnkit.small_environments import GridWorld
from dqnkit.types import Transition
from dqnkit.widgets import Slider, Sliders, watch

GAMMA = 0.8  # the discount factor: what a reward one step later is worth now
table_and_network()

# %% [markdown]
# The five operations of Q-learning stay what they were. Two of them change today:
#
# | operation | with a table ([[q_update]]) | with a network ([[q_network]]) |
# | --- | --- | --- |
# | **initialise** | all zeros | random weights |
# | **select** an action | look up, take the best (or explore) | compute, take the best (or explore) |
# | **execute** it | a step of the environment | the same |
# | **update** | move one entry | a gradient step on all weights |
# | **evaluate** | error against $Q^*$ | the same |

# %% [markdown]
# ## 1 · A row for every observation
#
# A table needs a row for every observation that can occur. The grid world has 25. CartPole's observation is four real
# numbers: the cart's position and velocity, the pole's angle and angular velocity. A row is of use only when its
# observation comes up *again*: what was learned there is looked up there.

# %% [markdown]
# **Predict.** [[question.repeats]]

# %%
predict("q_network-repeats")

# %% [markdown]
# `play` is the operation **execute**, with random actions: it takes steps and keeps each as a **transition**, the
# five things that an update needs. The fourth of them, the **discount**, replaces [[q_update]]'s `gamma` and `terminated` in
# one number: it is $\gamma$ where the episode went on and 0 where it terminated.


# %%
def play(env, steps, seed=0):
    """Random actions; what happened, as arrays with one row for each step."""
    rng = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    rows = []
    for _ in range(steps):
        action = rng.integers(env.action_space.n)
        next_observation, reward, terminated, truncated, _ = env.step(action)
        rows.append((observation, action, reward, 0.0 if terminated else GAMMA, next_observation))
        observation = env.reset()[0] if terminated or truncated else next_observation
    kinds = (np.float32, np.int32, np.float32, np.float32, np.float32)
    return Transition(*(np.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)))


cartpole = play(gym.make("CartPole-v1"), 10_000)
first = cartpole.observation[:2000]
repeats = len(first) - len(np.unique(first, axis=0))
print("one observation:", first[0])
print(f"{repeats} of {len(first):,} observations had been seen before")
compare("q_network-repeats", repeats)

# %% [markdown]
# A table would never be looked up twice in the same row. One could cut each number into 20 parts: that makes $20^4 =
# 160{,}000$ rows, and a neighbouring row still learns nothing from its neighbour. With pictures as observations
# (28,224 numbers in DQN's Atari games) even that is out of the question.
#
# We need something that gives *similar* observations *similar* values: a function with parameters. That it shares
# what it learns between observations is its gift. What else comes of sharing, sections 7 and 8 look at.

# %% [markdown]
# ## 2 · The Q-network
#
# The Q-network is a function $Q_\theta(s, a)$. Its **parameters** $\theta$ (theta) are all the weights and biases of
# its layers. The observation $s$ goes in; out come the values of *all* actions at once, so that one pass is enough to
# find the best one.
#
# The course's network has two **hidden layers** of 64 units with the activation **relu**, $\max(0, x)$, which lets it
# bend; and an output layer with one unit for each action.
#
# **Exercise** (6 minutes, difficulty 1 of 3). Build it with `keras.Sequential`. Which activation belongs on the
# output? Think of which values a return can have.


# %%
def q_network(observation_size, num_actions):
    """Observations [B, observation_size] -> values [B, num_actions]; B is the number of observations in a batch."""
    ### BEGIN SOLUTION
    return keras.Sequential(
        [
            keras.Input((observation_size,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(num_actions),  # no activation: a return may have any size and sign
        ]
    )
    ### END SOLUTION


check("q_network", q_network)

# %%
hints("q_network")

# %% [markdown]
# ### Initialise, and look
#
# We give the network the grid world: the observation is the square's column and row as $x$ and $y$, scaled to lie
# between -1 and +1. Between the squares the network has values too, so that we can draw it as a **landscape**: its
# height is $\max_a Q_\theta(s, a)$, the value of the best action. The dots are the exact $\max_a Q^*(s, a)$.

# %%
q_network = use("q_network", q_network)
keras.utils.set_random_seed(0)  # the same initial weights in every run

room = GridWorld(size=5, observation="xy")
squares = room.all_observations()  # [25, 2] x and y of every square
q_star = room.optimal_q(GAMMA)  # [25, 4] exact
inside = ~room.terminal  # [25] all squares but the goal
network = q_network(2, 4)
print(f"{network.count_params():,} parameters, where the table has {q_star.size} entries")

X, Y = Scale("x (column)", -1, 1), Scale("y (row)", -1, 1)
Z = Scale("max Q (discounted return)", 0, 1)
ROOM = grid_points(X, Y)  # [21, 21, 2] places at which to draw
known = np.column_stack([squares, q_star])[inside]  # x, y and the four exact values


def values_at(network, places):
    """Q-values [Y, X, A] of the network at places [Y, X, observation size]."""
    return network(places.reshape(-1, places.shape[-1])).numpy().reshape(*places.shape[:2], -1)


landscape(
    values_at(network, ROOM).max(axis=2),
    X,
    Y,
    Z,
    known=np.column_stack([known[:, :2], known[:, 2:].max(axis=1)]),
    title="Before any learning",
    caption="What to look for: random weights make a smooth, meaningless surface. Each orange stick is the error in "
    "one square, from the surface to the exact value. The goal is in the corner x = 1, y = 1.",
)

# %% [markdown]
# On this little room the network is the larger thing by far. We use it because here the exact answer is known; what
# we learn about the network holds where no table fits.

# %% [markdown]
# ## 3 · The target
#
# The update of [[q_update]], with the network in the place of the table, is the formula of this whole course:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha \, \big[\, \underbrace{r + \gamma \max_{a'}
# Q_{\theta'}(s', a')}_{\text{the TD target } y} - Q_\theta(s, a) \,\big]$$
#
# Here $r$ is the reward, $s'$ the next observation, $a'$ runs over the actions there, and $\alpha$ is the learning
# rate. **TD** stands for temporal difference: the target looks one step ahead in time. To use an estimate, $\max_{a'}
# Q_{\theta'}(s', a')$, in the target of another estimate is called to **bootstrap**. The bracket as a whole is the
# **TD error**.
#
# $\theta'$ are the parameters of the network that values the next observation. Today they are simply the same,
# $\theta' = \theta$. Notebook [[target_network]] is about why they should not be.
#
# From now on we handle a **batch** of $B$ transitions at a time. Rewards and discounts have the shape `[B]`, the
# values of the next observations `[B, A]`: a row for each transition, a column for each of the $A$ actions.
#
# **Exercise** (5 minutes, difficulty 1 of 3). Write the targets of a batch. Use TensorFlow's operations
# (`tf.reduce_max`), because gradients and compiled code will run through them.


# %%
def td_target(r, discount, q_next):
    """Rewards [B], discounts [B] (gamma, or 0 where the episode terminated), next values [B, A] -> targets [B]."""
    ### BEGIN SOLUTION
    return r + discount * tf.reduce_max(q_next, axis=1)
    ### END SOLUTION


check("td_target", td_target)

# %%
hints("td_target")

# %% [markdown]
# ## 4 · From the formula to a gradient step
#
# A network has no entry to move. But we can say what we want, as a **loss**: a number that is small when the values
# are close to their targets. For a batch of $B$ transitions, with the target $y_i$ of each,
#
# $$L(\theta) = \frac{1}{B} \sum_{i=1}^{B} \tfrac{1}{2} \big( y_i - Q_\theta(s_i, a_i) \big)^2 .$$
#
# The **gradient** of the loss says for each parameter how the loss changes with it. A **gradient step** moves all
# parameters a little against it: $\theta \leftarrow \theta - \alpha \, \nabla_\theta L(\theta)$. Plain steps of this
# kind are called SGD (stochastic gradient descent).
#
# This is nothing new. Take one transition, and let $\theta$ be the *table itself*: its entry $Q(s, a)$ is the only
# parameter in the loss, and the derivative of $\tfrac12 (y - Q)^2$ by $Q$ is $-(y - Q)$. So the gradient step is
# $Q \leftarrow Q + \alpha (y - Q)$: the Q-update. See it computed:

# %%
td_target = use("td_target", td_target)
s, a, r, s_next, alpha = 7, 1, 0.0, 8, 0.1  # one transition of the room: from square 7 to the right, to square 8

table = tf.Variable(q_star, dtype=tf.float32)  # any numbers will do
table[s, a].assign(0.0)
by_formula = 0.0 + alpha * (r + GAMMA * q_star[s_next].max() - 0.0)

with tf.GradientTape() as tape:  # records what is computed, to find the gradient of it
    y = td_target([r], [GAMMA], table[s_next : s_next + 1])
    loss = 0.5 * (tf.stop_gradient(y)[0] - table[s, a]) ** 2
gradient = tf.convert_to_tensor(tape.gradient(loss, table))
table.assign_sub(alpha * gradient)
print(f"Q-update by the formula: {by_formula:.6f}")
print(f"by a gradient step:      {table[s, a].numpy():.6f}")

# %% [markdown]
# ### What does `tf.stop_gradient` do there?
#
# The target $y$ is computed from the same parameters as $Q(s, a)$. `tf.stop_gradient` tells TensorFlow to treat it as
# a plain number. (A gradient that leaves a part out like this is called a **semi-gradient**.)

# %% [markdown]
# **Predict.** [[question.stop]]

# %%
predict("q_network-stop")

# %%
moves = []  # [25, 4] each: how far every value moves, with stop_gradient and without
for stop in (True, False):
    table[s, a].assign(0.0)
    with tf.GradientTape() as tape:
        y = td_target([r], [GAMMA], table[s_next : s_next + 1])
        loss = 0.5 * ((tf.stop_gradient(y) if stop else y)[0] - table[s, a]) ** 2
    moves.append(-alpha * tf.convert_to_tensor(tape.gradient(loss, table)).numpy())
    names = ("up", "right", "down", "left")
    moved = [f"Q(square {i}, {names[j]}) by {moves[-1][i, j]:+.4f}" for i, j in np.argwhere(moves[-1])]
    print("with stop_gradient:   " if stop else "without stop_gradient:", "; ".join(moved))

compare("q_network-stop", moves)

# %% [markdown]
# Without it the value *after* the step is dragged towards the value *before* it: information would flow from the past
# to the future, although only the future knows what was earned. The Q-update has no such term, and neither do we. The
# mistake is hard to see in a learning curve (on a small deterministic room it may even learn well); it shows in the
# gradient.

# %% [markdown]
# ## 5 · The training step
#
# Everything is there; put it together. `online` is the network that learns, $Q_\theta$; `target` the one that values
# the next observation, $Q_{\theta'}$.
#
# One thing is new. `online(batch.observation)` has the shape `[B, A]`, but only the value of the action that was
# *taken* belongs in the loss. `tf.gather(q, batch.action, axis=1, batch_dims=1)` picks from each row the column that
# `batch.action` names: `[B]`. Here `axis=1` says that actions are columns, and `batch_dims=1` that the rows of both
# belong together.
#
# **Exercise** (12 minutes, difficulty 3 of 3). Write one training step:
#
# 1. the targets `y`, `[B]`, from `td_target` and `target`, behind `tf.stop_gradient`;
# 2. inside a `tf.GradientTape()`: the values of the actions taken, `[B]`, and the loss of section 4;
# 3. the gradients by `online.trainable_variables`, and `optimizer.apply(gradients, online.trainable_variables)`;
# 4. return the loss.


# %%
def train_step(online, target, optimizer, batch):
    """One gradient step; batch is a Transition of tensors: observation, action, reward, discount, next_observation."""
    ### BEGIN SOLUTION
    y = tf.stop_gradient(td_target(batch.reward, batch.discount, target(batch.next_observation)))  # [B]
    with tf.GradientTape() as tape:
        q = online(batch.observation)  # [B, A]
        q_taken = tf.gather(q, batch.action, axis=1, batch_dims=1)  # [B]
        loss = tf.reduce_mean(0.5 * (y - q_taken) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(gradients, online.trainable_variables)
    return loss
    ### END SOLUTION


check("train_step", train_step)

# %%
hints("train_step")

# %% [markdown]
# ### The same as the package's
#
# `dqnkit.learner.Learner` is the part of the package that learns. From equal weights, on the same batch, it must come
# to the same place. Both use **Adam**, an optimizer that gives each parameter a step length of its own, with the
# learning rate 0.001.

# %%
train_step = use("train_step", train_step)
config = DQNConfig("dqnkit/GridWorld-v0", gamma=GAMMA, loss="squared", max_gradient_norm=0.0, batch_size=32)
learner = Learner(config)
mine, other = q_network(2, 4), q_network(2, 4)
mine.set_weights(learner.online.get_weights())
other.set_weights(learner.target.get_weights())

grid = play(room, 10_000)  # 10,000 random steps in the room  # fast: play(room, 1_000)
batch = Transition._make(values[:32] for values in grid)
optimizer = keras.optimizers.Adam(1e-3, epsilon=config.adam_epsilon)
loss = float(train_step(mine, other, optimizer, Transition._make(map(tf.constant, batch))))
result = learner.update(Transition._make(values[None] for values in batch))  # [K, B]: K = 1 batch of 32

apart = max(np.abs(x - y).max() for x, y in zip(mine.get_weights(), learner.online.get_weights(), strict=True))
print(f"loss: yours {loss:.6f}, the package's {result.losses[0]:.6f}")
print(f"largest difference of a weight after the step: {apart:.1e}")

# %% [markdown]
# The step alone takes about 30 ms, nearly all of it Python and bookkeeping. `compile_updates` has TensorFlow record
# your step once and compile it; then thousands of steps run in one call, well under a millisecond each. From here on,
# *your* step does all the learning.

# %% [markdown]
# ## 6 · Watch it learn CartPole
#
# Now what no table could do. The 10,000 random steps of CartPole go through your step one after the other, in the
# order in which they happened: one transition, one update. The reward is 1 for every step, so no value can be more
# than $1 + \gamma + \gamma^2 + \dots = 1/(1-\gamma) = 5$.
#
# The landscape shows the value over the pole's angle and its angular velocity, with the cart at rest in the middle.
# **Before you run it:** where must it be high, where low? Think of a pole that leans to the right *and* falls to the
# right.


# %%
def one_by_one(transitions, network, step=train_step, every=50, learning_rate=1e-3, knobs=None):
    """Run the transitions through the step in their order, one at a time; yield after every 50 updates."""
    optimizer = keras.optimizers.Adam(learning_rate)
    update = compile_updates(step, network, network, optimizer)  # online and target are one and the same
    for start in range(0, len(transitions.action), every):
        if knobs:
            optimizer.learning_rate.assign(knobs["learning rate"])
        update(Transition._make(values[start : start + every, None] for values in transitions))  # [K, 1, ...]
        yield start + every


def learn_cartpole(network, transitions):
    angles = grid_points(ANGLE, SPEED)  # [21, 21, 2]
    places = np.concatenate([np.zeros_like(angles), np.radians(angles[..., :1]), angles[..., 1:]], axis=-1)
    some = transitions.observation[::50]
    for updates in one_by_one(transitions, network):
        yield Snapshot(updates, values_at(network, places), network(some).numpy().max(axis=1).mean())


ANGLE, SPEED = Scale("pole's angle (degrees)", -12, 12), Scale("angular velocity (rad/s)", -2.5, 2.5)
steps = 10_000  # fast: 500
most = round(1 / (1 - GAMMA), 6)  # the largest value possible
view = LandscapeView(
    ANGLE,
    SPEED,
    Scale("max Q (discounted return)", 0, 1.2 * most),
    ("push left", "push right"),
    "mean of max Q (discounted return)",
    total=steps,
    highest=1.2 * most,
    level=(f"most possible: {most:g}", most),
    caption="What to look for: high where the pole can still be saved, low in the two corners where it leans to one "
    "side and falls to that same side.",
)
keras.utils.set_random_seed(1)
cartpole_network = q_network(4, 2)
last = await watch(
    learn_cartpole(cartpole_network, Transition._make(values[:steps] for values in cartpole)),
    view.draw,
    total=steps,
    step=lambda snapshot: snapshot.update,
    summary=lambda snapshot: f"{snapshot.update:,} updates, mean of max Q {snapshot.measured:.2f}",
    title="CartPole, one update for each transition",
)

# %% [markdown]
# Touch it: wind the training back and play it again, turn it, look at one action. Where does *push left* have a
# higher value than *push right*?

# %%
view

# %% [markdown]
# After a few minutes of play, at random, the network knows which states are lost, also such as it has never seen
# exactly. That is what sharing gives. But look at the curve once more: are these values right? On CartPole we cannot
# say. So back to the room, where we can.

# %% [markdown]
# ## 7 · What one update changes

# %% [markdown]
# **Predict.** [[question.moves]]

# %%
predict("q_network-moves")

# %%
arrival = np.flatnonzero(grid.reward == 1)[:1]  # a transition that arrived at the goal
one = Transition._make(tf.constant(values[arrival]) for values in grid)
keras.utils.set_random_seed(0)
network = q_network(2, 4)
before = network(squares).numpy()
train_step(network, network, keras.optimizers.SGD(0.1), one)  # a plain step
change = network(squares).numpy() - before  # [25, 4]

number_of = {tuple(place): number for number, place in enumerate(squares)}  # x, y -> number of the square
square, action = number_of[tuple(grid.observation[arrival[0]])], grid.action[arrival[0]]
in_table = np.zeros((25, 4))
in_table[square, action] = 0.5 * (1 - 0)  # alpha times the TD error, in a table of zeros
moved = int((np.abs(change) > 1e-4).sum())
print(f"{moved} of 100 values moved by more than 0.0001")
q_table(
    {"table: change by one update": in_table, "network: change by one update": change},
    goals=room.goals,
    caption="What to look for: which values the update changes, and by how much: of the square and the action that it is "
    "about, and of others.",
)

# %%
compare("q_network-moves", moved)

# %% [markdown]
# ## 8 · The network alone, against the exact answer
#
# Now the comparison that this notebook is about. The same 10,000 random transitions, in their order, one update each:
# once into the table of [[q_update]], once into the network. After every 50 updates we **evaluate**: the **error** is the
# largest $|Q(s, a) - Q^*(s, a)|$ over all squares and actions.

# %% [markdown]
# **Predict.** [[question.alone]]

# %%
predict("q_network-alone")


# %%
def error(q):
    """The largest difference to the exact Q* [25, 4], the goal left out."""
    return np.abs(q - q_star)[inside].max()


def table_errors(transitions, alpha=0.5, every=50):
    """The Q-update of notebook [[q_update]], transition by transition; the error after every 50 updates."""
    q, errors = np.zeros((25, 4)), []
    for update, (o, a, r, discount, o_next) in enumerate(zip(*transitions, strict=True), start=1):
        s, s_next = number_of[tuple(o)], number_of[tuple(o_next)]
        q[s, a] += alpha * (r + discount * q[s_next].max() - q[s, a])
        if update % every == 0:
            errors.append(error(q))
    return np.array(errors)


def learn_room(network, transitions, knobs=None):
    for updates in one_by_one(transitions, network, knobs=knobs):
        yield Snapshot(updates, values_at(network, ROOM), error(network(squares).numpy()))


updates = np.arange(50, len(grid.action) + 1, 50)
by_table = table_errors(grid)
view = LandscapeView(
    X,
    Y,
    Z,
    ("up", "right", "down", "left"),
    "error (largest |Q − Q*|)",
    total=len(grid.action),
    highest=1.0,
    known=known,
    curves=[Curve("table", "reference", updates, by_table)],
    caption="What to look for: the surface and the dots, where the agent walks and in the other parts of the room; and "
    "below, the two errors, early and late.",
)
prediction("q_network-alone")  # what you predicted is kept as it is, from here on
knobs = Sliders(**{"learning rate": Slider(1e-5, 1e-2, 1e-3, log=True)})
keras.utils.set_random_seed(0)
network = q_network(2, 4)
last = await watch(
    learn_room(network, grid, knobs),
    view.draw,
    total=len(grid.action),
    step=lambda snapshot: snapshot.update,
    summary=lambda snapshot: f"{snapshot.update:,} updates, error {snapshot.measured:.3f}",
    title="The room, one update for each transition",
    sliders=knobs,
)

# %%
view

# %% [markdown]
# One run proves little. Five runs, each with other transitions and other initial weights:

# %%
network_errors, errors_of_tables = [], []
SEEDS = range(5)  # fast: range(2)
for seed in SEEDS:
    transitions = play(room, len(grid.action), seed)
    keras.utils.set_random_seed(seed)
    network = q_network(2, 4)
    network_errors.append(
        [error(network(squares).numpy()) for _ in one_by_one(transitions, network)]  # evaluate every 50 updates
    )
    errors_of_tables.append(table_errors(transitions))

late = np.array(network_errors)[:, len(updates) // 2 :]
print("error of the table at the end, each run:       ", np.round([e[-1] for e in errors_of_tables], 3))
print("error of the network at the end, each run:     ", np.round(late[:, -1], 3))
print("lowest and highest in the second half, each run:", [f"{e.min():.2f} to {e.max():.2f}" for e in late])
error_curves(
    {"table": errors_of_tables, "network": network_errors},
    x=updates,
    ylabel="error (largest |Q − Q*|)",
    kinds={"table": "reference", "network": "online network"},
    title="The same transitions, one update each",
    what="where is each line half-way, and where at the end? The band reaches from the least to the largest of the runs.",
)

# %%
compare("q_network-alone", late)

# %% [markdown]
# The surface finds its way to the dots, and never comes to rest: each update also moves values that have nothing to do
# with it, by amounts that nobody asked for. Two things are wrong, and both come from sharing:
#
# - **The data is correlated.** Successive transitions lie next to each other. The network fits the corner in which
#   the agent walks, and what it knew of the other corners drifts. Notebook [[replay]] mends this with *replay*.
# - **The target moves.** Each step changes $Q_\theta(s', a')$ as well, and so the very target that it was aiming at.
#   With $\gamma = 0.8$ this only shakes the values. If you have time, set `GAMMA = 0.95` in the first cell and run
#   all again: what becomes of the error? Notebook [[target_network]] mends this with a *target network*.

# %% [markdown]
# ## 9 · Find the faults in the published step
#
# Training steps like the next one stand in many tutorials. This one has **three faults**. Read it first. How many do
# you see?


# %%
def published_step(online, target, optimizer, batch):
    terminated = tf.cast(batch.discount == 0, tf.float32)
    with tf.GradientTape() as tape:
        next_q = online(batch.next_observation)
        y = tf.stop_gradient(batch.reward + (1 - terminated) * gamma * tf.reduce_max(next_q, axis=1))
        q_values = online(batch.observation)
        q_taken = tf.gather(q_values, batch.action, axis=1)
        loss = tf.reduce_mean(0.5 * (y - q_taken) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(gradients, online.trainable_variables)
    return loss


# %% [markdown]
# **The first fault** shows as soon as it runs:

# %%
small = Transition._make(tf.constant(values[:8]) for values in grid)  # a batch of 8
try:
    published_step(network, network, keras.optimizers.SGD(0.1), small)
except NameError as problem:
    print("NameError:", problem)

# %% [markdown]
# Such code worked on its author's computer, where an earlier cell had left a `gamma` behind. Restart and run all, now
# and then! We define it, and the step runs without a word. It even learns something.

# %%
gamma = GAMMA
print("loss:", float(published_step(network, network, keras.optimizers.SGD(0.1), small)))

# %% [markdown]
# **The second fault** raises no error. Predict its effect:

# %% [markdown]
# **Predict.** [[question.published]]

# %%
predict("q_network-published")


# %%
CALLS = 30  # fast: 1


def from_batches(step, seed=0):
    """The network after many batches of 32, drawn at random from all transitions."""
    keras.utils.set_random_seed(seed)
    network, rng = q_network(2, 4), np.random.default_rng(seed)
    update = compile_updates(step, network, network, keras.optimizers.Adam(1e-3))
    for _ in range(CALLS):  # 100 batches in each
        drawn = rng.integers(len(grid.action), size=(100, 32))
        update(Transition._make(values[drawn] for values in grid))
    return network


prediction("q_network-published")  # what you predicted is kept as it is, from here on
published = from_batches(published_step)
learned, exact = published(squares).numpy().max(axis=1)[inside], q_star.max(axis=1)[inside]  # [24] each
print(f"from the lowest to the highest square: {np.ptp(learned):.3f}; in the exact values: {np.ptp(exact):.3f}")
landscape(
    values_at(published, ROOM).max(axis=2),
    X,
    Y,
    Z,
    known=np.column_stack([known[:, :2], known[:, 2:].max(axis=1)]),
    title="The published step",
    caption="What to look for: the shape of the surface beside that of the dots. The loss was made smaller 3,000 times.",
)

# %%
compare("q_network-published", (learned, exact))

# %% [markdown]
# To find it, print the shape of every intermediate result, for a batch of 8 with 4 actions. What should each be?

# %%
q_values = network(small.observation)
q_taken = tf.gather(q_values, small.action, axis=1)
y = td_target(small.reward, small.discount, network(small.next_observation))
for name, value in {"q_values": q_values, "q_taken": q_taken, "y": y, "y - q_taken": y - q_taken}.items():
    print(f"{name:12} {value.shape}")

# %% [markdown]
# Without `batch_dims=1`, `tf.gather` takes all 8 actions from each of the 8 rows: `[B, B]`. Then `y`, `[B]`, is
# broadcast along it without a word. Every target is compared with the values of *all* observations in the batch, so
# all squares are pulled to one mean.
#
# **The third fault** raises no error and bends no shape. Compare the lines that compute `next_q` in the published
# step and in yours: it bootstraps from `online`, the network that it trains. Today both names stand for the same
# network, so nothing shows. Why it matters, and what to do, is notebook [[target_network]].
#
# **Exercise** (4 minutes, difficulty 2 of 3). Write the published step once more, without its faults. It must pass
# the check of `train_step`, which tries it with two networks that differ. (Mend one fault at a time and see which one
# the check names.)


# %%
def mended_step(online, target, optimizer, batch):
    """The published step without its three faults."""
    ### BEGIN SOLUTION
    with tf.GradientTape() as tape:
        next_q = target(batch.next_observation)
        y = tf.stop_gradient(batch.reward + batch.discount * tf.reduce_max(next_q, axis=1))
        q_values = online(batch.observation)
        q_taken = tf.gather(q_values, batch.action, axis=1, batch_dims=1)
        loss = tf.reduce_mean(0.5 * (y - q_taken) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(gradients, online.trainable_variables)
    return loss
    ### END SOLUTION


check("train_step", mended_step)

# %%
mended_step = use("train_step", mended_step)
mended = from_batches(mended_step)
print(f"error: published {error(published(squares).numpy()):.3f}, mended {error(mended(squares).numpy()):.3f}")
landscape(
    values_at(mended, ROOM).max(axis=2),
    X,
    Y,
    Z,
    known=np.column_stack([known[:, :2], known[:, 2:].max(axis=1)]),
    title="The mended step, on the same batches",
    caption="What to look for: the slope up to the goal, and short sticks. Batches drawn at random are calmer than "
    "single "
    "transitions in a row, a look ahead to notebook [[replay]]; but the target still moves, and the error still leaps.",
)

# %% [markdown]
# ## What we built

# %%
ring("learner")

# %% [markdown]
# The **learner**: a network, a loss, and a gradient step that is the Q-update of notebook [[q_update]] in another dress. It
# learns where no table can; alone it never comes to rest.
#
# ### Questions
#
# <details><summary>1. Why does the network have one output for each action, and not the action as an input?</summary>
#
# To select an action and to compute a target we need the largest value over <em>all</em> actions. With one output for
# each, a single pass gives them all; with the action as an input it would take one pass for each action.
# </details>
#
# <details><summary>2. The loss of your network falls steadily. Is the policy getting better?</summary>
#
# That does not follow. The loss measures the distance to targets that the network makes itself, and they may all be
# wrong together. With the [B, B] fault the loss fell too, to a flat landscape. Look at values that you can judge,
# here the error against Q*, and later at returns.
# </details>
#
# <details><summary>3. In the table an update of one entry leaves all others alone; in the network it does not. Name
# one good and one bad thing about that.</summary>
#
# Good: what is learned in one state is known in similar ones, also in those never seen. Bad: an update for one state
# spoils the values of others, and it moves its own target.
# </details>
#
# ### Further reading
#
# - Watkins, 1989, *Learning from Delayed Rewards*: Q-learning, for tables.
# - Mnih et al., 2013, *Playing Atari with Deep Reinforcement Learning*: the Q-network, trained with replay.
# - Mnih et al., 2015, *Human-level control through deep reinforcement learning*: the complete DQN.
# - Sutton and Barto, 2018, *Reinforcement Learning: An Introduction*, chapters 9 to 11: semi-gradients, and the
#   "deadly triad" of function approximation, bootstrapping and learning from another policy's data.
#
# **Next:** [[replay]], the replay buffer.

# %%
keras.backend.clear_session()  # nothing was started that goes on running; this frees the networks' memory
progress()

# %%
download_progress()
