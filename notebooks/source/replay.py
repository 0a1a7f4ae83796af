# ---
# jupyter:
#   dqnkit:
#     idea: "the replay buffer; correlated data; terminated and truncated"
#     run_seconds: 48
# ---

# %% [markdown]
# # [[number]] · Replay: remember, and draw at random
# <!-- badges -->
#
# The network of notebook [[q_network]] learned from transitions that came in random order. An agent's life does not: it
# comes step by step, and each step looks like the one before. Here you see what that does to a network, and you write a
# memory for it: the **replay buffer**.
#
# **You will be able to**
#
# - show what data that comes in order does to a network,
# - write a ring buffer: `add` and `sample`,
# - say what a buffer holds and what a batch draws from it: ages, episodes, duplicates,
# - choose its capacity, and compute the memory that it takes,
# - tell *terminated* from *truncated*, and say what it costs to mix them up.
#
# **Time** about [[minutes]] minutes. **From notebook [[q_network]]** you need: the transition with its discount, the Q-network
# $Q_\theta$, the TD target, and what a gradient step on a batch is.

# %%
from collections import deque

from dqnkit.classroom import check, compare, download_progress, hints, predict, prediction, progress, use
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner
from dqnkit.lessons.replay.grid_network import GridNetwork
from dqnkit.lessons.replay.quarter_walk import QUARTERS, quarter_states, walk_by_quarters
from dqnkit.lessons.replay.reader_replay import ReaderReplay
from dqnkit.lessons.replay.replay_pictures import ring_of_slots
from dqnkit.lessons.replay.replay_view import ReplayView, RingView, TruncationView
from dqnkit.plots import error_curves, q_table, ring
from dqnkit.policy import q_values
from dqnkit.replay import ReplayBuffer as KitReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.training import train
from dqnkit.types import Transition
from dqnkit.widgets import live, watch

import gymnasium as gym  # isort: skip  (after dqnkit, which keeps TensorFlow's log quiet)
import numpy as np  # isort: skip
import tensorflow as tf  # isort: skip

ring_of_slots([8, 9, 10, 3, 4, 5, 6, 7], next_slot=3, drawn=[1, 5, 5, 7])

# %% [markdown]
# This is where we are going: a ring that keeps the newest transitions, and gives some of them back at random.
#
# Of the five operations, **initialise**, **select**, **execute**, **update** and **evaluate**, only one changes today:
# the **update** no longer learns from what has just been executed, but from what is drawn from memory. The formula
# stays as it is:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha\,\big[\,r + \gamma \max_{a'} Q_{\theta'}(s', a') - Q_\theta(s, a)\,\big]$$
#
# with $s$ the observation, $a$ the action, $r$ the reward, $s'$ the next observation, $a'$ any action there, $\alpha$
# the step size, $\gamma$ the discount factor, $\theta$ the parameters of the network, and $\theta'$ those of the
# network that gives the target. In this notebook both are the same network; that changes in [[target_network]].

# %% [markdown]
# ## 1 · One thing after the other
#
# Our world is a room of 8 × 8 squares with a goal in the lower right corner. A **patrol** walks through it at random:
# first 2,000 steps in the lower right quarter, where the goal is, then 2,000 in the upper right, the upper left and
# the lower left. When it steps out of its quarter it is carried back to a random square of it, and a new episode begins.
#
# The patrol does not ask the network where to go. So every learner below gets exactly the same steps, and what differs
# is only *which of them it remembers*. Since the room is small, the exact $Q^*$ is known, and the error against it can
# be measured: the **mean** of $|Q(s, a) - Q^*(s, a)|$ over squares and actions. (In [[q_network]] it was the largest of them. Here we
# want to see how much of the room is wrong.)

# %%
GAMMA = 0.8  # the discount factor: what a reward one step later is worth now
STEPS = 2_000  # of the patrol in each quarter  # fast: 160
ERROR = "error against Q*\n(mean |Q − Q*|)"  # over all actions in the squares that are meant

