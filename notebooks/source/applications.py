# ---
# jupyter:
#   dqnkit:
#     idea: "a game, a robot or a car: choose one, plan it, train it; then a task of your own"
#     run_seconds: 270
# ---

# %% [markdown]
# # [[number]] · Applications: a game, a robot, a car
# <!-- badges -->
#
# Until now the environments were chosen so that one idea could be seen. Now it is the other way round: there is a task,
# and *you* decide. What are its actions? What does the agent see, and what is it paid for? Is an evening enough, or does
# it need a cluster? You choose one of three tasks, plan it from a measurement, and train it. Then you read three runs of
# somebody else's, and say what their agents learned. At the end you have the page on which you can begin a task of your
# own.
#
# **After this notebook you will be able to**
#
# - turn a task into an environment for DQN: actions, observation, reward, discount;
# - say before a run how long it will take and what it will cost, here and in a cloud;
# - find out from a run what its agent has learned, and whether that is what you wanted;
# - say for which tasks more workers pay;
# - begin a task of your own with a contract, a probe and a plan.
#
# **Time:** about [[minutes]] minutes, and [[optional_minutes]] for what is marked optional. **You need** all of DQN
# ([[target_network]]), how to find a fault ([[when_it_does_not_learn]]), and why workers help or do not
# ([[train_on_a_cluster]]). Nothing is carried over from their kernels.
#
# ## 1. Choose
#
# | `TASK` | what it is | actions | an observation |
# | --- | --- | --- | --- |
# | `"game"` | Breakout on a small board (MinAtar): hit the ball, break the bricks, each pays 1 | 3 | 10 x 10 squares, 4 layers |
# | `"robot"` | a pole on a cart (MuJoCo); each step that it stays up pays 1 | a force from -3 to 3, cut into 5 (section 3) | 4 numbers |
# | `"driving"` | a car on a motorway with three lanes (highway-env): be fast, do not crash | 5 | 5 cars, 5 numbers each |
#
# **To install:** `from dqnkit.extras import add_applications; add_applications()` in a cell installs what is missing. Where
# you cannot install, the notebook goes on with recorded runs.

# %%
TASK = "robot"  # "game", "robot" or "driving"

# %% Import what this notebook uses from the kit, and say what the task needs
import importlib
from dataclasses import replace

import gymnasium as gym
import numpy as np

from dqnkit.classroom import check, compare, download_progress, predict, prediction, progress, use, write_program
from dqnkit.cloud.prices import offers
from dqnkit.cluster.dask_logging import silence_dask
from dqnkit.cluster.measure import measure
from dqnkit.cluster.plan import plan
from dqnkit.environments import make_env
from dqnkit.lessons.applications.hand import by_hand
from dqnkit.lessons.applications.tasks import TASKS, choose, for_seconds, random_return
from dqnkit.plots import ring
from dqnkit.presets import preset
from dqnkit.training import train
from dqnkit.widgets import live

silence_dask()  # it reports each worker that ends
task = choose(TASK)
config = task.config

# %% [markdown]
# Before anything learns, look at it. What can be done, what is seen, what is paid, and when is it over?

# %%
if task.is_here:
    env = make_env(config)
    spaces = {"observation": env.observation_space, "actions": env.action_space}
    observation, _ = env.reset(seed=0)
    for action in range(3):
        observation, reward, terminated, truncated, _ = env.step(action)
        print(f"action {action}: reward {reward:.2f}, terminated: {terminated}")
else:
    spaces = task.spaces
for name, space in spaces.items():
    print(f"{name}: {space}")

# %% Act by hand: press the buttons, or the keys with their numbers
by_hand(task)

# %% [markdown]
# A task that *you* cannot do with these buttons, even slowly and seeing all of it, may be one that no agent can do either.
# Remember what your first clumsy episodes earned.

# %% [markdown]
# **Predict.** [[question.random]]

# %% Your prediction
predict("applications-random")

# %%
returns = [random_return(env, seed) for seed in range(20)] if task.is_here else task.random_returns
low, high = min(returns), max(returns)
print(f"random policy: mean return {np.mean(returns):.2f}, from {low:.2f} to {high:.2f}")

