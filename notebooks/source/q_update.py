# ---
# jupyter:
#   dqnkit:
#     idea: "the Q-update formula on a table; alpha, gamma and epsilon under sliders"
#     run_seconds: 9
# ---

# %% [markdown]
# # [[number]] · The Q-update
# <!-- badges -->
#
# In notebook [[start_here]] you found a policy because you know how a pole falls. Here an agent that knows nothing finds
# one from rewards alone, with one formula and a table of numbers.
#
# **After this notebook you will be able to**
#
# - say what a Q-value is, and read a policy off a table of Q-values,
# - write the Q-update, and say what each of its symbols does,
# - explain how a reward at the end reaches the beginning,
# - write epsilon-greedy action selection, and weigh exploration against the use of what is known,
# - choose the step size alpha, the discount factor gamma and the exploration rate epsilon, and say what each of them
#   does when it is too small or too large.
#
# **Time:** about [[minutes]] minutes. **From notebook [[start_here]]** you need: agent, environment, observation,
# action, reward, episode, policy; terminated and truncated; the loop.

# %%
import numpy as np

GAMMA = 0.9  # the discount factor: what a reward one step later is worth now

# %% Import what this notebook uses from the kit
from dqnkit.classroom import check, compare, download_progress, predict, prediction, progress, use
from dqnkit.lessons.q_update.grid_stepper import grid_stepper
from dqnkit.lessons.q_update.learning_views import watch_alphas, watch_table
from dqnkit.plots import error_curves, q_table, ring
from dqnkit.small_environments import GridWorld

# %%
room = GridWorld()
exact = room.optimal_q(GAMMA)  # [25, 4], explained below

# %% Draw the table that an agent begins with, and the one that it should find
q_table({"What an agent begins with": np.zeros((25, 4)), "What it should find": exact}, goals=room.goals)

# %% [markdown]
# ## 1. A room where the right answer is known
#
# The environment is a room of 5 × 5 squares. The agent begins in the upper left. Its **observation** is the number of its
# square (0 to 24). Its four **actions** $a$ are up, right, down and left; a move into a wall leaves it where it is.
# Arriving at the green **goal** pays a reward of 1 and terminates the episode. All other rewards are 0.
#
# The number of the square is also the **state** $s$ of the room, for it says all that matters for what comes next. Which
# reward and which square follow depends on $s$ and $a$ alone, not on the way that led there. This is the **Markov
# property**, and every formula below relies on it. Where an observation shows less than the state, as one picture of a
# flying ball does, the agent needs more of them: the last few together (notebook [[start_here]], section 5).
#
# Every way to the goal has the return 1, even a long one. To prefer short ways, we let a reward count less the later it
# comes. The **discount factor** $\gamma$ (gamma), between 0 and 1, says how much less. The **discounted return** is
#
# $$r_1 + \gamma\, r_2 + \gamma^2\, r_3 + \dots$$
#
# where $r_1$ is the reward of the first step, $r_2$ that of the second, and so on.
#
# The **Q-value** $Q(s, a)$ is the discounted return that the agent can **expect** if it takes action $a$ in state $s$:
#
# $$Q(s, a) = \mathbb{E}\,\big[\, r_1 + \gamma\, r_2 + \gamma^2\, r_3 + \dots \,\big|\, s, a \,\big]$$
#
# The expectation $\mathbb{E}$ is the mean over everything that chance may bring. (In this room nothing is left to chance;
# in section 7 the floor will be slippery.) The value also depends on how the agent goes on. If it goes on in the best
# possible way, we write $Q^*(s, a)$. That is the right table above: four numbers in every square, one for each move.
#
# An agent that knows $Q^*$ needs nothing more: in every state the best action is the one with the largest value. The
# policy that always takes it is called **greedy**; the arrows show it.
#
# This room is so small that $Q^*$ can be computed exactly from its rules. The agent does not know the rules. It has to
# find the values by walking, and we measure its **error** against the exact ones:

# %%
inside = ~room.terminal  # [25] the squares that are not goals


def error(q, q_star):
    """The largest distance of any value from the exact one."""
    return np.abs(q - q_star)[inside].max()