room = GridWorld(size=8, observation="xy")
walk = walk_by_quarters(room, GAMMA, seed=0, steps_each=STEPS)
goal_quarter = quarter_states(room, QUARTERS["lower right"])

for name, number in zip(QUARTERS, range(4), strict=True):
    in_quarter = walk.transitions.observation[walk.quarters == number]  # columns x and y, both from -1 to 1
    print(f"{name:12} mean x {in_quarter[:, 0].mean():+.2f}   mean y {in_quarter[:, 1].mean():+.2f}")

# %% [markdown]
# Look at the means: while the patrol is in one quarter, every observation comes from the same corner of the world. Such
# data is **correlated**: one step tells a lot about the next. A gradient step, however, treats its batch as if it were
# a fair sample of *everything*.
#
# In a table, to change one entry leaves the others alone. A network's parameters are shared by all squares.

# %% [markdown]
# **Predict.** [[question.left]]

# %%
predict("replay-left")

# %% [markdown]
# Here is a learner without a replay buffer. Its memory is the 32 newest transitions, and a batch is all of them, in the
# order in which they happened.


# %%
class NewestOnly:
    """No replay: what is remembered is what has just happened."""

    def __init__(self):
        self.newest = deque(maxlen=32)

    def add(self, *transition):
        self.newest.append(transition)

    def sample(self, batch_size, rng):
        return Transition(*(np.stack(field) for field in zip(*self.newest, strict=True)))


network = GridNetwork(room, GAMMA)  # two hidden layers of 64, as in [[q_network]]; 16 updates in one compiled call


def learn(memory, seed):
    """Every step goes into the memory, and from every step on one batch of 32 comes out and is learned from."""
    network.initialise(seed)  # initialise
    rng = np.random.default_rng(seed)
    steps = walk_by_quarters(room, GAMMA, seed, STEPS).transitions  # select and execute: the patrol has done it
    for step, transition in enumerate(zip(*steps, strict=True), start=1):
        memory.add(*transition)
        if step >= 32:
            network.update(memory.sample(32, rng))  # update
        if step % 80 == 0:
            yield step, network.error(), network.error(goal_quarter)  # evaluate


def draw_errors(values):
    steps, everywhere, at_goal = np.transpose(values)
    return error_curves(
        {"all squares": everywhere, "the quarter with the goal": at_goal},
        x=steps,
        xlabel=f"steps of the patrol (it moves on every {STEPS:,})",
        ylabel=ERROR,
        what="what becomes of the quarter with the goal after the patrol has left it.",
    )


def say_error(value):
    return f"After {value[0]:,.0f} steps the error is {value[1]:.3f}, in the quarter with the goal {value[2]:.3f}."


# %%
last = await watch(
    learn(NewestOnly(), seed=0), draw_errors, total=4 * STEPS, step=lambda value: value[0], summary=say_error,
    title="Learning from the newest 32 transitions",
)  # fmt: skip

# %% [markdown]
# One run proves little. Here are several seeds: other walks, other first weights.

# %%
SEEDS = range(5)  # fast: range(1)
newest_only = [np.array(list(learn(NewestOnly(), seed))) for seed in SEEDS]  # each [points, 3]
table_newest = network.q_table()

left_at = len(newest_only[0]) // 4 - 1  # when the patrol leaves the quarter
before = np.median([run[left_at, 2] for run in newest_only])
after = np.median([run[-1, 2] for run in newest_only])
print(f"error in the quarter with the goal, median of {len(SEEDS)} seeds:")
print(f"  when the patrol leaves it {before:.3f}, at the end {after:.3f}")
compare("replay-left", (before, after))

# %% [markdown]
# The network **forgets**: to fit one corner moves the values everywhere. The reward, the only one in this world, is in
# the quarter that it forgets; all other values are built on it.
#
# It gets worse when the agent chooses its actions by the network, as an agent does in the end: wrong values lead it to
# other squares, those are then all that it learns from, and so on.