# %% Compare with your prediction
compare("applications-random", float(np.mean(returns)))

# %% [markdown]
# ## 2. A measured minute, and what it says of the whole run
#
# How long will it take? Nobody has to guess. Less than a minute of measuring runs the code that trains, and gives two times:
# that of a **step** and that of an **update**. How many updates there are for each step is a setting.

# %%
HALF_A_MINUTE = 30  # seconds  # fast: 2
measured = measure(config, HALF_A_MINUTE) if task.is_here else task.measured
step_seconds = measured.step + measured.insert
update_seconds = measured.call / config.updates_per_call
updates_per_step = config.samples_per_insert / config.batch_size
print(f"a step takes {1000 * step_seconds:.3f} ms, an update {1000 * update_seconds:.3f} ms")
print(f"{updates_per_step:g} updates for each step; the whole run has {config.total_steps:,} steps")

# %% [markdown]
# **Predict.** [[question.minutes]]

# %% Your prediction
predict("applications-minutes")

# %% [markdown]
# ### Your turn: `steps_budget` (5 minutes, difficulty 2 of 3)
#
# The other way round: you have so many seconds. How many steps can that be, in one process, where acting and learning
# take turns? The first `learning_starts` steps need no updates; each step after them needs `updates_per_step`, which may
# be less than 1. Return a whole number, rounded down.


# %%
def steps_budget(seconds, step_seconds, update_seconds, updates_per_step, learning_starts):
    """Environment steps that fit into a time."""
    ### BEGIN SOLUTION
    early = learning_starts * step_seconds
    if seconds < early:
        return int(seconds / step_seconds)
    cost = step_seconds + updates_per_step * update_seconds
    return learning_starts + int((seconds - early) / cost)
    ### END SOLUTION


check("steps_budget", steps_budget)

# %% [markdown]
# The kit's `plan` goes the first way: from the steps of the whole run to its time, here and on rented machines, and to its
# price. (On the command line it is `dqnkit plan`.)

# %%
planned = plan(config, measured, offers(["aws"], [False, True]))
print(planned)

# %% Compare with your prediction
compare("applications-minutes", round(planned.here / 60, 2))

# %% [markdown]
# ## 3. Six decisions
#
# Every task asks the same six questions. Here they are, one by one, with something to try for each.
#
# ### Actions
#
# DQN takes a maximum over actions, so it needs a list of them. A motor takes any force between two bounds. The simplest
# way out is to cut the range into **bins**: action 0 is the lower bound, the last action is the upper one, and the others
# lie at equal distances between them.
#
# ### Your turn: `discretise` (3 minutes, difficulty 1 of 3)


# %%
def discretise(action, low, high, bins):
    """The force of an action number, from 0 to bins - 1."""
    ### BEGIN SOLUTION
    return low + action * (high - low) / (bins - 1)
    ### END SOLUTION


check("discretise", discretise)

# %%
discretise = use("discretise", discretise)

print("five forces for the pendulum:", [discretise(action, -3.0, 3.0, 5) for action in range(5)])

# %% [markdown]
# #### Several joints (optional)
#
# How long does the list become if a robot has more joints than one, with three forces for each? An action is then a
# **combined** one: a force for every joint.
#
# A **decoupled** network has one value for each force *of each joint*. The value of a combined action is the mean of the
# values of its parts (Seyde et al., 2022). Then the best combined action is simply the best force of each joint, and
# nothing has to be listed.

# %%
for robot, joints in {"pendulum": 1, "HalfCheetah": 6, "a humanoid": 17}.items():
    print(f"{robot}, joints: {joints}, combined actions: {3**joints:,}", end="; ")
    print(f"outputs of a decoupled network: {3 * joints}")

# %% [markdown]
# ##### Your turn: `decoupled_q` (5 minutes, difficulty 2 of 3)
#
# `q` is `[B, D, N]`: for each row of a batch and each of D joints the values of N forces. `actions` is `[B, D]`: which force
# each joint took. Return the values of these combined actions, `[B]`.