print(f"best value in the upper left: {exact[0].max():.3f} = 0.9 to the power of 7")
print(f"error of a table of zeros: {error(np.zeros((25, 4)), exact):.3f}")

# %% [markdown]
# The power is 7 because the goal is 8 steps away: the reward comes with the eighth step, and the first step is not
# discounted.

# %% [markdown]
# ## 2. The simplest idea: remember rewards
#
# The agent walks around at random. For every square and every move it writes down the mean of the rewards that it got.

# %% [markdown]
# **Predict.** [[question.rewards]]

# %% Your prediction
predict("q_update-rewards")

# %%
rng = np.random.default_rng(0)
sums, counts = np.zeros((25, 4)), np.zeros((25, 4))
s, _ = room.reset(seed=0)
MOVES = 20_000  # fast: 5_000
for _ in range(MOVES):
    a = int(rng.integers(4))
    s_next, r, terminated, truncated, _ = room.step(a)
    sums[s, a] += r
    counts[s, a] += 1
    s = room.reset()[0] if terminated else s_next

mean_rewards = sums / np.maximum(counts, 1)
print(f"error: {error(mean_rewards, exact):.3f}")

# %% Draw the mean rewards beside the exact Q*
prediction("q_update-rewards")  # what you predicted is kept as it is, from here on
what = "What to look for: in which squares of the left table does one move stand out?"
q_table({"Mean rewards": mean_rewards, "The exact Q*": exact}, goals=room.goals, caption=what)

# %% Compare with your prediction
knows = sum(len(set(row)) > 1 for row in mean_rewards[inside])
compare("q_update-rewards", knows)

# %% [markdown]
# The table knows the last step and nothing of the way to it. After 20,000 moves the error is 0.9, and a million moves
# would not change that. The reward has to travel *back*: from the square before the goal to the one before that, and so
# on.

# %% [markdown]
# ## 3. The formula
#
# Suppose the agent is in $s$, takes action $a$, receives the reward $r$ and arrives in $s'$ ("s prime", the next state).
# The reward $r$ comes at once. What follows from $s'$ on is worth the largest of the values there, and comes one step
# later. So the exact values satisfy
#
# $$Q^*(s, a) = \mathbb{E}\,\big[\, r + \gamma \max_{a'} Q^*(s', a') \,\big]$$
#
# for every $s$ and $a$, where $\max_{a'}$ is the largest over all actions $a'$ in $s'$. This is the **Bellman optimality
# equation**, and $Q^*$ is the only table that solves it. (So it was computed above: by *value iteration*, which puts the
# table into the right side again and again until it no longer changes. That takes the rules of the room.)
#
# The agent does not know the expectation. But every step gives it one sample of what stands in the brackets, if it takes
# its own table for $Q^*$:
#
# $$y = r + \gamma \max_{a'} Q(s', a')$$
#
# $y$ is the **TD target** (TD stands for *temporal difference*: the value at one moment is judged by the value at the
# next). The target uses the table's own values. That is called **bootstrapping**: an estimate improves an estimate, and
# a reward moves back by one square at a time.
#
# Where the episode **terminated**, nothing follows: there $y = r$.
#
# A sample may be off by chance. So the value does not jump to its target; it moves a part of the way, the **step size**
# $\alpha$ (alpha), between 0 and 1. This is the **Q-update** (Watkins, 1989), the formula of this whole course:
#
# $$Q(s, a) \leftarrow Q(s, a) + \alpha\, \big[\, \underbrace{r + \gamma \max_{a'} Q(s', a')}_{\text{TD target } y}
# - Q(s, a) \,\big]$$
#
# The arrow reads "becomes". What stands in the brackets, target minus old value, is the **TD error**.
#
# ### Your turn: `q_update` (10 minutes, difficulty 1 of 3)
#
# Return the new value of $Q(s, a)$. `q` is the table, an array with a row
# for each state and a column for each action.


# %%
def q_update(q, s, a, r, s_next, terminated, alpha, gamma):
    """The new value of Q(s, a); the table itself stays as it is."""
    ### BEGIN SOLUTION
    if terminated:
        y = r  # nothing comes after the end
    else:
        y = r + gamma * q[s_next].max()
    return q[s, a] + alpha * (y - q[s, a])
    ### END SOLUTION


