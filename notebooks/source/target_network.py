# ---
# jupyter:
#   dqnkit:
#     idea: "the target network; complete DQN solves CartPole; evaluation by plots and video"
#     run_seconds: 120
# ---

# %% [markdown]
# # [[number]] · The target network, and the whole of DQN
# <!-- badges -->
#
# One part is missing. In this notebook you see how training goes without it, build it in three lines, and then all the
# parts together learn to balance a pole. At the end you write the whole loop on a blank page, and your own functions
# become a program that trains CartPole without this course.
#
# **After this notebook you will be able to**
#
# - say what happens when a network learns towards its own predictions, and what the discount factor has to do with it;
# - write hard and soft updates of a target network, and choose the period;
# - train a complete DQN, and judge it by evaluation instead of by its training curve;
# - compare two settings by what they earn and by what they promise (optional);
# - write DQN's training loop from memory, and train with a DQN of your own.
#
# **Time:** about [[minutes]] minutes, 25 of them for the blank page, and [[optional_minutes]] for what is marked
# optional. **You need** the TD target and the Q-network ([[q_network]]), replay
# and `terminated` or `truncated` ([[replay]]). Nothing is carried over from their kernels.

# %% Import what this notebook uses from the kit, and draw the ring
from dataclasses import replace

import numpy as np

from dqnkit.actor import Actor
from dqnkit.classroom import check, compare, download_progress, predict, prediction, progress, use, write_program
from dqnkit.learner import Learner
from dqnkit.lessons.target_network.two_networks_view import two_networks
from dqnkit.plots import error_curves, histogram, ring
from dqnkit.policy import q_values
from dqnkit.presets import preset
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld

ring("target")

# %% [markdown]
# The five operations of every DQN are **initialise**, **select**, **execute**, **update** and **evaluate**. The target
# network, lit above, belongs to *initialise* (it begins as a copy) and to *update* (it is what the learner learns
# towards). It changes nothing else.
#
# The formula of this course has a mark that did not matter until now, the prime in $\theta'$:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha \, [\, r + \gamma \max_{a'} Q_{\theta'}(s', a') - Q_\theta(s, a) \,]$$
#
# $\theta$ are the weights of the network that learns, the **online network**; $\alpha$ is the step size, $r$ the reward,
# $\gamma$ the discount factor; $s, a$ are the state and the action taken, $s'$ the next state, $a'$ an action there.
# $\theta'$ are the weights of a second network. So far it was the same one: $\theta' = \theta$.
#
# ## 1. The same room, looking further ahead
#
# In [[q_network]] and [[replay]] the discount factor was 0.8. With 0.8 a reward ten moves away counts
# $0.8^{10} \approx 0.11$: the agent hardly sees it. A pole has to be balanced for hundreds of moves. So we raise
# $\gamma$ to 0.95, in the same room of 5 x 5 squares whose exact values $Q^*$ we know.
#
# To see one thing at a time, nobody acts while the network learns. It draws its batches from almost 20,000 transitions that
# an agent collected by walking at random, and these stay the same.

# %%
SEEDS = range(3)  # fast: range(1)
UPDATES = 4_000  # fast: 400
room = GridWorld(size=5, observation="xy")  # the goal at the lower right pays 1

# %%
config = preset(
    "dqnkit/GridWorld-v0",
    gamma=0.95,
    batch_size=32,
    loss="squared",  # half the square of the TD error, as in [[q_network]]
    max_gradient_norm=0.0,  # no gradient clipping, as in [[q_network]]
    num_envs=16,
    rollout_steps=1_250,  # 16 copies of the room x 1,250 moves = 20,000
    xla=False,  # compiled more quickly; pays for short runs
)
weights = Learner(config).get_weights()  # unused while epsilon is 1


def random_walk(gamma, seed):
    """A replay buffer with what happened in 20,000 steps at random (epsilon = 1)."""
    actor = Actor(replace(config, gamma=gamma, seed=seed))
    replay = ReplayBuffer(20_000)
    replay.add_rollout(actor.rollout(weights, epsilon=1.0))  # a rollout is a run of moves
    return replay


