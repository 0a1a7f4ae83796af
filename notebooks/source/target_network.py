# ---
# jupyter:
#   dqnkit:
#     idea: "the target network; complete DQN solves CartPole; evaluation by plots and video"
#     run_seconds: 76
# ---

# %% [markdown]
# # [[number]] · The target network, and the whole of DQN
# <!-- badges -->
#
# One part is missing. In this notebook you see how training goes without it, build it in three lines, and then all the
# parts together learn to balance a pole. At the end you write the whole loop yourself, on a blank page.
#
# **After this notebook you will be able to**
#
# - say what comes of learning towards one's own predictions, and what the discount factor has to do with it;
# - write hard and soft updates of a target network, and choose the period;
# - train a complete DQN, and judge it by evaluation instead of by its training curve;
# - compare two settings by what they earn, and by what they promise;
# - write DQN's training loop from memory.
#
# **Time:** about [[minutes]] minutes, half of it for the blank page. **You need** the TD target and the Q-network ([[q_network]]), replay
# and `terminated` or `truncated` ([[replay]]). Nothing is carried over from their kernels.

# %%
from dataclasses import replace

import numpy as np

from dqnkit.classroom import check, compare, download_progress, hints, predict, prediction, progress, use
from dqnkit.plots import error_curves, histogram, ring

ring("target")

# %% [markdown]
# The five operations of every DQN are **initialise**, **select**, **execute**, **update** and **evaluate**. The target
# network, lit above, belongs to *initialise* (it begins as a copy) and to *update* (it is what the learner learns
# towards). It changes nothing else.
#
# The one formula has had a small mark in it since [[q_update]] that you could pass over until now, the prime in $\theta'$:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha \, [\, r + \gamma \max_{a'} Q_{\theta'}(s', a') - Q_\theta(s, a) \,]$$
#
# $\theta$ are the weights of the network that learns, the **online network**; $\alpha$ is the step size, $r$ the reward,
# $\gamma$ the discount factor; $s, a$ are the state and the action taken, $s'$ the next state, $a'$ an action there.
# $\theta'$ are the weights of a second network. So far it was the same network: $\theta' = \theta$.
#
# ## 1. The same room, looking further ahead
#
# In [[q_network]] and [[replay]] the discount factor was 0.8, and replay was enough. With 0.8 a reward ten moves away counts
# $0.8^{10} \approx 0.11$: the agent hardly sees it. A pole has to be balanced for hundreds of moves. So we raise
# $\gamma$ to 0.95, in the same room of 5 x 5 squares whose exact values $Q^*$ we know.
#
# To see one thing at a time, nobody acts while the network learns: it draws from 20,000 transitions of an agent that
# walked at random, always the same ones.

# %%
from dqnkit.actor import Actor
from dqnkit.learner import Learner
from dqnkit.policy import q_values
from dqnkit.presets import preset
from dqnkit.replay import ReplayBuffer
from dqnkit.small_environments import GridWorld

SEEDS = range(3)  # fast: range(1)
UPDATES = 4_000  # fast: 400

room = GridWorld(size=5, observation="xy")  # the goal in the lower right corner pays 1 and ends the episode
config = preset(
    "dqnkit/GridWorld-v0",
    gamma=0.95,
    batch_size=32,
    loss="squared",  # half the square of the TD error, as in [[q_network]]
    max_gradient_norm=0.0,  # no limit on the gradient, as in [[q_network]]
    num_envs=16,
    rollout_steps=1_250,  # 16 copies of the room x 1,250 moves = 20,000
    xla=False,  # compiled more quickly; pays for short runs
)
unasked = Learner(config).get_weights()  # an actor has a network, but with epsilon = 1 it never asks it


def random_walk(gamma, seed):
    """A replay buffer with 20,000 moves at random (epsilon = 1)."""
    actor = Actor(replace(config, gamma=gamma, seed=seed))
    replay = ReplayBuffer(20_000)
    replay.add_rollout(actor.rollout(unasked, epsilon=1.0))  # a rollout is a run of moves
    return replay


# %% [markdown]
# Several seeds, for one run proves little: each has its own first weights, its own walk and its own batches. For every
# setting below, a learner begins again from the same weights and learns from the same walk.

