# ---
# jupyter:
#   dqnkit:
#     idea: "the replay buffer; correlated data; terminated and truncated"
#     run_seconds: 40
# ---

# %% [markdown]
# # [[number]] · Replay: remember, and draw at random
# <!-- badges -->
#
# In notebook [[q_network]] the network learned from an agent's steps in the order in which they happened: one transition,
# one update. Each step of an agent is much like the one before. Here you measure what that does to a network, and you
# write a memory that mixes the steps: the **replay buffer**.
#
# **After this notebook you will be able to**
#
# - say what data in the order of its steps does to a network, and measure it;
# - write a ring buffer: `add` and `sample`;
# - describe what a buffer holds and what a batch draws from it: ages, episodes, duplicates;
# - choose the capacity of a buffer, and compute the memory that it takes (optional);
# - tell *terminated* from *truncated*, and say what it costs to confuse them.
#
# **Time:** about [[minutes]] minutes, and [[optional_minutes]] for what is marked optional. **You need** the transition with its discount, the
# Q-network $Q_\theta$, the TD target, and the gradient step on a batch ([[q_network]]). Nothing is carried over from
# earlier kernels.

# %%
from collections import deque

import gymnasium as gym
import numpy as np

# %% Import what this notebook uses from the kit
from dqnkit.backend import tf  # TensorFlow, as in [[q_network]]
from dqnkit.classroom import check, compare, download_progress, predict, prediction, progress, use
from dqnkit.config import DQNConfig
from dqnkit.learner import Learner
from dqnkit.lessons.replay.grid_network import GridNetwork
from dqnkit.lessons.replay.quarter_walk import QUARTERS, quarter_states, walk_by_quarters
from dqnkit.lessons.replay.reader_replay import ReaderReplay
from dqnkit.lessons.replay.replay_pictures import ring_of_slots
from dqnkit.lessons.replay.replay_view import ReplayView, RingView, TruncationView
from dqnkit.plots import error_curves, q_table, ring
from dqnkit.plots.panels import seed_panels
from dqnkit.policy import q_values
from dqnkit.replay import ReplayBuffer as KitReplayBuffer
from dqnkit.small_environments import GridWorld
from dqnkit.training import train
from dqnkit.types import Transition
from dqnkit.widgets import live, watch

# %% Draw a ring buffer
ring_of_slots([8, 9, 10, 3, 4, 5, 6, 7], next_slot=3, drawn=[1, 5, 5, 7])

# %% [markdown]
# This ring is what you will write. It keeps the newest transitions, here the numbers 3 to 10 in eight slots, and gives
# back some of them at random, here number 9 once, number 5 twice and number 7 once.
#
# Of the five operations, **initialise**, **select**, **execute**, **update** and **evaluate**, only one changes in this
# notebook: the **update** learns from what is drawn from memory, not from the step that was just executed. The formula
# stays as it is:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha\,\big[\,r + \gamma \max_{a'} Q_{\theta'}(s', a') - Q_\theta(s, a)\,\big]$$
#
# with $s$ the observation, $a$ the action, $r$ the reward, $s'$ the next observation, $a'$ any action there, $\alpha$
# the step size, $\gamma$ the discount factor, $\theta$ the parameters of the network, and $\theta'$ those of the
# network that gives the target. In sections 1 to 4 both are the same network, as in [[q_network]]; [[target_network]] is
# about why they should not be.

# %% [markdown]
# ## 1. One step after the other
#
# Our world is a room of 8 × 8 squares with a goal in the lower right corner. A **patrol** walks through it at random:
# first 2,000 steps in the lower right quarter, where the goal is, then 2,000 in each of the others: upper right, upper
# left, lower left. When it steps out of its quarter, or reaches the goal, it is put on a random square of the quarter, and a
# new episode begins.
#
# The patrol does not ask the network where to go. So every learner below gets exactly the same steps, and they differ
# only in *which steps they remember*. Since the room is small, its exact $Q^*$ is known and the error can be measured:
# the **mean** of $|Q(s, a) - Q^*(s, a)|$ over squares and actions. (In [[q_network]] the error was the largest of these
# differences. The mean says how much of the room is wrong.)