# %% [markdown]
# ## 2 · A ring that remembers
#
# Long-Ji Lin's idea (1992) is to keep the transitions and to live through them again: **experience replay**. DQN (Mnih
# et al., 2013 and 2015) draws every batch at random from the last million.
#
# A memory cannot grow for ever. So it is a **ring buffer** with a fixed **capacity**, its number of slots. Transitions
# go into slot 0, 1, 2, ...; after the last slot it begins at 0 again and writes over what is there, which is always the
# oldest. Nothing is ever moved.
#
# Try it: add until the ring is full, and then some. Which one leaves? Then draw, a few times.

# %%
RingView(capacity=8, batch_size=4)

# %% [markdown]
# ### Write `add` (about 8 minutes, difficulty 2 of 3)
#
# `add` gets the five parts of one transition. While there is room, it appends it to `self.slots`; when the ring is
# full, it writes over the oldest. It counts each in `self.added`.
#
# One trap: many environments write every new observation into *the same array*. What you store must be a copy
# (`np.array(observation)`), in the type that it came in.


# %%
class RingBuffer:
    """Keeps the newest `capacity` transitions."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.slots = []  # at most `capacity` transitions
        self.added = 0  # transitions ever added, those that are gone included

    def __len__(self):
        return len(self.slots)

    def add(self, observation, action, reward, discount, next_observation):
        """Put in one transition, over the oldest where the ring is full."""
        ### BEGIN SOLUTION
        transition = Transition(np.array(observation), action, reward, discount, np.array(next_observation))
        if len(self.slots) < self.capacity:
            self.slots.append(transition)
        else:
            self.slots[self.added % self.capacity] = transition
        self.added += 1
        ### END SOLUTION


check("replay_add", RingBuffer)

# %%
hints("replay_add")

# %%
RingBuffer = use("replay_add", RingBuffer)

# %% [markdown]
# ### Write `sample` (about 8 minutes, difficulty 2 of 3)
#
# `sample` draws `batch_size` slots, each with the same chance, and **with replacement**: the same slot may come twice.
# (Without it, a batch would have to check what it already has; among thousands of slots that hardly matters.)
#
# It returns one `Transition` whose five fields are arrays: all observations `[B, ...]`, all actions `[B]`, and so on,
# where $B$ is the batch size. All randomness comes from `rng`, so that a run can be repeated.


# %%
class ReplayBuffer(RingBuffer):
    """A ring to draw from."""

    def sample(self, batch_size, rng):
        """Transitions drawn with equal chances and with replacement, each field an array [B, ...]."""
        ### BEGIN SOLUTION
        slots = rng.integers(len(self.slots), size=batch_size)  # [B]
        rows = [self.slots[slot] for slot in slots]  # B transitions
        return Transition(*(np.stack(field) for field in zip(*rows, strict=True)))
        ### END SOLUTION


check("replay_sample", ReplayBuffer)

# %%
hints("replay_sample")

# %%
ReplayBuffer = use("replay_sample", ReplayBuffer)

# %% [markdown]
# ## 3 · The same walk, remembered
#
# Three memories, the same steps, the same number of updates with batches of 32. What differs is the capacity.

# %% [markdown]
# **Predict.** [[question.capacity]]

# %%
predict("replay-capacity")

# %% [markdown]
# First, your buffer with room for the whole walk:

# %%
prediction("replay-capacity")  # what you predicted is kept as it is, from here on
last = await watch(
    learn(ReplayBuffer(4 * STEPS), seed=0), draw_errors, total=4 * STEPS, step=lambda value: value[0],
    summary=say_error, title="Learning from all transitions so far, drawn at random",
)  # fmt: skip

# %% [markdown]
# The kit's buffer does what yours does, in blocks: it takes many transitions at once and draws $K$ batches at once,
# packed in arrays `[K, B, ...]`, so that the learner can work through them in one compiled call. That both hold the
# same can be seen on a small case: eight transitions into five slots.

# %%
yours, kits = ReplayBuffer(5), KitReplayBuffer(5)
for number in range(8):
    row = Transition(*(field[number] for field in walk.transitions))._replace(reward=np.float32(number))
    yours.add(*row)
    kits.add(Transition(*(np.array([value]) for value in row)))  # a batch of one

rng = np.random.default_rng(0)
drawn_from_yours = yours.sample(200, rng)
drawn_from_kits = kits.sample(num_batches=1, batch_size=200, rng=rng).transitions
print("numbers drawn from yours:    ", np.unique(drawn_from_yours.reward))
print("numbers drawn from the kit's:", np.unique(drawn_from_kits.reward))
assert np.array_equal(np.unique(drawn_from_yours.reward), np.unique(drawn_from_kits.reward))

# %% [markdown]
# From here on we use the kit's, for its speed.


# %%
def learn_in_blocks(capacity, seed):
    """As `learn`, with the kit's buffer: 16 steps in, then 16 batches of 32 out."""
    network.initialise(seed)
    rng = np.random.default_rng(seed)
    memory = KitReplayBuffer(capacity)
    steps = walk_by_quarters(room, GAMMA, seed, STEPS).transitions
    for step in range(16, 4 * STEPS + 1, 16):
        memory.add(Transition(*(field[step - 16 : step] for field in steps)))
        if step >= 32:
            network.update_all(memory.sample(16, 32, rng).transitions)  # [16, 32, ...]
        if step % 80 == 0:
            yield step, network.error(), network.error(goal_quarter)


