# ---
# jupyter:
#   dqnkit:
#     idea: "double Q-learning, n-step returns, prioritized replay, dueling networks: ablations"
#     run_seconds: 24
# ---

# %% [markdown]
# # [[number]] · Beyond DQN: four more parts
# <!-- badges -->
#
# The DQN that you built in [[target_network]] works. Since then researchers have added parts to it, each for one of its
# problems. Here you meet four of them. You build two, double Q-learning and n-step returns; two are optional, prioritized
# replay and dueling networks. You see what each of them does in more than one environment.
#
# **After this notebook you will be able to**
#
# - say what a maximum over noisy values is worth, and write the double Q-learning target;
# - write an n-step return, and say what the policy that acts has to do with it;
# - say for prioritized replay and for dueling networks which problem they are made for (optional);
# - read an ablation (a comparison in which parts are taken away one by one) and say what it does *not* show.
#
# **Time:** about [[minutes]] minutes, and [[optional_minutes]] for what is marked optional. **You need** the Q-update ([[q_update]]), the TD target and
# `tf.gather` ([[q_network]]), replay ([[replay]]), and the target network ([[target_network]]). Nothing is carried over from earlier
# kernels.

# %%
from dataclasses import replace

import numpy as np

# %% Import what this notebook uses from the kit
from dqnkit.backend import tf  # TensorFlow, as in [[q_network]]
from dqnkit.classroom import check, compare, download_progress, predict, progress, use
from dqnkit.classroom.course import recorded_names
from dqnkit.classroom.recordings import band_for, load_recording
from dqnkit.learner import Learner
from dqnkit.lessons.beyond_dqn.ailment_bench import bench
from dqnkit.lessons.beyond_dqn.ailments import (
    AILMENTS,
    RULES,
    Parts,
    different_actions,
    learn,
    near_greedy_length,
    off_policy_error,
    two_state_run,
    updates_needed,
)
from dqnkit.lessons.beyond_dqn.recordings import name_of_parts, with_parts
from dqnkit.packing import Record, pack_transitions
from dqnkit.plots import error_curves, ring
from dqnkit.plots.ablation import ablation
from dqnkit.plots.panels import seed_panels
from dqnkit.prioritized_replay import PrioritizedReplayBuffer
from dqnkit.replay import ReplayBuffer
from dqnkit.training import train
from dqnkit.types import Transition
from dqnkit.value_learning import double_q_learning
from dqnkit.widgets import live

# %% Draw the ring
ring("actor", "replay", "learner")

# %% [markdown]
# Each part changes one place of the ring, and one of the five operations (initialise, select, execute, update,
# evaluate):
#
# | what it is about | the part | where it goes |
# | --- | --- | --- |
# | the maximum of noisy values | **double Q-learning** | *update*: the target |
# | how news of a reward travels | **n-step returns** | *execute*: how the actor packs transitions |
# | what is drawn from replay | **prioritized replay** | *update*: which batch is drawn |
# | what the actions of a state share | **dueling network** | *initialise*: the shape of the network |
#
# The formula is the same as in all notebooks so far. $\theta$ are the weights of the online network, $\theta'$ those of
# the target network, $\alpha$ is the step size, $r$ the reward, $\gamma$ the discount factor, $s, a$ the state and
# the action, $s'$ the next state, $a'$ an action there:
#
# $$Q_\theta(s, a) \leftarrow Q_\theta(s, a) + \alpha \, [\, r + \gamma \max_{a'} Q_{\theta'}(s', a') - Q_\theta(s, a) \,]$$
#
# ## 1. A maximum over noisy values
#
# Look at the $\max$. The Q-values in it are estimates: each is a little too high or a little too low, by chance. What
# does the maximum make of that? Ten slot machines are enough to find out; no network is needed.
#
# Every machine here pays -0.1 on average, with noise of standard deviation 1: playing the best one is worth -0.1. You
# play each of them 20 times and compute its average payment. The largest of the ten averages is your estimate of what the
# best machine pays.

# %% [markdown]
# **Predict.** [[question.maximum]]

# %% Your prediction
predict("beyond_dqn-maximum")

# %% [markdown]
# The plays of each machine can also be split in two halves, A and B. Half A **selects** the machine that looks best. Half
# B, whose noise is independent of A's, says what that machine is **worth**. This is the double estimator (van Hasselt,
# 2010).