# %%
GAMMA = 0.8  # the discount factor: what a reward one step later is worth now
STEPS = 2_000  # of the patrol in each quarter  # fast: 160

room = GridWorld(size=8, observation="xy")
walk = walk_by_quarters(room, GAMMA, seed=0, steps_each=STEPS)
goal_quarter = quarter_states(room, QUARTERS["lower right"])

for name, number in zip(QUARTERS, range(4), strict=True):
    x, y = walk.transitions.observation[walk.quarters == number].T  # y: 1 in the lowest row
    print(f"{name:12} mean x {x.mean():+.2f}   mean y {y.mean():+.2f}")

# %% [markdown]
# While the patrol is in one quarter, all observations come from one corner of the room. Such data is **correlated**: one
# step tells a lot about the next. A gradient step, however, treats its batch as if it were a fair sample of *everything*.

# %% [markdown]
# **Predict.** [[question.left]]

# %% Your prediction
predict("replay-left")

# %% [markdown]
# Here is a learner without a replay buffer. Its memory holds the 32 newest transitions, and a batch is all of them, in
# the order in which they happened.


# %%
class NewestOnly:
    """No replay: the memory is what has just happened."""

    def __init__(self):
        self.newest = deque(maxlen=32)

    def add(self, *transition):
        self.newest.append(transition)

    def sample(self, batch_size, rng):
        return Transition(*(np.stack(field) for field in zip(*self.newest, strict=True)))


network = GridNetwork(room, GAMMA)  # two hidden layers of 64, as in [[q_network]]


def learn(memory, seed):
    """Each step goes into the memory; then one batch of 32 comes out of it and is learned from."""
    network.initialise(seed)  # initialise
    rng = np.random.default_rng(seed)
    steps = walk_by_quarters(room, GAMMA, seed, STEPS).transitions  # select, execute: the patrol
    for step, transition in enumerate(zip(*steps, strict=True), start=1):
        memory.add(*transition)
        if step >= 32:
            network.update(memory.sample(32, rng))  # update
        if step % 80 == 0:
            yield step, network.error(), network.error(goal_quarter)  # evaluate


# %% Draw the errors while the network learns
ERROR = "error against Q*\n(mean |Q − Q*|)"  # over all actions in the squares that are meant


def draw_errors(values):
    steps, everywhere, at_goal = np.transpose(values)
    return error_curves(
        {"all squares": everywhere, "the quarter with the goal": at_goal},
        x=steps,
        xlabel=f"steps of the patrol (it moves on every {STEPS:,})",
        ylabel=ERROR,
        what="the error in the quarter with the goal, before and after the patrol leaves it.",
    )


def say_error(value):
    return f"After {value[0]:,.0f} steps the error is {value[1]:.3f}, in the quarter with the goal {value[2]:.3f}."


async def watch_errors(run, title):
    how = {"total": 4 * STEPS, "step": lambda value: value[0], "summary": say_error}
    return await watch(run, draw_errors, title=title, **how)


# %%
prediction("replay-left")  # from here on your prediction is kept as it is
last = await watch_errors(learn(NewestOnly(), seed=0), "Learning from the newest 32 transitions")
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

# %% Compare with your prediction
compare("replay-left", (before, after))

# %% [markdown]
# The network **forgets**. In a table a change of one entry leaves all others alone; in a network all squares share the
# parameters, so each update that fits one corner moves the values of all others. The only reward of this world is in the
# quarter that is forgotten, and all other values are built on it.
#
# An agent that chooses its actions by such a network has a second problem: wrong values lead it to other squares, and
# these squares are then all that it learns from.

# %% [markdown]
# ## 2. A ring that remembers
#
# Long-Ji Lin (1992) proposed to keep the transitions and to learn from them again: **experience replay**. DQN (Mnih
# et al., 2013 and 2015) draws every batch at random from the last million transitions.
#
# A memory cannot grow for ever. So it is a **ring buffer** with a fixed **capacity**, its number of slots. Transitions
# go into slot 0, 1, 2, and so on. After the last slot comes slot 0 again, and each new transition overwrites the one
# that is there, which is always the oldest. Nothing is ever moved.
#
# Try it: add until the ring is full, and then some more. Where is the oldest now? Then draw, a few times: does one come
# twice?