CAPACITY = 500  # fast: 40
capacity_500 = [np.array(list(learn_in_blocks(CAPACITY, seed))) for seed in SEEDS]
everything = [np.array(list(learn_in_blocks(4 * STEPS, seed))) for seed in SEEDS]
table_everything = network.q_table()

runs = {"newest 32": newest_only, "newest 500": capacity_500, "all 8,000": everything}
error_curves(
    {name: [run[:, 1] for run in of_seeds] for name, of_seeds in runs.items()},
    x=everything[0][:, 0],
    xlabel=f"steps of the patrol (it moves on every {STEPS:,})",
    ylabel=ERROR,
    title="Error over all squares",
    log=True,
    what="where does each line end? The axis is logarithmic: from one number to the next is a factor of ten.",
)

# %%
ends = {name: np.array([run[-1, 1] for run in of_seeds]) for name, of_seeds in runs.items()}
for name, errors in ends.items():
    print(f"{name:10}  error at the end: {errors.min():.3f} to {errors.max():.3f}, median {np.median(errors):.3f}")

compare("replay-capacity", {name: np.median(errors) for name, errors in ends.items()})

# %% [markdown]
# A buffer does two things at once. Random draws **break up the correlation** within a batch. A large capacity keeps the
# **whole world** in view. The capacity of 500 shows that the first alone is not enough. And look at the upper edge of the
# band of the newest 32: it is the seed that fared worst. Values can even run away for a while, up to errors larger than
# any value that exists here (the largest is 1).
#
# Here are the values of the last seed, beside the exact ones. Where did the goal's value go?

# %%
q_table(
    {"newest 32": table_newest, "all 8,000": table_everything, "exact Q*": network.exact},
    goals=room.goals,
    scale=(0.0, 1.0),
)

# %% [markdown]
# ## 4 · What is in it, and what is drawn
#
# Look into the buffer while the patrol walks. Move *steps so far* across a border of two quarters, with each capacity.
# Press Play. Then compare a batch drawn at random with the newest 32.
#
# - **Age**: how many steps ago a transition happened. The larger the buffer, the older its data.
# - **Episodes**: from how many a batch comes. Transitions of one episode are alike.
# - **Duplicates**: the same move from the same square, seen again. They are no mistake: what happens often should be
#   drawn often.

# %%
ReplayView(
    room.size, walk.states, walk.transitions.action, walk.next_states, walk.episodes,
    {name: STEPS * (number + 1) for number, name in enumerate(QUARTERS)},
    capacity=500, now=STEPS + STEPS // 4,
)  # fmt: skip