# %%
learners = [Learner(replace(config, seed=seed)) for seed in SEEDS]
beginnings = [learner.state() for learner in learners]  # to begin again from the same weights


def errors(seed, replay, gamma, period, learner=None):
    """Learn from the buffer, with a copy every `period` updates; the largest |Q - Q*| after every 50 updates."""
    learner = learner or learners[seed]
    learner.load_state(beginnings[seed])
    q_star = room.optimal_q(gamma)
    rng = np.random.default_rng(seed)
    curve = []
    for _ in range(UPDATES // 50):
        learner.update(replay.sample(50, 32, rng).transitions, target_period=period)  # 50 gradient steps
        q = q_values(learner.get_weights(), room.all_observations())
        curve.append(np.abs(q - q_star)[~room.terminal].max())
    return curve


updates = np.arange(50, UPDATES + 1, 50)  # when the error is measured
walks = {gamma: [random_walk(gamma, seed) for seed in SEEDS] for gamma in (0.8, 0.95)}
print(f"{len(walks[0.95][0]):,} transitions (a step that only resets the room is none)")

# %% [markdown]
# Without a target network, each TD target comes from the weights as they are at that moment. To the kit that is a
# copy after every update: `period=1`.

# %% [markdown]
# **Predict.** [[question.gamma]]

# %%
predict("target_network-gamma")

# %%
replay_alone = {
    f"gamma {gamma}": [errors(seed, walks[gamma][seed], gamma, period=1) for seed in SEEDS] for gamma in (0.8, 0.95)
}
error_curves(
    replay_alone,
    x=updates,
    title="Replay alone, no target network",
    references={"the most the room pays": 1.0},
    log=True,
    what="the axis is logarithmic: each line up is ten times more. Where does each curve end, beside the largest value "
    "there is, 1?",
)

# %%
largest = max(np.max(curve) for curve in replay_alone["gamma 0.95"])
print(f"the largest error with gamma 0.95: {largest:,.0f}")
compare("target_network-gamma", largest)

# %% [markdown]
# ## 2. A target that moves
#
# Look at one gradient step on $Q_\theta(s, a)$. It should end at the target
# $y = r + \gamma \max_{a'} Q_\theta(s', a')$. But $s$ and $s'$ are neighbours, and the network gives neighbours similar
# values: a step that raises $Q_\theta(s, a)$ raises $Q_\theta(s', a')$ too. **The target runs away from the step that
# was made towards it.**
#
# Each round of this chase is multiplied by $\gamma$. With $\gamma = 0.8$ a fifth of every error is lost on the way, and
# the chase dies out. With 0.95 only a twentieth is lost; the network spreads more error than that from square to
# square, and the $\max$ always picks the largest. So it grows.
#
# The way out is almost too simple: let the target stand still for a while. Keep a second network with weights
# $\theta'$, the **target network**, for the targets only. Learn towards it. Now and then, copy:
#
# - **hard update** (Mnih et al., 2015): every $N$ updates $\theta' \leftarrow \theta$, and nothing in between. $N$ is the
#   **period**;
# - **soft update** (Lillicrap et al., 2016): after every update a small part of the way,
#   $\theta' \leftarrow \tau \theta + (1 - \tau) \theta'$, with $\tau$ (tau) about 0.01.
#
# One function does both: every `period` updates, it moves the target by the share `tau`. With `tau = 1` it is a copy.
#
# ### Your turn: `target_sync` (8 minutes, difficulty 1 of 3)
#
# `online` and `target` are lists of variables (kernels and biases) in the same order; `update` counts the gradient
# steps made so far. At update 0, before any step, the two networks are made equal. `variable.assign(value)` writes a
# value into a variable.


# %%
def target_sync(online, target, update, period, tau=1.0):
    """Every `period` updates, move the target's variables towards the online network's: tau of the way."""
    ### BEGIN SOLUTION
    if update % period == 0:
        for theta, theta_target in zip(online, target):
            theta_target.assign(tau * theta + (1 - tau) * theta_target)
    ### END SOLUTION


check("target_sync", target_sync)

# %%
hints("target_sync")

# %%
target_sync = use("target_sync", target_sync)

# %% [markdown]
# Is it the same as the package's? Two learners, the same batches, a copy every 100 updates: one with the package's
# function, one with `target_sync`. The kit compiles it into the learner, your `if` included.

# %%
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
# ## 3. Watch it follow
#
# The start is the upper left square, the goal the lower right: eight moves. While the target network stands still, the
# online network can learn only what the target already says of the next square.

# %% [markdown]
# **Predict.** [[question.start]]

# %%
predict("target_network-start")

# %% [markdown]
# Now run it. The maps show the largest of the four values of each square. **Let it run to the end once.** Then run the
# cell again and move the sliders while it trains:
#
# - `period` to 1: what do the two maps look like to each other now, and what happens to the values?
# - `period` to 50; to 1,000;
# - `period` 1 with `tau` 0.01: a soft update. How does the dashed line move now?
#
# (On Colab sliders do not act while a cell runs: write `period=1` into the call, and run it again.)

# %%
from dqnkit.lessons.target_network.two_networks_view import two_networks

WATCHED_UPDATES = 6_000  # fast: 100
watched = Learner(config)
look = await two_networks(watched, walks[0.95][0], room, target_sync, updates=WATCHED_UPDATES, period=400)


# %%
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
# News of the goal spreads in waves, one for each copy. That is the price of standing still: news travels one square in
# a period. The gain is that every stretch between two copies is an ordinary regression towards numbers that do not
# move. So which period is best?
#
# ## 4. How often to copy
#
# The same walks, the same networks, 4,000 updates, four periods, and a soft update with $\tau = 0.01$ after every
# update.

# %% [markdown]
# **Predict.** [[question.period]]

# %%
predict("target_network-period")

# %%
periods = {"every update (no target network)": 1, "every 50": 50, "every 400": 400, "every 1,000": 1_000}
by_period = {
    name: [errors(seed, walks[0.95][seed], 0.95, period) for seed in SEEDS] for name, period in periods.items()
}
soft = Learner(replace(config, target_tau=0.01))
by_period["soft, tau 0.01"] = [errors(seed, walks[0.95][seed], 0.95, 1, soft) for seed in SEEDS]
error_curves(
    by_period,
    x=updates,
    title="gamma 0.95: how often the target is copied",
    log=True,
    what="the axis is logarithmic. How low does each line come, and has it come to rest?",
)

# %%
final = {name: float(np.median([curve[-1] for curve in curves])) for name, curves in by_period.items()}
for name, error in final.items():
    print(f"{name:34} error {error:10.4g}")
compare("target_network-period", final)

# %% [markdown]
# The soft update with $\tau = 0.01$ behaves like a period of about $1 / \tau = 100$, without the steps.
#
# Try a number of your own (not graded): the smallest period that does not explode.

# %%
MY_PERIOD = 10
mine = [errors(seed, walks[0.95][seed], 0.95, MY_PERIOD) for seed in SEEDS]
print(f"period {MY_PERIOD}: error after {UPDATES:,} updates " + ", ".join(f"{curve[-1]:.3g}" for curve in mine))

# %% [markdown]
# ## 5. The complete DQN
#
# All the parts are there now. Here they are with their operations, and where the kit keeps them:
#
# | operation | part | built in | in the kit |
# | --- | --- | --- | --- |
# | initialise | Q-network, and a target network equal to it | [[q_network]], [[target_network]] | `networks.py` |
# | select | epsilon-greedy | [[q_update]] | `exploration.py` |
# | execute | steps of the environment, into the replay buffer | [[replay]] | `actor.py`, `replay.py` |
# | update | TD target from $\theta'$, gradient step on $\theta$, sync | [[q_network]], [[target_network]] | `learner.py` |
# | evaluate | whole greedy episodes, with epsilon 0 | [[start_here]], here | `evaluation.py` |
#
# The environment is CartPole from [[start_here]]: push a cart left or right so that its pole stays up. Every step pays 1, up to 500
# steps. A random policy earns about 22.

# %%
from dqnkit.classroom.recordings import band_for, load_recording
from dqnkit.training import train
from dqnkit.types import LiveSettings
from dqnkit.widgets import live

cartpole = preset(
    "CartPole-v1",
    seed=100,
    total_steps=120_000,  # fast: 3_000
    hidden_sizes=(64, 64),  # the network of [[q_network]]
    gamma=0.98,
    learning_rate=3e-3,  # at first; it falls to 1e-5 towards the end
    target_period=50,
    epsilon_end=0.02,
    double_q=False,  # double and n_step are parts of [[beyond_dqn]]: not yet
    n_step=1,
)
band = band_for(cartpole, "target_network/cartpole")

# %% [markdown]
# **Predict.** [[question.cartpole]]

# %%
predict("target_network-cartpole")

# %% [markdown]
# Train. While it runs, look at two things: the **return** (upper picture; the band are eight other seeds of the same
# settings), and **max Q**, what the network promises (lower picture). No policy can earn more than
# $1 + \gamma + \gamma^2 + \dots = 1 / (1 - \gamma) = 50$ in discounted reward; that is the dotted line.
#
# The sliders act while it trains. Move one, and the band disappears: then your run is no longer one of its kind. (On
# Colab they do not: there write `LiveSettings(target_period=1)` or `LiveSettings(epsilon=0.5)` into the cell, and run it
# again.)

# %%
curve = []  # (step, mean return of the last 100 episodes)


def noted(statuses):
    """`train` yields a status after each of its steps; note where it stands, and pass it on."""
    for status in statuses:
        curve.append((status.step, status.episode_return))
        yield status


settings = LiveSettings()
status = await live(
    noted(train(cartpole, live=settings)),
    settings=settings,
    band=band,
    predicted=prediction("target_network-cartpole"),
    title="CartPole, the complete DQN",
    q_bound=1 / (1 - cartpole.gamma),
)

# %%
compare("target_network-cartpole", curve)

# %% [markdown]
# ### Evaluate
#
# The curve says too little about the policy, for two reasons: it includes random actions, and it is a mean over the last
# 100 episodes, the oldest of which were played long ago by a worse network. So the fifth operation is one of its own:
# 100 fresh episodes, greedy (epsilon 0), each from its own start.

# %%
from dqnkit.evaluation import evaluate
from dqnkit.rollouts import InProcessRollouts

weights = status.weights
trained = evaluate(weights, cartpole, episodes=100)
actors = InProcessRollouts(replace(cartpole, rollout_steps=200))
random = actors.collect(weights, np.ones((1, cartpole.num_envs)), sequence=0)[0].episode_returns  # epsilon = 1
actors.close()
histogram(
    {"random policy": random, "trained policy, greedy": trained},
    title="Returns of whole episodes",
    marks={"solved": 475},
    what="the shape, not only the mean. A pole that falls early now and then shows as a tail to the left.",
)

# %% [markdown]
# Gymnasium counts CartPole as solved at a mean of 475 over 100 episodes. Of ten seeds that were tried with these
# settings nine got there, one stopped at about 155. One run proves little, and yours may be the tenth.
#
# And this is what it looks like:

# %%
import tempfile
from pathlib import Path

from dqnkit.lessons.target_network.video_player import player
from dqnkit.videos import record_video

FRAMES = 300  # fast: 30
with tempfile.TemporaryDirectory() as folder:
    videos = {
        "random policy": record_video(None, cartpole, Path(folder) / "random.gif", max_frames=FRAMES),
        "trained policy": record_video(weights, cartpole, Path(folder) / "trained.gif", max_frames=FRAMES),
    }
    show = player(videos)
show

# %% [markdown]
# ## 6. What the target network does for the return
#
# The same settings with `target_period=1`, no target network, were recorded with eight seeds too.

# %% [markdown]
# **Predict.** [[question.returns]]

# %%
predict("target_network-returns")

# %%
from dqnkit.plots.band import learning_band

recordings = {
    "period 50": load_recording("target_network/cartpole"),
    "no target": load_recording("target_network/cartpole_no_target"),
}
learning_band(recordings, title="CartPole, eight recorded seeds each", what="where does each band end?")

# %%
low, high = (recordings["period 50"].returns[:, -1].min(), recordings["period 50"].returns[:, -1].max())
without = float(np.median(recordings["no target"].returns[:, -1]))
compare("target_network-returns", (low, high, without))

# %% [markdown]
# **The final return does not show what the target network is worth.** The seeds lie further apart than the two settings.
# Whoever tunes a part by CartPole's final return tunes by chance.
#
# Then what does show it? What the network promises:

# %%
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
    print(f"{name}: largest promise of each seed, of 50 that can be earned: " + ", ".join(f"{q:.0f}" for q in peaks))

# %% [markdown]
# Without a target network every seed promised several times what the world can pay, and some runs fell back for a
# while. They recovered, for three reasons: the kit limits the length of a gradient here, the learning rate falls to
# nearly nothing, and even wrong values can rank two actions rightly. In the small room, with nothing to catch it, the
# error stayed. That is why this course measures errors against known values, and not final returns.
#
# ## 7. The blank page
#
# Now without the kit's loop: write DQN's training loop yourself (25 minutes, difficulty 3 of 3). You have five parts:
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
# Go through the five operations. Two questions decide most of it: what is the discount of a transition that ended an
# episode, and what has to happen before the next step? If you are stuck, the hints unfold one by one.


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
        # evaluate
        if terminated or truncated:
            returns.append(episode_return)
            episode_return = 0.0
            observation, _ = env.reset()
    return returns
    ### END SOLUTION


check("training_loop", training_loop)

# %%
hints("training_loop")

# %%
training_loop = use("training_loop", training_loop)

# %% [markdown]
# It runs. Your loop, your `target_sync`, on CartPole for 8,000 steps, one gradient step after each: about ten seconds,
# without a panel, for nothing but your own code is at work.

# %%
from dqnkit.exploration import linear_schedule
from dqnkit.lessons.target_network.loop_parts import loop_parts

parts = loop_parts(replace(cartpole, learning_rate=1e-3), target_sync)
returns = training_loop(
    parts.env,
    parts.select,
    parts.replay,
    parts.learn,
    parts.sync,
    steps=8_000,  # fast: 700
    learning_starts=500,
    epsilon=lambda step: linear_schedule(step, start=1.0, end=0.02, steps=3_000),
    gamma=cartpole.gamma,
)
print(f"{len(returns)} episodes")
print(f"mean return: first ten {np.mean(returns[:10]):.0f}, last ten {np.mean(returns[-10:]):.0f}")

# %%
histogram(
    evaluate(parts.get_weights(), cartpole, episodes=100),
    title="Your loop: 100 greedy episodes",
    marks={"a random policy": 22},
    what="how far it came in 8,000 steps, a fifteenth of the run above.",
)

# %% [markdown]
# ## What we built
#
# The whole ring. Every box is something that you have written: the table of [[q_update]] became a network, its data goes through
# a buffer, and its target stands still for a while.

# %%
ring("environment", "actor", "replay", "learner", "target", "weights")

# %% [markdown]
# ### Quiz
#
# <details><summary>Why did gamma 0.8 need no target network here?</summary>
# Each round of the chase is multiplied by gamma. At 0.8 a fifth of every error is lost on the way from one square to the
# next, more than the network adds by giving neighbours similar values. At 0.95 it adds more than is lost.</details>
#
# <details><summary>CartPole, gamma 0.99, a period of 200: how large can Q be after 47 copies, if it began at 0?</summary>
# After k copies the target knows the rewards of k steps, so after 47, with the step that the online network learns on
# top, Q is at most 1 + 0.99 + ... + 0.99<sup>47</sup> = 100 (1 - 0.99<sup>48</sup>) = 38.3, where 100 is the limit. A
# policy can be good long before its values are right; but if max Q is above such a bound, something else is
# wrong.</details>
#
# <details><summary>A friend says: "I removed the target network and CartPole got better." What do you answer?</summary>
# How many seeds? The returns of single seeds lie further apart than the two settings. Ask what the network promised:
# max Q against 1 / (1 - gamma).</details>
#
# ### Further reading
#
# - Mnih et al. (2015), *Human-level control through deep reinforcement learning*: the target network, and DQN as it is
#   known. Its first form (Mnih et al., 2013) had replay only.
# - Lillicrap et al. (2016), *Continuous control with deep reinforcement learning*: soft updates.
# - Watkins (1989), *Learning from delayed rewards*: the formula.
# - van Hasselt et al. (2018), *Deep reinforcement learning and the deadly triad*: when such a chase runs away.
#
# Nothing that this notebook started is still running. In **[[beyond_dqn]]** four more parts, and which ailment each one cures.

# %%
parts.env.close()
progress()

# %%
download_progress()