# %%
def estimates_of_the_best(true_means, rng, repeats=5_000):
    """What the best machine seems to pay: by one maximum, and by the double estimator."""
    size = (repeats, len(true_means))
    half_a = rng.normal(true_means, 1 / np.sqrt(10), size)  # averages of 10 plays of each machine
    half_b = rng.normal(true_means, 1 / np.sqrt(10), size)  # and of 10 others
    one_maximum = ((half_a + half_b) / 2).max(axis=1)  # the same numbers select and value
    double = half_b[np.arange(repeats), half_a.argmax(axis=1)]  # A selects, B values
    return one_maximum.mean(), double.mean()


rng = np.random.default_rng(0)
one_maximum, double = estimates_of_the_best(np.full(10, -0.1), rng)
print(f"truth -0.10    one maximum {one_maximum:+.2f}    A selects, B values {double:+.2f}")

# %% Compare with your prediction
compare("beyond_dqn-maximum", one_maximum)

# %% [markdown]
# The maximum takes the highest of the estimates, so it prefers those that are too high. That is called
# **overestimation**. The cure is to select with one half and to value with the other.
#
# ### The other side
#
# Is the double estimator always right? Let one machine be better than the nine others, by a gap between 0 and 2, and
# look at *estimate minus truth*.

# %%
gaps = np.linspace(0, 2, 21)
biases = []
for gap in gaps:
    machines = np.where(np.arange(10) == 0, gap, 0.0)  # the best one pays `gap`, the others 0
    biases.append(np.array(estimates_of_the_best(machines, rng)) - gap)
biases = np.array(biases)  # [21, 2]

# %% Draw both biases
error_curves(
    {"one maximum": biases[:, 0], "A selects, B values": biases[:, 1]},
    x=gaps,
    xlabel="how much better the best machine is (reward)",
    ylabel="estimate − truth\n(reward, mean)",
    references={"right": 0.0},
    title="Ten machines, 20 plays each",
    what="on which side of 0 is each line, and for which gaps are both right?",
)

# %% [markdown]
# The double estimator can **underestimate**. Where A picks the wrong machine, B says what *that* one is worth, which is
# less than the best. Only where all machines are equal, or one is clearly the best, is the double estimator right. So it
# trades one error for another. In Q-learning the trade is often a good one: a value that is too *high* attracts the
# agent, and the bootstrap (the next state's value in the target) passes it on from state to state.

# %% [markdown]
# ### In an environment
#
# `TwoStateBias` (after Sutton and Barto, 2018, example 6.7) has two states. In the first, action 0 ends the episode
# with reward 0. The nine others lead to the second state, where ten actions, our slot machines, pay -0.1 on average.
# So going on is worth -0.1, ending at once 0: **every action but 0 is wrong**. With epsilon 0.1 an agent that knows
# this errs in about 9 % of the episodes, by exploring.
#
# In the second state the agent acts at random here, so that all ten actions are tried alike. We run Q-learning with one
# table, and with two tables that take the roles of A and B. Each update moves one of the two, chosen at random; that
# table selects the next action, the other one values it.

# %% [markdown]
# **Predict.** [[question.wrong]]

# %% Your prediction
predict("beyond_dqn-wrong")

# %%
SEEDS = range(20)  # fast: range(3)
rules = ("one table", "two tables")
runs = {rule: [two_state_run(rule, seed) for seed in SEEDS] for rule in rules}
wrong = {rule: np.mean([went_on for went_on, _ in seeds]) for rule, seeds in runs.items()}
print("wrong first action:", ", ".join(f"{rule} {share:.0%}" for rule, share in wrong.items()))

# %% Draw what the second state is believed to be worth
seed_panels(
    {rule: [believed for _, believed in seeds] for rule, seeds in runs.items()},
    xlabel="episodes",
    ylabel="believed value of the\nsecond state (return)",
    references={"truth": -0.1},
    what="on which side of 0, the reward for ending at once, is each thick line?",
)

# %% Compare with your prediction
compare("beyond_dqn-wrong", round(100 * wrong["one table"]))