# %%
def decoupled_q(q, actions):
    """The values [B] of combined actions."""
    ### BEGIN SOLUTION
    taken = np.take_along_axis(q, actions[:, :, None], axis=2)  # [B, D, 1]
    return taken[:, :, 0].mean(axis=1)
    ### END SOLUTION


check("decoupled_q", decoupled_q)

# %% [markdown]
# Is the best combined action really the best force of each joint? Here every one is tried, for three joints with four
# forces:

# %%
decoupled_q = use("decoupled_q", decoupled_q)

q = np.random.default_rng(0).normal(size=(1, 3, 4))
everything = [np.array([joint]) for joint in np.ndindex(4, 4, 4)]
best = max(everything, key=lambda actions: decoupled_q(q, actions)[0])
print(f"best of {len(everything)} combined actions: {best[0]}")
print(f"best force of each joint:    {q[0].argmax(axis=1)}")

# %% [markdown]
# HalfCheetah has six joints. The preset gives each of them two forces only: all of it, forwards or backwards. Is that too
# crude for running? Five recorded runs of four to five minutes on one core say that it is not. Its animation is at the end
# of section 4.

# %% Draw the recorded runs of a robot of six joints
from dqnkit.lessons.applications.runs import band_of, load_runs, mean_of
from dqnkit.plots.band import learning_band

running = load_runs("cheetah")["HalfCheetah"]
learning_band(
    {"two forces for each of six joints": band_of(running)},
    title=f"HalfCheetah-v5, {len(running)} recorded seeds",
    what="a step pays the speed, in m/s, less 0.6 for the forces; an episode has 1,000: how fast is that?",
)

# %% [markdown]
# ### Observation
#
# It has to hold all that a good choice depends on. In a single picture of Breakout you cannot see where the ball is going,
# so DQN on Atari sees the last four (Mnih et al., 2015). Small tasks hold the motion itself: MinAtar draws the ball's last
# place, the pendulum gives its velocities, the car the speeds of the others.

# %% [markdown]
# #### A stack of frames (optional)
#
# ##### Your turn: `frame_stack` (4 minutes, difficulty 2 of 3)
#
# `frames` are all of this episode so far, `[T, ...]`, oldest first. Return the latest `stack` of them, oldest first. Just
# after a reset there are too few: then the first frame is repeated in front.


# %%
def frame_stack(frames, stack):
    """The observation [stack, ...] at this moment of an episode."""
    ### BEGIN SOLUTION
    missing = max(0, stack - len(frames))
    return np.concatenate([np.repeat(frames[:1], missing, axis=0), frames[-stack:]])
    ### END SOLUTION


check("frame_stack", frame_stack)

# %%
frame_stack = use("frame_stack", frame_stack)

ball = np.array([[3], [4], [5], [4]])  # the column of a ball that bounces from the wall at 5
for t in range(1, 5):
    now, seen = ball[t - 1, 0], frame_stack(ball[:t], 2)[:, 0]
    print(f"step {t}: one frame says column {now}, two say {seen}")

# %% [markdown]
# Steps 2 and 4 look alike in one frame; in two they do not.

# %% [markdown]
# ### Reward
#
# Of all decisions this is the one that goes wrong most quietly, and section 5 shows how. A smaller matter is its size: a
# learning rate that suits rewards of 1 does not suit rewards of 400. For Atari rewards were therefore *clipped*.
#
# ### Your turn: `reward_clip` (2 minutes, difficulty 1 of 3)


# %%
def reward_clip(rewards, largest):
    """Rewards [T] held between -largest and largest."""
    ### BEGIN SOLUTION
    return np.clip(rewards, -largest, largest)
    ### END SOLUTION


check("reward_clip", reward_clip)

# %%
reward_clip = use("reward_clip", reward_clip)

careful = np.array([1.0] * 12)  # twelve small prizes
bold = np.array([0.0] * 10 + [50.0])  # a single large one
print("as they are:", careful.sum(), bold.sum())
print("clipped:    ", reward_clip(careful, 1).sum(), reward_clip(bold, 1).sum())

# %% [markdown]
# The first number of each line is the return of the careful episode, the second that of the bold one. Clipping does not
# only make learning steadier. It can also turn round which policy is best. If the
# size of a reward matters in your task, divide all rewards by one number instead.
#
# ### Discount

