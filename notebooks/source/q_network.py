# ---
# jupyter:
#   dqnkit:
#     idea: "the table becomes a network; the gradient step; how it fares alone"
#     run_seconds: 30
# ---

# %% [markdown]
# # [[number]] · The table becomes a network
# <!-- badges -->
#
# Notebook [[q_update]] kept a number for every state and action. Here a **neural network** takes the table's place: it
# computes the Q-values from the observation, and it learns by **gradient steps**.
#
# **After this notebook you will be able to**
#
# - say what a table can hold; build the Q-network, and say what goes in and what comes out,
# - write the TD target, the loss and the gradient step, and say where no gradient may flow,
# - say what Q-learning with a network has in common with regression,
# - measure, against the exact answer, how a network *alone* fares beside a table.
#
# **Time:** about [[minutes]] minutes, and [[optional_minutes]] for the last two sections, which are optional: CartPole, and a
# training step with faults to find. **From notebook [[q_update]]** you need $Q(s, a)$, the
# Q-update with $\alpha$ and $\gamma$, the grid world and its exact $Q^*$.

# %%
import gymnasium as gym
import numpy as np

from dqnkit.backend import keras, tf  # TensorFlow and Keras, without their greeting

GAMMA = 0.8  # the discount factor: what a reward one step later is worth now

# %% Import the parts of the kit; draw a table beside a network
from dqnkit.classroom import check, compare, download_progress, predict, prediction, progress, use
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner
from dqnkit.lessons.q_network.compiled_step import compile_updates
from dqnkit.lessons.q_network.network_picture import table_and_network
from dqnkit.lessons.q_network.table import table_errors
from dqnkit.lessons.q_network.views import cartpole_snapshot, cartpole_view, draw_room, room_snapshot, room_view
from dqnkit.plots import error_curves, q_table, ring
from dqnkit.small_environments import GridWorld
from dqnkit.types import Transition
from dqnkit.widgets import Slider, Sliders

table_and_network()

# %% [markdown]
# The five operations of Q-learning are the same as before. What changes is how three of them are done:
#
# | operation | with a table ([[q_update]]) | with a network ([[q_network]]) |
# | --- | --- | --- |
# | **initialise** | all values next to 0 | random weights |
# | **select** an action | look up the values, take the best (or explore) | compute the values, take the best (or explore) |
# | **execute** it | a step of the environment | the same |
# | **update** | move one entry | a gradient step |
# | **evaluate** | error against $Q^*$ | the same |

# %% [markdown]
# ## 1. A row for every observation
#
# A table needs a row for every observation that can occur. The grid world has 25. CartPole's observation is four real
# numbers: the cart's position and velocity, the pole's angle and angular velocity (its turning speed). A row is of
# use only when its observation comes up *again*.

# %% [markdown]
# **Predict.** [[question.repeats]]

# %% Your prediction
predict("q_network-repeats")

# %% [markdown]
# `play` takes steps with random actions and keeps each as a **transition**, the five things that an update needs. Its
# **discount** replaces [[q_update]]'s `gamma` and `terminated` by one number: $\gamma$ where the episode went on, and 0
# where it terminated.


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
    columns = zip(*rows, strict=True)
    return Transition(*(np.array(x, kind) for x, kind in zip(columns, kinds, strict=True)))


cartpole = play(gym.make("CartPole-v1"), 10_000)
first = cartpole.observation[:2000]
repeats = len(first) - len(np.unique(first, axis=0))
print("one observation:", first[0])
print(f"{repeats} of {len(first):,} observations had been seen before")

# %% Compare with your prediction
compare("q_network-repeats", repeats)

# %% [markdown]
# One could cut each of the four numbers into 20 parts. That makes $20^4 = 160{,}000$ rows, and what is learned in one row
# still says nothing about the row next to it. A picture as an observation (28,224 numbers in DQN's Atari games) cannot be
# cut up like this at all.
#
# We need something that gives *similar* observations *similar* values: a function with parameters. What it learns from
# one observation it shares with others. Sections 8 and 9 look at what comes of sharing.