# %% [markdown]
# **Predict.** [[question.often]]

# %%
predict("replay-often")

# %% [markdown]
# Instead of computing it, count it:

# %%
CAPACITY, rng = 1_000, np.random.default_rng(0)
times = np.zeros(20_000, int)  # of each transition: how often it was drawn  # fast: np.zeros(4_000, int)
for step in range(CAPACITY, len(times)):  # the buffer holds the numbers step - CAPACITY to step - 1
    np.add.at(times, rng.integers(step - CAPACITY, step, size=32), 1)

whole_life = times[CAPACITY:-CAPACITY]  # those that came after the buffer was full, and are gone by now
print(f"drawn {whole_life.min()} to {whole_life.max()} times, on average {whole_life.mean():.1f}")
compare("replay-often", round(whole_life.mean(), 1))

# %% [markdown]
# In every step 32 are drawn and 1 comes in, so on average each is drawn 32 times, whatever the capacity. This ratio is
# called **samples per insert** (or the replay ratio). It is how replay makes the most of steps that are expensive to
# get; when it is too high, the network learns the same few transitions by heart.
#
# ### The memory it takes
#
# DQN's Atari observations are four pictures of 84 × 84 whole numbers from 0 to 255. A whole number of that size takes
# one byte (`uint8`); the same number as `float32` takes four.

# %%
million, frame = 1_000_000, 84 * 84  # transitions, bytes
for text, size in {
    "both observations as float32": 2 * 4 * frame * 4,
    "both observations as uint8": 2 * 4 * frame,
    "every frame only once, as uint8": frame,
}.items():
    print(f"{text:32} {million * size / 1e9:6.0f} GB")

one = kits.store.get(np.array([0]))
print(f"\none transition of our room: {sum(field.nbytes for field in one)} bytes")

# %% [markdown]
# So frames stay `uint8` until the network sees them, and neighbouring observations, which share three of their four
# frames, store them once. The kit does both.
#
# ### A warning by name
#
# Old transitions were made by an older policy. To learn about the best policy from what another one did is called
# **off-policy** learning. Q-learning can do that, since the maximum in its target does not ask what the agent did next.
# But three things together can make values grow without bound:
#
# 1. a **function** with shared parameters in the place of a table,
# 2. **bootstrapping**: targets made of the network's own values,
# 3. **off-policy** data.
#
# Sutton and Barto call them the **deadly triad**. Replay gives us more of the third. With $\gamma = 0.8$ all goes
# well here. Notebook [[target_network]] opens by raising it to 0.95.

# %% [markdown]
# ## 5 · Terminated or truncated?
#
# A transition's *discount* says whether anything follows. It is 0 where the episode **terminated**: the pole fell, the
# goal was reached, and there is no future to bootstrap from. It is $\gamma$ where the episode was only **truncated**, by
# a time limit for instance: the pole still stands. We stopped looking, but the future would have gone on.
#
# Many programs store one flag `done` for both. What does that cost? Here a fixed rule balances CartPole, and every
# episode is truncated after $T = 50$ steps. Each step pays a reward of 1.


# %%
LIMIT, GAMMA_CARTPOLE = 50, 0.99


def balance(observation):
    """Push the cart to the side to which the pole is falling."""
    position, velocity, angle, angular_velocity = observation
    return int(angle + 0.5 * angular_velocity + 0.02 * position + 0.05 * velocity > 0)


def play(steps, seed):
    """Transitions under the rule; the discount is left for later. Also how the episodes ended."""
    env = gym.make("CartPole-v1", max_episode_steps=LIMIT)
    observation, _ = env.reset(seed=seed)
    rows = []
    for _ in range(steps):
        action = balance(observation)
        next_observation, reward, terminated, truncated, _ = env.step(action)
        rows.append((observation, action, reward, next_observation, terminated, truncated))
        observation = env.reset()[0] if terminated or truncated else next_observation
    return [np.array(column) for column in zip(*rows, strict=True)]