# %% [markdown]
# With one table the believed value stays above 0, the reward for ending at once, so the agent goes on again and again.
# With two tables it sinks slowly to the truth. As long as it is not clearly below 0, this agent goes on, too.
#
# ### For two networks
#
# Double DQN (van Hasselt et al., 2016) needs no second table, because DQN has two networks already. The **online network
# selects** the next action, the **target network values** it. With $Q_\theta$ the online and $Q_{\theta'}$ the target
# network, the target $y$ is
#
# $$y = r + d \; Q_{\theta'}\big(s', \arg\max_{a'} Q_\theta(s', a')\big)$$
#
# where $d$ is the discount as replay stores it: $\gamma$ where the episode went on, 0 where it terminated.
#
# ### Your turn: `double_q_target` (6 minutes, difficulty 2 of 3)
#
# Write the target for a batch. $B$ is the number of transitions, $A$ the
# number of actions. You need `tf.argmax`, and `tf.gather` as in [[q_network]]. The learner compiles your function.


# %%
def double_q_target(r, discount, q_next_target, q_next_online):
    """r [B], discount [B], next values of both networks [B, A] -> targets [B]."""
    ### BEGIN SOLUTION
    best = tf.argmax(q_next_online, axis=1)  # [B] the online network selects
    value = tf.gather(q_next_target, best, axis=1, batch_dims=1)  # [B] the target network values
    return r + discount * value
    ### END SOLUTION


check("double_q_target", double_q_target)

# %% [markdown]
# The kit's update rule returns the TD error, $y - Q_\theta(s, a)$. With your target it should be the same: you should
# see the same numbers twice. (If yours has not passed, the next cell takes the kit's version of `double_q_target`.)

# %%
double_q_target = use("double_q_target", double_q_target)


def double_td_error(q_tm1, a_tm1, r_t, discount_t, q_t_value, q_t_selector):
    """The TD errors [B] of a batch, with your target; _tm1 is time t-1, _t is time t."""
    y = double_q_target(r_t, discount_t, q_t_value, q_t_selector)
    return tf.stop_gradient(y) - tf.gather(q_tm1, a_tm1, axis=1, batch_dims=1)


numbers = np.random.default_rng(1)
q, q_target, q_online = (tf.constant(numbers.normal(size=(4, 3)), tf.float32) for _ in range(3))
actions, rewards = tf.constant([0, 2, 1, 1]), tf.constant([0.0, 1.0, 0.5, -1.0])
batch = q, actions, rewards, tf.constant([0.9, 0.0, 0.9, 0.9])
print("yours:", double_td_error(*batch, q_target, q_online).numpy().round(4))
print("kit's:", double_q_learning(*batch, q_target, q_online).numpy().round(4))

# %% [markdown]
# ### How much does a copy know?
#
# A and B were independent. The target network is not: it is a *copy* of the online network, some updates old, and it has
# nearly the same errors. Here is the two-state environment once more, with a third rule: the online table selects, its
# copy from up to 10 episodes ago values.

# %%
copies = {rule: [two_state_run(rule, seed) for seed in SEEDS] for rule in RULES}
for rule, seeds in copies.items():
    believed = np.mean([b[100:] for _, b in seeds])
    print(f"{rule:18}  second state believed to be worth {believed:+.2f} (truth -0.10)")

# %% [markdown]
# On this table the copy helps little: its errors are nearly those of the online table. In large networks over many states
# the two differ more. There, in Atari games, double DQN was measured to lower the overestimation, though not to remove
# it (van Hasselt et al., 2016). It is the *independence* of the two estimates that cures, and a copy has little of it.

# %% [markdown]
# ## 2. How news travels
#
# With the targets so far, a value learns from the value one step later. A reward at the goal is news for the last move
# only. The move before it learns of the reward in the next visit, and so on, back to the start.
#
# An **n-step** target sums $n$ rewards before it bootstraps. With $r_1, r_2, \ldots$ the rewards after $(s, a)$ and
# $s_n$ the state after $n$ steps:
#
# $$y = \underbrace{r_1 + \gamma r_2 + \ldots + \gamma^{n-1} r_n}_{\text{reward of the transition}} \;+\;
# \underbrace{\gamma^n}_{\text{its discount}} \max_{a'} Q_{\theta'}(s_n, a')$$
#
# News then travels $n$ states at a time. The learner does not change at all: a transition just has another reward,
# another discount and a later next state. If the episode terminates within the window, the sum stops there and the
# discount is 0. If it is truncated (by a time limit), the window is shorter, and the power of $\gamma$ is its length.
#
# ### Your turn: `n_step_return` (8 minutes, difficulty 2 of 3)
#
# Compute the reward and the discount of a transition from the rewards of a
# window and, for each of its steps, whether the episode terminated with it. Both come as arrays. Steps after a
# termination belong to the next episode.