# %% [markdown]
# ## 2. The Q-network
#
# The Q-network is a function $Q_\theta(s, a)$. Its **parameters** $\theta$ (theta) are all the weights and biases of
# its layers. The observation $s$ goes in, and the values of *all* actions come out, so that one pass is enough to find
# the best one.
#
# The course's network has two **hidden layers** of 64 units with the activation **relu**, $\max(0, x)$, which lets the
# function bend. The output layer has one unit for each action.
#
# ### Your turn: `q_network` (6 minutes, difficulty 1 of 3)
#
# Build it with `keras.Sequential([...])`, a list of layers, each fed by the one before. `keras.Input((n,))` comes first and
# says that n numbers go in; `keras.layers.Dense(units, activation="relu")` is a layer; without `activation` it has none.
# Which activation belongs on the output? Think of the values that a return can have.


# %%
def q_network(observation_size, num_actions):
    """Observations [B, observation_size] -> values [B, num_actions]; B: observations in a batch."""
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

# %% [markdown]
# ### Initialise, and look
#
# We give the network the grid world. The observation is the square's column and row as $x$ and $y$, scaled to lie
# between -1 and +1. The network has values between the squares too, so we can draw it as a **landscape**: its height is
# $\max_a Q_\theta(s, a)$. The dots are the exact $\max_a Q^*(s, a)$.

# %%
q_network = use("q_network", q_network)
keras.utils.set_random_seed(0)  # the same initial weights in every run

room = GridWorld(size=5, observation="xy")
squares = room.all_observations()  # [25, 2] x and y of every square
q_star = room.optimal_q(GAMMA)  # [25, 4] exact
network = q_network(2, 4)
print(f"{network.count_params():,} parameters, where the table has {q_star.size} entries")

# %% Draw the landscape before any learning
draw_room(
    network,
    room,
    q_star,
    title="Before any learning",
    caption="What to look for: random weights make a smooth, meaningless surface. Each orange stick is the error in "
    "one square, from the surface to the exact value. The goal is in the corner x = 1, y = 1.",
)

# %% [markdown]
# The network has far more parameters than the table has entries. No one needs it in a room as small as this. We use it
# here because the exact answer is known.
#
# ## 3. The target
#
# The update of [[q_update]], with the network in the place of the table, is the formula of this whole course:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha \, \big[\, \underbrace{r + \gamma \max_{a'}
# Q_{\theta'}(s', a')}_{\text{the TD target } y} - Q_\theta(s, a) \,\big]$$
#
# Here $s'$ is the next observation, $a'$ runs over the actions there, and $\alpha$ is the step size, which for networks is called the **learning rate**. **TD** stands for
# temporal difference: the target looks one step ahead. It contains an estimate, $\max_{a'} Q_{\theta'}(s', a')$; to learn
# one estimate from another is called to **bootstrap**. The whole bracket is the **TD error**.
#
# $\theta'$ are the parameters of the network that values the next observation. They may be the same, $\theta' = \theta$;
# notebook [[target_network]] is about why they should not be.
#
# From now on we handle a **batch** of $B$ transitions at a time. Rewards and discounts have the shape `[B]`, the
# values of the next observations `[B, A]`: a row for each transition, a column for each of the $A$ actions.
#
# ### Your turn: `td_target` (5 minutes, difficulty 1 of 3)
#
# Write the targets of a batch. Use TensorFlow's operations, such as
# `tf.reduce_max`, because this function will be compiled later.


# %%
def td_target(r, discount, q_next):
    """Rewards [B], discounts [B] (0 where terminated), next values [B, A] -> targets [B]."""
    ### BEGIN SOLUTION
    return r + discount * tf.reduce_max(q_next, axis=1)
    ### END SOLUTION


check("td_target", td_target)