# %% [markdown]
# **Predict.** [[question.discount]]

# %% Your prediction
predict("applications-discount")

# %%
horizon = next(n for n in range(10_000) if 0.95**n < 0.1)
for name, each in TASKS.items():
    if each.step_seconds:
        seconds = horizon * each.step_seconds
        print(f"{name:8} {horizon} steps are {seconds:.1f} seconds of its world")
print(f"gamma of your task: {config.gamma}")

# %% Compare with your prediction
compare("applications-discount", horizon)

# %% [markdown]
# So choose gamma by the **time of your world**: how long does it take until a good choice has paid? Begin with the smallest
# that reaches so far. A larger one makes values larger and learning slower ([[target_network]]).
#
# What if it does not reach so far? Say that slow work pays 0.7 in each of 30 steps, and hasty work 1 in each of six, after
# which nothing more is paid. This is what the two are worth to an agent, at the start:

# %%
for gamma in (0.8, 0.95):
    slow = sum(0.7 * gamma**t for t in range(30))
    hasty = sum(1.0 * gamma**t for t in range(6))
    print(f"gamma {gamma}: slow {slow:.1f}, hasty {hasty:.1f}")

# %% [markdown]
# With the smaller gamma haste looks better: what it loses is too far away to count.
#
# ### Network

# %% [markdown]
# **Predict.** [[question.network]]

# %% Your prediction
predict("applications-network")

# %%
from dqnkit.networks import build_q_network

board = preset("MinAtar/Breakout-v1")
picture = gym.spaces.Box(0, 1, (10, 10, 4), bool)  # 10 x 10 squares, four layers
row = gym.spaces.Box(0, 1, (400,), np.float32)  # the same numbers in one row
spaces = {"dense": row, "convolution": picture}
weights = {name: build_q_network(space, 3, board).count_params() for name, space in spaces.items()}
print(", ".join(f"{name}: {count:,} weights" for name, count in weights.items()))

# %% Compare with your prediction
compare("applications-network", weights)

# %% [markdown]
# A convolution is not smaller. It is *told* something: that a ball at one place is like a ball at another. Where
# neighbouring numbers belong together, it learns from fewer steps. Four numbers, or five cars, have no such order: there
# one or two hidden dense layers do.
#
# ### Replay

# %% [markdown]
# **Predict.** [[question.replay]]

# %% Your prediction
predict("applications-replay")

# %%
shapes = {  # observation, bytes of a number
    "the pendulum": (4, 8),
    "the car": (5 * 5, 4),
    "the small Breakout": (10 * 10 * 4, 1),
    "Atari, four frames": (84 * 84 * 4, 1),
}
megabytes = {}
for name, (numbers, size) in shapes.items():
    transition = 2 * numbers * size + 12  # bytes: two observations, and three numbers
    megabytes[name] = 200_000 * transition / 1e6
    print(f"{name:20} {megabytes[name]:10,.0f} MB")

# %% Compare with your prediction
compare("applications-replay", round(megabytes["Atari, four frames"]))

# %% [markdown]
# Each frame of Atari stands in eight observations here. The kit stores it once, and the buffer takes an eighth of that.
#
# ## 4. Train it
#
# Say that you have 80 seconds. How many steps does your own function give you for that?

# %%
steps_budget = use("steps_budget", steps_budget)

SECONDS = 80  # fast: 3
times = step_seconds, update_seconds, updates_per_step
affordable = steps_budget(SECONDS, *times, config.learning_starts)
steps = min(max(affordable, 500), config.total_steps)
print(f"{affordable:,} steps fit into {SECONDS} seconds; the whole run has {config.total_steps:,}")
print(f"so it will be {steps / config.total_steps:.0%} of the whole run")

# %% [markdown]
# **Predict.** [[question.trained]]

# %% Your prediction
predict("applications-trained")

# %% [markdown]
# Epsilon and the learning rate fall within these steps: it is a run from beginning to end, however short. On the right
# the newest policy acts. The clock of `for_seconds` is there in case the measurement was wrong: what was learned stays.