# %%
def n_step_return(rewards, terminated, gamma):
    """rewards [n], terminated [n] -> (reward, discount) of the transition."""
    ### BEGIN SOLUTION
    total, factor = 0.0, 1.0
    for reward, ended in zip(rewards, terminated):
        total += factor * reward
        factor *= gamma
        if ended:
            return total, 0.0  # nothing comes after the end
    return total, factor
    ### END SOLUTION


check("n_step_return", n_step_return)

# %% [markdown]
# The kit packs the transitions of a whole rollout at once, with `pack_transitions`. Here are five steps of one
# environment; the episode terminates with the fourth. For $n = 3$ there are three windows. Yours and the kit's should
# agree.

# %%
n_step_return = use("n_step_return", n_step_return)

rewards = np.array([1.0, 0.0, 5.0, 2.0, 1.0], np.float32)
terminated = np.array([False, False, False, True, False])
record = Record(  # fields [steps, environments]
    observation=np.arange(6)[:, None],
    action=np.zeros((5, 1), np.int32),
    reward=rewards[:, None],
    terminated=terminated[:, None],
    truncated=np.zeros((5, 1), bool),
    is_step=np.ones((5, 1), bool),
)
packed = pack_transitions(record, gamma=0.9, n_step=3)

for start in range(3):
    window = slice(start, start + 3)
    reward, discount = n_step_return(rewards[window], terminated[window], 0.9)
    print(f"from step {start}:  yours {reward:.2f}, {discount:.3f}   ", end="")
    print(f"kit's {packed.reward[start]:.2f}, {packed.discount[start]:.3f}")

# %% [markdown]
# ### Acting nearly greedily
#
# Now an agent learns in a room of 8 × 8 squares with the goal in the far corner, 14 moves away. It has a table, alpha 0.1
# and epsilon 0.1, and only **20 episodes**. Afterwards it follows the learned values greedily; among equal values it takes
# the first, *up*, as `argmax` does. It has *solved* the room if it then arrives. This needs no network and no replay.

# %% [markdown]
# **Predict.** [[question.near-greedy]]

# %% Your prediction
predict("beyond_dqn-near-greedy")

# %%
TEN_SEEDS = range(10)  # fast: range(2)
steps_to_goal, solved = {}, {}
for n in (1, 3, 10):
    runs = [near_greedy_length(n, seed, n_step_return=n_step_return) for seed in TEN_SEEDS]
    steps_to_goal[n] = runs
    share = solved[n] = np.mean([lengths[-1] < 100 for lengths in runs])
    print(f"n = {n:2}: solved with {share * len(TEN_SEEDS):.0f} of {len(TEN_SEEDS)} seeds")

# %% Draw the lengths of the episodes
seed_panels(
    {f"n = {n}": [lengths[:-1] for lengths in seeds] for n, seeds in steps_to_goal.items()},
    xlabel="episodes",
    ylabel="steps to the goal",
    references={"shortest way": 14},
    log=True,
    what="after how many episodes is the thick line near the shortest way, with each n?",
)

# %% Compare with your prediction
compare("beyond_dqn-near-greedy", solved)

# %% [markdown]
# Why do the episodes with n = 1 become short, and yet its greedy policy hardly ever arrives? Where it does not, the news
# has not reached the start: after 20 episodes all four values there are still 0. In the episodes the agent chooses among
# equal values at random, until it comes to squares that the news has reached. The greedy policy takes the first of equal
# values, *up*, and stays at the wall. (With a random choice among equal values all ten would arrive with n = 1 too, by
# detours. What n changes is how far the news has come.)
#
# ### Learning off-policy
#
# Now the same rule learns from **purely random actions**, in the 5 × 5 room of the earlier notebooks, long enough for
# everything to settle. Q-learning with $n = 1$ is *off-policy*: it learns the values of the best policy, whatever
# policy acted (that is why it may learn from a replay buffer). Is that still so for $n = 3$?

# %% [markdown]
# **Predict.** [[question.off-policy]]

# %% Your prediction
predict("beyond_dqn-off-policy")

# %%
STEPS = 20_000  # fast: 1_000
THREE_SEEDS = range(3)  # fast: range(1)
errors = {}
for n in (1, 3, 10):
    errors[n] = [off_policy_error(n, seed, STEPS, n_step_return) for seed in THREE_SEEDS]