# %% [markdown]
# ## 4. From the formula to a gradient step
#
# A network has no entry to move. Instead we say what we want by a **loss**: a number that is small when the values are
# close to their targets. For a batch of $B$ transitions with targets $y_i$,
#
# $$L(\theta) = \frac{1}{B} \sum_{i=1}^{B} \tfrac{1}{2} \big( y_i - Q_\theta(s_i, a_i) \big)^2 .$$
#
# The **gradient** of the loss says for each parameter how the loss changes with it. A **gradient step** moves all
# parameters a little against it: $\theta \leftarrow \theta - \alpha \, \nabla_\theta L(\theta)$. Plain steps of this kind
# are called SGD (stochastic gradient descent).
#
# For a table, the gradient step *is* the Q-update. Take one transition, let $\theta$ be the table itself, and take the
# target $y$ as a plain number. Then the entry $Q(s, a)$ is the only parameter in the loss, and the derivative of $\tfrac12 (y - Q)^2$ by $Q$ is $-(y - Q)$. So the
# step is $Q \leftarrow Q + \alpha (y - Q)$. The cell computes both:

# %%
s, a, r, s_next, alpha = 7, 1, 0.0, 8, 0.1  # from square 7 to the right, to square 8
table = tf.Variable(q_star, dtype=tf.float32)  # any numbers will do
table[s, a].assign(0.0)
by_formula = 0.0 + alpha * (r + GAMMA * q_star[s_next].max() - 0.0)

with tf.GradientTape() as tape:  # records what is computed, to find its gradient
    y = tf.stop_gradient(r + GAMMA * tf.reduce_max(table[s_next]))
    loss = 0.5 * (y - table[s, a]) ** 2
table.assign_sub(alpha * tf.convert_to_tensor(tape.gradient(loss, table)))
print(f"Q-update by the formula: {by_formula:.6f}")
print(f"by a gradient step:      {table[s, a].numpy():.6f}")

# %% [markdown]
# ### What does `tf.stop_gradient` do there?
#
# The target $y$ is computed from the same parameters as $Q(s, a)$. `tf.stop_gradient` tells TensorFlow to treat it as
# a plain number. (A gradient that leaves out a part like this is called a **semi-gradient**.)

# %% [markdown]
# **Predict.** [[question.stop]]

# %% Your prediction
predict("q_network-stop")

# %%
moves = []  # twice [25, 4]: how far every value moves, with stop_gradient and without
for stop in (True, False):
    table[s, a].assign(0.0)
    with tf.GradientTape() as tape:
        y = r + GAMMA * tf.reduce_max(table[s_next])
        loss = 0.5 * ((tf.stop_gradient(y) if stop else y) - table[s, a]) ** 2
    moves.append(-alpha * tf.convert_to_tensor(tape.gradient(loss, table)).numpy())
    names = ("up", "right", "down", "left")
    moved = [f"Q({i}, {names[j]}) by {moves[-1][i, j]:+.4f}" for i, j in np.argwhere(moves[-1])]
    print("with stop_gradient:   " if stop else "without stop_gradient:", "; ".join(moved))

# %% Compare with your prediction
compare("q_network-stop", moves)

# %% [markdown]
# Without it the value *after* the step is also dragged towards the value *before* it. But news of a reward travels the other
# way, from later to earlier: what the earlier value says is no evidence about the later one. (In square 8 the moves right and down are equally good. Both are the maximum, so each takes half of the
# gradient.) The Q-update has no such term, and neither do we. Look for this mistake in the gradient, as here: a learning
# curve need not show it.
#
# ### The squared loss and the Huber loss
#
# The derivative of half the square is, up to its sign, the TD error itself: an error of 10 pulls ten times as hard as an
# error of 1, and one rare, large reward can outweigh the rest of its batch. The **Huber loss** is half the square for errors
# up to 1 and a straight line beyond. Its derivative is the TD error cut off at 1, `tf.clip_by_value(td_error, -1, 1)`. DQN
# was published with it (Mnih et al., 2015). Rewards in the room are at most 1, so here we keep the square. Notebook
# [[target_network]] looks at it again, and clips the length of the whole gradient.