check("q_update", q_update)

# %% [markdown]
# Once by hand: let the old value be 0.2, the largest next value 3, the reward 1, $\alpha = 0.5$ and $\gamma = 0.9$. The
# target is $1 + 0.9 \cdot 3 = 3.7$, and the TD error is $3.7 - 0.2 = 3.5$. Half of it is added: $0.2 + 1.75 = 1.95$.

# %%
q_update = use("q_update", q_update)
small = np.array([[0.5, 0.2], [1.0, 3.0]])  # two states, two actions
new_value = q_update(small, 0, 1, 1.0, 1, False, 0.5, 0.9)
print(f"q_update returns {new_value:.3f}; by hand it is 1.950")

# %% [markdown]
# ## 4. One click, one update
#
# One click on **Step** is one update: the agent selects an action, executes it, and changes *one* number. The triangle
# that changed gets an orange frame, and the formula shows the numbers. The dot is the agent. Your browser computes all of
# it by the same formula; the last line says whether your `q_update` gives the same values. The slider *epsilon* is the share
# of moves that are random (section 5). After 100 steps without the goal an episode is truncated, and the agent begins again
# in the upper left.
#
# 1. Press **Step** a few times. Why does nothing change?
# 2. Press **100 updates** until something has turned blue. Which triangle must have been the first? (The formula shows a
#    later update by now: what must have stood in its brackets then?)
# 3. Press **Play**, set *speed* to 100, and watch the blue spread. Where does it come from, and where does it go?
# 4. **Reset the table**, set alpha to 1, and play again: how do the numbers differ? Then set gamma to 0.5: what becomes
#    of the exact values far from the goal?

# %%
stepper = grid_stepper(q_update, room, alpha=0.5, gamma=GAMMA, epsilon=0.5)
stepper

# %% [markdown]
# <details><summary>What you have seen</summary>
#
# 1. While all values are 0 and the reward is 0, the TD error is 0.
# 2. The first value to change is that of the move into the goal: $0 + 0.5\,[1 - 0] = 0.5$.
# 3. The blue spreads from the goal back to the start, by one square each time the agent passes. A square learns from the
#    next one, which must have learned something first.
# 4. With an alpha of 1 a value becomes its target in one step. The move into the goal is right at once. Any other value
#    becomes right at the first update after the best value of the next square is right; before that it is wrong. With
#    gamma = 0.5 a value halves with every step: of the goal's reward, less than 0.01 is left in the upper left (the table
#    rounds 0.008 to .01).
# </details>

# %% [markdown]
# ## 5. Select: epsilon-greedy
#
# Which action should the agent take while it learns? If it always takes the greedy one, it never finds out what the
# others are worth. If it always takes a random one, it never uses what it knows.
#
# The usual answer is **epsilon-greedy**. With probability $\varepsilon$ (epsilon) the agent **explores**: it takes any
# action, all of them equally likely. Otherwise it takes the greedy action.
#
# ### Your turn: `epsilon_greedy` (6 minutes, difficulty 1 of 3)
#
# `q_values` are the values of all actions in one state. Draw all random
# numbers from `rng`, a NumPy generator: `rng.random()` returns a number between 0 and 1, `rng.integers(n)` a whole number
# from 0 to n - 1.


# %%
def epsilon_greedy(q_values, epsilon, rng):
    """The number of an action, for the values [A] of all actions in a state."""
    ### BEGIN SOLUTION
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return int(q_values.argmax())
    ### END SOLUTION


check("epsilon_greedy", epsilon_greedy)

# %% [markdown]
# ## 6. The whole agent
#
# The five operations in one short function. Find all of them. This loop stays the same to the end of the course; only
# what stands behind each line will grow.

# %%
epsilon_greedy = use("epsilon_greedy", epsilon_greedy)