last = {n: np.mean([e[-1] for e in seeds]) for n, seeds in errors.items()}
print("error at the end:", ", ".join(f"{value:.3f} with n = {n}" for n, value in last.items()))

# %% Draw the errors
error_curves(
    {f"n = {n}": seeds for n, seeds in errors.items()},
    x=500 * np.arange(1, 1 + len(errors[1][0])),
    xlabel="random steps",
    ylabel="error against Q*\n(largest |Q − Q*|)",
    title="5 x 5 room, random actions",
    what="at which error does each line end, and is it still falling there?",
)

# %% Compare with your prediction
compare("beyond_dqn-off-policy", last)

# %% [markdown]
# With $n = 1$ the only action in the target is $a$ itself, which is given; what follows is the $\max$. With $n = 3$ the
# target holds two more actions, and they are those of the policy that acted. If that was a random agent, or an old policy
# in a replay buffer, the sum is too low: it includes detours that the best policy would not make. More data does not
# help. That is a **bias**.
#
# So the choice of $n$ weighs faster news against a bias, which grows with $n$ and with the distance between the policy
# that acted and the one that is learned. DQN-like agents use $n = 3$ to $5$ without correction, and act nearly greedily.
#
# If you leave out sections 3 and 4, know this much for what follows: **prioritized replay** draws a transition the more
# often, the larger its last TD error; a **dueling network** learns one value for the state, and for each action only what it
# adds.

# %% [markdown]
# ## 3. Rare events: prioritized replay (optional)
#
# Uniform replay draws a transition that teaches nothing as often as one that surprises the learner. **Prioritized**
# replay (Schaul et al., 2016) draws transition $i$ with a probability that grows with its last TD error $\delta_i$, and
# corrects for that with an importance weight $w_i$ in the loss:
#
# $$p_i = (|\delta_i| + 0.001)^{0.6}, \qquad P(i) = \frac{p_i}{\sum_k p_k}$$
#
# $$w_i = \frac{(N P(i))^{-\beta}}{\max_k \, (N P(k))^{-\beta}}$$
#
# $p_i$ is the priority, $P(i)$ the probability, $N$ the number of transitions in replay; $\beta$ rises from 0.4 to 1
# during training. Here are the formulas in a few lines, and then the kit's buffer, which uses a tree of sums so that it
# stays fast with a million transitions. You should see the same probabilities and the same weights, up to the chance of
# the draw.

# %%
td_errors = np.array([0.1, 2.0, 0.5, 0.0, 1.0], np.float32)
priority = (np.abs(td_errors) + 0.001) ** 0.6
chance = priority / priority.sum()
weight = (len(chance) * chance) ** -0.4
weight /= weight.max()

five = np.arange(5)
replay = PrioritizedReplayBuffer(capacity=5)
replay.add(Transition(five, five.astype(np.int32), td_errors, td_errors, five))
replay.update_priorities(five, td_errors)
drawn = replay.sample(1, 50_000, np.random.default_rng(0))
share = np.bincount(drawn.indices[0], minlength=5) / 50_000
print("probability:  these lines", chance.round(3), " the kit", share.round(3))
kits_weight = np.array([drawn.importance[drawn.indices == i][0] for i in five])
print("weight:       these lines", weight.round(3), " the kit", kits_weight.round(3))

# %% [markdown]
# The **blind cliff walk** is an environment with a rare event: ten states in a row; in each of them one of two actions
# ends the episode with nothing, and only the end of the row pays. Random episodes get there once in 1,024. We fill replay
# with all of these episodes (2,046 transitions, one of them with a reward) and count updates until the values are right
# (an error of at most 0.03).

# %% [markdown]
# **Predict.** [[question.priorities]]

# %% Your prediction
predict("beyond_dqn-priorities")

# %%
buffers = {"uniform": ReplayBuffer, "prioritized": PrioritizedReplayBuffer}
most = 100_000  # updates after which a run gives up  # fast: 1_000
walks = {}
for kind, buffer in buffers.items():
    walks[kind] = [updates_needed(buffer(4_096), seed, most=most) for seed in THREE_SEEDS]
needed = {kind: np.array([updates[-1] for updates, _ in seeds]) for kind, seeds in walks.items()}
for kind, counts in needed.items():
    print(f"updates needed, {kind}:", ", ".join(f"{count:,}" for count in counts))
ratio = needed["uniform"].mean() / needed["prioritized"].mean()