# %% [markdown]
# ## 5. The value of the action taken
#
# `network(observations)` has the shape `[B, A]`. The loss needs `[B]`: from each row the value of the action that was
# *taken*, $Q_\theta(s_i, a_i)$. Suppose that three transitions have these values and actions:
#
# | row | up | right | down | left | action taken | its value |
# | --- | --- | --- | --- | --- | --- | --- |
# | 0 | 0.1 | **0.5** | 0.2 | 0.0 | 1 | 0.5 |
# | 1 | **0.3** | 0.4 | 0.2 | 0.6 | 0 | 0.3 |
# | 2 | 0.7 | 0.1 | 0.8 | **0.2** | 3 | 0.2 |
#
# In NumPy this is `q[np.arange(3), actions]`. But a gradient has to flow through it, so it takes an operation of
# TensorFlow. Two are usual: `tf.one_hot(actions, A)`, `[B, A]`, is 1 at the action taken and 0 elsewhere; `tf.gather(q,
# actions, ...)` picks entries along an axis, and its argument `batch_dims=1` says that the rows of both belong together.
#
# ### Your turn: `q_taken` (4 minutes, difficulty 2 of 3)
#
# Write it in one of these ways. Mind the shape.


# %%
def q_taken(q, actions):
    """Values [B, A], the action taken in each row [B] -> the value of that action [B]."""
    ### BEGIN SOLUTION
    return tf.gather(q, actions, axis=1, batch_dims=1)
    ### END SOLUTION


check("q_taken", q_taken)

# %% [markdown]
# ## 6. The training step
#
# Now put the parts together. `online` is the network that learns, $Q_\theta$. `target` is the one that values the next
# observation, $Q_{\theta'}$.
#
# ### Your turn: `train_step` (10 minutes, difficulty 3 of 3)
#
# Write one training step:
#
# 1. the targets `y`, `[B]`, from `td_target` and `target`, behind `tf.stop_gradient`;
# 2. inside a `tf.GradientTape()`: the values of the actions taken, `[B]`, from `q_taken` and `online`, and the loss of
#    section 4;
# 3. the gradients by `online.trainable_variables`, and `optimizer.apply(gradients, online.trainable_variables)`;
# 4. return the loss.

# %%
td_target = use("td_target", td_target)
q_taken = use("q_taken", q_taken)