def learn(env, updates, alpha, gamma, epsilon, seed=0):
    """Q-learning on a table; yields (updates so far, table, error) every 50 updates."""
    q_star = env.optimal_q(gamma)
    rng = np.random.default_rng(seed)
    # initialise: next to 0. If all were equal, argmax would take the first, and the agent would
    # always go up into the wall: so they differ a little
    q = rng.uniform(0, 1e-6, q_star.shape)
    s, _ = env.reset(seed=seed)
    for update in range(updates + 1):
        if update % 50 == 0:
            yield update, q.copy(), np.abs(q - q_star)[~env.terminal].max()  # evaluate
        a = epsilon_greedy(q[s], epsilon, rng)  # select
        s_next, r, terminated, _, _ = env.step(a)  # execute
        q[s, a] = q_update(q, s, a, r, s_next, terminated, alpha, gamma)  # update
        s = env.reset()[0] if terminated else s_next


# %% [markdown]
# Run it, and watch the table. `await` lets the buttons work while the cell runs; Stop keeps what has been learned. (On
# Colab the buttons do not react while a cell runs: interrupt the cell instead.)

# %%
UPDATES = 6_000  # fast: 1_000
learning = learn(room, UPDATES, alpha=0.5, gamma=GAMMA, epsilon=0.5)
last = await watch_table(learning, room, exact, UPDATES)

# %% [markdown]
# Follow the arrows from the upper left: they lead to the goal by a shortest way. Off that way some triangles are still
# light, because the agent has hardly ever made those moves. The error is the *largest* distance from $Q^*$, so it counts
# them too.
#
# How does the error fall over time? We let the agent explore with half of its actions, and with all of them. One run may
# be luck, so there are several **seeds**: the same run with other random numbers.

# %%
SEEDS = range(5)  # fast: range(2)
curves = {}
for epsilon in (0.5, 1.0):
    runs = [list(learn(room, UPDATES, 0.5, GAMMA, epsilon, seed)) for seed in SEEDS]
    curves[f"Q-update, epsilon = {epsilon:g}"] = [[e for _, _, e in run] for run in runs]

# %% Draw the error over the updates, beside that of the mean rewards
error_curves(
    curves,
    x=[update for update, _, _ in runs[0]],
    references={"mean rewards (section 2)": error(mean_rewards, exact)},
    title="Learning to look ahead",
    what="does the error fall below that of the mean rewards, and with which epsilon does it go to 0?",
)

# %% [markdown]
# With the Q-update the error falls below that of the mean rewards. It goes to 0 where every move is tried often.
#
# ## 7. Alpha: the size of a step
#
# In this room nothing is left to chance: a target is exact as soon as the values that it is made of are. So a value may
# as well jump to its target, and the largest step size learns fastest. Let the floor be slippery: with a chance of 0.3
# (`slip`) a move goes in a random direction. Now the same move from the same square leads to different squares, and every
# target is a sample. ($Q^*$ is a different table now; it can still be computed.)
#
# To visit every square often, the agent acts at random here (epsilon = 1). It may do so: the maximum in the target asks
# what the *best* next action would be worth, whatever the agent does. To learn about one policy (here the greedy one)
# while following another is called **off-policy** learning.

# %% [markdown]
# **Predict.** [[question.alpha]]

# %% Your prediction
predict("q_update-alpha")

# %%
prediction("q_update-alpha")  # what you predicted is kept as it is, from here on
slippery = GridWorld(slip=0.3)
steps, seeds = 20_000, 5  # fast: 2_000, 2
alphas = [1.0, 0.1, 0.01]


def compare_alphas():
    """Run every alpha with every seed; yield what there is so far: alpha -> a list of runs."""
    found = {alpha: [] for alpha in alphas}
    for seed in range(seeds):
        for alpha in alphas:
            found[alpha].append([])
            for reached in learn(slippery, steps, alpha, GAMMA, 1.0, seed):
                found[alpha][-1].append(reached)
                yield found