# %% Draw the errors
longest = max(len(updates) for seeds in walks.values() for updates, _ in seeds)
padded = {  # [seeds, T]: after its end a run keeps its last error
    kind: [np.pad(e, (0, longest - len(e)), mode="edge") for _, e in seeds] for kind, seeds in walks.items()
}
error_curves(
    padded,
    x=100 * np.arange(longest),
    kinds={"prioritized": "replay"},
    ylabel="error against Q*\n(root of the mean square)",
    title="Blind cliff walk of 10 states",
    what="for how long does each line stay near its beginning, and after how many updates is it down at 0.03? (There a run "
    "ends; its line goes on level.)",
)

# %% Compare with your prediction
compare("beyond_dqn-priorities", ratio)

# %% [markdown]
# **The other side.** A TD error is also large where rewards are *noisy*: such transitions are drawn again and again
# and teach nothing (you can see it at the bench below, in the two-state environment). And priorities are old: a
# transition keeps the TD error that it had when it was drawn last. The kit draws $K$ batches at once for one compiled call
# (`updates_per_call`), all by the priorities from before the first of them, so they are up to $K - 1$ updates older still.

# %% [markdown]
# ## 4. What actions share: dueling networks (optional)
#
# The value of an action has two parts: how good the state is, and what this action adds to it. A **dueling** network
# (Wang et al., 2016) has two outputs that share the layers before: the value $V(s)$ of the state, and for each action
# an advantage $A(s, a)$. With $N$ actions,
#
# $$Q(s, a) = V(s) + A(s, a) - \frac{1}{N} \sum_{a'} A(s, a')$$
#
# The mean is subtracted because otherwise a constant could move from $V$ to $A$ without any change of $Q$. What does this
# do to learning? An update of one action moves $V$ too, and $V$ is part of the value of every action:


# %%
def dueling_q(value, advantages):
    return value + advantages - advantages.mean()


num_actions, step = 4, 0.1
gradient_of_advantages = np.eye(num_actions)[0] - 1 / num_actions  # of Q(s, action 0)
before = dueling_q(0.0, np.zeros(num_actions))
after = dueling_q(0.0 + step * 1.0, np.zeros(num_actions) + step * gradient_of_advantages)
moved = after - before
print("one gradient step for action 0 moves the four values by", moved.round(3))
print(f"each other action moves {moved[1] / moved[0]:.2f} times as far as action 0")

# %% [markdown]
# With $N$ actions this factor is $(N - 1) / (2N - 1)$, just under one half where there are many. So an update moves
# *every* action of the state, most of them without having been tried. Is that good or bad? Here are two environments: a
# corridor in which **all 20 actions do the same**, and a single state in which **10 actions pay 10 different rewards**.
# Both are learned on a table, with the rule that you just saw.

# %% [markdown]
# **Predict.** [[question.dueling]]

# %% Your prediction
predict("beyond_dqn-dueling")

# %%
alike = AILMENTS["similar actions"]
unlike = replace(alike, title="Different actions", env=different_actions(), steps=800)
curves = {}
for name, place in {"alike": alike, "different": unlike}.items():
    steps = place.steps  # fast: 400
    place = replace(place, steps=steps)
    for part, parts in {"plain": Parts(), "dueling": Parts(dueling=True)}.items():
        seeds = range(4)  # fast: range(1)
        runs = [[status.error for status in learn(place, parts, seed)] for seed in seeds]
        curves[name, part] = np.array(runs)