# %% Show a ring with buttons
RingView(capacity=8, batch_size=4)

# %% [markdown]
# ### Your turn: `add` (8 minutes, difficulty 2 of 3)
#
# `add` gets the five parts of one transition. While there is room, it appends the transition to `self.slots`; when the
# ring is full, it overwrites the oldest one. It counts every transition in `self.added`.
#
# Beware: some environments write every new observation into *the same array*. What you store must be a copy,
# `np.array(observation)`, of the same type.


# %%
class RingBuffer:
    """Keeps the newest `capacity` transitions."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.slots = []  # at most `capacity` transitions
        self.added = 0  # transitions added so far, including those that were overwritten

    def __len__(self):
        return len(self.slots)

    def add(self, observation, action, reward, discount, next_observation):
        """Add one transition; a full ring overwrites the oldest."""
        ### BEGIN SOLUTION
        before, after = np.array(observation), np.array(next_observation)  # copies
        transition = Transition(before, action, reward, discount, after)
        if len(self.slots) < self.capacity:
            self.slots.append(transition)
        else:
            self.slots[self.added % self.capacity] = transition
        self.added += 1
        ### END SOLUTION


check("replay_add", RingBuffer)

# %% [markdown]
# ### Your turn: `sample` (8 minutes, difficulty 2 of 3)
#
# `sample` draws `batch_size` slots, each with the same chance and **with replacement**: the same slot may come twice.
# (A draw without replacement would have to check which slots the batch already has. Among thousands of slots the
# difference is small.)
#
# It returns one `Transition` whose five fields are arrays: all observations `[B, ...]`, all actions `[B]`, and so on,
# where $B$ is the batch size. All random numbers come from `rng`, so that a run can be repeated.


# %%
RingBuffer = use("replay_add", RingBuffer)


class ReplayBuffer(RingBuffer):
    """A ring to draw from."""

    def sample(self, batch_size, rng):
        """Draw transitions with equal chances, with replacement; each field an array [B, ...]."""
        ### BEGIN SOLUTION
        slots = rng.integers(len(self.slots), size=batch_size)  # [B]
        rows = [self.slots[slot] for slot in slots]  # B transitions
        return Transition(*(np.stack(field) for field in zip(*rows, strict=True)))
        ### END SOLUTION


check("replay_sample", ReplayBuffer)

# %% [markdown]
# ## 3. The same walk, remembered
#
# Now three memories of different capacity get the same steps, and learn with the same number of updates with batches of
# 32.

# %% [markdown]
# **Predict.** [[question.capacity]]

# %% Your prediction
predict("replay-capacity")

# %% [markdown]
# First, your buffer with room for the whole walk:

# %%
ReplayBuffer = use("replay_sample", ReplayBuffer)
prediction("replay-capacity")  # from here on your prediction is kept as it is

memory = ReplayBuffer(4 * STEPS)
last = await watch_errors(learn(memory, seed=0), "Learning from all transitions, drawn at random")
# %% [markdown]
# The kit's buffer does what yours does, in blocks: it takes many transitions at once and draws $K$ batches at once,
# packed in arrays `[K, B, ...]`, so that the learner can work through them in one compiled call. A small case shows that
# both hold the same: eight transitions into five slots.

# %%
yours, kits = ReplayBuffer(5), KitReplayBuffer(5)
for number in range(8):
    row = Transition(*(field[number] for field in walk.transitions))
    row = row._replace(reward=np.float32(number))
    yours.add(*row)
    kits.add(Transition(*(np.array([value]) for value in row)))  # a batch of one

rng = np.random.default_rng(0)
drawn_from_yours = Transition(*yours.sample(200, rng))
drawn_from_kits = kits.sample(num_batches=1, batch_size=200, rng=rng).transitions
print("numbers drawn from yours:    ", np.unique(drawn_from_yours.reward))
print("numbers drawn from the kit's:", np.unique(drawn_from_kits.reward))
assert np.array_equal(np.unique(drawn_from_yours.reward), np.unique(drawn_from_kits.reward))

# %% [markdown]
# The runs with several seeds use the kit's buffer, for its speed.


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
ends = {name: np.array([run[-1, 1] for run in of_seeds]) for name, of_seeds in runs.items()}
worst = {name: max(run[:, 1].max() for run in of_seeds) for name, of_seeds in runs.items()}
for name, errors in ends.items():
    print(f"{name:10}  error at the end: {errors.min():.3f} to {errors.max():.3f}, ", end="")
    print(f"median {np.median(errors):.3f}; largest on the way: {worst[name]:.2f}")

# %% Draw the errors of all seeds
seed_panels(
    {name: [run[:, 1] for run in of_seeds] for name, of_seeds in runs.items()},
    x=everything[0][:, 0],
    xlabel="steps of the patrol",
    ylabel=ERROR,
    log=True,
    what="where does each line end? The axis is logarithmic: equal distances are equal factors. Does a single seed leave "
    "the others?",
)

# %% Compare with your prediction
compare("replay-capacity", {name: np.median(errors) for name, errors in ends.items()})

# %% [markdown]
# A buffer does two things at once. Random draws **break up the correlation** within a batch. A large capacity keeps the
# **whole world** in view. The capacity of 500 shows that the first is not enough by itself.
#
# Look also at the largest errors on the way. No exact value in this room is larger than 1. Where an error comes near 1
# or above it, the values of that seed ran away for a while. With $\gamma = 0.8$ they came back; section 4 ends with what
# drives them.
#
# Here are the values of the last seed, beside the exact ones. What is left of the values around the goal?

# %% Draw the values of the last seed
q_table(
    {"newest 32": table_newest, "all 8,000": table_everything, "exact Q*": network.exact},
    goals=room.goals,
    scale=(0.0, 1.0),
)

# %% [markdown]
# ## 4. What is in it, and what is drawn
#
# Look into the buffer while the patrol walks. Move *steps so far* across a border between two quarters, with each
# capacity. Press Play. Then compare a batch drawn at random with the newest 32.
#
# - **Age**: how many steps ago a transition happened. The larger the buffer, the older its data.
# - **Episodes**: from how many episodes a batch comes. Transitions of one episode are alike.
# - **Duplicates**: the same move from the same square, seen again. They are no mistake: what happens often should be
#   drawn often.

# %% Show the buffer along the walk
ReplayView(
    room.size, walk.states, walk.transitions.action, walk.next_states, walk.episodes,
    {name: STEPS * (number + 1) for number, name in enumerate(QUARTERS)},
    capacity=500, now=STEPS + STEPS // 4,
)  # fmt: skip

# %% [markdown]
# **Predict.** [[question.often]]

# %% Your prediction
predict("replay-often")

# %% [markdown]
# Instead of computing it, count it:

# %%
prediction("replay-often")  # from here on your prediction is kept as it is
CAPACITY, rng = 1_000, np.random.default_rng(0)
times = np.zeros(20_000, int)  # of each transition: how often it was drawn  # fast: np.zeros(4_000, int)
for step in range(CAPACITY, len(times)):  # in the buffer: step - CAPACITY to step - 1
    np.add.at(times, rng.integers(step - CAPACITY, step, size=32), 1)

whole_life = times[CAPACITY:-CAPACITY]  # came when the buffer was full, and are gone by now
print(f"drawn {whole_life.min()} to {whole_life.max()} times, on average {whole_life.mean():.1f}")

# %% Compare with your prediction
compare("replay-often", round(whole_life.mean(), 1))

# %% [markdown]
# In every step 32 transitions are drawn and 1 comes in, so on average each is drawn 32 times, whatever the capacity. This
# ratio is called **samples per insert**. (The *replay ratio* of the literature counts gradient steps: here it is 1.) Where steps are expensive to get, a high ratio makes more
# of each of them; when it is too high, the network fits the same few transitions again and again.
#
# ### The deadly triad
#
# Old transitions were made by an older policy. To learn about the best policy from what another policy did is called
# **off-policy** learning. Q-learning can do that, since the maximum in its target does not ask what the agent did next.
# But three things together can make values grow without bound:
#
# 1. a **function** with shared parameters in the place of a table,
# 2. **bootstrapping**: targets made of the network's own values,
# 3. **off-policy** data.
#
# Sutton and Barto call them the **deadly triad**. All three are at work in section 3: the patrol walks at random, and the
# network learns about the best policy. Replay does not remove any of them. With $\gamma = 0.8$ no error grew without
# bound, and with all 8,000 transitions it was small at the end; nothing guarantees that. Notebook [[target_network]] begins with $\gamma = 0.95$.
#
# ### The memory it takes (optional)
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
# So frames stay `uint8` until the network sees them, and frames that successive observations share are stored once. The
# kit does both.
#
# ## 5. Terminated or truncated?
#
# A transition's *discount* says whether anything follows. It is 0 where the episode **terminated**: the pole fell, the
# goal was reached, and there is no future to bootstrap from. It is $\gamma$ where the episode was only **truncated**, by
# a time limit for instance: the pole still stands. We stopped watching, but the future would have gone on.
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
    """Transitions under the rule, without their discounts, and how the episodes ended."""
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
# The rule never lets the pole fall here. Suppose that it never would: then from every state it earns 1 a step for ever,
# and the value of the state is
#
# $$V = 1 + \gamma + \gamma^2 + \dots = \frac{1}{1 - \gamma} = 100 \quad\text{for } \gamma = 0.99,$$
#
# where $V(s)$ is the discounted sum of the rewards that the rule earns from $s$ on.

# %% [markdown]
# **Predict.** [[question.truncated]]

# %% Your prediction
predict("replay-truncated")

# %% [markdown]
# The network learns the value of the rule, so there is no maximum in its target: the target is $r + d \cdot V(s')$ with
# the discount $d$. CartPole's network has two outputs; the first stands for $V$. Its target network is a copy of it, at
# most 10 updates old (more of that in [[target_network]]).


# %%
def value_td_error(q_tm1, a_tm1, r_t, discount_t, q_t):
    """TD errors [B] of V, the first output (tm1: before the step, t: after it)."""
    # no gradient flows through the target
    return tf.stop_gradient(r_t + discount_t * q_t[:, 0]) - q_tm1[:, 0]


config = DQNConfig(
    gamma=GAMMA_CARTPOLE,
    batch_size=64,
    updates_per_call=50,
    target_period=10,
    loss="squared",
    max_gradient_norm=0,  # not clipped: the errors at the limit are rare and large
)
learner = Learner(config, td_error=value_td_error)
untrained = learner.state()


def as_transitions(steps, cut_at_limit):
    """The steps of `play`; with `cut_at_limit`, nothing follows where one was truncated."""
    observation, action, reward, next_observation, terminated, truncated = steps
    nothing_follows = terminated | truncated if cut_at_limit else terminated
    discount = np.where(nothing_follows, 0.0, GAMMA_CARTPOLE).astype(np.float32)
    action, reward = action.astype(np.int32), reward.astype(np.float32)
    return Transition(observation, action, reward, discount, next_observation)


def learn_value(seed, cut_at_limit):
    """Mean V of the stored states every 100 updates, from the first; V along the first episode."""
    memory = KitReplayBuffer(5_000)
    transitions = as_transitions(play(5_000, seed), cut_at_limit)
    memory.add(transitions)
    observation = transitions.observation
    learner.load_state(untrained)
    rng = np.random.default_rng(seed)

    def values(states):
        return q_values(learner.get_weights(), states)[:, 0]

    # 23 and the 50 steps of an episode have no common divisor: states of every age are in it
    means = [float(values(observation[::23]).mean())]
    for _ in range(UPDATES // 100):
        for _ in range(2):
            learner.update(memory.sample(50, 64, rng).transitions)
        means.append(float(values(observation[::23]).mean()))
    return means, values(observation[:LIMIT])


# %%
UPDATES = 3_000  # fast: 200
THREE_SEEDS = range(3)  # fast: range(1)
prediction("replay-truncated")  # from here on your prediction is kept as it is
goes_on = [learn_value(seed, cut_at_limit=False) for seed in THREE_SEEDS]
cut_off = [learn_value(seed, cut_at_limit=True) for seed in THREE_SEEDS]
print(f"V after {UPDATES:,} updates")
print("  truncated episodes go on:         ", *[f"{means[-1]:.1f}" for means, _ in goes_on])
print("  taken as if they had terminated:  ", *[f"{means[-1]:.1f}" for means, _ in cut_off])
settled = np.median([means[-1] for means, _ in cut_off])

# %% Compare with your prediction
compare("replay-truncated", round(settled, 1))

# %% [markdown]
# Switch between the two. In the last row of the table the discount changes; in the plots, the level to which the values
# go.

# %% Show both treatments of the limit
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
# After 3,000 updates the upper line is still on its way to 100; the lower one has come to rest. Where it rests can be
# computed. The network sees positions and velocities, but no clock: to it, every state looks as if its next step were the last
# one with a probability of $1/T$. So
#
# $$V = 1 + \gamma \left(1 - \tfrac{1}{T}\right) V \quad\Rightarrow\quad V = \frac{1}{1 - \gamma\,(1 - 1/T)}
# = \frac{1}{1 - 0.99 \cdot 0.98} \approx 33.6 .$$
#
# One wrong flag in fifty steps takes two thirds of the value. A policy learned from such values weighs the rewards of the next steps
# against far too small a future, so it may risk a fall that it should avoid.

# %% [markdown]
# ## 6. Your buffer in the kit's loop (optional)
#
# The kit trains with one loop, `train`, and it takes your parts. `ReaderReplay` is a thin adapter: it passes the loop's
# batches to your `add` one transition at a time, and calls your `sample` $K$ times. In a small room (5 × 5) the agent now
# chooses its actions by itself, epsilon-greedily, as in [[q_update]].
#
# The return says little here: an episode earns 1 at the goal, however long it took, and 0 if the time limit of 100 steps
# comes first (it is *truncated* then, as in section 5). Even a random walk often gets there. Look at the mean of the largest
# values instead. Does it come to rest? Whether the values are right, the exact $Q^*$ tells below.

# %%
config = DQNConfig(
    env_id="dqnkit/GridWorld-v0",
    gamma=GAMMA,
    total_steps=4_000,  # fast: 600
    learning_starts=500,  # fast: 200
    replay_capacity=2_000,
    samples_per_insert=32.0,
    epsilon_end=0.3,
    epsilon_steps=2_000,
    target_period=50,  # the target network is a copy, at most 50 updates old, as in section 5
)
replay = ReaderReplay(ReplayBuffer(config.replay_capacity))
status = await live(train(config, replay=replay), title="DQN with your replay buffer", q_bound=1.0)

# %%
small_room = GridWorld(observation="xy")
learned = q_values(status.weights, small_room.all_observations())
exact = small_room.optimal_q(GAMMA)
inside = ~small_room.terminal
print(f"error against Q*: {np.abs(learned - exact)[inside].mean():.3f}")

# %% Draw the learned values beside the exact ones
q_table({"learned with your buffer": learned * inside[:, None], "exact Q*": exact}, goals=small_room.goals)

# %% [markdown]
# ## What we built
#
# One part of the ring, between the actor, which makes experience, and the learner, which draws from it what to learn.

# %% Draw the ring
ring("replay")

# %% [markdown]
# ### Quiz
#
# <details><summary>The batches from a buffer of 500 were drawn at random. Why did it help so little?</summary>
# All 500 transitions came from the quarter in which the patrol stayed for 2,000 steps. A random sample of one corner is
# still a sample of one corner. The capacity must reach beyond the time in which the data is alike.</details>
#
# <details><summary>Why not always make the buffer as large as the memory of the computer allows?</summary>
# Old transitions were made by an old, clumsy policy. In a large buffer the few that show where the newest policy leads
# are rarely drawn. A large buffer also takes memory. The capacity is a setting to tune.</details>
#
# <details><summary>An environment has a time limit, and the agent <em>sees the time left</em> in its observation. May a
# truncated step now count as terminated?</summary>
# If the limit is part of the task (a game of 90 minutes), yes: then it is a real end, and the agent can see it coming.
# If the limit is only there to make training practical, no.</details>
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
# Nothing that this notebook started is still running. In notebook **[[target_network]]** the target network joins the
# ring, and the DQN is complete.

# %% Your progress
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("replay")