*_, terminated, truncated = play(5_000, seed=0)
print(f"5,000 steps: {terminated.sum()} episodes terminated, {truncated.sum()} were truncated")

# %% [markdown]
# The rule never lets the pole fall. So from every state it earns 1 a step for ever, and the value of the state is
#
# $$V = 1 + \gamma + \gamma^2 + \dots = \frac{1}{1 - \gamma} = 100 \quad\text{for } \gamma = 0.99,$$
#
# where $V(s)$ is the discounted sum of the rewards that the rule earns from $s$ on.

# %% [markdown]
# **Predict.** [[question.truncated]]

# %%
predict("replay-truncated")

# %% [markdown]
# The network learns the value of the rule, so there is no maximum in its target: it is $r + \text{discount} \cdot
# V(s')$. CartPole's network has two outputs; the first stands for $V$.


# %%
def value_td_error(q_tm1, a_tm1, r_t, discount_t, q_t):
    """TD errors [B] of V, which is the first output; no gradient flows through the target."""
    return tf.stop_gradient(r_t + discount_t * q_t[:, 0]) - q_tm1[:, 0]


# The target is a copy of the network, 10 updates old at most (more of that in [[target_network]]). No gradient is cut short: the errors
# at the limit are rare and large, and all of each is needed.
config = DQNConfig(
    gamma=GAMMA_CARTPOLE, batch_size=64, updates_per_call=50, target_period=10, loss="squared", max_gradient_norm=0
)
learner = Learner(config, td_error=value_td_error)
untrained = learner.state()