found = await watch_alphas(compare_alphas(), total=len(alphas) * seeds * (steps // 50 + 1))

# %% [markdown]
# Does a wrong value make a bad policy? We follow each learned table greedily from the upper left, and compute exactly
# what that is worth.

# %%
complete = (found or {}).items()  # you may have stopped before the end
found = {alpha: [run for run in runs if run and run[-1][0] == steps] for alpha, runs in complete}
final_errors = {}
print(f"the best possible: {slippery.optimal_q(GAMMA)[0].max():.2f}")
for alpha, runs in found.items():
    if runs:
        final = [run[-1] for run in runs]
        worth = [slippery.policy_value(q.argmax(axis=1), GAMMA)[0] for _, q, _ in final]
        final_errors[alpha] = np.mean([e for _, _, e in final])
        print(f"alpha = {alpha:g}: worth {min(worth):.2f} to {max(worth):.2f}", end="")
        print(f", error {final_errors[alpha]:.2f}")

# %% Compare with your prediction
compare("q_update-alpha", final_errors if len(final_errors) == len(alphas) else None)

# %% [markdown]
# So alpha weighs new against old. A large alpha is quick, and noisy for ever. A small one comes nearer in the end, but
# slowly, and the smallest is still on its way here. Look at it once more: its values are far off, yet its policy is worth
# nearly as much as the best possible. A policy needs to know only which of the four values in a square is the largest. That can be
# settled long before the values are right.

# %% [markdown]
# ## 8. Epsilon: how much to explore
#
# Another room has two goals: a near one that pays 0.2, and a far one that pays 1. The walk to the far goal is worth it.

# %%
far_gamma = 0.95
two_goals = GridWorld(size=6, goals={(0, 2): 0.2, (5, 5): 1.0})
far_exact = two_goals.optimal_q(far_gamma)

# %% Draw the room with two goals
what = "What to look for: to which goal do the arrows lead from the upper left?"
q_table({"The exact Q*, gamma = 0.95": far_exact}, goals=two_goals.goals, caption=what)

# %% [markdown]
# **Predict.** [[question.epsilon]]

# %% Your prediction
predict("q_update-epsilon")

# %%
prediction("q_update-epsilon")
best_value = far_exact[0].max()
epsilons = [0.1, 0.5, 1.0]
outcome, table = {}, {}
for epsilon in epsilons:
    worth = []
    for seed in SEEDS:
        *_, (_, q, _) = learn(two_goals, MOVES, 0.3, far_gamma, epsilon, seed)  # q: the last table
        worth.append(two_goals.policy_value(q.argmax(axis=1), far_gamma)[0])
        table.setdefault(epsilon, q)  # that of the first seed
    outcome[epsilon] = worth
    found_it = sum(value > 0.9 * best_value for value in worth)
    print(f"epsilon = {epsilon:g}: {found_it} of {len(worth)} seeds go to the far goal, ", end="")
    print(f"greedy policy worth {np.median(worth):.2f} (best: {best_value:.2f})")

# %% Draw the tables of the first seed
what = "What to look for: to which goal do the arrows lead from the upper left, and in which squares are all values 0?"
tables = {"Learned with epsilon = 0.1": table[0.1], "Learned with epsilon = 1": table[1.0]}
q_table(tables, goals=two_goals.goals, caption=what)

# %% Compare with your prediction
solved = [epsilon for epsilon in epsilons if np.median(outcome[epsilon]) > 0.9 * best_value]
compare("q_update-epsilon", solved)

# %% [markdown]
# In the left table, the squares whose values are all 0 were rarely entered. Few walks, if any, reached the far goal: too few
# for its value to travel back, square by square, to the start. So in the upper left the greedy action still leads to the
# near goal, and the agent does not look further.
#
# Acting at random works here because Q-learning is off-policy, and because the room is small. In a large world random
# steps alone hardly ever lead far. So one begins with epsilon = 1, while nothing is known, and lowers it as the agent learns:
# what it knows takes it further, and it explores from there. That is a **schedule**, as notebook [[target_network]] uses it.

# %% [markdown]
# ## 9. Gamma: how far ahead
#
# Epsilon decides what an agent *finds*; gamma decides what it *wants*. In the same room, seen from the upper left, the
# near goal is 2 steps away and the far one 10.

# %% [markdown]
# **Predict.** [[question.gamma]]

# %% Your prediction
predict("q_update-gamma")

# %%
gammas = np.linspace(0.5, 0.99, 50)
near_only = GridWorld(size=6, goals={(0, 2): 0.2})
far_only = GridWorld(size=6, goals={(5, 5): 1.0})
near = np.array([near_only.optimal_q(gamma)[0].max() for gamma in gammas])
far = np.array([far_only.optimal_q(gamma)[0].max() for gamma in gammas])

# %% Draw what each goal is worth from the start
prediction("q_update-gamma")
error_curves(
    {"near goal: 0.2, two steps": near, "far goal: 1, ten steps": far},
    x=gammas,
    xlabel="gamma (discount factor)",
    ylabel="value in the upper left\n(discounted return)",
    title="What each goal is worth, from the start",
    what="left of the crossing the near goal is worth more, right of it the far one.",
)

# %% Compare with your prediction
compare("q_update-gamma", round(float(gammas[far > near][0]), 2))

# %% [markdown]
# The reward of the first step is not discounted, so a goal $n$ steps away is worth its reward times $\gamma^{n-1}$. The
# two are equal where $0.2\,\gamma = \gamma^9$, that is, where $\gamma^8 = 0.2$: at $\gamma \approx 0.82$.
#
# A rule of thumb: with $\gamma$ an agent looks about $1 / (1 - \gamma)$ steps ahead: 10 for 0.9, 100 for 0.99. Why not
# always 0.999, then? A value far from the goal is made by many bootstraps, each from a value that is not right yet. The
# larger gamma is, the longer an error lives. Notebook [[target_network]] comes back to that.

# %% [markdown]
# ## What we built
#
# | operation | in this notebook |
# | --- | --- |
# | **initialise** | a table of numbers next to 0 (random, below 0.000001) |
# | **select** | `epsilon_greedy(q[s], epsilon, rng)` |
# | **execute** | `env.step(a)` |
# | **update** | `q[s, a] = q_update(...)`: the formula |
# | **evaluate** | the error against $Q^*$; the exact worth of the greedy policy |
#
# Here the **learner**, the new part of the ring, was a formula, and what it learned was kept in a table with 25 rows. A
# table has a row for every state. How many would CartPole need, with its four real numbers? That is notebook
# [[q_network]].

# %% Draw the ring
ring("environment", "actor", "learner")

# %% [markdown]
# ### Quiz
#
# <details><summary>The agent bumps into a wall: s' equals s, and the reward is 0. Does the update change anything?</summary>
#
# Yes, as soon as some value of the square is above 0, and until the value of the bump is right. The target is
# $\gamma \max_{a'} Q(s, a')$: the best value of the same square, one step later. So the value of the
# bump becomes gamma times the best value of the square: one step lost, and no more. You can read it off the exact table
# in the upper left: .43 for the bumps, .48 for the good moves.
# </details>
#
# <details><summary>Why does the target use the maximum, although the agent sometimes explores?</summary>
#
# Because we want the values of the best policy, not of the one that explores. With the value of the action that the
# agent really takes next, it would learn what exploring is worth (that method is called SARSA). The maximum makes
# Q-learning off-policy.
# </details>
#
# <details><summary>Somebody forgets the case "terminated" and bootstraps from the goal's own row. In this room, with a
# table of zeros, nothing goes wrong. Why, and when would it?</summary>
#
# The goal's row is never updated, so it stays 0, and adding gamma times 0 does no harm. Begin with a table of ones, or
# put a network in its place that gives every state some value, and the last step is worth too much. The error then
# travels back like a reward.
# </details>

# %% [markdown]
# ### Further reading
#
# - Watkins (1989), *Learning from Delayed Rewards*: the thesis in which Q-learning was invented. Watkins and Dayan (1992)
#   prove that it finds $Q^*$ if every pair of state and action is visited again and again, and if alpha decreases towards
#   0, not too fast.
# - Sutton and Barto (2018), *Reinforcement Learning: An Introduction*, sections 3.5, 3.6, 6.1 and 6.5.
# - Bellman (1957), *Dynamic Programming*: value iteration, and the equation that $Q^*$ solves.

# %% Your progress
progress()

# %% Download your progress
download_progress()

# %% Hand in your work, where a class asks for it
from dqnkit.classroom import hand_in

hand_in("q_update")