middle = {key: float(seeds.mean(axis=0)[seeds.shape[1] // 2]) for key, seeds in curves.items()}

# %% Draw the errors in the corridor
error_curves(
    {part: curves["alike", part] for part in ("plain", "dueling")},
    x=50 * np.arange(1, 1 + curves["alike", "plain"].shape[1]),
    ylabel="error against Q*\n(root of the mean square)",
    title="A corridor: 20 actions that do the same",
    what="when does each error fall, and how low does it come?",
)

# %% Draw the errors in the single state
error_curves(
    {part: curves["different", part] for part in ("plain", "dueling")},
    x=50 * np.arange(1, 1 + curves["different", "plain"].shape[1]),
    ylabel="error against Q*\n(root of the mean square)",
    title="One state: 10 actions that pay different rewards",
    what="the same two kinds of table: when does each error fall here?",
)

# %% Compare with your prediction
compare("beyond_dqn-dueling", middle)

# %% [markdown]
# In the corridor an update of the dueling table is an update of all actions, and the error falls several times sooner.
# Then it falls no further for a while, and even rises: the values of the actions that were moved along are a little too
# high, and the max takes the highest. In the single state each update disturbs nine actions that it is not about.
# Dueling was made for worlds like the corridor: in many states of a game the choice of the action hardly matters, and
# how good the state is matters much.
#
# ## 5. The bench
#
# Here you can try all four problems and all four parts. It is DQN on a table: in each step one random action, one
# transition into replay, one transition out of it, one update. The dots on the right show every learned value against
# the exact one: so overestimation can be seen.
#
# Try at least these four. What did you expect, and what happened?
#
# 1. *Overestimation* with **double**, then with **prioritized**. (Noise gives large TD errors, too.)
# 2. *Slow news* with **3-step**: quick at first; then look where the dots stay. Then with **double**: two tables, and
#   each gets half of the updates.
# 3. *Rare events* with **prioritized**, and with **all four** parts together.
# 4. *Similar actions* with **dueling**: where are the dots late in the run?

# %% Show the bench
bench()

# %% [markdown]
# ## 6. The same four on CartPole: an ablation
#
# So far the error against $Q^*$ could be measured. CartPole's $Q^*$ is not known: from here on we *evaluate* by returns.
# They are noisy, so each setting is run with several seeds.
#
# On the bench each part had an environment that was made for it. What do the parts do for a DQN on CartPole? To add or
# remove parts one by one is called an **ablation**. The runs are recorded: short ones (20,000 steps, about 2,400
# updates) with no part, with each part alone, with all four, and with all but one; five seeds each. They were made with
# `python -m dqnkit.authoring.record beyond_dqn/none beyond_dqn/double ...` and come with the kit. The score of a run is its
# return averaged over all of its steps: it counts how early a run learns, too.

# %% [markdown]
# **Predict.** [[question.ablation]]

# %% Your prediction
predict("beyond_dqn-ablation")

# %%
FOUR = ["double", "n_step", "prioritized", "dueling"]
names = dict(zip(FOUR, ["double", "3-step", "prioritized", "dueling"], strict=True))
settings = {"no part": []}
settings |= {names[part]: [part] for part in FOUR}
settings |= {"all four": FOUR}
settings |= {f"all but {names[part]}": [other for other in FOUR if other != part] for part in FOUR}

recorded = {name: load_recording(name_of_parts(parts)) for name, parts in settings.items()}
scores = {name: np.nanmean(run.returns, axis=1) for name, run in recorded.items()}  # [5] each
for name, of_seeds in scores.items():
    print(f"{name:20} mean over the whole run {of_seeds.mean():.0f}   ", end="")
    print(f"(seeds: {of_seeds.min():.0f} to {of_seeds.max():.0f})")

# %% Draw the ablation
ablation(
    scores,
    baseline="no part",
    title="CartPole, 20,000 steps, 5 seeds each",
    what="which rows are clear of the grey band? A row whose dots mix with the band's has shown nothing.",
)

# %% Compare with your prediction
compare("beyond_dqn-ablation", scores)

# %% [markdown]
# Why the n-step return? The target network is copied every 200 updates, 12 times in this run, and each copy carries the
# news $n$ steps further back. In a table no value could then be above $1 + \gamma + \ldots + \gamma^{12}$ with $n = 1$,
# however long the pole stands, and with $n = 3$ none above the sum of 39 such terms. Compare these bounds with the
# values at the end of the recorded runs:

# %%
gamma, copies_made = 0.99, 12
reach = {n: (1 - gamma ** (n * (copies_made + 1))) / (1 - gamma) for n in (1, 3)}
for name, n in {"no part": 1, "double": 1, "3-step": 3}.items():
    at_end = recorded[name].mean_max_q[:, -1]  # of five seeds
    print(f"{name:8} mean max Q {at_end.min():.1f} to {at_end.max():.1f}; ", end="")
    print(f"in a table at most {reach[n]:.1f}")

# %% Draw the mean max Q of the recorded runs
error_curves(
    {name: recorded[name].mean_max_q for name in ("no part", "double", "3-step")},
    x=recorded["no part"].steps,
    xlabel="environment steps",
    ylabel="mean max Q\n(discounted return)",
    references={"a table's bound, n = 1": reach[1], "a table's bound, n = 3": reach[3]},
    title="How far the news has come",
    what="each stair is one copy of the target network. How high is a stair with n = 1, and how high with n = 3?",
)

# %% [markdown]
# With n = 1 the values end close to their bound: what holds them back is the number of copies. With n = 3 they rise more
# than twice as high, but stay further below theirs. Double changes these values little: it takes away what is
# too high, and they are too low. And yet four of its five seeds earned clearly more. The mean of the values does not say
# why, and five seeds do not settle whether it is so. (A network is no table. It may come out a little above the bound, and your own run below
# may do so.)
#
# **Be careful with what the ablation shows.** Look at *all but prioritized* once more: here the run is better without
# that part than with all four. And five seeds of one easy environment say little about others. In Rainbow, an agent with
# these four and two more parts, measured over 57 Atari games, taking away **prioritized replay** or **n-step returns**
# hurt most; without **double** or without **dueling** the median score hardly changed (Hessel et al., 2018). The ranking
# belongs to the environment, not to the part.
#
# ### Your run
#
# Choose parts and train one run yourself. If `"double"` is among them, the learner uses *your* target. Where the
# settings are those of a row above, the run is drawn over the band of its five recorded seeds.
#
# With a target period of 50 the network is copied four times as often. Does it still matter then whether `"n_step"` is
# among the parts? Try it.

# %%
PARTS = ["double"]  # any of: "double", "n_step", "prioritized", "dueling"
TARGET_PERIOD = 200  # updates between two copies of the target network

config = replace(with_parts(*PARTS), seed=100, target_period=TARGET_PERIOD)
steps = config.total_steps  # fast: 1_500
config = replace(config, total_steps=steps)
learner = Learner(config, td_error=double_td_error if "double" in PARTS else None)
name = name_of_parts(PARTS)
band = band_for(config, name) if name in recorded_names() else None

title = f"CartPole with {' + '.join(PARTS) or 'no part'}"
status = await live(train(config, learner=learner), band=band, title=title)
print(f"mean return of the last 100 episodes: {status.episode_return:.0f}")

# %% [markdown]
# (That number is no score of the table above: it leaves out the beginning.) Is your run within its band? One run outside of it is no discovery. Of six runs of the same setting one is always the
# highest and one the lowest: at any moment yours is one of these two, and so outside the band of the other five, with a
# chance of 1 in 3.
#
# ## What we built
#
# The same ring, with a better target (learner), longer transitions (actor) and, in the optional part, another way to draw
# (replay). The loop around them did not change at all.

# %% Draw the ring
ring("actor", "replay", "learner")

# %% [markdown]
# ### Quiz
#
# <details><summary>Why is the maximum of ten unbiased estimates biased?</summary>
# Each is right on average, but the maximum selects the one with the luckiest error, and then takes its value as it is. It
# would be unbiased only if selecting and valuing used different data: that is the double estimator.</details>
#
# <details><summary>You learn from a buffer of an expert's games, and from a buffer of a beginner's. In which may you use
# n = 10?</summary>
# Rather with the expert's: the rewards in the window are those of the policy that acted. If it acts nearly as the
# best policy does, the bias is small. With the beginner's, n = 10 learns how good it is to go on like a
# beginner.</details>
#
# <details><summary>In the ablation, prioritized replay brought nothing alone, and beside the other three it even cost some
# return. Is it a bad part?</summary>
# No: CartPole does not have the problem that it is made for. Where one transition in thousands matters, it saved most of
# the updates. An ablation says something about a part <em>in an environment</em>.</details>
#
# ### Further reading
#
# - van Hasselt (2010), *Double Q-learning*: the double estimator, with a proof of its underestimation.
# - van Hasselt, Guez and Silver (2016), *Deep reinforcement learning with double Q-learning*.
# - Sutton and Barto (2018), *Reinforcement Learning: An Introduction*: section 6.7 on maximization bias, chapter 7 on
#   n steps.
# - Schaul, Quan, Antonoglou and Silver (2016), *Prioritized experience replay*.
# - Wang et al. (2016), *Dueling network architectures for deep reinforcement learning*: its corridor has useless
#   actions added.
# - Hessel et al. (2018), *Rainbow: combining improvements in deep reinforcement learning*: all of these together, and
#   an ablation.
#
# Nothing that this notebook started is still running. In notebook **[[rollouts_on_dask]]** the actors leave this computer:
# rollouts on a Dask cluster.

# %% Your progress
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("beyond_dqn")