def learn_value(seed, cut_at_limit):
    """Mean V of the stored states after every 100 updates, and V along the first episode."""
    observation, action, reward, next_observation, terminated, truncated = play(5_000, seed)
    nothing_follows = terminated | truncated if cut_at_limit else terminated
    discount = np.where(nothing_follows, 0.0, GAMMA_CARTPOLE)
    memory = KitReplayBuffer(5_000)
    kinds = (np.float32, np.int32, np.float32, np.float32, np.float32)
    fields = (observation, action, reward, discount, next_observation)
    memory.add(Transition(*(field.astype(kind) for field, kind in zip(fields, kinds, strict=True))))
    learner.load_state(untrained)
    rng = np.random.default_rng(seed)
    means = [0.0]
    for _ in range(UPDATES // 100):
        for _ in range(2):
            learner.update(memory.sample(50, 64, rng).transitions)
        means.append(float(q_values(learner.get_weights(), observation[::25].astype(np.float32))[:, 0].mean()))
    return means, q_values(learner.get_weights(), observation[:LIMIT].astype(np.float32))[:, 0]


UPDATES = 3_000  # fast: 200
THREE_SEEDS = range(3)  # fast: range(1)
prediction("replay-truncated")  # what you predicted is kept as it is, from here on
goes_on = [learn_value(seed, cut_at_limit=False) for seed in THREE_SEEDS]
cut_off = [learn_value(seed, cut_at_limit=True) for seed in THREE_SEEDS]
print(f"V after {UPDATES:,} updates, truncated episodes go on:     ", [f"{means[-1]:.1f}" for means, _ in goes_on])
print(f"V after {UPDATES:,} updates, taken as if they terminated:  ", [f"{means[-1]:.1f}" for means, _ in cut_off])

# %%
settled = np.median([means[-1] for means, _ in cut_off])
compare("replay-truncated", round(settled, 1))

# %% [markdown]
# Switch between the two, and watch the discount in the last row of the table, and where the values go.

# %%
TruncationView(
    np.arange(0, UPDATES + 1, 100),
    {
        "goes on (discount 0.99)": [means for means, _ in goes_on],
        "as if terminated (discount 0)": [means for means, _ in cut_off],
    },
    {"goes on (discount 0.99)": goes_on[0][1], "as if terminated (discount 0)": cut_off[0][1]},
    references={
        "1 / (1 − γ)": 1 / (1 - GAMMA_CARTPOLE),
        "1 / (1 − γ (1 − 1/T))": 1 / (1 - GAMMA_CARTPOLE * (1 - 1 / LIMIT)),
    },
    gamma=GAMMA_CARTPOLE,
    limit=LIMIT,
)

# %% [markdown]
# The lower dotted line can be computed. The network sees position and angle, but no clock: every state looks as if its
# next step might be the last, with a chance of $1/T$. So
#
# $$V = 1 + \gamma \left(1 - \tfrac{1}{T}\right) V \quad\Rightarrow\quad V = \frac{1}{1 - \gamma\,(1 - 1/T)}
# = \frac{1}{1 - 0.99 \cdot 0.98} \approx 33.6 .$$
#
# Two thirds of the value are gone, by one wrong flag. And since a longer life no longer counts for much, a policy that
# is learned from such values takes risks that it should not.

# %% [markdown]
# ## 6 · Your buffer in the kit's loop
#
# The kit trains with one loop, `train`, and it takes your parts. `ReaderReplay` is a thin adapter: it hands the loop's
# batches to your `add` one by one, and calls your `sample` $K$ times. In this small room (5 × 5) the agent now chooses
# its actions by itself, epsilon-greedily, as in [[q_update]].
#
# The return says nothing here: whoever finds the goal, late or soon, gets 1. Look at the values: they rise and come to
# rest. Whether they are right, the exact $Q^*$ tells, below.

# %%
config = DQNConfig(
    env_id="dqnkit/GridWorld-v0",
    gamma=GAMMA,
    total_steps=4_000,  # fast: 600
    learning_starts=500,  # fast: 200
    samples_per_insert=32.0,
    epsilon_end=0.3,
    epsilon_steps=2_000,
    target_period=50,
)
status = await live(
    train(config, replay=ReaderReplay(ReplayBuffer(10_000))), title="DQN with your replay buffer", q_bound=1.0
)

# %%
small_room = GridWorld(observation="xy")
learned = q_values(status.weights, small_room.all_observations())
exact = small_room.optimal_q(GAMMA)
inside = ~small_room.terminal
print(f"error against Q*: {np.abs(learned - exact)[inside].mean():.3f}")
q_table({"learned with your buffer": learned * inside[:, None], "exact Q*": exact}, goals=small_room.goals)

# %% [markdown]
# ## What we built
#
# One part of the ring: between the actor, who lives through things, and the learner, who draws what to learn from.

# %%
ring("replay")

# %% [markdown]
# ### Quiz
#
# <details><summary>A buffer of 500 helped hardly at all, though its batches were drawn at random. Why?</summary>
# All 500 came from the quarter in which the patrol stayed for 2,000 steps. A random sample of one corner is still a
# sample of one corner. The capacity must reach beyond the time over which the data is alike.</details>
#
# <details><summary>Why not make the buffer as large as memory allows, always?</summary>
# Old transitions were made by an old, clumsy policy. In a large buffer they crowd out the rare ones that show what the
# newest policy runs into. It also takes memory. Most people tune the capacity.</details>
#
# <details><summary>An environment has a time limit, and the agent <em>sees the time left</em> in its observation. May a
# truncated step now count as terminated?</summary>
# If the limit is part of the task (a game of 90 minutes), yes: then it is a real end, and the agent can see it coming.
# If it is only there to make training practical, no.</details>
#
# ### Further reading
#
# - Lin (1992), *Self-improving reactive agents based on reinforcement learning, planning and teaching*: experience
#   replay.
# - Mnih et al. (2013), *Playing Atari with deep reinforcement learning*: replay for a network that plays games.
# - Mnih et al. (2015), *Human-level control through deep reinforcement learning*: what each part is worth, in numbers.
# - Sutton and Barto (2018), *Reinforcement Learning: An Introduction*, section 11.3: the deadly triad.
# - Pardo et al. (2018), *Time limits in reinforcement learning*: when to bootstrap at a limit.
#
# Nothing that this notebook started is still running. In **[[target_network]]** a target network joins the ring, and the DQN is
# complete.

# %%
progress()

# %%
download_progress()