# %% [markdown]
# One run proves little, so there are several seeds. Each has its own first weights, its own walk and its own batches.
# For every setting below, a learner begins again from these weights and learns from this walk.

# %%
learners = [Learner(replace(config, seed=seed)) for seed in SEEDS]
beginnings = [learner.state() for learner in learners]  # to begin again from the same weights


def errors(seed, replay, gamma, period, learner=None):
    """Learn, with a copy every `period` updates; the largest |Q - Q*| after every 50 updates."""
    learner = learner or learners[seed]
    learner.load_state(beginnings[seed])
    q_star = room.optimal_q(gamma)
    rng = np.random.default_rng(seed)
    curve = []
    for _ in range(UPDATES // 50):
        batches = replay.sample(50, 32, rng).transitions
        learner.update(batches, target_period=period)  # 50 gradient steps
        q = q_values(learner.get_weights(), room.all_observations())
        curve.append(np.abs(q - q_star)[~room.terminal].max())
    return curve


updates = np.arange(50, UPDATES + 1, 50)  # when the error is measured
walks = {gamma: [random_walk(gamma, seed) for seed in SEEDS] for gamma in (0.8, 0.95)}
print(f"{len(walks[0.95][0]):,} transitions: after an episode, one step only resets the room")

# %% [markdown]
# Without a target network, each TD target comes from the weights as they are at that moment. In the kit this is a
# copy after every update: `period=1`.

# %% [markdown]
# **Predict.** [[question.gamma]]

# %% Your prediction
predict("target_network-gamma")

# %%
prediction("target_network-gamma")  # from here on your prediction is kept as it is
replay_alone = {
    f"gamma {gamma}": [errors(seed, walks[gamma][seed], gamma, 1) for seed in SEEDS]
    for gamma in walks  # each with its own exact values
}

# %% Draw the error over the updates for both discount factors
error_curves(
    replay_alone,
    x=updates,
    title="Replay alone, no target network",
    references={"the most the room pays": 1.0},
    log=True,
    what="the axis is logarithmic: each line up is ten times more. Where does each curve end, beside the largest value "
    "there is, 1?",
)

# %% Compare with your prediction
last = float(np.median([curve[-1] for curve in replay_alone["gamma 0.95"]]))
largest = max(np.max(curve) for curve in replay_alone["gamma 0.95"])
print(f"gamma 0.95: error after {UPDATES:,} updates {last:,.4g}, the largest on the way {largest:,.4g}")
compare("target_network-gamma", last)

# %% [markdown]
# ## 2. A target that moves
#
# Look at one gradient step on $Q_\theta(s, a)$. It moves the value towards the target
# $y = r + \gamma \max_{a'} Q_\theta(s', a')$. But $s$ and $s'$ are neighbours, and the network gives neighbours similar
# values: a step that raises $Q_\theta(s, a)$ raises $Q_\theta(s', a')$ too. **The step moves its own target, in the same
# direction.**
#
# Each time an error passes from one square to the next it is multiplied by $\gamma$. With $\gamma = 0.8$ it loses a fifth,
# and the errors die out. With 0.95 it loses only a twentieth. The network adds more than that by giving neighbours similar
# values, and the $\max$ always picks the largest of them. So the errors grow.
#
# The remedy is simple: let the target stand still for a while. Keep a second network with weights $\theta'$, the
# **target network**, use it for the targets only, and update it now and then:
#
# - **hard update** (Mnih et al., 2015): every $N$ updates $\theta' \leftarrow \theta$, and nothing in between. $N$ is the
#   **period**;
# - **soft update** (Lillicrap et al., 2016): after every update a small part of the way,
#   $\theta' \leftarrow \tau \theta + (1 - \tau) \theta'$, with $\tau$ (tau) about 0.01.
#
# One function does both: every `period` updates it moves the target network by the fraction `tau`. With `tau = 1` this is
# a copy.
#
# ### Your turn: `target_sync` (8 minutes, difficulty 1 of 3)
#
# `online` and `target` are lists of variables (kernels and biases) in the same order; `update` counts the gradient
# steps made so far. Update 0 comes before the first step: a hard update makes the two networks equal there. (A soft one would
# move the target by `tau` only: copy once with `tau = 1` there.)
# `variable.assign(value)` writes a value into a variable.


# %%
def target_sync(online, target, update, period, tau=1.0):
    """Every `period` updates, move the target's variables tau of the way to the online ones."""
    ### BEGIN SOLUTION
    if update % period == 0:
        for theta, theta_target in zip(online, target):
            theta_target.assign(tau * theta + (1 - tau) * theta_target)
    ### END SOLUTION


check("target_sync", target_sync)

# %% [markdown]
# Is it the same as the kit's? Two learners get the same batches and copy every 100 updates, one with the kit's own
# function, one with `target_sync`. TensorFlow compiles it into the learner, its `if` included.

# %%
target_sync = use("target_sync", target_sync)
mine = Learner(config, sync=target_sync)
theirs = learners[0]
mine.load_state(beginnings[0])
theirs.load_state(beginnings[0])
rng = np.random.default_rng(0)
for _ in range(8):
    batches = walks[0.95][0].sample(50, 32, rng).transitions
    mine.update(batches, target_period=100)
    theirs.update(batches, target_period=100)
difference = np.abs(mine.get_weights().values - theirs.get_weights().values).max()
print(f"largest difference between the two networks after 400 updates: {difference:g}")

# %% [markdown]
# ## 3. Watch it follow (optional)
#
# The start is the upper left square, the goal the lower right one, eight moves away. While the target network stands still, the
# online network can learn only what the target network already says of the next square.

# %% [markdown]
# **Predict.** [[question.start]]

# %% Your prediction
predict("target_network-start")

# %% [markdown]
# Now run it. The maps show the largest of the four values of each square. **Let it run to the end once.** Then run the
# cell again and move the sliders while it trains:
#
# - `period` to 1: do the two maps still differ, and what happens to the values?
# - `period` to 50, then to 1,000;
# - `period` 1 with `tau` 0.01, a soft update: how does the dashed line move now?
#
# (On Colab the sliders have no effect while a cell runs. Write `period=1` into the call there, and run it again.)

# %%
prediction("target_network-start")  # from here on your prediction is kept as it is
WATCHED_UPDATES = 6_000  # fast: 100
watched = Learner(config)
recorded = await two_networks(
    watched,
    walks[0.95][0],
    room,
    target_sync,
    updates=WATCHED_UPDATES,
    period=400,
)

# %% Wind the run back: drag along the curve, or play it
recorded


# %% Compare with your prediction
MOST = 8_000  # updates  # fast: 100


def start_reaches_half(period=400):
    """Updates until the start square's largest value is half of the exact one, for one seed."""
    learner = learners[0]
    learner.load_state(beginnings[0])
    rng = np.random.default_rng(0)
    start = room.all_observations()[:1]
    for update in range(50, MOST + 1, 50):
        learner.update(walks[0.95][0].sample(50, 32, rng).transitions, target_period=period)
        if q_values(learner.get_weights(), start).max() >= room.optimal_q(0.95)[0].max() / 2:
            return update
    return None  # it did not get there


compare("target_network-start", start_reaches_half())

# %% [markdown]
# What the goal is worth spreads in waves, one for each copy, and each wave reaches about one square further.
#
# ## 4. How often to copy
#
# Between two copies the learner solves an ordinary regression: its targets do not move. That is the gain. The price is
# time, for what the network has learned since the last copy is not in the targets yet. So how often should it copy?
# The same walks and the same first weights, 4,000 updates, four periods.

# %% [markdown]
# **Predict.** [[question.period]]

# %% Your prediction
predict("target_network-period")

# %%
prediction("target_network-period")  # from here on your prediction is kept as it is
periods = {
    "every update (no target network)": 1,
    "every 50": 50,
    "every 400": 400,
    "every 1,000": 1_000,
}
by_period = {
    name: [errors(seed, walks[0.95][seed], 0.95, period) for seed in SEEDS]
    for name, period in periods.items()  # in updates
}

# %% Draw the error over the updates for each period
error_curves(
    by_period,
    x=updates,
    title="gamma 0.95: how often the target is copied",
    log=True,
    what="the axis is logarithmic. How low does each line come, and has it come to rest?",
)

# %% Compare with your prediction
final = {name: float(np.median([curve[-1] for curve in curves])) for name, curves in by_period.items()}
for name, error in final.items():
    print(f"{name:34} error {error:10.4g}")
compare("target_network-period", final)

# %% [markdown]
# And a soft update? With $\tau = 0.01$ after every update, the target network is a running mean of the online network's
# weights, which are on average $1 / \tau = 100$ updates old. Here it is beside a hard update of period 200, whose copy is on
# average 100 updates old, too, and one of a period of your own. Find the smallest period with which the error does not grow.

# %%
MY_PERIOD = 10
soft = Learner(replace(config, target_tau=0.01))
tries = {
    "soft, tau 0.01": [errors(seed, walks[0.95][seed], 0.95, 1, soft) for seed in SEEDS],
    "every 200": [errors(seed, walks[0.95][seed], 0.95, 200) for seed in SEEDS],
    f"every {MY_PERIOD}": [errors(seed, walks[0.95][seed], 0.95, MY_PERIOD) for seed in SEEDS],
}

# %% Draw the soft update beside two hard ones
error_curves(
    tries,
    x=updates,
    title="gamma 0.95: a soft update and two hard ones",
    log=True,
    what="how far apart are the soft update and period 200? Does the error of your own period come to rest?",
)

# %% [markdown]
# ## 5. The complete DQN
#
# All parts are there now. Here they are with their operations, and where they are in the kit:
#
# | operation | part | built in | in the kit |
# | --- | --- | --- | --- |
# | initialise | Q-network, and a target network equal to it | [[q_network]], [[target_network]] | `networks.py` |
# | select | epsilon-greedy | [[q_update]] | `exploration.py` |
# | execute | steps of the environment, into the replay buffer | [[replay]] | `actor.py`, `replay.py` |
# | update | TD target from $\theta'$, gradient step on $\theta$, sync | [[q_network]], [[target_network]] | `value_learning.py`, `learner.py`, `networks.py` |
# | evaluate | whole greedy episodes, with epsilon 0 | [[start_here]], here | `evaluation.py` |
#
# The environment is CartPole from [[start_here]]: push a cart left or right so that its pole stays up. Every step pays 1, up to 500
# steps. A random policy earns about 22.
#
# Two helpers come with it, which most implementations have, and a third is left out:
#
# - **Gradient clipping**: a gradient longer than 10 is shortened to 10 (`max_gradient_norm`). Adam bounds the step by itself,
#   but one batch with huge TD errors would fill its running means, and the steps after it would be tiny.
# - **Learning-rate decay**: the step size falls in a straight line, here from 0.003 to 0.00001. Large steps learn quickly,
#   and small ones at the end let the network settle.
# - **Huber loss** (`loss="huber"`), left out: half the square of a TD error up to 1, beyond that its absolute value less a
#   half, so that a large error pulls no harder than an error of 1. Mnih et al. used it. Here the squared loss does better: the
#   few large errors, where the pole falls, are what holds the values down.

# %% Draw what the Huber loss changes, and how the learning rate falls
from dqnkit.lessons.target_network.helpers_picture import helpers_picture

helpers_picture()

# %% Import what training and evaluation use from the kit
from dqnkit.classroom.recordings import band_for, load_recording
from dqnkit.evaluation import evaluate
from dqnkit.training import train
from dqnkit.types import LiveSettings
from dqnkit.widgets import live

# %%
cartpole = preset(
    "CartPole-v1",
    seed=100,
    total_steps=120_000,  # fast: 3_000
    updates_per_call=16,
    hidden_sizes=(64, 64),  # the network of [[q_network]]
    gamma=0.98,
    learning_rate=3e-3,  # at first
    learning_rate_end=1e-5,
    max_gradient_norm=10.0,
    target_period=50,
    epsilon_end=0.02,
    double_q=False,  # double and n_step are parts of [[beyond_dqn]]: not yet
    n_step=1,
)

# %% [markdown]
# **Predict.** [[question.cartpole]]

# %% Your prediction
predict("target_network-cartpole", end=cartpole.total_steps)

# %% [markdown]
# Train. While it runs, look at two things: the **return** (upper picture; the band shows eight other seeds with the same
# settings), and **max Q**, what the network promises (lower picture). No policy can earn more than
# $1 + \gamma + \gamma^2 + \dots = 1 / (1 - \gamma) = 50$ in discounted reward; that is the dotted line.
#
# The sliders act while it trains. If you move one, the band fades, for then your settings are no longer the recorded
# ones. On the right the newest policy plays. If you reload this page before it was saved, the panel comes back at the
# edge of the page; `panel_again()` from `dqnkit.widgets` shows the newest one in a cell. (On Colab the sliders have no
# effect while a cell runs. Write `LiveSettings(target_period=1)` or
# `LiveSettings(epsilon=0.5)` into the cell there, and run it again.)

# %%
curve = []  # (step, mean return of the last 100 episodes)


def noted(statuses):
    """`train` yields a status after each of its steps; note where it stands, and pass it on."""
    for status in statuses:
        curve.append((status.step, status.episode_return))
        yield status


settings = LiveSettings()  # what the sliders change
band = band_for(cartpole, "target_network/cartpole")  # eight recorded seeds
expected = prediction("target_network-cartpole")
status = await live(
    noted(train(cartpole, live=settings)),
    settings=settings,
    band=band,
    predicted=expected,
    title="CartPole, the complete DQN",
    q_bound=1 / (1 - cartpole.gamma),
)

# %% Compare with your prediction
compare("target_network-cartpole", curve)

# %% [markdown]
# ### Evaluate
#
# The curve says too little about the policy, for two reasons: it includes random actions, and it is a mean over the last
# 100 episodes, most of which were played by older weights. So the fifth operation stands apart: 100 fresh episodes, greedy
# (epsilon 0), each from its own start.

# %%
weights = status.weights
trained = evaluate(weights, cartpole, episodes=100)
exploring = evaluate(weights, cartpole, episodes=100, epsilon=cartpole.epsilon_end)
random = evaluate(weights, cartpole, episodes=100, epsilon=1.0)
print(f"training, the last 100 episodes   {curve[-1][1]:5.0f}")
print(f"the same network, epsilon 0.02    {exploring.mean():5.0f}")
print(f"the same network, greedy          {trained.mean():5.0f}")

# %% Draw the returns of whole episodes
histogram(
    {"random policy": random, "trained policy, greedy": trained},
    title="Returns of whole episodes",
    marks={"solved": 475},
    what="the shape, not only the mean. A pole that falls early now and then shows as a tail to the left.",
)

# %% [markdown]
# The three numbers tell the two reasons apart. What lies between the last two is the price of the random actions. What lies
# between the first two is the age of the episodes: older weights played them.
#
# Gymnasium counts CartPole as solved at a mean of 475 over 100 episodes. One run proves little, and not every seed gets
# there: try `seed=101`. This is what your policy looks like:

# %% Record both policies, and show the two videos
import tempfile
from pathlib import Path

from dqnkit.videos import record_video
from dqnkit.widgets.video_player import player

FRAMES = 300  # fast: 30
with tempfile.TemporaryDirectory() as folder:
    videos = {
        "random policy": record_video(None, cartpole, Path(folder) / "random.gif", max_frames=FRAMES),
        "trained policy": record_video(weights, cartpole, Path(folder) / "trained.gif", max_frames=FRAMES),
    }
    show = player(videos)
show

# %% [markdown]
# ## 6. What the target network does for the return (optional)
#
# The same settings with `target_period=1`, no target network, were recorded with eight seeds too.

# %% [markdown]
# **Predict.** [[question.returns]]

# %% Your prediction
predict("target_network-returns")

# %% Load the recorded runs, and draw the returns of all seeds
from dqnkit.plots.band import learning_band

prediction("target_network-returns")  # from here on your prediction is kept as it is
recordings = {
    "period 50": load_recording("target_network/cartpole"),
    "no target": load_recording("target_network/cartpole_no_target"),
}
learning_band(recordings, title="CartPole, eight recorded seeds each", what="where does each band end?")

# %% Compare with your prediction
low, high = (recordings["period 50"].returns[:, -1].min(), recordings["period 50"].returns[:, -1].max())
without = float(np.median(recordings["no target"].returns[:, -1]))
compare("target_network-returns", (low, high, without))

# %% [markdown]
# **The final return does not show what the target network is worth.** The seeds lie further apart than the two settings.
# If you tune a part by CartPole's final return, chance decides.
#
# What the network promises does show it:

# %% Draw what the networks of all recorded seeds promised
from types import SimpleNamespace


def promises(recording):
    """The band of the mean max Q in place of the return."""
    q = recording.mean_max_q
    return SimpleNamespace(steps=recording.steps, low=q.min(axis=0), middle=np.median(q, axis=0), high=q.max(axis=0))


learning_band(
    {name: promises(recording) for name, recording in recordings.items()},
    references={"1 / (1 - gamma)": 50},
    ylabel="mean max Q\n(discounted return)",
    title="The same runs: what the networks promised",
    log=True,
    what="the dotted line is the most that any policy can earn. Which runs promise many times that, for a while?",
)

# %%
for name, recording in recordings.items():
    peaks = np.nanmax(recording.mean_max_q, axis=1)
    shown = ", ".join(f"{q:.0f}" for q in peaks)
    print(f"{name}: largest promise of each seed, of 50 that can be earned:\n    {shown}")

# %% [markdown]
# Without a target network every seed promised at least four times what can be earned. At the end all of them promised
# about 50 again. The two helpers above are at work: clipping keeps single batches from ruling Adam's running means, and
# the learning rate falls to nearly nothing. And wrong values can still rank two actions rightly, which is all that the return depends on. In the small room,
# without helpers, the error at $\gamma = 0.95$ was printed in section 1: compare it with 1, the largest value there is. That is why this course
# measures errors against known values rather than final returns.
#
# ## 7. The blank page
#
# ### Your turn: `training_loop` (25 minutes, difficulty 3 of 3)
#
# Now write DQN's training loop yourself. You have five parts:
#
# | part | what it does |
# | --- | --- |
# | `env` | `env.reset()` gives `(observation, info)`; `env.step(action)` gives `(next_observation, reward, terminated, truncated, info)` |
# | `select(observation, epsilon)` | an epsilon-greedy action |
# | `replay` | `replay.add(observation, action, reward, discount, next_observation)`, `replay.sample()` gives a batch, `len(replay)` |
# | `learn(batch)` | one gradient step on the online network |
# | `sync(update)` | your `target_sync`; `update` counts the gradient steps so far, 0 before the first |
#
# And four settings: `steps` (environment steps in all), `learning_starts` (no update before the buffer holds so many
# transitions; from then on one update after each step), `epsilon` (a function of the environment step, counted from 0)
# and `gamma`. Return a list: the return of each episode that ended.
#
# Go through the operations; in the place of *evaluate*, note the return of each episode that ended. Two questions decide most of it: what is the discount of a transition that ended an
# episode, and what has to happen before the next step? If you are stuck, run the check: hints unfold in its result.


# %%
def training_loop(env, select, replay, learn, sync, *, steps, learning_starts, epsilon, gamma):
    """Train for `steps` environment steps; the return of every episode that ended."""
    ### BEGIN SOLUTION
    # initialise
    observation, _ = env.reset()
    sync(0)
    updates, episode_return, returns = 0, 0.0, []
    for step in range(steps):
        # select
        action = select(observation, epsilon(step))
        # execute
        next_observation, reward, terminated, truncated, _ = env.step(action)
        discount = 0.0 if terminated else gamma  # a truncated episode still bootstraps
        replay.add(observation, action, reward, discount, next_observation)
        observation = next_observation
        episode_return += reward
        # update
        if len(replay) >= learning_starts:
            learn(replay.sample())
            updates += 1
            sync(updates)
        # note the return (to evaluate stands apart, see section 5)
        if terminated or truncated:
            returns.append(episode_return)
            episode_return = 0.0
            observation, _ = env.reset()
    return returns
    ### END SOLUTION


check("training_loop", training_loop)

# %% [markdown]
# ## 8. A DQN of your own
#
# In four notebooks you have written every part of DQN. Now they meet, in a program without this course: `my_dqn.py`. It
# needs NumPy, Gymnasium and TensorFlow only.
#
# Each part is yours, word for word as it passed its check, here or in an earlier notebook. Where yours has not passed, the
# worked solution stands in its place, and a comment says so; pass the check later, run this cell again, and the part is
# yours. Below the parts are about a hundred lines that join them. **Read those once**: which line compiles `train_step`,
# where does the learning rate fall, which seed draws what, and which network is kept at the end?

# %%
my_dqn = write_program("my_dqn.py")
my_dqn

# %% [markdown]
# The file is beside this notebook, and it is yours to keep. Change what you like: a file that you have changed is never
# written over. Now train with it for half of its 120,000 steps; that takes about a minute. In a terminal,
# `python my_dqn.py --seed 0` makes all of them.

# %%
STEPS = 60_000  # fast: 1_200
exit_status = my_dqn.run("--seed", 0, "--steps", STEPS)

# %% [markdown]
# The loop is yours: one environment, one step, one update. Its settings are at the top of the file. The last line judges
# the greedy policy in 100 episodes, as section 5 did. The program judges it on the way, too, forty times, and keeps the best
# network: with DQN a good policy may get lost again. Other seeds end elsewhere; try some in a terminal.
#
# ## What we built
#
# The whole ring, and every box of it is in `my_dqn.py`: the table of [[q_update]] became a network, its data goes through a
# buffer, and its target stands still for a while.

# %% Draw the ring
ring("environment", "actor", "replay", "learner", "target", "weights")

# %% [markdown]
# ### Quiz
#
# <details><summary>Why did gamma 0.8 need no target network here?</summary>
# An error is multiplied by gamma each time it passes from one square to the next. With 0.8 it loses a fifth, more than the
# network adds by giving neighbours similar values. With 0.95 the network adds more than is lost.</details>
#
# <details><summary>CartPole, gamma 0.99, a table that begins at 0 and a target table: how large can Q be after 47
# copies?</summary>
# After k copies the target knows the rewards of k steps. After 47 copies, with the step that the online table learns on
# top, Q is at most 1 + 0.99 + ... + 0.99<sup>47</sup> = 100 (1 - 0.99<sup>48</sup>) = 38.3, where 100 is the limit. For a
# network this is a guide and not a theorem: it does not begin at 0, and it can overshoot. In section 6 all eight seeds with
# a target network passed their bound of 50 for a while, by less than a third.</details>
#
# <details><summary>A friend says: "I removed the target network and CartPole got better." What do you answer?</summary>
# Ask how many seeds were run: the returns of single seeds lie further apart than the two settings. Then ask what the
# network promised: max Q against 1 / (1 - gamma).</details>
#
# ### Further reading
#
# - Mnih et al. (2015), *Human-level control through deep reinforcement learning*: the target network, and DQN as it is
#   known. Its first form (Mnih et al., 2013) had replay only.
# - Lillicrap et al. (2016), *Continuous control with deep reinforcement learning*: soft updates.
# - Watkins (1989), *Learning from delayed rewards*: the formula.
# - van Hasselt et al. (2018), *Deep reinforcement learning and the deadly triad*: when values learned in this way diverge.
#
# Nothing that this notebook started is still running. **[[when_it_does_not_learn]]** is about agents that
# do not learn: how to find the fault before you tune. Then **[[beyond_dqn]]** adds four parts.

# %% Your progress
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("target_network")