def train_step(online, target, optimizer, batch):
    """One gradient step on a batch of observation, action, reward, discount, next_observation."""
    ### BEGIN SOLUTION
    q_next = target(batch.next_observation)  # [B, A]
    y = tf.stop_gradient(td_target(batch.reward, batch.discount, q_next))  # [B]
    with tf.GradientTape() as tape:
        taken = q_taken(online(batch.observation), batch.action)  # [B]
        loss = tf.reduce_mean(0.5 * (y - taken) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(gradients, online.trainable_variables)
    return loss
    ### END SOLUTION


check("train_step", train_step)

# %% [markdown]
# ### The same step as the package's
#
# `dqnkit.learner.Learner` is the part of the package that learns. From equal weights, on the same batch, your step must
# come to the same place. Both use **Adam**, an optimizer that gives each parameter a step length of its own.

# %%
grid = play(room, 10_000)  # random steps in the room, for this and all that follows  # fast: play(room, 1_000)

# %% Take one step with yours and one with the package's, and compare
train_step = use("train_step", train_step)
batch = Transition._make(values[:32] for values in grid)

options = {"loss": "squared", "max_gradient_norm": 0.0, "batch_size": 32}
config = DQNConfig("dqnkit/GridWorld-v0", gamma=GAMMA, **options)
learner = Learner(config)
mine, other = q_network(2, 4), q_network(2, 4)
mine.set_weights(learner.online.get_weights())
other.set_weights(learner.target.get_weights())

optimizer = keras.optimizers.Adam(1e-3, epsilon=config.adam_epsilon)
loss = float(train_step(mine, other, optimizer, Transition._make(map(tf.constant, batch))))
result = learner.update(Transition._make(values[None] for values in batch))  # one batch of 32
pairs = zip(mine.get_weights(), learner.online.get_weights(), strict=True)
apart = max(np.abs(x - y).max() for x, y in pairs)
print(f"loss: yours {loss:.6f}, the package's {result.losses[0]:.6f}")
print(f"largest difference of a weight after the step: {apart:.1e}")

# %% [markdown]
# Run by itself, such a step spends most of its time in Python, not in arithmetic. `compile_updates` has TensorFlow record
# your step once and compile it, so that many steps run in one call. From here on, *your* step does all the learning.

# %% [markdown]
# ## 7. Regression in rounds: fitted Q iteration
#
# The loss of section 4 is that of **regression**: find the function that comes closest to given labels. Only the labels
# differ. In regression they come with the data; here the network makes its own.
#
# **Fitted Q iteration** (Ernst et al., 2005) goes from the one to the other in rounds:
#
# 1. Freeze a copy of the network, $Q_{\theta'}$. It gives the targets $y$ of the whole round.
# 2. Fit the network to these targets. While they stand still, this is regression and nothing else.
#
# Then the next round begins with the better network. To **evaluate**, we take the largest $|Q(s, a) - Q^*(s, a)|$ over
# all squares and actions; we call it the **error**.


# %%
def error(q):
    """The largest difference to the exact Q* [25, 4], the goal left out."""
    return np.abs(q - q_star)[~room.terminal].max()


ROUNDS = 15  # fast: 2
keras.utils.set_random_seed(0)
network, frozen = q_network(2, 4), q_network(2, 4)
fit = compile_updates(train_step, network, frozen, keras.optimizers.Adam(1e-3))
rng = np.random.default_rng(0)
fitted = []  # the error after each round
for _ in range(ROUNDS):
    frozen.set_weights(network.get_weights())
    rows = rng.integers(len(grid.action), size=(100, 32))  # 100 batches of 32
    fit(Transition._make(values[rows] for values in grid))
    fitted.append(error(network(squares).numpy()))
print("error after each round:", np.round(fitted, 3))

# %% Draw the error after each round
error_curves(
    {"fitted Q iteration": fitted},
    x=np.arange(1, ROUNDS + 1),
    xlabel="rounds of 100 batches",
    ylabel="error (largest |Q − Q*|)",
    kinds={"fitted Q iteration": "online network"},
    title="Targets from a copy that is frozen for a round",
    what="by which factor does the error fall from one round to the next? If every round fitted its targets exactly, the "
    f"factor would be gamma = {GAMMA:g}, or less.",
)

# %% [markdown]
# So your step learns, and the network can come close to the exact answer. From here on there is no copy and there are no
# rounds. As in the Q-update of [[q_update]], each transition is used once, in the order in which it happened, and the very next update takes
# its target from the network that was just changed: `online` and `target` are one and the same.

# %% [markdown]
# ## 8. What one update changes

# %% [markdown]
# **Predict.** [[question.moves]]

# %% Your prediction
predict("q_network-moves")

# %%
arrival = np.flatnonzero(grid.reward == 1)[:1]  # a transition that arrived at the goal
one = Transition._make(tf.constant(values[arrival]) for values in grid)
keras.utils.set_random_seed(0)
network = q_network(2, 4)
before = network(squares).numpy()
train_step(network, network, keras.optimizers.SGD(0.1), one)  # a plain step
change = network(squares).numpy() - before  # [25, 4]
moved = int((np.abs(change) > 1e-4).sum())
print(f"{moved} of 100 values moved by more than 0.0001")

# %% Draw the changes beside those in a table
number_of = {tuple(place): number for number, place in enumerate(squares)}  # x, y -> number of the square
square, action = number_of[tuple(grid.observation[arrival[0]])], grid.action[arrival[0]]
in_table = np.zeros((25, 4))
in_table[square, action] = 0.5 * (1 - 0)  # alpha times the TD error, in a table of zeros
q_table(
    {"table: change by one update": in_table, "network: change by one update": change},
    goals=room.goals,
    label="change of the Q-value",
    arrows=False,
    caption="What to look for: which values the update changes, and by how much: those of the square and the action that it "
    "is about, and others. (0 stands for less than 0.005: most of these moved, too, but by less.)",
)

# %% Compare with your prediction
compare("q_network-moves", moved)

# %% [markdown]
# ## 9. The network alone, against the exact answer
#
# Now the comparison that this notebook is about. The table of [[q_update]] learns with $\alpha = 0.5$, the network with your
# step and Adam. We evaluate both after every 50 updates.

# %% [markdown]
# **Predict.** [[question.alone]]

# %% Your prediction
predict("q_network-alone")


# %%
def one_by_one(network, transitions, every=50, knobs=None):
    """Run the transitions through train_step in their order, one at a time; yield after each 50."""
    optimizer = keras.optimizers.Adam(1e-3)
    # online and target are the same network
    update = compile_updates(train_step, network, network, optimizer)
    for start in range(0, len(transitions.action), every):
        if knobs:
            optimizer.learning_rate.assign(knobs["learning rate"])
        rows = slice(start, start + every)
        update(Transition._make(values[rows, None] for values in transitions))  # [50, 1, ...]
        yield start + every


def learn_room(network, knobs):
    for updates in one_by_one(network, grid, knobs=knobs):
        yield room_snapshot(updates, network, error(network(squares).numpy()))


prediction("q_network-alone")  # what you predicted is kept as it is, from here on
updates = np.arange(50, len(grid.action) + 1, 50)
view = room_view(room, q_star, updates, table_errors(room, q_star, grid))
knobs = Sliders(**{"learning rate": Slider(1e-5, 1e-2, 1e-3, log=True)})
keras.utils.set_random_seed(0)
network = q_network(2, 4)
await view.watch(learn_room(network, knobs), "The room, one update for each transition", knobs)

# %% Wind the training back, turn it, look at one action
view

# %% [markdown]
# One run proves little. Here are five runs, each with other transitions and other initial weights:

# %%
network_errors, errors_of_tables = [], []
SEEDS = range(5)  # fast: range(2)
for seed in SEEDS:
    transitions = play(room, len(grid.action), seed)
    keras.utils.set_random_seed(seed)
    network = q_network(2, 4)
    run = one_by_one(network, transitions)
    network_errors.append([error(network(squares).numpy()) for _ in run])
    errors_of_tables.append(table_errors(room, q_star, transitions))

late = np.array(network_errors)[:, len(updates) // 2 :]  # the second half of each run
print("error of the table at the end:  ", np.round([e[-1] for e in errors_of_tables], 3))
print("error of the network at the end:", np.round(late[:, -1], 3))
print("in the second half:", ", ".join(f"{e.min():.2f} to {e.max():.2f}" for e in late))

# %% Draw the errors of all runs
error_curves(
    {"table": errors_of_tables, "network": network_errors},
    x=updates,
    ylabel="error (largest |Q − Q*|)",
    kinds={"table": "table", "network": "online network"},
    title="The same transitions, one update each",
    what="where is each line half-way, and where at the end? The band reaches from the least to the largest of the runs.",
)

# %% Compare with your prediction
compare("q_network-alone", late)

# %% [markdown]
# The surface finds its way to the dots, and never comes to rest: each update also moves values that have nothing to do
# with it. Two things are wrong, and both come from sharing:
#
# - **The data is correlated.** Successive transitions lie next to each other. The network fits the corner in which
#   the agent walks, and what it knew of the other corners drifts. Notebook [[replay]] mends this with *replay*.
# - **The target moves.** Each step changes $Q_\theta(s', a')$ as well, and so the very target that it was aiming at. In
#   section 7 the targets stood still for a round. Notebook [[target_network]] mends this with a *target network*.
#
# With $\gamma = 0.8$ this only shakes the values. To see more, set `GAMMA = 0.95` in the first code cell and run
# sections 1 to 9 again.

# %% [markdown]
# ## 10. Watch it learn CartPole (optional)
#
# Here is a problem that no table can hold. The 10,000 random steps of CartPole from section 1 go through your step one
# after the other, in the order in which they happened. The reward is 1 for every step, so no policy can earn a value of
# more than $1 + \gamma + \gamma^2 + \dots = 1/(1-\gamma)$, which is 5 for $\gamma = 0.8$.
#
# The landscape shows the value over the pole's angle and its angular velocity, with the cart at rest in the middle.
# **Before you run it:** where must it be high, where low? Think of a pole that leans to the right *and* falls to the
# right.

# %%
STEPS = 10_000  # fast: 500
transitions = Transition._make(values[:STEPS] for values in cartpole)
keras.utils.set_random_seed(1)
cartpole_network = q_network(4, 2)
view = cartpole_view(STEPS, most=round(1 / (1 - GAMMA), 6))


def learn_cartpole():
    for updates in one_by_one(cartpole_network, transitions):
        yield cartpole_snapshot(updates, cartpole_network, transitions.observation[::50])


await view.watch(learn_cartpole(), "CartPole, one update for each transition")

# %% [markdown]
# Wind the training back and play it again, turn it, look at one action. Where does *push left* have a higher value than
# *push right*?

# %% Wind the training back, turn it, look at one action
view

# %%
promised = np.array([snapshot.measured for snapshot in view.snapshots])
most = round(1 / (1 - GAMMA), 6)
print(f"mean of max Q: at most {promised.max():.2f}, at the end {promised[-1]:.2f}")
print(f"above {most:g}, the most possible: {np.mean(promised > most):.0%} of the run")

# %% [markdown]
# Ten thousand steps are a few minutes of play, at random. From them the network has learned which states are lost, also
# states that it has never seen exactly. That is what sharing gives. But where the last line above says more than 0%, it
# has for a part of the run promised, in the mean over many states, more than any policy can earn. That some values are wrong we can tell from the bound; how wrong, only where
# the exact answer is known, as in the room.

# %% [markdown]
# ## 11. Find the faults in the published step (optional)
#
# Training steps like the next one can be found in many tutorials. This one has **three faults**. Read it first. How many do
# you see?


# %%
def published_step(online, target, optimizer, batch):
    terminated = tf.cast(batch.discount == 0, tf.float32)
    with tf.GradientTape() as tape:
        next_q = online(batch.next_observation)
        best = tf.reduce_max(next_q, axis=1)
        y = tf.stop_gradient(batch.reward + (1 - terminated) * gamma * best)
        q_values = online(batch.observation)
        taken = tf.gather(q_values, batch.action, axis=1)
        loss = tf.reduce_mean(0.5 * (y - taken) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(gradients, online.trainable_variables)
    return loss


# %% [markdown]
# **The first fault** shows as soon as the step runs:

# %%
network = q_network(2, 4)
small = Transition._make(tf.constant(values[:8]) for values in grid)  # a batch of 8
try:
    published_step(network, network, keras.optimizers.SGD(0.1), small)
except NameError as problem:
    print("NameError:", problem)
else:
    print("No error: an earlier cell has left a `gamma` behind. Restart the kernel to see it.")

# %% [markdown]
# Such code worked on its author's computer, where an earlier cell had left a `gamma` behind. Restart the kernel and run
# all cells now and then! We define it, and the step runs without a word.

# %%
gamma = GAMMA
loss = float(published_step(network, network, keras.optimizers.SGD(0.1), small))
print(f"loss: {loss:.4f}")

# %% [markdown]
# **The second fault** raises no error. Predict its effect:

# %% [markdown]
# **Predict.** [[question.published]]

# %% Your prediction
predict("q_network-published")


# %%
CALLS = 30  # fast: 2


def from_batches(step, seed=0):
    """A network after many batches of 32, drawn at random; its loss and error every 100 batches."""
    keras.utils.set_random_seed(seed)
    network, rng = q_network(2, 4), np.random.default_rng(seed)
    update = compile_updates(step, network, network, keras.optimizers.Adam(1e-3))
    losses, errors = [], []
    for _ in range(CALLS):
        rows = rng.integers(len(grid.action), size=(100, 32))
        losses.append(update(Transition._make(values[rows] for values in grid)).mean())
        errors.append(error(network(squares).numpy()))
    return network, losses, errors


prediction("q_network-published")  # what you predicted is kept as it is, from here on
published, losses, errors = from_batches(published_step)
print(f"mean loss of the first 100 batches {losses[0]:.4f}, of the last 100 {losses[-1]:.4f}")
learned, exact = published(squares).numpy().max(axis=1), q_star.max(axis=1)  # [25] each
learned, exact = learned[~room.terminal], exact[~room.terminal]
print(f"from the lowest to the highest square: {np.ptp(learned):.3f}; exact: {np.ptp(exact):.3f}")

# %% Draw the landscape of the published step
draw_room(
    published,
    room,
    q_star,
    title="The published step",
    caption="What to look for: the shape of the surface beside that of the dots.",
)

# %% Compare with your prediction
compare("q_network-published", (learned, exact))

# %% [markdown]
# To find the fault, print the shape of every intermediate result, for a batch of 8 with 4 actions. What should each be?

# %%
q_values = network(small.observation)
taken = tf.gather(q_values, small.action, axis=1)
y = td_target(small.reward, small.discount, network(small.next_observation))
for name, value in {"q_values": q_values, "taken": taken, "y": y, "y - taken": y - taken}.items():
    print(f"{name:12} {value.shape}")

# %% [markdown]
# Without `batch_dims=1`, `tf.gather` takes all 8 actions from each of the 8 rows: `[B, B]`. Then `y`, `[B]`, is
# broadcast along it without a word. Every target is compared with the values of *all* observations in the batch, so
# all squares are pulled to one mean.
#
# **The third fault** raises no error and changes no shape. Compare the line that computes `next_q` in the published
# step with yours: it bootstraps from `online`, the network that it trains. Here both names stand for the same
# network, so nothing shows. Why it matters, and what to do, is the subject of notebook [[target_network]].
#
# ### Your turn: `mended_step` (10 minutes, difficulty 2 of 3)
#
# Write the published step once more, without its faults. It must pass
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
        taken = tf.gather(q_values, batch.action, axis=1, batch_dims=1)
        loss = tf.reduce_mean(0.5 * (y - taken) ** 2)
    gradients = tape.gradient(loss, online.trainable_variables)
    optimizer.apply(gradients, online.trainable_variables)
    return loss
    ### END SOLUTION


check("train_step", mended_step)

# %%
mended_step = use("train_step", mended_step)
mended, losses_mended, errors_mended = from_batches(mended_step)
half = CALLS // 2
for name, found in {"published": errors, "mended": errors_mended}.items():
    print(f"{name:9}: error in the second half {min(found[half:]):.3f} to {max(found[half:]):.3f}")

# %% Draw the landscape of the mended step
draw_room(
    mended,
    room,
    q_star,
    title="The mended step, on the same batches",
    caption="What to look for: the slope up to the goal, and the length of the sticks.",
)

# %% [markdown]
# The loss of the published step fell too, and yet its landscape stayed flat. With the mended step the landscape has its
# slope; but the error still goes up and down, because the target still moves.

# %% [markdown]
# ## What we built

# %% Draw the ring of DQN, the learner lit
ring("learner")

# %% [markdown]
# The **learner**: a network, a loss, and a gradient step that does for a network what the Q-update does for a table. It
# learns where no table can; alone it never comes to rest.
#
# ### Quiz
#
# <details><summary>Why does the network have one output for each action, and not the action as an input?</summary>
#
# To select an action and to compute a target we need the largest value over <em>all</em> actions. So a single pass is
# enough; with the action as an input it would take one for each action.
# </details>
#
# <details><summary>The loss of your network falls steadily. Is the policy getting better?</summary>
#
# That does not follow. The loss measures the distance to targets that the network makes itself, and all of them may be
# wrong together. Look at values that you can judge: here the error against Q*, later the returns.
# </details>
#
# <details><summary>What makes fitted Q iteration regression, and what makes it Q-learning?</summary>
#
# Within a round the targets stand still, so the network is fitted to given labels: regression. From round to round the
# labels are computed again, from the reward and the best next value of the network itself: that is the bootstrap of Q-learning.
# </details>
#
# ### Further reading
#
# - Watkins, 1989, *Learning from Delayed Rewards*: Q-learning, for tables.
# - Ernst et al., 2005, *Tree-Based Batch Mode Reinforcement Learning*: fitted Q iteration. Riedmiller, 2005, *Neural
#   Fitted Q Iteration*: the same with a neural network.
# - Mnih et al., 2013, *Playing Atari with Deep Reinforcement Learning*: the Q-network, trained with replay. Mnih et al.,
#   2015, *Human-level control through deep reinforcement learning*: the complete DQN.
# - Sutton and Barto, 2018, *Reinforcement Learning: An Introduction*, chapters 9 to 11: semi-gradients, and the
#   "deadly triad" of function approximation, bootstrapping and learning from another policy's data.
#
# **Next:** [[replay]], the replay buffer.

# %% Free the networks' memory; your progress
keras.backend.clear_session()  # nothing was started that goes on running
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("q_network")