# %%
explored = config.epsilon_steps * steps // config.total_steps
early = min(config.learning_starts, steps // 5)
short = replace(config, total_steps=steps, epsilon_steps=explored, learning_starts=early)
if task.is_here:
    training = for_seconds(train(short), 1.3 * SECONDS)
    status = await live(training, predicted=prediction("applications-trained"), title=task.what)
    earned = status.episode_return
    print(f"{status.step:,} steps in {status.seconds:.0f} s")
    print(f"the last 100 episodes earned {earned:.1f}")

# %% Compare with your prediction
recorded = load_runs(task.name)
if not task.is_here or not np.isfinite(earned):
    print("There is no result of your own: compared with the recorded whole runs.")
    earned = float(np.median([run.returns[-1] for runs in recorded.values() for run in runs]))
compare("applications-trained", round(earned, 2))

# %% Draw whole runs, recorded
learning_band(
    {name: band_of(runs) for name, runs in recorded.items()},
    references={"random policy": float(np.mean(returns))},
    title=f"{task.env_id}, {len(next(iter(recorded.values())))} recorded seeds",
    what="how many steps pass before anything happens, and have the runs come to rest at the end?",
)

# %% Say how long whole runs took, and what they reached
for name, runs in recorded.items():
    best, worst = (pick(np.mean(run.episodes["return"]) for run in runs) for pick in (max, min))
    seconds = np.mean([run.seconds for run in runs])
    made = f"{runs[0].steps[-1]:,} steps in {seconds:.0f} s"
    print(f"{name}: {made}; greedy {worst:.1f} to {best:.1f}")

# %% [markdown]
# And this is how such agents act. Each was trained with the settings of its task for the whole run, and you see its
# first greedy episode, or its beginning. (The key is for section 5.)

# %% Watch agents that were trained for a whole run
from dqnkit.lessons.applications.gallery import trained_agents
from dqnkit.widgets.video_player import player

player(trained_agents(), width=180)

# %% [markdown]
# Compare the three: the random policy, your run, the recorded ones. The curve is a mean over the last 100 episodes, of older
# networks and with some random actions. With the pendulum it ends near 260, while the greedy policy of the end earns 1,000;
# elsewhere the two are close. If your own run has not moved from the random policy, do not tune yet. Ask first whether it
# was long enough for its learning to begin.
#
# ## 5. Three recorded runs, and what was concluded
#
# All three were recorded; a script trained and judged several seeds of each. Read them as in
# [[when_it_does_not_learn]]: what was found, and what does it mean?
#
# ### The pendulum: how many forces?
#
# Somebody wanted to know how many forces the pendulum needs, had little time, and trained it once with each number. This
# was the table:

# %%
pendulum = load_runs("forces")
greedy = {}
for name, runs in pendulum.items():
    greedy[name] = [np.mean(run.episodes["return"]) for run in runs]
for name, means in greedy.items():
    print(f"{name}: {means[0]:.0f} of 1,000")

# %% [markdown]
# "Three are too few: there is no small push. Seven are too many: more values have to be learned in the same time. It must
# be five." So it was decided. Then four more seeds of each were recorded.

# %% [markdown]
# **Predict.** [[question.forces]]

# %% Your prediction
predict("applications-forces")

# %%
for name, means in greedy.items():
    print(f"{name}: {', '.join(f'{value:.0f}' for value in means)}; mean {np.mean(means):.0f}")

# %% Draw what each seed earned
from dqnkit.plots.ablation import ablation

ablation(
    greedy,
    baseline="5 forces",
    xlabel="greedy return (mean of 20 episodes of a seed)",
    title="Five seeds of each number",
    what="how far apart are the seeds of one row, beside the distance between the bars?",
)

# %% Compare with your prediction
compare("applications-forces", greedy)

# %% [markdown]
# Of the two explanations one may be true: with three forces no seed balanced the pole. The other explains luck. A table
# with one run in each row cannot tell the two apart, and the explanation comes by itself. It is the commonest wrong decision
# of all, for it needs no mistake in the code.

# %% [markdown]
# ### The key: it nearly always works
#
# In MiniGrid's `DoorKey-5x5` an agent has to take a key, open a door and walk to the goal, which pays about 1. It sees the
# whole room from above. After training, two policies are judged in the same rooms: the greedy one, and the same network
# with 5 % random actions.

# %%
rooms = load_runs("door")
door = rooms["40,000 steps"]
print(f"greedy:       mean return {mean_of(door, 'return'):.2f}")
print(f"epsilon 0.05: mean return {mean_of(door, 'return, epsilon 0.05'):.2f}")

# %% [markdown]
# **Predict.** [[question.stuck]]

# %% Your prediction
predict("applications-stuck")

# %%
lengths = np.array([run.episodes["steps"] for run in door])  # [seeds, episodes]
paid = np.array([run.episodes["return"] for run in door])
longest = lengths.max()
usual, to_the_limit = np.median(lengths[paid > 0]), np.mean(lengths[paid == 0] == longest)
print(f"greedy episodes that were paid: {np.mean(paid > 0):.0%}, after {usual:.0f} steps")
print(f"the others: {to_the_limit:.0%} of them went on to the limit of {longest:.0f}")

# %% Compare with your prediction
compare("applications-stuck", (lengths[paid == 0], longest))

# %%
for name, runs in rooms.items():
    for run in runs:
        both = [np.mean(run.episodes[kind]) for kind in ("return", "return, epsilon 0.05")]
        print(f"{name}, seed {run.seed}: greedy {both[0]:.2f}, with epsilon 0.05 {both[1]:.2f}")

# %% [markdown]
# ### The car: the return rises
#
# Somebody was in a hurry. Each second costs what the car is slower than 30 metres a second, as a share; a crash costs 1
# and ends the episode, which otherwise lasts 30 seconds:


# %%
def hurry(speed, crashed, crash_cost):
    """The reward of a second."""
    return speed / 30 - 1 - crash_cost * crashed


# %% Draw the returns
cars = load_runs("car")
hurried = cars["a crash costs 1"]
learning_band(
    {"a crash costs 1": band_of(hurried)},
    title="The car in a hurry",
    what="has it learned something?",
)

# %% [markdown]
# **Predict.** [[question.car]]

# %% Your prediction
predict("applications-car")

# %%
for name, runs in cars.items():
    crashed, seconds = mean_of(runs, "crashed"), mean_of(runs, "seconds")
    speed, paid_in_all = mean_of(runs, "speed"), mean_of(runs, "return")
    print(f"{name}: return {paid_in_all:.2f}, {speed:.1f} m/s", end=", ")
    print(f"crashed {crashed:.0%}, {seconds:.0f} s long")

# %% Compare with your prediction
compare("applications-car", {what: mean_of(hurried, what) for what in ("crashed", "speed")})

# %% [markdown]
# Why? Let us do the sum that the agent did. What do thirty careful seconds at 20 metres a second cost, and what does a
# crash after a few seconds at full speed?

# %%
CRASH_COST = 1.0
lasts = round(mean_of(hurried, "seconds"))  # until the crash
careful = sum(hurry(20, False, CRASH_COST) for second in range(30))
reckless = sum(hurry(30, second == lasts - 1, CRASH_COST) for second in range(lasts))
print(f"thirty careful seconds: {careful:.1f}; {lasts} reckless ones, then a crash: {reckless:.1f}")

# %% [markdown]
# The agent did what it was paid for. This is called **reward hacking** (Amodei et al., 2016), and three things make it so
# common: the return *rises*, all probes pass, and nobody looks. So look: at the numbers that you care about and did not
# put into the reward, and at the policy itself. From which `CRASH_COST` on is careful driving the cheaper? Try it above.
#
# The second line of the table is the same car, trained again with one number changed: a crash costs 15. Do not compare the
# two returns, for they are paid by different rewards; compare speed and crashes. It drives more slowly, and most of its
# episodes end without a crash. Some still do not: a better reward does not replace training.
#
# ## 6. More workers for the car?
#
# What did workers bring for CartPole ([[train_on_a_cluster]])? And what do they bring for the car? Both in one process, then
# both on two workers of this computer, without a learner.

# %% [markdown]
# **Predict.** [[question.workers]]

# %% Your prediction
predict("applications-workers")

# %% Start two workers, and import what measures them
from dqnkit.cluster.rollouts import ClusterRollouts
from dqnkit.cluster.watched_cluster import WatchedCluster
from dqnkit.deploy import make_cluster
from dqnkit.lessons.applications.tasks import measure_rates

driving = TASKS["driving"]
if driving.is_here:
    cluster = make_cluster(n_workers=2)
    client = cluster.get_client()

# %%
MEASURE = 4.0  # seconds  # fast: 0.3
rates = measure_rates(client, driving.config, MEASURE) if driving.is_here else driving.rates
for name, (here, away) in rates.items():
    print(f"{name:9} in process {here:9,.0f} steps a second, two workers {away:9,.0f}")

# %% Compare with your prediction
compare("applications-workers", rates)

# %% [markdown]
# It is the same Dask, the same two workers, the same messages. What differs is how much work is in a step. A message costs
# some milliseconds and carries many steps. A step of the car is a second of traffic, computed car by car, which takes some
# milliseconds itself: its share of a message is small, and two workers make about twice as many. In the time of one message
# CartPole makes a hundred steps or more, so messages take much of what the second worker brings, and its learner would be
# the limit anyway.
#
# The rule of [[train_on_a_cluster]] in one line: **workers pay where a step takes longer than its updates**. For your task
# that is a division of two numbers from section 2:

# %%
learner_seconds = updates_per_step * update_seconds
ratio = step_seconds / learner_seconds
print(f"acting takes {ratio:.2g} times as long as learning")
print(f"at most about {max(1, ratio):.0f} workers help, where a run is long enough to start them")

# %% [markdown]
# Now train the car on two workers, for a minute at most. Who waits for whom?

# %%
if driving.is_here:
    TRAIN_SECONDS = 60  # fast: 3
    rollouts = ClusterRollouts(client)
    training = for_seconds(train(driving.config, rollouts=rollouts), TRAIN_SECONDS)
    status = await live(training, cluster=WatchedCluster(rollouts), title="The car, two workers")
    waited = rollouts.traffic.waiting_seconds / status.seconds
    print(f"{status.step:,} steps in {status.seconds:.0f} s", end="; ")
    print(f"the learner waited {waited:.0%} of the time")

# %% End the cluster
if driving.is_here:
    client.close()
    cluster.close()

# %% [markdown]
# The learner waits: its two updates for a step take less time than the two workers need for one. These are the whole runs:

# %% Draw the recorded runs of the car
motorway = load_runs("driving")["motorway"]
learning_band(
    {"motorway": band_of(motorway)},
    title="The car with highway-env's own reward, recorded",
    what="how many steps pass before the return rises?",
)

# %% [markdown]
# ## 7. Your own DQN on the pendulum
#
# `my_dqn.py` of [[target_network]] knows nothing of robots. Three of its lines have to change:

# %% Import what changes the lines
from dqnkit.lessons.applications.changed_lines import PENDULUM, changed_program

# %%
for before, after in PENDULUM.items():
    print(f"-{before.strip()}\n+{after.strip()}\n")

# %% [markdown]
# The next cell makes them, in a copy: `my_pendulum.py`. It takes your `my_dqn.py`, where it stands beside this notebook and
# has these lines; otherwise that of the worked solutions.

# %%
my_pendulum = changed_program("my_dqn.py", "my_pendulum.py", PENDULUM)
STEPS = 8_000  # fast: 600
if TASKS["robot"].is_here:
    my_pendulum.run("--seed", 0, "--steps", STEPS)

# %% [markdown]
# (`1.5 * a - 3` is your `discretise(a, -3, 3, 5)`.) Nothing else changed: not your network, not your training step, not your
# loop. That is what "general" means when it is said of DQN.
#
# ## 8. A task of your own
#
# Now yours. The next cell writes `my_task.py`: a small environment, a room that has to be kept warm. What an environment
# decides (actions, observation, reward, when it is over) is there as questions in capital letters, and your `discretise` is
# in its place. Discount, network and replay belong to the agent, in the last cell of this section.

# %%
my_task = write_program("my_task.py")
my_task

# %% [markdown]
# Change the room into what you want to learn, one answer at a time, and after each run the cells of the probe and of the
# contract. First the **probe**: three policies that need no learning.

# %%
status = my_task.run()

# %% [markdown]
# Then the **contract**: what every environment has to keep to. The kit asks this of its own environments too.

# %% Import the contract, and your file anew
from dqnkit.environment_contract import contract

my_module = importlib.reload(importlib.import_module("my_task"))

# %%
for point, problem in contract("MyTask-v0").items():
    print(f"{point}: {problem or 'yes'}")

# %% [markdown]
# Only then an agent, and a short run first. Which of the three policies does it have to beat?

# %%
OWN_STEPS = 12_000  # fast: 1_500
own = preset("MyTask-v0", total_steps=OWN_STEPS, gamma=0.9, epsilon_steps=OWN_STEPS // 2, xla=False)
status = await live(train(own), title="A task of my own")
print(f"the last 100 episodes earned {status.episode_return:.1f}")

# %% [markdown]
# On the command line, in the folder of the file: `dqnkit train my_task:MyTask-v0`, and `dqnkit plan my_task:MyTask-v0` for
# what a long run costs. The order is worth keeping: **contract, probe, plan, short run, long run**.

# %% [markdown]
# ### Where else to look for tasks (optional)
#
# Other environments were tried for this notebook. These are left out:
#
# | package | why not here |
# | --- | --- |
# | pybullet, panda-gym | cannot be installed for Python 3.13 without a compiler |
# | metadrive | is written for the old Gym, before Gymnasium |
# | gym-super-mario-bros | its licence does not allow what this course does with it |
# | gymnasium-robotics | warns at every start; observations are Dict, goals inside |
# | CarRacing (Gymnasium) | about 16 steps a second on one core |

# %% [markdown]
# ## What we built
#
# Ten notebooks ago this ring was a table of numbers and a formula. You have written every box of it, seen what goes wrong
# without each, spread it over processes and machines, and now chosen what it is for.

# %% Draw the ring
ring("environment", "actor", "replay", "learner", "target", "weights")

# %% [markdown]
# ### Quiz
#
# <details><summary>A robot arm has seven joints. You cut each into five forces. How many outputs does a plain Q-network
# need, and how many a decoupled one?</summary>
# A plain one has a value for each combined action: five to the power of seven, 78,125. A decoupled one has a value for each
# force of each joint: 35.</details>
#
# <details><summary>Your agent's return rises for an hour and then comes to rest. Are you done?</summary>
# Look at what it does, and at numbers that are not in the reward. A return says how well the agent does what it is paid
# for, not whether that is what you meant.</details>
#
# <details><summary>A step of your simulator takes 100 ms, an update 2 ms, and there is one update for each step. What do you
# rent?</summary>
# Workers: acting takes fifty times as long as learning, so each further one helps, up to about fifty. A GPU for the learner
# would save two per cent.</details>
#
# ### Further reading
#
# - Mnih et al. (2015), *Human-level control through deep reinforcement learning*: frames stacked, rewards clipped.
# - Young and Tian (2019), *MinAtar: an Atari-inspired testbed for thorough and reproducible reinforcement learning
#   experiments*.
# - Chevalier-Boisvert et al. (2023), *Minigrid and Miniworld: modular and customizable reinforcement learning environments
#   for goal-oriented tasks*.
# - Todorov, Erez and Tassa (2012), *MuJoCo: a physics engine for model-based control*.
# - Seyde et al. (2022), *Solving continuous control via Q-learning*: bins, and the decoupled head.
# - Leurent (2018), *An environment for autonomous driving decision-making*: highway-env.
# - Amodei et al. (2016), *Concrete problems in AI safety*: reward hacking, and what else an agent may do that nobody meant.
#
# The cluster of section 6 has ended; of machines in a cloud, [[cloud]] says how to look. Thank you for going all the way:
# what you take along is `my_dqn.py`, `my_cluster_dqn.py`, `my_task.py`, and the habit to predict before you look.

# %% Your progress
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("applications")
